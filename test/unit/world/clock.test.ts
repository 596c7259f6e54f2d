import t from 'tap'
import type { Clock } from '../../../src/world/clock.ts'
import { PLACES } from './places.ts'

const passed = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => {
    clock.after(ms, resolve)
  })

for (const make of PLACES) {
  const place = await make()
  const { clock } = place.worlds[0]
  t.teardown(() => place.end())

  t.test(
    `${place.name}: a wake-up comes once, when its time has passed and not before`,
    async (t) => {
      for (const delayMs of [0, 0.4, 3, 12.7]) {
        const before = clock.now()
        let wakes = 0
        clock.after(delayMs, () => wakes++)
        t.equal(wakes, 0, 'never within the call')
        const early = passed(clock, delayMs).then(() => clock.now() - before)
        t.ok((await place.done(early)) >= delayMs - 1e-9)
        await place.done(passed(clock, 2))
        t.equal(wakes, 1)
      }
    },
  )

  t.test(`${place.name}: of many wake-ups none is early`, async (t) => {
    const waits = Array.from({ length: 400 }, async (_, i) => {
      const [before, delayMs] = [clock.now(), (i * 0.37) % 40]
      await passed(clock, delayMs)
      return clock.now() - before - delayMs
    })
    const late = await place.done(Promise.all(waits))
    t.ok(Math.min(...late) >= -1e-9)
  })

  t.test(
    `${place.name}: a cancelled wake-up never comes, and cancelling late is harmless`,
    async (t) => {
      let wakes = 0
      const cancelled = clock.after(1, () => wakes++)
      const kept = clock.after(1, () => wakes++)
      cancelled.cancel()
      await place.done(passed(clock, 4))
      t.equal(wakes, 1)
      kept.cancel()
      cancelled.cancel()
    },
  )

  t.test(`${place.name}: a delay of more than 25 days is not taken for none`, async (t) => {
    let wakes = 0
    const timer = clock.after(2 ** 32, () => wakes++)
    await place.done(passed(clock, 5))
    t.equal(wakes, 0)
    timer.cancel()
  })

  t.test(`${place.name}: soon comes after the promises of this turn`, async (t) => {
    const order: string[] = []
    const turn = new Promise<void>((resolve) => {
      clock.after(0, () => {
        clock.soon(() => {
          order.push('soon')
          resolve()
        })
        void (async () => {
          for (let i = 0; i < 100; i++) await undefined
          order.push('promises')
        })()
        order.push('now')
      })
    })
    await place.done(turn)
    t.same(order, ['now', 'promises', 'soon'])
  })

  t.test(`${place.name}: time never goes back, and the date is a plausible one`, async (t) => {
    let last = clock.now()
    for (let i = 0; i < 20; i++) {
      await place.done(passed(clock, 0.1))
      t.ok(clock.now() >= last)
      last = clock.now()
    }
    t.ok(clock.wallTime() > Date.UTC(2025, 0))
  })
}
