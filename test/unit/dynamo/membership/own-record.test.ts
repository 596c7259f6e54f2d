/** This node's own record: an operator changes weight, zone and state, the node itself all else. */
import t from 'tap'
import { MemberState } from '../../../../src/dynamo/membership/member-record.ts'
import { OwnRecord } from '../../../../src/dynamo/membership/own-record.ts'
import { id, record } from './samples.ts'

t.test("an operator's change is taken from any member", async (t) => {
  const own = new OwnRecord(record(1))
  const changed = record(1, { version: 2, weight: 4, zone: 'north', by: id(2) })
  t.same(own.onHeard(changed, id(3)), { kind: 'changed', record: changed, isLie: false })
  t.same(own.record, changed)
  t.same(own.onHeard(record(1), id(3)), { kind: 'older' })
  t.same(own.onHeard(changed, id(3)), { kind: 'older' })
})

t.test('other facts are corrected one version above; weight and zone stay', async (t) => {
  const own = new OwnRecord(record(1))
  const forged = record(1, { version: 2 ** 45, host: 'elsewhere', weight: 4, zone: 'z', by: id(2) })
  const heard = own.onHeard(forged, id(3))
  t.match(heard, { kind: 'changed', isLie: false }, 'the sender may only pass it on')
  t.equal(own.record.version, 2 ** 45 + 1)
  t.equal(own.record.host, '127.0.0.1')
  t.equal(own.record.weight, 4)
  t.equal(own.record.zone, 'z')
  t.equal(own.record.by, id(1))
})

t.test('a member that itself made a record with facts that never were lies', async (t) => {
  const own = new OwnRecord(record(1))
  const forged = record(1, { version: 2, host: 'elsewhere', by: id(2) })
  t.match(own.onHeard(forged, id(2)), { kind: 'changed', isLie: true })
})

t.test('a change that crossed a new address is no lie', async (t) => {
  const { id: self } = record(1)
  const moved = { ...record(1), host: 'new' }
  const own = new OwnRecord(record(1), moved)
  t.equal(own.record.version, 2, 'the new address is stated at the start')
  t.equal(own.record.host, 'new')
  const crossed = record(1, { version: 9, weight: 3, by: id(2) })
  t.match(own.onHeard(crossed, id(2)), { kind: 'changed', isLie: false })
  t.equal(own.record.host, 'new')
  t.equal(own.record.weight, 3)
  t.equal(own.id, self)
})

t.test('M7: gone is final for the node itself', async (t) => {
  const own = new OwnRecord(record(1, { version: 7 }))
  const gone = record(1, { state: MemberState.gone, version: 2, by: id(2) })
  t.same(own.onHeard(gone, id(2)), { kind: 'gone', record: gone })
  t.equal(own.record.state, MemberState.gone)
  t.same(own.onHeard(record(1, { version: 99 }), id(2)), { kind: 'older' })
})
