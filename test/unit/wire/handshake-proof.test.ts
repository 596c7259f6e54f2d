/** The proofs of the handshake, and what is told before them. */
import t from 'tap'
import { joinBytes } from '../../../src/base/bytes.ts'
import { VERSION } from '../../../src/version.ts'
import { encodeControl } from '../../../src/wire/convert.ts'
import type { Frame } from '../../../src/wire/frame.ts'
import {
  type AcceptOptions,
  type ConnectOptions,
  connectSession,
} from '../../../src/wire/handshake.ts'
import { AcceptorSteps } from '../../../src/wire/handshake-acceptor.ts'
import { ConnectorSteps } from '../../../src/wire/handshake-connector.ts'
import type { Send, Steps } from '../../../src/wire/handshake-steps.ts'
import { CONTROL_KINDS, type Hello, type Identity } from '../../../src/wire/message/session.ts'
import { proofKeyOf, proofOf } from '../../../src/wire/proof.ts'
import type { SessionFacts } from '../../../src/wire/session.ts'
import { OWN_SETTINGS } from '../../../src/wire/settings.ts'
import { HANDSHAKE } from '../../support/handshake-examples.ts'
import { INVITATION } from '../../support/join-examples.ts'
import {
  AS_PEER,
  dialogue,
  hello,
  identity,
  outcomeOf,
  PEER_KEY,
  proof,
  token,
} from '../../support/handshakes.ts'
import {
  bytesOf,
  CLIENT,
  CLUSTER_KEY,
  FOR_CLIENTS,
  frameOf,
  helloBytes,
  NODE_A,
  NODE_B,
  PEER_A,
  PEER_B,
  RawEnd,
  RecordedEvents,
} from '../../support/wire-frames.ts'
import { WirePipeWorld, wirePipe } from '../../support/wire-pipe.ts'

t.test('the acceptor refuses a proof of another connection and its own', async (t) => {
  const nonce = new Uint8Array(16).fill(9)
  const proofFor = (change: Partial<Hello>, welcome: Uint8Array): Uint8Array =>
    proofOf('connector', PEER_KEY, helloBytes({ ...AS_PEER, ...change }), welcome)
  const attempts: readonly (readonly [string, string, Parameters<typeof dialogue>[2]])[] = [
    ['open', 'the right one', (welcome) => [proof(proofFor({}, welcome)), identity({})]],
    ['proof-wrong', 'its own', (_, theirs) => [proof(theirs.subarray(2))]],
    ['proof-wrong', 'another nonce', (welcome) => [proof(proofFor({ nonce }, welcome))]],
    [
      'proof-wrong',
      'another welcome',
      (w) => [
        proof(
          proofFor(
            {},
            w.map((byte) => byte ^ 1),
          ),
        ),
      ],
    ],
  ]
  for (const [expected, title, answer] of attempts) {
    t.equal((await dialogue(PEER_B, AS_PEER, answer)).code, expected, title)
  }
})

t.test('an identity that is garbled or of another cluster is refused', async (t) => {
  const cases: readonly (readonly [string, Partial<Identity>])[] = [
    ['message-garbled', { node: new Uint8Array(7) }],
    ['message-garbled', { version: 'v'.repeat(65) }],
    ['message-garbled', { directory: new Uint8Array(9) }],
    ['message-garbled', { replaced: [new Uint8Array(7)] }],
    ['message-garbled', { replaced: Array.from({ length: 9 }, () => new Uint8Array(8)) }],
    ['wrong-cluster', { cluster: 'test' }],
    ['wrong-cluster', { cluster: '' }],
  ]
  for (const [expected, change] of cases) {
    const { code } = await dialogue(PEER_B, AS_PEER, (welcome) => [
      proof(proofOf('connector', PEER_KEY, helloBytes(AS_PEER), welcome)),
      identity(change),
    ])
    t.equal(code, expected)
  }
})

t.test(
  'P9 before the proof an acceptor tells neither cluster, node, version nor data',
  async (t) => {
    const directory = '6d6d6d6d6d6d6d6d'
    const data = { directory, replaced: [directory], placement: '{"shop":1}', durable: 7 }
    const standing = { ...data, processId: directory }
    const secrets = [
      'shop',
      VERSION,
      String.fromCharCode(...new Uint8Array(8).fill(0xbb)),
      'mmmmmm',
    ]
    const named = { cluster: 'test', version: '9.9.9' }
    for (const accept of [
      { ...PEER_B, standing, metOf: () => [directory] },
      { ...FOR_CLIENTS, ...token('x') },
    ]) {
      const role = accept.role
      const options = accept as AcceptOptions
      for (const answer of [
        [proof(new Uint8Array(0))],
        [hello()],
        [frameOf(CONTROL_KINDS.identity, 0)],
      ]) {
        const { sent } = await dialogue(options, { role, ...named }, () => answer)
        const text = sent.map(({ body }) => Buffer.from(body).toString('latin1')).join('\n')
        t.equal(sent.at(-1)?.kind, CONTROL_KINDS.goodbye)
        for (const secret of secrets) t.notOk(text.includes(secret), `${role}: ${secret}`)
      }
    }
  },
)

