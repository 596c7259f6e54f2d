/**
 * Run the seeds or the scenario that `everwrite simulate` was asked for.
 *
 * One seed is reported in full. Of many, those that fail are reported, the first one in full. Each
 * runs in a child process, because a false assertion in a node ends its process: that is a result
 * of the simulation, not the end of the command.
 */
import { availableParallelism } from 'node:os'
import { requireAddon } from '../../native/availability.ts'
import { Tally } from '../../sim/seed/report.ts'
import type { Scenario } from '../../sim/scenario.ts'
import { shrink, type Shrunk } from '../../sim/seed/shrink.ts'
import type { SimulateOptions, SimulateResult } from '../../sim/seed/simulate.ts'
import { EXIT, misuse } from '../outcome.ts'
import { exitOnInterruption } from '../interruption.ts'
import { progressOf } from '../progress.ts'
import { countOf } from '../cluster-options.ts'
import { readScenario } from './scenario-file.ts'
import { Output } from './output.ts'
import { runJobs, SeedProcess } from './seed-process.ts'
import type { Job } from './worker.ts'

/** The options as they were typed. */
export interface SimulateCommand {
  readonly seeds?: string
  readonly from?: string
  readonly workers?: string
  readonly seed?: string
  readonly scenario?: string
  readonly shrink?: true
  readonly events: string
  readonly json?: true
}

const SEED_MAX = Number.MAX_SAFE_INTEGER
const SEEDS_MAX = 100_000_000
const WORKERS_MAX = 64
/** As many as a simulated world keeps. */
const EVENTS_MAX = 200
const SHRINK_RUNS_MAX = 80

/** The options, checked. */
interface Plan {
  readonly seeds: Iterable<number>
  readonly count: number
  /** One seed is reported in full. */
  readonly isOne: boolean
  readonly workers: number
  readonly scenario: Scenario | undefined
  readonly output: Output
}

/** Runs `usualSeeds` where no number is asked for. */
export async function run(options: SimulateCommand, usualSeeds: number): Promise<void> {
  requireAddon()
  const plan = planOf(options, usualSeeds)
  exitOnInterruption()
  const failed = plan.isOne ? await runOne(plan, options) : await runMany(plan, options)
  if (failed) process.exitCode = EXIT.seedFailed
}

function planOf(options: SimulateCommand, usualSeeds: number): Plan {
  const { json, scenario: file } = options
  const events = countOf('--events', options.events, 0, EVENTS_MAX)
  const given = file === undefined ? undefined : readScenario(file)
  const scenario = given?.scenario
  const output = new Output({ isJson: json === true, events, file, scenario })
  const isMany = options.seeds !== undefined || options.from !== undefined
  if (options.seed !== undefined && (isMany || options.workers !== undefined)) {
    throw misuse('--seed runs one seed: leave out --seeds, --from and --workers, or --seed')
  }
  if (options.seed !== undefined || (given !== undefined && !isMany)) {
    const seed = countOf('--seed', options.seed ?? String(given?.seed), 0, SEED_MAX)
    return { seeds: [seed], count: 1, isOne: true, workers: 1, scenario, output }
  }
  const count = countOf('--seeds', options.seeds ?? String(usualSeeds), 1, SEEDS_MAX)
  const from = countOf('--from', options.from ?? '1', 0, SEED_MAX - count)
  const processors = Math.min(availableParallelism(), WORKERS_MAX)
  const workers = countOf('--workers', options.workers ?? String(processors), 1, WORKERS_MAX)
  const seeds = seedsFrom(from, count)
  return { seeds, count, isOne: false, workers: Math.min(workers, count), scenario, output }
}

function* seedsFrom(first: number, count: number): Generator<number> {
  for (let seed = first; seed < first + count; seed++) yield seed
}

/** True if it failed. */
async function runOne(plan: Plan, options: SimulateCommand): Promise<boolean> {
  let failed = false
  await runJobs(jobsOf(plan), 1, async ({ result }) => {
    failed = result.violations.length > 0
    await plan.output.seed(result, await shrunkIf(failed && options.shrink === true, result))
  })
  return failed
}

/** True if one failed; the first of them is reported in full. */
async function runMany(plan: Plan, options: SimulateCommand): Promise<boolean> {
  const { count, output, workers } = plan
  const tally = new Tally()
  const progress = progressOf('simulating', count, 'failed')
  const began = performance.now()
  let first: SimulateResult | undefined
  try {
    await runJobs(jobsOf(plan), workers, async ({ result, cpuMs }) => {
      tally.add(result, cpuMs)
      if (result.violations.length > 0) {
        if (first === undefined || result.seed < first.seed) first = result
        progress.clear()
        await output.failure(result)
      }
      progress.update(tally.seeds, tally.failed)
    })
  } finally {
    progress.end()
  }
  const elapsedMs = performance.now() - began
  if (first !== undefined) {
    await output.first(first, await shrunkIf(options.shrink === true, first))
  }
  await output.summary(tally, elapsedMs)
  return first !== undefined
}

function* jobsOf({ seeds, scenario }: Plan): Generator<Job> {
  for (const seed of seeds) yield { seed, scenario }
}

async function shrunkIf(isWanted: boolean, failed: SimulateResult): Promise<Shrunk | undefined> {
  if (!isWanted) return undefined
  using worker = new SeedProcess()
  const progress = progressOf('shrinking', SHRINK_RUNS_MAX, 'runs')
  let runs = 0
  const simulate = async (options: SimulateOptions): Promise<SimulateResult> => {
    const { result } = await worker.run(options)
    runs += 1
    progress.update(runs, runs)
    return result
  }
  try {
    return await shrink(failed, { runsMax: SHRINK_RUNS_MAX, simulate })
  } finally {
    progress.end()
  }
}
