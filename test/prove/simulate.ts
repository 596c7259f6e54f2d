/**
 * Shows that whole clusters under faults keep their promise, seed after seed.
 *
 * `--seeds N` how many (3,000), `--from S` the first (1), `--workers N` processes (2). What counts
 * as enough in a seed, and how fast it must go, are bars as well: a simulator that does little, or
 * not the worst, shows nothing.
 */
import { parseArgs } from 'node:util'
import { runJobs } from '../../src/cli/simulate/seed-process.ts'
import type { Job } from '../../src/cli/simulate/worker.ts'
import { replayCommand, Tally } from '../../src/sim/seed/report.ts'
import { idle } from './idle-cluster.ts'
import type { Proof, Verdict } from './proof.ts'

/** Of each seed. */
const ACKNOWLEDGED_MIN = 1_000
const FAULTS_MIN = 10
const CRASHES_IN_WRITES_MIN = 1
/** Of the seeds: those in which two owners of a key were away at once. */
const TWO_AWAY_SHARE_MIN = 1 / 3
/** Of all writes. */
const DELETES_SHARE_MIN = 1 / 5
/** Of all together. */
const DELIVERIES_MIN = 20_000
const PACE_MIN = 300
/** From so many seeds on every kind of fault must have taken effect. */
const ALL_KINDS_SEEDS = 200
/** An idle afternoon. */
const PACE_MS = 600_000
const OPERATIONS_PER_SECOND = 10
const TOLD_EVERY = 100

export const proof: Proof = {
  name: 'simulate',
  shows: 'simulated clusters under faults lose nothing, answer everything, and are fast',
  usage: '[--seeds N] [--from S] [--workers N]',
  run,
}

async function run(args: readonly string[]): Promise<Verdict> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '3000' },
      from: { type: 'string', default: '1' },
      workers: { type: 'string', default: '2' },
    },
  })
  const tally = new Tally()
  const started = performance.now()
  const jobs = jobsFrom(Number(values.from), Number(values.seeds))
  await runJobs(jobs, Number(values.workers), ({ result, cpuMs }) => {
    tally.add(result, cpuMs)
    const [first] = result.violations
    if (first !== undefined) {
      console.log(`seed ${result.seed} failed: ${first}\n  ${replayCommand(result.seed)}`)
    }
    if (tally.seeds % TOLD_EVERY === 0) {
      console.log(`${tally.seeds} of ${values.seeds} seeds, ${tally.failed} failed`)
    }
  })
  for (const line of tally.lines(performance.now() - started)) console.log(line)
  return judge(tally, await pace())
}

function* jobsFrom(first: number, count: number): Generator<Job> {
  for (let seed = first; seed < first + count; seed++) yield { seed }
}

/**
 * Seconds that a cluster lives through in one of a core, at ten operations in each. An afternoon
 * that is not measured comes first, in which Node.js compiles the code.
 */
async function pace(): Promise<number> {
  await idle(1, PACE_MS)
  const before = process.cpuUsage()
  const { operations } = await idle(2, PACE_MS)
  const { user, system } = process.cpuUsage(before)
  const perSecond = operations / (PACE_MS / 1000)
  console.log(`pace      measured at ${perSecond.toFixed(1)} operations a simulated second`)
  return Math.floor((PACE_MS / ((user + system) / 1000)) * (perSecond / OPERATIONS_PER_SECOND))
}

function judge(tally: Tally, paced: number): Verdict {
  const { seeds, failed, least, missing, deliveriesPerCoreSecond } = tally
  const deletes = ((100 * tally.deletes) / tally.writes).toFixed(1)
  const twoAwayMin = Math.ceil(seeds * TWO_AWAY_SHARE_MIN)
  const mustHaveAll = seeds >= ALL_KINDS_SEEDS
  if (missing.length > 0) console.log(`never took effect: ${missing.join(', ')}`)
  const isMet =
    seeds > 0 &&
    failed === 0 &&
    least.acknowledged >= ACKNOWLEDGED_MIN &&
    least.faults >= FAULTS_MIN &&
    least.crashesInWrites >= CRASHES_IN_WRITES_MIN &&
    (missing.length === 0 || !mustHaveAll) &&
    tally.hadTwoAway >= twoAwayMin &&
    tally.deletes >= DELETES_SHARE_MIN * tally.writes &&
    deliveriesPerCoreSecond >= DELIVERIES_MIN &&
    paced >= PACE_MIN
  return {
    isMet,
    figure:
      `${seeds} seeds, ${failed} failed (bar 0); per seed at least ${least.acknowledged} ` +
      `acknowledged writes (bar ${ACKNOWLEDGED_MIN}), ${least.faults} faults ` +
      `(bar ${FAULTS_MIN}), ` +
      `${least.crashesInWrites} crashes during a write (bar ${CRASHES_IN_WRITES_MIN}); ` +
      `two owners of a key away at once in ${tally.hadTwoAway} (bar ${twoAwayMin}), ` +
      `${tally.hintsDelivered} hints delivered; ` +
      `${deletes} % of writes were deletes (bar ${100 * DELETES_SHARE_MIN}), ` +
      `${tally.reaped} went for good; ` +
      `${missing.length} kinds of fault never took effect ` +
      `(${mustHaveAll ? 'bar 0' : `a bar from ${ALL_KINDS_SEEDS} seeds on`}); ` +
      `${deliveriesPerCoreSecond} deliveries per core-second (bar ${DELIVERIES_MIN}); ` +
      `simulated time to that of a core ${paced} to 1, at ten operations a second ` +
      `(bar ${PACE_MIN})`,
  }
}
