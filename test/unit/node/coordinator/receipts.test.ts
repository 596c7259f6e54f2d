/** Receipts and holders: what a put says that it achieved, and gets that see it at any node. */
import t from 'tap'
import { utf8Text } from '../../../../src/base/bytes.ts'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import type { Get } from '../../../../src/wire/message/client.ts'
import type { Answer } from '../../../../src/wire/session.ts'
import { nameOf, type NodeSession, replyOf, Scene, verdictOf } from '../scene.ts'

const KEY = 'cart'

function ask(session: NodeSession, more: Partial<Get>): Promise<Answer<'get'>> {
  const get = { name: nameOf(KEY), r: 1, deadlineMs: 0, strict: true, monotonic: false }
  return session.ask('get', { ...get, receipts: [], ...more })
}

const valuesOf = (answer: Answer<'get'>): string => replyOf(answer).siblings.map(utf8Text).join(' ')

/** Three nodes, all owners. The first alone has the write; all run. */
async function oneBehind() {
  const scene = await Scene.open()
  const { owners } = scene.placeOf(KEY)
  const [first, second, third] = owners as [number, number, number]
  scene.cluster.kill(second)
  scene.cluster.kill(third)
  await scene.quiet()
  const written = replyOf(await (await scene.session(first)).put(KEY, 'tea', { w: 1 }))
  await scene.run(scene.cluster.start(second))
  await scene.run(scene.cluster.start(third))
  await scene.quiet()
  return { scene, first, second, third, written }
}

t.test('a put tells who holds it, and gives a receipt', async (t) => {
  const { scene, first, written } = await oneBehind()
  t.same(written.holders, [{ node: scene.cluster.memberOf(first), forOwner: undefined }])
  t.equal(written.receipt.length, 30)
})

t.test('with its receipt a get of one owner that lacks the write finds it', async (t) => {
  const { scene, second, written } = await oneBehind()
  const session = await scene.session(second)
  t.equal(valuesOf(await ask(session, {})), '', 'without')
  t.equal(valuesOf(await ask(session, { receipts: [written.receipt] })), 'tea')
})

t.test('where no node that runs has the write, the get is unmet, strict or not', async (t) => {
  const { scene, first, second, written } = await oneBehind()
  scene.cluster.kill(first)
  await scene.quiet()
  const session = await scene.session(second)
  for (const strict of [true, false]) {
    const answer = await ask(session, { strict, receipts: [written.receipt] })
    t.match(answer, { code: 'receipt-unmet', certainty: 'refused' })
  }
})

t.test('the receipt of a get stands for all that it showed', async (t) => {
  const { scene, first, second } = await oneBehind()
  const at = await scene.session(first)
  const { receipt } = replyOf(await ask(at, {}))
  t.equal(valuesOf(await ask(await scene.session(second), { receipts: [receipt] })), 'tea')
  for (const value of ['milk', 'sugar']) replyOf(await at.put(KEY, value, { w: 3 }))
  t.equal(replyOf(await ask(at, {})).receipt.length, 0, 'none for three siblings')
})

t.test('what replaced the write is as good, a delete too', async (t) => {
  const { scene, first, second, written } = await oneBehind()
  const { context, receipt } = written
  replyOf(await (await scene.session(first)).put(KEY, undefined, { w: 3, contexts: [context] }))
  const found = replyOf(await ask(await scene.session(second), { receipts: [receipt] }))
  t.same([found.siblings.length, found.tombstones], [0, 1])
})

t.test('receipts that are foreign, garbled or too many are refused', async (t) => {
  const { scene, second, written } = await oneBehind()
  const session = await scene.session(second)
  const { receipt } = written
  const foreign = await ask(session, { name: nameOf('other'), receipts: [receipt] })
  t.equal(verdictOf(foreign), 'receipt-foreign refused')
  const garbled = await ask(session, { receipts: [receipt.subarray(1)] })
  t.equal(verdictOf(garbled), 'receipt-garbled refused')
  const many = await ask(session, { receipts: Array.from({ length: 9 }, () => receipt) })
  t.match(many, { code: 'receipts-too-many', certainty: 'refused' })
})

