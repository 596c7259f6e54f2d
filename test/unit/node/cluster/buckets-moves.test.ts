/** Buckets with an N of their own while tables are pending and places move, and at a joiner. */
import t from 'tap'
import { connectTo } from '../../../../src/client/client.ts'
import type { BucketConfig } from '../../../../src/config.ts'
import { BucketsScene } from './buckets-scene.ts'
import { JoiningScene, NEW } from './joining-scene.ts'
import { ChangeOf, nodeOf, operatorAt, settled } from './operations-scene.ts'

const KEYS = Array.from({ length: 24 }, (_, i) => `key-${i}`)

t.test('a new N waits while a table is pending, and moves with the next ones', async (t) => {
  const at = await BucketsScene.open({ nodes: 4, weights: [1, 1, 1, 0] })
  const { cluster, world } = at.scene
  const client = await at.at(1)
  const bucket = client.bucket((await at.create(client, 'one', { n: 1, r: 1, w: 1 })).name)
  for (const key of KEYS) await at.put(bucket, key, key)
  cluster.kill(3)
  await world.run(3_000)
  const operator = await operatorAt(at.scene, 1)
  await operator.change(ChangeOf.weight, 'n4', { weight: 1 })
  await operator.commit()
  t.ok(nodeOf(at.scene, 1).rings.isFrozen, 'n3 has not adopted it')
  const two = client.createBucket('two', { n: 2, r: 1, w: 2, timeout: 1_000 })
  t.equal(await at.code(two), 'ring-differs')
  t.match(await at.create(client, 'three', { n: 3 }), { n: 3 })
  await at.put(bucket, 'late', 'late')
  await at.scene.run(cluster.start(3))
  await settled(at.scene)
  t.same(new Set(nodeOf(at.scene, 2).rings.view.stages.ns), new Set([1, 3]))
  const moved = nodeOf(at.scene, 4).rings.view.stages
  t.ok(KEYS.some((_, i) => moved.of(i % 16, 1).owners.includes(cluster.memberOf(4))))
  for (const key of [...KEYS, 'late']) t.same(await at.get(bucket, key), [key])
  t.match(await at.create(client, 'two', { n: 2, r: 1, w: 2 }), { n: 2 })
  await at.put(client.bucket('two'), 'anna', 'tea')
  t.same(await at.get((await at.at(4)).bucket('two'), 'anna'), ['tea'])
})

t.test('a new N of the configuration waits while a table is pending, too', async (t) => {
  const buckets: BucketConfig[] = [{ name: 'two', n: 2, r: 1, w: 2 }]
  const at = await BucketsScene.open({ nodes: 4, weights: [1, 1, 1, 0], buckets })
  const { cluster, world } = at.scene
  const used = () => new Set(nodeOf(at.scene, 1).rings.view.stages.ns)
  t.same(used(), new Set([2]), 'what a cluster begins with is in use')
  cluster.kill(3)
  await world.run(3_000)
  const operator = await operatorAt(at.scene, 1)
  await operator.change(ChangeOf.weight, 'n4', { weight: 1 })
  await operator.commit()
  buckets.push({ name: 'one', n: 1, r: 1, w: 1 })
  for (const machine of [1, 2, 4]) {
    await at.scene.run(cluster.stop(machine))
    await at.scene.run(cluster.start(machine))
  }
  await world.run(3_000)
  const [bucket, options] = [(await at.at(1)).bucket('one'), { timeout: 1_000 }]
  t.ok(nodeOf(at.scene, 1).rings.isFrozen, 'n3 has not adopted it')
  t.equal(await at.code(bucket.put('key', 'value', options)), 'ring-differs')
  await at.put((await at.at(1)).bucket('two'), 'key', 'value')
  await at.scene.run(cluster.start(3))
  await settled(at.scene)
  for (const key of KEYS) await at.put(bucket, key, key)
  t.ok(used().has(1))
  for (const key of KEYS) t.same(await at.get((await at.at(4)).bucket('one'), key), [key])
})

t.test('a node that joins hears of all buckets before it serves one', async (t) => {
  const joining = await JoiningScene.open()
  const at = new BucketsScene(joining)
  const client = await at.at(1)
  const made = await at.create(client, 'carts', { n: 2, r: 1, w: 2 })
  await at.put(client.bucket('carts'), 'anna', 'tea')
  await joining.grow()
  const seeds = [`${joining.world.hostOf(NEW)}:7400`]
  const fourth = await at.scene.run(
    connectTo({ seeds, timeout: 5_000 }, joining.cluster.clientWorld()),
  )
  t.same(await at.get(fourth.bucket(made.created.exactName), 'anna'), ['tea'])
  t.same(await at.get(fourth.bucket('carts'), 'anna'), ['tea'])
})
