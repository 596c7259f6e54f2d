/**
 * Sum what was counted in the last 10 s, in slots of half a second: the memory is fixed, however
 * often it counts.
 *
 *     slot     0    1    2   ...   19   20 = now
 *                   |<--- at most 10 s ------->|    20 slots
 *              |<------- at least 10 s ------->|    21 slots
 */

const SLOT_MS = 500
/** Slots that are at most 10 s, the present one among them. */
export const SLOTS_IN_10_S = 20
const SLOTS_KEPT: number = SLOTS_IN_10_S + 1

export class RecentSum {
  /** By slot, each at its number modulo `SLOTS_KEPT`. */
  readonly #counts = new Float64Array(SLOTS_KEPT)
  /** The number of the newest slot. */
  #newest = 0

  /** Requires: `now`, in milliseconds, never goes back. */
  add(count: number, now: number): void {
    const at = this.#advance(now)
    this.#counts[at] = (this.#counts[at] as number) + count
  }

  /** The sum of the newest `slots`, at most `SLOTS_IN_10_S + 1`. `now` as above. */
  sum(now: number, slots: number = SLOTS_IN_10_S): number {
    const at = this.#advance(now)
    let total = 0
    for (let back = 0; back < slots; back++) {
      total += this.#counts[(at - back + SLOTS_KEPT) % SLOTS_KEPT] as number
    }
    return total
  }

  /** The place of the present slot; those that have become too old are emptied. */
  #advance(now: number): number {
    const slot = Math.floor(now / SLOT_MS)
    const steps = Math.min(slot - this.#newest, SLOTS_KEPT)
    for (let step = 0; step < steps; step++) this.#counts[(slot - step) % SLOTS_KEPT] = 0
    this.#newest = Math.max(this.#newest, slot)
    return this.#newest % SLOTS_KEPT
  }
}
