/**
 * No stale memory leaves the process: with all memory poisoned before each use, no frame, record or
 * file of a cluster under faults has poison in it.
 */
import t, { type Test } from 'tap'
import { drawScenario, type Scenario } from '../../src/sim/scenario.ts'
import { simulate } from '../../src/sim/seed/simulate.ts'
import { around, type Outputs, poison } from '../support/poison.ts'
import { EXAMPLES } from '../support/wire-examples.ts'

/** Two that differ in every bit; no value of the workload has them. */
const POISONS = [0xdb, 0x24] as const

const PLACES = ['allocUnsafe', 'allocUnsafeSlow', 'spares', 'reads'] as const

/** Values of all lengths: in a slab, in a block of frames, a frame by itself, and in chunks. */
const longValues = (seed: number): Scenario => ({
  ...drawScenario(seed),
  valueBytesMax: 600_000,
  acknowledged: 100,
  faultsMin: 5,
})

const RUNS: readonly { readonly seed: number; readonly scenario: Scenario }[] = [
  { seed: 1, scenario: drawScenario(1) },
  { seed: 2, scenario: drawScenario(2) },
  { seed: 3, scenario: longValues(3) },
]

// As long as all the tests may take: how fast a machine is, is not judged here.
t.setTimeout(1_800_000)

t.test('no poison is in a frame or a file, and none changes what is done', async (t) => {
  const filled = new Map<string, number>()
  for (const run of RUNS) {
    const { seed } = run
    const digests: string[] = []
    const act = async (): Promise<void> => {
      const { violations, digest } = await simulate(run)
      t.same(violations.slice(0, 3), [], `seed ${seed}: nothing is wrong`)
      digests.push(digest)
    }
    const first = await poison(POISONS[0], act)
    const second = await poison(POISONS[1], act)
    t.same([...first.found, ...second.found], [], `seed ${seed}: no run of poison`)
    t.equal(digests[0], digests[1], `seed ${seed}: poison changes nothing that is done`)
    await sameOutputs(t, run, first, second)
    for (const [outlet, count] of Object.entries(first.outlets)) {
      t.ok(count > 1_000, `seed ${seed}: ${count} times bytes were ${outlet}`)
    }
    for (const [place, count] of first.filled) filled.set(place, (filled.get(place) ?? 0) + count)
  }
  for (const place of PLACES) t.ok(filled.has(place), `poison was filled in: ${place}`)
  for (const name of ['Hello', 'Proof', 'Goodbye', 'PeerWrite', 'PeerReadReply', 'PutReply']) {
    t.ok(filled.has(`encode ${name}`), `${name} was encoded over poison`)
  }
})

t.test('no message is encoded with poison in it', async (t) => {
  for (const { title, encode } of EXAMPLES) {
    const bodies: string[] = []
    for (const byte of POISONS) {
      await poison(byte, async () => {
        const { bytes, length } = encode()
        bodies.push(Buffer.from(bytes.subarray(0, length)).toString('hex'))
      })
    }
    t.equal(bodies[0], bodies[1], title)
  }
})

/** Outputs under two poisons are equal, so that not one byte of them is poison. */
async function sameOutputs(
  t: Test,
  run: (typeof RUNS)[number],
  first: Outputs,
  second: Outputs,
): Promise<void> {
  const index = first.checksums.findIndex((checksum, i) => checksum !== second.checksums[i])
  if (index < 0) {
    t.equal(first.checksums.length, second.checksums.length, 'as many outputs')
    return
  }
  const one = (await poison(POISONS[0], () => simulate(run), index)).kept
  const other = (await poison(POISONS[1], () => simulate(run), index)).kept
  const at = one?.findIndex((byte, i) => byte !== other?.[i]) ?? -1
  t.fail(
    `seed ${run.seed}: output ${index} has poison at ${at} of ${one?.length} bytes: ` +
      `${around(one ?? new Uint8Array(), at)} / ${around(other ?? new Uint8Array(), at)}`,
  )
}
