/**
 * A node that has joined by an invitation runs as a member of the cluster: it owns nothing, takes
 * requests, takes part in rounds, and starts again without an invitation.
 */
import t from 'tap'
import { utf8Text } from '../../../../src/base/bytes.ts'
import { MemberState } from '../../../../src/dynamo/membership/member-record.ts'
import { INVITATION_MS } from '../../../../src/limits.ts'
import type { RunningNode } from '../../../../src/node/node.ts'
import { replyOf, verdictOf } from '../scene.ts'
import { JoiningScene, NEW } from './joining-scene.ts'

const FIRST = [1, 2, 3] as const

function nodeOf({ cluster }: JoiningScene, machine: number): RunningNode {
  const node = cluster.node(machine)
  if (node === undefined) throw new Error(`node ${machine} does not run`)
  return node
}

function valuesOf({ siblings }: { readonly siblings: readonly Uint8Array[] }): readonly string[] {
  return siblings.map((value) => utf8Text(value))
}

t.test('it is a member for all, owns nothing, and takes puts and gets', async (t) => {
  const scene = await JoiningScene.open({ seed: 51 })
  const { node } = await scene.grow()
  for (const machine of [...FIRST, NEW]) {
    const status = scene.cluster.node(machine)?.status()
    const seen = status?.members.map(({ name, state, life }) => `${name} ${state} ${life}`)
    const all = ['n1', 'n2', 'n3', 'n4'].map((name) => `${name} joined alive`)
    t.same(seen?.toSorted(), all, `as n${machine} sees it`)
    t.same(status?.alarms, [])
    t.same(status?.warnings, [])
  }
  const joined = scene.cluster.node(NEW)
  t.equal(joined?.status().node, node)
  t.equal(joined?.isWhole, true, 'it knows what was closed')
  t.same(joined?.ring.digest, scene.cluster.ring.digest, 'the first ring')
  const [session, other] = [await scene.session(NEW), await scene.session(2)]
  for (const key of ['a', 'b', 'c']) replyOf(await session.put(key, `of ${key}`))
  t.same(valuesOf(replyOf(await other.get('a', 3))), ['of a'])
  t.same(valuesOf(replyOf(await session.get('b', 3))), ['of b'])
  const { context } = replyOf(await session.get('c'))
  replyOf(await session.put('c', undefined, { contexts: [context] }))
  t.same(valuesOf(replyOf(await other.get('c'))), [])
  t.equal(scene.figure(NEW, 'keys'), 0)
  t.equal(scene.figure(1, 'keys'), 3)
})

t.test('it starts again under its id, after a stop, a crash and at another address', async (t) => {
  const scene = await JoiningScene.open({ seed: 52 })
  const { node } = await scene.grow()
  await scene.run(scene.cluster.stop(NEW))
  await scene.start()
  scene.cluster.crash(NEW)
  await scene.start()
  t.equal(scene.cluster.node(NEW)?.status().node, node)
  await scene.run(scene.cluster.stop(NEW))
  scene.growing.change = (config) => {
    const members = config.members.map((member) => ({ ...member, peerPort: 7_599 }))
    return { ...config, members, peerListen: { ...config.peerListen, port: 7_599 } }
  }
  await scene.run(scene.cluster.start(NEW))
  await scene.world.run(5_000)
  t.equal(scene.cluster.node(1)?.membership.recordOf(node)?.peerPort, 7_599)
  t.ok(await scene.meet())
})

t.test('a power cut at any moment of its first start is followed by a start', async (t) => {
  for (let ms = 0; ms < 60; ms += 3) {
    const scene = await JoiningScene.open({ seed: 300 + ms })
    await scene.join(await scene.invite())
    void scene.cluster.start(NEW).catch(() => undefined)
    await scene.world.run(ms)
    scene.cluster.crash(NEW)
    await scene.start()
    t.ok(await scene.meet(), `after ${ms} ms`)
    const isWhole = (): boolean => nodeOf(scene, NEW).isWhole
    t.ok(await scene.world.runUntil(isWhole, 10_000))
  }
})

