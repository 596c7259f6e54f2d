/** The whole view: members, their lives, operators' changes, and lies. */
import t from 'tap'
import { MemberState } from '../../../../src/dynamo/membership/member-record.ts'
import { INCARNATION_MAX } from '../../../../src/dynamo/membership/standings.ts'
import { VERSION_LEAP } from '../../../../src/dynamo/membership/members.ts'
import { id, record, records, Table } from './samples.ts'

const MONTHS_13 = 13 * 30 * 86_400_000
const YEARS_50 = 50 * 365 * 86_400_000

const lies = (table: Table): number =>
  table.told.filter(({ action }) => action.kind === 'lies').length

t.test('an operator changes a member anywhere, and all learn it, to write it down', async (t) => {
  const table = new Table(8)
  table.act(2, (view, now) => view.change(id(5), { weight: 7 }, now))
  table.run(8_000)
  for (const { view } of table.seats.values()) t.equal(view.members.get(id(5))?.weight, 7)
  const written = table.told.filter(({ action }) => action.kind === 'record')
  t.equal(written.length, 8, 'each member once, the changed one too')
  table.act(5, (view, now) => view.change(id(5), { state: MemberState.leaving }, now))
  table.run(8_000)
  for (const { view } of table.seats.values()) {
    t.equal(view.members.get(id(5))?.state, MemberState.leaving)
  }
})

t.test('a member joins by one that vouches for it, and gets all records', async (t) => {
  const table = new Table(8)
  const joiner = record(20, { sponsor: id(3), by: id(3) })
  table.act(3, (view, now) => view.introduce(joiner, now))
  table.seat(joiner, [record(3)], { isJoining: true })
  table.act(20, (view, now) => view.onConnected(id(3), now))
  table.run(10_000)
  for (const { view } of table.seats.values()) {
    t.equal(view.members.size, 9)
    t.same(view.members.digest.total, table.view(0).members.digest.total)
  }
})

t.test('a node that joins judges no one before it knows the others', async (t) => {
  const table = new Table(3)
  const joiner = record(20, { sponsor: id(1), by: id(1) })
  const view = table.seat(joiner, [record(1)], { isJoining: true })
  table.cut.add(`${id(1)} ${joiner.id}`)
  table.run(30_000)
  t.equal(view.liveness.lifeOf(id(1)), 'alive', 'there is no helper to ask')
  table.cut.clear()
  table.act(1, (member, now) => member.introduce(joiner, now))
  table.act(20, (member, now) => member.onConnected(id(1), now))
  table.run(5_000)
  t.equal(view.members.size, 4)
  table.isolate(1)
  table.run(20_000)
  t.equal(view.liveness.lifeOf(id(1)), 'dead')
})

t.test('F2: a silent member is suspected, then dead, and stays a member', async (t) => {
  const table = new Table(5)
  table.run(2_000)
  table.isolate(4)
  table.run(12_000)
  t.same(table.livesOf(4).slice(0, 4), ['dead', 'dead', 'dead', 'dead'])
  t.equal(table.view(0).members.size, 5)
  t.equal(table.view(0).standings.deadCount, 1)
  table.cut.clear()
  table.run(8_000)
  t.same(table.livesOf(4), Array(5).fill('alive'))
  t.same(table.livesOf(1), Array(5).fill('alive'))
})

t.test('F1: a closed connection is avoided at once and soon suspected', async (t) => {
  const table = new Table(5)
  table.run(2_000)
  table.isolate(4)
  for (const number of [0, 1, 2, 3]) {
    table.act(number, (view, now) => view.onClosed(id(4), now))
    t.ok(table.view(number).avoidance.isAvoided(id(4)))
  }
  table.run(1_500)
  t.same(table.livesOf(4).slice(0, 4), Array(4).fill('suspect'))
  table.run(3_500)
  t.same(table.livesOf(4).slice(0, 4), Array(4).fill('dead'), 'within 5 s')
})

t.test('F4: a member that one other cannot reach is not declared dead', async (t) => {
  const table = new Table(6)
  table.cut.add(`${id(0)} ${id(1)}`).add(`${id(1)} ${id(0)}`)
  table.run(120_000)
  const deaths = table.told.filter(
    ({ action }) => action.kind === 'life' && action.life !== 'alive',
  )
  t.same(deaths, [], 'helpers reach it')
})

