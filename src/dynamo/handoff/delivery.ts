/**
 * Where a hint is delivered, and when it may go (Dynamo 4.6).
 *
 * A hint is kept for one member. It is delivered to that member as long as it owns the key; where
 * it does not any more, to all present owners. It goes once each of them holds it durably, and only
 * if its place has accepted nothing since the delivery began: not even a write that changed
 * nothing, because that write was acknowledged as held here after the owner's copy was.
 *
 * Invariant: a hint that was acknowledged is never dropped for want of room, by age, or because it
 * was sent.
 */
import type { NodeId, Place } from '../names.ts'

/** The members that must hold a hint for `place` before it goes. */
export function targetsOf(place: Place, owners: readonly NodeId[]): readonly NodeId[] {
  return owners.includes(place) ? [place] : owners
}

/** One hint on its way home. */
export class Delivery {
  #hasAccepted = false
  #isGone = false

  /** Its place took a write, or saw that it had it already. */
  onAccepted(): void {
    this.#hasAccepted = true
  }

  /** The hint was removed. */
  onGone(): void {
    this.#isGone = true
  }

  /** Whether the hint may go, once all its targets hold what was sent. */
  get mayGo(): boolean {
    return !this.#hasAccepted && !this.#isGone
  }
}
