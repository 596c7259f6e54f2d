/** What a plan leads to: moves, machines at each step, losses, and the places of each member. */
import t from 'tap'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import { claim } from '../../../../src/dynamo/ring/claim.ts'
import { memberMovesOf, movesDone } from '../../../../src/dynamo/ring/member-moves.ts'
import { lossesOf, type Outlook, outlooksOf } from '../../../../src/dynamo/ring/outlook.ts'
import { isSamePlan, type Plan, planOf, takenBack } from '../../../../src/dynamo/ring/plan.ts'
import type { Member } from '../../../../src/dynamo/ring/ring.ts'
import { firstStages, type Stages, stagesAfter } from '../../../../src/dynamo/ring/stages.ts'
import { compareTables, type Table } from '../../../../src/dynamo/ring/table.ts'
import { members } from './members.ts'

const BITS = 5
const NEEDS = [
  { n: 3, w: 2 },
  { n: 1, w: 1 },
]

function begun(by: readonly Member[]): Stages {
  return firstStages(claim(by, BITS, 3).ring)
}

function plan(present: Stages, now: readonly Member[], without: readonly NodeId[] = []): Plan {
  const needed = new Map(now.map(({ id }) => [id, 'directory']))
  const asked = { members: now, needed, without, ns: NEEDS.map(({ n }) => n), bits: BITS }
  return planOf({ parent: present.table, ...asked })
}

function outlooks(
  present: Stages,
  now: readonly Member[],
  dead: readonly NodeId[] = [],
): readonly Outlook[] {
  return outlooksOf(present, plan(present, now, dead).table, new Set(dead))
}

t.test('a join moves the share of the joiner, for each N, and loses nothing', async (t) => {
  const found = outlooks(begun(members(3)), members(4))
  const three = { owners: 3, machines: 3 }
  const one = { owners: 1, machines: 1 }
  t.same(found, [
    { n: 1, moves: 8, replicas: 32, placed: one, before: one, during: one, after: one },
    { n: 3, moves: 24, replicas: 96, placed: three, before: three, during: three, after: three },
  ])
  t.same(lossesOf(found, NEEDS), [])
})

t.test('a leave below N machines, and below W owners, is told', async (t) => {
  const present = begun(members(3))
  const two = lossesOf(outlooks(present, members(2)), NEEDS)
  t.same(two, ['copies of buckets with N=3 would be on 2 machines'])
  const one = lossesOf(outlooks(present, members(1)), NEEDS)
  t.match(one, [/on one machine$/, /^some keys .* one owner that lives, and W=2 of them must/])
})

t.test('members of one machine count by themselves', async (t) => {
  const shared = (count: number): Member[] => members(count, () => ({ machine: 'm' }))
  const present = begun(shared(5))
  t.same(lossesOf(outlooks(present, shared(3)), NEEDS), [], 'it is on one machine as before')
  const few = lossesOf(outlooks(present, shared(2)), NEEDS)
  t.same(few, ['buckets with N=3 would have 2 owners of a key'])
})

t.test('the dead count for nothing until others have filled what they had', async (t) => {
  const present = begun(members(5))
  const [a, b, c] = members(3).map(({ id }) => id) as [NodeId, NodeId, NodeId]
  const one = outlooks(present, members(5).slice(1), [a]).find(({ n }) => n === 3)
  t.match(one, { placed: { owners: 3 }, before: { owners: 2 }, during: { owners: 2 } })
  t.match(one, { after: { owners: 3 } })
  const second = outlooks(present, members(5).slice(2), [a, b]).filter(({ n }) => n === 3)
  t.match(lossesOf(second, NEEDS), [/^some keys .* one owner that lives, and W=2/])
  const third = outlooks(present, members(5).slice(3), [a, b, c]).filter(({ n }) => n === 3)
  t.match(lossesOf(third, NEEDS), [/on 2 machines$/, /all owners would be dead: they are lost$/])
})

t.test('a plan of the same members changes nothing, unless a table is under way', async (t) => {
  const present = begun(members(4))
  const inEffect = { adopted: present.table, stages: present }
  const same = plan(present, members(4)).table
  t.ok(isSamePlan(same, inEffect))
  t.notOk(isSamePlan(plan(present, members(5)).table, inEffect))
  t.notOk(isSamePlan(same, { adopted: same, stages: present }), 'it is committed once more')
  const [dead] = members(1).map(({ id }) => id)
  const without = plan(present, members(4), [dead as NodeId]).table
  t.notOk(isSamePlan(without, inEffect), 'one is named as dead')
  const again = { adopted: without, stages: stagesAfter(present, without) }
  t.ok(isSamePlan(plan(again.stages, members(4), [dead as NodeId]).table, again))
})

t.test('while moves are left, the same plan is news once a member has lost its disk', async (t) => {
  const first = begun(members(4))
  const [lost] = members(1).map(({ id }) => id) as [NodeId]
  const tableFor = (of: Stages, directory: string): Table => ({
    ...plan(of, members(5)).table,
    needed: new Map([[lost, directory]]),
  })
  const moving = stagesAfter(first, tableFor(first, 'old'))
  const inEffect = { adopted: moving.table, stages: moving }
  t.ok(moving.left > 0)
  t.ok(isSamePlan(tableFor(moving, 'old'), inEffect))
  t.notOk(isSamePlan(tableFor(moving, 'new'), inEffect))
  const done = stagesAfter(moving, tableFor(moving, 'old'))
  for (const n of done.ns) {
    for (let partition = 0; partition < done.table.ring.partitionCount; partition++) {
      while (done.of(partition, n).filler ?? done.of(partition, n).leaver) {
        done.advance(partition, n, done.of(partition, n).done + 1, true)
      }
    }
  }
  t.equal(done.left, 0)
  t.ok(isSamePlan(tableFor(done, 'new'), { adopted: done.table, stages: done }))
})

t.test('a table is taken back by a newer one, with the owners in effect', async (t) => {
  const stages = begun(members(3))
  const adopted = plan(stages, members(4)).table
  const back = takenBack({ adopted, stages }, { needed: new Map(), without: [], ns: [3, 1] })
  t.ok(compareTables(back, adopted) > 0)
  t.same(back.parent, adopted.digest)
  t.equal(back.ring, stages.table.ring)
  t.same(back.ns, [1, 3])
  const after = stagesAfter(stages, back)
  t.equal(after.left, 0)
})

t.test('places are counted by member while they move', async (t) => {
  const present = begun(members(3))
  const stages = stagesAfter(present, plan(present, members(4)).table)
  const [first, , , joiner] = members(4).map(({ id }) => id)
  const before = memberMovesOf(stages, [3])
  t.same(before.get(joiner as NodeId), { owns: 0, fills: 24, leaves: 0 })
  t.same(before.get(first as NodeId), { owns: 32, fills: 0, leaves: 8 })
  t.equal(movesDone(stages), 0)
  for (const n of stages.ns) {
    for (let partition = 0; partition < 32; partition++) {
      if (stages.of(partition, n).filler !== undefined) stages.advance(partition, n, 1, true)
    }
  }
  t.same(memberMovesOf(stages, [3]).get(joiner as NodeId), { owns: 24, fills: 0, leaves: 0 })
  t.equal(movesDone(stages), 32)
})
