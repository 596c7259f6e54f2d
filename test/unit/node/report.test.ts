import t from 'tap'
import { Counters, Latencies } from '../../../src/node/report.ts'

t.test('a quantile is the upper bound of its class: at most a fifth too high', async (t) => {
  const latencies = new Latencies()
  for (let ms = 1; ms <= 1000; ms++) latencies.add(ms)
  for (const share of [0.5, 0.95, 0.99]) {
    const bound = latencies.quantile(share)
    t.ok(bound >= share * 1000 && bound <= share * 1000 * 1.2, `${share} is at most ${bound} ms`)
  }
})

t.test('what is late follows what requests take now, and is unknown at first', async (t) => {
  const latencies = new Latencies()
  t.equal(latencies.lateMs, Number.POSITIVE_INFINITY)
  for (let i = 0; i < 256; i++) latencies.add(i % 10 === 0 ? 80 : 1)
  t.ok(latencies.lateMs >= 80)
  for (let i = 0; i < 100_000; i++) latencies.add(1)
  t.ok(latencies.lateMs < 1.3, 'slow ones of long ago are forgotten')
})

t.test('nothing and far too much have a class too', async (t) => {
  const latencies = new Latencies()
  t.equal(latencies.quantile(0.99), 0)
  latencies.add(0)
  latencies.add(1e12)
  t.ok(Number.isFinite(latencies.quantile(1)))
})

t.test('reads are counted by how many versions they saw, four and more together', async (t) => {
  const counters = new Counters()
  for (const versions of [0, 1, 1, 2, 4, 9]) counters.sawVersions(versions)
  t.same(counters.versionsSeen, [2, 1, 0, 2])
})
