/** Wrong frames and wrong handshakes, sent by hand to real nodes. */
import { bytesOfHex, utf8Bytes } from '../../../src/base/bytes.ts'
import { memberIdOf } from '../../../src/node/cluster/topology.ts'
import { crc32c } from '../../../src/native/digest.ts'
import { everwrite as pb } from '../../../src/wire/generated/messages.js'
import { CONTROL_KINDS, FLAG_MORE } from '../../../src/wire/message/session.ts'
import { REQUEST_KINDS } from '../../../src/wire/message/table.ts'
import { proofKeyOf, proofOf } from '../../../src/wire/proof.ts'
import type { Address } from '../../../src/world/network.ts'
import {
  frame,
  type GotFrame,
  helloFrame,
  lengthFrame,
  RawClient,
  wordOf,
} from '../../support/raw-client.ts'
import { CLUSTER_KEY_HEX } from '../../support/served-cluster.ts'
import { type Lab, OTHER_TOKEN, type Row, rowsOf } from './row.ts'

const CALL = 7
const GET = pb.Get.encode({ bucket: utf8Bytes('b'), key: utf8Bytes('k') }).finish()
const good = (): Buffer => frame(REQUEST_KINDS.get, CALL, GET)

/** A good frame with its header changed and the header's checksum made anew. */
function resealed(change: (header: Buffer) => void): Buffer {
  const bytes = good()
  change(bytes)
  bytes.writeUInt32LE(crc32c(bytes, 0, 16), 16)
  return bytes
}

function flipped(at: number): Buffer {
  const bytes = good()
  bytes[at] = (bytes[at] as number) ^ 1
  return bytes
}

const announcing = (length: number): Buffer =>
  resealed((header) => header.writeUInt32LE(length, 12))

/** What the node says to `parts`, one after another, on a connection past its handshake. */
async function told(address: Address, ...parts: readonly Uint8Array[]): Promise<string> {
  const client = await RawClient.greeted(address)
  for (const part of parts) client.send(part)
  const word = await client.word(CALL)
  client.close()
  return word
}

const BEFORE_READY: ReadonlySet<number> = new Set([
  CONTROL_KINDS.welcome,
  CONTROL_KINDS.proof,
  CONTROL_KINDS.identity,
])

/** The same before any handshake. */
async function toldFirst(address: Address, ...parts: readonly Uint8Array[]): Promise<string> {
  const client = await RawClient.connect(address)
  for (const part of parts) client.send(part)
  return toldBy(client, await client.until(({ kind }) => !BEFORE_READY.has(kind)))
}

export function frameRows({ cluster }: Lab): readonly Row[] {
  const node = cluster.clientAddress(0)
  const peer = cluster.peerAddress(0)
  const of = (kind: number) => told(node, frame(kind, CALL, GET))
  return rowsOf('frame', [
    ['a good one', 'answered', () => told(node, good())],
    ['another magic', 'frame-magic', () => told(node, flipped(0))],
    ['a line of HTTP', 'frame-magic', () => toldFirst(node, utf8Bytes('GET / HTTP/1.1\r\n\r\n'))],
    [
      'HTTP to the peer port',
      'frame-magic',
      () => toldFirst(peer, utf8Bytes('GET / HTTP/1.1\r\n')),
    ],
    [
      'format 2',
      'frame-format',
      () =>
        told(
          node,
          resealed((header) => (header[2] = 2)),
        ),
    ],
    ['a flipped bit in the header', 'frame-checksum', () => told(node, flipped(9))],
    ['a flipped bit in the header checksum', 'frame-checksum', () => told(node, flipped(17))],
    ['a flipped bit in the body', 'frame-checksum', () => told(node, flipped(22))],
    ['16 MiB and a byte announced', 'frame-too-long', () => told(node, announcing(2 ** 24 + 1))],
    ['4 GiB announced', 'frame-too-long', () => told(node, announcing(2 ** 32 - 1))],
    ['4 KiB and a byte before hello', 'frame-too-long', () => toldFirst(node, announcing(4097))],
    ['a reserved flag', 'frame-reserved', () => told(node, frame(REQUEST_KINDS.get, CALL, GET, 2))],
    [
      'reserved bytes',
      'frame-reserved',
      () =>
        told(
          node,
          resealed((header) => header.writeUInt16LE(1, 6)),
        ),
    ],
    ['begun and not gone on with', 'frame-late', () => told(node, good().subarray(0, 25))],
    ['kind 0', 'kind-unknown', () => of(0)],
    ['kind 12', 'kind-unknown', () => of(12)],
    ['an announcement that is garbled', 'message-garbled', () => of(7)],
    ['call id 0', 'call-id-wrong', () => told(node, frame(REQUEST_KINDS.get, 0, GET))],
    [
      'a call id below the last',
      'call-id-wrong',
      () => told(node, frame(REQUEST_KINDS.get, CALL + 1, GET), good()),
    ],
    ['kind 30', 'kind-unknown', () => of(30)],
    ['kind 63', 'kind-unknown', () => of(63)],
    ['kind 255', 'kind-unknown', () => of(255)],
    ['hello again', 'kind-unknown', () => told(node, helloFrame())],
    ['an answer to no call is ignored', 'answered', () => told(node, frame(96, 3, GET), good())],
    ['peerRead from a client', 'kind-unknown', () => of(REQUEST_KINDS.peerRead)],
    ['peerWrite from a client', 'kind-unknown', () => of(REQUEST_KINDS.peerWrite)],
    ['peerRange from a client', 'kind-unknown', () => of(REQUEST_KINDS.peerRange)],
  ])
}

