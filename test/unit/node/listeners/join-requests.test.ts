/**
 * A new node is let in by an invitation: the sealed cluster key for one joiner, and a code for each
 * way in that is none. Real nodes, a simulated network.
 */
import t from 'tap'
import { hexOf } from '../../../../src/base/bytes.ts'
import { isOperatingError, OperatingError } from '../../../../src/base/errors.ts'
import { MemberState } from '../../../../src/dynamo/membership/member-record.ts'
import { recordOfBytes } from '../../../../src/dynamo/membership/member-bytes.ts'
import { nodeId } from '../../../../src/dynamo/names.ts'
import { parsePlacement, type Placement } from '../../../../src/dynamo/ring/placement.ts'
import { INVITATION_MS, INVITATIONS_MAX } from '../../../../src/limits.ts'
import { HeldKeys } from '../../../../src/node/cluster/held-keys.ts'
import { Invitations } from '../../../../src/node/cluster/invitations.ts'
import { Topology } from '../../../../src/node/cluster/topology.ts'
import { JoinRequests } from '../../../../src/node/listeners/join-requests.ts'
import { type RunningNode, startNode } from '../../../../src/node/node.ts'
import { placementOf } from '../../../../src/node/replica/open-engine.ts'
import { Cluster, type ClusterOptions } from '../../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { KeyRing, keyRingOfBytes } from '../../../../src/dynamo/membership/key-ring.ts'
import { connectSession } from '../../../../src/wire/handshake.ts'
import { toldToJoiner } from '../../../../src/wire/key-seal.ts'
import { type Invitation, readInvitation } from '../../../../src/wire/invitation.ts'
import type { JoinerFacts, PeerJoin, PeerJoinReply } from '../../../../src/wire/message/join.ts'
import type { Request, RequestKind } from '../../../../src/wire/message/table.ts'
import type { Answer, Session } from '../../../../src/wire/session.ts'
import type { Address } from '../../../../src/world/network.ts'
import { FakeIntroducer } from '../../../support/fake-introducer.ts'

const JOINER = nodeId('aaaaaaaaaaaaaaaa')
const OTHER = nodeId('cccccccccccccccc')
const FACTS: JoinerFacts = {
  name: 'n9',
  host: '127.0.0.99',
  clientPort: 7400,
  peerPort: 7500,
  machine: 'm9',
  zone: '',
  weight: 1,
}
const CONFIGURED = { facts: FACTS, partitions: 16, n: 2, buckets: [] }
const JOIN: PeerJoin = { ...CONFIGURED, format: 1, deadlineMs: 5_000 }
const NO_EVENTS = { onCall: () => undefined, onEnd: () => undefined }

/** Where a joiner goes, and as what. */
interface Way {
  readonly machine?: number
  readonly node?: typeof JOINER
  readonly cluster?: string
  readonly join?: Partial<PeerJoin>
}

class Scene {
  readonly world: SimWorld
  readonly cluster: Cluster
  /** None: membership introduces. */
  introducers: readonly FakeIntroducer[] = [new FakeIntroducer(), new FakeIntroducer()]

  nodes: readonly RunningNode[] = []

  private constructor(seed: number, options: Partial<ClusterOptions>) {
    this.world = new SimWorld({ seed })
    this.cluster = new Cluster(this.world, { nodes: 2, ...options })
  }

  /** Two members; the first is the issuer. */
  static async open(
    seed: number,
    options: Partial<ClusterOptions> = {},
    isReal = false,
  ): Promise<Scene> {
    const scene = new Scene(seed, options)
    if (isReal) scene.introducers = []
    const starts = [1, 2].map((machine) => scene.start(machine))
    scene.nodes = await scene.world.complete(Promise.all(starts))
    await scene.world.run(1_000)
    return scene
  }

  get introducer(): FakeIntroducer {
    return this.introducers[0] as FakeIntroducer
  }

  start(
    machine: number,
    change: Partial<Parameters<typeof startNode>[0]> = {},
  ): Promise<RunningNode> {
    const config = { ...this.cluster.configOf(machine), ...change }
    return startNode(config, this.world.start(machine), this.introducers[machine - 1])
  }

