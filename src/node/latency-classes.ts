/** How often something took how long, in classes: bounded memory, whatever the number. */

/** Classes grow by a quarter of a doubling from 16 µs: what is told is at most 19 % too high. */
const CLASSES = 96
const CLASSES_PER_DOUBLING = 4
const FIRST_CLASS_MS = 0.016

export class LatencyClasses {
  readonly #counts = new Float64Array(CLASSES)
  #total = 0

  /** How often. */
  get total(): number {
    return this.#total
  }

  add(ms: number): void {
    const doublings = Math.log2(Math.max(ms, FIRST_CLASS_MS) / FIRST_CLASS_MS)
    const index = Math.min(CLASSES - 1, Math.ceil(doublings * CLASSES_PER_DOUBLING))
    this.#counts[index] = (this.#counts[index] as number) + 1
    this.#total += 1
  }

  /** The upper bound, in milliseconds, of the class in which `share` (0 to 1) of them end. */
  quantile(share: number): number {
    let left = this.#total * share
    if (left === 0) return 0
    for (let index = 0; index < CLASSES; index++) {
      left -= this.#counts[index] as number
      if (left <= 0) return FIRST_CLASS_MS * 2 ** (index / CLASSES_PER_DOUBLING)
    }
    return FIRST_CLASS_MS * 2 ** (CLASSES / CLASSES_PER_DOUBLING)
  }

  /** Counts half of each from now on: what comes later weighs more. */
  halve(): void {
    for (let index = 0; index < CLASSES; index++) {
      this.#counts[index] = (this.#counts[index] as number) / 2
    }
    this.#total /= 2
  }

  clear(): void {
    this.#counts.fill(0)
    this.#total = 0
  }
}
