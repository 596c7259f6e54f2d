/** Compares two tables: which replicas move, from which member to which. */
import { assert } from '../../base/assert.ts'
import { ownersOf } from './preference-list.ts'
import type { Member, Ring } from './ring.ts'

export interface Move {
  readonly partition: number
  /** None if the partition had fewer owners. */
  readonly from: Member | undefined
  /** None if it has fewer now. */
  readonly to: Member | undefined
}

/** The moves at N from `before` to `after`. Requires: `after` has as many partitions, or more. */
export function movesOf(before: Ring, after: Ring, n: number): readonly Move[] {
  const split = after.bits - before.bits
  assert(split >= 0, 'partitions never become fewer')
  const moves: Move[] = []
  for (let partition = 0; partition < after.partitionCount; partition++) {
    const old = ownersOf(before, partition >>> split, n)
    const now = ownersOf(after, partition, n)
    const left = old.filter(({ id }) => now.every((one) => one.id !== id))
    const came = now.filter(({ id }) => old.every((one) => one.id !== id))
    for (let i = 0; i < Math.max(left.length, came.length); i++) {
      moves.push({ partition, from: left[i], to: came[i] })
    }
  }
  return moves
}