t.test('a put that is handed on, and its repeat, have receipts that are met', async (t) => {
  const scene = await Scene.open({ nodes: 5 })
  const { owners, others } = scene.placeOf(KEY)
  const session = await scene.session(others[0] as number)
  const requestId = new Uint8Array(16).fill(7)
  const first = replyOf(await session.put(KEY, 'tea', { requestId }))
  t.ok(first.holders.length >= 2)
  t.ok(first.holders.every(({ forOwner }) => forOwner === undefined))
  const owner = await scene.session(owners[0] as number)
  replyOf(await owner.put(KEY, 'milk', { contexts: [first.context], w: 3 }))
  for (const machine of [others[0], owners[0], owners[2]] as number[]) {
    const at = await scene.session(machine)
    const repeat = replyOf(await at.put(KEY, 'tea', { requestId, isRepeat: true }))
    const found = valuesOf(await ask(owner, { receipts: [first.receipt, repeat.receipt] }))
    t.match(found, /milk/, `repeated at ${machine}`)
  }
})

t.test('holders tell hints, and a sloppy get asks for them once owners lack it', async (t) => {
  const scene = await Scene.open({ nodes: 5 })
  const { owners, others } = scene.placeOf(KEY)
  for (const owner of owners) scene.cluster.kill(owner)
  await scene.quiet()
  const at = others[0] as number
  const { holders, receipt } = replyOf(await (await scene.session(at)).put(KEY, 'tea'))
  const ids = new Set<NodeId | undefined>(owners.map((owner) => scene.cluster.memberOf(owner)))
  t.equal(holders.length, 2)
  t.ok(holders.every(({ forOwner }) => ids.has(forOwner)))
  let delivered = 0
  scene.world.trace.watch('hint-delivered', () => (delivered += 1))
  await scene.run(scene.cluster.start(owners[0] as number))
  const back = await scene.session(owners[0] as number)
  let found = await ask(back, { strict: false, receipts: [receipt] })
  // It has just started, and connects to the fallbacks.
  for (let tries = 0; tries < 20 && verdictOf(found) !== 'ok'; tries++) {
    t.equal(verdictOf(found), 'receipt-unmet refused')
    await scene.world.run(10)
    found = await ask(back, { strict: false, receipts: [receipt] })
  }
  t.equal(valuesOf(found), 'tea')
  t.equal(delivered, 0, 'the hint was read where it is')
})

t.test('explain tells what owners and fallbacks hold, and who covers a receipt', async (t) => {
  const scene = await Scene.open({ nodes: 5 })
  const { owners, others } = scene.placeOf(KEY)
  const away = owners[2] as number
  scene.cluster.kill(away)
  await scene.quiet()
  const session = await scene.session(others[0] as number)
  const { receipt } = replyOf(await session.put(KEY, 'tea'))
  await scene.quiet()
  const asked = { name: nameOf(KEY), deadlineMs: 0, ownersOnly: false, receipt }
  const { nodes } = replyOf(await session.ask('explain', asked))
  const told = nodes.map(({ node, isOwner, failure, copies, coversReceipt }) => {
    const machine = scene.cluster.machines.find((one) => scene.cluster.memberOf(one) === node)
    return [machine, isOwner, failure ?? 'told', copies.length, coversReceipt]
  })
  t.same(told.slice(0, 3), [
    [owners[0], true, 'told', 1, true],
    [owners[1], true, 'told', 1, true],
    [away, true, 'peer-away', 0, false],
  ])
  const hints = nodes.slice(3).flatMap(({ copies }) => copies.map(({ place }) => place))
  t.same(hints, [scene.cluster.memberOf(away)])
  const foreign = await session.ask('explain', { ...asked, name: nameOf('other') })
  t.equal(verdictOf(foreign), 'receipt-foreign refused')
})

t.test('an owner that pauses is told as late', async (t) => {
  const scene = await Scene.open()
  const { owners } = scene.placeOf(KEY)
  const session = await scene.session(owners[0] as number)
  scene.world.pause(owners[1] as number)
  const asked = { name: nameOf(KEY), deadlineMs: 2_000, ownersOnly: true }
  const { nodes } = replyOf(await session.ask('explain', { ...asked, receipt: new Uint8Array(0) }))
  t.same(
    nodes.map(({ failure }) => failure),
    [undefined, 'deadline-passed', undefined],
  )
})
