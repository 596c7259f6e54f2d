/**
 * Assertions: a false one is a bug of this program and ends the process.
 *
 * Assertions are about this program only. Input from a client, a peer, a disk or a network is never
 * asserted: it leads to an `OperatingError` or an outcome. Assertions stay on in production and
 * have no side effects.
 */

/** Thrown by a false assertion. Only the process catches it: it records the error and ends. */
export class BrokenBelief extends Error {
  override readonly name = 'BrokenBelief'
}

/** Throws `BrokenBelief` unless `condition` holds; `belief` is the condition in words. */
export function assert(condition: boolean, belief: string): asserts condition {
  if (!condition) throw new BrokenBelief(`not so: ${belief}`)
}

/** The end of an exhaustive `switch`: the compiler proves that no case is left. */
export function unreachable(value: never): never {
  throw new BrokenBelief(`no such case: ${JSON.stringify(value)}`)
}
