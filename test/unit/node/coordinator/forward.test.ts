/** Puts that reach a node which does not own their key: handed on once, in doubt where they are. */
import t from 'tap'
import { utf8Text } from '../../../../src/base/bytes.ts'
import { isReply, putOf, replyOf, Scene, verdictOf } from '../scene.ts'

const KEY = 'cart'

interface Five {
  readonly scene: Scene
  readonly owners: readonly number[]
  readonly outsider: number
}

async function five(seed = 1): Promise<Five> {
  const scene = await Scene.open({ nodes: 5, seed })
  const { owners, others } = scene.placeOf(KEY)
  return { scene, owners, outsider: others[0] as number }
}

t.test('any node takes a put, and an owner coordinates it', async (t) => {
  const { scene, owners, outsider } = await five()
  const session = await scene.session(outsider)
  t.equal(replyOf(await session.put(KEY, 'a', { w: 3 })).attempts, 1)
  t.equal(scene.figure(outsider, 'forwards_total'), 1)
  t.equal(scene.figure(outsider, 'keys'), 0, 'it keeps nothing itself')
  for (const owner of owners) t.equal(scene.figure(owner, 'keys'), 1)
  t.equal(replyOf(await session.get(KEY)).siblings.length, 1)
})

t.test('D5: a chain of puts through outsiders leaves one sibling', async (t) => {
  const { scene, outsider } = await five()
  const session = await scene.session(outsider)
  let contexts: Uint8Array[] = []
  for (let i = 0; i < 20; i++) {
    contexts = [replyOf(await session.put(KEY, `v${i}`, { contexts })).context.slice()]
  }
  await scene.quiet()
  t.equal(replyOf(await session.get(KEY, 3)).siblings.length, 1)
})

t.test('Q6: an owner that is silent is passed over, and one sibling is left', async (t) => {
  const { scene, owners, outsider } = await five()
  const session = await scene.session(outsider)
  scene.world.pause(owners[0] as number)
  const began = scene.world.nowMs
  const { attempts } = replyOf(await session.put(KEY, 'a'))
  t.equal(attempts, 2, 'and the client is told of both')
  t.ok(scene.world.nowMs - began < 200, `${scene.world.nowMs - began} ms`)
  t.equal(scene.figure(outsider, 'forwards_total'), 2)
  scene.world.resume(owners[0] as number)
  await scene.quiet()
  t.equal(replyOf(await session.get(KEY, 3)).siblings.length, 1, 'though both took it')
})

t.test('what two owners took and a client replaced does not come back', async (t) => {
  const { scene, owners, outsider } = await five()
  const session = await scene.session(outsider)
  scene.world.pause(owners[0] as number)
  t.equal(replyOf(await session.put(KEY, 'a')).attempts, 2)
  const { context } = replyOf(await session.get(KEY))
  const other = await scene.session(owners[1] as number)
  t.ok(isReply(await other.put(KEY, 'b', { contexts: [context] })))
  scene.world.resume(owners[0] as number)
  await scene.quiet()
  t.strictSame(replyOf(await session.get(KEY, 3)).siblings.map(utf8Text), ['b'])
})

t.test('a put of all seen reads once, and a late owner replaces nothing newer', async (t) => {
  const { scene, owners, outsider } = await five()
  const session = await scene.session(outsider)
  const [first, second] = owners as [number, number]
  replyOf(await session.put(KEY, 'old'))
  await scene.quiet()
  scene.world.pause(first)
  t.equal(replyOf(await session.put(KEY, 'seen', { replace: 'seen' })).attempts, 2)
  const { siblings, context } = replyOf(await session.get(KEY))
  t.same(siblings.map(utf8Text), ['seen'])
  const other = await scene.session(second)
  replyOf(await other.put(KEY, 'newer', { contexts: [context.slice()] }))
  scene.world.resume(first)
  await scene.quiet()
  const values = replyOf(await session.get(KEY, 3)).siblings.map(utf8Text)
  t.ok(values.includes('newer'))
  t.notOk(values.includes('old'))
})

