/** The latency of one member. */
import t from 'tap'
import { Latency } from '../../../../src/dynamo/membership/latency.ts'

t.test('the p99 is exact to the square root of 2', async (t) => {
  for (const [usual, rare] of [
    [1, 30],
    [0.01, 5],
    [20, 5_000],
  ] as const) {
    const latency = new Latency()
    for (let i = 0; i < 500; i++) latency.add(i % 50 === 0 ? rare : usual)
    const p99 = latency.p99 as number
    t.ok(p99 >= rare && p99 <= rare * Math.SQRT2, `${p99} for ${rare}`)
  }
  const steady = new Latency()
  for (let i = 0; i < 500; i++) steady.add(i === 0 ? 900 : 2)
  t.equal(steady.p99, 2, 'one of 500 is beyond it')
})

t.test('too few answers have no p99', async (t) => {
  const latency = new Latency()
  t.equal(latency.meanMs, undefined)
  for (let i = 0; i < 19; i++) latency.add(1)
  t.equal(latency.p99, undefined)
  latency.add(1)
  t.equal(latency.p99, 1)
  t.equal(latency.meanMs, 1)
})

t.test('old answers lose weight', async (t) => {
  const latency = new Latency()
  for (let i = 0; i < 2_000; i++) latency.add(1_000)
  for (let i = 0; i < 20_000; i++) latency.add(1)
  t.equal(latency.p99, 1)
  t.ok((latency.meanMs as number) < 1.01)
  latency.add(1e9)
  t.ok(Number.isFinite(latency.p99))
})
