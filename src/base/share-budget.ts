/**
 * Bound additional requests, such as retries and hedges, to a share of the ordinary ones.
 *
 * In any 10 s there may be one additional request for every so many ordinary ones, and a few more,
 * so that a program that seldom asks may ask again. Both are counted in slots of half a second:
 * the memory is fixed, whatever their number.
 *
 *     slot           0    1    2   ...   19   20 = now
 *     additional    |<------- at least 10 s ------->|
 *     ordinary           |<--- at most 10 s ------->|
 *
 * Additional requests count one slot longer, so that the bound holds for every 10 s that end with
 * one: what is rounded is rounded down.
 *
 * Why not a bucket of tokens: an hour without failures would pay for a burst of retries, or a
 * ceiling on tokens would bound a busy program to a fixed number.
 * Source: the retry budget of Finagle (twitter/finagle, RetryBudget).
 */
import { assert } from './assert.ts'

const SLOT_MS = 500
/** Slots in 10 s. */
const SLOTS = 20
const SLOTS_KEPT: number = SLOTS + 1

export interface BudgetTerms {
  /** Ordinary requests for each additional one. */
  readonly every: number
  /** Additional requests in 10 s beside those. */
  readonly free: number
}

export class ShareBudget {
  readonly #every: number
  readonly #free: number
  /** By slot, each at its number modulo `SLOTS_KEPT`. */
  readonly #ordinary = new Float64Array(SLOTS_KEPT)
  readonly #additional = new Float64Array(SLOTS_KEPT)
  /** The number of the newest slot. */
  #newest = 0

  constructor({ every, free }: BudgetTerms) {
    assert(every >= 1 && free >= 0, 'a budget is a share of what is asked')
    this.#every = every
    this.#free = free
  }

  /** Ordinary requests are made. Requires: `now`, in milliseconds, never goes back. */
  count(requests: number, now: number): void {
    const at = this.#advance(now)
    this.#ordinary[at] = (this.#ordinary[at] as number) + requests
  }

  /** Takes one additional request out of the budget; false if none is left. `now` as above. */
  take(now: number): boolean {
    const at = this.#advance(now)
    const oldest = (at + 1) % SLOTS_KEPT
    const ordinary = sum(this.#ordinary) - (this.#ordinary[oldest] as number)
    if (sum(this.#additional) + 1 > this.#free + Math.floor(ordinary / this.#every)) return false
    this.#additional[at] = (this.#additional[at] as number) + 1
    return true
  }

  /** The place of the present slot; those that have become too old are emptied. */
  #advance(now: number): number {
    const slot = Math.floor(now / SLOT_MS)
    const steps = Math.min(slot - this.#newest, SLOTS_KEPT)
    for (let step = 0; step < steps; step++) {
      const at = (slot - step) % SLOTS_KEPT
      this.#ordinary[at] = 0
      this.#additional[at] = 0
    }
    this.#newest = Math.max(this.#newest, slot)
    return this.#newest % SLOTS_KEPT
  }
}

function sum(counts: Float64Array): number {
  let total = 0
  for (const count of counts) total += count
  return total
}
