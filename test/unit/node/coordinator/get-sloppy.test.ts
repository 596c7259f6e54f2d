/** Gets while owners are away: fallbacks are asked for hints, and what is not complete says so. */
import t from 'tap'
import { utf8Text } from '../../../../src/base/bytes.ts'
import type { GetReply } from '../../../../src/wire/message/client.ts'
import type { Answer } from '../../../../src/wire/session.ts'
import { replyOf, Scene, verdictOf } from '../scene.ts'

const KEY = 'cart'

interface Five {
  readonly scene: Scene
  readonly owners: readonly number[]
  readonly others: readonly number[]
}

async function five(quorums = { n: 3, r: 2, w: 2 }): Promise<Five> {
  const scene = await Scene.open({ nodes: 5, quorums })
  return { scene, ...scene.placeOf(KEY) }
}

/** Takes nodes away; they are known to be away afterwards. */
async function takeAway(scene: Scene, machines: readonly number[]): Promise<void> {
  for (const machine of machines) scene.cluster.kill(machine)
  await scene.quiet()
}

/** The values, and of how many owners how many answered. */
function seen(answer: Answer<'get'>): string {
  const { siblings, answered, needed }: GetReply = replyOf(answer)
  return `${siblings.map(utf8Text).sort().join(' ')}: ${answered} of ${needed}`
}

t.test('H8: with two owners away, every node shows what fallbacks hold', async (t) => {
  const { scene, owners, others } = await five()
  replyOf(await (await scene.session(owners[0] as number)).put(KEY, 'before', { w: 3 }))
  await takeAway(scene, owners.slice(0, 2))
  for (const machine of others) {
    replyOf(await (await scene.session(machine)).put(KEY, `by-${machine}`))
  }
  const wanted = ['before', ...others.map((machine) => `by-${machine}`)].sort().join(' ')
  for (const machine of [owners[2] as number, ...others]) {
    const session = await scene.session(machine)
    t.equal(seen(await session.getSloppily(KEY)), `${wanted}: 1 of 2`, `at ${machine}`)
    t.equal(verdictOf(await session.get(KEY)), 'replicas-short refused', 'a strict one is refused')
  }
})

t.test('H8: with all owners away, hints alone answer', async (t) => {
  const { scene, owners, others } = await five()
  await takeAway(scene, owners)
  const [first, second] = others as [number, number]
  replyOf(await (await scene.session(first)).put(KEY, 'a', { w: 1 }))
  for (const machine of [first, second]) {
    const session = await scene.session(machine)
    t.equal(seen(await session.getSloppily(KEY)), 'a: 0 of 2', `at ${machine}`)
  }
})

t.test('H8: with the only owner away, a hint is found at whatever node took it', async (t) => {
  for (const at of [0, 1, 2, 3]) {
    const { scene, owners, others } = await five({ n: 1, r: 1, w: 1 })
    await takeAway(scene, owners)
    // A node that can ask no owner keeps a hint itself, wherever it stands in the ring.
    replyOf(await (await scene.session(others[at] as number)).put(KEY, 'a'))
    for (const machine of others) {
      const session = await scene.session(machine)
      t.equal(seen(await session.getSloppily(KEY)), 'a: 0 of 1', `from ${at} at ${machine}`)
    }
  }
})

t.test('the nothing of a fallback does not count', async (t) => {
  const { scene, owners, others } = await five()
  await takeAway(scene, owners.slice(0, 2))
  const session = await scene.session(others[0] as number)
  t.equal(seen(await session.getSloppily(KEY)), ': 1 of 2', 'one owner says that it has nothing')
  scene.cluster.kill(owners[2] as number)
  await scene.quiet()
  t.equal(verdictOf(await session.getSloppily(KEY)), 'replicas-short refused', 'no owner is left')
})

t.test('an owner that answers is repaired with what hints hold', async (t) => {
  const { scene, owners, others } = await five()
  const [first, , third] = owners as [number, number, number]
  const [fallback] = others as [number]
  await takeAway(scene, owners.slice(0, 2))
  scene.world.cut(fallback, third)
  scene.world.cut(others[1] as number, third)
  await scene.quiet()
  replyOf(await (await scene.session(fallback)).put(KEY, 'a'))
  scene.world.heal()
  await scene.quiet()
  const session = await scene.session(fallback)
  t.equal(seen(await session.getSloppily(KEY)), 'a: 1 of 2')
  await scene.world.run(1_000)
  t.equal(seen(await (await scene.session(third)).get(KEY, 1)), 'a: 1 of 1')
  t.not(first, third)
})

t.test(
  'owners that pause for a moment are waited for, and those that stay silent not',
  async (t) => {
    const { scene, owners } = await five()
    const [first, second, third] = owners as [number, number, number]
    const session = await scene.session(first)
    replyOf(await session.put(KEY, 'a', { w: 3 }))
    const pause = (): void => [second, third].forEach((machine) => scene.world.pause(machine))
    const resume = (): void => [second, third].forEach((machine) => scene.world.resume(machine))
    pause()
    scene.world.after(400, resume)
    t.equal(seen(await session.getSloppily(KEY)), 'a: 2 of 2')
    pause()
    const began = scene.world.nowMs
    t.equal(seen(await session.getSloppily(KEY)), 'a: 1 of 2')
    const took = scene.world.nowMs - began
    t.ok(took >= 1_000 && took < 1_200, `nothing is known of usual times: 1 s (${took})`)
    pause()
    t.equal(verdictOf(await session.get(KEY)), 'deadline-passed refused', 'a strict one waits')
  },
)

t.test('a long hint is shown at another node', async (t) => {
  const { scene, owners, others } = await five()
  await takeAway(scene, owners)
  const value = 'x'.repeat(1_500_000)
  const [first, second] = others as [number, number]
  replyOf(await (await scene.session(first)).put(KEY, value, { w: 1, deadlineMs: 5_000 }))
  const [found] = replyOf(await (await scene.session(second)).getSloppily(KEY)).siblings
  t.equal(found?.length, value.length)
})

t.test('a client sees whether an answer is complete, and may insist', async (t) => {
  const { scene, owners } = await five()
  const client = await scene.client()
  await scene.run(client.put(KEY, 'a', { w: 3 }))
  t.match(await scene.run(client.get(KEY)), { siblings: ['a'], isComplete: true })
  await takeAway(scene, owners.slice(0, 2))
  t.match(await scene.run(client.get(KEY)), { siblings: ['a'], isComplete: false })
  t.match(await scene.run(client.get(KEY, { r: 1 })), { isComplete: true })
  await t.rejects(scene.run(client.get(KEY, { strict: true })), { code: 'replicas-short' })
})
