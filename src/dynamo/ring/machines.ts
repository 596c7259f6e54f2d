/**
 * The machine of a member, as placement and W count machines (Dynamo 4.3).
 *
 * Members that state one machine fail together, so two copies on it are one. While a ring has fewer
 * than N machines this cannot hold, and each member counts as a machine of its own.
 *
 * Invariants:
 *   - The answer depends on the ring and N alone, never on which nodes can be reached.
 *   - The owners in a preference list have distinct machines.
 *
 * Why not the machines of the partitions' owners alone: a member that owns no partition is taken
 * into a preference list where others are too few, and its machine counts there too.
 */
import { assert } from '../../base/assert.ts'
import type { NodeId } from '../names.ts'
import type { Ring } from './ring.ts'

/** Gives the machine of a member. Requires: the node is a member of the ring. */
export type MachineOf = (node: NodeId) => string

/** The machines of the members of `ring` for `n` replicas. */
export function machinesOf(ring: Ring, n: number): MachineOf {
  const machines = new Set(ring.members.map(({ machine }) => machine))
  const isEnough = machines.size >= n
  return (node) => {
    const member = ring.member(node)
    assert(member !== undefined, 'only members of the ring have a machine')
    return isEnough ? member.machine : member.id
  }
}
