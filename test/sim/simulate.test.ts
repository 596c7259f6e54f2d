/**
 * Sixty seeds of whole clusters under faults, five of them twice: nothing is lost, and all
 * replay.
 */
import t from 'tap'
import { runJobs } from '../../src/cli/simulate/seed-process.ts'
import { replayCommand, Tally } from '../../src/sim/seed/report.ts'
import type { SimulateResult } from '../../src/sim/seed/simulate.ts'

const SEEDS = 60
const REPEATED = 5
const WORKERS = 2

// As long as all the tests may take: how fast a machine is, is not judged here.
t.setTimeout(1_800_000)

async function runAll(seeds: readonly number[], tally: Tally): Promise<readonly SimulateResult[]> {
  const results: SimulateResult[] = []
  const jobs = seeds.map((seed) => ({ seed }))
  await runJobs(jobs, WORKERS, ({ result, cpuMs }) => {
    results.push(result)
    tally.add(result, cpuMs)
  })
  return results
}

t.test('sixty seeds lose nothing, answer everything and leave equal replicas', async (t) => {
  const seeds = Array.from({ length: SEEDS }, (_, i) => i + 1)
  const tally = new Tally()
  const results = await runAll(seeds, tally)
  t.equal(results.length, SEEDS)
  for (const { seed, violations } of results) {
    if (violations.length > 0) t.fail(`${violations[0]}\n${replayCommand(seed)}`)
  }
  t.ok(tally.least.acknowledged >= 1_000, 'a thousand acknowledged writes each')
  t.ok(tally.least.faults >= 10, 'ten faults that took effect each')
  t.ok(tally.least.crashesInWrites >= 1, 'a crash during a write each')
  t.same(tally.missing, [], 'every kind of fault took effect somewhere')

  const digests = new Map(results.map(({ seed, digest }) => [seed, digest]))
  t.equal(new Set(digests.values()).size, SEEDS, 'no two seeds do the same')
  for (const { seed, digest } of await runAll(seeds.slice(0, REPEATED), new Tally())) {
    t.equal(digest, digests.get(seed), `seed ${seed} does the same in another process`)
  }
})
