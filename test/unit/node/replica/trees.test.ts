/** Trees are those of the copies, whatever happens while they are built. */
import * as fc from 'fast-check'
import t from 'tap'
import { u64 } from '../../../../src/base/u64.ts'
import { type CopyId, keyName, type NodeId, OWN, Policy } from '../../../../src/dynamo/names.ts'
import { firstTokenOfLeaf, leafOf } from '../../../../src/dynamo/repair/branches.ts'
import { FoundDigests } from '../../../../src/node/replica/found-digests.ts'
import { Trees } from '../../../../src/node/replica/trees.ts'
import type { Digest } from '../../../../src/native/digest.ts'
import type { DigestPage, Engine, ScanQuery } from '../../../../src/store/engine.ts'
import { copyOf, FIRST_TOKEN, LAST_TOKEN } from '../../../../src/store/conformance/subject.ts'
import { MemoryEngine } from '../../../../src/store/memory/memory.ts'

const KEY = new Uint8Array(16).fill(7)
const NO_BYTES = new Uint8Array(0)
const KEYS = 12
/** More than any work here takes. */
const TURNS = 100

/** Gives small pages, each when it is told to, as it was before or after that. */
class SlowEngine extends MemoryEngine {
  readonly #waiting: (() => void)[] = []

  override async digests(query: ScanQuery): Promise<DigestPage> {
    const early = super.digests({ ...query, keysMax: 2 })
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
    return early
  }

  async release(): Promise<void> {
    this.#waiting.shift()?.()
    for (let turn = 0; turn < 8; turn++) await Promise.resolve()
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0
  }
}

function copyAt(index: number): CopyId {
  const bucketId = {
    creation: copyOf(keyName('b', 'k')).bucketId.creation,
    policy: Policy.siblings,
  }
  return { ...copyOf(keyName('b', `k${index}`)), bucketId: { ...bucketId, n: 1 + (index % 2) } }
}

/** Writes digest `value` at a copy, or erases it where that is 0; tells the trees. */
function write(engine: Engine, trees: Trees | undefined, index: number, value: number): void {
  const copy = copyAt(index)
  const before = engine.digest(copy) as Digest | undefined
  const digest = u64<Digest>(0, value)
  const object = { kind: 'object', note: NO_BYTES, object: NO_BYTES } as const
  const entry = { ...copy, ...object, prefixBytes: 0, digestStart: 0, digest }
  engine.append([value === 0 ? { ...copy, kind: 'erasure' } : entry])
  trees?.onReplaced(copy, before, value === 0 ? undefined : digest)
}

const sumsOf = (trees: Trees): unknown => [1, 2].map((n) => trees.sum(n, 0, 0))

/** The sums of a tree that is built of what the engine has. */
async function freshSums(engine: MemoryEngine): Promise<unknown> {
  const digests = (query: ScanQuery): Promise<DigestPage> =>
    MemoryEngine.prototype.digests.call(engine, query)
  const fresh = new Trees(Object.assign(Object.create(engine) as Engine, { digests }), KEY)
  await fresh.build()
  return sumsOf(fresh)
}

const step = fc.oneof(
  fc.record({ index: fc.nat(KEYS - 1), value: fc.nat(3) }),
  fc.constant('page' as const),
)

t.test('writes while a tree is built are in it once', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ index: fc.nat(KEYS - 1), value: fc.nat(3) })),
      fc.array(step, { maxLength: 40 }),
      async (first, steps) => {
        const engine = new SlowEngine()
        for (const { index, value } of first) write(engine, undefined, index, value)
        const trees = new Trees(engine, KEY)
        const built = trees.build()
        for (const one of steps) {
          if (one === 'page') await engine.release()
          else write(engine, trees, one.index, one.value)
        }
        for (let turn = 0; turn < TURNS && !trees.isBuilt; turn++) await engine.release()
        t.ok(trees.isBuilt)
        await built
        t.strictSame(sumsOf(trees), await freshSums(engine))
      },
    ),
  )
})

