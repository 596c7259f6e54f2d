import t from 'tap'
import { putOf, Scene } from './scene.ts'

t.test('a node tells what it holds at this moment', async (t) => {
  const scene = await Scene.open({ nodes: 3 })
  const node = scene.cluster.node(1)
  if (node === undefined) throw new Error('the node runs')
  const idle = node.gauges()
  t.equal(idle.client_connections, 0)
  t.equal(idle.peer_connections, 2, 'each other node asks on a connection of its own')
  t.strictSame([idle.client_calls, idle.calls_of_connection, idle.unsynced_bytes], [0, 0, 0])
  const client = await scene.client()
  const bucket = client.bucket()
  const puts = Array.from({ length: 40 }, (_, i) => bucket.put(`key-${i}`, 'x'.repeat(1_000)))
  const highest = { client_calls: 0, calls_of_connection: 0, unsynced_bytes: 0, outgoing_bytes: 0 }
  const isSeen = (): boolean => {
    const now = node.gauges()
    for (const gauge of Object.keys(highest) as (keyof typeof highest)[]) {
      highest[gauge] = Math.max(highest[gauge], now[gauge])
    }
    return Object.values(highest).every((value) => value > 0)
  }
  t.ok(await scene.world.runUntil(isSeen, 10_000), JSON.stringify(highest))
  await scene.run(Promise.all(puts))
  const after = node.gauges()
  t.ok(after.client_connections > 0)
  t.ok(after.remembered_requests > 0)
  t.ok(after.segment_bytes > 0)
  t.equal(after.client_calls, 0)
  await scene.run(client.close())
})

t.test('writes that a node reports as durable survive a power cut', async (t) => {
  const scene = await Scene.open({ nodes: 1 })
  const before = scene.cluster.node(1)?.durable
  t.equal(before?.keys, 0)
  const bucket = (await scene.client()).bucket()
  for (let i = 0; i < 10; i++) await scene.run(bucket.put(`key-${i}`, 'x'))
  const durable = scene.cluster.node(1)?.durable
  t.equal(durable?.keys, 10)
  t.equal(durable?.sequence, (before?.sequence ?? 0) + 10)
  let kept = -1
  scene.world.trace.watch('recovered', ({ keptSequence }) => {
    kept = Number(keptSequence)
  })
  scene.cluster.crash(1)
  await scene.run(scene.cluster.start(1))
  t.equal(kept, durable?.sequence)
  t.equal(scene.cluster.node(1)?.durable.keys, 10)
})

t.test('the most of any one connection is told, whichever side opened it', async (t) => {
  const scene = await Scene.open({ nodes: 3, partitions: 1 })
  const node = scene.cluster.node(1)
  if (node === undefined) throw new Error('the node runs')
  const sessions = [await scene.session(1), await scene.session(1), await scene.session(1)]
  for (const other of [2, 3]) scene.world.pause(other)
  const puts = sessions.map((session, i) => session.begin('put', putOf(`key-${i}`, 'x')))
  const waits = (): boolean => node.gauges().calls_of_connection === sessions.length
  t.ok(await scene.world.runUntil(waits, 1_000), 'one of each client, all of them to each peer')
  t.equal(node.gauges().client_calls, sessions.length)
  for (const other of [2, 3]) scene.world.resume(other)
  await scene.run(Promise.all(puts))

  const [session] = sessions
  const long = session?.begin('put', putOf('long', 'x'.repeat(2_000_000)))
  t.ok(await scene.world.runUntil(() => node.gauges().incoming_bytes > 0, 10_000), 'half received')
  await scene.run(Promise.resolve(long))
  t.equal(node.gauges().incoming_bytes, 0)
})
