/**
 * What a round makes: the next floor, from what all members say when it opens (docs/design.md 3.6).
 *
 *     open ─► close ─► cover ─► adopt
 *
 * Each member says its start, its counter, and every other start that its copies and hints name.
 * The floor is the live starts with their counters, and all other starts that a member named: those
 * have ended. It is no consistent cut; the rules of `floor.ts` and `late.ts` allow for that.
 */
import type { Start } from '../names.ts'
import { ENDED, type Floor, NO_FLOOR } from './floor.ts'

/** A round by its number: the highest that was known when it opened, and one. */
export interface RoundFloor {
  readonly number: number
  readonly floor: Floor
  /** Starts of the floor before that are not in it any more. */
  readonly leftOut: ReadonlySet<Start>
  /**
   * The oldest round since which no start was left out. A disk that closed no round since is not
   * merged with others: they would not know its dots.
   */
  readonly base: number
}

/** Of a member that has adopted none. */
export const NO_ROUND: RoundFloor = {
  number: 0,
  floor: NO_FLOOR,
  leftOut: new Set(),
  base: 0,
}

/** What a member says when a round opens. */
export interface Opening {
  readonly start: Start
  /** Of the last dot that this start has given; 0: none. */
  readonly counter: number
  /** Starts that its copies and hints name, or have named since the last adopted round opened. */
  readonly named: ReadonlySet<Start>
  /** It has not restarted since then, so that it has forgotten none. */
  readonly isNamingKnown: boolean
}

/**
 * The floor of the round `number`, where `last` is the highest that any member has adopted. A start
 * that has ended stays in it while a message may be on its way that names it: until no member has
 * named it since `last` opened, as far back as a message can have been sent.
 */
export function makeFloor(
  number: number,
  last: RoundFloor,
  openings: readonly Opening[],
): RoundFloor {
  const live = new Set(openings.map(({ start }) => start))
  const floor = new Map<Start, number>()
  for (const { named } of openings) {
    for (const start of named) if (!live.has(start)) floor.set(start, ENDED)
  }
  const mayLeave = openings.every(({ isNamingKnown }) => isNamingKnown)
  const leftOut = new Set<Start>()
  for (const start of last.floor.keys()) {
    if (live.has(start) || floor.has(start)) continue
    if (mayLeave) leftOut.add(start)
    else floor.set(start, ENDED)
  }
  for (const { start, counter } of openings) if (counter > 0) floor.set(start, counter)
  return { number, floor, leftOut, base: leftOut.size > 0 ? number : last.base }
}