t.test('a leaf that is in doubt is read again', async (t) => {
  const engine = new SlowEngine()
  const trees = new Trees(engine, KEY)
  const built = trees.build()
  for (let turn = 0; turn < TURNS && !trees.isBuilt; turn++) await engine.release()
  await built
  for (let index = 0; index < KEYS; index++) write(engine, trees, index, 1)
  // The tree is not told of these.
  write(engine, undefined, 3, 2)
  write(engine, undefined, 4, 0)
  t.notSame(sumsOf(trees), await freshSums(engine))
  trees.onMended(copyAt(3), u64(0, 2))
  trees.correct(leafOf(copyAt(4).token))
  trees.correct(leafOf(copyAt(4).token))
  await engine.release()
  // This one comes while the leaf is being read.
  write(engine, trees, 3, 3)
  for (let turn = 0; turn < TURNS && trees.corrections < 2; turn++) await engine.release()
  t.equal(trees.corrections, 2)
  t.strictSame(sumsOf(trees), await freshSums(engine))
  t.notOk(engine.isWaiting, 'each leaf is read once')
})

t.test('sums that an engine told of need no reading, but for leaves in doubt', async (t) => {
  const engine = new SlowEngine()
  const found = new FoundDigests(KEY)
  for (let index = 0; index < KEYS; index++) {
    write(engine, undefined, index, 1)
    found.add(1 + (index % 2), copyAt(index).token, u64(0, 5))
    found.remove(1 + (index % 2), copyAt(index).token, u64(0, 5))
    found.add(1 + (index % 2), copyAt(index).token, u64(0, index === 3 ? 9 : 1))
  }
  found.doubt(copyAt(3).token)
  const trees = new Trees(engine, KEY, found)
  t.notOk(trees.isBuilt, 'its sum may be that of an owner which lacks something')
  // Before anything is read, and of a leaf that was not in doubt.
  write(engine, undefined, 5, 2)
  trees.onMended(copyAt(5), u64(0, 2))
  await Promise.resolve()
  const built = trees.build()
  await engine.release()
  write(engine, trees, 3, 3)
  write(engine, trees, 4, 2)
  for (let turn = 0; turn < TURNS && !trees.isBuilt; turn++) await engine.release()
  await built
  t.strictSame(sumsOf(trees), await freshSums(engine))
  t.notOk(engine.isWaiting, 'nothing else is read')
  t.ok(new Trees(engine, KEY, new FoundDigests(KEY)).isBuilt, 'none was in doubt')
})

t.test('where very much is in doubt all is read', async (t) => {
  const engine = new MemoryEngine()
  write(engine, undefined, 1, 1)
  const found = new FoundDigests(KEY)
  for (let leaf = 0; leaf <= 4096; leaf++) found.doubt(firstTokenOfLeaf(leaf))
  const trees = new Trees(engine, KEY, found)
  t.notOk(trees.isBuilt)
  await trees.build()
  t.strictSame(sumsOf(trees), await freshSums(engine))
})

t.test('copies that are dropped while they are being read are in no sum', async (t) => {
  for (const clear of ['all', 'below a branch'] as const) {
    const engine = new SlowEngine()
    const trees = new Trees(engine, KEY, new FoundDigests(KEY))
    await trees.build()
    for (let index = 0; index < KEYS; index++) write(engine, trees, index, 1)
    trees.correct(leafOf(copyAt(3).token))
    for (let turn = 0; turn < 8; turn++) await Promise.resolve()
    engine.append([{ kind: 'drop', place: OWN, from: FIRST_TOKEN, to: LAST_TOKEN }])
    if (clear === 'all') trees.clear()
    else trees.clearBranch(0, 0)
    for (let turn = 0; turn < TURNS && trees.corrections < 1; turn++) await engine.release()
    t.strictSame(sumsOf(trees), [u64(0, 0), u64(0, 0)], clear)
  }
  const engine = new SlowEngine()
  for (let index = 0; index < KEYS; index++) write(engine, undefined, index, 1)
  const trees = new Trees(engine, KEY)
  const built = trees.build()
  for (let turn = 0; turn < 8; turn++) await Promise.resolve()
  engine.append([{ kind: 'drop', place: OWN, from: FIRST_TOKEN, to: LAST_TOKEN }])
  trees.clear()
  for (let turn = 0; turn < TURNS && !trees.isBuilt; turn++) await engine.release()
  await built
  t.strictSame(sumsOf(trees), [u64(0, 0), u64(0, 0)], 'while all is read')
})

t.test('hints are in no tree', async (t) => {
  const engine = new MemoryEngine()
  const trees = new Trees(engine, KEY)
  await trees.build()
  const copy = { ...copyAt(1), place: 'aaaaaaaaaaaaaaaa' as NodeId }
  trees.onReplaced(copy, undefined, u64(0, 1))
  trees.onMended(copy, u64(0, 1))
  t.strictSame(sumsOf(trees), [u64(0, 0), u64(0, 0)])
})
