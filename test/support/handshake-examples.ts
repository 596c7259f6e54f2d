/** The handshakes that protocol/README.md works out: of a peer, a client with a token, a joiner. */
import { bytesOfHex, hexOf, utf8Bytes } from '../../src/base/bytes.ts'
import { type Control, encodeControl } from '../../src/wire/convert.ts'
import type { Step } from '../../src/wire/handshake-steps.ts'
import type { Hello, Role, Welcome } from '../../src/wire/message/session.ts'
import { proofKeyOf, proofOf } from '../../src/wire/proof.ts'
import { OWN_SETTINGS } from '../../src/wire/settings.ts'
import { INVITATION, JOINER_HELLO, JOINER_WELCOME } from './join-examples.ts'
import { bytesOf, CLUSTER_KEY, NODE_B } from './wire-frames.ts'

const bytes = (length: number, first: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => first + i)

const formats = { formatMin: 1, formatMax: 1 }
const common = { ...formats, settings: OWN_SETTINGS, invitation: new Uint8Array(0), keys: [] }

const peerHello: Hello = {
  ...common,
  role: 'peer',
  nonce: bytes(16, 0x20),
  cluster: '',
  version: '',
}
const clientHello: Hello = {
  ...common,
  role: 'client',
  nonce: bytes(16, 0x40),
  cluster: 'shop',
  version: '0.1.0',
}
const welcome: Welcome = {
  format: 1,
  settings: { ...OWN_SETTINGS, deadlineMs: 5000 },
  nonce: bytes(16, 0x30),
  key: 0,
}

export interface ProofExample {
  readonly role: Role
  /** As the page calls it. */
  readonly secretName: string
  readonly secret: Uint8Array
  readonly hello: Uint8Array
  readonly welcome: Uint8Array
}

const welcomeBody = bytesOf(encodeControl('welcome', welcome))

const PEER: ProofExample = {
  role: 'peer',
  secretName: 'cluster key',
  secret: CLUSTER_KEY,
  hello: bytesOf(encodeControl('hello', peerHello)),
  welcome: welcomeBody,
}
const CLIENT: ProofExample = {
  role: 'client',
  secretName: 'token',
  secret: utf8Bytes('open sesame'),
  hello: bytesOf(encodeControl('hello', clientHello)),
  welcome: welcomeBody,
}
const JOINER: ProofExample = {
  role: 'joiner',
  secretName: 'secret',
  secret: INVITATION.secret,
  hello: JOINER_HELLO,
  welcome: JOINER_WELCOME,
}
export const PROOF_EXAMPLES: readonly ProofExample[] = [PEER, CLIENT, JOINER]

/** The proof of either side of an example. */
export function exampleProof(
  side: 'acceptor' | 'connector',
  { role, secret, hello, welcome }: ProofExample,
): Uint8Array {
  return proofOf(side, proofKeyOf(role, secret), hello, welcome)
}

/** An example as the page shows it: each number of bytes under its name, in rows of 24. */
export function proofText(example: ProofExample): string {
  const { role, secretName, secret, hello, welcome } = example
  const rows: readonly (readonly [string, Uint8Array])[] = [
    [secretName, secret],
    ['proof key', proofKeyOf(role, secret)],
    ['body of Hello', hello],
    ['body of Welcome', welcome],
    ["acceptor's proof", exampleProof('acceptor', example)],
    ["connector's proof", exampleProof('connector', example)],
  ]
  return rows.map(([name, bytes]) => `${name.padEnd(18)} ${spaced(bytes)}`).join('\n')
}

function spaced(bytes: Uint8Array): string {
  const pairs = hexOf(bytes).match(/../g) ?? []
  const lines: string[] = []
  for (let at = 0; at < pairs.length; at += 24) lines.push(pairs.slice(at, at + 24).join(' '))
  return lines.join(`\n${' '.repeat(19)}`)
}

/** One node, on a machine of its own. */
const PLACEMENT =
  '{"partitions":256,"members":[{"name":"one","machine":"m1","zone":"","weight":1}],' +
  '"n":1,"buckets":{}}'

/** The frames of the peer's handshake up to the acceptor's identity. */
export const HANDSHAKE: { readonly [N in Step]: Control<N> } = {
  hello: peerHello,
  welcome,
  proof: exampleProof('acceptor', PEER),
  ready: undefined,
  identity: {
    cluster: 'shop',
    node: bytesOfHex(NODE_B) as Uint8Array,
    version: '0.1.0',
    processId: bytes(8, 0x68),
    directory: bytes(8, 0x60),
    replaced: [],
    durable: 5_000_000_000,
    placement: PLACEMENT,
    met: [bytes(8, 0x50), bytes(8, 0x58)],
    metDurable: 4_000_000_000,
    isRebuilding: true,
  },
}
