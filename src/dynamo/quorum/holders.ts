/**
 * Counts the copies of a write that are on different machines, now and after every delivery.
 *
 * A holder is one acknowledged copy: the machine that it is on, and the machine that it will be on.
 * Both are equal for an owner's own copy. A hint is on the machine of its holder, and will be on
 * that of the owner. Two holders count as two if their pairs share nothing: otherwise a delivery
 * may leave one disk. (Dynamo 4.6)
 *
 *     own copy of a                   a, a
 *     hint for b, on c                c, b      counts beside the own copy of a
 *     hint for a, on d                d, a      does not count beside the own copy of a
 *     hint for e, on c                c, e      does not count beside the hint for b
 *
 * The count is the greatest number of holders that pairwise share nothing. An own copy always
 * belongs to it: all that it excludes has its one machine, so at most one of those would count.
 * What is left are hints, each for one of at most REPLICAS_MAX owners. For them `countHints`
 * keeps the greatest number for each set of owners' machines, which is exact: 128 sets for at most
 * COPIES_PER_PUT_MAX hints are 3,584 steps. Own copies alone take none.
 */
import { assert } from '../../base/assert.ts'
import { COPIES_PER_PUT_MAX, REPLICAS_MAX } from '../../limits.ts'

/** One copy that is durable, or that is asked for. */
export interface Holder {
  readonly on: string
  /** After its hint is delivered; the same machine for an owner's own copy. */
  readonly willBeOn: string
}

/** The greatest number of `holders` that pairwise share no machine. */
export function countApart(holders: readonly Holder[]): number {
  assert(holders.length <= COPIES_PER_PUT_MAX, 'the copies of a put are bounded')
  const machines: string[] = []
  for (const { on, willBeOn } of holders) {
    if (on === willBeOn && !machines.includes(on)) machines.push(on)
  }
  if (machines.length === holders.length) return machines.length
  const hints = holders.filter(
    ({ on, willBeOn }) => !machines.includes(on) && !machines.includes(willBeOn),
  )
  return machines.length + countHints(hints)
}

/**
 * The same for hints alone. A set of owners' machines is a mask of bits; `most` has, for each set,
 * the greatest number of hints that use no other owner's machine. Hints on one machine are taken
 * together, since one of them counts at most.
 */
function countHints(hints: readonly Holder[]): number {
  if (hints.length <= 1) return hints.length
  const owners = [...new Set(hints.map(({ willBeOn }) => willBeOn))]
  assert(owners.length <= REPLICAS_MAX, 'owners are bounded')
  const bitOf = (machine: string): number => {
    const index = owners.indexOf(machine)
    return index === -1 ? 0 : 1 << index
  }
  let most = Array.from({ length: 1 << owners.length }, () => 0)
  for (const machine of new Set(hints.map(({ on }) => on))) {
    const before = most
    most = [...before]
    for (const { on, willBeOn } of hints) {
      if (on !== machine) continue
      const used = bitOf(on) | bitOf(willBeOn)
      for (const [mask, count] of most.entries()) {
        if ((mask & used) === used) most[mask] = Math.max(count, 1 + (before[mask & ~used] ?? 0))
      }
    }
  }
  return most.at(-1) ?? 0
}
