/**
 * State a belief. A false one is our bug, and ends the process.
 *
 * Beliefs are about our own code only: nothing that a client, a peer, a disk or a network controls
 * is ever asserted; that is an `OperatingError`, or an outcome. Assertions stay on in production
 * and have no side effects.
 */

/** What a false belief throws. Nobody catches it but the process that records it and ends. */
export class BrokenBelief extends Error {
  override readonly name = 'BrokenBelief'
}

/** Throws `BrokenBelief` unless `condition` holds; `belief` states in the positive what should. */
export function assert(condition: boolean, belief: string): asserts condition {
  if (!condition) throw new BrokenBelief(`not so: ${belief}`)
}

/** The end of an exhaustive `switch`: the compiler proves that no case is left. */
export function unreachable(value: never): never {
  throw new BrokenBelief(`no such case: ${JSON.stringify(value)}`)
}
