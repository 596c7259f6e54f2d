/** A round that a program asks for: one that opened since, or why there is none. */
import t from 'tap'
import type { RoundProgress } from '../../../src/client/round.ts'
import type { RepairReply } from '../../../src/wire/message/client.ts'
import { Stage, type StageNode } from './scripted.ts'

/** As long as a question waits at a node. */
const ASK_MS = 300

function replyFrom({ id }: StageNode, adopted: number, highest: number): RepairReply {
  const obstacle = 'n2 has hints for n3'
  const round = { adopted, ageMs: 9_000, highest, obstacle }
  const rest = { members: 0, done: 0, leaves: 0, keys: 0, unfinished: [] }
  return { node: id, isDone: true, ...rest, round }
}

t.test('a round counts that is above all that were known before the call', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const seen: (string | undefined)[] = []
  const onProgress = ({ obstacle }: RoundProgress): void => void seen.push(obstacle)
  const told = client.round({ timeout: 60_000, onProgress })
  // Round 8 had opened before; 9 is void.
  for (const [adopted, highest] of [
    [7, 8],
    [8, 9],
    [10, 10],
  ] as const) {
    await stage.clock.pass(ASK_MS)
    const last = stage.asked.at(-1)
    t.match(last?.asked.request, { opensRound: true })
    last?.asked.answer(replyFrom(last.node, adopted, highest))
    await stage.clock.pass(0)
  }
  t.match(await told, { adopted: 10, ageMs: 9_000, isAdopted: true })
  t.equal(seen.length, 3)
  t.equal(new Set(stage.asked.map(({ node }) => node.id)).size, 1, 'one node is asked')
})

t.test('when time is up it is told what the round waits for', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const told = client.round({ timeout: 700 })
  for (let i = 0; i < 2; i++) {
    await stage.clock.pass(ASK_MS)
    const last = stage.asked.at(-1)
    last?.asked.answer(replyFrom(last.node, 0, 4))
    await stage.clock.pass(0)
  }
  t.match(await told, { adopted: 0, isAdopted: false, obstacle: 'n2 has hints for n3' })
})
