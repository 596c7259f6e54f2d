/** The digests that a log tells as it opens are those of its own copies, whatever has happened. */
import t from 'tap'
import { keyName, type NodeId, OWN } from '../../../../src/dynamo/names.ts'
import {
  BUCKET_ID,
  erasure,
  FIRST_TOKEN,
  LAST_TOKEN,
  put,
} from '../../../../src/store/conformance/subject.ts'
import type { Engine, Entry } from '../../../../src/store/engine.ts'
import { isOperatingError } from '../../../../src/base/errors.ts'
import { u64 } from '../../../../src/base/u64.ts'
import { keep, Lab } from '../lab.ts'
import { ToldDigests } from '../told-digests.ts'

const SEEDS = Number(process.env['EVERWRITE_SEEDS'] ?? 80)
const ROUNDS = 4
const KEYS = 10
const MEMBER = 'aaaaaaaaaaaaaaaa' as NodeId

/** Of few keys, so that most have several records; in two buckets, as copies and as hints. */
function entryOf({ prng }: Lab, step: number): Entry {
  const bucketId = { ...BUCKET_ID, n: prng.pick([2, 3]) }
  const other = { bucketId, place: prng.chance(0.8) ? OWN : MEMBER }
  const name = keyName(`b${bucketId.n}`, `k${prng.below(KEYS)}`)
  if (prng.chance(0.2)) return erasure(name, other)
  if (prng.chance(0.03)) {
    const [from, to] = prng.chance(0.5)
      ? [FIRST_TOKEN, u64(0x7fff_ffff, 0xffff_ffff)]
      : [u64(0x8000_0000, 0), LAST_TOKEN]
    return { kind: 'drop', place: other.place, from, to } as Entry
  }
  return put(name, `${step}`.padEnd(prng.below(60), '.'), '', other)
}

async function append(lab: Lab, engine: Engine, steps: number): Promise<number> {
  let sequence = 0
  for (let step = 0; step < steps; step++) {
    const entries = Array.from({ length: lab.prng.pick([1, 1, 1, 3]) }, () => entryOf(lab, step))
    sequence = engine.append(entries)
    if (lab.prng.chance(0.5)) await engine.synced(sequence)
  }
  return sequence
}

/** Some bytes of a segment are others, so that two records of one key may have rotted. */
async function spoil(lab: Lab): Promise<void> {
  const name = lab.prng.pick(await lab.segments())
  const bytes = await lab.read(name)
  for (let left = lab.prng.between(1, 8); left > 0; left--) {
    const at = lab.prng.below(bytes.length)
    bytes[at] = (bytes[at] as number) ^ 0x40
  }
  await lab.write(name, bytes)
}

t.test('a log tells what it has: after crashes, and beside rot', async (t) => {
  let doubted = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const lab = new Lab(seed, { residentChance: 0.5 })
    const run = async (): Promise<void> => {
      for (let round = 0; round < ROUNDS; round++) {
        const told = new ToldDigests()
        const { engine } = await lab.open({ ownDigests: told, segmentBytes: 2_000 })
        const wrong = await told.wrong(engine)
        if (wrong.length > 0) t.fail(`seed ${seed} round ${round}: ${wrong.join('; ')}`)
        doubted += told.doubted
        await append(lab, engine, lab.prng.between(5, 40))
        if (lab.prng.chance(0.3)) await engine.close()
        else lab.crash()
        if (seed % 2 === 0 && lab.prng.chance(0.5)) await spoil(lab)
      }
    }
    // A segment's header may have rotted.
    await lab.done(
      run().catch((error: unknown) => {
        if (!isOperatingError(error) || error.code !== 'data-rotten') throw error
      }),
    )
  }
  t.ok(doubted > 0, 'some are in doubt')
})

t.test('a key of which two records have rotted is in doubt', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      const { engine } = await lab.open({ segmentBytes: 4_096 })
      for (const text of ['first'.repeat(9), 'other'.repeat(9)]) await keep(engine, 'k', text)
      for (const key of ['a', 'b', 'c']) await keep(engine, key, 'sound')
      lab.crash()
      const [name] = await lab.segments()
      const bytes = await lab.read(name as string)
      for (const text of ['first', 'other']) bytes[Buffer.from(bytes).indexOf(text) + 7] = 0
      await lab.write(name as string, bytes)
      const told = new ToldDigests()
      const again = await lab.open({ ownDigests: told, segmentBytes: 4_096 })
      t.equal(again.recovery.rotten, 2)
      t.same(await told.wrong(again.engine), [])
    })(),
  )
})

t.test('a log whose records were all durable when it was closed has none in doubt', async (t) => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const lab = new Lab(seed)
    // The last segment has room for the mark that vouches for its end.
    const segmentBytes = 65_536
    await lab.done(
      (async () => {
        const { engine } = await lab.open({ segmentBytes })
        await engine.synced(await append(lab, engine, 30))
        await engine.close()
        const told = new ToldDigests()
        const again = await lab.open({ ownDigests: told, segmentBytes })
        t.same([told.doubted, await told.wrong(again.engine)], [0, []], `seed ${seed}`)
        await again.engine.close()
      })(),
    )
  }
})
