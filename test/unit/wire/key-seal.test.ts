/** Sealed cluster keys: opened by the other side alone, and by nothing that was changed. */
import t from 'tap'
import { createHmac } from 'node:crypto'
import { hexOf, utf8Bytes } from '../../../src/base/bytes.ts'
import { keyRingBytes } from '../../../src/dynamo/membership/key-ring.ts'
import { nodeId } from '../../../src/dynamo/names.ts'
import { KeySeal, toldToJoiner } from '../../../src/wire/key-seal.ts'
import type { PeerJoinReply } from '../../../src/wire/message/join.ts'
import {
  INVITATION,
  JOIN_EXAMPLE,
  KEYS_EXAMPLE,
  PLACEMENT_EXAMPLE,
  SEAL_NONCE,
  SEAL_OPTIONS,
} from '../../support/join-examples.ts'
import { NODE_A, NODE_B } from '../../support/wire-frames.ts'
import { bytes } from '../../support/wire-values.ts'

const { seal, reply } = JOIN_EXAMPLE
const KEYS = keyRingBytes(KEYS_EXAMPLE)
const flipped = (value: Uint8Array, at: number): Uint8Array =>
  value.with(at, (value[at] as number) ^ 1)
const opened = (changed: PeerJoinReply, node = NODE_A): Uint8Array | undefined =>
  seal.open(changed, toldToJoiner(node, changed))

t.test('the joiner opens what was sealed for it', async (t) => {
  t.same(opened(reply), KEYS)
  for (const { key } of KEYS_EXAMPLE.keys) t.notMatch(hexOf(reply.sealed), hexOf(key))
})

t.test('the construction is the one of the page, computed by hand', async (t) => {
  const hmac = (key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array => {
    const digest = createHmac('sha256', key)
    for (const part of parts) digest.update(part)
    return new Uint8Array(digest.digest())
  }
  const u32 = (value: number): Uint8Array => Uint8Array.of(value, 0, 0, 0)
  const head = Uint8Array.from([...bytes(16, 0x20), ...bytes(16, 0x30), 1])
  const padKey = hmac(utf8Bytes('everwrite join pad key'), INVITATION.secret)
  const blocks = [0, 1, 2].map((i) => [...hmac(padKey, head, SEAL_NONCE, u32(i))]).flat()
  const padded = KEYS.map((byte, at) => byte ^ (blocks[at] as number))
  const sealed = Uint8Array.from([...SEAL_NONCE, ...padded])
  t.same(reply.sealed, sealed)
  const [one, three] = [utf8Bytes('one'), utf8Bytes('three')]
  const id = new Uint8Array(8).fill(0xaa)
  const placement = utf8Bytes(PLACEMENT_EXAMPLE)
  const placed = [id, u32(placement.length), placement]
  const listed = [...placed, u32(2), u32(3), one, u32(5), three]
  const tagKey = hmac(utf8Bytes('everwrite join tag key'), INVITATION.secret)
  t.same(reply.tag, hmac(tagKey, head, u32(sealed.length), sealed, ...listed))
})

t.test('an answer with any byte changed, or for another joiner, is not opened', async (t) => {
  const changes: [string, PeerJoinReply][] = [
    ['placement', { ...reply, placement: reply.placement.replace('256', '128') }],
    ['no records', { ...reply, records: [] }],
    ['a record more', { ...reply, records: [...reply.records, new Uint8Array(0)] }],
    ['records joined', { ...reply, records: [utf8Bytes('onet'), utf8Bytes('hree')] }],
    ['a shorter tag', { ...reply, tag: reply.tag.subarray(1) }],
    ['a byte less', { ...reply, sealed: reply.sealed.subarray(0, -1) }],
    ['nothing', { ...reply, sealed: new Uint8Array(0) }],
  ]
  for (const [at] of reply.sealed.entries()) {
    changes.push([`keys ${at}`, { ...reply, sealed: flipped(reply.sealed, at) }])
  }
  for (const [at] of reply.tag.entries()) {
    changes.push([`tag ${at}`, { ...reply, tag: flipped(reply.tag, at) }])
  }
  for (const [what, changed] of changes) t.equal(opened(changed), undefined, what)
  t.equal(opened(reply, NODE_B), undefined)
  t.equal(opened(reply, nodeId('aaaaaaaaaaaaaaab')), undefined)
})

t.test('another secret, connection or side has another pad and tag', async (t) => {
  const { secret, connectorsNonce, acceptorsNonce } = SEAL_OPTIONS
  const others = [
    { secret: flipped(secret, 31) },
    { connectorsNonce: flipped(connectorsNonce, 0) },
    { acceptorsNonce: flipped(acceptorsNonce, 15) },
    { connectorsNonce: acceptorsNonce, acceptorsNonce: connectorsNonce },
    { role: 'peer' as const },
  ]
  const told = toldToJoiner(NODE_A, reply)
  for (const change of others) {
    const joiner = new KeySeal({ ...SEAL_OPTIONS, ...change, side: 'connector' })
    t.equal(joiner.open(reply, told), undefined)
    const issuer = new KeySeal({ ...SEAL_OPTIONS, ...change, side: 'acceptor' })
    t.notSame(issuer.seal(KEYS, SEAL_NONCE, told).sealed, reply.sealed)
  }
  const issuer = new KeySeal({ ...SEAL_OPTIONS, side: 'acceptor' })
  t.equal(issuer.open(reply, told), undefined, 'what it has sealed cannot be sent back')
  const again = issuer.seal(KEYS, bytes(16, 0x61), told)
  t.notSame(again.sealed.subarray(16), reply.sealed.subarray(16), 'each nonce has its own pad')
})
