/**
 * Which member is probed next: all in turn, in an order that is shuffled anew after each pass, so
 * that each member is probed within two passes at the latest. (SWIM, 4.3.)
 *
 * Some come before their turn: a member whose connection closed, one that is late, and one that
 * another member suspects.
 */
import { PREFERRED_MAX } from '../../limits.ts'
import type { NodeId } from '../names.ts'
import { type Random, shuffle } from './random.ts'

/** Of the members that notice the same of one, about so many probe it next. */
export const VERIFIERS = 8

export class ProbeOrder {
  readonly #random: Random
  readonly #ids: NodeId[]
  #at = 0
  readonly #preferred: NodeId[] = []

  constructor(ids: readonly NodeId[], random: Random) {
    this.#random = random
    this.#ids = [...ids]
    shuffle(this.#ids, random)
  }

  get size(): number {
    return this.#ids.length
  }

  /** A new member comes at a random place: many that joined together are not probed in a row. */
  add(id: NodeId): void {
    const at = this.#random.below(this.#ids.length + 1)
    this.#ids.push(this.#ids[at] ?? id)
    this.#ids[at] = id
  }

  remove(id: NodeId): void {
    const at = this.#ids.indexOf(id)
    if (at === -1) return
    this.#ids.splice(at, 1)
    if (at < this.#at) this.#at -= 1
    const preferred = this.#preferred.indexOf(id)
    if (preferred !== -1) this.#preferred.splice(preferred, 1)
  }

  /** Probes it before the others; after those that are preferred already, in random order. */
  prefer(id: NodeId): void {
    if (this.#preferred.length >= PREFERRED_MAX || this.#preferred.includes(id)) return
    this.#preferred.splice(this.#random.below(this.#preferred.length + 1), 0, id)
  }

  /** What all may notice at once, some verify: returns whether this node does, and prefers it. */
  verify(id: NodeId, members: number): boolean {
    const isChosen = this.#random.below(members) < VERIFIERS
    if (isChosen) this.prefer(id)
    return isChosen
  }

  next(): NodeId | undefined {
    const preferred = this.#preferred.shift()
    if (preferred !== undefined) return preferred
    if (this.#at >= this.#ids.length) {
      this.#at = 0
      shuffle(this.#ids, this.#random)
    }
    const id = this.#ids[this.#at]
    this.#at += 1
    return id
  }

  /** Up to `count` different members that `isFit`, at random. */
  some(count: number, isFit: (id: NodeId) => boolean): readonly NodeId[] {
    const chosen: NodeId[] = []
    const tries = Math.min(TRIES_PER_CHOICE * count, TRIES_PER_CHOICE * this.#ids.length)
    for (let i = 0; i < tries && chosen.length < count; i++) {
      const id = this.#ids[this.#random.below(this.#ids.length)] as NodeId
      if (!chosen.includes(id) && isFit(id)) chosen.push(id)
    }
    return chosen
  }
}

/** A member that is not fit is drawn again: most are, or there is no one to find. */
const TRIES_PER_CHOICE = 10
