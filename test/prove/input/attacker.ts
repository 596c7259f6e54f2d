/** One who sends damaged frames to a node, as client and as peer, and counts what it is told. */
import { firstKeyAlone, WITHOUT_DATA } from '../../../src/wire/handshake-steps.ts'
import { bytesOfHex, joinBytes, utf8Bytes } from '../../../src/base/bytes.ts'
import type { Prng } from '../../../src/base/prng.ts'
import { memberIdOf } from '../../../src/node/cluster/topology.ts'
import { everwrite as pb } from '../../../src/wire/generated/messages.js'
import { ChangeOf, PlanAct } from '../../../src/wire/message/cluster.ts'
import { KeyAct } from '../../../src/wire/message/keys.ts'
import { CONTROL_KINDS, FORMAT } from '../../../src/wire/message/session.ts'
import { REQUEST_KINDS } from '../../../src/wire/message/table.ts'
import { proofKeyOf, proofOf } from '../../../src/wire/proof.ts'
import type { Address } from '../../../src/world/network.ts'
import { NodeSession } from '../../support/node-session.ts'
import { frame, RawClient, wordOf } from '../../support/raw-client.ts'
import { CLUSTER_KEY_HEX, type ServedCluster } from '../../support/served-cluster.ts'
import { type Good, openDamage, sealedDamage } from './mutate.ts'
import { type Placed, placedBy } from './placed.ts'
import { BUCKET_ID } from '../../../src/store/conformance/subject.ts'

const BUCKET = utf8Bytes('flood')
const KEYS = 64
const FRAMES_MAX = 12
const SIBLINGS = 3
const RING_CALL = 1
/** The number of the question that ends a conversation. */
const LAST_CALL = 0xffff
const ANSWER_MS_MAX = 30_000
/** How long a half frame is left to wait for its end. */
const HALF_FRAME_MS = 20

type Role = 'client' | 'peer'

/** Someone who keeps the rules was turned away. */
export class Refused extends Error {
  override readonly name = 'Refused'
}

export class Attacker {
  sent = 0
  connections = 0
  /** Connections on which the last, good question was never answered nor a goodbye said. */
  unanswered = 0
  readonly words = new Map<string, number>()
  readonly #addresses: Readonly<Record<Role, Address>>
  readonly #good: Readonly<Record<Role, readonly Good[]>>

  private constructor(cluster: ServedCluster, good: Readonly<Record<Role, readonly Good[]>>) {
    this.#addresses = { client: cluster.clientAddress(0), peer: cluster.peerAddress(0) }
    this.#good = good
  }

  /** Learns what good frames of this cluster look like, with real contexts and objects. */
  static async begin(cluster: ServedCluster): Promise<Attacker> {
    const session = await NodeSession.connect(cluster.clientAddress(0))
    const peer = await NodeSession.connect(cluster.peerAddress(0), {
      role: 'peer',
      standing: WITHOUT_DATA,
      cluster: 'served',
      node: memberIdOf('served', 'node-2'),
      keys: firstKeyAlone(CLUSTER_KEY),
    })
    const topology = await session.ask('topology', {})
    const good: Record<Role, Good[]> = { client: [], peer: [] }
    for (let i = 0; i < KEYS; i++) {
      const key = utf8Bytes(`key ${i}`)
      for (let s = 0; s <= i % SIBLINGS; s++) await session.put(BUCKET, key, utf8Bytes(`v${s}`))
      const { context } = await session.get(BUCKET, key)
      good.client.push(...clientFrames(key, context.slice()))
      const name = { bucket: BUCKET, key }
      const placed = placedBy(topology, { bucket: BUCKET, key })
      const { ring } = placed
      const copy = { name, bucketId: BUCKET_ID, hints: false }
      const asked = { ...copy, ring, digestOnly: false, deadlineMs: 1_000 }
      const { object } = await peer.ask('peerRead', asked)
      good.peer.push(...peerFrames(key, placed, object.slice()))
    }
    session.close()
    peer.close()
    return new Attacker(cluster, good)
  }

