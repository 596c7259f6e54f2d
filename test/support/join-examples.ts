/** The invitation that protocol/README.md works out, and the cluster keys sealed under it. */
import { hexOf, utf8Bytes } from '../../src/base/bytes.ts'
import { KeyRing, keyRingBytes } from '../../src/dynamo/membership/key-ring.ts'
import { encodeControl } from '../../src/wire/convert.ts'
import { type Invitation, invitationIdOf, invitationText } from '../../src/wire/invitation.ts'
import { KeySeal, toldToJoiner } from '../../src/wire/key-seal.ts'
import type { PeerJoinReply } from '../../src/wire/message/join.ts'
import type { Hello, Welcome } from '../../src/wire/message/session.ts'
import { OWN_SETTINGS } from '../../src/wire/settings.ts'
import { bytesOf, CLUSTER_KEY, NODE_A, NODE_B } from './wire-frames.ts'
import { bytes } from './wire-values.ts'

export const INVITATION: Invitation = {
  id: invitationIdOf(bytes(8, 0x70)),
  secret: bytes(32, 0x80),
  cluster: 'shop',
  issuer: NODE_B,
  address: { host: '10.0.0.1', port: 7500 },
}
export const INVITATION_TEXT: string = invitationText(INVITATION)

const hello: Hello = {
  formatMin: 1,
  formatMax: 1,
  role: 'joiner',
  nonce: bytes(16, 0x20),
  settings: OWN_SETTINGS,
  cluster: '',
  version: '',
  invitation: bytes(8, 0x70),
  keys: [],
}
const welcome: Welcome = {
  format: 1,
  settings: { ...OWN_SETTINGS, deadlineMs: 5000 },
  nonce: bytes(16, 0x30),
  key: 0,
}
export const JOINER_HELLO: Uint8Array = bytesOf(encodeControl('hello', hello))
export const JOINER_WELCOME: Uint8Array = bytesOf(encodeControl('welcome', welcome))

const placed = { name: 'one', machine: 'm1', zone: '', weight: 1 }
export const PLACEMENT_EXAMPLE: string = JSON.stringify({
  partitions: 256,
  members: [placed],
  n: 1,
  buckets: {},
})

/** Of a cluster that has rotated its key once: the second one signs. */
export const KEYS_EXAMPLE: KeyRing = KeyRing.first(CLUSTER_KEY, bytes(16, 0xd0))
  .rotated(0x0a0b0c0d, bytes(16, 0xe0))
  .signedBy({ number: 2, id: 0x0a0b0c0d })
export const SEAL_NONCE: Uint8Array = bytes(16, 0x60)

export const SEAL_OPTIONS = {
  role: 'joiner',
  secret: INVITATION.secret,
  connectorsNonce: hello.nonce,
  acceptorsNonce: welcome.nonce,
} as const

/** The keys sealed for node A, and what it is told beside them; `seal` is its own. */
export const JOIN_EXAMPLE: { readonly seal: KeySeal; readonly reply: PeerJoinReply } = (() => {
  const issuer = new KeySeal({ ...SEAL_OPTIONS, side: 'acceptor' })
  const records = [utf8Bytes('one'), utf8Bytes('three')]
  const told = { placement: PLACEMENT_EXAMPLE, records }
  const keys = keyRingBytes(KEYS_EXAMPLE)
  const reply = { ...told, ...issuer.seal(keys, SEAL_NONCE, toldToJoiner(NODE_A, told)) }
  return { seal: new KeySeal({ ...SEAL_OPTIONS, side: 'connector' }), reply }
})()

/** The example as the page shows it. */
export function sealText(): string {
  const { sealed, tag } = JOIN_EXAMPLE.reply
  const rows: readonly (readonly [string, Uint8Array])[] = [
    ['secret', INVITATION.secret],
    ["joiner's nonce", hello.nonce],
    ["acceptor's nonce", welcome.nonce],
    ["joiner's id", Uint8Array.from({ length: 8 }, () => 0xaa)],
    ['ring of keys', keyRingBytes(KEYS_EXAMPLE)],
    ['own nonce', SEAL_NONCE],
    ['sealed', sealed],
    ['tag', tag],
  ]
  return rows.map(([name, value]) => `${name.padEnd(18)} ${spaced(value)}`).join('\n')
}

function spaced(value: Uint8Array): string {
  const pairs = hexOf(value).match(/../g) ?? []
  const lines: string[] = []
  for (let at = 0; at < pairs.length; at += 24) lines.push(pairs.slice(at, at + 24).join(' '))
  return lines.join(`\n${' '.repeat(19)}`)
}
