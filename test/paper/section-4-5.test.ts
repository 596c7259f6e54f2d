/**
 * Dynamo 4.5: execution of get and put operations.
 *
 * Where we differ from the paper the test says so, and why.
 */
import t from 'tap'
import { replyOf, Scene, verdictOf } from '../unit/node/scene.ts'

const KEY = 'cart'

// "Any storage node in Dynamo is eligible to receive client get and put operations for any key."
t.test('4.5: any node takes gets and puts for any key', async (t) => {
  const scene = await Scene.open({ nodes: 5 })
  for (const machine of scene.cluster.machines) {
    const session = await scene.session(machine)
    for (const key of ['a', 'b', 'c']) {
      replyOf(await session.put(`${key}${machine}`, 'v', { w: 3 }))
      t.equal(replyOf(await session.get(`${key}${machine}`)).siblings.length, 1)
    }
  }
})

// "A node handling a read or write operation is known as the coordinator. Typically, this is the
// first among the top N nodes in the preference list." A put must be coordinated by an owner:
// "requests received through a load balancer … the node that receives the request will not
// coordinate it if [it] is not in the top N …. Instead, that node will forward the request."
t.test('4.5: a put that reaches another node is forwarded to an owner', async (t) => {
  const scene = await Scene.open({ nodes: 5 })
  const { owners, others } = scene.placeOf(KEY)
  replyOf(await (await scene.session(others[0] as number)).put(KEY, 'v', { w: 3 }))
  t.equal(scene.figure(others[0] as number, 'forwards_total'), 1)
  t.equal(scene.figure(owners[0] as number, 'puts_total'), 1, 'the first of the list')
})

// "R is the minimum number of nodes that must participate in a successful read operation. W is the
// minimum number of nodes that must participate in a successful write operation."
t.test('4.5: R and W decide how many owners must answer', async (t) => {
  const scene = await Scene.open()
  const session = await scene.session(1)
  replyOf(await session.put(KEY, 'v', { w: 3 }))
  scene.cluster.kill(3)
  await scene.quiet()
  t.equal(verdictOf(await session.put(KEY, 'v2', { w: 2 })), 'ok')
  t.equal(verdictOf(await session.put(KEY, 'v3', { w: 3 })), 'replicas-short refused')
  t.equal(verdictOf(await session.get(KEY, 2)), 'ok')
  t.equal(verdictOf(await session.get(KEY, 3)), 'replicas-short refused')
})

// "Setting R and W such that R + W > N yields a quorum-like system." So a read sees the last write
// that was acknowledged, whichever nodes coordinate.
t.test('4.5: with R + W > N a read returns every write acknowledged before it', async (t) => {
  const scene = await Scene.open()
  for (let round = 0; round < 12; round++) {
    const writer = await scene.session(1 + (round % 3))
    const reader = await scene.session(1 + ((round + 1) % 3))
    const away = 1 + ((round + 2) % 3)
    scene.world.pause(away)
    const { context } = replyOf(await reader.get(KEY))
    replyOf(await writer.put(KEY, `v${round}`, { contexts: context.length > 0 ? [context] : [] }))
    const { siblings } = replyOf(await reader.get(KEY))
    t.strictSame(siblings.map(String), [String(new TextEncoder().encode(`v${round}`))])
    scene.world.resume(away)
    await scene.world.run(500)
  }
})

// "In this model, the latency of a get (or put) operation is dictated by the slowest of the R (or
// W) replicas. For this reason, R and W are usually configured to be less than N."
t.test('4.5: one slow replica delays no request', async (t) => {
  const scene = await Scene.open({ hedgeMs: 10 })
  const session = await scene.session(1)
  scene.world.network.slow(1, 3, 400)
  scene.world.network.slow(3, 1, 400)
  const began = scene.world.nowMs
  replyOf(await session.put(KEY, 'v'))
  replyOf(await session.get(KEY))
  t.ok(scene.world.nowMs - began < 100, `${scene.world.nowMs - began} ms for both`)
})

// "Upon receiving a put() request for a key, the coordinator generates the vector clock for the new
// version and writes the new version locally. The coordinator then sends the new version (along
// with the new vector clock) to the N highest-ranked reachable nodes. If at least W-1 nodes respond
// then the write is considered successful."
t.test('4.5: the new version goes to all N owners; the answer waits for W', async (t) => {
  const scene = await Scene.open({ nodes: 5 })
  const { owners, others } = scene.placeOf(KEY)
  replyOf(await (await scene.session(owners[1] as number)).put(KEY, 'v', { w: 1 }))
  await scene.world.run(200)
  for (const owner of owners) t.equal(scene.figure(owner, 'keys'), 1)
  for (const other of others) t.equal(scene.figure(other, 'keys'), 0)
})

// "If the coordinator ends up gathering multiple versions of the data, it returns all the versions
// it deems to be causally unrelated."
t.test('4.5: a get returns all concurrent versions', async (t) => {
  const scene = await Scene.open()
  for (const other of [2, 3]) scene.world.cut(1, other)
  replyOf(await (await scene.session(1)).put(KEY, 'left', { w: 1 }))
  replyOf(await (await scene.session(2)).put(KEY, 'right', { w: 2 }))
  scene.world.heal()
  await scene.quiet()
  t.equal(replyOf(await (await scene.session(3)).get(KEY, 3)).siblings.length, 2)
})