export function chunkRows({ cluster }: Lab): readonly Row[] {
  const node = cluster.clientAddress(1)
  const more = (kind: number, bytes: number): Buffer =>
    frame(kind, CALL, new Uint8Array(bytes), FLAG_MORE)
  const { get, put } = REQUEST_KINDS
  return rowsOf('chunk', [
    ['not announced', 'credit-overrun', () => told(node, more(put, 9))],
    [
      'a message changes its kind',
      'message-garbled',
      () => told(node, lengthFrame(put, CALL, 100), more(put, 9), more(get, 9)),
    ],
    [
      'beyond the credit',
      'credit-overrun',
      () => told(node, lengthFrame(put, CALL, 100), more(put, 101)),
    ],
    [
      'an empty chunk',
      'message-garbled',
      () => told(node, lengthFrame(put, CALL, 9), more(put, 0)),
    ],
    [
      'fewer bytes than announced',
      'message-garbled',
      () => told(node, lengthFrame(put, CALL, 100), frame(put, CALL, new Uint8Array(9))),
    ],
    [
      'announced twice',
      'call-id-wrong',
      () => told(node, lengthFrame(put, CALL, 100), lengthFrame(put, CALL, 100)),
    ],
    ['more messages begun than calls may be', 'overloaded', () => manyAnnounced(node)],
    ['a message of 64 MiB and a byte', 'message-too-long', () => longMessage(node)],
    ['1,100 scans at once', 'overloaded', () => manyCalls(node)],
  ])
}

async function longMessage(node: Address): Promise<string> {
  const client = await RawClient.greeted(node)
  await client.sendLong(REQUEST_KINDS.put, CALL, new Uint8Array(64 * 1024 * 1024 + 1))
  const word = await client.word(CALL)
  client.close()
  return word
}

/** The last of more announced requests than one connection may have in flight. */
async function manyAnnounced(node: Address): Promise<string> {
  const client = await RawClient.greeted(node)
  const ids = Array.from({ length: 1_025 }, (_, i) => CALL + i)
  client.send(Buffer.concat(ids.map((id) => lengthFrame(REQUEST_KINDS.put, id, 70_000))))
  const word = await client.word(CALL + 1_024)
  client.close()
  return word
}

/** The last of more calls than one connection may have in flight. */
async function manyCalls(node: Address): Promise<string> {
  const client = await RawClient.greeted(node)
  const body = pb.Scan.encode({ bucket: utf8Bytes('empty') }).finish()
  const calls = Array.from({ length: 1_100 }, (_, i) => frame(REQUEST_KINDS.scan, CALL + i, body))
  client.send(Buffer.concat(calls))
  const word = await client.word(CALL + calls.length - 1)
  client.close()
  return word
}

const FEATURES: number[] = Array.from({ length: 65 }, (_, i) => i)

interface ClientLie {
  /** The token that the client knows; undefined: its proof is empty. */
  readonly token?: string
  readonly hello?: pb.Hello.$Properties
  /** What the proof is made of in place of the Hello that was sent. */
  readonly claimed?: pb.Hello.$Properties
}

