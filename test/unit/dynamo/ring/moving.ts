/** Tables in effect, with moves that are left, for tests of what goes by stages. */
import type { NodeId } from '../../../../src/dynamo/names.ts'
import { claim } from '../../../../src/dynamo/ring/claim.ts'
import type { Member } from '../../../../src/dynamo/ring/ring.ts'
import {
  firstStages,
  type Stage,
  type Stages,
  stagesAfter,
} from '../../../../src/dynamo/ring/stages.ts'
import { firstTable, tableOf } from '../../../../src/dynamo/ring/table.ts'

export const MOVING_BITS = 4
export const MOVING_N = 3

/** From one set of members to another; those without are dead. No move is done. */
export function moving(
  before: readonly Member[],
  now: readonly Member[],
  without: readonly NodeId[] = [],
  needed: ReadonlyMap<NodeId, string> = new Map(),
): Stages {
  const first = firstTable(claim(before, MOVING_BITS, MOVING_N).ring)
  const { ring } = claim(now, MOVING_BITS, MOVING_N, first.ring)
  const ordered = without.toSorted()
  const fields = { ring, ns: [MOVING_N], without: ordered, needed }
  const table = tableOf({ number: 2, parent: first.digest, ...fields })
  return stagesAfter(firstStages(first.ring), table)
}

/** All partitions whose stage is such a one. */
export function partitionsWhere(stages: Stages, isOne: (stage: Stage) => boolean): number[] {
  const { partitionCount } = stages.table.ring
  const all = Array.from({ length: partitionCount }, (_, i) => i)
  return all.filter((partition) => isOne(stages.of(partition, MOVING_N)))
}
