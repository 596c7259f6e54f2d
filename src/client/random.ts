/**
 * Draw request ids and jitter from the world's entropy, many at a time. A request id begins with
 * the time, 48 bits of milliseconds since 1970, so that of two the newer is usually the higher; the
 * rest is random.
 *
 * A draw of 1,024 bytes costs about as much as a draw of 16, and every put needs 16.
 */
import { readU32 } from '../base/bytes.ts'
import { REQUEST_ID_BYTES } from '../limits.ts'
import type { Clock } from '../world/clock.ts'
import type { Entropy } from '../world/entropy.ts'

const STOCK_BYTES = 1024
const TIME_BYTES = 6

export class Random {
  readonly #entropy: Entropy
  readonly #clock: Clock
  /** Request ids are views of it: what was drawn is drawn once. */
  #stock: Uint8Array = new Uint8Array(0)
  #at = 0

  constructor(entropy: Entropy, clock: Clock) {
    this.#entropy = entropy
    this.#clock = clock
  }

  requestId(): Uint8Array {
    const id = this.#draw(REQUEST_ID_BYTES)
    let time = Math.floor(this.#clock.wallTime())
    for (let at = TIME_BYTES - 1; at >= 0; at--) {
      id[at] = time % 256
      time = Math.floor(time / 256)
    }
    return id
  }

  /** From 0 up to `limit`, exclusive. */
  below(limit: number): number {
    return (readU32(this.#draw(4), 0) / 2 ** 32) * limit
  }

  #draw(count: number): Uint8Array {
    if (this.#at + count > this.#stock.length) {
      this.#stock = this.#entropy.bytes(STOCK_BYTES)
      this.#at = 0
    }
    this.#at += count
    return this.#stock.subarray(this.#at - count, this.#at)
  }
}
