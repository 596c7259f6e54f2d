/** The handshake: every pair of sides, and one case for every error. */
import t from 'tap'
import { type ErrorCode, OperatingError } from '../../../src/base/errors.ts'
import { HANDSHAKE_MS_MAX } from '../../../src/limits.ts'
import {
  type AcceptOptions,
  acceptSession,
  type ConnectOptions,
  connectSession,
} from '../../../src/wire/handshake.ts'
import { firstKeyAlone } from '../../../src/wire/handshake-steps.ts'
import { encodeControl, encodeRequest } from '../../../src/wire/convert.ts'
import { invitationIdBytes, invitationIdOf } from '../../../src/wire/invitation.ts'
import { CONTROL_KINDS, FLAG_MORE, type Settings } from '../../../src/wire/message/session.ts'
import { REQUEST_KINDS } from '../../../src/wire/message/table.ts'
import { proofOf } from '../../../src/wire/proof.ts'
import { OWN_SETTINGS } from '../../../src/wire/settings.ts'
import { HANDSHAKE } from '../../support/handshake-examples.ts'
import {
  AS_PEER,
  hello,
  identity,
  outcomeOf,
  PEER_KEY,
  proof,
  token,
} from '../../support/handshakes.ts'
import { INVITATION } from '../../support/join-examples.ts'
import { REQUESTS } from '../../support/wire-requests.ts'
import {
  bytesOf,
  CLIENT,
  FOR_CLIENTS,
  frameOf,
  helloBytes,
  NODE_A,
  NODE_B,
  PEER_A,
  PEER_B,
  RawEnd,
  sessionPair,
  RecordedEvents,
} from '../../support/wire-frames.ts'
import { type PipeEnd, WirePipeWorld, wirePipe } from '../../support/wire-pipe.ts'

/** The results of both sides. */
async function meet(
  connect: ConnectOptions,
  accept: AcceptOptions,
  prepare: (near: PipeEnd, far: PipeEnd) => void = () => undefined,
): Promise<readonly [string, string]> {
  const world = new WirePipeWorld()
  const [near, far] = wirePipe(world)
  prepare(near, far)
  const connecting = outcomeOf(connectSession(near, world, connect, new RecordedEvents()))
  const accepting = outcomeOf(acceptSession(far, world, accept, new RecordedEvents()))
  await world.untilIdle()
  world.pass(60_000)
  return Promise.all([connecting, accepting])
}

const TAKEN = new OperatingError('node-id-taken', 'another node has this id')

const JOINER: ConnectOptions = {
  role: 'joiner',
  cluster: 'shop',
  node: NODE_A,
  invitation: INVITATION,
}
const secret = INVITATION.secret.with(31, 0)
/** A node that has issued the invitation, and has not been asked by another joiner. */
const ISSUER = {
  ...PEER_B,
  joiners: {
    secretOf: (id: string) => {
      if (id === INVITATION.id) return INVITATION.secret
      throw new OperatingError('invitation-wrong', 'this node has issued no such invitation')
    },
    admit: () => undefined,
  },
} as AcceptOptions
const joinersRefused = (code: ErrorCode): AcceptOptions => {
  const refuse = () => new OperatingError(code, 'refused')
  return {
    ...ISSUER,
    joiners: { secretOf: () => INVITATION.secret, admit: refuse },
  } as AcceptOptions
}

