/**
 * What a copy takes of an object from elsewhere, by the floors that its member knows
 * (docs/design.md 3.6).
 *
 * A write, a hint or a read repair may be on its way for longer than its key remembers: what is
 * *late* is refused whole. A hint that *comes home* was durable elsewhere; its dead dots are left
 * out. In an *exchange* the answer of another owner is merged, and where both have adopted
 * other rounds the lower one yields.
 */
import type { Policy } from '../names.ts'
import { haveSameSiblings, type VersionedObject } from '../version/object.ts'
import type { Dot } from '../version/dot.ts'
import { keptUnder, mergeUnder } from '../version/last-write.ts'
import { carries, type Floor, hasDot, isDone, isUnder, without } from './floor.ts'
import type { RoundFloor } from './round.ts'

/** The merge of both in a bucket of this policy; undefined where neither is. */
export function joined(
  policy: Policy,
  held: VersionedObject | undefined,
  taken: VersionedObject | undefined,
): VersionedObject | undefined {
  if (taken === undefined) return held
  return held === undefined ? keptUnder(policy, taken) : mergeUnder(policy, held, taken)
}

/**
 * Whether a write, a hint or a read repair is late: it has a dot at or below a floor that was
 * closed here, which this copy does not carry. Not the dot alone is refused: the context beside it
 * may tell of a write that vanished with its coordinator, and would take what that had replaced.
 */
export function isLate(
  incoming: VersionedObject,
  held: VersionedObject | undefined,
  closing: Floor,
): boolean {
  if (closing.size === 0) return false
  return hasDot(incoming, (dot) => isUnder(closing, dot) && !carries(held, dot))
}

/**
 * What a hint that comes home brings. `floors`: what this member adopted or covered, or knows all
 * to have closed: a hint that old has come home before, so what the copy does not carry is dead.
 */
export function broughtHome(
  incoming: VersionedObject,
  held: VersionedObject | undefined,
  floors: readonly Floor[],
): VersionedObject | undefined {
  return without(incoming, (dot) => {
    return floors.some((floor) => isUnder(floor, dot)) && !carries(held, dot)
  })
}

/**
 * The copy here after the `answer` of another owner; undefined: it goes. Between owners of one
 * round everything is merged: what only one carries is damage of the other, not death. Between
 * owners of two rounds the lower yields: it drops, and the higher does not take, what the higher
 * lacks at or below its floor.
 */
export function exchanged(
  policy: Policy,
  held: VersionedObject | undefined,
  mine: RoundFloor,
  answer: VersionedObject | undefined,
  theirs: RoundFloor,
): VersionedObject | undefined {
  const isSame =
    held === undefined || answer === undefined ? held === answer : haveSameSiblings(held, answer)
  // Digests are over siblings: what is carried alike is not sent, whatever the contexts say.
  if (isSame) return held
  const isDead = (dot: Dot): boolean =>
    theirs.number < mine.number && isUnder(mine.floor, dot) && !carries(held, dot)
  const isOutlived = (dot: Dot): boolean =>
    mine.number < theirs.number && isUnder(theirs.floor, dot) && !carries(answer, dot)
  let taken = without(answer, isDead)
  // What would go at once is not taken again.
  if (held === undefined && taken !== undefined && isDone(taken, mine.floor)) taken = undefined
  return joined(policy, without(held, isOutlived), taken)
}
