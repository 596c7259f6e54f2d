/**
 * Clients load the cluster at half its peak: before hints are delivered, while, and after.
 *
 * The peak is measured in closed loop, half of it is offered in open loop. The p99 of each second
 * is taken; the figure is the median of those seconds, so that one pause of the machine does not
 * decide it.
 */
import type { Address } from '../../../src/world/network.ts'
import { median } from '../../support/median.ts'
import { OpenLoop, Tally } from '../overload/open-loop.ts'

const KEYS = 2_000
/** Nodes run their code faster once it has run often; and every key is written meanwhile. */
const WARM_UP_OPERATIONS = 12_000
const WARM_UP_ROUNDS_MAX = 10
const PEAK_WIDTH = 64
const PEAK_SECONDS = 4
const PEAK_TIMES = 3
/** More failures than this leave no p99. */
const FAILED_SHARE_MAX = 0.01
/** Longer than any proof runs. */
const SECONDS_MAX = 1_000

/** A load that goes on until it is ended. */
export interface Running {
  /** Whole seconds since it began. */
  seconds(): number
  /** Resolves to what became of the operations of each second. */
  end(): Promise<readonly Tally[]>
}

export class Foreground {
  readonly #loop: OpenLoop
  #rate = 0

  private constructor(loop: OpenLoop) {
    this.#loop = loop
  }

  /** Clients of these nodes, which must run all the time. */
  static async connect(nodes: readonly Address[]): Promise<Foreground> {
    return new Foreground(await OpenLoop.connect(nodes, KEYS))
  }

  /** Measures the peak, in operations a second; half of it is the load from now on. */
  async peak(): Promise<number> {
    let done = 0
    for (let i = 0; i < WARM_UP_ROUNDS_MAX && done < WARM_UP_OPERATIONS; i++) {
      done += (await this.#loop.saturate(PEAK_WIDTH, 2)).good
    }
    let peak = 0
    for (let i = 0; i < PEAK_TIMES; i++) {
      const { good } = await this.#loop.saturate(PEAK_WIDTH, PEAK_SECONDS)
      peak = Math.max(peak, good / PEAK_SECONDS)
    }
    this.#rate = Math.round(peak / 2)
    return peak
  }

  run(seconds: number): Promise<readonly Tally[]> {
    return this.#loop.run(this.#rate, seconds)
  }

  begin(): Running {
    let isOver = false
    const began = performance.now()
    const running = this.#loop.run(this.#rate, SECONDS_MAX, () => isOver)
    return {
      seconds: () => Math.floor((performance.now() - began) / 1000),
      end: () => {
        isOver = true
        return running
      },
    }
  }

  close(): void {
    this.#loop.close()
  }
}

/** Of the seconds; one in which too much failed has an infinite p99. */
export function medianP99(seconds: readonly Tally[]): number {
  return median(
    seconds.map((second) => {
      const failed = second.offered - second.good - second.late
      return failed > FAILED_SHARE_MAX * second.offered ? Number.POSITIVE_INFINITY : second.p99()
    }),
  )
}

export function told(what: string, seconds: readonly Tally[]): string {
  const all = new Tally()
  for (const second of seconds) all.add(second)
  const p99s = seconds.map((second) => second.p99().toFixed(0)).join(' ')
  return `${what}: ${all.told()}\n  p99 by second: ${p99s} ms`
}
