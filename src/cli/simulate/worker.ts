/**
 * A child process of `everwrite simulate`: it receives seeds, runs them and sends back results.
 *
 * A false assertion in a node is reported as a failure of the seed, and the process ends, since its
 * state can no longer be trusted. If the process dies without a report, its parent reports that
 * (`seed-process.ts`).
 */
import { drawScenario, type Scenario } from '../../sim/scenario.ts'
import { simulate, type SimulateResult, type SoFar } from '../../sim/seed/simulate.ts'
import { unfinished } from '../../sim/seed/report.ts'

export interface Job {
  readonly seed: number
  /** In place of the one that the seed draws. */
  readonly scenario?: Scenario | undefined
}

export interface SeedReport {
  readonly result: SimulateResult
  readonly cpuMs: number
}

export type SeedMessage =
  | { readonly kind: 'ready' }
  /** The process ends by itself where it `isLast`. */
  | { readonly kind: 'report'; readonly report: SeedReport; readonly isLast: boolean }

const FRAMES_SHOWN = 4

let cpuBefore: NodeJS.CpuUsage
let soFar: SoFar

async function run({ seed, scenario = drawScenario(seed) }: Job): Promise<void> {
  cpuBefore = process.cpuUsage()
  soFar = (violation) => unfinished(seed, scenario, violation)
  try {
    const onBegin = (tell: SoFar): void => {
      soFar = tell
    }
    report(await simulate({ seed, scenario, onBegin }), false)
  } catch (error) {
    onBroken(error)
  }
}

function onBroken(error: unknown): void {
  report(soFar(sentenceOf(error)), true)
}

function report(result: SimulateResult, isLast: boolean): void {
  const { user, system } = process.cpuUsage(cpuBefore)
  const cpuMs = (user + system) / 1000
  tell({ kind: 'report', report: { result, cpuMs }, isLast }, () => {
    if (isLast) process.exit(1)
  })
}

function tell(message: SeedMessage, onSent: () => void): void {
  process.send?.(message, undefined, undefined, onSent)
}

/** The kind of error, a colon, and the place in the code. */
function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return `threw: ${String(error)}`
  const { name, message, stack = '' } = error
  const what = name === 'BrokenBelief' ? 'broken belief' : name
  const frames = stack.split('\n').filter((one) => /^ +at /.test(one))
  const where = frames.slice(0, FRAMES_SHOWN).map((one) => {
    return one.trim().replace(/file:.*\/dist\//, '')
  })
  return `${what} (${message.replace(/^not so: /, '')}): ${where.join(' ')}`
}

process.on('uncaughtException', onBroken)
process.on('disconnect', () => process.exit())
process.on('message', (job) => void run(job as Job))
tell({ kind: 'ready' }, () => {})