t.test('M6: a member contradicts by a higher incarnation, not an equal one', async (t) => {
  const table = new Table(2)
  const { standings } = table.view(0)
  const accuse = (incarnation: number): void => {
    table.act(0, (view, now) => {
      const news = [{ kind: 'suspect', id: id(0), incarnation, by: id(1) }] as const
      return view.onMessage(id(1), { kind: 'ping', probe: 1, news }, now)
    })
  }
  accuse(0)
  t.equal(standings.get(id(0)).incarnation, 1)
  accuse(0)
  t.equal(standings.get(id(0)).incarnation, 1, 'old news')
  accuse(1)
  t.equal(standings.get(id(0)).incarnation, 2)
  accuse(2 ** 40)
  t.equal(standings.get(id(0)).incarnation, 2 ** 40 + 1, 'a lie far ahead')
  accuse(INCARNATION_MAX)
  t.equal(standings.get(id(0)).incarnation, INCARNATION_MAX)
  t.notOk(standings.isDead(id(0)))
})

t.test(
  'a member that is said to be dead at the highest incarnation is alive all the same',
  async (t) => {
    const table = new Table(4)
    const news = [{ kind: 'dead', id: id(0), incarnation: INCARNATION_MAX, by: id(1) }] as const
    table.act(2, (view, now) => view.onMessage(id(1), { kind: 'ping', probe: 1, news }, now))
    t.equal(table.view(2).liveness.lifeOf(id(0)), 'dead')
    table.run(8_000)
    t.same(table.livesOf(0), Array(4).fill('alive'))
  },
)

t.test(
  'F8: a node that starts after months, by any clock, is alive within the usual time',
  async (t) => {
    for (const aheadMs of [MONTHS_13, -MONTHS_13, -YEARS_50]) {
      const table = new Table(5)
      table.run(2_000)
      table.isolate(4)
      table.run(12_000)
      t.equal(table.view(0).liveness.lifeOf(id(4)), 'dead')
      table.cut.clear()
      // Nothing of what it had said is kept: it begins at incarnation 0.
      const known = [...table.view(4).members.all()]
      table.seat(record(4), known, { aheadMs })
      for (const number of [0, 1, 2, 3]) {
        table.act(number, (view, now) => view.onConnected(id(4), now))
        table.act(4, (view, now) => view.onConnected(id(number), now))
      }
      table.run(3_000)
      t.same(table.livesOf(4), Array(5).fill('alive'), `${aheadMs} ms`)
      t.ok(table.view(4).standings.get(id(4)).incarnation > 0, 'one above what they say')
    }
  },
)

t.test('F3: a process that stood still for an hour judges no one by that time', async (t) => {
  const table = new Table(4)
  table.run(3_000)
  const view = table.view(0)
  view.liveness.onUnanswered(id(1), table.now)
  t.equal(view.liveness.lifeOf(id(1)), 'suspect')
  const later = table.now + 3_600_000
  view.onTick(later)
  t.equal(view.liveness.lifeOf(id(1)), 'suspect')
  t.ok(view.health.score > 1)
  const news = [{ kind: 'alive', id: id(1), incarnation: 1 }] as const
  view.onMessage(id(2), { kind: 'ping', probe: 9, news }, later + 1)
  t.equal(view.liveness.lifeOf(id(1)), 'alive')
})

t.test('M7: a removed member that comes back is told so, and changes nothing', async (t) => {
  const table = new Table(5)
  table.act(1, (view, now) => view.change(id(4), { state: MemberState.gone }, now))
  // Its disk is set back to before: it does not know.
  const old = table.seat(record(4), records(5))
  table.cut.clear()
  table.run(500)
  table.act(0, (view, now) => view.onMessage(id(4), { kind: 'ping', probe: 1, news: [] }, now))
  table.run(8_000)
  t.notOk(old.isMember)
  t.same(old.onTick(table.now + 60_000), [], 'it is silent')
  for (const number of [0, 1, 2, 3]) t.notOk(table.view(number).members.has(id(4)))

  const before = table.view(0).members.digest.total
  const news = [{ kind: 'record', record: record(7) }] as const
  const actions = table.act(0, (view, now) =>
    view.onMessage(id(4), { kind: 'ping', probe: 2, news }, now),
  )
  t.match(actions, [{ kind: 'send', to: id(4), message: { kind: 'fill' } }])
  t.same(table.view(0).members.digest.total, before)
})

