/**
 * Bound additional requests, such as retries and hedges, to a share of the ordinary ones.
 *
 * In any 10 s there may be one additional request for every so many ordinary ones, and a few more,
 * so that a program that seldom asks may ask again. Additional requests count one slot of half a
 * second longer, so that the bound holds for every 10 s that end with one: what is rounded is
 * rounded down.
 *
 * Why not a bucket of tokens: an hour without failures would pay for a burst of retries, or a
 * ceiling on tokens would bound a busy program to a fixed number.
 * Source: the retry budget of Finagle (twitter/finagle, RetryBudget).
 */
import { assert } from './assert.ts'
import { RecentSum, SLOTS_IN_10_S } from './recent-sum.ts'

export interface BudgetTerms {
  /** Ordinary requests for each additional one. */
  readonly every: number
  /** Additional requests in 10 s beside those. */
  readonly free: number
}

export class ShareBudget {
  readonly #every: number
  readonly #free: number
  readonly #ordinary = new RecentSum()
  readonly #additional = new RecentSum()

  constructor({ every, free }: BudgetTerms) {
    assert(every >= 1 && free >= 0, 'a budget is a share of what is asked')
    this.#every = every
    this.#free = free
  }

  /** Ordinary requests are made. Requires: `now`, in milliseconds, never goes back. */
  count(requests: number, now: number): void {
    this.#ordinary.add(requests, now)
  }

  /** Takes one additional request out of the budget; false if none is left. `now` as above. */
  take(now: number): boolean {
    const additional = this.#additional.sum(now, SLOTS_IN_10_S + 1)
    const allowed = this.#free + Math.floor(this.#ordinary.sum(now) / this.#every)
    if (additional + 1 > allowed) return false
    this.#additional.add(1, now)
    return true
  }
}
