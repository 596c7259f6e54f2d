/** Virtual time: what is due runs in the order of its time, then of its coming. */

interface Entry {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

export class Timeline {
  #now = 0
  #order = 0
  /** A binary heap: each entry is due no later than the two below it. */
  readonly #heap: Entry[] = []

  /** Milliseconds. */
  get now(): number {
    return this.#now
  }

  at(at: number, run: () => void): void {
    const heap = this.#heap
    const entry = { at: Math.max(at, this.#now), order: this.#order++, run }
    let place = heap.length
    while (place > 0) {
      const above = (place - 1) >>> 1
      const other = heap[above] as Entry
      if (!isBefore(entry, other)) break
      heap[place] = other
      place = above
    }
    heap[place] = entry
  }

  /** Runs all that is due up to `until`. */
  runUntil(until: number): void {
    while (this.#heap.length > 0 && (this.#heap[0] as Entry).at <= until) {
      const entry = this.#pop()
      this.#now = entry.at
      entry.run()
    }
    this.#now = until
  }

  #pop(): Entry {
    const heap = this.#heap
    const first = heap[0] as Entry
    const last = heap.pop() as Entry
    const count = heap.length
    if (count === 0) return first
    let place = 0
    for (;;) {
      let below = 2 * place + 1
      if (below >= count) break
      const right = below + 1
      if (right < count && isBefore(heap[right] as Entry, heap[below] as Entry)) below = right
      const other = heap[below] as Entry
      if (!isBefore(other, last)) break
      heap[place] = other
      place = below
    }
    heap[place] = last
    return first
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
