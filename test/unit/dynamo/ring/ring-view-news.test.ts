/** News of tables that a member must not follow. */
import t from 'tap'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import { claim } from '../../../../src/dynamo/ring/claim.ts'
import { takenBack } from '../../../../src/dynamo/ring/plan.ts'
import type { Member } from '../../../../src/dynamo/ring/ring.ts'
import { RingView } from '../../../../src/dynamo/ring/ring-view.ts'
import { firstStages, stagesAfter } from '../../../../src/dynamo/ring/stages.ts'
import {
  compareTables,
  firstTable,
  type Table,
  tableOf,
} from '../../../../src/dynamo/ring/table.ts'
import { members } from './members.ts'
import { MOVING_BITS, MOVING_N } from './moving.ts'

const ALL = members(5)
const [A, B, C] = ALL.map(({ id }) => id) as [NodeId, NodeId, NodeId]
const FIRST = firstTable(claim(ALL.slice(0, 3), MOVING_BITS, MOVING_N).ring)

function view(self: NodeId): RingView {
  const kept = { stages: firstStages(FIRST.ring), adopted: FIRST, stated: undefined }
  return new RingView({ self, directory: 'first', kept })
}

function child(by: readonly Member[], needed: readonly NodeId[], without: NodeId[] = []): Table {
  const { ring } = claim(by, MOVING_BITS, MOVING_N, FIRST.ring)
  const of = { ring, ns: [MOVING_N], without, needed: new Map(needed.map((id) => [id, 'first'])) }
  return tableOf({ number: 2, parent: FIRST.digest, ...of })
}

t.test('a member that has adopted a table takes no lower one of the same parent', async (t) => {
  const two = [child(ALL.slice(0, 4), [A, B, C]), child(ALL, [A, B, C])]
  const [lower, higher] = two.toSorted(compareTables) as [Table, Table]
  const [a, b] = [view(A), view(B)]
  a.commit(higher)
  b.commit(lower)
  t.notOk(a.hear(b.news), 'no news')
  t.equal(a.adopted, higher)
  t.ok(b.hear(a.news))
  t.equal(b.adopted, higher)
})

t.test(
  'more partitions take effect while they are taken back: all follow in the end',
  async (t) => {
    const [a, b, c] = [view(A), view(B), view(C)]
    const { ring } = claim(ALL.slice(0, 3), MOVING_BITS + 1, MOVING_N, FIRST.ring)
    const split = tableOf({ ...child(ALL.slice(0, 3), [A, B, C]), ring })
    a.commit(split)
    a.onDurable(split)
    const tell = (from: RingView, to: RingView): void => {
      t.ok(to.mayHear(from.news))
      to.hear(from.news)
      to.onDurable(to.adopted)
    }
    tell(a, c)
    tell(c, b)
    t.equal(b.stages.table, split, 'it is in effect where all that adopted it are known')
    t.ok(a.isFrozen)
    const { needed, without, ns } = split
    a.commit(takenBack(a, { needed, without, ns }))
    a.onDurable(a.adopted)
    // It is heard once it knows of the table in effect: each tells the other.
    tell(b, a)
    tell(a, b)
    tell(b, c)
    tell(c, a)
    tell(a, b)
    for (const one of [a, b, c]) {
      t.equal(one.stages.table.number, 3)
      t.equal(one.stages.left, 0)
      t.equal(one.stages.table.ring.bits, MOVING_BITS + 1)
    }
  },
)

t.test('one that a table names as dead states nothing, though it lives', async (t) => {
  const [a, c] = [view(A), view(C)]
  a.commit(child(ALL.slice(0, 2), [A, B], [C]))
  c.hear(a.news)
  c.onDurable(c.adopted)
  const { seen, stated } = c.news
  t.strictSame([seen, stated], [[], undefined])
})

t.test('it tells of its own adoption once that is durable', async (t) => {
  const a = view(A)
  a.commit(child(ALL.slice(0, 4), [A, B, C]))
  t.strictSame(a.news.seen, [])
  a.onDurable(FIRST)
  t.strictSame(a.news.seen, [], 'what is durable is the table before')
  a.onDurable(a.adopted)
  t.strictSame(a.news.seen, [A])
})

t.test(
  'what a member said on a lost disk is not heard after a table for its new one',
  async (t) => {
    const four = ALL.slice(0, 4)
    const [D] = four.slice(-1).map(({ id }) => id) as [NodeId]
    const first = child(four, [A, B, C, D])
    const viewIn = (self: NodeId): RingView => {
      const stages = stagesAfter(firstStages(FIRST.ring), first)
      return new RingView({
        self,
        directory: 'first',
        kept: { stages, adopted: first, stated: undefined },
      })
    }
    const [a, b] = [viewIn(A), viewIn(B)]
    const all = Array.from({ length: 2 ** MOVING_BITS }, (_, i) => i)
    const partition = all.find((one) => a.stages.of(one, MOVING_N).leaver === A) as number
    const { owners } = a.stages.of(partition, MOVING_N)
    a.stages.advance(partition, MOVING_N, 1, true)
    const { news: late } = a
    const moved = a.stages.of(partition, MOVING_N).owners

    const { ring, ns, without } = first
    const needed = new Map([...first.needed, [A, 'second']])
    const newer = tableOf({ number: 3, parent: first.digest, ring, ns, without, needed })
    b.commit(newer)
    t.notOk(b.hear(late), 'the newer table begins without that move')
    t.strictSame(b.stages.of(partition, MOVING_N).owners, owners)

    const [other, same] = [viewIn(C), viewIn(D)]
    t.ok(other.hear(late), 'it is heard before')
    t.strictSame(other.stages.of(partition, MOVING_N).owners, moved)
    same.commit(tableOf({ ...newer, needed: first.needed }))
    t.ok(same.hear(late), 'and after a table for the same disks')
  },
)
