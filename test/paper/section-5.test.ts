/** Dynamo 5: implementation: what the request coordinator does. */
import t from 'tap'
import { replyOf, Scene } from '../unit/node/scene.ts'

const KEY = 'cart'

// "After the read response has been returned to the caller the state machine waits for a small
// period of time to receive any outstanding responses. If stale versions were returned in any of
// the responses, the coordinator updates those nodes with the latest version. This process is
// called read repair." Ours repairs the replicas that took part, after the answer.
t.test('5: a read repairs stale replicas', async (t) => {
  const scene = await Scene.open()
  const session = await scene.session(1)
  const first = replyOf(await session.put(KEY, 'old', { w: 3 })).context.slice()
  for (const other of [1, 2]) scene.world.cut(other, 3)
  replyOf(await session.put(KEY, 'new', { contexts: [first] }))
  scene.world.heal()
  await scene.quiet()
  replyOf(await session.get(KEY, 3))
  await scene.world.run(200)
  for (const other of [1, 2]) scene.world.cut(other, 3)
  const alone = replyOf(await (await scene.session(3)).get(KEY, 1))
  t.strictSame(alone.siblings.map(String), [String(new TextEncoder().encode('new'))])
})

// "[Read repair] repairs replicas that have missed a recent update at an opportunistic time and
// relieves the anti-entropy protocol from having to do it."
t.test('5: equal replicas are not repaired', async (t) => {
  const scene = await Scene.open()
  const session = await scene.session(2)
  replyOf(await session.put(KEY, 'v', { w: 3 }))
  for (let i = 0; i < 10; i++) replyOf(await session.get(KEY, 3))
  t.equal(scene.total('read_repairs_total'), 0)
})

// "Since each write usually follows a read operation, the coordinator for a write is chosen to be
// the node that replied fastest to the previous read operation which is stored in the context
// information of the request. This … increases the chances of getting 'read-your-writes'
// consistency." Ours routes both to the first owner that is there, which does the same.
t.test('5: a client that reads, writes and reads gets its own write', async (t) => {
  const scene = await Scene.open({ nodes: 5 })
  const client = await scene.client()
  for (let i = 0; i < 20; i++) {
    const { context } = await scene.run(client.get(KEY, { r: 1 }))
    await scene.run(client.put(KEY, `v${i}`, { context, w: 1 }))
    t.strictSame((await scene.run(client.get(KEY, { r: 1 }))).siblings, [`v${i}`])
  }
})

// "Each storage node … a pluggable persistence component … different storage engines."
// What they promise is that what was acknowledged is there after a crash.
t.test('5: a write survives a power cut of all nodes', async (t) => {
  const scene = await Scene.open()
  const client = await scene.client()
  for (let i = 0; i < 30; i++) await scene.run(client.put(`key ${i}`, `${i}`))
  for (const machine of scene.cluster.machines) scene.cluster.crash(machine)
  await scene.cluster.startAll()
  for (let i = 0; i < 30; i++) {
    t.strictSame((await scene.run(client.get(`key ${i}`))).siblings, [`${i}`])
  }
})
