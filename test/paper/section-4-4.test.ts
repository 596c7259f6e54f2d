/**
 * Dynamo 4.4: data versioning, told as the paper tells it.
 *
 * We differ in how a version is named: dots and ranges, not vector clocks cut to ten entries. The
 * paper says that its cut "can lead to inefficiencies in reconciliation"; it can also lose writes.
 */
import t from 'tap'
import { utf8Text } from '../../src/base/bytes.ts'
import { replyOf, Scene } from '../unit/node/scene.ts'

const KEY = 'cart'

async function read(scene: Scene, machine: number, r = 3) {
  const { siblings, context } = replyOf(await (await scene.session(machine)).get(KEY, r))
  return { values: siblings.map(utf8Text).sort(), context: context.slice() }
}

// Figure 3: D1 at Sx, D2 at Sx descends from it; D3 at Sy and D4 at Sz both descend from D2 and do
// not know of each other; D5 at Sx reconciles them.
t.test('4.4, figure 3: the evolution of an object over time', async (t) => {
  const scene = await Scene.open()
  const [sx, sy, sz] = [await scene.session(1), await scene.session(2), await scene.session(3)]
  const d1 = replyOf(await sx.put(KEY, 'D1', { w: 3 })).context.slice()
  const d2 = replyOf(await sx.put(KEY, 'D2', { w: 3, contexts: [d1] })).context.slice()
  t.strictSame((await read(scene, 1)).values, ['D2'], 'D2 overwrites D1')
  replyOf(await sy.put(KEY, 'D3', { w: 3, contexts: [d2] }))
  replyOf(await sz.put(KEY, 'D4', { w: 3, contexts: [d2] }))
  const both = await read(scene, 1)
  t.strictSame(both.values, ['D3', 'D4'], 'neither knows of the other')
  replyOf(await sx.put(KEY, 'D5', { w: 3, contexts: [both.context] }))
  t.strictSame((await read(scene, 2)).values, ['D5'], 'D5 reconciles them')
})

// "In Dynamo, when a client wishes to update an object, it must specify which version it is
// updating. This is done by passing the context it obtained from an earlier read operation."
// Ours may leave it out: the write then replaces nothing, and is kept beside what is there.
t.test('4.4: an update says which version it updates; without that it replaces none', async (t) => {
  const scene = await Scene.open()
  const session = await scene.session(1)
  replyOf(await session.put(KEY, 'one', { w: 3 }))
  replyOf(await session.put(KEY, 'two', { w: 3 }))
  t.strictSame((await read(scene, 1)).values, ['one', 'two'])
})

// "An 'Add to Cart' operation can never be forgotten or rejected." Deleted items can resurface;
// that is the application's merge, not ours.
t.test('4.4: items added on either side of a split are in the merged cart', async (t) => {
  const scene = await Scene.open()
  const base = replyOf(await (await scene.session(1)).put(KEY, 'book', { w: 3 })).context.slice()
  for (const other of [2, 3]) scene.world.cut(1, other)
  const contexts = [base]
  replyOf(await (await scene.session(1)).put(KEY, 'book pen', { w: 1, contexts }))
  replyOf(await (await scene.session(2)).put(KEY, 'book ink', { w: 2, contexts }))
  scene.world.heal()
  await scene.quiet()
  const { values, context } = await read(scene, 3)
  t.strictSame(values, ['book ink', 'book pen'])
  const union = [...new Set(values.flatMap((value) => value.split(' ')))].sort().join(' ')
  replyOf(await (await scene.session(2)).put(KEY, union, { w: 3, contexts: [context] }))
  t.strictSame((await read(scene, 1)).values, ['book ink pen'])
})

// "Most of the time, new versions subsume the previous version(s), and the system itself can
// determine the authoritative version (syntactic reconciliation)."
t.test('4.4: a replica that missed an update is not a conflict', async (t) => {
  const scene = await Scene.open()
  const session = await scene.session(1)
  const first = replyOf(await session.put(KEY, 'old', { w: 3 })).context.slice()
  scene.cluster.kill(3)
  await scene.quiet()
  replyOf(await session.put(KEY, 'new', { contexts: [first] }))
  await scene.run(scene.cluster.start(3))
  await scene.quiet()
  t.strictSame((await read(scene, 3)).values, ['new'])
})

// "A possible issue with vector clocks is that the size of vector clocks may grow if many servers
// coordinate the writes to an object." Ours grow with copies that wrote, not with writes.
t.test('4.4: a context grows with the nodes that write, not with the writes', async (t) => {
  const scene = await Scene.open()
  const sessions = [await scene.session(1), await scene.session(2), await scene.session(3)]
  const bytes: number[] = []
  for (let round = 0; round < 60; round++) {
    const session = sessions[round % 3]!
    const { context } = replyOf(await session.get(KEY, 3))
    const contexts = context.length === 0 ? [] : [context.slice()]
    replyOf(await session.put(KEY, `v${round}`, { w: 3, contexts }))
    bytes.push(context.length)
  }
  t.strictSame((await read(scene, 1)).values, ['v59'])
  t.equal(bytes[59], bytes[3], 'as long after 59 writes as after one by each node')
})
