/** `repair` of the library against scripted nodes: which questions it asks, and when it ends. */
import t from 'tap'
import { hexOf } from '../../../src/base/bytes.ts'
import type { RepairProgress } from '../../../src/client/repair.ts'
import type { Repair, RepairReply } from '../../../src/wire/message/client.ts'
import { Stage, type StageNode } from './scripted.ts'

function replyFrom({ id }: StageNode, done: number): RepairReply {
  const rest = { leaves: 0, keys: done, unfinished: [], round: undefined }
  return { node: id, isDone: done === 2, members: 2, done, ...rest }
}

t.test('all questions of one repair have one id, also those that are repeated', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const seen: number[] = []
  const onProgress = ({ done }: RepairProgress): void => void seen.push(done)
  const options = { bucket: 'carts', from: 'node-2', onProgress }
  const told = client.repair('node-1', options)
  // The first attempt has no answer in its time.
  await stage.clock.pass(600)
  for (const done of [1, 2]) {
    const last = stage.asked.at(-1)
    last?.asked.answer(replyFrom(last.node, done))
    await stage.clock.pass(0)
  }
  t.match(await told, { name: 'node-1', done: 2, keys: 2 })
  t.same(seen, [1, 2])
  const requests = stage.asked.map(({ asked }) => asked.request as Repair)
  t.equal(requests.length, 3)
  t.equal(new Set(requests.map(({ run }) => hexOf(run))).size, 1)
  t.same(new Set(stage.asked.map(({ node }) => node.name)), new Set(['node-1']))
  t.ok(requests.every(({ from }) => from === stage.nodes[1]?.id))
  const next = client.repair('node-1')
  await stage.clock.pass(0)
  const other = stage.asked.at(-1) as (typeof stage.asked)[0]
  const { run } = other.asked.request as Repair
  t.not(hexOf(run), hexOf(requests[0]?.run as Uint8Array))
  other.asked.answer(replyFrom(other.node, 2))
  await next
})

t.test('it ends when its signal is aborted, or when the node is silent', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const controller = new AbortController()
  const aborted = client.repair('node-1', { signal: controller.signal })
  await stage.clock.pass(100)
  controller.abort()
  await t.rejects(aborted, { code: 'aborted' })
  const late = t.rejects(client.repair('node-1', { timeout: 1_000 }), { code: 'deadline-passed' })
  await stage.clock.pass(1_100)
  await late
})
