/** The sealed cluster key: opened by the joiner alone, and by nothing that was changed. */
import t from 'tap'
import { createHmac } from 'node:crypto'
import { hexOf, utf8Bytes } from '../../../src/base/bytes.ts'
import { nodeId } from '../../../src/dynamo/names.ts'
import { KeySeal } from '../../../src/wire/key-seal.ts'
import type { PeerJoinReply } from '../../../src/wire/message/join.ts'
import { INVITATION, JOIN_EXAMPLE, PLACEMENT_EXAMPLE } from '../../support/join-examples.ts'
import { CLUSTER_KEY, NODE_A, NODE_B } from '../../support/wire-frames.ts'
import { bytes } from '../../support/wire-values.ts'

const { seal, reply } = JOIN_EXAMPLE
const flipped = (value: Uint8Array, at: number): Uint8Array =>
  value.with(at, (value[at] as number) ^ 1)

t.test('the joiner opens what was sealed for it', async (t) => {
  t.same(seal.open(reply, NODE_A), CLUSTER_KEY)
  t.not(hexOf(reply.sealedKey), hexOf(CLUSTER_KEY))
})

t.test('the construction is the one of the page, computed by hand', async (t) => {
  const hmac = (key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array => {
    const digest = createHmac('sha256', key)
    for (const part of parts) digest.update(part)
    return new Uint8Array(digest.digest())
  }
  const nonces = Uint8Array.from([...bytes(16, 0x20), ...bytes(16, 0x30)])
  const padKey = hmac(utf8Bytes('everwrite join pad key'), INVITATION.secret)
  const pad = hmac(padKey, nonces)
  const sealed = CLUSTER_KEY.map((byte, at) => byte ^ (pad[at] as number))
  t.same(reply.sealedKey, sealed)
  const u32 = (value: number): Uint8Array => Uint8Array.of(value, 0, 0, 0)
  const [one, three] = [utf8Bytes('one'), utf8Bytes('three')]
  const id = new Uint8Array(8).fill(0xaa)
  const placement = utf8Bytes(PLACEMENT_EXAMPLE)
  const placed = [u32(placement.length), placement]
  const listed = [...placed, u32(3), u32(2), u32(3), one, u32(5), three]
  const tagKey = hmac(utf8Bytes('everwrite join tag key'), INVITATION.secret)
  t.same(reply.tag, hmac(tagKey, nonces, id, sealed, ...listed))
})

t.test('an answer with any byte changed, or for another joiner, is not opened', async (t) => {
  const changes: [string, PeerJoinReply][] = [
    ['placement', { ...reply, placement: reply.placement.replace('256', '128') }],
    ['ring', { ...reply, ring: 4 }],
    ['no records', { ...reply, records: [] }],
    ['a record more', { ...reply, records: [...reply.records, new Uint8Array(0)] }],
    ['records joined', { ...reply, records: [utf8Bytes('onet'), utf8Bytes('hree')] }],
    ['a shorter tag', { ...reply, tag: reply.tag.subarray(1) }],
  ]
  for (const [at] of reply.sealedKey.entries()) {
    changes.push([`key ${at}`, { ...reply, sealedKey: flipped(reply.sealedKey, at) }])
  }
  for (const [at] of reply.tag.entries()) {
    changes.push([`tag ${at}`, { ...reply, tag: flipped(reply.tag, at) }])
  }
  for (const [what, changed] of changes) t.equal(seal.open(changed, NODE_A), undefined, what)
  t.equal(seal.open(reply, NODE_B), undefined)
  t.equal(seal.open(reply, nodeId('aaaaaaaaaaaaaaab')), undefined)
})

t.test('another secret, or another connection, has another pad and tag', async (t) => {
  const { secret } = INVITATION
  const [joiner, acceptor] = [bytes(16, 0x20), bytes(16, 0x30)]
  const others = [
    new KeySeal(flipped(secret, 31), joiner, acceptor),
    new KeySeal(secret, flipped(joiner, 0), acceptor),
    new KeySeal(secret, joiner, flipped(acceptor, 15)),
    new KeySeal(secret, acceptor, joiner),
  ]
  for (const other of others) {
    t.equal(other.open(reply, NODE_A), undefined)
    t.notSame(other.seal(CLUSTER_KEY, NODE_A, reply).sealedKey, reply.sealedKey)
  }
})
