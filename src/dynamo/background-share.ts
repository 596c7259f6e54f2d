/**
 * The share of its full rate at which background work goes on: it yields to requests of clients
 * (Dynamo 6.5).
 *
 *     a request too slow ─► half of the share, not below 1/20
 *     all fast enough    ─► a quarter more, not above 1
 *     no request         ─► 1
 *
 * The share falls faster than it grows: a queue that has formed is to drain before more is tried.
 * It has a lower bound, since what is slow may have another reason, such as the disk or another
 * node: repair and deliveries that stopped then would stop for ever.
 *
 * A worker that worked for some time rests in proportion, so that work is the share of the sum:
 *
 *     work ─► rest ─► work        share = work / (work + rest)
 */

/** Of the full rate, whatever requests take. */
export const SHARE_MIN = 0.05
const FALL = 0.5
const GROWTH = 1.25

export class BackgroundShare {
  readonly #targetMs: number
  #share = 1

  /** `targetMs`: the 99th percentile of clients' requests that is not to be exceeded. */
  constructor(targetMs: number) {
    this.#targetMs = targetMs
  }

  /** From `SHARE_MIN` to 1. */
  get share(): number {
    return this.#share
  }

  /** The 99th percentile of the requests that ended since the last call. */
  onRequests(p99Ms: number): void {
    const factor = p99Ms > this.#targetMs ? FALL : GROWTH
    this.#share = Math.min(1, Math.max(SHARE_MIN, this.#share * factor))
  }

  /** Clients ask for nothing. */
  onIdle(): void {
    this.#share = 1
  }

  /** How long to rest after work of so many milliseconds. */
  restMs(workedMs: number): number {
    return workedMs * (1 / this.#share - 1)
  }
}
