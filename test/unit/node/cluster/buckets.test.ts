/** Buckets that are created at run time, at the nodes of a simulated cluster. */
import t from 'tap'
import { U48_MAX } from '../../../../src/base/bytes.ts'
import { recordsBytes } from '../../../../src/dynamo/buckets/bucket-bytes.ts'
import { bucketRecord, Durability } from '../../../../src/dynamo/buckets/bucket-record.ts'
import { bucketsDigestOf } from '../../../../src/dynamo/buckets/bucket-set.ts'
import { type CreationId, Policy } from '../../../../src/dynamo/names.ts'
import { TOLD_MAX } from '../../../../src/dynamo/counter-ceiling.ts'
import { BucketsScene } from './buckets-scene.ts'
import { nodeOf } from './operations-scene.ts'

t.test('a bucket with a new N works at every node at once, and after a restart', async (t) => {
  const at = await BucketsScene.open({ nodes: 5 })
  const [one, two] = [await at.at(1), await at.at(2)]
  const made = await at.create(one, 'carts', { n: 5, r: 2, w: 4 })
  t.match(made, { name: 'carts', n: 5, r: 2, w: 4, untold: [] })
  t.equal(made.created.exactName, `carts#${made.created.id}`)
  await at.put(two.bucket('carts'), 'anna', 'tea')
  t.same(await at.get(one.bucket('carts'), 'anna'), ['tea'])
  const explained = await at.scene.run(two.explain('carts', 'anna'))
  t.equal(explained.nodes.filter(({ role }) => role === 'owner').length, 5)
  for (const machine of at.scene.cluster.machines) {
    at.scene.cluster.crash(machine)
    await at.scene.run(at.scene.cluster.start(machine))
  }
  await at.scene.world.run(20_000)
  const again = await at.at(4)
  t.same(await at.names(again), ['carts'])
  t.same(await at.get(again.bucket('carts'), 'anna'), ['tea'])
  t.same(await at.get(again.bucket(made.created.exactName), 'anna'), ['tea'])
  const keys = at.scene.run(
    (async () => {
      const found: string[] = []
      for await (const key of again.bucket('carts').keys()) found.push(key)
      return found
    })(),
  )
  t.same(await keys, ['anna'])
})

t.test(
  'one name given at two nodes at once: both values can be read, and one is renamed',
  async (t) => {
    const at = await BucketsScene.open({ nodes: 4, partitions: 8 })
    const [one, four] = [await at.at(1), await at.at(4)]
    await at.split([3, 4])
    const low = await at.create(one, 'carts', { n: 2, r: 1, w: 1, id: '0000000000000001' })
    const high = await at.create(four, 'carts', { n: 1, r: 1, w: 1, id: '000000000000000f' })
    t.equal(low.untold.length, 2, 'two members are away')
    await at.put(one.bucket('carts'), 'anna', 'of the lower id')
    await at.put(four.bucket('carts'), 'anna', 'of the higher id')
    await at.heal()
    for (const client of [one, four]) {
      t.same(await at.names(client), ['carts', high.created.exactName])
      t.same(await at.get(client.bucket('carts'), 'anna'), ['of the lower id'])
      t.same(await at.get(client.bucket(high.created.exactName), 'anna'), ['of the higher id'])
    }
    const renamed = await at.scene.run(one.renameBucket(high.created.exactName, 'carts-2'))
    t.match(renamed, { name: 'carts-2', n: 1, untold: [] })
    t.same(await at.names(four), ['carts', 'carts-2'])
    t.same(await at.get(four.bucket('carts-2'), 'anna'), ['of the higher id'])
    t.same(await at.get(four.bucket(high.created.exactName), 'anna'), ['of the higher id'])
    const { context } = await at.scene.run(four.bucket('carts-2').get('anna'))
    await at.scene.run(one.bucket('carts-2').put('anna', 'new', { context }))
    t.same(await at.get(four.bucket('carts-2'), 'anna'), ['new'], 'a context outlives the name')
    t.equal(await at.code(one.renameBucket('carts-2', 'carts')), 'bucket-exists')
    t.equal(await at.code(one.renameBucket('none', 'other')), 'bucket-wrong')
  },
)

t.test('a context of a bucket that had the name before is foreign', async (t) => {
  const at = await BucketsScene.open()
  const client = await at.at(1)
  const old = await at.create(client, 'carts')
  await at.put(client.bucket('carts'), 'anna', 'tea')
  const { context } = await at.scene.run(client.bucket('carts').get('anna'))
  t.notOk(context.isEmpty)
  await at.scene.run(client.renameBucket('carts', 'old carts'))
  await at.create(client, 'carts')
  const put = client.bucket('carts').put('anna', 'milk', { context })
  t.equal(await at.code(put), 'context-foreign')
  t.same(await at.get(client.bucket('carts'), 'anna'), [])
  t.same(await at.get(client.bucket('old carts'), 'anna'), ['tea'])
  t.equal(await at.code(client.bucket(old.created.exactName).put('anna', 'x', { context })), 'done')
})

