/** When a put of a bucket is acknowledged: once W machines have synced it, or once they have it. */
import t from 'tap'
import { utf8Bytes } from '../../../../src/base/bytes.ts'
import type { BucketDurability } from '../../../../src/client/buckets.ts'
import type { SceneOptions } from '../scene.ts'
import { BucketsScene } from '../cluster/buckets-scene.ts'

/** A sync takes half a second or more then. */
const SLOWNESS = 5_000
const SYNC_MS_MIN = 500
const NO_SYNC_MS_MAX = 100
const KEYS = ['anna', 'bert', 'cora', 'dora', 'emil', 'fred']

async function made(durability: BucketDurability, options: SceneOptions = {}) {
  const at = await BucketsScene.open({ disk: { syncMicros: [100, 200] }, ...options })
  const client = await at.scene.client(60_000)
  const info = await at.create(client, 'clicks', { n: 3, w: 3, durability })
  await at.spread()
  const bucket = client.bucket('clicks')
  await at.put(bucket, 'warm', 'x')
  await at.scene.quiet()
  const { cluster, world } = at.scene
  for (const machine of cluster.machines) world.disk(machine).slow(SLOWNESS)
  const timed = async <Value>(work: Promise<Value>): Promise<readonly [Value, number]> => {
    const began = at.scene.world.nowMs
    const value = await at.scene.run(work)
    return [value, at.scene.world.nowMs - began]
  }
  const restartAll = async (): Promise<void> => {
    for (const machine of cluster.machines) cluster.crash(machine)
    for (const machine of cluster.machines) world.disk(machine).slow(1)
    await at.scene.run(Promise.all(cluster.machines.map((one) => cluster.start(one))))
    await at.scene.quiet()
  }
  return { at, client, bucket, info, timed, restartAll }
}

t.test('with `interval` a put waits for no disk, with `always` for W of them', async (t) => {
  for (const durability of ['interval', 'always'] as const) {
    const { at, bucket, info, timed } = await made(durability)
    t.equal(info.created.durability, durability)
    // With `always` one of W is late, as the coordinator of some keys and as an owner of others.
    if (durability === 'always') for (const machine of [2, 3]) at.scene.world.disk(machine).slow(1)
    for (const key of KEYS) {
      const [, ms] = await timed(bucket.put(key, 'tea'))
      if (durability === 'interval') t.ok(ms < NO_SYNC_MS_MAX, `${ms} ms`)
      else t.ok(ms > SYNC_MS_MIN, `${ms} ms`)
      t.same(await at.get(bucket, key), ['tea'])
    }
  }
})

t.test('a fallback holds such a put as fast, as a hint', async (t) => {
  const { at, bucket, timed } = await made('interval', { nodes: 4 })
  const name = { bucket: utf8Bytes('clicks'), key: utf8Bytes('anna') }
  at.scene.cluster.kill(at.scene.cluster.ownersOf(name).at(-1) as number)
  await at.scene.quiet()
  const [put, ms] = await timed(bucket.put('anna', 'tea'))
  t.ok(
    put.holders.some(({ forOwner }) => forOwner !== undefined),
    'one holds a hint',
  )
  t.ok(ms < NO_SYNC_MS_MAX, `${ms} ms`)
})

t.test('it is synced without being waited for, and `durable` waits for that', async (t) => {
  const { at, client, bucket, timed, restartAll } = await made('interval')
  const [put] = await timed(bucket.put('anna', 'tea'))
  const [, ms] = await timed(client.durable(put.receipt, { timeout: 60_000 }))
  t.ok(ms > SYNC_MS_MIN, `${ms} ms`)
  await restartAll()
  t.same(await at.get(bucket, 'anna'), ['tea'])
})

t.test('a put that no machine had synced is lost where all lose power', async (t) => {
  for (const durability of ['interval', 'always'] as const) {
    const { at, bucket, timed, restartAll } = await made(durability)
    await timed(bucket.put('anna', 'tea'))
    await restartAll()
    t.same(await at.get(bucket, 'anna'), durability === 'always' ? ['tea'] : [], durability)
    await at.put(bucket, 'anna', 'milk')
    t.ok((await at.get(bucket, 'anna')).includes('milk'), 'the key goes on')
  }
})

t.test('where a log is behind by more than a second, a put waits after all', async (t) => {
  const { at, bucket, timed } = await made('interval')
  for (const machine of at.scene.cluster.machines) at.scene.world.disk(machine).slow(4 * SLOWNESS)
  const [, firstMs] = await timed(bucket.put('anna', 'tea'))
  t.ok(firstMs < NO_SYNC_MS_MAX, `${firstMs} ms`)
  await at.scene.world.run(1_100)
  const [, nextMs] = await timed(bucket.put('bert', 'tea'))
  t.ok(nextMs > SYNC_MS_MIN, `${nextMs} ms`)
})
