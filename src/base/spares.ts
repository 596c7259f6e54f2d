/**
 * Keeps unused buffers, to be used again.
 *
 * Requires: the taker of a buffer passes on only bytes that it wrote itself. The others are of an
 * earlier use, perhaps of another client's value. `test/sim/poison.test.ts` fills them with poison
 * and searches all frames and files for it.
 */
import { assert } from './assert.ts'

export class Spares<Memory extends Uint8Array | Uint32Array> {
  readonly #make: () => Memory
  readonly #countMax: number
  readonly #unused: Memory[] = []

  /** Keeps at most `countMax` unused buffers; `make` allocates one if none is left. */
  constructor(countMax: number, make: () => Memory) {
    assert(countMax > 0, 'some buffers are kept')
    this.#countMax = countMax
    this.#make = make
  }

  /** A buffer with any bytes in it. */
  take(): Memory {
    return this.#unused.pop() ?? this.#make()
  }

  /** Requires: nothing reads or writes this buffer any more. */
  giveBack(memory: Memory): void {
    if (this.#unused.length < this.#countMax) this.#unused.push(memory)
  }
}
