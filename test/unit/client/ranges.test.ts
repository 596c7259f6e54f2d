/** `ranges` of the library against scripted nodes: which questions it asks, and when it ends. */
import t from 'tap'
import type { NodeRanges } from '../../../src/client/ranges.ts'
import type { Ranges, RangesReply } from '../../../src/wire/message/client.ts'
import { Stage, type StageNode } from './scripted.ts'

/** As long as a question waits at a node. */
const ASK_MS = 300

function replyFrom({ id }: StageNode, isEqual: boolean): RangesReply {
  return { node: id, isWhole: true, isEqual, round: 0, trees: [] }
}

t.test('it asks the same node again, and counts from its own beginning', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const told: Promise<NodeRanges> = client.ranges({ until: 'equal', timeout: 2_000 })
  for (const isEqual of [false, false, true]) {
    await stage.clock.pass(ASK_MS)
    const last = stage.asked.at(-1)
    last?.asked.answer(replyFrom(last.node, isEqual))
    await stage.clock.pass(0)
  }
  const { id, isEqual } = await told
  t.equal(isEqual, true)
  const requests = stage.asked.map(({ asked }) => asked.request as Ranges)
  t.same(
    requests.map(({ withinMs, deadlineMs }) => [withinMs, deadlineMs]),
    [0, ASK_MS, 2 * ASK_MS].map((withinMs) => [withinMs, ASK_MS]),
  )
  t.same(new Set(stage.asked.map(({ node }) => node.id)), new Set([id]), 'which names itself')
})

t.test('it ends with the last state before its time is up', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const told = client.ranges({ node: 'node-2', until: 'equal', timeout: 1_000 })
  for (let i = 0; i < 3; i++) {
    await stage.clock.pass(ASK_MS)
    const last = stage.asked.at(-1)
    last?.asked.answer(replyFrom(last.node, false))
  }
  t.match(await told, { name: 'node-2', isEqual: false })
  t.equal(stage.asked.length, 3)
})

t.test('without a wait one question is asked, with the time that the node gives', async (t) => {
  const stage = new Stage()
  for (const node of stage.nodes) node.reply = () => replyFrom(node, false)
  const client = await stage.connect()
  t.equal((await client.ranges({ node: 'node-3' })).name, 'node-3')
  const controller = new AbortController()
  controller.abort()
  await t.rejects(client.ranges({ signal: controller.signal }), { code: 'aborted' })
})
