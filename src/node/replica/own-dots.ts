/** Numbers this member's writes: a start, drawn at random, and a counter for all keys. */
import { assert } from '../../base/assert.ts'
import { U48_MAX } from '../../base/bytes.ts'
import { ID_BYTES, type Start, startIdOf } from '../../dynamo/names.ts'
import type { Entropy } from '../../world/entropy.ts'

export class OwnDots {
  readonly #entropy: Entropy
  #start: Start
  #counter = 0

  constructor(entropy: Entropy) {
    this.#entropy = entropy
    this.#start = this.#draw()
  }

  get start(): Start {
    return this.#start
  }

  /** Of the last dot that was given; 0 where none was. */
  get counter(): number {
    return this.#counter
  }

  nextCounter(): number {
    assert(this.#counter < U48_MAX, 'no process lives for 2^48 writes')
    this.#counter += 1
    return this.#counter
  }

  /** Counts from 1 again, in a new start. */
  drawNewStart(): void {
    this.#start = this.#draw()
    this.#counter = 0
  }

  #draw(): Start {
    return startIdOf(this.#entropy.bytes(ID_BYTES))
  }
}
