/** The delay of the event loop: two long turns in a row are one, and one alone is none. */
import t from 'tap'
import { Latencies } from '../../../../src/node/counters.ts'
import { LoopDelay, standingDelay } from '../../../../src/node/listeners/loop-delay.ts'
import { WirePipeWorld } from '../../../support/wire-pipe.ts'

const BEAT_MS = 5

function measuring(): { world: WirePipeWorld; loop: LoopDelay; measured: Latencies } {
  const world = new WirePipeWorld()
  const measured = new Latencies()
  return { world, loop: new LoopDelay(world.clock, (ms) => measured.add(ms)), measured }
}

/** A turn of the loop that takes `ms`: calls come in it, and its timers fire at its end. */
function turn({ world, loop }: ReturnType<typeof measuring>, ms: number): number[] {
  const delays = [loop.onCall().standingMs]
  for (let passed = 0; passed < ms; passed += 1) {
    world.leap(1)
    delays.push(loop.onCall().standingMs)
  }
  world.pass(0)
  return delays
}

const NONE = new Set([0])

t.test('the delay is the geometric mean of recent beats and the next one', async (t) => {
  t.equal(standingDelay(50, 8), 20)
  t.equal(standingDelay(8, 50), 20)
  t.equal(standingDelay(0, 50), 0)
  t.equal(standingDelay(30, -5), 0, 'the next beat is not due')
})

t.test('a loop whose turns are short is late by no more than one', async (t) => {
  const all = measuring()
  for (let i = 0; i < 50; i++) {
    t.ok(Math.max(...turn(all, 2)) <= 2)
    all.world.pass(1)
  }
  t.ok(all.measured.quantile(1) <= 2)
})

t.test('one long turn alone is no delay: a process that was stopped takes calls', async (t) => {
  const all = measuring()
  turn(all, 1)
  all.world.leap(30_000)
  t.same(all.loop.onCall(), { standingMs: 0, burstMs: 0 }, 'before its timer has fired')
  all.world.pass(0)
  t.ok(Math.max(...turn(all, BEAT_MS)) === 0, 'and after it has')
  for (let beats = 0; beats < 10; beats++) {
    all.loop.onCall()
    all.world.pass(BEAT_MS)
  }
  t.ok(Math.max(...turn(all, 60)) <= 10, 'it has faded by then')
  t.ok(all.measured.quantile(1) >= 20_000, 'yet it was measured')
})

t.test('a loop that stays behind has a delay in the rest of each turn', async (t) => {
  const all = measuring()
  turn(all, 60)
  for (let i = 0; i < 3; i++) {
    const delays = turn(all, 60)
    const lateMs = 60 - BEAT_MS
    const firstMs = BEAT_MS + Math.floor(20 ** 2 / lateMs)
    t.equal(delays.filter((ms) => ms <= 20).length, firstMs + 1, 'the first part begins')
    t.equal(delays.at(-1), lateMs)
  }
  turn(all, 4)
  all.world.pass(1)
  const faded = standingDelay((60 - BEAT_MS) / 2, 60 - BEAT_MS)
  t.equal(Math.max(...turn(all, 60)), faded, 'a short turn in between halves what was measured')
})

t.test('the longer the turns, the fewer calls begin in each', async (t) => {
  const begunIn = (ms: number): number => {
    const all = measuring()
    turn(all, ms)
    return turn(all, ms).filter((delay) => delay <= 20).length
  }
  t.same([25, 60, 200, 400].map(begunIn), [26, 13, 8, 7])
})

t.test('a burst lasts from the first call that finds the beat overdue', async (t) => {
  const { loop, world } = measuring()
  const burst = (): number => loop.onCall().burstMs
  t.equal(burst(), 0)
  world.leap(1_000)
  t.equal(burst(), 0, 'the process was stopped until now')
  world.leap(70)
  t.equal(burst(), 70)
  world.leap(70)
  t.equal(burst(), 140)
  world.pass(0)
  t.equal(burst(), 0, 'the beat has come')
})

t.test('an idle loop is not woken, and forgets', async (t) => {
  const all = measuring()
  turn(all, 60)
  turn(all, 60)
  all.world.pass(3 * BEAT_MS)
  t.equal(all.world.timers, 0)
  all.loop.onCall()
  all.world.leap(60)
  all.world.pass(0)
  t.equal(all.world.timers, 0, 'no call came in the long turn')
  t.same(new Set(turn(all, 60)), NONE)
})
