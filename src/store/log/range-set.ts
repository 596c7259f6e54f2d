/**
 * A set of numbers, kept as ranges. For sequences and segments, which nearly all follow one
 * another, so that the ranges are few.
 */
export interface NumberRange {
  readonly first: number
  readonly last: number
}

export class RangeSet {
  /** Ascending, apart from each other by at least one sequence. */
  readonly #ranges: { first: number; last: number }[] = []

  constructor(...lists: readonly (readonly NumberRange[])[]) {
    for (const { first, last } of lists.flat()) this.addRange(first, last)
  }

  /** Ascending. */
  get ranges(): readonly NumberRange[] {
    return this.#ranges
  }

  add(number: number): void {
    this.addRange(number, number)
  }

  addRange(first: number, last: number): void {
    const ranges = this.#ranges
    const end = ranges.at(-1)
    // Nearly always: numbers come in order.
    if (end !== undefined && first === end.last + 1) {
      end.last = last
      return
    }
    const low = this.#firstEndingFrom(first - 1)
    let high = low
    let merged = { first, last }
    for (; high < ranges.length; high++) {
      const range = ranges[high] as NumberRange
      if (range.first > last + 1) break
      merged = {
        first: Math.min(merged.first, range.first),
        last: Math.max(merged.last, range.last),
      }
    }
    ranges.splice(low, high - low, merged)
  }

  has(number: number): boolean {
    const range = this.#ranges[this.#firstEndingFrom(number)]
    return range !== undefined && range.first <= number
  }

  /** The numbers from `first` to `last` that are not in the set, ascending. */
  gaps(first: number, last: number): readonly NumberRange[] {
    const gaps: NumberRange[] = []
    let next = first
    for (let i = this.#firstEndingFrom(first); next <= last; i++) {
      const range = this.#ranges[i]
      const end = Math.min(last, range === undefined ? last : range.first - 1)
      if (end >= next) gaps.push({ first: next, last: end })
      if (range === undefined) break
      next = range.last + 1
    }
    return gaps
  }

  /** The index of the first range whose last number is at least `number`. */
  #firstEndingFrom(number: number): number {
    let low = 0
    let high = this.#ranges.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#ranges[middle] as NumberRange).last < number) low = middle + 1
      else high = middle
    }
    return low
  }
}
