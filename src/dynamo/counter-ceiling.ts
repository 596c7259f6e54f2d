/**
 * How high a counter may be that another member tells: the version of a record, or the number of a
 * table.
 *
 * The higher counter wins, so above a forged one at the very end there would be none for its
 * correction. Who made a record cannot be told from it. So what another member tells is taken up to
 * a ceiling, and each telling above it raises the ceiling by a step:
 *
 *     1 ─── taken at once ─── TOLD_MAX ─── a step with each telling ─── 2^48 - 1
 *
 * A forged counter is at the ceiling at most, and a correction or an operator's change is one
 * higher: all take it. A member that was away while many were forged and corrected refuses the last
 * one at first, and takes it after as many tellings as the others heard: none is refused for ever.
 * To come to the end a liar has to send 2^41 records to each member.
 *
 * Why not a bound alone, however high: what is forged at the bound could not be corrected either.
 */

/** Taken at once. */
export const TOLD_MAX: number = 2 ** 47
/** More than corrections and operators' changes are under way at one time. */
export const TOLD_STEP = 64

export class CounterCeiling {
  #ceiling = TOLD_MAX

  /** Whether a counter that was told is to be taken now, where `known` is the one from before. */
  admits(told: number, known: number): boolean {
    this.#ceiling = Math.max(this.#ceiling, known)
    if (told > this.#ceiling) this.#ceiling += TOLD_STEP
    return told <= this.#ceiling
  }
}
