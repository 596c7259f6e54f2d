/** What nodes and the library tell of partitions, on three real nodes in the simulator. */
import t from 'tap'
import { NO_ROUND } from '../../../../src/dynamo/repair/round.ts'
import { type U64, u64 } from '../../../../src/base/u64.ts'
import type { OperatingError } from '../../../../src/base/errors.ts'
import type { NodeRanges, RangesOptions } from '../../../../src/client/ranges.ts'
import { EXCHANGE_WAITERS_MAX } from '../../../../src/limits.ts'
import { Equalities } from '../../../../src/node/background/equalities.ts'
import { Ranges } from '../../../../src/node/background/ranges.ts'
import { Topology } from '../../../../src/node/cluster/topology.ts'
import { Cluster } from '../../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { isReply, replyOf, Scene, verdictOf } from '../scene.ts'

const KEY = 'cart'
/** Some exchanges of each node with each other. */
const EXCHANGES_MS = 15_000

async function asked(scene: Scene, options: RangesOptions): Promise<NodeRanges> {
  return scene.run((await scene.client()).ranges(options))
}

/** The range of the key's partition. */
function rangeOf({ ranges }: NodeRanges) {
  const digests = ranges.filter(({ root }) => root !== '0'.repeat(16))
  t.equal(digests.length, 1, 'one key is one partition')
  return digests[0] as NodeRanges['ranges'][0]
}

t.test('a node tells at which root each partition is equal at all owners', async (t) => {
  const scene = await Scene.open()
  const before = await asked(scene, { node: 'n1' })
  t.match(before, { name: 'n1', isWhole: true, isEqual: false })
  t.equal(before.ranges[0]?.equal, undefined)
  t.same(
    before.ranges[0]?.others.map(({ equal, differsMs }) => [equal, differsMs]),
    [
      [undefined, undefined],
      [undefined, undefined],
    ],
  )
  replyOf(await (await scene.session(1)).put(KEY, 'tea', { w: 3 }))
  await scene.world.run(EXCHANGES_MS)
  const after = await asked(scene, { node: 'n1' })
  t.equal(after.isEqual, true)
  t.equal(after.ranges.length, new Set(after.ranges.map(({ partition }) => partition)).size)
  const { n, root, equal, others } = rangeOf(after)
  t.equal(n, 3)
  t.equal(equal?.root, root)
  t.ok((equal?.ageMs ?? 0) < EXCHANGES_MS)
  t.same(others.map(({ name }) => name).sort(), ['n2', 'n3'])
})

t.test('an owner that cannot take what it lacks differs, and for how long is told', async (t) => {
  const scene = await Scene.open()
  await scene.world.run(EXCHANGES_MS)
  scene.cluster.kill(3)
  await scene.quiet()
  replyOf(await (await scene.session(1)).put(KEY, 'tea', { w: 2 }))
  await scene.world.run(EXCHANGES_MS)
  const away = rangeOf(await asked(scene, { node: 'n1' }))
  t.equal(away.equal, undefined, 'the third has the root from before')
  t.not(away.others.find(({ name }) => name === 'n3')?.equal?.root, away.root)
  t.equal(away.others.find(({ name }) => name === 'n2')?.equal?.root, away.root)
  t.ok((away.others.find(({ name }) => name === 'n3')?.equal?.ageMs ?? 0) > EXCHANGES_MS)
})

t.test('it waits until all was found equal after the call began', async (t) => {
  const scene = await Scene.open()
  await scene.world.run(EXCHANGES_MS)
  const client = await scene.client()
  const options = { node: 'n2', until: 'equal' } as const
  const began = scene.world.nowMs
  const told = await scene.run(client.ranges({ ...options, timeout: 30_000 }))
  const tookMs = scene.world.nowMs - began
  t.equal(told.isEqual, true)
  t.ok(tookMs > 0 && tookMs < EXCHANGES_MS, 'what was found before does not count')
  for (const { equal } of told.ranges) t.ok((equal?.ageMs ?? Infinity) <= tookMs)
  const any = await scene.run(client.ranges({ until: 'equal', timeout: 30_000 }))
  t.equal(any.isEqual, true, 'of any node')
})

