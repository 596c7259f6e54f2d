/**
 * How fast hints go to one member: as fast as that member bears.
 *
 *     send ─► each held by its member ─► rest ─► send
 *     |◄────────── took ───────────►|◄─ took × share ─►|
 *
 * A batch that took long has met a queue, at the member or here, in which requests of clients wait
 * too: the rest is in proportion to it, and the next batch is smaller. Holders know nothing of each
 * other, and a member may get hints from many of them at once: each sees the same queue and holds
 * back. A rest is bounded: a delivery never stops.
 *
 * A delivery begins with long rests, which become shorter batch by batch: a member that is back
 * runs cold code, and all holders begin at once.
 *
 * The rest that requests of clients at the holder ask for (`background-share.ts`) counts up to the
 * same bound: hints that wait are copies that are missing, so they go on faster than other work.
 */
import { DELIVERY_KEYS_MAX } from '../../limits.ts'

/** Hints of the first batch, and of the smallest: smaller ones cost more syncs a hint. */
export const BATCH_MIN = 128
const BATCH_GROWTH = 1.25
/** After a batch that took less, the next is larger. */
export const BATCH_MS_GOOD = 10
/** After one that took more, the next is half as large. */
export const BATCH_MS_SLOW = 20
/** A rest is so many times as long as the batch before it took. */
export const REST_SHARE_MIN = 1
export const REST_SHARE_MAX = 4
const REST_SHARE_DECAY = 1.1
export const REST_MS_MAX = 1_000

export class DeliveryPace {
  #batchMax = BATCH_MIN
  #restShare = REST_SHARE_MAX

  /** Hints of the next batch. */
  get batchMax(): number {
    return this.#batchMax
  }

  /** A batch has ended; how long to rest now. Requests of clients ask for `yieldMs`. */
  onBatch(tookMs: number, yieldMs: number): number {
    this.#batchMax = batchAfter(this.#batchMax, tookMs)
    this.#restShare = Math.max(REST_SHARE_MIN, this.#restShare / REST_SHARE_DECAY)
    const restMs = Math.max(tookMs * this.#restShare, yieldMs)
    return Math.min(REST_MS_MAX, tookMs * REST_SHARE_MAX, restMs)
  }
}

function batchAfter(batchMax: number, tookMs: number): number {
  if (tookMs < BATCH_MS_GOOD) {
    return Math.min(DELIVERY_KEYS_MAX, Math.ceil(batchMax * BATCH_GROWTH))
  }
  return tookMs > BATCH_MS_SLOW ? Math.max(BATCH_MIN, Math.floor(batchMax / 2)) : batchMax
}