  async #client(at: Address): Promise<Session> {
    const world = this.cluster.clientWorld()
    const connection = await world.network.connect(at, 1_000)
    return connectSession(connection, world, { role: 'client', cluster: '' }, NO_EVENTS)
  }

  /** An invitation of the issuer, or the code of the failure. */
  async invite(): Promise<Invitation> {
    const { clientListen } = this.cluster.configOf(1)
    const session = await this.world.complete(this.#client(clientListen))
    const answer = await this.world.complete(asked(session, 'invite', { deadlineMs: 1_000 }))
    session.drop(new OperatingError('closed', 'the test is done'))
    if (isOperatingError(answer)) throw answer
    return readInvitation(answer.invitation)
  }

  /** A session on which the invitation was proved. Rejects with the error of the handshake. */
  prove(invitation: Invitation, way: Way = {}): Promise<Session> {
    const { machine = 1, node = JOINER, cluster = invitation.cluster } = way
    const { peerListen } = this.cluster.configOf(machine)
    const world = this.cluster.clientWorld()
    const options = { role: 'joiner', cluster, node, invitation } as const
    const session = world.network
      .connect(peerListen, 1_000)
      .then((connection) => connectSession(connection, world, options, NO_EVENTS))
    return this.world.complete(session)
  }

  /** What a joiner gets: its answer, or the code and sentence that it is refused with. */
  async join(invitation: Invitation, way: Way = {}): Promise<string> {
    try {
      const session = await this.prove(invitation, way)
      const answer = await this.world.complete(asked(session, 'peerJoin', { ...JOIN, ...way.join }))
      if (isOperatingError(answer)) throw answer
      return this.#resultOf(answer, session, way.node ?? JOINER)
    } catch (error) {
      if (!isOperatingError(error)) throw error
      return `${error.code}: ${error.message}`
    }
  }

  #resultOf(reply: PeerJoinReply, session: Session, node: typeof JOINER): string {
    const keys = session.join?.seal.open(reply, toldToJoiner(node, reply))
    const key = keys && keyRingOfBytes(keys)?.signer.key
    const isKey = key !== undefined && hexOf(key) === hexOf(this.cluster.clusterKey)
    const names = reply.records.map((record) => recordOfBytes(record)?.name).join(' ')
    const { partitions, n, members } = parsePlacement(reply.placement) as Placement
    const first = members.map(({ name }) => name).join(' ')
    const placed = `${partitions} partitions, ${n} copies on ${first}`
    return `${isKey ? 'the key' : 'no key'}; ${placed}; ${names}`
  }
}

function asked<K extends RequestKind>(
  session: Session,
  kind: K,
  request: Request<K>,
): Promise<Answer<K>> {
  return new Promise((resolve) => void session.call(kind, request, resolve))
}

const LET_IN = 'the key; 16 partitions, 2 copies on n1 n2; n9'

t.test('a joiner with an invitation gets the cluster key, sealed, and the members', async (t) => {
  const scene = await Scene.open(21)
  const invitation = await scene.invite()
  t.equal(invitation.issuer, scene.cluster.memberOf(1))
  t.same(invitation.address, scene.cluster.configOf(1).peerListen)
  t.equal(await scene.join(invitation), LET_IN)
  t.same(scene.introducer.joined.get(JOINER), { id: JOINER, ...FACTS })
  t.equal(scene.world.trace.count('invitation-issued'), 1)
  t.equal(scene.world.trace.count('joiner-let-in'), 1)
})

t.test('what passes between the two has neither the key nor the secret', async (t) => {
  const scene = await Scene.open(22)
  const invitation = await scene.invite()
  const session = await scene.prove(invitation)
  const answer = (await scene.world.complete(asked(session, 'peerJoin', JOIN))) as PeerJoinReply
  const { clusterKey } = scene.cluster
  const told =
    hexOf(answer.sealed) +
    hexOf(answer.tag) +
    answer.records.map((record) => hexOf(record)).join('')
  t.notMatch(told, hexOf(clusterKey))
  t.notMatch(told, hexOf(invitation.secret))
  const other = await scene.prove(invitation)
  const again = (await scene.world.complete(asked(other, 'peerJoin', JOIN))) as PeerJoinReply
  t.notSame(again.sealed, answer.sealed, 'each connection has its own pad')
  t.equal(other.join?.seal.open(answer, toldToJoiner(JOINER, answer)), undefined, 'and its own tag')
})

