/**
 * Makes rows even with as few moves as possible: a minimum-cost flow, one replica at a time.
 *
 * A member that holds more than its share gives one replica to a member that holds less, directly
 * or through others: each step replaces one member by another in one row. A step into a row costs
 * 1 if the member was not in that row in the old table, and a step out of it gives 1 back likewise.
 * The cheapest chain, and of these the shortest, is taken each time; then no other chain ever has
 * fewer moves in all (successive shortest paths; Ahuja, Magnanti and Orlin, Network Flows, 1993,
 * 9.7). Members between their rounded shares may end with one replica more or less: the search
 * passes through them by the hub, a node that takes and gives such replicas without cost.
 *
 *     over ──step──▶ member ──step──▶ under          over ──step──▶ member ─▶ hub ─▶ member ─ ...
 *
 * Most chains have one step, so the search ends at once where it meets one that costs no more than
 * the chain before it: chains never become cheaper.
 *
 * Invariant: rows are full, obey the rules, and contain each member once, after each chain.
 */
import { assert } from '../../base/assert.ts'
import { NONE, type Rows } from './rows.ts'
import type { Shares } from './shares.ts'

/** A label is cost times this plus steps: above twice the steps of any chain. */
const COST = 4096
const UNREACHED = 2 ** 30

/** Fills the empty slots, then moves replicas until no chain makes the rows more even. */
export function balance(rows: Rows, shares: Shares): void {
  fill(rows, shares)
  new Search(rows, shares).run()
}

/** Gives each empty slot to the member that is furthest behind its share. */
function fill(rows: Rows, shares: Shares): void {
  const { slots, held } = rows
  for (let slot = 0; slot < slots.length; slot++) {
    if (slots[slot] !== NONE) continue
    let best = NONE
    let bestLack = Number.NEGATIVE_INFINITY
    for (let member = 0; member < held.length; member++) {
      const lack = (shares.exact[member] as number) - rows.load(member)
      if (lack <= bestLack || !rows.fits(slot, member)) continue
      best = member
      bestLack = lack
    }
    assert(best !== NONE, 'a row that obeys the rules can be filled')
    rows.put(slot, best)
  }
}

class Search {
  readonly #rows: Rows
  readonly #shares: Shares
  readonly #count: number
  readonly #hub: number
  readonly #labels: Int32Array
  /** How the search came to a node: from which, and by which slot; no slot to or from the hub. */
  readonly #from: Int32Array
  readonly #slot: Int32Array
  readonly #isQueued: Uint8Array
  readonly #queue: number[] = []
  /** Chains that end at any member below its upper share, less those that begin at the hub. */
  #spare = 0
  /** What the last chain cost. */
  #least = 0
  /** The end of a chain that can be taken at once. */
  #found: number | undefined

  constructor(rows: Rows, shares: Shares) {
    this.#rows = rows
    this.#shares = shares
    this.#count = rows.held.length
    this.#hub = this.#count
    this.#labels = new Int32Array(this.#count + 1)
    this.#from = new Int32Array(this.#count + 1)
    this.#slot = new Int32Array(this.#count + 1)
    this.#isQueued = new Uint8Array(this.#count + 1)
  }

  run(): void {
    while (this.#begin()) {
      const end = this.#reach()
      if (end === undefined) return
      this.#least = Math.max(this.#least, costOf(this.#labels[end] as number))
      this.#take(end)
    }
  }

