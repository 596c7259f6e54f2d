/**
 * Simulated clusters under all faults, whose operators commit one table after another: members give
 * all their places away and get some back, shares and zones change, partitions are split, tables
 * are taken back, members leave, are replaced, join, and are removed, or named as dead, while they
 * live. Each seed is judged as any is; the owners of each partition are N, on N machines, in every
 * table and between (`checkers/owners.ts`). In the end there is one ring, and no member has copies
 * of what it does not own.
 */
import { availableParallelism } from 'node:os'
import { runJobs } from '../../../src/cli/simulate/seed-process.ts'
import type { Job } from '../../../src/cli/simulate/worker.ts'
import { NO_RING_CHANGES, type RingChangeCounts } from '../../../src/sim/cluster/ring-changes.ts'
import { drawScenario } from '../../../src/sim/scenario.ts'
import type { Verdict } from '../proof.ts'

const NODES_MIN = 4
/** A seed is shorter than one of `simulate`, so that there are more of them. */
const SHORT = { rounds: 1, acknowledged: 300 } as const
/** Between two tables, on average. */
const CHANGE_MS = [300, 1_000, 3_000] as const
/** Of all seeds: those in which places moved. */
const MOVED_SHARE_MIN = 0.9
const TOLD_EVERY = 50
const NAMES = Object.keys(NO_RING_CHANGES) as (keyof RingChangeCounts)[]

export async function simulated(seeds: number): Promise<Verdict> {
  let [done, failed, withMoves, joined] = [0, 0, 0, 0]
  const sums = { ...NO_RING_CHANGES }
  await runJobs(jobs(seeds), availableParallelism(), ({ result }) => {
    done += 1
    for (const name of NAMES) sums[name] += result[name]
    joined += result.joined
    if (result.moved > 0) withMoves += 1
    const [first] = result.violations
    if (first !== undefined) {
      failed += 1
      console.log(`seed ${result.seed}, tables every ${result.scenario.changeMs} ms: ${first}`)
    }
    if (done % TOLD_EVERY === 0) console.log(`${done} of ${seeds} seeds, ${failed} failed`)
  })
  const enough = Math.ceil(MOVED_SHARE_MIN * seeds)
  const least: Readonly<Partial<RingChangeCounts>> = {
    removed: seeds / 10,
    namedDead: seeds / 20,
    replaced: seeds / 50,
    takenBack: seeds / 10,
    zones: seeds,
  }
  const isEnough = NAMES.every((name) => sums[name] >= (least[name] ?? 0))
  const isVaried = withMoves >= enough && joined >= seeds / 2 && isEnough
  const told = (name: keyof RingChangeCounts): string => `${sums[name]} (bar ${least[name]})`
  return {
    isMet: done === seeds && failed === 0 && isVaried,
    figure:
      `${done} seeds, ${failed} failed (bar 0); ${sums.tables} tables committed, ` +
      `${told('takenBack')} taken back, ` +
      `${sums.moved} places moved, in ${withMoves} of the seeds (bar ${enough}); ` +
      `${told('zones')} zones changed; ${joined} members joined (bar ${seeds / 2}), ` +
      `${told('replaced')} were replaced, ${told('removed')} removed while they lived, and ` +
      `${told('namedDead')} named as dead`,
  }
}

function* jobs(count: number): Generator<Job> {
  for (let seed = 1; seed <= count; seed++) {
    const drawn = drawScenario(seed)
    const nodes = Math.max(drawn.nodes, NODES_MIN)
    const machines = drawn.nodes < NODES_MIN ? nodes : drawn.machines
    const changeMs = CHANGE_MS[seed % CHANGE_MS.length] as number
    yield { seed, scenario: { ...drawn, ...SHORT, nodes, machines, changeMs } }
  }
}
