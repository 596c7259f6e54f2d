import t from 'tap'
import { SimWorld } from '../../../../src/sim/index.ts'

t.test('clocks drift, each at its own rate, and timers follow their clock', async (t) => {
  const sim = new SimWorld({ seed: 1, driftMax: 0 })
  const clock = sim.start(0).clock
  let wokenAtMs = 0
  sim.setClockRate(0, 0.5)
  clock.after(1000, () => {
    wokenAtMs = sim.nowMs
  })
  await sim.run(500)
  t.equal(clock.now(), 250)
  sim.setClockRate(0, 1.5)
  await sim.run(500)
  t.equal(clock.now(), 1000)
  t.equal(wokenAtMs, 1000)
  const drifting = new SimWorld({ seed: 1 })
  const rates = [0, 1, 2].map((i) => drifting.start(i).clock)
  await drifting.run(1_000_000)
  t.equal(new Set(rates.map((one) => one.now())).size, 3)
  for (const one of rates) t.ok(Math.abs(one.now() - 1_000_000) <= 100.001)
})

t.test('a clock that leaps fires what has come due by it', async (t) => {
  const sim = new SimWorld({ seed: 1, driftMax: 0 })
  const clock = sim.start(0).clock
  const woken: string[] = []
  clock.after(100, () => woken.push('a'))
  clock.after(5000, () => woken.push('b'))
  const cancelled = clock.after(100, () => woken.push('c'))
  cancelled.cancel()
  sim.leapClock(0, 4000)
  await sim.run(1)
  t.same(woken, ['a'])
  t.equal(clock.now(), 4001)
  await sim.run(998)
  t.same(woken, ['a'])
  await sim.run(1)
  t.same(woken, ['a', 'b'])
})

t.test('the date may step either way, stays so after a restart, and moves no timer', async (t) => {
  const sim = new SimWorld({ seed: 1, driftMax: 0 })
  const clock = sim.start(0).clock
  const before = clock.wallTime()
  let isWoken = false
  clock.after(10, () => {
    isWoken = true
  })
  sim.stepWallTime(0, -365 * 86_400_000)
  t.equal(clock.wallTime(), before - 365 * 86_400_000)
  await sim.run(5)
  t.notOk(isWoken)
  t.equal(clock.now(), 5)
  await sim.run(5)
  t.ok(isWoken)
  t.equal(sim.restart(0).clock.wallTime(), before - 365 * 86_400_000 + 10)
})

t.test('a paused node hears nothing until it is resumed, then everything in order', async (t) => {
  const sim = new SimWorld({ seed: 1, driftMax: 0 })
  const clock = sim.start(0).clock
  const woken: string[] = []
  for (const ms of [1, 2, 3, 1000]) clock.after(ms, () => woken.push(`${ms}@${sim.nowMs}`))
  const cancelled = clock.after(4, () => woken.push('cancelled'))
  sim.pause(0)
  await sim.run(100)
  t.same(woken, [])
  t.ok(sim.isPaused(0))
  cancelled.cancel()
  sim.resume(0)
  clock.soon(() => woken.push('soon'))
  t.equal(clock.now(), 100, 'its time has gone on')
  await sim.run(1)
  t.same(woken, ['1@100', '2@100', '3@100', 'soon'])
  t.notOk(sim.isPaused(0))
  await sim.run(1000)
  t.equal(woken.at(-1), '1000@1000')
})

t.test('no callback of a killed node runs, paused or not', async (t) => {
  for (const isPaused of [false, true]) {
    const sim = new SimWorld({ seed: 1 })
    const world = sim.start(0)
    let happened = 0
    world.clock.after(1, () => happened++)
    world.clock.soon(() => happened++)
    void world.disk.directory('/data').then(() => happened++)
    if (isPaused) sim.pause(0)
    await sim.run(0)
    const before = happened
    sim.kill(0)
    world.clock.after(1, () => happened++)
    void world.disk.directory('/data').then(() => happened++)
    sim.start(0)
    await sim.run(1000)
    t.equal(happened, before)
  }
})
