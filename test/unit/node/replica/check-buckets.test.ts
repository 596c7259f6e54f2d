/** A bucket keeps the N that its records were written with. */
import t from 'tap'
import { exitCodeOf } from '../../../../src/cli/outcome.ts'
import { type RunningNode, startNode } from '../../../../src/node/node.ts'
import { Scene } from '../scene.ts'

t.test('a bucket whose records have another N is not opened: both are named', async (t) => {
  const scene = await Scene.open({ nodes: 4, partitions: 1 })
  const client = await scene.client()
  await scene.run(client.bucket('carts').put('anna', 'milk'))
  await scene.quiet()
  const lists = scene.cluster.ownersOfPartition(0, 'carts')
  const owner = lists[0] as number
  const other = scene.cluster.machines.find((one) => !lists.includes(one)) as number
  const buckets = [
    { name: 'flags', n: 2, r: 1, w: 1 },
    { name: 'carts', n: 2, r: 1, w: 1 },
  ]
  const start = async (machine: number, named: typeof buckets): Promise<unknown> => {
    const config = { ...scene.cluster.configOf(machine), buckets: named }
    const world = scene.world.start(machine)
    const ended = await scene.run(startNode(config, world)).catch((error: unknown) => error)
    if (!(ended instanceof Error)) await scene.run((ended as RunningNode).stop())
    scene.world.kill(machine)
    return ended instanceof Error ? ended : 'ready'
  }
  for (const machine of scene.cluster.machines) await scene.run(scene.cluster.stop(machine))
  const refused = await start(owner, buckets)
  const message = 'bucket carts has n = 2 in the configuration, and records here with n = 3'
  t.match(refused, { code: 'config-wrong', message })
  t.equal(exitCodeOf(refused), 2)
  t.equal(await start(owner, buckets.slice(0, 1)), 'ready', 'a new bucket has none')
  t.equal(await start(owner, []), 'ready', 'nor when it goes again')
  t.equal(await start(other, buckets), 'ready', 'no record is here')
  t.equal(await start(other, []), 'ready', 'and the change can be undone')
})