t.test('an owner that is known to be away is not asked', async (t) => {
  const { scene, owners, outsider } = await five()
  scene.cluster.kill(owners[0] as number)
  await scene.quiet()
  replyOf(await (await scene.session(outsider)).put(KEY, 'a'))
  t.equal(scene.figure(outsider, 'forwards_total'), 1)
})

t.test('without any owner the node coordinates the put itself, as a fallback', async (t) => {
  const { scene, owners, outsider } = await five()
  for (const owner of owners) scene.cluster.kill(owner)
  await scene.quiet()
  const session = await scene.session(outsider)
  t.equal(verdictOf(await session.put(KEY, 'a', { w: 2 })), 'ok')
  t.equal(scene.figure(outsider, 'hints'), 1, 'its copy is a hint')
  t.equal(scene.figure(outsider, 'forwards_total'), 0)
  t.equal(verdictOf(await session.put(KEY, 'b', { w: 3 })), 'replicas-short refused')
})

t.test('owners that are silent and not known to be away do not keep a put waiting', async (t) => {
  const { scene, owners, outsider } = await five()
  const session = await scene.session(outsider)
  for (const owner of owners) scene.world.pause(owner)
  const began = scene.world.nowMs
  t.equal(verdictOf(await session.put(KEY, 'a', { w: 2, deadlineMs: 1_000 })), 'ok')
  t.ok(scene.world.nowMs - began < 500, 'three owners for 100 ms each, then a fallback')
  for (const owner of owners) scene.world.resume(owner)
  await scene.quiet()
  await scene.world.run(5_000)
  t.equal(replyOf(await session.get(KEY, 3)).siblings.length, 1, 'owners that took it late too')
})

t.test('Q5: owners that may have taken it leave it in doubt', async (t) => {
  const { scene, owners, outsider } = await five()
  const session = await scene.session(outsider)
  for (const owner of owners) scene.world.cutOneWay(owner, outsider)
  t.equal(verdictOf(await session.put(KEY, 'a', { deadlineMs: 400 })), 'write-in-doubt in-doubt')
  scene.world.heal()
  await scene.quiet()
  t.equal(replyOf(await session.get(KEY, 3)).siblings.length, 1, 'they had taken it')
})

t.test("a final refusal by an owner is the client's answer", async (t) => {
  const { scene, outsider } = await five()
  const session = await scene.session(outsider)
  t.equal(verdictOf(await session.put(KEY, 'a', { w: 4 })), 'quorum-wrong refused')
  const contexts = [new Uint8Array(65)]
  t.equal(verdictOf(await session.put(KEY, 'a', { contexts })), 'context-garbled refused')
  t.equal(scene.figure(outsider, 'forwards_total'), 2, 'one owner was asked, once each')
})

t.test('two that fail one after another are answered once', async (t) => {
  // What went wrong: an owner was found away within the call that asked it, and the next one was
  // asked there; the outer call then set a second timer, which was never cancelled, and the put was
  // answered twice. There is one timer at a time now, and it is set before the call.
  for (let seed = 1; seed <= 20; seed++) {
    const { scene, owners, outsider } = await five(seed)
    const session = await scene.session(outsider)
    const asked = session.begin('put', putOf(KEY, 'a', { deadlineMs: 1_000 }))
    const [first, second] = owners as [number, number]
    scene.world.after(0.4, () => scene.world.network.reset(outsider, second))
    scene.world.after(0.8, () => scene.world.network.reset(outsider, first))
    await scene.run(asked)
    await scene.world.run(2_000)
  }
  t.pass('each put was answered once')
})

t.test(
  'O1: a node with too much in progress refuses clients, and goes on with the rest',
  async (t) => {
    const scene = await Scene.open({ callsMax: 8 })
    const session = await scene.session(1)
    const asked = Array.from({ length: 20 }, (_, i) => session.begin('put', putOf(`k${i}`, 'v')))
    const verdicts = (await scene.run(Promise.all(asked))).map(verdictOf)
    t.equal(verdicts.filter((verdict) => verdict === 'ok').length, 8)
    t.equal(verdicts.filter((verdict) => verdict === 'overloaded refused').length, 12)
    t.equal(verdictOf(await session.put('later', 'v')), 'ok')
    t.equal(verdictOf(await session.get('k0')), 'ok')
  },
)