/** A client's handshake with a node that asks for a token. */
async function clientTold(address: Address, lie: ClientLie): Promise<string> {
  const client = await RawClient.connect(address)
  client.send(helloFrame(lie.hello))
  const welcome = await client.until(() => true)
  if (welcome?.kind !== CONTROL_KINDS.welcome) return toldBy(client, welcome)
  const covered = helloFrame(lie.claimed ?? lie.hello)
  const key = proofKeyOf('client', utf8Bytes(lie.token ?? ''))
  const proof = proofOf('connector', key, bodyIn(covered), welcome.body)
  const shown = lie.token === undefined ? new Uint8Array(0) : proof
  client.send(frame(CONTROL_KINDS.proof, 0, pb.Proof.encode({ proof: shown }).finish()))
  return toldBy(client, await client.until(({ kind }) => !BEFORE_READY.has(kind)))
}

function bodyIn(frame: Uint8Array): Uint8Array {
  return frame.subarray(20, -4)
}

function toldBy(client: RawClient, got: GotFrame | undefined): string {
  client.close()
  return got === undefined ? 'closed without a word' : wordOf(got)
}

export function handshakeRows({ cluster, other }: Lab): readonly Row[] {
  const node = cluster.clientAddress(0)
  const shut = other.clientAddress(0)
  const hello = (change: pb.Hello.$Properties): Promise<string> =>
    toldFirst(node, helloFrame(change))
  const token = (lie: ClientLie) => (): Promise<string> => clientTold(shut, lie)
  const right = { token: OTHER_TOKEN }
  return rowsOf('handshake', [
    ['a good one', 'ready', () => hello({ cluster: 'served' })],
    ['none: a request first', 'handshake-expected', () => toldFirst(node, good())],
    ['none: nothing is said', 'handshake-late', () => toldFirst(node)],
    ['half a hello', 'handshake-late', () => toldFirst(node, helloFrame().subarray(0, 22))],
    [
      'a hello that is no message',
      'message-garbled',
      () => toldFirst(node, frame(CONTROL_KINDS.hello, 0, Uint8Array.of(0x1a, 0xff, 0xff))),
    ],
    ['a hello with MORE', 'frame-reserved', () => toldFirst(node, helloFrame({}, FLAG_MORE))],
    ['a hello with a call id', 'frame-reserved', () => toldFirst(node, helloFrame({}, 0, 1))],
    ['another cluster', 'wrong-cluster', () => hello({ cluster: 'elsewhere' })],
    ['newer formats alone', 'format-unsupported', () => hello({ formatMin: 2, formatMax: 9 })],
    ['older formats alone', 'format-unsupported', () => hello({ formatMin: 0, formatMax: 0 })],
    ['no role', 'message-garbled', () => hello({ role: pb.Role.ROLE_UNSET })],
    ['role 4', 'message-garbled', () => hello({ role: 4 as pb.Role })],
    ['a node at the port of clients', 'handshake-expected', () => hello({ role: pb.Role.PEER })],
    ['no nonce', 'message-garbled', () => hello({ nonce: new Uint8Array(0) })],
    ['a nonce of 17 bytes', 'message-garbled', () => hello({ nonce: new Uint8Array(17) })],
    ['a window of a byte', 'message-garbled', () => hello({ settings: { windowBytes: 1 } })],
    ['a window of 4 GiB', 'ready', () => hello({ settings: { windowBytes: 2 ** 32 - 1 } })],
    ['messages of a byte', 'message-garbled', () => hello({ settings: { messageBytesMax: 1 } })],
    ['65 features', 'message-garbled', () => hello({ settings: { features: FEATURES } })],
    ['an unknown feature', 'ready', () => hello({ settings: { features: [2 ** 32 - 1] } })],
    ['a version of 65 characters', 'message-garbled', () => hello({ version: 'v'.repeat(65) })],
    ['a version with a line end', 'message-garbled', () => hello({ version: 'v\n' })],
    ['the right token', 'ready', token(right)],
    ['no token', 'token-wrong', token({})],
    ['a wrong token', 'token-wrong', token({ token: 'Sesame' })],
    ['a token that goes on', 'token-wrong', token({ token: `${OTHER_TOKEN}!` })],
    ['a proof of another hello', 'token-wrong', token({ ...right, claimed: { version: '9' } })],
    [
      'the right token for another cluster',
      'wrong-cluster',
      token({ ...right, hello: { cluster: 'nowhere' } }),
    ],
    [
      'a wrong token for another cluster',
      'token-wrong',
      token({ token: 'Sesame', hello: { cluster: 'nowhere' } }),
    ],
  ])
}

interface PeerLie {
  readonly node?: Uint8Array
  readonly nonce?: Uint8Array
  readonly cluster?: string
  readonly directory?: Uint8Array
  /** Of its process; a tool has none. */
  readonly processId?: Uint8Array
  /** The cluster key that the proof is made with. */
  readonly key?: string
  /** What to show in place of the proof; gets the other side's. */
  readonly show?: (theirs: Uint8Array) => Uint8Array
}