const JOINER: ConnectOptions = {
  role: 'joiner',
  cluster: 'shop',
  node: NODE_A,
  invitation: INVITATION,
}

t.test('P9 a connector tells an impostor nothing but formats and limits', async (t) => {
  const standing = {
    processId: '6d6d6d6d6d6d6d6d',
    directory: '6d6d6d6d6d6d6d6d',
    replaced: [],
    placement: '{"shop":1}',
    durable: 7,
    isRebuilding: false,
  }
  const secrets = ['shop', 'hush', String.fromCharCode(...new Uint8Array(8).fill(0xaa)), 'mmmmmm']
  const nonce = new Uint8Array(16)
  const welcome = { format: 1, settings: OWN_SETTINGS, nonce, key: 0 }
  const sides: readonly ConnectOptions[] = [
    { ...PEER_A, standing } as ConnectOptions,
    JOINER,
    { ...CLIENT, ...token('hush') },
  ]
  for (const connect of sides) {
    const world = new WirePipeWorld()
    const [near, far] = wirePipe(world)
    const raw = new RawEnd(far)
    const outcome = outcomeOf(connectSession(near, world, connect, new RecordedEvents()))
    raw.send(CONTROL_KINDS.welcome, 0, bytesOf(encodeControl('welcome', welcome)))
    raw.end.write(proof(new Uint8Array(32)))
    await world.untilIdle()
    t.equal(await outcome, 'proof-wrong')
    const kinds = raw.frames.map(({ kind }) => kind)
    const { hello, proof: proofKind, goodbye } = CONTROL_KINDS
    t.same(kinds, connect.role === 'client' ? [hello, proofKind, goodbye] : [hello, goodbye])
    const text = raw.frames.map(({ body }) => Buffer.from(body).toString('latin1')).join('\n')
    for (const secret of secrets) t.notOk(text.includes(secret), secret)
  }
})

t.test('a proof depends on the side, the secret, its use and every byte agreed on', async (t) => {
  const hello = helloBytes(AS_PEER)
  const welcome = bytesOf(encodeControl('welcome', HANDSHAKE.welcome))
  const other = proofKeyOf('peer', new Uint8Array(16))
  const proofs = [
    proofOf('acceptor', PEER_KEY, hello, welcome),
    proofOf('connector', PEER_KEY, hello, welcome),
    proofOf('connector', other, hello, welcome),
    proofOf('connector', proofKeyOf('client', CLUSTER_KEY), hello, welcome),
    proofOf('connector', PEER_KEY, hello.subarray(0, -1), joinBytes([hello.subarray(-1), welcome])),
  ]
  for (const [at] of hello.entries()) {
    proofs.push(proofOf('connector', PEER_KEY, changedAt(hello, at), welcome))
  }
  for (const [at] of welcome.entries()) {
    proofs.push(proofOf('connector', PEER_KEY, hello, changedAt(welcome, at)))
  }
  t.equal(new Set(proofs.map((one) => Buffer.from(one).toString('hex'))).size, proofs.length)
})

function changedAt(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))
}

t.test('each side has the settings of both; absent and greater ones are the own', async (t) => {
  const told = { features: [3, 5], callsMax: 7, windowBytes: 65_536, deadlineMs: 250 }
  const world = new WirePipeWorld()
  const frames: { readonly body: Uint8Array }[] = []
  const send: Send = (name, message) => {
    const body = bytesOf(encodeControl(name, message))
    frames.push({ body })
    return body
  }
  const take = (steps: Steps): SessionFacts | undefined => {
    const { body: bytes } = frames.shift() as { body: Uint8Array }
    const taken = steps.take({ bytes, start: 0, length: bytes.length } as Frame, send)
    return taken as SessionFacts | undefined
  }
  const connector = new ConnectorSteps(world, { role: 'client', cluster: '', settings: told })
  const accept = { role: 'client', cluster: 'shop', node: NODE_B } as const
  const greater = { callsMax: 2 ** 32 - 1, windowBytes: 2 ** 32 - 1, messageBytesMax: 0 }
  const acceptor = new AcceptorSteps(world, { ...accept, settings: greater })
  connector.begin(send)
  const far = take(acceptor)
  take(connector)
  take(connector)
  const near = take(connector)
  const version = VERSION
  t.same(far?.settings, { ...OWN_SETTINGS, ...told, version })
  t.same(near?.settings, { ...OWN_SETTINGS, version })
  t.same(near?.ownSettings, { ...OWN_SETTINGS, ...told })
  t.same(far?.ownSettings, { ...OWN_SETTINGS, ...greater })
})
