/** Records read back from their canonical bytes, and bytes that are no record. */
import t from 'tap'
import { U48_MAX } from '../../../../src/base/bytes.ts'
import { isSound, recordOfBytes } from '../../../../src/dynamo/membership/member-bytes.ts'
import { canonicalBytes, MemberState } from '../../../../src/dynamo/membership/member-record.ts'
import { MEMBER_TEXT_BYTES_MAX, MEMBER_WEIGHT_MAX } from '../../../../src/limits.ts'
import { fields, record } from './samples.ts'

t.test('a record is read as it was written, with its digest', async (t) => {
  const some = [
    record(1),
    record(2, { version: U48_MAX, state: MemberState.gone, weight: 0.25, zone: 'räume' }),
    record(3, { host: '::1', clientPort: 1, peerPort: 65_535, zone: '' }),
  ]
  for (const one of some) t.same(recordOfBytes(canonicalBytes(one)), one)
  const shifted = new Uint8Array([0, 0, ...canonicalBytes(record(1))]).subarray(2)
  t.same(recordOfBytes(shifted), record(1), 'a view of other bytes')
})

t.test('bytes that are cut, or more than a record, are none', async (t) => {
  const whole = canonicalBytes(record(1))
  for (let length = 0; length < whole.length; length++) {
    if (recordOfBytes(whole.subarray(0, length)) !== undefined) t.fail(`${length} bytes`)
  }
  t.equal(recordOfBytes(new Uint8Array([...whole, 0])), undefined)
})

t.test('fields beyond their bounds make no record', async (t) => {
  const wrong = [
    { version: 0 },
    { state: 4 as never },
    { state: 0 as never },
    { weight: -1 },
    { weight: MEMBER_WEIGHT_MAX + 0.5 },
    { weight: Number.NaN },
    { weight: Number.POSITIVE_INFINITY },
    { clientPort: 0 },
    { peerPort: 0 },
    { name: '' },
    { host: '' },
    { machine: '' },
    { zone: 'z'.repeat(MEMBER_TEXT_BYTES_MAX + 1) },
  ]
  for (const over of wrong) {
    t.notOk(isSound(fields(1, over)), JSON.stringify(over))
    t.equal(recordOfBytes(canonicalBytes(record(1, over))), undefined)
  }
  t.notOk(isSound(fields(1, { version: U48_MAX + 1 })))
  t.ok(isSound(fields(1, { zone: 'z'.repeat(MEMBER_TEXT_BYTES_MAX), weight: 0 })))
  t.ok(isSound(fields(1, { weight: MEMBER_WEIGHT_MAX })))
})

t.test('a text that is no UTF-8 makes no record', async (t) => {
  const bytes = canonicalBytes(record(1, { name: 'aa' }))
  const at = 43 + 2
  bytes.set([0xff, 0xfe], at)
  t.equal(recordOfBytes(bytes), undefined)
})
