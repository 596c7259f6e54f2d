/** Tables that members adopt, and the owners from which they begin. */
import t from 'tap'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import { claim } from '../../../../src/dynamo/ring/claim.ts'
import { ownersOf } from '../../../../src/dynamo/ring/preference-list.ts'
import type { Member, Ring } from '../../../../src/dynamo/ring/ring.ts'
import { RingView } from '../../../../src/dynamo/ring/ring-view.ts'
import { firstStages, Stages, stagesAfter } from '../../../../src/dynamo/ring/stages.ts'
import {
  firstTable,
  type Table,
  type TableFields,
  tableOf,
} from '../../../../src/dynamo/ring/table.ts'
import { members } from './members.ts'

const BITS = 4
const N = 3
const ALL = members(5)
const [A, B, C, D] = ALL.map(({ id }) => id) as [NodeId, NodeId, NodeId, NodeId]
const FIRST = firstTable(claim(ALL.slice(0, 3), BITS, N).ring)

function view(self: NodeId, directory = 'first'): RingView {
  const kept = { stages: new Stages(FIRST, []), adopted: FIRST, stated: undefined }
  return new RingView({ self, directory, kept })
}

/** Members on their first directories. */
function on(ids: readonly NodeId[]): ReadonlyMap<NodeId, string> {
  return new Map(ids.map((id) => [id, 'first']))
}

function ringOf(of: readonly Member[]): Ring {
  return claim(of, BITS, N, FIRST.ring).ring
}

/** A table that needs all of its members but those without. */
function child(parent: Table, ring: Ring, more: Partial<TableFields> = {}): Table {
  const without = more.without ?? []
  const needed = on(ring.members.map(({ id }) => id).filter((id) => !without.includes(id)))
  const fields = { ns: [N], without, needed, ...more }
  return tableOf({ number: parent.number + 1, parent: parent.digest, ring, ...fields })
}

/** Each tells all others what it knows, until no one hears anything new. */
function tell(views: readonly RingView[]): void {
  for (let isNews = true; isNews; ) {
    isNews = false
    for (const from of views) {
      for (const to of views) if (to !== from && to.hear(from.news)) isNews = true
    }
  }
}

function partitionWithMove(one: RingView): number {
  const { stages } = one
  const all = Array.from({ length: 2 ** BITS }, (_, i) => i)
  return all.find((partition) => stages.of(partition, N).filler !== undefined) as number
}

t.test('a table is in effect when all that it needs have durably adopted it', async (t) => {
  const [a, b, c, d] = [A, B, C, D].map((id) => view(id)) as [
    RingView,
    RingView,
    RingView,
    RingView,
  ]
  const table = child(FIRST, ringOf(ALL.slice(0, 4)))
  a.commit(table)
  t.strictSame(a.missing, [A, B, C, D], 'its own adoption is not durable either')
  tell([a, b, c, d])
  for (const one of [a, b, c, d]) t.equal(one.stages.table, FIRST)
  for (const one of [a, b, d]) one.onDurable(one.adopted)
  tell([a, b, d])
  t.strictSame(a.missing, [C])
  t.ok(a.isFrozen)
  c.onDurable(c.adopted)
  tell([a, c])
  t.equal(a.stages.table, table, 'all have adopted it')
  t.equal(c.stages.table, table)
  t.notOk(a.isFrozen)
  t.strictSame(a.missing, [])
  tell([a, b, c, d])
  t.equal(d.stages.table, table)
  t.ok(partitionWithMove(d) >= 0, 'and its moves begin')
})

t.test('it begins from the newest stage that one of them has stated', async (t) => {
  const views = [A, B, C, D].map((id) => view(id))
  const [a, b, , d] = views as [RingView, RingView, RingView, RingView]
  const table = child(FIRST, ringOf(ALL.slice(0, 4)))
  a.commit(table)
  tell(views)
  for (const one of views) one.onDurable(one.adopted)
  tell(views)
  const partition = partitionWithMove(a)
  // Only B knows that the move is done when it adopts the table that takes the first one back.
  b.stages.advance(partition, N, 1, true)
  const { owners } = b.stages.of(partition, N)
  const back = child(table, FIRST.ring, { needed: on([A, B, C, D]) })
  a.commit(back)
  tell([a, d])
  b.hear(a.news)
  t.notOk(a.stages.advance(partition, N, 1, true) && !a.isFrozen, 'the others end no move')
  for (const one of views) {
    one.hear(a.news)
    one.onDurable(one.adopted)
  }
  tell(views)
  for (const one of views) {
    t.equal(one.stages.table, back)
    t.strictSame(one.stages.of(partition, N).owners, owners, 'the one that had moved moves back')
  }
})

