/** A session whose other side falls silent, and is heard again. */
import t from 'tap'
import { Heartbeat } from '../../../src/wire/heartbeat.ts'
import { REPLIES } from '../../support/wire-replies.ts'
import { REQUESTS } from '../../support/wire-requests.ts'
import { sessionPair } from '../../support/wire-frames.ts'

const OPTIONS = { silenceMs: 500, lateMs: 1_000, againMs: 250 }

async function beating(): Promise<{
  readonly pair: Awaited<ReturnType<typeof sessionPair>>
  readonly heartbeat: Heartbeat
  readonly changes: string[]
}> {
  const pair = await sessionPair()
  const changes: string[] = []
  const heartbeat = new Heartbeat(pair.near, pair.world.clock, OPTIONS, () => {
    changes.push(`${heartbeat.isSilent ? 'silent' : 'heard'} at ${pair.world.clock.now()}`)
  })
  pair.world.run()
  return { pair, heartbeat, changes }
}

t.test('an idle session is asked now and then, and is not silent', async (t) => {
  const { pair, heartbeat, changes } = await beating()
  const before = pair.near.bytesReceived
  pair.world.pass(10_000)
  t.same([heartbeat.isSilent, changes], [false, []])
  const pongs = (pair.near.bytesReceived - before) / 33
  t.ok(pongs >= 10 && pongs <= 22, `${pongs} answers in ten seconds`)
})

t.test('a side that does not answer is silent within 2 s, and heard within 250 ms', async (t) => {
  const { pair, heartbeat, changes } = await beating()
  pair.world.pass(3_000)
  const fromMs = pair.world.clock.now()
  pair.farEnd.isDeaf = true
  pair.world.pass(2_000)
  t.equal(heartbeat.isSilent, true)
  pair.world.pass(5_000)
  t.equal(changes.length, 1)
  pair.farEnd.hear()
  pair.world.pass(300)
  t.equal(heartbeat.isSilent, false)
  t.match(changes, [/^silent/, /^heard/])
  t.ok(Number(changes[0]?.split(' at ')[1]) - fromMs >= 1_000)
})

t.test('any answer is a sign of life', async (t) => {
  const { pair, heartbeat, changes } = await beating()
  pair.farEvents.onCall = (call) => {
    if (call.kind === 'get') call.answer(REPLIES.get)
  }
  const before = pair.far.bytesReceived
  for (let i = 0; i < 50; i++) {
    pair.near.call('get', REQUESTS.get, () => undefined)
    pair.world.pass(100)
  }
  t.same([heartbeat.isSilent, changes], [false, []])
  const get = 46
  t.equal(pair.far.bytesReceived - before, 50 * get, 'no ping was sent')
})

t.test('a process that was stopped itself does not judge at once', async (t) => {
  const { pair, heartbeat } = await beating()
  pair.farEnd.isDeaf = true
  pair.world.pass(1_200)
  pair.farEnd.hear()
  pair.world.leap(5_000)
  pair.world.pass(300)
  t.equal(heartbeat.isSilent, false)
})

t.test('nothing is asked after the end', async (t) => {
  const { pair, heartbeat } = await beating()
  heartbeat.stop()
  const before = pair.far.bytesReceived
  pair.world.pass(5_000)
  t.equal(pair.far.bytesReceived, before)
  t.equal(pair.world.timers, 0)
})