t.test('M3: under the same name and address it joins as a new member', async (t) => {
  const table = new Table(3)
  table.act(0, (view, now) => view.change(id(2), { state: MemberState.gone }, now))
  table.seats.delete(id(2))
  const { name, host, clientPort, peerPort } = record(2)
  const again = record(30, { name, host, clientPort, peerPort, sponsor: id(0), by: id(0) })
  table.act(0, (view, now) => view.introduce(again, now))
  table.seat(again, [record(0)], { isJoining: true })
  table.act(30, (view, now) => view.onConnected(id(0), now))
  table.run(5_000)
  for (const { view } of table.seats.values()) {
    t.ok(view.members.has(id(30)))
    t.notOk(view.members.has(id(2)))
  }
})

t.test('a record far ahead with a false address is taken, counted, and set right', async (t) => {
  const table = new Table(4)
  const forged = record(3, { version: VERSION_LEAP + 9, host: 'elsewhere', by: id(1) })
  const news = [{ kind: 'record', record: forged }] as const
  table.act(2, (view, now) => view.onMessage(id(1), { kind: 'ping', probe: 1, news }, now))
  t.equal(table.view(2).members.get(id(3))?.host, 'elsewhere')
  t.equal(table.view(2).members.counts.farAhead, 1)
  table.run(8_000)
  for (const { view } of table.seats.values()) {
    t.equal(view.members.get(id(3))?.host, '127.0.0.1')
    t.equal(view.members.get(id(3))?.version, VERSION_LEAP + 10)
  }
  t.equal(lies(table), 0, 'who passed it on is not cut off')
})

t.test('peer-lies: a member that states for another what it never was is cut off', async (t) => {
  const table = new Table(4)
  const forged = record(3, { version: 2, machine: 'another', by: id(1) })
  const news = [{ kind: 'record', record: forged }] as const
  const message = { kind: 'ping', probe: 1, news } as const
  const actions = table.act(3, (view, now) => view.onMessage(id(1), message, now))
  t.match(
    actions.find(({ kind }) => kind === 'lies'),
    { member: id(1) },
  )
  t.equal(table.view(3).counts.lies, 1)
  t.equal(table.view(3).members.get(id(3))?.machine, record(3).machine)
})

t.test('nodes that are no members get answers, and change nothing', async (t) => {
  const table = new Table(3)
  const before = table.view(0).members.digest.total
  const news = [
    { kind: 'record', record: record(9) },
    { kind: 'record', record: record(1, { version: 5, weight: 9 }) },
    { kind: 'dead', id: id(1), incarnation: 5, by: id(9) },
  ] as const
  const actions = table.act(0, (view, now) =>
    view.onMessage(id(9), { kind: 'ping', probe: 1, news }, now),
  )
  t.match(actions, [{ kind: 'send', to: id(9), message: { kind: 'ack', probe: 1 } }])
  const fill = {
    kind: 'fill',
    records: [record(9)],
    standings: [{ id: id(1), incarnation: 9, isDead: true }],
    wanted: [],
    isCut: false,
  } as const
  table.act(0, (view, now) => view.onMessage(id(9), fill, now))
  t.same(table.view(0).members.digest.total, before)
  t.notOk(table.view(0).standings.isDead(id(1)))
})

t.test('a helper without a connection, or without an answer, says so', async (t) => {
  const table = new Table(3)
  const ask = { kind: 'ask', probe: 5, target: id(2), news: [] } as const
  table.act(0, (view, now) => view.onClosed(id(2), now))
  const closed = table.act(0, (view, now) => view.onMessage(id(1), ask, now))
  t.match(closed, [{ to: id(1), message: { kind: 'nack', probe: 5 } }])
  table.act(0, (view, now) => view.onConnected(id(2), now))
  const open = table.act(0, (view, now) => view.onMessage(id(1), ask, now))
  t.match(open, [{ to: id(2), message: { kind: 'ping' } }])
})

t.test('a node alone waits, and has nothing to send', async (t) => {
  const table = new Table(1)
  const view = table.view(0)
  for (let i = 0; i < 100; i++) t.same(view.onTick(view.wakeAt), [])
})

t.test('a late request is asked about again, and the answer ends the avoidance', async (t) => {
  const table = new Table(3)
  table.run(3_000)
  const { avoidance } = table.view(0)
  avoidance.onAsked(id(1), table.now)
  // The worker calls after each request, so that the view wakes in time.
  table.act(0, (view, now) => view.onTick(now))
  table.isolate(1)
  table.run(1_300)
  t.ok(avoidance.isAvoided(id(1)))
  table.cut.clear()
  table.run(400)
  t.notOk(avoidance.isAvoided(id(1)))
})
