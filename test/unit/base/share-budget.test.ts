/** Additional requests are a share of the ordinary ones of the last 10 s, and a few. */
import t from 'tap'
import { ShareBudget } from '../../../src/base/share-budget.ts'
import { Prng } from '../../../src/base/prng.ts'

/** How many additional requests are allowed at `now`. */
function takeAll(budget: ShareBudget, now: number): number {
  let taken = 0
  while (budget.take(now)) taken += 1
  return taken
}

t.test('without ordinary requests there are the free ones, once in 10 s', async (t) => {
  const budget = new ShareBudget({ every: 10, free: 10 })
  t.equal(takeAll(budget, 250), 10)
  t.equal(takeAll(budget, 9_999), 0)
  t.equal(takeAll(budget, 10_499), 0, 'those of the first half second count up to its end')
  t.equal(takeAll(budget, 10_500), 10)
})

t.test('there is one more for every whole ten ordinary requests', async (t) => {
  for (const [requests, allowed] of [
    [9, 2],
    [10, 3],
    [19, 3],
    [20, 4],
    [1_000, 102],
  ] as const) {
    const budget = new ShareBudget({ every: 10, free: 2 })
    budget.count(requests, 0)
    t.equal(takeAll(budget, 0), allowed, `${requests} requests`)
  }
})

t.test('ordinary requests count for at most 10 s, and for at least 9.5 s', async (t) => {
  for (const [at, now, allowed] of [
    [0, 9_999, 5],
    [0, 10_000, 0],
    [499, 9_999, 5],
    [499, 10_000, 0],
    [500, 10_499, 5],
    [500, 10_500, 0],
  ] as const) {
    const budget = new ShareBudget({ every: 20, free: 0 })
    budget.count(100, at)
    t.equal(takeAll(budget, now), allowed, `made at ${at}, asked at ${now}`)
  }
})

t.test('additional requests leave the window one by one, as they entered it', async (t) => {
  const budget = new ShareBudget({ every: 1, free: 3 })
  for (const at of [0, 1_000, 2_000]) t.ok(budget.take(at))
  t.notOk(budget.take(10_499))
  t.equal(takeAll(budget, 10_500), 1)
  t.equal(takeAll(budget, 11_499), 0)
  t.equal(takeAll(budget, 11_500), 1)
  t.equal(takeAll(budget, 12_500), 1)
})

t.test('after a leap of time nothing is left of before', async (t) => {
  for (const leapMs of [10_500, 20_000, 86_400_000]) {
    const budget = new ShareBudget({ every: 10, free: 1 })
    budget.count(500, 1_000)
    t.equal(takeAll(budget, 1_000), 51)
    t.equal(takeAll(budget, 1_000 + leapMs), 1, `${leapMs} ms later`)
  }
})

t.test('no 10 s that end with an additional request have more than their share', async (t) => {
  const seed = 9
  t.comment(`seed ${seed}`)
  const prng = Prng.of(seed)
  const budget = new ShareBudget({ every: 20, free: 10 })
  const ordinary: number[] = []
  const additional: number[] = []
  const since = (times: readonly number[], now: number): number =>
    times.filter((time) => time > now - 10_000).length
  let worst = Number.POSITIVE_INFINITY
  for (let now = 0; now < 60_000; now += prng.below(40)) {
    // Two busy stretches, and one in which little is asked.
    if (prng.below(100) < (now > 15_000 && now < 30_000 ? 5 : 80)) {
      budget.count(1, now)
      ordinary.push(now)
    }
    if (prng.below(3) > 0 || !budget.take(now)) continue
    additional.push(now)
    worst = Math.min(worst, 10 + since(ordinary, now) / 20 - since(additional, now))
  }
  t.ok(additional.length > 60, `${additional.length} taken`)
  t.ok(worst >= 0, `${worst} are left at the worst instant`)
  t.ok(worst < 2, 'and the share is used')
})
