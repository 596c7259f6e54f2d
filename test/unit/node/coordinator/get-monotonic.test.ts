/** A monotonic get delivers what R owners hold, and writes it to them where fewer do. */
import t from 'tap'
import { utf8Text } from '../../../../src/base/bytes.ts'
import type { Answer } from '../../../../src/wire/session.ts'
import { replyOf, Scene, verdictOf } from '../scene.ts'

const KEY = 'cart'

/** Node 1 alone has the newest write. */
async function oneIsAhead(): Promise<Scene> {
  const scene = await Scene.open()
  const session = await scene.session(1)
  replyOf(await session.put(KEY, 'a', { w: 3 }))
  cutOff(scene, 1)
  await scene.quiet()
  replyOf(await session.put(KEY, 'b', { w: 1 }))
  scene.world.heal()
  await scene.quiet()
  return scene
}

/** From the other nodes, and not from clients. */
function cutOff(scene: Scene, machine: number): void {
  for (const other of scene.cluster.machines) if (other !== machine) scene.world.cut(machine, other)
}

const seen = (answer: Answer<'get'>): string[] => replyOf(answer).siblings.map(utf8Text).sort()

async function ownOf(scene: Scene, machine: number): Promise<string[]> {
  cutOff(scene, machine)
  const own = seen(await (await scene.session(machine)).get(KEY, 1))
  scene.world.heal()
  return own
}

t.test('what one owner has is at R owners before the answer', async (t) => {
  const scene = await oneIsAhead()
  const session = await scene.session(1)
  t.same(seen(await session.getMonotonically(KEY)), ['a', 'b'])
  // At once: no repair that follows the answer has had time.
  const [second, third] = [await ownOf(scene, 2), await ownOf(scene, 3)]
  t.ok(
    [second, third].some((own) => own.length === 2),
    'a second owner has it',
  )
})

t.test('where owners are equal, nothing is written', async (t) => {
  const scene = await Scene.open()
  const session = await scene.session(1)
  replyOf(await session.put(KEY, 'a', { w: 3 }))
  const appends = scene.total('appends_total')
  for (const r of [1, 2, 3]) t.same(seen(await session.getMonotonically(KEY, r)), ['a'])
  t.equal(scene.total('appends_total'), appends)
  t.equal(scene.total('read_repairs_total'), 0)
})

t.test('where no owner takes what is found, the get fails', async (t) => {
  const scene = await oneIsAhead()
  for (const other of [2, 3]) scene.world.disk(other).slow(10_000)
  const session = await scene.session(1)
  t.not(verdictOf(await session.getMonotonically(KEY)), 'ok')
  t.same(seen(await session.get(KEY)), ['a', 'b'], 'any other get is answered')
  for (const other of [2, 3]) scene.world.disk(other).slow(1)
  await scene.world.run(3_000)
  t.same(seen(await session.getMonotonically(KEY)), ['a', 'b'])
})

t.test('fewer than R owners are refused, as for a strict get', async (t) => {
  const scene = await Scene.open({ nodes: 5 })
  const { owners } = scene.placeOf(KEY)
  replyOf(await (await scene.session(owners[0] as number)).put(KEY, 'a', { w: 3 }))
  for (const owner of owners.slice(1)) scene.cluster.kill(owner)
  await scene.quiet()
  const session = await scene.session(owners[0] as number)
  t.equal(verdictOf(await session.getMonotonically(KEY)), 'replicas-short refused')
  t.same(seen(await session.getMonotonically(KEY, 1)), ['a'])
  const client = await scene.client()
  await t.rejects(scene.run(client.get(KEY, { monotonic: true })), { code: 'replicas-short' })
})