t.test('a name with keys, or in a configuration, is not given to a bucket', async (t) => {
  const at = await BucketsScene.open({ buckets: [{ name: 'flags', n: 3, r: 2, w: 2 }] })
  const client = await at.at(1)
  await at.put(client.bucket('carts'), 'anna', 'tea')
  const two = client.createBucket('carts', { n: 2, r: 1, w: 2 })
  t.equal(await at.code(two), 'bucket-exists')
  t.notOk(nodeOf(at.scene, 1).rings.view.stages.ns.includes(2), 'a refused bucket has used no N')
  t.equal(await at.code(client.createBucket('flags')), 'bucket-exists')
  t.equal(await at.code(client.createBucket('wide', { n: 8 })), 'quorum-wrong')
  t.equal(await at.code(client.createBucket('wide', { n: 3, w: 4 })), 'quorum-wrong')
  t.equal(await at.code(client.createBucket('a#0123456789abcdef')), 'bucket-wrong')
  t.equal(await at.code(client.createBucket('late', { deadlineMs: 70_000 })), 'deadline-wrong')
  const made = await at.create(client, 'new', { id: '00000000000000aa' })
  t.equal(await at.code(client.createBucket('new')), 'bucket-exists')
  const again = await at.create(client, 'new', { id: '00000000000000aa' })
  t.same(again, made, 'its answer was lost')
  const other = client.createBucket('other', { id: '00000000000000aa' })
  t.equal(await at.code(other), 'bucket-exists')
  const both = [3, 2].map((n) => client.createBucket('both', { n, id: '00000000000000bb' }))
  const [taken, refused] = await at.scene.run(Promise.allSettled(both))
  t.match(taken, { status: 'fulfilled', value: { n: 3 } }, 'two at once, of one id')
  t.match(refused, { status: 'rejected', reason: { code: 'bucket-exists' } })
  t.equal(await at.code(client.renameBucket('new', 'carts')), 'bucket-exists')
  const nowhere = client.bucket('new#00000000000000cc')
  t.equal(await at.code(nowhere.get('anna', { timeout: 500 })), 'bucket-unknown')
})

t.test(
  'keys that a bucket hides are told by the node that has them, and can be read',
  async (t) => {
    const at = await BucketsScene.open()
    const [one, three] = [await at.at(1), await at.at(3)]
    await at.split([3])
    const made = await at.create(one, 'carts')
    t.same(
      made.untold.map(({ name }) => name),
      ['n3'],
    )
    await at.scene.run(three.bucket('carts').put('anna', 'tea', { w: 1 }))
    const exact = three.bucket(made.created.exactName).put('anna', 'tea', { w: 1, timeout: 500 })
    t.equal(await at.code(exact), 'bucket-unknown', 'it never means another bucket')
    await at.heal()
    t.same(await at.names(three), ['carts'])
    t.same(await at.get(three.bucket('carts'), 'anna'), [])
    t.same(await at.get(one.bucket('carts#0000000000000000'), 'anna'), ['tea'])
    const alarms = at.scene.cluster.node(3)?.alarms ?? []
    t.match(alarms, [/keys were put into bucket carts .* they are in carts#0000000000000000/])
  },
)

t.test('a bucket is renamed whatever version of its record a member has made up', async (t) => {
  const at = await BucketsScene.open()
  const one = await at.at(1)
  const { n, r, w, created } = await at.create(one, 'carts')
  const id = { creation: created.id as CreationId, policy: Policy.siblings, n }
  const terms = { ...id, r, w, durability: Durability.always }
  const told = (version: number) => {
    const named = { createdAs: 'carts', name: 'forged', deadlineMs: 0, version }
    const forged = [bucketRecord({ ...terms, ...named })]
    const news = recordsBytes(forged)
    const request = { digest: bucketsDigestOf(forged), news, asked: '', deadlineMs: 0 }
    return at.scene.run(at.scene.asPeer(1, 'peerBuckets', request))
  }
  t.match(await told(U48_MAX), { code: 'message-garbled' }, 'none would be above it')
  t.same(await at.names(one), ['carts'])
  t.match(await told(TOLD_MAX), { held: 0 })
  t.same(await at.names(one), ['forged'])
  t.match(await at.scene.run(one.renameBucket('forged', 'baskets')), { untold: [] })
  for (const machine of at.scene.cluster.machines) {
    t.same(await at.names(await at.at(machine)), ['baskets'])
  }
})

t.test('a node whose disk was emptied serves no name before it has heard of buckets', async (t) => {
  const at = await BucketsScene.open()
  const { cluster, world } = at.scene
  const made = await at.create(await at.at(1), 'carts')
  await at.put((await at.at(1)).bucket('carts'), 'anna', 'tea')
  cluster.crashAndWipe(3)
  await at.scene.run(cluster.start(3))
  await world.run(20_000)
  const three = await at.at(3)
  t.same(await at.names(three), ['carts'])
  t.same(await at.get(three.bucket('carts'), 'anna'), ['tea'])
  t.equal((await at.list(three))[0]?.created?.id, made.created.id)
})
