/** A node joins: each step is durable, so a crash or a lost answer is repeated under one id. */
import t from 'tap'
import { hexOf } from '../../../../src/base/bytes.ts'
import { isOperatingError, OperatingError } from '../../../../src/base/errors.ts'
import { nodeId, type NodeId } from '../../../../src/dynamo/names.ts'
import { INVITATION_MS } from '../../../../src/limits.ts'
import { joinCluster, joinedBefore, type Joined } from '../../../../src/node/cluster/join.ts'
import { startNode } from '../../../../src/node/node.ts'
import { Cluster } from '../../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { readJoining } from '../../../../src/store/joining.ts'
import { readKeyRing } from '../../../../src/store/keys.ts'
import { connectSession } from '../../../../src/wire/handshake.ts'
import { type Invitation, readInvitation } from '../../../../src/wire/invitation.ts'
import type { Answer } from '../../../../src/wire/session.ts'
import type { World } from '../../../../src/world/world.ts'
import { FakeIntroducer } from '../../../support/fake-introducer.ts'

/** The machine of the joiner. */
const NEW = 9
const NO_EVENTS = { onCall: () => undefined, onEnd: () => undefined }

class Scene {
  readonly world: SimWorld
  readonly cluster: Cluster
  readonly introducer = new FakeIntroducer()
  #joiner: World

  private constructor(seed: number) {
    this.world = new SimWorld({ seed })
    this.cluster = new Cluster(this.world, { nodes: 1 })
    this.#joiner = this.world.start(NEW)
  }

  static async open(seed: number): Promise<Scene> {
    const scene = new Scene(seed)
    const issuer = scene.world.start(1)
    await scene.world.complete(startNode(scene.cluster.configOf(1), issuer, scene.introducer))
    return scene
  }

  async invite(): Promise<Invitation> {
    const world = this.cluster.clientWorld()
    const { clientListen } = this.cluster.configOf(1)
    const asked = world.network.connect(clientListen, 1_000).then(async (connection) => {
      const options = { role: 'client', cluster: '' } as const
      const session = await connectSession(connection, world, options, NO_EVENTS)
      return new Promise<Answer<'invite'>>((resolve) => {
        session.call('invite', { deadlineMs: 1_000 }, resolve)
      })
    })
    const answer = await this.world.complete(asked)
    if (isOperatingError(answer)) throw answer
    return readInvitation(answer.invitation)
  }

