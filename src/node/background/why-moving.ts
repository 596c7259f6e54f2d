/**
 * Why places, or copies, are on their way: rounds wait for them, and so does a member that leaves.
 *
 * All is judged by the stages in force, by which a donor counts its copies too. The view of the
 * ring is ahead of them while it is written: by it no move may be left, while the donor has nothing
 * to give yet.
 */
import { equalU64 } from '../../base/u64.ts'
import type { RingView } from '../../dynamo/ring/ring-view.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Donor } from './donor.ts'

export interface Moving {
  readonly topology: Pick<Topology, 'stages'>
  readonly rings: { readonly view: Pick<RingView, 'adopted'> }
}

/** Requires: all copies here are counted. */
export function whyMoving(
  { topology, rings }: Moving,
  donor: Pick<Donor, 'left'>,
): string | undefined {
  const { table, left } = topology.stages
  if (!equalU64(rings.view.adopted.digest, table.digest)) {
    return 'a table waits for members to adopt it'
  }
  if (left > 0) return 'places are being moved'
  return donor.left > 0 ? 'this node gives copies away that it does not own' : undefined
}
