/** Rows M5 to M11, F6 and F7 of the checklist, on views alone. */
import t from 'tap'
import { MEMBERS_MAX } from '../../../../src/limits.ts'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import { type MemberRecord, MemberState } from '../../../../src/dynamo/membership/member-record.ts'
import type { News } from '../../../../src/dynamo/membership/message.ts'
import { OwnRecord } from '../../../../src/dynamo/membership/own-record.ts'
import { View } from '../../../../src/dynamo/membership/view.ts'
import { id, random, record, records, Table } from './samples.ts'

/** `to` hears news in a ping of `from`. */
function tell(table: Table, from: number, to: number, ...news: readonly News[]): void {
  table.act(to, (view, now) => view.onMessage(id(from), { kind: 'ping', probe: 0, news }, now))
}

/** All of these see that they are connected with each other. */
function connect(table: Table, numbers: readonly number[]): void {
  for (const one of numbers) {
    for (const other of numbers) {
      if (one !== other) table.act(one, (view, now) => view.onConnected(id(other), now))
    }
  }
}

function deathsToldOf(table: Table): number {
  return table.told.filter(({ action }) => action.kind === 'life' && action.life === 'dead').length
}

t.test('M5: twelve operators at twelve members: one view within 3 log2(n) rounds', async (t) => {
  for (let seed = 1; seed <= 10; seed++) {
    const table = new Table(12)
    const prng = random(seed)
    table.run(prng.below(2_000))
    for (const number of prng.shuffled(Array.from({ length: 12 }, (_, number) => number))) {
      const subject = id(prng.below(12))
      const weight = 1 + prng.below(9)
      table.act(number, (view, now) => view.change(subject, { weight }, now))
      table.run(prng.below(300))
    }
    table.run(1_000 * Math.ceil(3 * Math.log2(12)))
    const { total } = table.view(0).members.digest
    for (const { view } of table.seats.values()) t.same(view.members.digest.total, total)
  }
})

t.test('M6: old and repeated news of lives changes nothing and is not passed on', async (t) => {
  const table = new Table(8)
  const alive = { kind: 'alive', id: id(3), incarnation: 5 } as const
  const dead = { kind: 'dead', id: id(3), incarnation: 4, by: id(1) } as const
  const suspect = { kind: 'suspect', id: id(3), incarnation: 4, by: id(1) } as const
  tell(table, 1, 0, suspect, dead, alive)
  const view = table.view(0)
  t.equal(view.liveness.lifeOf(id(3)), 'alive')
  while (view.news.size > 0) view.news.take(8)
  const told = table.told.length
  tell(table, 1, 0, alive, dead, suspect, { ...alive, incarnation: 4 })
  tell(table, 2, 0, alive, dead, suspect)
  t.equal(view.liveness.lifeOf(id(3)), 'alive')
  t.equal(view.standings.get(id(3)).incarnation, 5)
  t.equal(view.news.size, 0)
  t.equal(table.told.length, told)
})

t.test('M6: news of life at the same incarnation ends no suspicion and no death', async (t) => {
  const table = new Table(8)
  tell(table, 1, 0, { kind: 'suspect', id: id(3), incarnation: 0, by: id(1) })
  tell(table, 2, 0, { kind: 'alive', id: id(3), incarnation: 0 })
  t.equal(table.view(0).liveness.lifeOf(id(3)), 'suspect')
  tell(table, 1, 0, { kind: 'dead', id: id(3), incarnation: 0, by: id(1) })
  tell(table, 2, 0, { kind: 'alive', id: id(3), incarnation: 0 })
  t.equal(table.view(0).liveness.lifeOf(id(3)), 'dead')
  tell(table, 2, 0, { kind: 'alive', id: id(3), incarnation: 1 })
  t.equal(table.view(0).liveness.lifeOf(id(3)), 'alive')
})

t.test(
  'M6: a suspect hears of it in the next message to it, and all hear that it lives',
  async (t) => {
    const table = new Table(8)
    table.view(0).liveness.onUnanswered(id(3), table.now)
    const news = [{ kind: 'suspect', id: id(3), incarnation: 0, by: id(0) }]
    const ping = { kind: 'ping', probe: 7, news: [] } as const
    const actions = table.act(0, (view, now) => view.onMessage(id(3), ping, now))
    t.match(actions[0], { to: id(3), message: { kind: 'ack', probe: 7, news } })
    table.run(6_000)
    for (const { view } of table.seats.values()) {
      t.equal(view.liveness.lifeOf(id(3)), 'alive')
      t.equal(view.standings.get(id(3)).incarnation, 1)
    }
    t.equal(deathsToldOf(table), 0)
  },
)

