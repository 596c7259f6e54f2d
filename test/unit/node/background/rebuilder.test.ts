/** A node whose disk was emptied gets back what it held, or ends; a new one is taken as it is. */
import t, { type Test } from 'tap'
import { keyName } from '../../../../src/dynamo/names.ts'
import { checkRebuild } from '../../../../src/node/check-data.ts'
import { startNode } from '../../../../src/node/node.ts'
import { replyOf, Scene, verdictOf } from '../scene.ts'
import { BUCKET_ID } from '../../../../src/store/conformance/subject.ts'

const KEYS = Array.from({ length: 40 }, (_, i) => `key-${i}`)

/** Node 3 misses every key, node 2 holds them, and node 1, which held them too, is emptied. */
async function emptied(options: { readonly mayRebuild?: boolean } = {}): Promise<Scene> {
  const scene = await Scene.open({ ...options, partitions: 4 })
  const session = await scene.session(1)
  scene.cluster.kill(3)
  await scene.quiet()
  for (const key of KEYS) replyOf(await session.put(key, key))
  await scene.run(scene.cluster.start(3))
  await scene.quiet()
  scene.cluster.crashAndWipe(1)
  return scene
}

function isRebuilding(scene: Scene, machine: number): boolean {
  const alarms = scene.cluster.node(machine)?.alarms ?? []
  return alarms.some((alarm) => alarm.includes('is being rebuilt'))
}

/** Every key is read right through every node that answers. */
async function allAreThere(t: Test, scene: Scene, nodes: readonly number[]): Promise<void> {
  for (const node of nodes) {
    const session = await scene.session(node)
    for (const key of KEYS) {
      const { siblings } = replyOf(await session.get(key, 2))
      if (siblings.length !== 1) t.equal(siblings.length, 1, `${key} through node ${node}`)
    }
  }
}

t.test('an emptied node does not answer "nothing here", and gets everything back', async (t) => {
  const scene = await emptied()
  scene.cluster.kill(2)
  await scene.run(scene.cluster.start(1))
  await scene.quiet()
  t.ok(isRebuilding(scene, 1), 'it waits for node 2')
  t.match(scene.cluster.node(1)?.alarms[0], /it has still to exchange with n2/)
  const session = await scene.session(1)
  t.equal(verdictOf(await session.get(KEYS[0] as string, 2)), 'replicas-short refused')
  t.equal(verdictOf(await session.put('new', 'x')), 'ok', 'its acknowledgements count')
  const name = keyName('default', 'new')
  const ring = scene.cluster.digestFor(name, BUCKET_ID.n)
  const copy = { name, bucketId: BUCKET_ID, hints: false }
  const read = { ...copy, digestOnly: false, deadlineMs: 0 }
  const answer = await scene.run(scene.asPeer(1, 'peerRead', { ...read, ring }))
  t.match(answer, { code: 'replica-rebuilding', isRetryable: true })
  await scene.run(scene.cluster.start(2))
  await scene.quiet()
  t.ok(await scene.world.runUntil(() => !isRebuilding(scene, 1), 60_000))
  // A connection that was open when node 1 ended is noticed when it is used.
  await (await scene.session(3)).get(KEYS[0] as string, 3)
  await scene.quiet()
  scene.cluster.kill(2)
  await allAreThere(t, scene, [1, 3])
})

t.test('a rebuild goes on after crashes', async (t) => {
  const scene = await emptied()
  await scene.run(scene.cluster.start(1))
  for (let i = 0; i < 5; i++) {
    await scene.world.run(20 * i)
    scene.cluster.crash(1)
    await scene.run(scene.cluster.start(1))
  }
  await scene.quiet()
  t.ok(await scene.world.runUntil(() => !isRebuilding(scene, 1), 60_000))
  t.ok(scene.world.trace.count('rebuild-begun') >= 1)
  // A connection that was open when node 1 ended is noticed when it is used.
  await (await scene.session(3)).get(KEYS[0] as string, 3)
  await scene.quiet()
  scene.cluster.kill(2)
  await allAreThere(t, scene, [1, 3])
})

t.test('a rebuild that has begun goes on without being asked for again', async (t) => {
  const scene = await emptied()
  await scene.run(scene.cluster.start(1))
  t.ok(await scene.world.runUntil(() => isRebuilding(scene, 1), 10_000))
  await scene.world.run(50)
  scene.cluster.crash(1)
  const config = { ...scene.cluster.configOf(1), mayRebuild: false }
  const node = await scene.run(startNode(config, scene.world.start(1)))
  t.match(node.alarms, [/is being rebuilt/])
  t.ok(await scene.world.runUntil(() => node.isWhole, 60_000))
})

t.test('an emptied node that may not rebuild ends, with the way out', async (t) => {
  const scene = await emptied({ mayRebuild: false })
  const reasons: unknown[] = []
  scene.cluster.onFailed = (_, error) => reasons.push(error)
  await scene.run(scene.cluster.start(1))
  t.ok(await scene.world.runUntil(() => reasons.length > 0, 10_000))
  t.match(reasons, [{ code: 'data-emptied', message: /start this node with --rebuild/ }])
})

t.test('what that node is told to do next is taken, also where W is 1', async (t) => {
  const scene = await Scene.open({ mayRebuild: false, quorums: { n: 3, r: 1, w: 1 } })
  await scene.quiet()
  scene.cluster.crashAndWipe(1)
  let hasFailed = false
  scene.cluster.onFailed = () => (hasFailed = true)
  await scene.run(scene.cluster.start(1))
  t.ok(await scene.world.runUntil(() => hasFailed, 10_000))
  scene.cluster.kill(1)
  const config = { ...scene.cluster.configOf(1), mayRebuild: true }
  await scene.run(checkRebuild(config, scene.world.start(1).disk))
  scene.world.kill(1)
  const node = await scene.run(startNode(config, scene.world.start(1)))
  t.ok(await scene.world.runUntil(() => node.isWhole, 60_000))
})

t.test('a node that no other has met is new, also after a restart of all', async (t) => {
  const scene = await Scene.open({ mayRebuild: false })
  t.equal(scene.world.trace.count('rebuild-begun'), 0)
  const session = await scene.session(1)
  t.equal(replyOf(await session.get('nothing', 3)).siblings.length, 0, 'all three are counted')
  for (const machine of [1, 2, 3]) scene.cluster.crash(machine)
  for (const machine of [3, 2, 1]) await scene.run(scene.cluster.start(machine))
  await scene.quiet()
  t.equal(replyOf(await (await scene.session(1)).get('nothing', 3)).siblings.length, 0)
})
