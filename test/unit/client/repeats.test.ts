/** Further attempts of a put: one request id, told to be repeats, at the same node first. */
import t from 'tap'
import { hexOf } from '../../../src/base/bytes.ts'
import { OperatingError } from '../../../src/base/errors.ts'
import type { Put } from '../../../src/wire/message/client.ts'
import { Stage, untilIdle, WALL_MS, WRITTEN } from './scripted.ts'

t.test(
  'all attempts of a put carry the same request id, and two puts have different ids',
  async (t) => {
    const stage = new Stage()
    const client = await stage.connect()
    const put = client.put('k', 'v')
    await untilIdle()
    stage.asked[0]?.asked.fail('write-in-doubt')
    await untilIdle()
    stage.asked[1]?.asked.answer(WRITTEN)
    await put
    const ids = stage.nodes.flatMap((node) => node.puts()).map((one) => hexOf(one.requestId))
    t.equal(ids.length, 2)
    t.equal(ids[0], ids[1])
    t.equal(Number.parseInt(ids[0]!.slice(0, 12), 16), WALL_MS, 'which begins with the time')
    void ignoring(client.put('k', 'v'))
    await untilIdle()
    const all = new Set(stage.nodes.flatMap((node) => node.puts()).map((p) => hexOf(p.requestId)))
    t.equal(all.size, 2)
  },
)

t.test('a node that answers in doubt is asked once more, then the next', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const put = client.put('k', 'v')
  await untilIdle()
  for (let i = 0; i < 3; i++) {
    stage.asked[i]?.asked.fail('write-in-doubt')
    await untilIdle()
  }
  const [first, again, second, third] = stage.asked.map(({ node }) => node)
  t.equal(first, again)
  t.not(first, second)
  t.equal(second, third)
  stage.asked[3]?.asked.answer(WRITTEN)
  await put
  const puts = stage.asked.map(({ asked }) => (asked.request as Put).isRepeat)
  t.same(puts, [false, true, true, true], 'and all but the first are repeats')
})

t.test('a node that waited in vain for owners is not asked again before the others', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const put = client.put('k', 'v')
  await untilIdle()
  const nodes = stage.nodes
    .slice(1)
    .map(({ id }) => ({ node: id, code: 'deadline-passed' as const }))
  const details = { needed: 2, answered: 1, nodes }
  stage.asked[0]?.asked.answer(new OperatingError('write-in-doubt', 'late owners', { details }))
  await untilIdle()
  const [first, second] = stage.asked.map(({ node }) => node)
  t.ok(second)
  t.not(first, second)
  stage.asked[1]?.asked.answer(WRITTEN)
  t.equal((await put).attempts, 2)
})

t.test('a request id that a program gives is a repeat from the first attempt on', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  void ignoring(client.put('k', 'v', { requestId: new Uint8Array(16) }))
  await untilIdle()
  t.match(
    stage.nodes.flatMap((node) => node.puts()),
    [{ isRepeat: true }],
  )
})

/** A put that gets no answer here. */
function ignoring(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch(() => undefined)
}