t.test(
  'an invitation lets in one joiner, which may ask again if its answer was lost',
  async (t) => {
    const scene = await Scene.open(23)
    const invitation = await scene.invite()
    t.equal(await scene.join(invitation), LET_IN)
    t.equal(await scene.join(invitation), LET_IN, 'the same joiner')
    const other = await scene.join(invitation, { node: OTHER })
    t.match(other, /^invitation-wrong: the invitation was used by another node/)
    t.notOk(scene.introducer.joined.has(OTHER))
    await scene.world.run(INVITATION_MS + 10_000)
    t.match(await scene.join(invitation), /^invitation-wrong: the invitation was used/)
  },
)

t.test('of two joiners at once one is let in', async (t) => {
  const scene = await Scene.open(24)
  const invitation = await scene.invite()
  let release: () => void = () => undefined
  scene.introducer.before = () => new Promise((resolve) => (release = resolve))
  const [first, second] = [
    await scene.prove(invitation),
    await scene.prove(invitation, { node: OTHER }),
  ] as const
  const waiting = asked(first, 'peerJoin', JOIN)
  await scene.world.run(100)
  const refused = await scene.world.complete(asked(second, 'peerJoin', JOIN))
  t.match(refused, { code: 'invitation-wrong' })
  release()
  t.notOk(isOperatingError(await scene.world.complete(waiting)))
})

t.test('an invitation that has expired, or is of another node, is refused', async (t) => {
  const scene = await Scene.open(25)
  const invitation = await scene.invite()
  const elsewhere = await scene.join(invitation, { machine: 2 })
  t.match(elsewhere, /^invitation-wrong: this node has issued no such invitation/)
  t.equal(scene.introducers[1]?.asked, 0)
  await scene.world.run(INVITATION_MS + 10_000)
  t.match(await scene.join(invitation), /^invitation-wrong: the invitation has expired/)
})

t.test('a restart of the issuer ends its invitations, used or not', async (t) => {
  const scene = await Scene.open(26)
  const [used, unused] = [await scene.invite(), await scene.invite()]
  t.equal(await scene.join(used), LET_IN)
  scene.world.kill(1)
  await scene.world.complete(scene.start(1))
  for (const invitation of [used, unused]) {
    t.match(
      await scene.join(invitation, { node: OTHER }),
      /^invitation-wrong: this node has issued no such invitation/,
    )
  }
  t.equal(await scene.join(await scene.invite()), LET_IN, 'the same joiner, with another one')
})

t.test('a joiner that does not know the secret learns nothing and is told so', async (t) => {
  const scene = await Scene.open(27)
  const invitation = await scene.invite()
  const secret = invitation.secret.with(0, (invitation.secret[0] as number) ^ 1)
  t.match(
    await scene.join({ ...invitation, secret }),
    /^proof-wrong: .*join at the node that issued/,
  )
  t.equal(scene.introducer.asked, 0)
  t.equal(await scene.join(invitation), LET_IN, 'and the invitation is not used')
})

t.test('a joiner of another cluster, format or partition count is refused', async (t) => {
  const scene = await Scene.open(28)
  const invitation = await scene.invite()
  t.match(await scene.join(invitation, { cluster: 'test' }), /^wrong-cluster: /)
  t.match(await scene.join(invitation, { join: { format: 2 } }), /^format-unsupported: /)
  const partitions = await scene.join(invitation, { join: { partitions: 256 } })
  t.match(partitions, /^ring-differs: this cluster has 16 partitions, .* configured for 256/)
  const copies = await scene.join(invitation, { join: { n: 3 } })
  t.match(copies, /^ring-differs: this cluster keeps 2 copies of a key, .* configured for 3/)
  const other = await scene.join(invitation, { join: { buckets: [{ name: 'b', n: 1 }] } })
  t.match(other, /^ring-differs: this cluster keeps 2 copies of keys in the bucket b, .* for 1/)
  t.equal(scene.introducer.asked, 0)
  const join = { partitions: 0, n: 0, buckets: [{ name: 'b', n: 2 }] }
  t.equal(await scene.join(invitation, { join }), LET_IN, 'none: the cluster’s')
})

