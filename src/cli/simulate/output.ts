/**
 * Print the results of `everwrite simulate`: text for people, or one JSON object a row for
 * programs.
 *
 * An object of a seed is a scenario file too (`scenario-file.ts`), and so is its `shrunk`.
 */
import {
  counted,
  replayCommand,
  resultLines,
  scenarioLines,
  type Tally,
} from '../../sim/seed/report.ts'
import type { Scenario } from '../../sim/scenario.ts'
import type { Shrunk } from '../../sim/seed/shrink.ts'
import type { SimulateResult } from '../../sim/seed/simulate.ts'
import { print } from '../outcome.ts'

export interface OutputOptions {
  readonly isJson: boolean
  /** Last events of a seed that are shown. */
  readonly events: number
  /** Where the scenario came from: `-` for standard input; undefined where seeds draw theirs. */
  readonly file: string | undefined
  readonly scenario: Scenario | undefined
}

export class Output {
  readonly #options: OutputOptions

  constructor(options: OutputOptions) {
    this.#options = options
  }

  /** One seed, in full, with the smaller scenario where it was shrunk. */
  async seed(result: SimulateResult, shrunk: Shrunk | undefined): Promise<void> {
    const { isJson, events } = this.#options
    if (isJson) {
      await print(`${JSON.stringify(jsonOf(result, shrunk, events))}\n`)
      return
    }
    const lines = [
      ...scenarioLines(result.scenario),
      ...resultLines(result, events),
      ...(result.violations.length === 0 ? [] : ['', 'once more:', `  ${this.#again(result)}`]),
      ...(shrunk === undefined ? [] : shrunkLines(shrunk)),
    ]
    await print(`seed      ${result.seed}\n${lines.join('\n')}\n`)
  }

  /** One of many that failed. */
  async failure(result: SimulateResult): Promise<void> {
    const { isJson } = this.#options
    if (isJson) await this.seed(result, undefined)
    else {
      const [first = ''] = result.violations
      await print(`seed ${result.seed} failed: ${first}\n  ${this.#again(result)}\n`)
    }
  }

  /** The first of many that failed, in full. */
  async first(result: SimulateResult, shrunk: Shrunk | undefined): Promise<void> {
    const { isJson } = this.#options
    if (!isJson) await print('\nthe first that failed:\n')
    if (!isJson || shrunk !== undefined) await this.seed(result, shrunk)
    if (!isJson) await print('\n')
  }

  async summary(tally: Tally, elapsedMs: number): Promise<void> {
    if (this.#options.isJson) {
      const { faults, ...counts } = tally
      const { deliveriesPerCoreSecond } = tally
      const summary = { ...counts, deliveriesPerCoreSecond, elapsedMs }
      await print(`${JSON.stringify({ ...summary, faults: Object.fromEntries(faults) })}\n`)
    } else await print(`${tally.lines(elapsedMs).join('\n')}\n`)
  }

  /** The command that repeats it. */
  #again({ seed }: SimulateResult): string {
    const { file, scenario } = this.#options
    if (file === undefined || file === '-') return replayCommand(seed, scenario)
    return `everwrite simulate --seed ${seed} --scenario ${file}`
  }
}

function shrunkLines({ result, faults, runs }: Shrunk): readonly string[] {
  const { seed, scenario, violations } = result
  return [
    '',
    `smaller, after ${counted(runs, 'run')}, with ${counted(faults, 'fault')} drawn:`,
    ...scenarioLines(scenario),
    '',
    `seed ${seed} fails with it: ${violations[0] ?? ''}`,
    `  ${replayCommand(seed, scenario)}`,
  ]
}

function jsonOf(result: SimulateResult, shrunk: Shrunk | undefined, events: number): unknown {
  const { faults, lines, ...rest } = result
  return {
    ...rest,
    faults: Object.fromEntries(faults),
    events: events === 0 ? [] : lines.slice(-events),
    ...(shrunk === undefined ? {} : { shrunk: shrunkJson(shrunk) }),
  }
}

function shrunkJson({ result, faults, runs }: Shrunk): unknown {
  const { seed, scenario, violations, digest } = result
  return { seed, scenario, violations, digest, faultsDrawn: faults, runs }
}
