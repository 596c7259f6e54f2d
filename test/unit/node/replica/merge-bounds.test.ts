/** What peers bring together is bounded by what a message holds, never by what one put may make. */
import t from 'tap'
import { SIBLINGS_MAX } from '../../../../src/limits.ts'
import { replyOf, Scene, verdictOf } from '../scene.ts'

const KEY = 'cart'
const EACH = SIBLINGS_MAX - 10

t.test('D10: copies that have many siblings together come together', async (t) => {
  const scene = await Scene.open()
  const { world } = scene
  const doors = [await scene.door(1), await scene.door(2), await scene.door(3)] as const
  for (const [from, to] of [
    [1, 2],
    [1, 3],
    [2, 3],
  ] as const)
    world.cut(from, to)
  for (let i = 0; i < EACH; i++) {
    replyOf(await doors[0].put(KEY, `a${i}`, { w: 1 }))
    replyOf(await doors[1].put(KEY, `b${i}`, { w: 1 }))
  }
  world.heal()
  await scene.settle()
  replyOf(await doors[0].get(KEY, 3))
  await scene.settle()
  for (const [i, door] of doors.entries()) {
    t.equal(replyOf(await door.get(KEY, 1)).siblings.length, 2 * EACH, `all at node ${i + 1}`)
  }
  t.equal(verdictOf(await doors[2].put(KEY, 'c')), 'siblings-full refused', 'a client is told')
})