const TABLE: readonly (readonly [string, ConnectOptions, AcceptOptions, string, string])[] = [
  ['client', CLIENT, FOR_CLIENTS, 'open', 'open'],
  ['client of the cluster', { ...CLIENT, cluster: 'shop' }, FOR_CLIENTS, 'open', 'open'],
  [
    'client of another',
    { ...CLIENT, cluster: 'test' },
    FOR_CLIENTS,
    'wrong-cluster',
    'wrong-cluster',
  ],
  ['token given', { ...CLIENT, ...token('x') }, { ...FOR_CLIENTS, ...token('x') }, 'open', 'open'],
  ['token not wanted', { ...CLIENT, ...token('x') }, FOR_CLIENTS, 'token-wrong', 'open'],
  ['token missing', CLIENT, { ...FOR_CLIENTS, ...token('x') }, 'token-wrong', 'token-wrong'],
  [
    'token and another cluster',
    { ...CLIENT, ...token('x'), cluster: 'test' },
    { ...FOR_CLIENTS, ...token('x') },
    'wrong-cluster',
    'wrong-cluster',
  ],
  [
    'token with a zero byte more',
    { ...CLIENT, ...token('x\0') },
    { ...FOR_CLIENTS, ...token('x') },
    'token-wrong',
    'token-wrong',
  ],
  [
    'long tokens that differ at the end',
    { ...CLIENT, ...token(`${'x'.repeat(1023)}y`) },
    { ...FOR_CLIENTS, ...token('x'.repeat(1024)) },
    'token-wrong',
    'token-wrong',
  ],
  [
    'token wrong',
    { ...CLIENT, ...token('y') },
    { ...FOR_CLIENTS, ...token('x') },
    'token-wrong',
    'token-wrong',
  ],
  ['peers', PEER_A, PEER_B, 'open', 'open'],
  ['peer at the client port', PEER_A, FOR_CLIENTS, 'handshake-expected', 'handshake-expected'],
  ['client at the peer port', CLIENT, PEER_B, 'handshake-expected', 'handshake-expected'],
  [
    'peer of another cluster',
    { ...PEER_A, cluster: 'test' },
    PEER_B,
    'wrong-cluster',
    'wrong-cluster',
  ],
  [
    'peer with another key',
    { ...PEER_A, keys: firstKeyAlone(new Uint8Array(16)) } as ConnectOptions,
    PEER_B,
    'proof-wrong',
    'proof-wrong',
  ],
  [
    'refused by the acceptor',
    PEER_A,
    {
      ...PEER_B,
      admit: (id: string) => (id === NODE_A ? TAKEN : undefined),
    } as AcceptOptions,
    'node-id-taken',
    'node-id-taken',
  ],
  [
    'refused by the connector',
    {
      ...PEER_A,
      admit: (id: string) => (id === NODE_B ? TAKEN : undefined),
    } as ConnectOptions,
    PEER_B,
    'node-id-taken',
    'open',
  ],
  ['both ends are one node', PEER_A, PEER_A, 'open', 'open'],
  [
    'refused later by the acceptor',
    PEER_A,
    { ...PEER_B, admit: () => Promise.resolve(TAKEN) } as AcceptOptions,
    'node-id-taken',
    'node-id-taken',
  ],
  [
    'let in later by the acceptor',
    PEER_A,
    { ...PEER_B, admit: () => Promise.resolve(undefined) } as AcceptOptions,
    'open',
    'open',
  ],
  ['joiner', JOINER, ISSUER, 'open', 'open'],
  ['joiner at the client port', JOINER, FOR_CLIENTS, 'handshake-expected', 'handshake-expected'],
  ['joiner at a node without invitations', JOINER, PEER_B, 'invitation-wrong', 'invitation-wrong'],
  [
    'joiner with another invitation',
    { ...JOINER, invitation: { ...INVITATION, id: invitationIdOf(new Uint8Array(8)) } },
    ISSUER,
    'invitation-wrong',
    'invitation-wrong',
  ],
  [
    'joiner with another secret',
    { ...JOINER, invitation: { ...INVITATION, secret } },
    ISSUER,
    'proof-wrong',
    'proof-wrong',
  ],
  [
    'joiner of another cluster',
    { ...JOINER, cluster: 'test' },
    ISSUER,
    'wrong-cluster',
    'wrong-cluster',
  ],
  [
    'joiner whose invitation was used',
    JOINER,
    joinersRefused('invitation-wrong'),
    'invitation-wrong',
    'invitation-wrong',
  ],
  ['joiner that is gone', JOINER, joinersRefused('member-gone'), 'member-gone', 'member-gone'],
]

t.test('every pair of sides opens or fails with the expected code', async (t) => {
  for (const [title, connect, accept, near, far] of TABLE) {
    t.same(await meet(connect, accept), [near, far], title)
    const cuts = (end: PipeEnd): void => void (end.cut = () => 1)
    const outcome = await meet(connect, accept, (a, b) => [a, b].forEach(cuts))
    t.same(outcome, [near, far], `${title}, byte by byte`)
  }
})

t.test('each side learns the id of the other', async (t) => {
  const peers = await sessionPair(PEER_A, PEER_B)
  t.same([peers.near.node, peers.far.node], [NODE_B, NODE_A])
  t.same([peers.near.role, peers.far.role], ['peer', 'peer'])
  const client = await sessionPair()
  t.same([client.near.node, client.near.cluster], [NODE_B, 'shop'], 'a client learns the cluster')
  t.equal(client.far.node, undefined)
  const joining = await sessionPair(JOINER, ISSUER)
  t.same([joining.near.node, joining.far.node], [NODE_B, NODE_A])
  t.same([joining.near.role, joining.far.role], ['joiner', 'joiner'])
  t.equal(joining.far.join?.invitation, INVITATION.id)
  t.equal(peers.far.join, undefined)
  t.equal(client.world.timers, 0)
})