t.test('it takes no write before another has told it what is too late', async (t) => {
  const scene = await JoiningScene.open({ seed: 60 })
  await scene.join(await scene.invite())
  for (const machine of FIRST) scene.cluster.kill(machine)
  await scene.run(scene.cluster.start(NEW))
  t.match(nodeOf(scene, NEW).alarms, [/takes no writes before another has told it/])
  const session = await scene.session(NEW)
  const early = await session.put('early', 'v', { w: 1, deadlineMs: 500 })
  t.equal(verdictOf(early), 'replica-rebuilding refused')
  await scene.run(scene.cluster.start(1))
  await scene.world.run(3_000)
  t.same(nodeOf(scene, NEW).alarms, [])
  scene.cluster.kill(1)
  await scene.world.run(3_000)
  t.equal(verdictOf(await session.put('early', 'v', { w: 1 })), 'ok')
})

t.test('while all owners are away it keeps hints, and brings them home', async (t) => {
  const scene = await JoiningScene.open({ seed: 53 })
  await scene.grow()
  for (const machine of FIRST) scene.cluster.kill(machine)
  await scene.world.run(3_000)
  const session = await scene.session(NEW)
  t.ok(replyOf(await session.put('kept', 'here', { w: 1 })))
  const found = replyOf(await session.getSloppily('kept', 1))
  t.same(valuesOf(found), ['here'], 'it is its own fallback')
  t.equal(scene.cluster.node(NEW)?.hints.length, 1)
  for (const machine of FIRST) await scene.run(scene.cluster.start(machine))
  t.ok(await scene.meet())
  await scene.world.run(10_000)
  t.same(scene.cluster.node(NEW)?.hints, [])
  t.same(valuesOf(replyOf(await (await scene.session(1)).get('kept', 3))), ['here'])
})

t.test('rounds are taken with it: what it writes after one is not late', async (t) => {
  const fast = { roundMs: 3_000, rememberMs: 4_000, cleanMs: 500, partitions: 4 }
  const scene = await JoiningScene.open({ seed: 54, ...fast })
  await scene.grow()
  const { trace } = scene.world
  for (const key of ['first', 'second', 'third']) {
    for (const machine of FIRST) scene.cluster.kill(machine)
    await scene.world.run(3_000)
    const session = await scene.session(NEW)
    replyOf(await session.put(key, key, { w: 1 }))
    for (const machine of FIRST) await scene.run(scene.cluster.start(machine))
    t.ok(await scene.meet())
    const before = trace.count('round-adopted')
    const isDone = (): boolean => trace.count('round-adopted') >= before + 2
    t.ok(await scene.world.runUntil(isDone, 120_000), 'rounds go on')
    t.same(valuesOf(replyOf(await (await scene.session(2)).get(key, 3))), [key])
  }
  const adopted = [1, NEW].map((machine) => scene.cluster.node(machine)?.status().round.adopted)
  t.ok((adopted[0] ?? 0) > 0)
  t.equal(adopted[1], adopted[0])
})

t.test('a round that was opened before its members knew of it comes to nothing', async (t) => {
  const fast = { roundMs: 3_000, rememberMs: 4_000, cleanMs: 500, partitions: 4 }
  const scene = await JoiningScene.open({ seed: 55, ...fast })
  const invitation = await scene.invite()
  const { trace } = scene.world
  const [opened, adopted] = [trace.count('round-opened'), trace.count('round-adopted')]
  const isOpen = (): boolean => trace.count('round-opened') > opened
  t.ok(await scene.world.runUntil(isOpen, 60_000))
  await scene.join(invitation)
  await scene.world.run(2_500)
  t.ok(trace.count('round-void') >= 1)
  t.equal(trace.count('round-adopted'), adopted)
  const obstacles = FIRST.map((machine) => scene.cluster.node(machine)?.roundObstacle ?? '')
  t.ok(
    obstacles.some((one) => /n4/.test(one)),
    obstacles.join('; '),
  )
})

