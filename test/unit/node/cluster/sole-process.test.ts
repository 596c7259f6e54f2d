/** Two processes with one id: the one that is connected stays, as long as it answers a ping. */
import t from 'tap'
import { isOperatingError, type OperatingError } from '../../../../src/base/errors.ts'
import type { Config } from '../../../../src/config.ts'
import { nodeId } from '../../../../src/dynamo/names.ts'
import { SoleProcess } from '../../../../src/node/cluster/sole-process.ts'
import { startNode } from '../../../../src/node/node.ts'
import { Cluster } from '../../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { connectSession } from '../../../../src/wire/handshake.ts'
import { firstKeyAlone, WITHOUT_DATA } from '../../../../src/wire/handshake-steps.ts'
import type { Session } from '../../../../src/wire/session.ts'
import { WirePipeWorld } from '../../../support/wire-pipe.ts'

const NODE = nodeId('aaaaaaaaaaaaaaaa')
const [FIRST, SECOND, THIRD] = ['11', '22', '33'].map((byte) => byte.repeat(8)) as [
  string,
  string,
  string,
]

/** A session that a test answers for. */
class FakeSession {
  bytesReceived = 0
  isEnded = false
  pings = 0
  readonly drops: string[] = []

  ping(): void {
    this.pings += 1
  }

  drop(reason: OperatingError): void {
    this.isEnded = true
    this.drops.push(reason.code)
  }
}

interface Scene {
  readonly world: WirePipeWorld
  readonly sole: SoleProcess
  readonly session: FakeSession
}

/** The first process is connected. */
function scene(): Scene {
  const world = new WirePipeWorld()
  const sole = new SoleProcess(world.clock)
  const session = new FakeSession()
  sole.add(NODE, FIRST, session)
  return { world, sole, session }
}

/** Lets `ms` pass in steps; what the newcomer is told by then, `waits` where it is not decided. */
async function told({ world, sole }: Scene, processId: string, ms: number): Promise<string> {
  let outcome = 'waits'
  void Promise.resolve(sole.refusalOf(NODE, processId)).then((refusal) => {
    outcome = refusal?.code ?? 'let in'
  })
  await Promise.resolve()
  for (let passed = 0; passed < ms; passed += 4) {
    world.pass(4)
    await world.untilIdle()
  }
  await world.untilIdle()
  return outcome
}

t.test('the same process opens as many connections as it likes', async (t) => {
  const { sole, session } = scene()
  t.equal(sole.refusalOf(NODE, FIRST), undefined)
  sole.add(NODE, FIRST, new FakeSession())
  t.equal(session.pings, 0)
})

t.test('another process is refused as soon as the first answers a ping', async (t) => {
  const one = scene()
  one.world.clock.after(200, () => (one.session.bytesReceived += 36))
  t.equal(await told(one, SECOND, 190), 'waits')
  t.equal(one.session.pings, 1)
  const other = scene()
  other.world.clock.after(200, () => (other.session.bytesReceived += 36))
  t.equal(await told(other, SECOND, 260), 'node-id-taken')
  t.same(other.session.drops, [])
})

t.test('it is let in where the first is silent for 500 ms, and the first is dropped', async (t) => {
  const before = scene()
  t.equal(await told(before, SECOND, 480), 'waits')
  const after = scene()
  t.equal(await told(after, SECOND, 510), 'let in')
  t.same(after.session.drops, ['connection-lost'])
  after.sole.add(NODE, SECOND, new FakeSession())
  after.sole.remove(NODE, after.session)
  t.not(after.sole.refusalOf(NODE, FIRST), undefined, 'the newcomer is the member now')
})

t.test('it is let in at once where the connections of the first end meanwhile', async (t) => {
  const one = scene()
  one.world.clock.after(60, () => (one.session.isEnded = true))
  t.equal(await told(one, SECOND, 130), 'let in')
})

t.test('one living connection of several keeps the id', async (t) => {
  const one = scene()
  const living = new FakeSession()
  one.sole.add(NODE, FIRST, living)
  one.world.clock.after(400, () => (living.bytesReceived += 1))
  t.equal(await told(one, SECOND, 500), 'node-id-taken')
  t.same(one.session.drops, [])
})

t.test('of two newcomers one is let in', async (t) => {
  const one = scene()
  const second = new FakeSession()
  let secondIs = 'waits'
  void Promise.resolve(one.sole.refusalOf(NODE, SECOND)).then((refusal) => {
    secondIs = refusal?.code ?? 'let in'
    one.sole.add(NODE, SECOND, second)
  })
  one.world.clock.after(20, () => undefined)
  one.world.pass(20)
  one.world.clock.after(700, () => (second.bytesReceived += 1))
  t.equal(await told(one, THIRD, 1_100), 'node-id-taken')
  t.equal(secondIs, 'let in')
  t.equal(second.pings, 1)
})

