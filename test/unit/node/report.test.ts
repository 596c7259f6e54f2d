/** What a node counts: latencies in classes of a fifth, and reads by the versions they saw. */
import t from 'tap'
import { Counters, figuresOf, Latencies } from '../../../src/node/report.ts'

t.test('a quantile is within a fifth of the truth, from above', async (t) => {
  for (const ms of [0.02, 0.5, 1, 7, 99, 1_000, 20_000]) {
    const latencies = new Latencies()
    for (let i = 0; i < 99; i++) latencies.add(ms)
    latencies.add(ms * 5)
    for (const share of [0.01, 0.5, 0.99]) {
      const found = latencies.quantile(share)
      t.ok(found >= ms * 0.999 && found <= ms * 1.2, `${ms} ms: ${found}`)
    }
    t.ok(latencies.quantile(1) >= ms * 4.9)
  }
})

t.test('nothing measured is nothing; too short and too long are the outermost', async (t) => {
  const latencies = new Latencies()
  t.equal(latencies.quantile(0.5), 0)
  latencies.add(0)
  t.ok(latencies.quantile(0.5) <= 0.016)
  latencies.add(1e12)
  t.ok(Number.isFinite(latencies.quantile(1)))
})

t.test('every figure is a number with a name of its own', async (t) => {
  const counters = new Counters()
  for (const count of [0, 1, 2, 4, 9]) counters.sawVersions(count)
  t.strictSame(counters.versionsSeen, [1, 1, 0, 2], 'nothing is no version; four is four or more')
  const counted = { keys: 1, bytes: 2, segments: 3, syncs: 4, appends: 5 }
  const durable = { durableSequence: 6, durableKeys: 7, unsyncedBytes: 8, segmentBytesMax: 9 }
  const engine = { ...counted, ...durable }
  const figures = figuresOf(counters, engine, 12_345)
  t.equal(new Set(figures.map(({ name }) => name)).size, figures.length)
  t.ok(figures.every(({ name, value }) => /^[a-z0-9_]+$/.test(name) && Number.isFinite(value)))
  t.equal(figures.find(({ name }) => name === 'uptime_seconds')?.value, 12)
})
