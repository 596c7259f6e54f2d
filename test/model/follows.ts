/**
 * Which values of a history follow which: a put follows what its client was shown, and all that
 * those follow. Values are numbered from 0; a set of them is a bit mask.
 */

export class Follows {
  /** For each value, all that it follows, however many puts lie between. */
  readonly #follows: number[] = []

  /** Values that were written. */
  get count(): number {
    return this.#follows.length
  }

  /** The next value is written by a client that was `shown` these. */
  add(shown: number): void {
    this.#follows.push(this.past(shown))
  }

  /** These values and all that they follow. */
  past(values: number): number {
    return values | this.behind(values)
  }

  /** What the values of the set follow, of which some may be in the set. */
  behind(values: number): number {
    let all = 0
    for (const [value, follows] of this.#follows.entries()) {
      if (((values >>> value) & 1) === 1) all |= follows
    }
    return all
  }
}
