/**
 * The chance of one node, drawn from the seed: unpredictable to the node, the same every time.
 *
 * The generator belongs to the machine and not to the process on it: a node that restarts goes on
 * drawing, and so never draws the same start twice.
 */
import { assert } from '../base/assert.ts'
import type { Prng } from '../base/prng.ts'
import type { Entropy } from '../world/entropy.ts'

const COUNT_MAX = 1024

export class SimEntropy implements Entropy {
  readonly #prng: Prng

  constructor(prng: Prng) {
    this.#prng = prng
  }

  bytes(count: number): Uint8Array {
    assert(count >= 1 && count <= COUNT_MAX, 'a few bytes are asked for')
    return this.#prng.fill(new Uint8Array(count))
  }
}
