/** Owners and requests' digests while moves are under way. */
import t from 'tap'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import { StagedLists } from '../../../../src/dynamo/ring/staged-lists.ts'
import { members } from './members.ts'
import { moving, MOVING_N, partitionsWhere } from './moving.ts'

const ALL = members(4)
const JOINER = ALL[3]?.id as NodeId

t.test('the filler counts for nothing until its move is done', async (t) => {
  const stages = moving(ALL.slice(0, 3), ALL)
  const [partition] = partitionsWhere(stages, ({ filler }) => filler === JOINER) as [number]
  const { leaver } = stages.of(partition, MOVING_N)
  const before = new StagedLists(stages.copy()).ofPartition(partition, MOVING_N)
  t.same(before.ownerIds.length, MOVING_N)
  t.notOk(before.ownerIds.includes(JOINER))
  t.ok(before.ownerIds.includes(leaver as NodeId))
  t.equal(before.filler, JOINER)
  stages.advance(partition, MOVING_N, 1, true)
  const { ownerIds, filler } = new StagedLists(stages).ofPartition(partition, MOVING_N)
  t.ok(ownerIds.includes(JOINER))
  t.notOk(ownerIds.includes(leaver as NodeId))
  t.equal(filler, undefined)
})

t.test('a request about a key names the stage of its partition', async (t) => {
  const stages = moving(ALL.slice(0, 3), ALL)
  const [one, two] = partitionsWhere(stages, ({ filler }) => filler === JOINER) as [number, number]
  const digests = [one, two].map((partition) => stages.digestOf(partition, MOVING_N))
  const both = [[one, MOVING_N] as const, [two, MOVING_N] as const]
  const ofBoth = stages.digestOfAll(both)
  stages.advance(one, MOVING_N, 1, true)
  t.notSame(stages.digestOf(one, MOVING_N), digests[0], 'it has moved')
  t.same(stages.digestOf(two, MOVING_N), digests[1], 'the other one has not')
  t.notSame(stages.digestOfAll(both), ofBoth)
})

t.test('lists that are taken over follow the stage', async (t) => {
  const stages = moving(ALL.slice(0, 3), ALL)
  const [partition] = partitionsWhere(stages, ({ filler }) => filler === JOINER) as [number]
  const before = new StagedLists(stages.copy())
  before.ofPartition(partition, MOVING_N)
  stages.advance(partition, MOVING_N, 1, true)
  const { ownerIds } = new StagedLists(stages, before).ofPartition(partition, MOVING_N)
  t.ok(ownerIds.includes(JOINER))
})
