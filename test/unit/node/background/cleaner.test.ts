/** The cleaner looks at all leaves in turn, beside what has rotted or cannot be read. */
import t from 'tap'
import { OperatingError } from '../../../../src/base/errors.ts'
import { u64 } from '../../../../src/base/u64.ts'
import { type CopyId, keyName } from '../../../../src/dynamo/names.ts'
import { type Branch, firstTokenOfLeaf, leafOf } from '../../../../src/dynamo/repair/branches.ts'
import { encodeObject, outlineOf } from '../../../../src/dynamo/version/object-bytes.ts'
import type { Token } from '../../../../src/native/digest.ts'
import { Cleaner, type CleanerDependencies } from '../../../../src/node/background/cleaner.ts'
import { Counters } from '../../../../src/node/counters.ts'
import { LeafSet } from '../../../../src/node/replica/leaf-set.ts'
import type { ScanQuery } from '../../../../src/store/engine.ts'
import { SimWorld } from '../../../../src/sim/world.ts'
import { copyOf } from '../../../../src/store/conformance/subject.ts'
import { dot, object, range, sibling } from '../../dynamo/version/samples.ts'

const CLEAN_MS = 1_000
/** More than one look visits. */
const MANY = 5_000
const DELETED = object([range(1, 1, 1)], { ...sibling('a', dot(1, 1)), value: undefined })
const OUTLINE = outlineOf(encodeObject(DELETED) as Uint8Array) as Uint8Array

interface Bench {
  /** Leaves whose key was deleted here. */
  readonly leaves: readonly Branch[]
  /** Reads of a leaf that fail, by their first token. */
  readonly failures?: ReadonlyMap<Branch, 'record-rotten' | 'disk-failed'>
  /** Leaves whose keys may not go yet. */
  readonly kept?: ReadonlySet<Branch>
  /** While a leaf is read, a key below it is deleted. */
  readonly deletedMeanwhile?: Branch
}

/** Leaves whose key went, in order, and the leaves that are to be looked at again. */
async function clean({ leaves, failures, kept, deletedMeanwhile }: Bench, looks: number) {
  const sim = new SimWorld({ seed: 1 })
  const { clock, trace } = sim.start(1)
  const [deleted, gone] = [new LeafSet(), [] as Branch[]]
  for (const leaf of leaves) deleted.add(leaf)
  const prefixes = async ({ from }: ScanQuery) => {
    const leaf = leafOf(from)
    if (leaf === deletedMeanwhile) deleted.add(leaf)
    const isFirst = from.lo === 0
    const code = isFirst ? failures?.get(leaf) : undefined
    if (code !== undefined) throw new OperatingError(code, 'it cannot be read')
    const token: Token = u64(firstTokenOfLeaf(leaf).hi, Math.max(1, from.lo))
    const copy = copyOf(keyName('b', `${leaf}`), { token })
    const entry = { ...copy, object: OUTLINE, note: new Uint8Array(0), digest: u64(0, 0) }
    return { entries: [entry], next: undefined }
  }
  const replica = {
    writer: { deleted, crowded: new LeafSet() },
    isKept: () => false,
    change: async (copy: CopyId, change: (now: unknown) => unknown) => {
      if (kept?.has(leafOf(copy.token)) === true) return undefined
      if (change(DELETED) === undefined) gone.push(leafOf(copy.token))
      return 1
    },
  }
  const floor = new Map([[(DELETED.siblings[0]?.dots[0] ?? dot(1, 1)).start, 1]])
  const node = {
    ...{ clock, trace, replica, engine: { prefixes }, counters: new Counters() },
    floors: { adopted: { number: 1, floor } },
    standing: { isWhole: true },
    removal: { ask: async () => undefined },
    pacing: { work: () => ({ rest: async () => undefined }) },
    cleanMs: CLEAN_MS,
  }
  const cleaner = new Cleaner(node as unknown as CleanerDependencies)
  cleaner.begin()
  await sim.run(looks * CLEAN_MS + CLEAN_MS / 2)
  cleaner.stop()
  return { gone, left: deleted.size }
}

t.test('leaves whose keys must wait do not keep it from those behind', async (t) => {
  const leaves = Array.from({ length: MANY }, (_, leaf) => leaf)
  const kept = new Set(leaves.slice(0, MANY - 1))
  const { gone } = await clean({ leaves, kept }, 2)
  t.strictSame(gone, [MANY - 1])
})

t.test('a copy that has rotted is passed over, and a leaf that cannot be read too', async (t) => {
  const failures = new Map([[1, 'record-rotten'] as const, [2, 'disk-failed'] as const])
  const { gone, left } = await clean({ leaves: [1, 2, 3], failures }, 1)
  t.strictSame(gone, [1, 3])
  t.equal(left, 1, 'what cannot be read is looked at again')
})

t.test('a key that is deleted while its leaf is read is found the next time', async (t) => {
  const { gone, left } = await clean({ leaves: [7], deletedMeanwhile: 7 }, 1)
  t.strictSame(gone, [7])
  t.equal(left, 1)
})