t.test(
  'an invitation that is used, late or foreign, or another ring, lets no node in',
  async (t) => {
    const scene = await JoiningScene.open({ seed: 56 })
    const [used, expired] = [await scene.invite(), await scene.invite()]
    const elsewhere = { ...used, address: scene.cluster.configOf(2).peerListen }
    await t.rejects(scene.join(elsewhere), { code: 'invitation-wrong', message: /issued no such/ })
    await scene.join(used)
    scene.world.wipe(NEW)
    await t.rejects(scene.join(used), { code: 'invitation-wrong', message: /used by another node/ })
    await scene.world.run(INVITATION_MS + 10_000)
    await t.rejects(scene.join(expired), { code: 'invitation-wrong', message: /has expired/ })
    const other = { ...(await scene.invite()), cluster: 'other' }
    await t.rejects(scene.join(other), { code: 'invitation-wrong', message: /of cluster "other"/ })
    scene.growing.change = (config) => ({ ...config, partitions: 64 })
    await t.rejects(scene.join(await scene.invite()), { code: 'ring-differs', message: /16 part/ })
    scene.growing.change = (config) => ({ ...config, defaults: { n: 2, r: 1, w: 1 } })
    await t.rejects(scene.join(await scene.invite()), { code: 'ring-differs', message: /3 copies/ })
  },
)

t.test('a member that was removed does not come back, under its id or its name', async (t) => {
  const scene = await JoiningScene.open({ seed: 57 })
  const { node } = await scene.grow()
  const { failed } = nodeOf(scene, NEW)
  const { membership } = nodeOf(scene, 3)
  await scene.run(membership.change([node, { state: MemberState.gone }]))
  t.match(await scene.run(failed), { code: 'member-gone' })
  scene.cluster.kill(NEW)
  t.equal(await scene.codeOf(scene.cluster.start(NEW)), 'member-gone')
  scene.world.wipe(NEW)
  const again = await scene.grow()
  t.not(again.node, node, 'with an empty directory it is a new member')
  t.ok(await scene.meet())
})

t.test('what the joiner is configured for otherwise is told', async (t) => {
  const scene = await JoiningScene.open({ seed: 58, buckets: [{ name: 'b', n: 2, r: 1, w: 1 }] })
  const invitation = await scene.invite()
  scene.growing.change = (config) => ({ ...config, buckets: [{ name: 'b', n: 3, r: 1, w: 1 }] })
  await t.rejects(scene.join(invitation), { code: 'ring-differs', message: /bucket b.* for 3/ })
  scene.growing.change = (config) => ({ ...config, buckets: [] })
  await t.rejects(scene.join(invitation), { code: 'ring-differs' }, 'nor without the bucket')
  scene.growing.change = (config) => config
  await scene.join(invitation)
  scene.growing.change = (config) => ({ ...config, buckets: [{ name: 'b', n: 3, r: 1, w: 1 }] })
  await scene.run(scene.cluster.start(NEW))
  await scene.world.run(5_000)
  const alarms = scene.cluster.node(NEW)?.alarms ?? []
  t.match(alarms.join('\n'), /n1 does not connect: .*another ring; .* bucket b became n = 3/)
  scene.cluster.kill(NEW)
  scene.growing.change = (config) => config
  await scene.start()
  t.ok(await scene.meet(), 'and mended by its configuration')
})

t.test('a directory is started as the node that it is of', async (t) => {
  const scene = await JoiningScene.open({ seed: 59 })
  await scene.join(await scene.invite())
  const drawn = scene.growing.joined
  scene.growing.joined = undefined
  t.equal(await scene.codeOf(scene.cluster.start(NEW)), 'data-foreign')
  scene.growing.joined = drawn
  await scene.start()
  t.equal(nodeOf(scene, NEW).status().node, drawn?.node)
})
