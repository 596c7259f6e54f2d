/** A link whose member is asked for signs of life. */
import t from 'tap'
import { LifeSigns } from '../../../../src/node/cluster/life-signs.ts'
import { REPLIES } from '../../../support/wire-replies.ts'
import { REQUESTS } from '../../../support/wire-requests.ts'
import { sessionPair } from '../../../support/wire-frames.ts'

const OPTIONS = { silenceMs: 500, askGapMs: 50 }

async function beating(): Promise<{
  readonly pair: Awaited<ReturnType<typeof sessionPair>>
  readonly signs: LifeSigns
  readonly told: string[]
}> {
  const pair = await sessionPair()
  const told: string[] = []
  const signs = new LifeSigns(pair.near, pair.world.clock, OPTIONS, {
    onAsked: () => told.push('asked'),
    onAnswered: (tookMs) => told.push(`answered ${tookMs}`),
    onGivenUp: () => told.push('given up'),
  })
  pair.world.run()
  return { pair, signs, told }
}

t.test('an idle session is asked now and then, and each answer is told', async (t) => {
  const { pair, signs, told } = await beating()
  t.same(told, ['asked', 'answered 0'], 'once at the beginning')
  t.equal(signs.takeHeard(), true)
  t.equal(signs.takeHeard(), false)
  pair.world.pass(10_000)
  const asked = told.filter((one) => one === 'asked').length
  t.ok(asked >= 10 && asked <= 22, `${asked} questions in ten seconds`)
  t.equal(told.filter((one) => one === 'answered 0').length, asked)
})

t.test('a side that does not answer is asked once within 500 ms, until it answers', async (t) => {
  const { pair, signs, told } = await beating()
  pair.world.pass(3_000)
  pair.farEnd.isDeaf = true
  told.length = 0
  pair.world.pass(500)
  t.same(told, ['asked'])
  pair.world.pass(5_000)
  t.same(told, ['asked'], 'the avoidance asks again')
  t.equal(signs.takeHeard(), false)
  pair.farEnd.hear()
  pair.world.pass(300)
  t.match(told[1], /^answered 5\d\d\d/)
  t.equal(signs.takeHeard(), true)
})

t.test('an answer to a request is a sign of life, and no ping is sent', async (t) => {
  const { pair, signs } = await beating()
  pair.farEvents.onCall = (call) => {
    if (call.kind === 'get') call.answer(REPLIES.get)
  }
  const before = pair.far.bytesReceived
  for (let i = 0; i < 50; i++) {
    pair.near.call('get', REQUESTS.get, () => undefined)
    pair.world.pass(100)
    t.equal(signs.takeHeard(), true)
  }
  const get = 46
  t.equal(pair.far.bytesReceived - before, 50 * get)
})

t.test('requests ask too, one question at a time and 50 ms apart', async (t) => {
  const { pair, signs, told } = await beating()
  pair.world.pass(50)
  told.length = 0
  for (let ms = 0; ms < 200; ms++) {
    signs.onCall()
    pair.world.pass(1)
  }
  t.equal(told.filter((one) => one === 'asked').length, 4)
  pair.farEnd.isDeaf = true
  pair.world.pass(50)
  told.length = 0
  for (let ms = 0; ms < 200; ms++) {
    signs.onCall()
    pair.world.pass(1)
  }
  t.same(told, ['asked'])
})

t.test('a question is given up when the heart stops', async (t) => {
  const { pair, signs, told } = await beating()
  pair.farEnd.isDeaf = true
  pair.world.pass(600)
  signs.stop()
  t.equal(told.at(-1), 'given up')
  signs.stop()
  pair.farEnd.hear()
  pair.world.pass(5_000)
  t.equal(told.filter((one) => one === 'given up').length, 1)
  t.equal(told.at(-1), 'given up', 'and nothing is asked any more')
})

t.test('the clock of the other side is known, and nothing is asked after the end', async (t) => {
  const { pair, signs } = await beating()
  t.ok(Math.abs(signs.clockAheadMs as number) < 1)
  signs.stop()
  const before = pair.far.bytesReceived
  pair.world.pass(5_000)
  t.equal(pair.far.bytesReceived, before)
  t.equal(pair.world.timers, 0)
})