t.test('M6: one that accuses by an old incarnation is told at once', async (t) => {
  const table = new Table(8)
  const alive = { kind: 'alive', id: id(3), incarnation: 5 } as const
  tell(table, 1, 0, alive)
  const view = table.view(0)
  while (view.news.size > 0) view.news.take(8)
  const news = [{ kind: 'suspect', id: id(3), incarnation: 4, by: id(1) }] as const
  const [ack] = table.act(0, (view, now) => {
    return view.onMessage(id(1), { kind: 'ping', probe: 7, news }, now)
  })
  t.match(ack, { to: id(1), message: { kind: 'ack', probe: 7, news: [alive] } })
  const [sign] = table.act(0, (view, now) => {
    return view.onMessage(id(1), { kind: 'ask', probe: 8, target: id(3), news }, now)
  })
  t.match(sign, { to: id(1), message: { kind: 'ack', probe: 0, news: [alive] } })
})

t.test('M6: a suspect whose time is up is asked a last time, through helpers too', async (t) => {
  const view = new Table(8).view(0)
  view.liveness.onUnanswered(id(3), 0)
  const asked = new Map<NodeId, readonly News[]>()
  for (let tick = 0; tick < 1_000 && view.liveness.lifeOf(id(3)) === 'suspect'; tick++) {
    for (const action of view.onTick(view.wakeAt)) {
      if (action.kind !== 'send') continue
      const { message, to } = action
      if (message.kind === 'ask' && message.target === id(3) && message.probe === 0) {
        asked.set(to, message.news)
      }
    }
  }
  t.equal(view.liveness.lifeOf(id(3)), 'dead', 'none has answered')
  t.equal(asked.size, 3)
  // A helper that is a suspect too hears of itself first.
  for (const [to, [news]] of asked) t.ok(news?.kind === 'suspect' && [to, id(3)].includes(news.id))
})

t.test('M6: of two members of one name and address each is known by its id', async (t) => {
  const table = new Table(6)
  const { name, host, clientPort, peerPort } = record(2)
  const twins = [0, 1].map((by) => {
    return record(30 + by, { name, host, clientPort, peerPort, sponsor: id(by), by: id(by) })
  })
  for (const [by, twin] of twins.entries()) {
    table.act(by, (view, now) => view.introduce(twin, now))
    table.seat(twin, [record(by)], { isJoining: true })
    table.act(30 + by, (view, now) => view.onConnected(id(by), now))
  }
  table.run(9_000)
  for (const { view } of table.seats.values()) {
    t.equal(view.members.size, 8)
    t.same(view.members.digest.total, table.view(0).members.digest.total)
  }
})

t.test('M7: a removed member that was down for long is told, and poisons no one', async (t) => {
  const table = new Table(6)
  const old = record(5)
  table.seats.delete(old.id)
  table.run(20_000)
  table.act(0, (view, now) => view.change(old.id, { state: MemberState.gone }, now))
  table.run(5_000)
  const before = table.view(1).members.digest.total
  // Its disk has others as they never were, and those who left before.
  const poison = [...records(6).slice(1), record(0, { weight: 3 }), record(9)]
  const view = table.seat(old, poison)
  connect(table, [0, 1, 2, 3, 4, 5])
  table.run(40_000)
  t.notOk(view.isMember)
  for (let number = 0; number < 5; number++) {
    t.same(table.view(number).members.digest.total, before)
    t.equal(table.view(number).members.size, 5)
  }
})

t.test('M8: all are killed at once, and start in any order: a cluster again', async (t) => {
  for (let seed = 1; seed <= 10; seed++) {
    const table = new Table(7)
    const prng = random(seed)
    table.act(0, (view, now) => view.change(id(3), { weight: 5 }, now))
    table.run(5_000)
    const disks = new Map<number, readonly MemberRecord[]>()
    for (let number = 0; number < 7; number++) {
      disks.set(number, [...table.view(number).members.all()])
    }
    table.seats.clear()
    const up: number[] = []
    for (const number of prng.shuffled([...disks.keys()])) {
      const known = disks.get(number) as readonly MemberRecord[]
      const own = known.find((one) => one.id === id(number)) as MemberRecord
      table.seat(own, known)
      up.push(number)
      for (const other of disks.keys()) {
        if (!up.includes(other)) {
          table.act(number, (view, now) => view.onClosed(id(other), now))
        }
      }
      connect(table, up)
      table.run(prng.below(8_000))
    }
    table.run(8_000)
    for (let number = 0; number < 7; number++) {
      t.same(table.livesOf(number), Array(7).fill('alive'), `seed ${seed}`)
      t.equal(table.view(number).members.size, 7)
      t.equal(table.view(number).members.get(id(3))?.weight, 5)
    }
  }
})

