/** Owners of a stage in preference lists, and what requests name of it. */
import t from 'tap'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import { claim } from '../../../../src/dynamo/ring/claim.ts'
import { planOf } from '../../../../src/dynamo/ring/plan.ts'
import { StagedLists } from '../../../../src/dynamo/ring/staged-lists.ts'
import { firstStages, type Stages, stagesAfter } from '../../../../src/dynamo/ring/stages.ts'
import { members } from './members.ts'

const BITS = 4
const N = 3

/** Three members became five. */
function grown(): Stages {
  const first = firstStages(claim(members(3), BITS, N).ring)
  const options = { parent: first.table, members: members(5), needed: new Map<NodeId, string>() }
  return stagesAfter(first, planOf({ ...options, without: [], ns: [N], bits: BITS }).table)
}

/** A partition that has a move, and one that has none or another. */
function moving(stages: Stages): number {
  const all = Array.from({ length: 2 ** BITS }, (_, i) => i)
  return all.find((one) => stages.of(one, N).filler !== undefined) as number
}

t.test('the owners are those of the stage, and the filler is a fallback like any', async (t) => {
  const stages = grown()
  const partition = moving(stages)
  const { owners, leaver, filler } = stages.of(partition, N)
  const before = new StagedLists(stages.copy()).ofPartition(partition, N)
  t.strictSame(before.ownerIds, owners)
  t.equal(before.filler, filler)
  t.ok(before.fallbackIds.includes(filler as NodeId))
  t.equal(before.fallbackIds.length, 2)
  stages.advance(partition, N, 1, true)
  const after = new StagedLists(stages.copy()).ofPartition(partition, N)
  t.ok(after.ownerIds.includes(filler as NodeId))
  t.notOk(after.ownerIds.includes(leaver as NodeId))
})

t.test(
  'lists of partitions that have not moved are taken over, the others made anew',
  async (t) => {
    const stages = grown()
    const partition = moving(stages)
    const still = partition === 0 ? 1 : 0
    const one = new StagedLists(stages.copy())
    const [moved, kept] = [one.ofPartition(partition, N), one.ofPartition(still, N)]
    stages.advance(partition, N, 1, true)
    const two = new StagedLists(stages.copy(), one)
    t.equal(two.ofPartition(still, N), kept)
    t.not(two.ofPartition(partition, N), moved)
    t.equal(one.ofPartition(partition, N), moved, 'a request that has begun keeps its owners')
    const others = new StagedLists(firstStages(claim(members(4), BITS, N).ring), two)
    t.not(others.ofPartition(still, N), kept, 'of another table none is taken over')
  },
)

t.test('what a request names differs by the moves of its own partitions alone', async (t) => {
  const stages = grown()
  const partition = moving(stages)
  const still = partition === 0 ? 1 : 0
  const { digest } = stages.table
  const pair = [
    [still, N],
    [partition, N],
  ] as const
  t.strictSame(stages.digestOf(partition, N), digest)
  t.strictSame(stages.digestOfAll(pair), digest)
  t.strictSame(stages.digest, digest)
  stages.advance(partition, N, 1, true)
  t.notSame(stages.digestOf(partition, N), digest)
  t.strictSame(stages.digestOf(still, N), digest)
  t.notSame(stages.digestOfAll(pair), digest)
  t.notSame(stages.digestOfAll(pair), stages.digestOfAll(pair.toReversed()), 'in their order')
  t.notSame(stages.digest, digest)
})
