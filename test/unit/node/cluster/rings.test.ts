/** Nodes that were given different rings: each says so once, in words, and tries seldom. */
import t from 'tap'
import { Cluster } from '../../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import type { Config } from '../../../../src/config.ts'

/** The last of four machines is no member for the other three. */
class Torn extends Cluster {
  override configOf(machine: number): Config {
    const config = super.configOf(machine)
    return machine === 4 ? config : { ...config, members: config.members.slice(0, 3) }
  }
}

t.test('another list of members is told once, with what differs, and tried seldom', async (t) => {
  const world = new SimWorld({ seed: 1 })
  const cluster = new Torn(world, { nodes: 4 })
  await world.complete(Promise.all([1, 2, 3, 4].map((machine) => cluster.start(machine))))
  const told: string[] = []
  world.trace.watch('peer-away', (fields, machine) => {
    if (fields['reason'] === 'ring-differs') told.push(`${machine} of ${String(fields['name'])}`)
  })
  let refused = 0
  world.trace.watch('connection-refused', () => (refused += 1))
  await world.run(120_000)
  t.equal(new Set(told).size, told.length, 'each once')
  t.ok(refused < 200, `${refused} refusals in two minutes`)
  const [alarm] = cluster.node(4)?.alarms ?? []
  t.match(alarm, /n\d does not connect: .*another ring; compared with it, here n4 joined/)
  t.same(cluster.node(1)?.alarms, [], 'those that agree do not dial it')
  t.ok(
    cluster
      .node(1)
      ?.status()
      .peers.every((peer) => peer.isConnected),
  )
})