t.test(
  'of two tables from one parent the winner takes effect, and no one adopts the other',
  async (t) => {
    const views = [A, B, C].map((id) => view(id))
    const [a, b] = views as [RingView, RingView]
    const all = [A, B, C]
    const tables = [ringOf(ALL.slice(0, 4)), ringOf([...ALL.slice(0, 3), ALL[4] as Member])].map(
      (ring) => child(FIRST, ring, { needed: on(all) }),
    )
    a.commit(tables[0] as Table)
    b.commit(tables[1] as Table)
    for (const one of views) one.onDurable(one.adopted)
    tell(views)
    for (const one of views) one.onDurable(one.adopted)
    tell(views)
    const winner = a.stages.table
    t.ok(tables.includes(winner))
    for (const one of views) t.equal(one.stages.table, winner)
  },
)

t.test(
  'both sides of a cut name the other as dead: the winner begins where the loser came to',
  async (t) => {
    const views = [A, B, C, D].map((id) => view(id))
    const [a, b, c, d] = views as [RingView, RingView, RingView, RingView]
    const grown = child(FIRST, ringOf(ALL.slice(0, 4)))
    a.commit(grown)
    tell(views)
    for (const one of views) one.onDurable(one.adopted)
    tell(views)
    const left = child(grown, grown.ring, { without: [C, D], needed: on([A, B]) })
    const right = child(grown, grown.ring, { without: [A, B], needed: on([C, D]) })
    a.commit(left)
    c.commit(right)
    for (const side of [
      [a, b],
      [c, d],
    ]) {
      tell(side)
      for (const one of side) one.onDurable(one.adopted)
      tell(side)
    }
    t.equal(b.stages.table, left)
    t.equal(d.stages.table, right, 'both are in effect')
    tell(views)
    for (const one of views) t.equal(one.stages.table, b.stages.table, 'one ring in the end')
  },
)

t.test(
  'a member on a new disk states nothing, unless the table was made for that disk',
  async (t) => {
    const [a, b] = [A, B].map((id) => view(id)) as [RingView, RingView]
    const emptied = view(C, 'second')
    const table = child(FIRST, ringOf(ALL.slice(0, 3)))
    const views = [a, b, emptied]
    a.commit(table)
    tell(views)
    for (const one of views) one.onDurable(one.adopted)
    tell(views)
    t.strictSame(a.missing, [C], 'it may have stated something on the old disk')
    const needed = new Map([...on([A, B]), [C, 'second'] as const])
    const again = child(table, table.ring, { needed })
    b.commit(again)
    tell(views)
    for (const one of views) one.onDurable(one.adopted)
    tell(views)
    t.equal(a.stages.table, again)
  },
)

t.test('after a restart it goes on from what it wrote down', async (t) => {
  const [a, b] = [A, B].map((id) => view(id)) as [RingView, RingView]
  const table = child(FIRST, ringOf(ALL.slice(0, 3)), { needed: on([A, B]) })
  a.commit(table)
  const again = new RingView({ self: A, directory: 'first', kept: a.kept })
  t.equal(again.adopted, table)
  t.strictSame(again.missing, [B], 'what is kept is durable')
  b.hear(again.news)
  b.onDurable(b.adopted)
  tell([again, b])
  t.equal(again.stages.table, table)
})

t.test('a member on another disk than the table was made for may have given places', async (t) => {
  const table = child(FIRST, ringOf(ALL.slice(0, 4)))
  const kept = { stages: stagesAfter(firstStages(FIRST.ring), table), adopted: table }
  const viewOn = (directory: string): RingView =>
    new RingView({ self: A, directory, kept: { ...kept, stated: undefined } })
  const [same, other] = [viewOn('first'), viewOn('second')]
  const all = Array.from({ length: 2 ** BITS }, (_, i) => i)
  const gives = all.find((one) => same.stages.of(one, N).leaver === A) as number
  const keeps = all.find((one) => {
    return ownersOf(table.ring, one, N).some(({ id }) => id === A)
  }) as number
  t.notOk(same.isOnOtherDisk || same.mayHaveGiven(N, gives))
  t.ok(other.isOnOtherDisk && other.mayHaveGiven(N, gives))
  t.notOk(other.mayHaveGiven(N, keeps), 'the table leads to it')
  t.ok(other.mayHaveGiven(N, 0, all.length - 1), 'one of them')
  other.commit(child(table, ringOf(ALL.slice(0, 4))))
  t.ok(other.mayHaveGiven(N, keeps), 'a newer table may be in effect elsewhere')
})
