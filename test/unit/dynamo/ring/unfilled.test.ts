/** Places that came to a member without all that their last owner held. */
import t from 'tap'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import { type Stages, stagesAfter } from '../../../../src/dynamo/ring/stages.ts'
import { tableOf } from '../../../../src/dynamo/ring/table.ts'
import { hasUnfilledPlace } from '../../../../src/dynamo/ring/unfilled.ts'
import { members } from './members.ts'
import { moving, MOVING_N, partitionsWhere } from './moving.ts'

const ALL = members(4)
const [FIRST, , , JOINER] = ALL.map(({ id }) => id) as [NodeId, NodeId, NodeId, NodeId]

/** The fourth member joins: the stages, and a partition that it fills. */
function joining(): { readonly stages: Stages; readonly partition: number } {
  const stages = moving(ALL.slice(0, 3), ALL)
  const [partition] = partitionsWhere(stages, ({ filler }) => filler === JOINER)
  return { stages, partition: partition as number }
}

/** The next table, with the same ring. */
function next(stages: Stages): Stages {
  const { table } = stages
  return stagesAfter(stages, tableOf({ ...table, number: 3, parent: table.digest }))
}

t.test('a place that was handed over whole lacks nothing', async (t) => {
  const { stages, partition } = joining()
  const before = stages.copy()
  stages.advance(partition, MOVING_N, 1, true)
  t.notOk(hasUnfilledPlace(JOINER, before, stages))
  t.notOk(hasUnfilledPlace(JOINER, stages, stages.copy()), 'nor does one that it had')
})

t.test('a place of a leaver that was not whole may lack copies at the new owner', async (t) => {
  const { stages, partition } = joining()
  const before = stages.copy()
  stages.advance(partition, MOVING_N, 1, false)
  t.ok(hasUnfilledPlace(JOINER, before, stages))
  t.notOk(hasUnfilledPlace(FIRST, before, stages), 'no other member has got it')
})

t.test('one that hears of its place after a newer table cannot tell', async (t) => {
  const { stages, partition } = joining()
  const before = stages.copy()
  t.notOk(hasUnfilledPlace(JOINER, before, next(stages)), 'the table begins without a move')
  stages.advance(partition, MOVING_N, 1, true)
  t.ok(hasUnfilledPlace(JOINER, before, next(stages)))
})

t.test('one that hears of its place after a later move of it cannot tell', async (t) => {
  const spares = members(6)
  const stages = moving(spares.slice(0, 3), spares.slice(3))
  const [partition] = partitionsWhere(stages, () => true) as [number]
  const { filler } = stages.of(partition, MOVING_N)
  const before = stages.copy()
  stages.advance(partition, MOVING_N, 1, false)
  stages.advance(partition, MOVING_N, 2, true)
  t.ok(hasUnfilledPlace(filler as NodeId, before, stages), 'only the second was whole')
})