  /** One connection from its beginning to its end. */
  async converse(prng: Prng): Promise<void> {
    const role = prng.chance(0.75) ? 'client' : 'peer'
    const client = await RawClient.connect(this.#addresses[role])
    this.connections += 1
    try {
      if (prng.chance(0.15)) await this.#damagedHandshake(client, role, prng)
      else if (role === 'client') await this.#requests(client, role, prng, [frame(...CLIENT_HELLO)])
      else await this.#requests(client, role, prng, [await peerProof(client)])
    } finally {
      for (const got of client.take()) this.#tell(wordOf(got))
      if (prng.chance(0.5)) client.socket.resetAndDestroy()
      else client.close()
    }
  }

  async #damagedHandshake(client: RawClient, role: Role, prng: Prng): Promise<void> {
    const [kind, , body] = role === 'client' ? CLIENT_HELLO : PEER_HELLO
    const hello = { kind, body }
    const damage = prng.chance(0.5) ? sealedDamage : openDamage
    client.send(damage(hello, prng.pick(this.#good[role]), 0, prng))
    this.sent += 1
    await client.until(() => true, HALF_FRAME_MS)
  }

  async #requests(
    client: RawClient,
    role: Role,
    prng: Prng,
    opening: readonly Uint8Array[],
  ): Promise<void> {
    const parts = [...opening]
    const good = this.#good[role]
    const count = prng.between(1, FRAMES_MAX)
    for (let i = 1; i <= count; i++) {
      parts.push(sealedDamage(prng.pick(good), prng.pick(good), RING_CALL + i, prng))
    }
    const isBroken = prng.chance(0.5)
    if (isBroken) parts.push(openDamage(prng.pick(good), prng.pick(good), LAST_CALL - 1, prng))
    this.sent += count + (isBroken ? 1 : 0)
    parts.push(frame(REQUEST_KINDS.topology, LAST_CALL))
    client.send(Buffer.concat(parts))
    const isEnd = ({ kind, callId }: { readonly kind: number; readonly callId: number }): boolean =>
      kind === CONTROL_KINDS.goodbye || callId === LAST_CALL
    if (isBroken) {
      // What was announced and does not come is waited for by the node, not by us.
      await this.#hear(client, isEnd, 10 * HALF_FRAME_MS)
    } else if (!(await this.#hear(client, isEnd, ANSWER_MS_MAX)) && !client.isClosed) {
      this.unanswered += 1
    }
  }

  /** Counts all that comes until `isEnd`; whether that came. */
  async #hear(
    client: RawClient,
    isEnd: (got: { readonly kind: number; readonly callId: number }) => boolean,
    limitMs: number,
  ): Promise<boolean> {
    for (;;) {
      const got = await client.until(() => true, limitMs)
      if (got === undefined) return false
      this.#tell(wordOf(got))
      if (isEnd(got)) return true
    }
  }

  #tell(word: string): void {
    this.words.set(word, (this.words.get(word) ?? 0) + 1)
  }
}

const CLUSTER_KEY = bytesOfHex(CLUSTER_KEY_HEX) as Uint8Array
const NONCE = new Uint8Array(16).fill(3)
const SELF = bytesOfHex(memberIdOf('served', 'node-2')) as Uint8Array
const FORMATS = { formatMin: FORMAT, formatMax: FORMAT }

type Said = readonly [number, number, Uint8Array]

const CLIENT_HELLO: Said = helloOf(pb.Role.CLIENT)
const PEER_HELLO: Said = helloOf(pb.Role.PEER)

function helloOf(role: pb.Role): Said {
  const hello = { ...FORMATS, role, nonce: NONCE }
  return [CONTROL_KINDS.hello, 0, pb.Hello.encode(hello).finish()]
}

/** Says hello as node-2, and makes the proof and the identity that must come next. */
async function peerProof(client: RawClient): Promise<Uint8Array> {
  client.send(frame(...PEER_HELLO))
  const got = await client.until(() => true, ANSWER_MS_MAX)
  if (got?.kind !== CONTROL_KINDS.welcome) {
    throw new Refused(`a good peer was told ${got === undefined ? 'nothing' : wordOf(got)}`)
  }
  const key = proofKeyOf('peer', CLUSTER_KEY)
  const proof = proofOf('connector', key, PEER_HELLO[2], got.body)
  const identity = { cluster: 'served', node: SELF }
  return joinBytes([
    frame(CONTROL_KINDS.proof, 0, pb.Proof.encode({ proof }).finish()),
    frame(CONTROL_KINDS.identity, 0, pb.Identity.encode(identity).finish()),
  ])
}

function clientFrames(key: Uint8Array, context: Uint8Array): readonly Good[] {
  const name = { bucket: BUCKET, key }
  const requestId = new Uint8Array(16)
  requestId.set(key.subarray(0, 16))
  const put = { ...name, requestId, contexts: [context] }
  const { get, scan, topology, status } = REQUEST_KINDS
  return [
    { kind: get, body: pb.Get.encode({ ...name, r: 2, deadlineMs: 1_000 }).finish() },
    ...[
      { ...put, value: utf8Bytes('milk'), w: 2, deadlineMs: 1_000 },
      { ...put, value: utf8Bytes('bread'), replace: pb.Replace.SEEN },
      { ...put, tombstone: true },
    ].map((one) => ({ kind: REQUEST_KINDS.put, body: pb.Put.encode(one).finish() })),
    { kind: scan, body: pb.Scan.encode({ bucket: BUCKET, keysMax: 3, withValues: true }).finish() },
    { kind: topology, body: new Uint8Array(0) },
    { kind: status, body: new Uint8Array(0) },
    ...operatorFrames(),
    { kind: CONTROL_KINDS.credit, body: pb.Credit.encode({ bytes: 9, isAnswer: true }).finish() },
  ]
}

/** Whatever damage makes of them, members, table and the place of data stay. */
function operatorFrames(): readonly Good[] {
  const { clusterPlan, clusterChange, clusterStatus, clusterPause, clusterKey, bucketRename } =
    REQUEST_KINDS
  const change = { what: ChangeOf.zone, member: 'node-9', zone: 'north', deadlineMs: 1_000 }
  const plan = { act: PlanAct.plan, splits: true, without: ['node-9'], deadlineMs: 1_000 }
  return [
    { kind: clusterPlan, body: pb.ClusterPlan.encode(plan).finish() },
    { kind: clusterChange, body: pb.ClusterChange.encode(change).finish() },
    { kind: clusterStatus, body: pb.ClusterStatus.encode({ deadlineMs: 1_000 }).finish() },
    { kind: clusterPause, body: pb.ClusterPause.encode({ deadlineMs: 1_000 }).finish() },
    { kind: clusterKey, body: pb.ClusterKey.encode({ act: KeyAct.status, key: 9 }).finish() },
    { kind: bucketRename, body: pb.BucketRename.encode({ from: 'none', to: 'one' }).finish() },
  ]
}

function peerFrames(
  key: Uint8Array,
  { token, ring, ofRange }: Placed,
  object: Uint8Array,
): readonly Good[] {
  const name = { bucket: BUCKET, key, ring, deadlineMs: 1_000 }
  const range = { ring: ofRange, from: token, to: token, bucket: BUCKET, n: BUCKET_ID.n }
  const requestId = new Uint8Array(16).fill(1)
  const put = { ...name, requestId, value: utf8Bytes('tea') }
  const { peerRead, peerWrite, peerPut, peerRange, peerKeys, peerBuckets, peerTransfer } =
    REQUEST_KINDS
  const sealed = new Uint8Array(100)
  const transfer = { ring: ofRange, n: BUCKET_ID.n, partitions: Uint8Array.of(1, 2) }
  const keys = { has: [1, 2], signer: 1, sealed, tag: new Uint8Array(32) }
  return [
    { kind: peerRead, body: pb.PeerRead.encode(name).finish() },
    { kind: peerRead, body: pb.PeerRead.encode({ ...name, digestOnly: true }).finish() },
    { kind: peerWrite, body: pb.PeerWrite.encode({ ...name, object }).finish() },
    { kind: peerWrite, body: pb.PeerWrite.encode({ ...name, object }).finish() },
    { kind: peerRange, body: pb.PeerRange.encode({ ...range, keysMax: 3 }).finish() },
    { kind: peerPut, body: pb.PeerPut.encode(put).finish() },
    { kind: peerKeys, body: pb.PeerKeys.encode(keys).finish() },
    { kind: peerBuckets, body: pb.PeerBuckets.encode({ digest: ring, asked: 'none' }).finish() },
    { kind: peerTransfer, body: pb.PeerTransfer.encode(transfer).finish() },
  ]
}
