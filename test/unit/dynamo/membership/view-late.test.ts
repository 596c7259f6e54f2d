/** A member that owes an answer to its link is probed next, on views alone. */
import t from 'tap'
import { LATE_MS_MAX } from '../../../../src/dynamo/membership/avoidance.ts'
import type { View } from '../../../../src/dynamo/membership/view.ts'
import { id, Table } from './samples.ts'

const WATCHERS = [0, 1, 2, 3]
const SILENT = 4
/** Asked after so much silence, as links do. */
const ASKED_MS = 400
/** A helper says that it has no answer after so long; with the steps of the table. */
const NACK_MS = 450

/** The links of the watchers ask the last member now. */
function ask(table: Table, watchers: readonly number[] = WATCHERS): void {
  for (const number of watchers) {
    table.act(number, (view, now) => {
      view.avoidance.onAsked(id(SILENT), now)
      return view.onTick(now)
    })
  }
}

function suspicions(table: Table): number {
  return table.told.filter(({ at, action }) => {
    return action.kind === 'life' && action.life === 'suspect' && at !== id(SILENT)
  }).length
}

/** Until helpers are asked of the last member, which is late. Returns the number of the probe. */
function probedThroughHelpers(view: View): number {
  view.avoidance.onAsked(id(SILENT), 0)
  for (;;) {
    for (const action of view.onTick(Math.min(view.wakeAt, view.avoidance.dueAt))) {
      if (action.kind !== 'send') continue
      const { to, message } = action
      if (message.kind === 'ask' && message.target === id(SILENT)) return message.probe
      // The others answer.
      if (message.kind === 'ping' && to !== id(SILENT)) {
        view.onMessage(to, { kind: 'ack', probe: message.probe, news: [] }, view.wakeAt)
      }
    }
  }
}

t.test('F2: all suspect a silent member soon after they avoid it, at any time', async (t) => {
  for (let phase = 0; phase < 50; phase++) {
    const table = new Table(5)
    table.run(3_000 + 90 * phase)
    table.isolate(SILENT)
    table.run(ASKED_MS)
    ask(table)
    table.run(LATE_MS_MAX + NACK_MS)
    t.same(table.livesOf(SILENT).slice(0, 4), Array(4).fill('suspect'), `phase ${phase}`)
  }
})

t.test('F2: where answers are fast the direct probe has its 500 ms all the same', async (t) => {
  for (let phase = 0; phase < 50; phase++) {
    const table = new Table(5)
    table.run(3_000 + 90 * phase)
    for (const number of WATCHERS) {
      const { avoidance } = table.view(number)
      for (let i = 0; i < 100; i++) {
        avoidance.onAsked(id(SILENT), table.now)
        avoidance.onAnswered(id(SILENT), 1, table.now)
      }
    }
    table.isolate(SILENT)
    ask(table)
    table.run(480)
    t.ok(table.view(0).avoidance.isAvoided(id(SILENT)))
    table.run(120 + NACK_MS)
    t.same(table.livesOf(SILENT).slice(0, 4), Array(4).fill('suspect'), `phase ${phase}`)
  }
})

t.test('what comes of a late member ends its probe without suspicion', async (t) => {
  for (const isHeard of [true, false]) {
    const view = new Table(5).view(0)
    const number = probedThroughHelpers(view)
    if (isHeard) view.avoidance.onAnswered(id(SILENT), LATE_MS_MAX, view.wakeAt)
    for (const helper of [1, 2, 3]) {
      view.onMessage(id(helper), { kind: 'nack', probe: number }, view.wakeAt)
    }
    t.equal(view.liveness.lifeOf(id(SILENT)), isHeard ? 'alive' : 'suspect')
  }
})

t.test('a member that only one link cannot reach is suspected by no one', async (t) => {
  const table = new Table(5)
  table.cut.add(`${id(0)} ${id(SILENT)}`).add(`${id(SILENT)} ${id(0)}`)
  for (let second = 0; second < 60; second++) {
    ask(table, [0])
    table.run(1_000)
  }
  t.ok(table.view(0).avoidance.isAvoided(id(SILENT)))
  t.equal(suspicions(table), 0, 'helpers reach it')
})

t.test('a member that is dead is not probed before its turn', async (t) => {
  const table = new Table(5)
  table.isolate(SILENT)
  table.run(30_000)
  t.same(table.livesOf(SILENT).slice(0, 4), Array(4).fill('dead'))
  const view = table.view(0)
  ask(table, [0])
  const due = view.avoidance.dueAt
  const pings = view
    .onTick(due)
    .filter(({ kind, ...rest }) => kind === 'send' && 'to' in rest && rest.to === id(SILENT))
  t.match(pings, [{ message: { kind: 'ping', probe: 0 } }])
})