  #above(member: number): number {
    return this.#rows.load(member) - (this.#shares.most[member] as number)
  }

  #below(member: number): number {
    return (this.#shares.least[member] as number) - this.#rows.load(member)
  }

  /** Queues all members above their share, or the hub; false if there is nothing to move. */
  #begin(): boolean {
    this.#labels.fill(UNREACHED)
    this.#isQueued.fill(0)
    this.#queue.length = 0
    this.#found = undefined
    this.#spare = 0
    let isEven = true
    for (let member = 0; member < this.#count; member++) {
      const [above, below] = [this.#above(member), this.#below(member)]
      if (above > 0) this.#spare += above
      if (below > 0) this.#spare -= below
      if (above > 0 || below > 0) isEven = false
    }
    for (let member = 0; member < this.#count; member++) {
      if (this.#above(member) > 0) this.#relax(member, 0, -1, -1)
    }
    if (this.#spare < 0) this.#relax(this.#hub, 0, -1, -1)
    return !isEven
  }

  #isEnd(node: number): boolean {
    return node === this.#hub ? this.#spare > 0 : this.#below(node) > 0
  }

  /** Searches until labels no longer fall; the end of the cheapest chain, if there is one. */
  #reach(): number | undefined {
    const queue = this.#queue
    const stepsMax = (this.#count + 1) ** 2
    for (let next = 0; next < queue.length; next++) {
      assert(next <= stepsMax, 'no chain leads back to its beginning at a gain')
      const node = queue[next] as number
      this.#isQueued[node] = 0
      if (node === this.#hub) this.#leaveHub()
      else this.#leave(node)
      if (this.#found !== undefined) return this.#found
    }
    let best: number | undefined
    for (let node = 0; node <= this.#hub; node++) {
      if (!this.#isEnd(node) || this.#labels[node] === UNREACHED) continue
      const isBetter = best === undefined || this.#label(node) < this.#label(best)
      if (isBetter) best = node
    }
    return best
  }

  #label(node: number): number {
    return this.#labels[node] as number
  }

  #relax(node: number, label: number, from: number, slot: number): void {
    if (label >= this.#label(node)) return
    this.#labels[node] = label
    this.#from[node] = from
    this.#slot[node] = slot
    if (this.#isQueued[node] === 0) {
      this.#isQueued[node] = 1
      this.#queue.push(node)
    }
    if (from >= 0 && this.#isEnd(node) && this.#isCheap(node)) this.#found = node
  }

  /** Whether no chain is cheaper, and this one changes each row once. */
  #isCheap(node: number): boolean {
    if (costOf(this.#label(node)) > this.#least) return false
    const partitions = this.#chainTo(node).map((slot) => this.#rows.partitionOf(slot))
    return new Set(partitions).size === partitions.length
  }

  #leaveHub(): void {
    const label = this.#label(this.#hub) + 1
    for (let member = 0; member < this.#count; member++) {
      if (this.#below(member) < 0) this.#relax(member, label, this.#hub, -1)
      if (this.#found !== undefined) return
    }
  }

  /** Follows all steps that replace `member` in a row. */
  #leave(member: number): void {
    const rows = this.#rows
    const label = this.#label(member)
    if (this.#above(member) < 0) this.#relax(this.#hub, label + 1, member, -1)
    const everybody = rows.above === undefined
    // Members that a step can still bring nearer; each leaves its list when it has been reached.
    const near = everybody ? this.#furtherThan(label + 1) : []
    const far = everybody ? this.#furtherThan(label + COST + 1) : []
    const slots = rows.held[member] as number[]
    for (let i = 0; i < slots.length && this.#found === undefined; i++) {
      const slot = slots[i] as number
      const partition = rows.partitionOf(slot)
      const out = rows.wasIn(partition, member) ? label + 1 : label + 1 - COST
      if (everybody) this.#stepToAny(slot, out, out > label ? far : near, member)
      this.#stepToNamed(slot, out, member)
    }
  }

  #furtherThan(label: number): number[] {
    const members: number[] = []
    for (let member = 0; member < this.#count; member++) {
      if (this.#label(member) > label) members.push(member)
    }
    return members
  }

  /** Steps to members that were not in the row. */
  #stepToAny(slot: number, label: number, members: number[], from: number): void {
    let kept = 0
    for (const member of members) {
      if (this.#found === undefined && this.#rows.fits(slot, member)) {
        this.#relax(member, label + COST, from, slot)
      } else members[kept++] = member
    }
    members.length = kept
  }

  /** Steps to members that were in the row, or to those of the row above. */
  #stepToNamed(slot: number, label: number, from: number): void {
    const rows = this.#rows
    const partition = rows.partitionOf(slot)
    const named = rows.above ?? rows.was
    const width = rows.above === undefined ? rows.n : rows.n + 1
    for (let i = partition * width; i < (partition + 1) * width; i++) {
      const member = named[i] as number
      if (member === NONE || member === from) continue
      const cost = rows.wasIn(partition, member) ? 0 : COST
      if (label + cost < this.#label(member) && rows.fits(slot, member)) {
        this.#relax(member, label + cost, from, slot)
      }
      if (this.#found !== undefined) return
    }
  }

  /** The slots that the chain changes, the last one first. */
  #chainTo(end: number): number[] {
    const slots: number[] = []
    for (let node = end; this.#from[node] !== -1; node = this.#from[node] as number) {
      if (this.#slot[node] !== -1) slots.push(this.#slot[node] as number)
    }
    return slots
  }

  #take(end: number): void {
    const rows = this.#rows
    const steps: [slot: number, member: number][] = []
    for (let node = end; this.#from[node] !== -1; node = this.#from[node] as number) {
      if (this.#slot[node] !== -1) steps.push([this.#slot[node] as number, node])
    }
    for (const [slot] of steps) rows.clear(slot)
    for (const [slot, member] of steps) {
      assert(rows.fits(slot, member), 'the shortest chain keeps the rules')
      rows.put(slot, member)
    }
  }
}

function costOf(label: number): number {
  return Math.floor((label - 1) / COST)
}
