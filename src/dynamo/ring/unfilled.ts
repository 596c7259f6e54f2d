/**
 * Finds places that came to a member without all that their last owner held: its own disk was lost,
 * or this member heard of its place so late that it cannot tell.
 *
 * Source: docs/design.md, moves of places; test/model/ownership.
 */
import type { NodeId } from '../names.ts'
import type { Stages } from './stages.ts'
import { compareTables } from './table.ts'

/**
 * Whether the member owns something at `now` that it did not own at `before`, and that it may lack
 * copies of. Requires: `now` has as many partitions, or more.
 */
export function hasUnfilledPlace(self: NodeId, before: Stages, now: Stages): boolean {
  const isSame = compareTables(before.table, now.table) === 0
  const split = now.table.ring.bits - before.table.ring.bits
  return now.ns.some((n) => {
    const known = before.doneOf(n)
    return now.doneOf(n).some((byte, partition) => {
      if (isSame && byte === known[partition]) return false
      const stage = now.of(partition, n)
      const last = before.of(partition >>> split, n)
      if (!stage.owners.includes(self) || last.owners.includes(self)) return false
      // What a stage says of being filled is of its last move alone.
      const isNext = isSame && stage.done === last.done + 1
      return !isNext || !stage.isFilled
    })
  })
}