/** Writes frames to the accepting side; returns its result and the kind of its last frame. */
async function greet(
  accept: AcceptOptions,
  ...frames: readonly Uint8Array[]
): Promise<readonly [string, string | undefined]> {
  const world = new WirePipeWorld()
  const [near, far] = wirePipe(world)
  const raw = new RawEnd(near)
  const outcome = outcomeOf(acceptSession(far, world, accept, new RecordedEvents()))
  for (const frame of frames) near.write(frame)
  await world.untilIdle()
  world.pass(60_000)
  const last = raw.take().at(-1)
  t.equal(world.timers, 0)
  return [await outcome, last === undefined ? undefined : String(last.kind)]
}

const settings = (change: Partial<Settings>) => ({ settings: { ...OWN_SETTINGS, ...change } })
const AS_JOINER = { role: 'joiner', invitation: invitationIdBytes(INVITATION.id) } as const
const withToken = { ...FOR_CLIENTS, ...token('x') }

t.test('a faulty handshake ends with a goodbye and the expected code', async (t) => {
  const get = frameOf(REQUEST_KINDS.get, 1, bytesOf(encodeRequest('get', REQUESTS.get)))
  const goodbye = String(CONTROL_KINDS.goodbye)
  const long = new Uint8Array(17)
  const reserved = (flags: number, callId: number): Uint8Array =>
    frameOf(CONTROL_KINDS.hello, callId, helloBytes(), flags)
  const cases: readonly (readonly [string, AcceptOptions, readonly Uint8Array[]])[] = [
    ['handshake-expected', FOR_CLIENTS, [get]],
    ['handshake-expected', PEER_B, [get]],
    ['handshake-expected', PEER_B, [hello(AS_PEER), get]],
    ['handshake-expected', PEER_B, [hello(AS_PEER), hello(AS_PEER)]],
    ['handshake-expected', PEER_B, [hello(AS_PEER), frameOf(CONTROL_KINDS.identity, 0)]],
    ['handshake-expected', withToken, [hello(), get]],
    ['handshake-expected', FOR_CLIENTS, [hello(AS_PEER)]],
    ['handshake-expected', PEER_B, [hello()]],
    ['format-unsupported', FOR_CLIENTS, [hello({ formatMin: 2, formatMax: 9 })]],
    ['format-unsupported', FOR_CLIENTS, [hello({ formatMin: 0, formatMax: 0 })]],
    ['format-unsupported', FOR_CLIENTS, [hello({ formatMin: 2, formatMax: 9, role: undefined })]],
    ['frame-too-long', FOR_CLIENTS, [frameOf(CONTROL_KINDS.hello, 0, new Uint8Array(4097))]],
    ['frame-magic', FOR_CLIENTS, [new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n')]],
    ['frame-format', FOR_CLIENTS, [Uint8Array.of(0x45, 0x57, 2, 1)]],
    ['frame-reserved', FOR_CLIENTS, [reserved(FLAG_MORE, 0)]],
    ['frame-reserved', FOR_CLIENTS, [reserved(0, 1)]],
    ['frame-reserved', PEER_B, [hello(AS_PEER), frameOf(CONTROL_KINDS.proof, 7)]],
    ['message-garbled', FOR_CLIENTS, [frameOf(CONTROL_KINDS.hello, 0, Uint8Array.of(0xff))]],
    ['message-garbled', FOR_CLIENTS, [hello({ role: undefined })]],
    ['message-garbled', FOR_CLIENTS, [hello({ nonce: long })]],
    ['message-garbled', FOR_CLIENTS, [hello({ nonce: long.subarray(17) })]],
    ['message-garbled', PEER_B, [hello({ ...AS_PEER, nonce: long.subarray(2) })]],
    ['message-garbled', FOR_CLIENTS, [hello(settings({ windowBytes: 65_535 }))]],
    ['message-garbled', FOR_CLIENTS, [hello(settings({ messageBytesMax: 1 }))]],
    ['message-garbled', FOR_CLIENTS, [hello(settings({ features: [...new Uint8Array(65)] }))]],
    ['message-garbled', FOR_CLIENTS, [hello({ version: 'v'.repeat(65) })]],
    ['message-garbled', FOR_CLIENTS, [hello({ version: '1.0\u001b[31m' })]],
    ['message-garbled', ISSUER, [hello({ role: 'joiner' })]],
    ['message-garbled', ISSUER, [hello({ role: 'joiner', invitation: long })]],
    ['invitation-wrong', ISSUER, [hello({ role: 'joiner', invitation: long.subarray(9) })]],
    ['invitation-wrong', PEER_B, [hello(AS_JOINER)]],
    ['handshake-expected', FOR_CLIENTS, [hello(AS_JOINER)]],
    ['handshake-expected', ISSUER, [hello(AS_JOINER), get]],
    ['handshake-expected', ISSUER, [hello(AS_JOINER), frameOf(CONTROL_KINDS.identity, 0)]],
    ['proof-wrong', ISSUER, [hello(AS_JOINER), proof(new Uint8Array(32))]],
    ['proof-wrong', ISSUER, [hello(AS_JOINER), proof(new Uint8Array(0))]],
    ['handshake-late', ISSUER, [hello(AS_JOINER)]],
    ['proof-wrong', PEER_B, [hello(AS_PEER), proof(new Uint8Array(32))]],
    ['proof-wrong', PEER_B, [hello(AS_PEER), proof(new Uint8Array(0))]],
    ['token-wrong', withToken, [hello(), proof(new Uint8Array(32))]],
    ['token-wrong', withToken, [hello(), proof(new Uint8Array(0))]],
    ['handshake-late', FOR_CLIENTS, []],
    ['handshake-late', FOR_CLIENTS, [hello().slice(0, 10)]],
    ['handshake-late', PEER_B, [hello(AS_PEER)]],
    ['handshake-late', withToken, [hello()]],
    ['frame-too-long', FOR_CLIENTS, [Buffer.concat([hello(), new Uint8Array(20_000)])]],
  ]
  for (const [code, accept, frames] of cases) {
    t.same(await greet(accept, ...frames), [code, goodbye], code)
  }
  t.same(await greet(FOR_CLIENTS, hello({ formatMin: 0, formatMax: 9 })), ['open', '4'])
  t.same(await greet(FOR_CLIENTS, hello(settings({ features: [77] }))), ['open', '4'])
})

t.test(
  'a connection that ends, stalls or is no node rejects with an operating error',
  async (t) => {
    const acts: readonly (readonly [string, (far: PipeEnd) => void])[] = [
      ['not-connected', (far) => far.end()],
      ['not-connected', (far) => far.destroy(new Error('reset'))],
      ['handshake-late', () => undefined],
      ['frame-magic', (far) => far.write(new TextEncoder().encode('HTTP/1.1 400 Bad Request'))],
      ['handshake-expected', (far) => far.write(frameOf(CONTROL_KINDS.ready, 0))],
      ['handshake-expected', (far) => far.write(frameOf(REQUEST_KINDS.get, 0))],
    ]
    for (const [code, act] of acts) {
      const world = new WirePipeWorld()
      const [near, far] = wirePipe(world)
      const raw = new RawEnd(far)
      const outcome = outcomeOf(connectSession(near, world, CLIENT, new RecordedEvents()))
      act(raw.end)
      await world.untilIdle()
      world.pass(HANDSHAKE_MS_MAX + 10_000)
      await world.untilIdle()
      t.equal(await outcome, code)
      t.same([near.isClosed, world.timers], [true, 0])
    }
  },
)

t.test('a request in the same chunk as ready is received, and may be long', async (t) => {
  const world = new WirePipeWorld()
  const [near, far] = wirePipe(world)
  const raw = new RawEnd(far)
  const events = new RecordedEvents()
  const connecting = connectSession(near, world, PEER_A, events)
  await world.untilIdle()
  const { body } = raw.take()[0] as { body: Uint8Array }
  const welcome = bytesOf(encodeControl('welcome', HANDSHAKE.welcome))
  const write = { ...REQUESTS.peerWrite, object: new Uint8Array(9000) }
  far.write(
    Buffer.concat([
      frameOf(CONTROL_KINDS.welcome, 0, welcome),
      proof(proofOf('acceptor', PEER_KEY, body, welcome)),
      identity({ node: new Uint8Array(8).fill(0xbb) }),
      frameOf(CONTROL_KINDS.ready, 0),
      frameOf(REQUEST_KINDS.peerWrite, 1, bytesOf(encodeRequest('peerWrite', write))),
    ]),
  )
  await world.untilIdle()
  t.equal((await connecting).node, NODE_B)
  t.equal(events.calls.length, 1)
})
