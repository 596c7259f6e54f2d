/** Counts, for each member, the places that it owns now, and those still to get or to give. */
import type { NodeId } from '../names.ts'
import { ownersOf } from './preference-list.ts'
import type { Stages } from './stages.ts'

/** Places: one for each partition, and N that it is owned for. */
export interface MemberMoves {
  readonly owns: number
  /** It gets them, and has not got them yet. */
  readonly fills: number
  /** It owns them still, and gives them away. */
  readonly leaves: number
}

export const NO_MOVES: MemberMoves = { owns: 0, fills: 0, leaves: 0 }

/** Of all members that own something, or are about to. */
export function memberMovesOf(
  stages: Stages,
  ns: Iterable<number>,
): ReadonlyMap<NodeId, MemberMoves> {
  const counts = new Map<NodeId, { owns: number; fills: number; leaves: number }>()
  const of = (id: NodeId) => {
    const known = counts.get(id) ?? { ...NO_MOVES }
    counts.set(id, known)
    return known
  }
  const { ring } = stages.table
  for (const n of ns) {
    for (let partition = 0; partition < ring.partitionCount; partition++) {
      const { owners } = stages.of(partition, n)
      const target = ownersOf(ring, partition, n).map(({ id }) => id)
      for (const id of owners) {
        of(id).owns += 1
        if (!target.includes(id)) of(id).leaves += 1
      }
      for (const id of target) if (!owners.includes(id)) of(id).fills += 1
    }
  }
  return counts
}

/** Moves that are done, of all partitions and N. */
export function movesDone(stages: Stages): number {
  let done = 0
  for (const n of stages.ns) {
    for (let partition = 0; partition < stages.table.ring.partitionCount; partition++) {
      done += stages.of(partition, n).done
    }
  }
  return done
}
