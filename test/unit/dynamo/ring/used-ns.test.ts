/** An N that came into use under a table stays in use under the next one, with its owners. */
import t from 'tap'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import { claim } from '../../../../src/dynamo/ring/claim.ts'
import { stagesBytes, stagesOfBytes } from '../../../../src/dynamo/ring/ring-bytes.ts'
import { RingView } from '../../../../src/dynamo/ring/ring-view.ts'
import { firstStages, type Stages } from '../../../../src/dynamo/ring/stages.ts'
import { firstTable, type Table, tableOf } from '../../../../src/dynamo/ring/table.ts'
import { members } from './members.ts'

const BITS = 4
const ALL = members(4)
const [A, B, C, D] = ALL.map(({ id }) => id) as [NodeId, NodeId, NodeId, NodeId]
const FIRST = firstTable(claim(ALL.slice(0, 3), BITS, 3).ring)

function view(self: NodeId): RingView {
  const kept = { stages: firstStages(FIRST.ring), adopted: FIRST, stated: undefined }
  return new RingView({ self, directory: 'first', kept })
}

/** All four own; its operator knows buckets of three copies alone. */
function next(without: readonly NodeId[] = []): Table {
  const { ring } = claim(ALL, BITS, 3, FIRST.ring)
  const ids = ALL.map(({ id }) => id).filter((id) => !without.includes(id))
  const needed = new Map(ids.map((id) => [id, 'first']))
  const fields = { ring, ns: [3], without, needed }
  return tableOf({ number: 2, parent: FIRST.digest, ...fields })
}

function ownersOf(stages: Stages, n: number): readonly (readonly NodeId[])[] {
  return Array.from({ length: 2 ** BITS }, (_, partition) => stages.of(partition, n).owners)
}

/** Each tells all others what it has made durable. */
function tell(views: readonly RingView[]): void {
  for (let isNews = true; isNews; ) {
    isNews = false
    for (const from of views) {
      from.onDurable(from.adopted)
      for (const to of views) if (to !== from && to.hear(from.news)) isNews = true
    }
  }
}

void t.test('an N that the operator did not know moves from its owners of before', (t) => {
  const [a, b, c, d] = [A, B, C, D].map(view) as [RingView, RingView, RingView, RingView]
  t.ok(c.use(1), 'the others have not heard')
  const before = ownersOf(c.stages, 1)
  a.commit(next())
  tell([a, b, c, d])
  for (const one of [a, b, c, d]) {
    t.equal(one.stages.table.number, 2)
    t.same(ownersOf(one.stages, 1), before, 'no owner has moved yet')
    t.same(one.stages.ns, [3, 1])
  }
  const moves = a.stages.left
  t.ok(ownersOf(firstStages(next().ring), 1).some(([owner], i) => owner !== before[i]?.[0]))
  t.ok(a.stages.ns.includes(1) && moves > 0)
  t.end()
})

void t.test('an N comes into use before a table is adopted or after it is in effect', (t) => {
  const [a, b, c, d] = [A, B, C, D].map(view) as [RingView, RingView, RingView, RingView]
  a.commit(next())
  t.ok(a.isFrozen)
  t.notOk(a.use(2), 'its statement is made')
  t.ok(b.use(2), 'b has not heard of the table')
  a.hear({ ...b.news, adopted: FIRST, stated: undefined })
  t.notOk(a.use(2), 'also where another member says that it is in use')
  tell([a, b, c, d])
  t.notOk(a.isFrozen)
  t.ok(a.use(2))
  t.same(a.stages.ns, [3, 2], 'b has stated it')
  t.ok(a.use(5), 'no owners to move from')
  t.same(a.stages.of(0, 5).filler, undefined)
  t.end()
})

void t.test('an N in use is news of the stages, and names itself in the digest of all', (t) => {
  const [a, b] = [view(A), view(B)]
  const digest = a.stages.digest
  const one = a.stages.digestOf([[3, 2]])
  t.ok(a.use(2))
  t.notSame(a.stages.digest, digest, 'rounds go by it: all must compare its tree')
  t.same(a.stages.digestOf([[3, 2]]), one, 'moves go by what has moved')
  t.ok(b.hear(a.news))
  t.notOk(b.hear(a.news))
  t.same(b.stages.digest, a.stages.digest)
  const [x, y] = [view(A), view(A)]
  t.ok(x.use(5) && x.use(2) && y.use(2) && y.use(5))
  t.same(x.stages.digest, y.stages.digest, 'in whichever order')
  t.same(stagesOfBytes(stagesBytes(x.stages))?.ns, [5, 2])
  t.end()
})