t.test('M11: a member that starts at another address stays the same member', async (t) => {
  const table = new Table(5)
  table.act(0, (view, now) => view.change(id(4), { weight: 3 }, now))
  table.run(5_000)
  const written = table.view(4).members.get(id(4)) as MemberRecord
  const own = new OwnRecord(written, { ...written, host: '10.9.9.9' })
  const known = [...table.view(4).members.all()].filter((one) => one !== written)
  table.seats.delete(id(4))
  const view = new View({ own, records: known, random: random(), now: table.now })
  table.seats.set(id(4), { view, aheadMs: 0 })
  connect(table, [0, 1, 2, 3, 4])
  table.run(8_000)
  for (const { view } of table.seats.values()) {
    t.match(view.members.get(id(4)), { host: '10.9.9.9', weight: 3, version: 3 })
    t.equal(view.members.size, 5)
  }
  t.equal(table.told.filter(({ action }) => action.kind === 'lies').length, 0)
})

t.test('F6: a process that stops each second accuses no one', async (t) => {
  const table = new Table(8)
  table.run(3_000)
  for (let second = 0; second < 600; second++) {
    table.stop(0, 900)
    table.act(0, (view) => {
      view.onLoopDelay(900)
      return []
    })
    table.run(100)
  }
  const accused = table.told.filter(({ action }) => {
    return action.kind === 'life' && action.life !== 'alive' && action.id !== id(0)
  })
  t.same(accused, [])
})

t.test('F6: what is read right after a stop makes a process no healthier', async (t) => {
  const view = new Table(2).view(0)
  const begun = view.wakeAt
  t.match(view.onTick(begun), [{ kind: 'send', message: { kind: 'ping', probe: 1 } }])
  // An exchange is due now, and still at the end of the stop.
  view.onConnected(id(1), begun)
  const now = begun + 1_500
  view.onMessage(id(1), { kind: 'ping', probe: 9, news: [] }, now)
  t.equal(view.health.score, 4)
  t.equal(view.wakeAt, now)
  view.onMessage(id(1), { kind: 'ack', probe: 1, news: [] }, now)
  t.equal(view.health.score, 4)
})

t.test('F6: a stop that the worker has told is not counted again by the tick', async (t) => {
  const view = new Table(2).view(0)
  view.onTick(view.wakeAt)
  const dueAt = view.wakeAt
  view.onLoopDelay(1_000)
  t.equal(view.health.score, 3)
  t.equal(view.wakeAt, dueAt + 2_000, 'the stop and a period more')
  view.onTick(dueAt + 900)
  t.equal(view.health.score, 3)
})

t.test('F7: a link that fails each second for ten minutes changes no life', async (t) => {
  const table = new Table(6)
  const [one, other] = [id(0), id(1)]
  for (let second = 0; second < 600; second++) {
    const isUp = second % 2 === 1
    if (isUp) table.cut.clear()
    else table.cut.add(`${one} ${other}`).add(`${other} ${one}`)
    for (const [number, peer] of [
      [0, other],
      [1, one],
    ] as const) {
      table.act(number, (view, now) => {
        return isUp ? view.onConnected(peer, now) : view.onClosed(peer, now)
      })
    }
    table.run(1_000)
  }
  t.same(
    table.told.filter(({ action }) => action.kind === 'life'),
    [],
  )
})

t.test('members-full: a view takes no more than its limit, also of an operator', async (t) => {
  const table = new Table(2)
  const view = table.view(0)
  for (let number = 2; number < MEMBERS_MAX; number++) view.introduce(record(number), 0)
  t.equal(view.members.size, MEMBERS_MAX)
  t.equal(view.members.whyFull()?.code, 'members-full')
  t.same(view.introduce(record(MEMBERS_MAX), 0), [])
  t.equal(view.members.size, MEMBERS_MAX)
  t.equal(view.members.counts.full, 1)
})
