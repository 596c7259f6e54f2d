/** Rounds let go of deleted keys and of ranges of contexts; of nothing while a member is away. */
import t from 'tap'
import { utf8Text } from '../../../../src/base/bytes.ts'
import { replyOf, type SceneOptions } from '../scene.ts'
import { ROUND_LIMIT_MS, RoundsScene } from './rounds-scene.ts'

const KEYS = Array.from({ length: 12 }, (_, i) => `key-${i}`)
const DELETED = KEYS.slice(0, 8)
const N = 3
const WRITINGS = 4 * N

t.test('a deleted key leaves all its owners, and what is written later stays', async (t) => {
  const scene = await RoundsScene.open()
  const session = await scene.session(1)
  await scene.putAll(session, KEYS)
  await scene.deleteAll(session, DELETED)
  await scene.keysAre(KEYS.length - DELETED.length)
  t.equal(scene.total('keys_reaped_total'), N * DELETED.length)
  t.ok(scene.world.trace.count('round-adopted') >= 1)
  await scene.putAll(session, DELETED.slice(0, 3))
  await scene.rounds(2)
  await scene.keysAre(KEYS.length - DELETED.length + 3)
  const there = [...DELETED.slice(0, 3), ...KEYS.slice(8)]
  for (const key of KEYS) {
    const { siblings } = replyOf(await session.get(key, N))
    t.equal(siblings.length, there.includes(key) ? 1 : 0, key)
  }
})

t.test('a delete that did not see a value leaves that value', async (t) => {
  const scene = await RoundsScene.open()
  const session = await scene.session(1)
  for (const value of ['a', 'b']) replyOf(await session.put('k', value))
  replyOf(await session.put('k', undefined))
  await scene.rounds(2)
  t.equal(replyOf(await session.get('k', N)).siblings.length, 2)
})

t.test('nothing goes while a member is down, and status says who', async (t) => {
  const scene = await RoundsScene.open({ nodes: 4 })
  const session = await scene.session(1)
  await scene.putAll(session, KEYS)
  scene.cluster.kill(3)
  await scene.quiet()
  await scene.deleteAll(session, DELETED)
  await scene.world.run(20_000)
  t.equal(scene.total('keys_reaped_total'), 0)
  t.match(
    scene.cluster.node(1)?.roundObstacle,
    /^n3 has been away for \d+ s and cannot be reached$/,
  )
  await scene.run(scene.cluster.start(3))
  const isDone = (): boolean => scene.total('keys_reaped_total') >= N * DELETED.length
  t.ok(await scene.world.runUntil(isDone, ROUND_LIMIT_MS))
  await scene.quiet()
  t.equal(scene.cluster.node(1)?.roundObstacle, undefined)
  for (const key of DELETED) t.equal(replyOf(await session.get(key, N)).siblings.length, 0, key)
})

t.test('a key stays while a request that wrote it may be repeated', async (t) => {
  const scene = await RoundsScene.open({ rememberMs: 20_000, deadlineMs: 1_000 })
  const session = await scene.session(1)
  await scene.putAll(session, ['k'])
  await scene.deleteAll(session, ['k'])
  await scene.rounds()
  await scene.world.run(2_000)
  t.equal(scene.figure(1, 'keys'), 1, 'its coordinator remembers')
  await scene.keysAre(0)
})

t.test('a deleted key leaves its owners at one time: no exchange asks for it', async (t) => {
  const rememberMs = 20_000
  const scene = await RoundsScene.open({ rememberMs, deadlineMs: 1_000, exchangeMs: 1_000 })
  const session = await scene.session(1)
  await scene.putAll(session, DELETED)
  await scene.deleteAll(session, DELETED)
  const differed = scene.total('exchange_leaves_total')
  await scene.rounds()
  await scene.world.run(2_000)
  t.equal(scene.total('keys'), N * DELETED.length, 'none knows which of them may be repeated')
  await scene.keysAre(0)
  t.equal(scene.total('exchange_leaves_total'), differed)
})

t.test('a ring of one member has rounds too', async (t) => {
  const scene = await RoundsScene.open({ nodes: 1, quorums: { n: 1, r: 1, w: 1 } })
  const session = await scene.session(1)
  await scene.putAll(session, KEYS)
  await scene.deleteAll(session, DELETED)
  await scene.keysAre(KEYS.length - DELETED.length)
  t.equal(scene.cluster.node(1)?.roundObstacle, undefined)
})

/** A key that all owners have written in turn, each in several starts. */
async function crowded(options: SceneOptions): Promise<RoundsScene> {
  const scene = await RoundsScene.open({ roundMs: 10_000, ...options })
  for (let i = 0; i < WRITINGS; i++) {
    const machine = 1 + (i % N)
    const session = await scene.session(machine)
    const { context } = replyOf(await session.get('k'))
    replyOf(await session.put('k', `${i}`, { contexts: i === 0 ? [] : [context] }))
    await scene.restart(machine)
    await scene.world.run(500)
  }
  t.ok(((await scene.contextAt(1, 'k'))?.count ?? 0) > 2 * N, 'its context is long')
  return scene
}

async function isShort(scene: RoundsScene): Promise<void> {
  for (const machine of [1, 2, 3]) {
    const count = (await scene.contextAt(machine, 'k'))?.count ?? 0
    t.ok(count >= 1 && count <= 2 * N, `${count} ranges at node ${machine}`)
  }
  const session = await scene.session(1)
  const { siblings } = replyOf(await session.get('k', N))
  t.same(siblings.map(utf8Text), [`${WRITINGS - 1}`])
}

t.test('the context of a key of restarting owners gets short again', async () => {
  const scene = await crowded({})
  await scene.rounds(2)
  await scene.world.run(5_000)
  await isShort(scene)
})

t.test('a range stays until all owners have said that they are alike', async (t) => {
  const scene = await crowded({ cleanMs: 5_000 })
  await scene.rounds()
  scene.cluster.kill(3)
  await scene.world.run(20_000)
  for (const machine of [1, 2]) {
    const count = (await scene.contextAt(machine, 'k'))?.count ?? 0
    t.ok(count > 2 * N, `${count} ranges at node ${machine}`)
  }
  await scene.run(scene.cluster.start(3))
  await scene.rounds(2)
  await scene.world.run(10_000)
  await isShort(scene)
})
