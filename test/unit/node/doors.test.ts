import t from 'tap'
import { OperatingError } from '../../../src/base/errors.ts'
import { connectTo } from '../../../src/client/client.ts'
import { Cluster } from '../../../src/sim/cluster.ts'
import { SimWorld } from '../../../src/sim/world.ts'

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

/** The code of an error, and of what caused it. */
function codesOf(error: unknown): readonly string[] {
  if (!(error instanceof OperatingError)) return []
  return [error.code, ...codesOf(error.cause)]
}
