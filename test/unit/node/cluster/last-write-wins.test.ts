/** Buckets where the last write wins, at the nodes of a simulated cluster. */
import t from 'tap'
import type { Client } from '../../../../src/client/client.ts'
import { BucketsScene } from './buckets-scene.ts'

/** Owners do not compare their copies. */
const NEVER_MS = 3_600_000
const LAST = { policy: 'last-write-wins' } as const

async function keysOf(client: Client, bucket: string): Promise<Record<string, readonly string[]>> {
  const found: Record<string, readonly string[]> = {}
  for await (const { key, siblings } of client.bucket(bucket).entries()) found[key] = siblings
  return found
}

t.test('of writes at two nodes that do not reach each other the later one stays', async (t) => {
  const at = await BucketsScene.open({ nodes: 4, partitions: 8 })
  const [one, four] = [await at.at(1), await at.at(4)]
  const made = await at.create(one, 'visits', { ...LAST, n: 2, r: 1, w: 1 })
  t.equal(made.created.policy, 'last-write-wins')
  const keys = Array.from({ length: 8 }, (_, i) => `key-${i}`)
  await at.split([3, 4])
  for (const [i, key] of keys.entries()) {
    const [first, second] = i % 2 === 0 ? [one, four] : [four, one]
    await at.put(first.bucket('visits'), key, 'earlier')
    await at.put(second.bucket('visits'), key, 'later')
  }
  await at.heal()
  const everywhere = Object.fromEntries(keys.map((key) => [key, ['later']]))
  for (const client of [one, four]) {
    for (const key of keys) t.same(await at.get(client.bucket('visits'), key), ['later'])
    t.same(await at.scene.run(keysOf(client, 'visits')), everywhere)
  }
  t.ok(at.scene.total('losers_total') >= keys.length, 'each loser is counted where it was')
  const { siblings } = await at.scene.run(one.bucket('visits').get('key-0', { r: 2, strict: true }))
  t.same(siblings, ['later'], 'all owners hold it')
})

t.test('scans and gets of owners that differ show the later write', async (t) => {
  const at = await BucketsScene.open({ nodes: 2, exchangeMs: NEVER_MS })
  const [one, two] = [await at.at(1), await at.at(2)]
  await at.create(one, 'visits', { ...LAST, n: 2, r: 2, w: 1 })
  await at.split([2])
  await at.put(one.bucket('visits'), 'anna', 'earlier')
  await at.put(two.bucket('visits'), 'anna', 'later')
  await at.heal()
  t.same(await at.scene.run(keysOf(one, 'visits')), { anna: ['later'] })
  t.same(await at.get(one.bucket('visits'), 'anna'), ['later'])
})

t.test('a put without a context overwrites, and a delete hides the key', async (t) => {
  const at = await BucketsScene.open()
  const client = await at.at(1)
  await at.create(client, 'visits', LAST)
  const visits = client.bucket('visits')
  for (const value of ['one', 'two', 'three']) await at.put(visits, 'anna', value)
  t.same(await at.get(visits, 'anna'), ['three'])
  t.equal(at.scene.total('losers_total'), 0, 'who overwrites loses nothing')
  await at.scene.run(visits.delete('anna', { replace: 'seen' }))
  t.same(await at.get(visits, 'anna'), [])
  const siblings = client.bucket('others')
  for (const value of ['one', 'two']) await at.put(siblings, 'anna', value)
  t.same(await at.get(siblings, 'anna'), ['one', 'two'], 'in other buckets both stay')
})
