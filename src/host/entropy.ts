/** The machine's random bytes, fetched a kilobyte at a time: most callers want sixteen bytes. */
import { randomFillSync } from 'node:crypto'
import { assert } from '../base/assert.ts'
import type { Entropy } from '../world/entropy.ts'

const POOL_BYTES = 1024

export class HostEntropy implements Entropy {
  readonly #pool = new Uint8Array(POOL_BYTES)
  #used = POOL_BYTES

  bytes(count: number): Uint8Array {
    assert(count >= 1 && count <= POOL_BYTES, 'a few bytes are asked for')
    if (this.#used + count > POOL_BYTES) {
      randomFillSync(this.#pool)
      this.#used = 0
    }
    const bytes = this.#pool.slice(this.#used, this.#used + count)
    // Bytes that were returned are erased here: they may become a secret.
    this.#pool.fill(0, this.#used, this.#used + count)
    this.#used += count
    return bytes
  }
}
