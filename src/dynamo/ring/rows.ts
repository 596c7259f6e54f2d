/**
 * Rows of a table while claim changes them: who is in each, and how many each member holds.
 *
 * A slot is one place in one row; slots of a row are next to each other, in no order. A level below
 * the largest N chooses its rows from those of the level above it.
 *
 * Invariant: `held` lists the slots of each member, and no other slot is taken.
 */
import { assert } from '../../base/assert.ts'
import type { Places, Repeats } from './places.ts'

/** In place of a member: the slot is empty, or the owner of old is no member any more. */
export const NONE = 0xffff

export interface RowsOptions {
  readonly n: number
  readonly partitions: number
  readonly members: number
  readonly places: Places
  /** The rows as they were, `n` slots each: what is in them is there already and costs no move. */
  readonly was: Uint16Array
  /** Rows of n + 1 from which these are chosen; all members may be in a row without them. */
  readonly above: Uint16Array | undefined
}

export class Rows {
  readonly n: number
  readonly partitions: number
  readonly slots: Uint16Array
  readonly was: Uint16Array
  readonly above: Uint16Array | undefined
  readonly held: readonly number[][]
  /** Where a slot stands in its member's `held`. */
  readonly #at: Uint32Array
  readonly #places: Places
  readonly #repeats: Repeats

  /** Keeps as much of what was as the rules allow, from the first place on. */
  constructor({ n, partitions, members, places, was, above }: RowsOptions) {
    this.n = n
    this.partitions = partitions
    this.was = was
    this.above = above
    this.slots = new Uint16Array(n * partitions).fill(NONE)
    this.held = Array.from({ length: members }, () => [])
    this.#at = new Uint32Array(n * partitions)
    this.#places = places
    this.#repeats = places.repeats(n)
    for (let slot = 0; slot < was.length; slot++) {
      const member = was[slot] as number
      if (member !== NONE && this.fits(slot, member)) this.put(slot, member)
    }
  }

  load(member: number): number {
    return (this.held[member] as number[]).length
  }

  partitionOf(slot: number): number {
    return Math.floor(slot / this.n)
  }

  wasIn(partition: number, member: number): boolean {
    return this.#isIn(this.was, this.n, partition, member)
  }

  #isIn(rows: Uint16Array, width: number, partition: number, member: number): boolean {
    const end = (partition + 1) * width
    for (let i = partition * width; i < end; i++) if (rows[i] === member) return true
    return false
  }

  /** Whether the row obeys the rules with `member` in this slot, whatever is in it now. */
  fits(slot: number, member: number): boolean {
    const { n, slots, above } = this
    const { machineOf, zoneOf } = this.#places
    const partition = this.partitionOf(slot)
    if (machineOf[member] === -1) return false
    if (above !== undefined && !this.#isIn(above, n + 1, partition, member)) return false
    const first = partition * n
    for (let i = first; i < first + n; i++) {
      if (i !== slot && slots[i] === member) return false
    }
    return (
      this.#repeatsWith(slot, member, machineOf) <= this.#repeats.machines &&
      this.#repeatsWith(slot, member, zoneOf) <= this.#repeats.zones
    )
  }

  /** Slots of the row whose group is in an earlier slot too, with `member` in one of them. */
  #repeatsWith(slot: number, member: number, groupOf: Int32Array): number {
    const { n, slots } = this
    const first = slot - (slot % n)
    let repeats = 0
    for (let i = first; i < first + n; i++) {
      const one = i === slot ? member : (slots[i] as number)
      if (one === NONE) continue
      for (let j = first; j < i; j++) {
        const other = j === slot ? member : (slots[j] as number)
        if (other === NONE || groupOf[one] !== groupOf[other]) continue
        repeats += 1
        break
      }
    }
    return repeats
  }

  /** Puts a member into an empty slot. */
  put(slot: number, member: number): void {
    assert(this.slots[slot] === NONE, 'the slot is empty')
    const held = this.held[member] as number[]
    this.slots[slot] = member
    this.#at[slot] = held.length
    held.push(slot)
  }

  /** Empties a slot. */
  clear(slot: number): void {
    const member = this.slots[slot] as number
    assert(member !== NONE, 'the slot is taken')
    const held = this.held[member] as number[]
    const last = held.pop() as number
    if (last !== slot) {
      held[this.#at[slot] as number] = last
      this.#at[last] = this.#at[slot] as number
    }
    this.slots[slot] = NONE
  }
}
