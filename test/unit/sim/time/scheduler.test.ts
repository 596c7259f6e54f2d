import t from 'tap'
import { Scheduler } from '../../../../src/sim/time/scheduler.ts'

t.test('equal wake-ups fire in order of creation, and time jumps to each', async (t) => {
  const scheduler = new Scheduler()
  const fired: string[] = []
  const note = (name: string) => () => fired.push(`${name}@${scheduler.nowMicros}`)
  scheduler.at(2_000_000, note('late'))
  for (const name of ['a', 'b', 'c']) scheduler.at(5, note(name))
  scheduler.at(5, () => scheduler.soon(note('soon')))
  scheduler.at(5, note('d'))
  await scheduler.run(60_000)
  t.same(fired, ['a@5', 'b@5', 'c@5', 'd@5', 'soon@5', 'late@2000000'])
  t.equal(scheduler.nowMs, 60_000)
})

t.test('between two wake-ups every promise settles, however long the chain', async (t) => {
  const scheduler = new Scheduler()
  let depth = 0
  const seen: number[] = []
  for (let i = 0; i < 20; i++) {
    scheduler.at(i, () => {
      void (async () => {
        depth = 0
        for (let turn = 0; turn < 5000; turn++) {
          await undefined
          depth += 1
        }
      })()
    })
    scheduler.at(i, () => seen.push(depth))
  }
  await scheduler.run(1)
  t.same(seen, Array<number>(20).fill(5000))
})

t.test('a run stops at its limit, when it is done, or when nothing is left', async (t) => {
  const scheduler = new Scheduler()
  let count = 0
  for (let i = 1; i <= 10; i++) scheduler.at(i * 1000, () => count++)
  await scheduler.run(4)
  t.equal(count, 4)
  t.equal(await scheduler.runUntil(() => count === 6, 1000), true)
  t.equal(scheduler.nowMs, 6)
  t.equal(await scheduler.runUntil(() => count === 99, 1000), false)
  t.equal(count, 10)
  t.equal(scheduler.nowMs, 1006)
  t.equal(await scheduler.complete(Promise.resolve(3), 10), 3)
  await t.rejects(scheduler.complete(Promise.reject(new Error('no')), 10), /no/)
  await t.rejects(scheduler.complete(new Promise(() => undefined), 10), /still waiting after 10/)
})

t.test('an error thrown in a wake-up rejects the run', async (t) => {
  const scheduler = new Scheduler()
  scheduler.soon(() => {
    throw new Error('broken')
  })
  await t.rejects(scheduler.run(1), /broken/)
  await scheduler.run(1)
})

t.test('virtual time is driven from one place', async (t) => {
  const scheduler = new Scheduler()
  const first = scheduler.run(1)
  await t.rejects(scheduler.run(1), /driven from one place/)
  await first
})

t.test('cancelled wake-ups never fire, and do not pile up', async (t) => {
  const scheduler = new Scheduler()
  let fired = 0
  const kept = [1, 2, 3].map((micros) => scheduler.at(micros * 1e9, () => fired++))
  for (let i = 0; i < 100_000; i++) scheduler.at(1e9, () => fired++).cancel()
  t.ok(scheduler.waiting < 5000)
  kept[1]?.cancel()
  kept[1]?.cancel()
  t.ok(kept[1]?.isCancelled)
  await scheduler.run(1e7)
  t.equal(fired, 2)
  t.equal(scheduler.waiting, 0)
  kept[0]?.cancel()
})

t.test('an endless loop at one instant is found out', async (t) => {
  const scheduler = new Scheduler()
  const again = (): void => {
    scheduler.soon(again)
  }
  again()
  await t.rejects(scheduler.run(1), /virtual time goes on/)
})