t.test('a joiner that was refused leaves the invitation to another', async (t) => {
  const scene = await Scene.open(29)
  const invitation = await scene.invite()
  scene.introducer.failure = new OperatingError('member-gone', 'it was removed')
  t.match(await scene.join(invitation), /^member-gone/)
  scene.introducer.failure = new OperatingError('node-id-taken', 'a member has this id')
  t.match(await scene.join(invitation, { node: OTHER }), /^node-id-taken/)
  scene.introducer.failure = new OperatingError('disk-failed', 'the disk failed')
  t.match(await scene.join(invitation, { node: OTHER }), /^disk-failed/, 'in doubt')
  const third = nodeId('dddddddddddddddd')
  const late = await scene.join(invitation, { node: third })
  t.match(late, /^invitation-wrong: the invitation was used/, 'it may have been let in')
  t.match(await scene.join(invitation, { node: OTHER }), /^the key/)
})

t.test('on such a connection nothing else may be asked', async (t) => {
  const scene = await Scene.open(31)
  const session = await scene.prove(await scene.invite())
  const topology = await scene.world.complete(asked(session, 'topology', {}))
  t.match(topology, { code: 'kind-unknown' })
  const status = await scene.world.complete(asked(session, 'status', {}))
  t.match(status, { code: 'kind-unknown' })
})

t.test('a node gives out `invitations-full` at the bound', async (t) => {
  const scene = await Scene.open(32)
  for (let i = 0; i < INVITATIONS_MAX; i++) await scene.invite()
  await t.rejects(scene.invite(), { code: 'invitations-full' })
})

t.test('a node that strangers reach without a token gives out none', async (t) => {
  const { cluster } = await Scene.open(33)
  const { clock, entropy, trace } = cluster.clientWorld()
  const config = cluster.configOf(1)
  const invitations = new Invitations(clock, entropy)
  const topology = new Topology(config)
  const held = new HeldKeys(KeyRing.first(cluster.clusterKey, new Uint8Array(16)))
  const issuerWith = (change: Partial<typeof config>): JoinRequests => {
    const introducer = new FakeIntroducer()
    const standing = { placement: placementOf(config) }
    const node = { config: { ...config, ...change }, topology, invitations, introducer, trace }
    return new JoinRequests({ ...node, standing, held, entropy })
  }
  const clientListen = { host: '10.0.0.1', port: 7400 }
  t.throws(() => issuerWith({ clientListen }).invite(), { code: 'bind-insecure' })
  t.equal(invitations.unused, 0)
  const clientToken = new Uint8Array(16)
  t.equal(issuerWith({ clientListen, clientToken }).invite().validMs, INVITATION_MS)
  t.equal(issuerWith({}).invite().validMs, INVITATION_MS, 'this machine alone')
})

t.test('an id that is a member’s, or was removed, lets no other node in', async (t) => {
  const scene = await Scene.open(34, {}, true)
  const joined = await scene.join(await scene.invite())
  t.equal(joined, 'the key; 16 partitions, 2 copies on n1 n2; n1 n2 n9')
  const other = await scene.invite()
  const facts = { ...FACTS, host: '127.0.0.98' }
  t.match(await scene.join(other, { join: { facts } }), /^node-id-taken: another process/)
  const { membership } = scene.nodes[0] as RunningNode
  await scene.world.complete(membership.change([JOINER, { state: MemberState.gone }]))
  t.match(await scene.join(other), /^member-gone: .*join as a new member, with an empty directory/)
  const third = await scene.join(other, { node: OTHER })
  t.match(third, /; n1 n2 n9$/, 'those that are gone are not told, and the invitation is unused')
})
