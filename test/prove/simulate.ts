/**
 * Shows that whole clusters under faults keep their promise, seed after seed.
 *
 * `--seeds N` how many (1,000), `--from S` the first (1), `--workers N` processes (2), `--replay
 * SEED` runs one and prints what happened. One seed in ten, at most a hundred, is run twice in
 * different processes, and both runs must have one trace digest.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { idle, simulate } from '../../src/sim/simulate.ts'
import type { Proof, Verdict } from './proof.ts'
import type { Outcome } from './simulate-worker.ts'

const REPEATED_MAX = 100
const LINES_SHOWN = 50
const PACE_MS = 600_000
const ACKNOWLEDGED_MIN = 1_000
const FAULTS_MIN = 5

export const proof: Proof = {
  name: 'simulate',
  shows: 'simulated clusters under faults lose nothing, answer everything and replay',
  usage: '[--seeds N] [--from S] | --replay SEED',
  run,
}

async function run(args: readonly string[]): Promise<Verdict> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      workers: { type: 'string', default: '2' },
      replay: { type: 'string' },
    },
  })
  if (values.replay !== undefined) return replay(Number(values.replay))
  const from = Number(values.from)
  const count = Number(values.seeds)
  const seeds = Array.from({ length: count }, (_, i) => from + i)
  const repeated = seeds.slice(0, Math.min(REPEATED_MAX, Math.ceil(count / 10)))
  const started = performance.now()
  const outcomes = await runAll([...seeds, ...repeated], Number(values.workers))
  const verdict = judge(seeds, repeated, outcomes, performance.now() - started)
  await showPace()
  return verdict
}

/** How much faster than real time an idle cluster lives, at ten operations a simulated second. */
async function showPace(): Promise<void> {
  await idle(1, PACE_MS / 10)
  const before = process.cpuUsage()
  const { operations } = await idle(2, PACE_MS)
  const { user, system } = process.cpuUsage(before)
  const perSecond = operations / (PACE_MS / 1000)
  const ratio = (PACE_MS / ((user + system) / 1000)) * (perSecond / 10)
  console.log(
    `${Math.round(ratio)} simulated seconds in one of a core, at ten operations a second ` +
      `(measured at ${perSecond.toFixed(1)})`,
  )
}

async function replay(seed: number): Promise<Verdict> {
  const result = await simulate({ seed })
  for (const line of result.lines.slice(-LINES_SHOWN)) console.log(line)
  for (const violation of result.violations) console.log(violation)
  return {
    isMet: result.violations.length === 0,
    figure: `seed ${seed}: ${result.violations.length} violations, digest ${result.digest}`,
  }
}

/** Runs `seeds` on `workers` processes, each taking the next seed when it has done one. */
async function runAll(seeds: readonly number[], workers: number): Promise<readonly Outcome[]> {
  const queue = seeds.map((seed, place) => ({ seed, place }))
  const outcomes: Outcome[] = Array.from({ length: seeds.length })
  const work = (child: ChildProcess): Promise<void> =>
    new Promise((resolve, reject) => {
      let current: { readonly seed: number; readonly place: number } | undefined
      const next = (): void => {
        current = queue.shift()
        if (current === undefined) {
          child.disconnect()
          resolve()
        } else child.send(current.seed)
      }
      child.on('message', (outcome) => {
        if (current !== undefined) outcomes[current.place] = outcome as Outcome
        next()
      })
      child.on('exit', (code) => {
        if (current !== undefined)
          reject(new Error(`seed ${current.seed} ended its process: ${code}`))
      })
      next()
    })
  const path = fileURLToPath(new URL('simulate-worker.js', import.meta.url))
  await Promise.all(Array.from({ length: workers }, () => work(fork(path))))
  return outcomes
}

function judge(
  seeds: readonly number[],
  repeated: readonly number[],
  outcomes: readonly Outcome[],
  tookMs: number,
): Verdict {
  const firsts = outcomes.slice(0, seeds.length)
  const failed = firsts.filter((outcome) => outcome.violations.length > 0)
  for (const { seed, violations } of failed) {
    console.log(`seed ${seed}: ${violations[0]} (${violations.length} in all)`)
    console.log(`  npm run prove -- simulate --replay ${seed}`)
  }
  const unequal = repeated.filter((_, i) => {
    const again = outcomes[seeds.length + i]
    return again === undefined || firsts[i]?.digest !== again.digest
  })
  for (const seed of unequal) console.log(`seed ${seed}: its two runs have different digests`)
  const least = (of: (outcome: Outcome) => number): number => Math.min(...firsts.map(of))
  const total = (of: (outcome: Outcome) => number): number =>
    firsts.reduce((sum, outcome) => sum + of(outcome), 0)
  const acknowledged = least((outcome) => outcome.acknowledged)
  const faults = least((outcome) => outcome.faults)
  const cpuMs = outcomes.reduce((sum, outcome) => sum + outcome.cpuMs, 0)
  const deliveries = outcomes.reduce((sum, outcome) => sum + outcome.deliveries, 0)
  console.log(
    `${total((o) => o.acknowledged)} writes acknowledged, ${total((o) => o.faults)} faults; ` +
      `${total((o) => o.crashesInWrites)} power cuts during a write, ` +
      `at least ${least((o) => o.crashesInWrites)} a seed`,
  )
  console.log(
    `${Math.round(total((o) => o.simulatedMs) / 1000)} s simulated in ` +
      `${Math.round(tookMs / 1000)} s; ` +
      `${Math.round(deliveries / (cpuMs / 1000))} deliveries per core-second`,
  )
  const isMet =
    failed.length === 0 &&
    unequal.length === 0 &&
    acknowledged >= ACKNOWLEDGED_MIN &&
    faults >= FAULTS_MIN
  return {
    isMet,
    figure:
      `${seeds.length} seeds, ${failed.length} failed; ${repeated.length} run twice, ` +
      `${unequal.length} unequal; per seed at least ${acknowledged} acknowledged writes ` +
      `(bar ${ACKNOWLEDGED_MIN}) and ${faults} faults (bar ${FAULTS_MIN})`,
  }
}
