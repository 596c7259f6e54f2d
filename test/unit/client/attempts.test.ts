/** How long an attempt lasts, and what becomes of those that are not needed any more. */
import t from 'tap'
import {
  type Asked,
  askedFor,
  foundReply,
  Stage,
  type StageNode,
  untilIdle,
  WRITTEN,
} from './scripted.ts'

t.test('an attempt lasts longer while bytes move on its connection', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const first = (await askedFor(stage, () => client.get('k'))) as StageNode
  // 2 MB, at 4 MiB a second: half a second.
  first.moved += 2_000_000
  await stage.clock.pass(900)
  t.equal(stage.nodes.flatMap(({ asked }) => asked).length, 1, 'no second attempt')
  await stage.clock.pass(100)
  t.equal(stage.nodes.flatMap(({ asked }) => asked).length, 2)
})

t.test('what a call does not need any more is cancelled', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const first = (await askedFor(stage, () => client.put('k', 'v'))) as StageNode
  await stage.clock.pass(470)
  const second = stage.nodes.find((node) => node !== first && node.asked.length > 0) as StageNode
  t.equal(first.forgotten, 0, 'a late answer to the first attempt would still do')
  second.asked[0]?.answer(WRITTEN)
  await untilIdle()
  t.same([first.forgotten, second.forgotten], [1, 0])
  const stop = new AbortController()
  const aborted = client.get('k', { signal: stop.signal }).catch(({ code }) => code)
  await untilIdle()
  stop.abort()
  t.equal(await aborted, 'aborted')
  t.equal(
    stage.nodes.reduce((sum, node) => sum + node.forgotten, 0),
    2,
  )
})

t.test('an attempt that the end of its call cuts short hides no reason', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  let failure: unknown
  client.get('k', { timeout: 1000 }).catch((error) => {
    failure = error
  })
  await untilIdle()
  // One node is silent for the time of an attempt; the next fails; the one after that is late.
  await stage.clock.pass(460)
  const [, second] = asked(stage)
  second?.fail('record-rotten')
  await stage.clock.pass(600)
  t.match(failure, { code: 'deadline-passed' }, 'a whole attempt went by')
  failure = undefined
  client.get('k', { timeout: 300 }).catch((error) => {
    failure = error
  })
  await untilIdle()
  asked(stage).at(-1)?.fail('record-rotten')
  await stage.clock.pass(400)
  t.match(failure, { code: 'record-rotten' })
})

t.test('after all nodes were too slow, attempts last twice as long', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  client.get('k').catch(() => undefined)
  await stage.clock.pass(4900)
  const times = stage.asked.map(({ asked }) => asked.at)
  const gaps = times.slice(1).map((at, i) => at - (times[i] as number))
  t.ok((gaps[0] as number) < 480, 'the first lasts 450 ms')
  t.ok((gaps[4] as number) > 850, 'one of the second round lasts twice as long')
})

t.test('an idle client has no timer but those that ask whether its nodes are there', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  for (const node of stage.nodes) node.reply = () => foundReply('v')
  await client.get('k')
  await stage.clock.pass(500)
  t.equal(stage.clock.waiting, stage.nodes.length)
  await client.close()
  t.equal(stage.clock.waiting, 0)
})

function asked(stage: Stage): readonly Asked[] {
  return stage.nodes.flatMap((node) => node.asked).toSorted((a, b) => a.at - b.at)
}
