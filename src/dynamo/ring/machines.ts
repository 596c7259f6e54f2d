/**
 * The machine of a member, as placement and W count machines (Dynamo 4.3).
 *
 * Members that state one machine fail together, so two copies on it are one. While a ring has fewer
 * than N machines this cannot hold, and each member counts as a machine of its own. So it is too
 * where the owners of a partition share a machine still, on their way to a ring that has enough.
 *
 * Invariants:
 *   - The answer depends on the stage and N alone, never on which nodes can be reached.
 *   - The owners in a preference list have distinct machines.
 *
 * Why not the machines of the partitions' owners alone: a member that owns no partition is taken
 * into a preference list where others are too few, and its machine counts there too.
 */
import { assert } from '../../base/assert.ts'
import type { NodeId } from '../names.ts'
import type { Stages } from './stages.ts'

/** Gives the machine of a member. Requires: the node is an owner, or a member of the ring. */
export type MachineOf = (node: NodeId) => string

export class Machines {
  readonly #machineOf: MachineOf
  readonly #isEnough: boolean

  /** The machines for `n` replicas. */
  constructor(stages: Stages, n: number) {
    const { members } = stages.table.ring
    this.#isEnough = new Set(members.map(({ machine }) => machine)).size >= n
    this.#machineOf = (node) => {
      const owner = stages.ownerOf(node)
      assert(owner !== undefined, 'only owners and members of the ring have a machine')
      return owner.machine
    }
  }

  /** As copies beside those of `owners` count them. */
  beside(owners: readonly NodeId[]): MachineOf {
    const isApart = this.#isEnough && new Set(owners.map(this.#machineOf)).size === owners.length
    return isApart ? this.#machineOf : itself
  }
}

function itself(node: NodeId): string {
  return node
}
