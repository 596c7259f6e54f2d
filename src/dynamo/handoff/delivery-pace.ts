/**
 * How fast hints go to one member: as fast as requests of clients bear.
 *
 *     send ─► each held by its member ─► rest ─► send
 *     |◄────────── took ───────────►|◄─ took × share ─►|
 *
 * Two signals. A batch that took long has met a queue, at the member or here, in which requests of
 * clients wait too: the rest is in proportion to it, and the next batch is smaller. Holders know
 * nothing of each other, and a member may get hints from many of them at once: each sees the same
 * queue and holds back. The other signal is how long requests of clients take here, over the least
 * that they took: while that is too much, the share grows. It is bounded: a delivery never stops.
 *
 * A delivery begins with long rests, which become shorter batch by batch: a member that is back
 * runs cold code, and all holders begin at once.
 *
 * Why the least: after an outage no one knows what is usual. While a member is away requests take
 * longer, so what they took before the delivery is only the first value. The least grows slowly, so
 * that a load that has changed for good becomes the usual one.
 */
import { DELIVERY_KEYS_MAX } from '../../limits.ts'

/** Hints of the first batch, and of the smallest: smaller ones cost more syncs a hint. */
export const BATCH_MIN = 64
const BATCH_GROWTH = 1.25
/** After a batch that took less, the next is larger. */
export const BATCH_MS_GOOD = 10
/** After one that took more, the next is half as large. */
export const BATCH_MS_SLOW = 20
/** A rest is so many times as long as the batch before it took. */
export const REST_SHARE_MIN = 2
export const REST_SHARE_MAX = 8
const REST_SHARE_GROWTH = 1.25
const REST_SHARE_DECAY = 1.1
export const REST_MS_MAX = 1_000
/** Requests that take so many times the least are slow. */
export const SLOW_FACTOR = 2
/** By this the least grows with each batch. */
const LEAST_GROWTH = 1.001

export class DeliveryPace {
  #batchMax = BATCH_MIN
  #restShare = REST_SHARE_MAX
  #leastMs: number | undefined

  /** `calmMs`: what requests of clients took before the delivery, if any came. */
  constructor(calmMs: number | undefined) {
    this.#leastMs = calmMs
  }

  /** Hints of the next batch. */
  get batchMax(): number {
    return this.#batchMax
  }

  /**
   * A batch has ended; how long to rest now. `requestMs` is how long requests of clients take;
   * undefined where none come.
   */
  onBatch(tookMs: number, requestMs: number | undefined): number {
    this.#batchMax = batchAfter(this.#batchMax, tookMs)
    const growth = this.#isSlow(requestMs) ? REST_SHARE_GROWTH : 1 / REST_SHARE_DECAY
    const share = this.#restShare * growth
    this.#restShare = Math.min(REST_SHARE_MAX, Math.max(REST_SHARE_MIN, share))
    return Math.min(REST_MS_MAX, tookMs * this.#restShare)
  }

  #isSlow(requestMs: number | undefined): boolean {
    if (requestMs === undefined) return false
    const leastMs = Math.min(requestMs, (this.#leastMs ?? requestMs) * LEAST_GROWTH)
    this.#leastMs = leastMs
    return requestMs > SLOW_FACTOR * leastMs
  }
}

function batchAfter(batchMax: number, tookMs: number): number {
  if (tookMs < BATCH_MS_GOOD) {
    return Math.min(DELIVERY_KEYS_MAX, Math.ceil(batchMax * BATCH_GROWTH))
  }
  return tookMs > BATCH_MS_SLOW ? Math.max(BATCH_MIN, Math.floor(batchMax / 2)) : batchMax
}
