/** Joining in messages: what a joiner may state, what its answer may list, and what is garbled. */
import t from 'tap'
import {
  MEMBER_RECORD_BYTES_MAX,
  MEMBER_TEXT_CHARS_MAX,
  MEMBER_WEIGHT_MAX,
  MEMBERS_MAX,
  PARTITIONS_MAX,
  PLACEMENT_BYTES_MAX,
  REPLICAS_MAX,
} from '../../../src/limits.ts'
import {
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
} from '../../../src/wire/convert.ts'
import { everwrite as pb } from '../../../src/wire/generated/messages.js'
import type { JoinerFacts, PeerJoin } from '../../../src/wire/message/join.ts'
import { thrownCode } from '../../support/thrown-code.ts'
import { REPLIES } from '../../support/wire-replies.ts'
import { REQUESTS } from '../../support/wire-requests.ts'
import { bytesOf } from '../../support/wire-frames.ts'

const { peerJoin } = REQUESTS
const reply = REPLIES.peerJoin
const withFacts = (change: Partial<JoinerFacts>): PeerJoin => {
  return { ...peerJoin, facts: { ...peerJoin.facts, ...change } }
}

t.test('the longest and the shortest that a joiner may state travel', async (t) => {
  const long = '\uffff'.repeat(MEMBER_TEXT_CHARS_MAX)
  const texts = { name: long, host: long, machine: long, zone: long }
  const longest = withFacts({ ...texts, weight: MEMBER_WEIGHT_MAX })
  const shortest = withFacts({ name: 'a', host: 'b', machine: 'c', zone: '', weight: 1e-9 })
  for (const join of [
    { ...longest, partitions: PARTITIONS_MAX },
    { ...shortest, partitions: 0, n: 0 },
    { ...shortest, n: REPLICAS_MAX },
    { ...shortest, partitions: 1 },
  ]) {
    const bytes = bytesOf(encodeRequest('peerJoin', join))
    t.same(decodeRequest('peerJoin', bytes, 0, bytes.length), join)
  }
})

t.test('what no member may be called or be is garbled, at both sides', async (t) => {
  const facts: readonly Partial<JoinerFacts>[] = [
    { name: '' },
    { host: '' },
    { machine: '' },
    ...(['name', 'host', 'machine', 'zone'] as const).map((field) => {
      return { [field]: 'x'.repeat(MEMBER_TEXT_CHARS_MAX + 1) }
    }),
    { clientPort: 0 },
    { peerPort: 65_536 },
    { weight: 0 },
    { weight: -1 },
    { weight: MEMBER_WEIGHT_MAX + 0.5 },
    { weight: Number.NaN },
    { weight: Number.POSITIVE_INFINITY },
  ]
  const wrong = [
    ...facts.map(withFacts),
    { ...peerJoin, partitions: 3 },
    { ...peerJoin, n: REPLICAS_MAX + 1 },
    { ...peerJoin, buckets: [{ name: '', n: 3 }] },
    { ...peerJoin, buckets: [{ name: 'b', n: REPLICAS_MAX + 1 }] },
    { ...peerJoin, partitions: 2 * PARTITIONS_MAX },
  ]
  for (const join of wrong) {
    const label = JSON.stringify(join)
    t.equal(
      thrownCode(() => encodeRequest('peerJoin', join)),
      'message-garbled',
      label,
    )
    const bytes = pb.PeerJoin.encode({
      ...join,
      ...join.facts,
      buckets: [...join.buckets],
    }).finish()
    const read = (): unknown => decodeRequest('peerJoin', bytes, 0, bytes.length)
    t.equal(thrownCode(read), 'message-garbled', label)
  }
})

t.test('an answer has a key, a tag and records within their bounds', async (t) => {
  const most = { ...reply, records: Array.from({ length: MEMBERS_MAX }, () => new Uint8Array(1)) }
  const bytes = bytesOf(encodeReply('peerJoin', most))
  t.same(decodeReply('peerJoin', bytes, 0, bytes.length), most)
  const wrong = [
    { ...reply, sealed: new Uint8Array(2049) },
    { ...reply, sealed: new Uint8Array(16) },
    { ...reply, tag: new Uint8Array(33) },
    { ...reply, placement: 'x'.repeat(PLACEMENT_BYTES_MAX + 1) },
    { ...reply, records: [new Uint8Array(MEMBER_RECORD_BYTES_MAX + 1)] },
    { ...most, records: [...most.records, new Uint8Array(1)] },
  ]
  for (const one of wrong) {
    t.equal(
      thrownCode(() => encodeReply('peerJoin', one)),
      'message-garbled',
    )
    const spelt = pb.PeerJoinReply.encode({ ...one, records: [...one.records] }).finish()
    const read = (): unknown => decodeReply('peerJoin', spelt, 0, spelt.length)
    t.equal(thrownCode(read), 'message-garbled')
  }
})

t.test('an invitation that is longer than any is garbled', async (t) => {
  const invite = pb.InviteReply.encode({ invitation: 'x'.repeat(4097), node: new Uint8Array(8) })
  const bytes = invite.finish()
  t.equal(
    thrownCode(() => decodeReply('invite', bytes, 0, bytes.length)),
    'message-garbled',
  )
})