const OTHER_PROCESS = new Uint8Array(8).fill(7)
const idOf = (name: string): Uint8Array => bytesOfHex(memberIdOf('served', name)) as Uint8Array

/** A peer's handshake with node-1, as node-3 unless it lies. */
async function peerTold(address: Address, lie: PeerLie): Promise<string> {
  const client = await RawClient.connect(address)
  const hello = peerHello(lie.nonce)
  client.send(hello)
  const welcome = await client.until(() => true)
  if (welcome?.kind !== CONTROL_KINDS.welcome) return toldBy(client, welcome)
  const theirs = await client.until(() => true)
  if (theirs?.kind !== CONTROL_KINDS.proof) return toldBy(client, theirs)
  const key = proofKeyOf('peer', bytesOfHex(lie.key ?? CLUSTER_KEY_HEX) as Uint8Array)
  const own = proofOf('connector', key, bodyIn(hello), welcome.body)
  const proof = lie.show?.(pb.Proof.decode(theirs.body).proof) ?? own
  const { cluster = 'served', node = idOf('node-3'), directory = new Uint8Array(0) } = lie
  const { processId = new Uint8Array(0) } = lie
  const identity = { cluster, node, directory, processId }
  client.send(frame(CONTROL_KINDS.proof, 0, pb.Proof.encode({ proof }).finish()))
  client.send(frame(CONTROL_KINDS.identity, 0, pb.Identity.encode(identity).finish()))
  return toldBy(client, await client.until(({ kind }) => !BEFORE_READY.has(kind)))
}

function joinerHello(invitation: Uint8Array): Buffer {
  return helloFrame({ role: pb.Role.JOINER, invitation })
}

function peerHello(nonce?: Uint8Array): Buffer {
  return helloFrame({ role: pb.Role.PEER, ...(nonce === undefined ? {} : { nonce }) })
}

export function peerRows({ cluster }: Lab): readonly Row[] {
  const peer = cluster.peerAddress(0)
  const as =
    (lie: PeerLie): (() => Promise<string>) =>
    () =>
      peerTold(peer, lie)
  const first =
    (...parts: readonly Uint8Array[]) =>
    () =>
      toldFirst(peer, ...parts)
  const { identity, ready } = CONTROL_KINDS
  return rowsOf('peer', [
    ['a good one', 'ready', as({})],
    ['a client at the port of nodes', 'handshake-expected', first(helloFrame())],
    ['a request first', 'handshake-expected', first(good())],
    ['no proof', 'handshake-late', first(peerHello())],
    ['a request in place of the proof', 'handshake-expected', first(peerHello(), good())],
    [
      'an identity in place of the proof',
      'handshake-expected',
      first(peerHello(), frame(identity, 0)),
    ],
    ['ready in place of the proof', 'handshake-expected', first(peerHello(), frame(ready, 0))],
    ['another cluster', 'wrong-cluster', as({ cluster: 'elsewhere' })],
    ['an id of four bytes', 'message-garbled', as({ node: new Uint8Array(4) })],
    ['a directory of four bytes', 'message-garbled', as({ directory: new Uint8Array(4) })],
    ['a nonce of three bytes', 'message-garbled', as({ nonce: new Uint8Array(3) })],
    ['the proof of another key', 'proof-wrong', as({ key: '00'.repeat(16) })],
    ['the proof it was shown', 'proof-wrong', as({ show: (theirs) => theirs })],
    ['an empty proof', 'proof-wrong', as({ show: () => new Uint8Array(0) })],
    ['no member, with the right key', 'not-a-member', as({ node: new Uint8Array(8).fill(9) })],
    ["the node's own id", 'not-a-member', as({ node: idOf('node-1') })],
    ['a process of three bytes', 'message-garbled', as({ processId: new Uint8Array(3) })],
    ['another process of a member', 'node-id-taken', as({ processId: OTHER_PROCESS })],
    [
      'another process of the node',
      'node-id-taken',
      as({ node: idOf('node-1'), processId: OTHER_PROCESS }),
    ],
    ['a joiner without an invitation', 'message-garbled', first(joinerHello(new Uint8Array(0)))],
    ['an invitation of 9 bytes', 'message-garbled', first(joinerHello(new Uint8Array(9)))],
    ['an invitation that no node gave', 'invitation-wrong', first(joinerHello(OTHER_PROCESS))],
  ])
}