t.test('what was found a while before the request counts where it says so', async (t) => {
  const scene = await Scene.open()
  await scene.world.run(EXCHANGES_MS)
  const session = await scene.session(1)
  const request = { untilEqual: true, withinMs: EXCHANGES_MS, deadlineMs: 60_000 }
  const began = scene.world.nowMs
  t.equal(replyOf(await session.ask('ranges', request)).isEqual, true)
  t.ok(scene.world.nowMs - began < 100, 'at once')
})

t.test('where an owner is away, the state at the deadline is told, and is not equal', async (t) => {
  const scene = await Scene.open()
  await scene.world.run(EXCHANGES_MS)
  scene.cluster.kill(3)
  await scene.quiet()
  const client = await scene.client()
  const began = scene.world.nowMs
  const told = await scene.run(client.ranges({ node: 'n1', until: 'equal', timeout: 3_000 }))
  t.equal(told.isEqual, false)
  const tookMs = scene.world.nowMs - began
  t.ok(tookMs > 2_000 && tookMs <= 3_000, `${tookMs} ms`)
  t.ok(told.ranges[0]?.equal, 'it was, once')
  t.equal((await scene.run(client.ranges({ node: 'n1' }))).isEqual, true, 'as last compared')
})

t.test('a node that gets its copies back tells so, and is waited for by no one', async (t) => {
  const scene = await Scene.open({ mayRebuild: true })
  replyOf(await (await scene.session(1)).put(KEY, 'tea', { w: 3 }))
  await scene.world.run(EXCHANGES_MS)
  for (const machine of [1, 2, 3]) scene.cluster.kill(machine)
  scene.world.wipe(3)
  await scene.run(scene.cluster.start(3))
  await scene.run(scene.cluster.start(1))
  await scene.quiet()
  const session = await scene.session(3)
  const request = { untilEqual: false, withinMs: 0, deadlineMs: 1_000 }
  t.match(await session.ask('ranges', request), { isWhole: false, isEqual: false })
  const waited = await session.ask('ranges', { ...request, untilEqual: true })
  t.equal(verdictOf(waited), 'replica-rebuilding refused')
  t.match((waited as OperatingError).message, /everwrite status/)
})

t.test('a name that no member has is refused before anything is sent', async (t) => {
  const scene = await Scene.open()
  const client = await scene.client()
  const failure = await scene.run(client.ranges({ node: 'n9' }).catch((error: unknown) => error))
  t.match(failure, { code: 'input-wrong', message: /no member is named n9: the members are .*n3/ })
})

t.test('more waiting requests than the bound are refused', async (t) => {
  const scene = await Scene.open()
  scene.cluster.kill(3)
  await scene.quiet()
  const session = await scene.session(1)
  const request = { untilEqual: true, withinMs: 0, deadlineMs: 5_000 }
  const asked = Array.from({ length: EXCHANGE_WAITERS_MAX + 1 }, () => {
    return session.begin('ranges', request)
  })
  const answers = await scene.run(Promise.all(asked))
  const refused = answers.filter((answer) => !isReply(answer))
  t.same(refused.map(verdictOf), ['overloaded refused'])
  t.ok(answers.filter(isReply).every(({ isEqual }) => !isEqual))
})

t.test('a node that stops fails those that wait', async (t) => {
  const sim = new SimWorld({ seed: 1 })
  const topology = new Topology(new Cluster(sim, { nodes: 3 }).configOf(1))
  const { clock } = sim.start(1)
  const trees = { isBuilt: true, sum: () => u64<U64>(0, 0) }
  const equalities = new Equalities(topology)
  const floors = { adopted: NO_ROUND }
  const ranges = new Ranges({ clock, topology, trees, floors, equalities, isWhole: () => true })
  const told: unknown[] = []
  const wait = { untilEqual: true, withinMs: 0, deadline: clock.now() + 60_000 }
  ranges.ask(wait, (result) => told.push(result))
  ranges.stop()
  await sim.run(120_000)
  t.match(told, [{ code: 'node-stopping' }], 'once')
  t.equal(told.length, 1)
})

t.test('of one node alone every partition is equal: there is no other owner', async (t) => {
  const scene = await Scene.open({ nodes: 1 })
  const client = await scene.client()
  const began = scene.world.nowMs
  const told = await scene.run(client.ranges({ until: 'equal' }))
  t.equal(told.isEqual, true)
  t.ok(scene.world.nowMs - began < 100, 'and nothing to wait for')
  t.same(told.ranges[0]?.others, [])
})
