/** Forged records at the highest versions: their member corrects them, and operators change it. */
import t from 'tap'
import { U48_MAX } from '../../../../src/base/bytes.ts'
import { TOLD_MAX, TOLD_STEP } from '../../../../src/dynamo/counter-ceiling.ts'
import {
  type MemberFields,
  type MemberRecord,
  MemberState,
} from '../../../../src/dynamo/membership/member-record.ts'
import { OwnRecord } from '../../../../src/dynamo/membership/own-record.ts'
import { View } from '../../../../src/dynamo/membership/view.ts'
import { id, random, record, records, Table } from './samples.ts'

const LIAR = 1
const VICTIM = 3

function forged(version: number, over: Partial<MemberFields> = {}): MemberRecord {
  return record(VICTIM, { version, host: '10.66.66.66', by: id(LIAR), ...over })
}

/** The liar tells this to each other of five members but those. */
function tell(table: Table, one: MemberRecord, but: readonly number[] = []): void {
  for (const number of [0, 2, 3, 4]) {
    if (but.includes(number)) continue
    const news = [{ kind: 'record', record: one }] as const
    table.act(number, (view, now) => {
      return view.onMessage(id(LIAR), { kind: 'ping', probe: 0, news }, now)
    })
  }
}

function seenBy(table: Table): readonly (MemberRecord | undefined)[] {
  return [...table.seats.values()].map(({ view }) => view.members.get(id(VICTIM)))
}

t.test(
  'a record at the highest version is refused and counted, and shuts no one out',
  async (t) => {
    const table = new Table(5)
    tell(table, forged(U48_MAX))
    for (const seen of seenBy(table)) t.equal(seen?.host, '127.0.0.1')
    t.equal(table.view(0).members.counts.farAhead, 1)
    table.act(0, (view, now) => view.change(id(VICTIM), { weight: 7 }, now))
    table.run(8_000)
    for (const seen of seenBy(table)) t.match(seen, { weight: 7, version: 2, host: '127.0.0.1' })
    table.act(0, (view, now) => view.change(id(VICTIM), { state: MemberState.gone }, now))
    table.run(8_000)
    for (const seen of seenBy(table)) t.equal(seen?.state, MemberState.gone)
  },
)

t.test('one at the highest version that is taken is corrected, again and again', async (t) => {
  const table = new Table(5)
  let version = TOLD_MAX
  for (let i = 0; i < 20; i++) {
    tell(table, forged(version), [VICTIM])
    t.equal(table.view(0).members.get(id(VICTIM))?.host, '10.66.66.66', `forging ${i}`)
    table.run(8_000)
    const seen = seenBy(table)
    for (const one of seen) t.match(one, { host: '127.0.0.1', version: version + 1 })
    version += 1 + TOLD_STEP
  }
  table.act(2, (view, now) => view.change(id(VICTIM), { zone: 'north' }, now))
  table.run(8_000)
  for (const seen of seenBy(table)) t.match(seen, { zone: 'north', host: '127.0.0.1' })
})

t.test('a member that was away while versions rose takes the last of them', async (t) => {
  for (const away of [4, VICTIM]) {
    const table = new Table(5)
    table.isolate(away)
    for (let i = 0; i < 8; i++) tell(table, forged(TOLD_MAX + i * TOLD_STEP), [away])
    const view = table.view(away)
    const one = forged(TOLD_MAX + 7 * TOLD_STEP)
    t.equal(table.view(0).members.get(id(VICTIM))?.version, one.version)
    let told = 0
    while (view.members.get(id(VICTIM))?.version === 1 && told < 100) {
      told += 1
      const news = [{ kind: 'record', record: one }] as const
      table.act(away, (at, now) => {
        return at.onMessage(id(0), { kind: 'ping', probe: 0, news }, now)
      })
    }
    t.equal(told, 7, 'as many messages as it took the liar')
    table.cut.clear()
    table.run(90_000)
    for (const seen of seenBy(table)) {
      t.match(seen, { host: '127.0.0.1', version: one.version + 1 })
    }
  }
})

t.test('a start with records above what is taken at once takes the next ones', async (t) => {
  const kept = record(VICTIM, { version: TOLD_MAX + 1_000 })
  const own = new OwnRecord(record(0))
  const view = new View({ own, records: [...records(5), kept], random: random(), now: 0 })
  const next = record(VICTIM, { version: TOLD_MAX + 1_001, weight: 3, by: id(2) })
  const news = [{ kind: 'record', record: next }] as const
  view.onMessage(id(2), { kind: 'ping', probe: 0, news }, 10)
  t.equal(view.members.get(id(VICTIM))?.weight, 3)
})

t.test('a record at the highest version on the disk ends no process', async (t) => {
  const kept = record(VICTIM, { version: U48_MAX })
  const moved = { ...record(VICTIM), host: 'new' }
  const own = new OwnRecord(kept, moved)
  t.equal(own.record.host, 'new')
  const view = new View({
    own: new OwnRecord(record(0)),
    records: [kept],
    random: random(),
    now: 0,
  })
  view.change(id(VICTIM), { weight: 2 }, 10)
  view.change(id(VICTIM), { state: MemberState.gone }, 20)
  t.notOk(view.members.has(id(VICTIM)), 'gone wins over any version')
})