t.test('a process that has gone, or a tool, holds no id', async (t) => {
  const { sole, session } = scene()
  t.equal(sole.refusalOf(NODE, ''), undefined)
  sole.add(NODE, '', new FakeSession())
  sole.remove(NODE, session)
  t.equal(sole.refusalOf(NODE, SECOND), undefined)
})

/** What the acceptor answers to a handshake as member n3, from a process of this number. */
async function greetAs(world: SimWorld, cluster: Cluster, processId: string): Promise<string> {
  const { peerListen, cluster: name } = cluster.configOf(1)
  const keys = firstKeyAlone(cluster.clusterKey)
  const stranger = cluster.clientWorld()
  const node = cluster.memberOf(3)
  const standing = { ...WITHOUT_DATA, processId }
  const options = { role: 'peer', cluster: name, node, keys, standing } as const
  const greet = async (): Promise<Session> => {
    const connection = await stranger.network.connect(peerListen, 1_000)
    const events = { onCall: () => undefined, onEnd: () => undefined }
    return connectSession(connection, stranger, options, events)
  }
  try {
    await world.complete(greet())
    return 'open'
  } catch (error) {
    return isOperatingError(error) ? error.code : String(error)
  }
}

async function threeNodes(seed: number): Promise<readonly [SimWorld, Cluster]> {
  const world = new SimWorld({ seed })
  const cluster = new Cluster(world, { nodes: 3 })
  await cluster.startAll()
  await world.run(1_000)
  return [world, cluster]
}

t.test('a node refuses a second process of a member while the first answers', async (t) => {
  const [world, cluster] = await threeNodes(11)
  t.equal(await greetAs(world, cluster, SECOND), 'node-id-taken')
  t.equal(await greetAs(world, cluster, ''), 'open', 'a tool is no second member')
  world.pause(3)
  t.equal(await greetAs(world, cluster, SECOND), 'open', 'the first leaves a ping unanswered')
  world.resume(3)
  await world.run(2_000)
  const peers = cluster.node(1)?.status().peers ?? []
  t.ok(peers.every(({ isConnected }) => isConnected))
})

t.test('a member that was cut off, or lost its power, is let in again', async (t) => {
  const [world, cluster] = await threeNodes(12)
  world.isolate([3])
  await world.run(5_000)
  world.heal()
  await world.run(2_000)
  const isWhole = (): boolean =>
    [1, 2, 3].every((machine) =>
      cluster
        .node(machine)
        ?.status()
        .peers.every(({ isConnected }) => isConnected),
    )
  t.ok(isWhole())
  cluster.crash(3)
  await world.complete(cluster.start(3))
  await world.run(2_000)
  t.ok(isWhole())
  t.equal(world.trace.count('connection-refused'), 0)
})

/** A node with the configuration of n3 on the machine of another host. */
function copyOf(cluster: Cluster, machine: number): Config {
  const host = cluster.world.hostOf(machine)
  const [clientListen, peerListen] = [7400, 7500].map((port) => ({ host, port })) as [
    Config['clientListen'],
    Config['peerListen'],
  ]
  return { ...cluster.configOf(3), clientListen, peerListen }
}

t.test('a node that was started twice is told so, and the first one serves on', async (t) => {
  const [world, cluster] = await threeNodes(13)
  const second = await world.complete(startNode(copyOf(cluster, 9), world.start(9)))
  await world.run(3_000)
  t.match(second.alarms.toSorted(), [
    /^n1 does not connect: another process is connected as member/,
    /^n2 /,
  ])
  t.equal(second.alarms.length, 2, 'it does not take the data of the first for its own')
  t.equal(cluster.node(3)?.isWhole, true)
  const views = [1, 2].map((machine) =>
    cluster
      .node(machine)
      ?.status()
      .peers.every(({ isConnected }) => isConnected),
  )
  t.same(views, [true, true])
  const itself = await greetItself(world, cluster)
  t.equal(itself, 'node-id-taken', 'also where it meets the very node whose id it has')
})

/** What n3 answers to another process of n3. */
async function greetItself(world: SimWorld, cluster: Cluster): Promise<string> {
  const { peerListen, cluster: name } = cluster.configOf(3)
  const keys = firstKeyAlone(cluster.clusterKey)
  const stranger = cluster.clientWorld()
  const standing = { ...WITHOUT_DATA, processId: SECOND }
  const node = cluster.memberOf(3)
  const options = { role: 'peer', cluster: name, node, keys, standing } as const
  const connection = await world.complete(stranger.network.connect(peerListen, 1_000))
  const events = { onCall: () => undefined, onEnd: () => undefined }
  return world.complete(
    connectSession(connection, stranger, options, events).then(
      () => 'open',
      (error: unknown) => (isOperatingError(error) ? error.code : String(error)),
    ),
  )
}
