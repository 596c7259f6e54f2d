/** The record of a member: canonical bytes, and which of two wins. */
import t from 'tap'
import { hexOf } from '../../../../src/base/bytes.ts'
import { nodeId } from '../../../../src/dynamo/names.ts'
import {
  canonicalBytes,
  MemberState,
  sameFacts,
  wins,
} from '../../../../src/dynamo/membership/member-record.ts'
import { fields, record } from './samples.ts'

t.test('canonical bytes are frozen: digests that decide come from them', async (t) => {
  const bytes = canonicalBytes({
    id: nodeId('0102030405060708'),
    by: nodeId('1112131415161718'),
    sponsor: nodeId('2122232425262728'),
    version: 0x0102_0304_0506,
    state: MemberState.leaving,
    weight: 1.5,
    clientPort: 7400,
    peerPort: 7500,
    name: 'é',
    host: 'h',
    machine: '',
    zone: 'z',
  })
  t.equal(
    hexOf(bytes),
    '010203040506070811121314151617182122232425262728' +
      '06050403020102000000000000f83fe81c4c1d' +
      '0200c3a901006800000100' +
      '7a',
  )
})

t.test('each field is in the digest', async (t) => {
  const first = record(1)
  const others = [
    { state: MemberState.leaving },
    { version: 2 },
    { weight: 2 },
    { clientPort: 1 },
    { peerPort: 1 },
    { name: 'x' },
    { host: 'x' },
    { machine: 'x' },
    { zone: 'x' },
    { by: nodeId('00000000000000aa') },
    { sponsor: nodeId('00000000000000aa') },
  ]
  for (const over of others) t.notSame(record(1, over).digest, first.digest)
  t.notSame(
    record(1, { machine: 'ab', zone: 'c' }).digest,
    record(1, { machine: 'a', zone: 'bc' }).digest,
  )
})

t.test('the higher version wins, then the higher digest, and gone over all', async (t) => {
  const [old, newer] = [record(1), record(1, { version: 2 })]
  t.ok(wins(newer, old))
  t.notOk(wins(old, newer))
  t.notOk(wins(old, old))
  const other = record(1, { weight: 2 })
  t.not(wins(old, other), wins(other, old), 'one of two with one version')
  const gone = record(1, { state: MemberState.gone, version: 1 })
  t.ok(wins(gone, record(1, { version: 2 ** 40 })))
  t.notOk(wins(record(1, { version: 2 ** 40 }), gone))
  t.ok(wins(record(1, { state: MemberState.gone, version: 2 }), gone))
})

t.test('facts are what a member states itself', async (t) => {
  const own = fields(1)
  t.ok(sameFacts(own, { ...own, weight: 9, zone: 'x' }))
  for (const over of [{ name: 'x' }, { host: 'x' }, { machine: 'x' }]) {
    t.notOk(sameFacts(own, { ...own, ...over }))
  }
  t.notOk(sameFacts(own, { ...own, clientPort: 1 }))
  t.notOk(sameFacts(own, { ...own, peerPort: 1 }))
})
