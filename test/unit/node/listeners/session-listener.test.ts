import { firstKeyAlone, WITHOUT_DATA } from '../../../../src/wire/handshake-steps.ts'
import t from 'tap'
import { OperatingError } from '../../../../src/base/errors.ts'
import { connectTo } from '../../../../src/client/client.ts'
import { memberIdOf } from '../../../../src/node/cluster/topology.ts'
import { Cluster } from '../../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../../src/sim/world.ts'
import { connectSession } from '../../../../src/wire/handshake.ts'

t.test(
  'one connection too many is turned away and told why; room lets the next one in',
  async (t) => {
    const world = new SimWorld({ seed: 3 })
    const cluster = new Cluster(world, { nodes: 1, connectionsMax: 2 })
    await cluster.startAll()
    const options = { seeds: cluster.seeds, timeout: 1_000 }
    const first = await world.complete(connectTo(options, cluster.clientWorld()))
    await world.complete(connectTo(options, cluster.clientWorld()))
    const third = connectTo(options, cluster.clientWorld())
    const refused: unknown = await world.complete(third).catch((error: unknown) => error)
    t.ok(codesOf(refused).includes('too-many-connections'), `not among ${codesOf(refused).join()}`)
    t.ok(world.trace.count('connection-refused') > 0)
    await first.close()
    await world.run(100)
    await world.complete(connectTo(options, cluster.clientWorld()))
  },
)

t.test(
  'the cluster key alone lets in neither a stranger nor a second node of one id',
  async (t) => {
    const world = new SimWorld({ seed: 3 })
    const cluster = new Cluster(world, { nodes: 2 })
    await cluster.startAll()
    const { peerListen, cluster: name } = cluster.configOf(1)
    const keys = firstKeyAlone(cluster.clusterKey)
    const outcomeAs = async (member: string): Promise<string> => {
      const stranger = cluster.clientWorld()
      const connection = await stranger.network.connect(peerListen, 1_000)
      const node = memberIdOf(name, member)
      const events = { onCall: () => undefined, onEnd: () => undefined }
      try {
        await connectSession(
          connection,
          stranger,
          { role: 'peer', cluster: name, node, keys, standing: WITHOUT_DATA },
          events,
        )
        return 'open'
      } catch (error) {
        return codesOf(error).join()
      }
    }
    t.equal(await world.complete(outcomeAs('n2')), 'open', 'a member is let in')
    t.match(await world.complete(outcomeAs('n3')), 'not-a-member', 'who was never added is not')
    t.match(
      await world.complete(outcomeAs('n1')),
      'not-a-member',
      'nor one that says it is the node',
    )
  },
)

/** The code of an error, and of what caused it. */
function codesOf(error: unknown): readonly string[] {
  if (!(error instanceof OperatingError)) return []
  return [error.code, ...codesOf(error.cause)]
}
