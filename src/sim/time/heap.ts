/**
 * A min-heap in which equal entries keep their order of arrival.
 *
 * It holds timers, deliveries and deadlines by their instants. Entries of one instant must come out
 * in the order in which they went in, or a run could not be repeated from its seed. A plain binary
 * heap does not promise that, so each entry also has an arrival number, which breaks the tie.
 *
 * Invariant: no entry comes before its parent, where "before" is the lower rank, then the lower
 * arrival number.
 *
 * Why not: a sorted array. Insertion copies the tail, and a simulated cluster has thousands of
 * deadlines, most of which are cancelled.
 */

interface Entry<Value> {
  readonly rank: number
  readonly arrival: number
  readonly value: Value
}

export class Heap<Value> {
  #entries: Entry<Value>[] = []
  #arrivals = 0

  get size(): number {
    return this.#entries.length
  }

  push(rank: number, value: Value): void {
    const entries = this.#entries
    entries.push({ rank, arrival: this.#arrivals++, value })
    this.#rise(entries.length - 1)
  }

  /** The rank of what would come out next; infinite where nothing is left. */
  peekRank(): number {
    return this.#entries[0]?.rank ?? Number.POSITIVE_INFINITY
  }

  pop(): Value | undefined {
    const entries = this.#entries
    const first = entries[0]
    const last = entries.pop()
    if (first === undefined || last === undefined) return undefined
    if (entries.length > 0) {
      entries[0] = last
      this.#sink(0)
    }
    return first.value
  }

  /** Keeps what `isKept` says, in unchanged order; O(n). */
  retain(isKept: (value: Value) => boolean): void {
    this.#entries = this.#entries.filter((entry) => isKept(entry.value))
    for (let at = (this.#entries.length >> 1) - 1; at >= 0; at--) this.#sink(at)
  }

  #rise(from: number): void {
    const entries = this.#entries
    const moved = entries[from] as Entry<Value>
    let at = from
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = entries[parentAt] as Entry<Value>
      if (!isBefore(moved, parent)) break
      entries[at] = parent
      at = parentAt
    }
    entries[at] = moved
  }

  #sink(from: number): void {
    const entries = this.#entries
    const moved = entries[from] as Entry<Value>
    let at = from
    for (;;) {
      let childAt = 2 * at + 1
      if (childAt >= entries.length) break
      const right = entries[childAt + 1]
      if (right !== undefined && isBefore(right, entries[childAt] as Entry<Value>)) childAt += 1
      const child = entries[childAt] as Entry<Value>
      if (!isBefore(child, moved)) break
      entries[at] = child
      at = childAt
    }
    entries[at] = moved
  }
}

function isBefore(a: Entry<unknown>, b: Entry<unknown>): boolean {
  return a.rank < b.rank || (a.rank === b.rank && a.arrival < b.arrival)
}
