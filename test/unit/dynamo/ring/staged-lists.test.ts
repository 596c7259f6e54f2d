/** Owners and requests' digests while moves are under way. */
import t from 'tap'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import { joinedDigest, ownersDigest } from '../../../../src/dynamo/ring/owners-digest.ts'
import { planOf } from '../../../../src/dynamo/ring/plan.ts'
import type { RingDigest } from '../../../../src/dynamo/ring/ring.ts'
import { StagedLists } from '../../../../src/dynamo/ring/staged-lists.ts'
import { type Stages, stagesAfter } from '../../../../src/dynamo/ring/stages.ts'
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
  t.ok(before.fallbackIds.includes(JOINER), 'it is a fallback like any')
  stages.advance(partition, MOVING_N, 1, true)
  const { ownerIds, filler } = new StagedLists(stages).ofPartition(partition, MOVING_N)
  t.ok(ownerIds.includes(JOINER))
  t.notOk(ownerIds.includes(leaver as NodeId))
  t.equal(filler, undefined)
})

/** Those that begin where the moves of these have come to, and lead to the same members. */
function committedAgain(stages: Stages): Stages {
  const { ring, ns } = stages.table
  const options = { parent: stages.table, members: ring.members, bits: ring.bits, ns }
  return stagesAfter(stages, planOf({ ...options, without: [], needed: new Map() }).table)
}

t.test(
  'a request names the owners of its keys: their moves change that, and no other',
  async (t) => {
    const stages = moving(ALL.slice(0, 3), ALL)
    const [one, two] = partitionsWhere(stages, ({ filler }) => filler === JOINER) as [
      number,
      number,
    ]
    const both = [[one, MOVING_N] as const, [two, MOVING_N] as const]
    const before = new StagedLists(stages.copy())
    const digestIn = (lists: StagedLists, partition: number): RingDigest =>
      lists.ofPartition(partition, MOVING_N).digest
    stages.advance(one, MOVING_N, 1, true)
    const after = new StagedLists(stages.copy(), before)
    t.notSame(digestIn(after, one), digestIn(before, one), 'it has moved')
    t.same(digestIn(after, two), digestIn(before, two), 'the other one has not')
    t.notSame(after.digestOf(both), before.digestOf(both))
    const reversed = both.toReversed()
    t.notSame(after.digestOf(reversed), before.digestOf(reversed), 'the second one has moved')
    t.notSame(after.digestOf(both), after.digestOf(both.toReversed()), 'in their order')
    const next = new StagedLists(committedAgain(stages))
    t.same(digestIn(next, one), digestIn(after, one), 'another table changes nothing by itself')
    t.same(next.digestOf(both), after.digestOf(both))
  },
)

t.test('a place that has gone and come back is named differently', async (t) => {
  const stages = moving(ALL.slice(0, 3), ALL)
  const [partition] = partitionsWhere(stages, ({ filler }) => filler === JOINER) as [number]
  const before = new StagedLists(stages.copy()).ofPartition(partition, MOVING_N)
  stages.advance(partition, MOVING_N, 1, true)
  const { ns } = stages.table
  const members = ALL.slice(0, 3)
  const options = { parent: stages.table, members, bits: stages.table.ring.bits, ns }
  const back = stagesAfter(stages, planOf({ ...options, without: [], needed: new Map() }).table)
  back.advance(partition, MOVING_N, 1, true)
  const after = new StagedLists(back).ofPartition(partition, MOVING_N)
  t.same(after.ownerIds, before.ownerIds)
  t.notSame(after.digest, before.digest, 'a read from before must not count what is answered now')
})

t.test('a request names which owners count for nothing, being dead', async (t) => {
  const ids = ALL.slice(0, 3).map(({ id }) => id)
  const all = ownersDigest(ids, 0, [])
  t.notSame(ownersDigest(ids, 0, [ids[0] as NodeId]), all)
  t.same(ownersDigest(ids, 0, [JOINER]), all, 'one that owns nothing here')
  t.notSame(ownersDigest(ids.toReversed(), 0, []), all, 'in their places')
  t.notSame(ownersDigest(ids, 2, []), all, 'one of them has gone and come back')
})

t.test('a request about several keys is refused where one side has split partitions', async (t) => {
  const digests = [ownersDigest([JOINER], 0, [])]
  t.notSame(joinedDigest(4, digests), joinedDigest(5, digests))
})

t.test('those who move places agree on the stages: another table is another one', async (t) => {
  const stages = moving(ALL.slice(0, 3), ALL)
  const [one, two] = partitionsWhere(stages, ({ filler }) => filler === JOINER) as [number, number]
  const of = (partition: number): RingDigest => stages.digestOf([[partition, MOVING_N]])
  const [before, other] = [of(one), of(two)]
  t.notSame(committedAgain(stages).digestOf([[one, MOVING_N]]), before)
  stages.advance(one, MOVING_N, 1, true)
  t.notSame(of(one), before)
  t.same(of(two), other)
})

t.test('lists that have not moved are taken over, the others made anew', async (t) => {
  const stages = moving(ALL.slice(0, 3), ALL)
  const [one, two] = partitionsWhere(stages, ({ filler }) => filler === JOINER) as [number, number]
  const before = new StagedLists(stages.copy())
  const [moved, kept] = [one, two].map((partition) => before.ofPartition(partition, MOVING_N))
  stages.advance(one, MOVING_N, 1, true)
  const after = new StagedLists(stages.copy(), before)
  t.equal(after.ofPartition(two, MOVING_N), kept)
  t.ok(after.ofPartition(one, MOVING_N).ownerIds.includes(JOINER))
  t.equal(before.ofPartition(one, MOVING_N), moved, 'a request that has begun keeps its owners')
  const next = new StagedLists(committedAgain(stages), after)
  t.not(next.ofPartition(two, MOVING_N), kept, 'of another table none is taken over')
})
