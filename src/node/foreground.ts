/**
 * How long requests of clients take right now: what background work has to yield to.
 *
 * Two kinds are measured: gets and puts that this node coordinates, and the parts of other nodes'
 * requests that this node serves. Parts take less than the whole: a node that serves parts alone
 * still knows when it is slow. Deliveries of hints are background work and no part of it.
 *
 * Each look is at the requests that ended since the look before, so that what was slow once counts
 * once. Where none has ended and some are in progress since a look, they take at least that long.
 */
import { LatencyClasses } from './latency-classes.ts'

/** Without requests for so long, clients ask for nothing. */
export const IDLE_MS = 1_000
const P99 = 0.99

export class Foreground {
  readonly #whole = new LatencyClasses()
  readonly #parts = new LatencyClasses()
  #inProgress = 0
  /** When a request last ended or was in progress, as far as looks have seen. */
  #usedMs = Number.NEGATIVE_INFINITY
  /** The first look since the last end that saw requests in progress. */
  #waitingMs: number | undefined

  /** A get or put begins; `onEnded` follows. */
  onBegun(): void {
    this.#inProgress += 1
  }

  onEnded(tookMs: number): void {
    this.#inProgress -= 1
    this.#whole.add(tookMs)
  }

  /** A part of another node's request has ended. */
  onPart(tookMs: number): void {
    this.#parts.add(tookMs)
  }

  /**
   * The 99th percentile, in ms, of the requests since the last look: at most a fifth too high.
   * `idle`: there are none, and were none for `IDLE_MS`; `unknown`: nothing can be said yet.
   */
  look(nowMs: number): number | 'idle' | 'unknown' {
    const hasEnded = this.#whole.total + this.#parts.total > 0
    const isUsed = hasEnded || this.#inProgress > 0
    if (isUsed) this.#usedMs = nowMs
    const sinceMs = this.#waitingMs
    if (hasEnded || this.#inProgress === 0) this.#waitingMs = undefined
    if (this.#inProgress > 0) this.#waitingMs ??= nowMs
    if (hasEnded) return this.#takeP99()
    if (!isUsed) return nowMs - this.#usedMs >= IDLE_MS ? 'idle' : 'unknown'
    return sinceMs === undefined ? 'unknown' : nowMs - sinceMs
  }

  #takeP99(): number {
    const ms = Math.max(this.#whole.quantile(P99), this.#parts.quantile(P99))
    this.#whole.clear()
    this.#parts.clear()
    return ms
  }
}
