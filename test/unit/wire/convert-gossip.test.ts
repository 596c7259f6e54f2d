/** Messages about who is here on the wire: as they were sent, and none that is wrong. */
import t from 'tap'
import { U48_MAX } from '../../../src/base/bytes.ts'
import { isOperatingError } from '../../../src/base/errors.ts'
import { u64 } from '../../../src/base/u64.ts'
import { MemberState } from '../../../src/dynamo/membership/member-record.ts'
import { messageBytes } from '../../../src/dynamo/membership/message-bytes.ts'
import type { Message } from '../../../src/dynamo/membership/message.ts'
import { GOSSIP_BYTES_MAX } from '../../../src/limits.ts'
import {
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
} from '../../../src/wire/convert.ts'
import { everwrite as pb } from '../../../src/wire/generated/messages.js'
import { id, record, records } from '../dynamo/membership/samples.ts'

const SUMS = Array.from({ length: 64 }, (_, i) => u64(i, 64 - i))
const NEWS = [
  { kind: 'record', record: record(1, { state: MemberState.gone, version: 7 }) },
  { kind: 'alive', id: id(2), incarnation: 0 },
  { kind: 'suspect', id: id(3), incarnation: U48_MAX, by: id(4) },
  { kind: 'dead', id: id(5), incarnation: 2 ** 33, by: id(6) },
] as const

const MESSAGES: readonly Message[] = [
  { kind: 'ping', probe: 0, news: [] },
  { kind: 'ping', probe: 2 ** 21, news: NEWS },
  { kind: 'ack', probe: 3, news: NEWS },
  { kind: 'nack', probe: 4 },
  { kind: 'ask', probe: 5, target: id(7), news: NEWS },
  { kind: 'compare', records: u64(1, 2), standings: u64(0, 0) },
  { kind: 'buckets', records: SUMS, standings: undefined },
  { kind: 'buckets', records: undefined, standings: SUMS },
  {
    kind: 'lists',
    recordBuckets: [0, 5, 63],
    records: [
      { id: id(1), version: 1, isGone: false, digest: 0xffff_ffff },
      { id: id(2), version: U48_MAX, isGone: true, digest: 0 },
    ],
    standingBuckets: [],
    standings: [
      { id: id(3), incarnation: U48_MAX, isDead: true },
      { id: id(4), incarnation: 0, isDead: false },
    ],
    isCut: true,
  },
  {
    kind: 'fill',
    records: records(40),
    standings: [{ id: id(1), incarnation: 200, isDead: false }],
    wanted: [id(8), id(9)],
    isCut: false,
  },
  { kind: 'fill', records: [], standings: [], wanted: [], isCut: false },
]

function sent(message: Message): Uint8Array {
  const { bytes, length } = encodeRequest('peerGossip', { message })
  return bytes.slice(0, length)
}

function codeOf(bytes: Uint8Array): string {
  try {
    decodeRequest('peerGossip', bytes, 0, bytes.length)
    return 'taken'
  } catch (error) {
    if (!isOperatingError(error)) throw error
    return error.code
  }
}

/** A message with these fields of protobuf, whatever they are. */
function raw(message: pb.Gossip.$Properties): Uint8Array {
  return pb.PeerGossip.encode({ message }).finish()
}

t.test('every message is read as it was sent, as a request and in an answer', async (t) => {
  for (const message of MESSAGES) {
    const bytes = sent(message)
    t.same(decodeRequest('peerGossip', bytes, 0, bytes.length), { message })
  }
  const messages = MESSAGES.slice(0, 4)
  const reply = encodeReply('peerGossip', { messages })
  t.same(decodeReply('peerGossip', reply.bytes, 0, reply.length), { messages })
})

t.test('the view knows how long its messages are, to a quarter', async (t) => {
  for (const message of MESSAGES) {
    const [told, real] = [messageBytes(message), sent(message).length]
    t.ok(Math.abs(real - told) <= 24 + told / 4, `${message.kind}: ${told} and ${real}`)
  }
})

t.test('what no member says is garbled', async (t) => {
  const short = new Uint8Array(7)
  const wrong: readonly pb.Gossip.$Properties[] = [
    {},
    { kind: 9 },
    { kind: 4, probe: 1, target: short },
    { kind: 1, news: [{ kind: 0 }] },
    { kind: 1, news: [{ kind: 1, record: short }] },
    { kind: 1, news: [{ kind: 2, member: short }] },
    { kind: 1, news: [{ kind: 3, member: new Uint8Array(8) }] },
    { kind: 1, news: [{ kind: 2, member: new Uint8Array(8), incarnation: { hi: 65_536 } }] },
    { kind: 5, recordSums: short, standingSums: new Uint8Array(8) },
    { kind: 6, recordSums: new Uint8Array(8) },
    { kind: 7, recordBuckets: Uint8Array.of(64) },
    { kind: 7, recordBuckets: Uint8Array.of(2, 2) },
    { kind: 7, marks: new Uint8Array(9) },
    { kind: 7, standings: new Uint8Array(8) },
    { kind: 8, standings: new Uint8Array(16).fill(255) },
    { kind: 8, records: [short] },
    { kind: 8, wanted: short },
  ]
  for (const message of wrong) {
    t.equal(codeOf(raw(message)), 'message-garbled', JSON.stringify(message))
  }
  t.equal(codeOf(new Uint8Array(0)), 'message-garbled', 'no message')
})

t.test('too long a message, and an answer of too many, are garbled', async (t) => {
  const long = raw({ kind: 8, wanted: new Uint8Array(GOSSIP_BYTES_MAX) })
  t.equal(codeOf(long), 'message-garbled')
  const five = pb.PeerGossipReply.encode({
    messages: Array.from({ length: 5 }, () => ({ kind: 3 })),
  })
  const bytes = five.finish()
  t.throws(() => decodeReply('peerGossip', bytes, 0, bytes.length), { code: 'message-garbled' })
})
