/**
 * Makes the scenario of a failing seed smaller, while it still fails in the same way.
 *
 * It runs the same seed with one thing less each time: a kind of fault, half of the faults, half of
 * the writes, a client, a round; and keeps the smaller scenario if it still fails. Each fault draws
 * from a generator of its own, so the others stay the same; but their timing against the clients
 * moves, so not every failure can be made smaller.
 */
import type { Scenario } from '../scenario.ts'
import { simulate, type SimulateOptions, type SimulateResult } from './simulate.ts'

export interface ShrinkOptions {
  /** Runs at most; each takes as long as the seed did. */
  readonly runsMax?: number
  /** Runs one seed; in another process if an assertion may fail. */
  readonly simulate?: (options: SimulateOptions) => Promise<SimulateResult>
}

export interface Shrunk {
  /** Of the smallest scenario found that fails. */
  readonly result: SimulateResult
  /** Faults that it still does. */
  readonly faults: number
  readonly runs: number
}

const RUNS_MAX = 80

/** Requires: `failed` has violations. */
export async function shrink(failed: SimulateResult, options: ShrinkOptions = {}): Promise<Shrunk> {
  const shrinker = new Shrinker(failed, options)
  await shrinker.run()
  const { best, runs } = shrinker
  return { result: best, faults: placesOf(best).length, runs }
}

/** What went wrong, in the words before the colon. */
export function kindOf(result: SimulateResult): string {
  return result.violations[0]?.split(':')[0] ?? ''
}

/** Places of the faults that were not left out. */
function placesOf({ drawn, scenario }: SimulateResult): readonly number[] {
  const { omitted, faultsMax } = scenario
  return [...drawn.keys()].filter((place) => place < faultsMax && !omitted.includes(place))
}

class Shrinker {
  best: SimulateResult
  runs = 0
  readonly #runsMax: number
  readonly #simulate: (options: SimulateOptions) => Promise<SimulateResult>
  readonly #kind: string

  constructor(failed: SimulateResult, options: ShrinkOptions) {
    this.best = failed
    this.#runsMax = options.runsMax ?? RUNS_MAX
    this.#simulate = options.simulate ?? simulate
    this.#kind = kindOf(failed)
  }

  async run(): Promise<void> {
    // Chaos ends with the last fault and the last write that it needed, whatever comes later.
    const { drawn, acknowledged } = this.best
    await this.#try({ faultsMin: 0, faultsMax: drawn.length, acknowledged })
    for (const kind of new Set(drawn)) {
      await this.#omit(placesOf(this.best).filter((place) => drawn[place] === kind))
    }
    await this.#halveFaults()
    await this.#halve('acknowledged', 1)
    await this.#halve('clients', 1)
    await this.#halve('keys', 1)
    for (let rounds = this.best.scenario.rounds - 1; rounds >= 1; rounds--) {
      if (!(await this.#try({ rounds }))) break
    }
    await this.#try({ created: [] })
    const [first] = this.best.scenario.buckets
    if (first !== undefined) await this.#try({ buckets: [first] })
    await this.#halveFaults()
  }

  /** Leaves out halves, then quarters, and so on to single faults. */
  async #halveFaults(): Promise<void> {
    for (let part = placesOf(this.best).length / 2; part >= 1; part /= 2) {
      const size = Math.floor(part)
      const places = placesOf(this.best)
      for (let i = 0; i < places.length; i += size) await this.#omit(places.slice(i, i + size))
    }
  }

  async #halve(what: 'acknowledged' | 'clients' | 'keys', least: number): Promise<void> {
    for (;;) {
      const smaller = Math.floor(this.best.scenario[what] / 2)
      if (smaller < least || !(await this.#try({ [what]: smaller }))) return
    }
  }

  async #omit(places: readonly number[]): Promise<void> {
    if (places.length === 0) return
    await this.#try({ omitted: [...this.best.scenario.omitted, ...places] })
  }

  /** True where it still fails with this changed: then it is the best so far. */
  async #try(change: Partial<Scenario>): Promise<boolean> {
    if (this.runs >= this.#runsMax) return false
    this.runs += 1
    const { seed, scenario } = this.best
    const result = await this.#simulate({ seed, scenario: { ...scenario, ...change } })
    if (kindOf(result) !== this.#kind) return false
    this.best = result
    return true
  }
}