  /** Starts to join; lets no time pass. */
  begin(invitation: Invitation, change: { cluster?: string; port?: number } = {}): Promise<Joined> {
    const { cluster = invitation.cluster, port = 7500 } = change
    const [host, own] = [1, NEW].map((machine) => this.world.hostOf(machine)) as [string, string]
    const ports = { clientPort: 7400, peerPort: 7500 }
    const facts = { name: 'n9', host: own, ...ports, machine: 'm9', zone: '', weight: 1 }
    const address = { host, port }
    const given = { facts, partitions: 16, n: 1, buckets: [], directory: '/data' }
    return joinCluster({ address, invitation, cluster, ...given }, this.#joiner)
  }

  join(invitation: Invitation, change: { cluster?: string; port?: number } = {}): Promise<Joined> {
    return this.world.complete(this.begin(invitation, change))
  }

  /** Takes the joiner's power, and begins a process anew. */
  restart(): void {
    this.#joiner = this.world.restart(NEW)
  }

  /** The id that is written down. */
  async id(): Promise<NodeId | undefined> {
    const directory = await this.world.complete(this.#joiner.disk.directory('/data'))
    return (await this.world.complete(readJoining(directory)))?.node
  }

  before(): Promise<Joined | undefined> {
    const { cluster } = this.cluster.configOf(1)
    return this.world.complete(joinedBefore('/data', cluster, this.#joiner))
  }

  /** The key that the joiner has written down and would sign with. */
  async signer(): Promise<string> {
    const directory = await this.world.complete(this.#joiner.disk.directory('/data'))
    const ring = await this.world.complete(readKeyRing(directory))
    return hexOf(ring?.signer.key ?? new Uint8Array(0))
  }

  put(name: string): Promise<void> {
    const create = this.#joiner.disk.directory('/data').then(async (directory) => {
      const file = await directory.create(name)
      await file.close()
    })
    return this.world.complete(create)
  }
}

t.test('a node with an empty directory gets an id, the key and the members', async (t) => {
  const scene = await Scene.open(41)
  t.equal(await scene.before(), undefined)
  const joined = await scene.join(await scene.invite())
  t.equal(await scene.signer(), hexOf(scene.cluster.clusterKey))
  t.equal(scene.introducer.joined.get(joined.node)?.name, 'n9')
  t.same([joined.placement.partitions, joined.placement.n], [16, 1])
  t.same(
    joined.placement.members.map(({ name }) => name),
    ['n1'],
  )
  t.same(
    joined.records.map(({ id, name }) => [id, name]),
    [[joined.node, 'n9']],
  )
  scene.restart()
  t.same(await scene.before(), joined, 'a later start needs no invitation')
  const expired = await scene.invite()
  await scene.world.run(INVITATION_MS + 10_000)
  t.same(await scene.join(expired), joined, 'nor does one that is asked to join again')
  t.equal(scene.introducer.asked, 1)
})

t.test('a power cut at any moment is repeated under one id, with one invitation', async (t) => {
  for (let ms = 0; ms < 40; ms += 1) {
    const scene = await Scene.open(100 + ms)
    const invitation = await scene.invite()
    void scene.begin(invitation).catch(() => undefined)
    await scene.world.run(ms)
    const before = await scene.id()
    scene.restart()
    const joined = await scene.join(invitation)
    t.equal(before ?? joined.node, joined.node, `the id that was there after ${ms} ms`)
    t.equal(scene.introducer.joined.size, 1, `after ${ms} ms: one member`)
    scene.restart()
    t.same(await scene.before(), joined)
  }
})

t.test('a joiner whose invitation ended uses the next one under the same id', async (t) => {
  const scene = await Scene.open(42)
  scene.introducer.before = () => new Promise(() => undefined)
  await t.rejects(scene.join(await scene.invite()), { code: 'deadline-passed' })
  const id = await scene.id()
  await scene.world.run(INVITATION_MS)
  scene.introducer.before = () => Promise.resolve()
  const { node } = await scene.join(await scene.invite())
  t.equal(node, id)
})

t.test('nothing of an answer that was changed on the way is taken', async (t) => {
  const scene = await Scene.open(43)
  const invitation = await scene.invite()
  const introduce = scene.introducer.introduce.bind(scene.introducer)
  let isFirst = true
  scene.introducer.introduce = async (joiner) => {
    const told = await introduce(joiner)
    if (!isFirst) return told
    isFirst = false
    // The seal reads them by index, and the encoder iterates: it finds other ones, as on the way.
    const records = [...told]
    const changed = records.map((record) => record.with(0, 0x99))
    return Object.assign(records, { [Symbol.iterator]: iterate })
    function* iterate(): Generator<Uint8Array, undefined> {
      yield* changed
    }
  }
  const outcome = await scene.join(invitation).catch((error: unknown) => error)
  if (isOperatingError(outcome)) {
    t.equal(outcome.code, 'proof-wrong')
    t.equal(await scene.before(), undefined)
  } else t.fail('a changed answer was taken')
  await scene.join(invitation)
  t.equal(await scene.signer(), hexOf(scene.cluster.clusterKey))
})

t.test('a node that may not join is told why, and keeps its id', async (t) => {
  const scene = await Scene.open(44)
  const invitation = await scene.invite()
  await t.rejects(scene.join(invitation, { cluster: 'test' }), {
    code: 'invitation-wrong',
    message: /is of cluster "simulated", and this node is configured for "test"/,
  })
  t.equal(await scene.id(), undefined)
  await t.rejects(scene.join(invitation, { port: 7_999 }), {
    code: 'not-connected',
    message: /:7999 cannot be reached \(ECONNREFUSED\)/,
  })
  const id = await scene.id()
  await t.rejects(scene.join(invitation, { port: 7400 }), { code: 'handshake-expected' })
  scene.introducer.failure = new OperatingError('member-gone', 'it was removed')
  await t.rejects(scene.join(invitation), { code: 'member-gone' })
  const address = { host: '10.9.9.9', port: 7500 }
  const foreign = { ...invitation, id: nodeId('ee'.repeat(8)) as string as Invitation['id'] }
  await t.rejects(scene.join({ ...foreign, address }), {
    code: 'invitation-wrong',
    message: /issued no such invitation.*it was issued by node \w+ at 10\.9\.9\.9:7500/,
  })
  t.equal((await scene.join(invitation)).node, id)
})

t.test('a directory with the data of another node is not touched', async (t) => {
  const scene = await Scene.open(45)
  const invitation = await scene.invite()
  await scene.put('00000001.seg')
  await t.rejects(scene.join(invitation), { code: 'data-foreign', message: /without --join/ })
  t.equal(await scene.id(), undefined)
  const other = await Scene.open(46)
  const joined = await other.join(await other.invite())
  const world = other.world.restart(NEW)
  const before = other.world.complete(joinedBefore('/data', 'test', world))
  await t.rejects(before, {
    code: 'data-foreign',
    message: /belongs to a node of cluster "simulated"/,
  })
  t.ok(joined.node)
})
