/** A merge may exceed the bounds of one put; only the size of a message bounds it. */
import t from 'tap'
import { SIBLINGS_MAX } from '../../../../src/limits.ts'
import { replyOf, Scene, verdictOf } from '../scene.ts'

const KEY = 'cart'
const EACH = SIBLINGS_MAX - 10

t.test('D10: copies that have many siblings between them still merge', async (t) => {
  const scene = await Scene.open()
  const { world } = scene
  const sessions = [await scene.session(1), await scene.session(2), await scene.session(3)] as const
  for (const [from, to] of [
    [1, 2],
    [1, 3],
    [2, 3],
  ] as const)
    world.cut(from, to)
  for (let i = 0; i < EACH; i++) {
    replyOf(await sessions[0].put(KEY, `a${i}`, { w: 1 }))
    replyOf(await sessions[1].put(KEY, `b${i}`, { w: 1 }))
  }
  world.heal()
  await scene.quiet()
  replyOf(await sessions[0].get(KEY, 3))
  await scene.quiet()
  for (const [i, session] of sessions.entries()) {
    t.equal(replyOf(await session.get(KEY, 1)).siblings.length, 2 * EACH, `all at node ${i + 1}`)
  }
  t.equal(verdictOf(await sessions[2].put(KEY, 'c')), 'siblings-full refused', 'a client is told')
})
