/**
 * Draw request ids and jitter from the world's entropy, many at a time.
 *
 * A draw of 1,024 bytes costs about as much as a draw of 16, and every put needs 16.
 */
import { readU32 } from '../base/bytes.ts'
import { REQUEST_ID_BYTES } from '../limits.ts'
import type { Entropy } from '../world/entropy.ts'

const STOCK_BYTES = 1024

export class Random {
  readonly #entropy: Entropy
  /** Never changed, only replaced: request ids are views of it. */
  #stock: Uint8Array = new Uint8Array(0)
  #at = 0

  constructor(entropy: Entropy) {
    this.#entropy = entropy
  }

  requestId(): Uint8Array {
    return this.#draw(REQUEST_ID_BYTES)
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
