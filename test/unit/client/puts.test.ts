/** What the puts of a call send: contexts, W, a tombstone; what a put of `seen` reads before. */
import t from 'tap'
import { EMPTY_BYTES } from '../../../src/base/bytes.ts'
import { foundReply, later, untilIdle, Stage } from './scripted.ts'

t.test('a put sends the contexts, the W and the tombstone that its options name', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const { context } = await answerGet(stage, client.get('k'))
  for (const node of stage.nodes) node.reply = undefined
  void later(client.put('k', 'v'))
  void later(client.put('k', 'v', { context }))
  void later(client.put('k', 'v', { contexts: [context, context] }))
  void later(client.put('k', 'v', { w: 3 }))
  void later(client.delete('k', { context }))
  await untilIdle()
  const puts = stage.nodes.flatMap((node) => node.puts())
  t.same(
    puts.map((put) => put.contexts.length),
    [0, 1, 2, 0, 1],
  )
  t.same(
    puts.map((put) => put.value === undefined),
    [false, false, false, false, true],
  )
  t.equal(puts[3]?.w, 3)
})

t.test('replace seen reads once, and each attempt replaces the same versions', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const reads: { readonly r: number }[] = []
  for (const node of stage.nodes) {
    node.reply = (kind, request) => {
      if (kind === 'get') reads.push(request)
      return kind === 'get' ? foundReply('old') : undefined
    }
  }
  void later(client.put('k', 'new', { replace: 'seen', r: 1 }))
  void later(client.delete('k', { replace: 'seen' }))
  for (let i = 0; i < 5; i++) {
    await untilIdle()
    await stage.clock.pass(470)
  }
  const puts = stage.nodes.flatMap((node) => node.puts())
  t.ok(puts.length > 2, 'both were attempted more than once')
  t.same(
    [...new Set(reads.map(({ r }) => r))].toSorted((a, b) => a - b),
    [0, 1],
  )
  t.equal(reads.length, 2, 'one read for each write, however many attempts')
  for (const put of puts) {
    t.equal(put.replace, 'given')
    t.same(put.contexts, puts[0]?.contexts)
    t.equal(put.contexts.length, 1)
  }
})

t.test('the context of a key that was never written is not sent', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  for (const node of stage.nodes) {
    node.reply = (kind) => (kind === 'get' ? { ...foundReply(), context: EMPTY_BYTES } : undefined)
  }
  const { context } = await client.get('k')
  t.ok(context.isEmpty)
  void later(client.put('k', 'v', { context }))
  await untilIdle()
  t.same(stage.nodes.flatMap((node) => node.puts())[0]?.contexts, [])
})

async function answerGet<T>(stage: Stage, got: Promise<T>): Promise<T> {
  await untilIdle()
  stage.asked.at(-1)?.asked.answer(foundReply('v'))
  return got
}
