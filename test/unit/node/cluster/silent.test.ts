/** Members that fall silent are avoided soon, and used again soon; clocks that differ are told. */
import t from 'tap'
import { Cluster } from '../../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { putOf, Scene } from '../scene.ts'

async function threeNodes(seed: number): Promise<{ world: SimWorld; cluster: Cluster }> {
  const world = new SimWorld({ seed })
  const cluster = new Cluster(world, { nodes: 3 })
  await world.complete(Promise.all([1, 2, 3].map((machine) => cluster.start(machine))))
  await world.run(2_000)
  return { world, cluster }
}

/** Whether the first two nodes say that the third is connected. */
function views(cluster: Cluster): readonly boolean[] {
  return [1, 2].map((machine) => {
    const peers = cluster.node(machine)?.status().peers ?? []
    return peers.some(({ name, isConnected }) => name === 'n3' && isConnected)
  })
}

const FAULTS: Readonly<Record<string, readonly [(w: SimWorld) => void, (w: SimWorld) => void]>> = {
  'a paused node': [(world) => world.pause(3), (world) => world.resume(3)],
  'a node that is cut off': [(world) => world.isolate([3]), (world) => world.heal()],
  'a node whose answers are lost': [
    (world) => [1, 2].forEach((other) => world.cutOneWay(3, other)),
    (world) => world.heal(),
  ],
}

for (const [what, [begin, end]] of Object.entries(FAULTS)) {
  t.test(`${what} is avoided within 1.5 s, and used again within 1 s`, async (t) => {
    for (const forMs of [2_000, 4_000, 30_000]) {
      const { world, cluster } = await threeNodes(forMs)
      t.same(views(cluster), [true, true])
      begin(world)
      await world.run(1_500)
      t.same(views(cluster), [false, false], 'avoided')
      await world.run(forMs - 1_500)
      t.same(views(cluster), [false, false])
      end(world)
      await world.run(1_000)
      t.same(views(cluster), [true, true], `used again after ${forMs} ms`)
      await world.run(20_000)
      t.same(views(cluster), [true, true])
    }
  })
}

t.test('one whose answers were quick is avoided soon', async (t) => {
  const { world, cluster } = await threeNodes(5)
  await world.run(15_000)
  world.pause(3)
  await world.run(600)
  t.same(views(cluster), [false, false], 'of 400 ms of silence and 50 ms for an answer')
  world.resume(3)
  await world.run(1_000)
  t.same(views(cluster), [true, true])
})

t.test('and sooner where requests go to it', async (t) => {
  const { world, cluster } = await threeNodes(5)
  await world.run(15_000)
  const session = await new Scene(world, cluster).session(1)
  world.pause(3)
  for (let ms = 0; ms < 200; ms += 10) {
    void session.begin('put', putOf(`key-${ms}`, 'a value'))
    await world.run(10)
  }
  t.equal(views(cluster)[0], false, 'within 200 ms')
})

t.test('one that is slow is not avoided, and a stop of this process accuses no one', async (t) => {
  const { world, cluster } = await threeNodes(6)
  await world.run(15_000)
  let silences = 0
  world.trace.watch('peer-silent', () => (silences += 1))
  world.disk(3).slow(100)
  const client = await world.complete(cluster.connect())
  const bucket = client.bucket()
  for (let i = 0; i < 20; i++) await world.complete(bucket.put(`key-${i}`, 'a value', { w: 3 }))
  t.equal(silences, 0, 'its disk is slow, and it answers')
  world.pause(1)
  await world.run(4_000)
  silences = 0
  world.resume(1)
  await world.run(100)
  t.equal(silences, 0)
  await world.complete(client.close())
})

t.test('a clock that differs is told by the nodes that see it, until it is right', async (t) => {
  const { world, cluster } = await threeNodes(7)
  t.same(cluster.node(1)?.alarms, [])
  world.stepWallTime(3, 60_000)
  await world.run(5_000)
  t.match(cluster.node(1)?.alarms, [/^the clock of n3 is 60\.0 s ahead of this node's/])
  t.equal(cluster.node(3)?.alarms.length, 2)
  t.match(cluster.node(3)?.alarms[0], /behind/)
  world.stepWallTime(3, -60_000)
  await world.run(5_000)
  t.same(
    [1, 2, 3].map((machine) => cluster.node(machine)?.alarms.length),
    [0, 0, 0],
  )
})
