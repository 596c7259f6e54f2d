import t from 'tap'
import { SimWorld } from '../../../src/sim/index.ts'

t.test('facts are counted, and the last ones printed in fixed columns', async (t) => {
  const sim = new SimWorld({ seed: 1 })
  const world = sim.start(2)
  await sim.run(1234.5)
  world.trace.record('peer-away', { member: 3, reason: 'timeout' })
  world.trace.record('recovered')
  sim.cut(2, 3)
  t.equal(sim.trace.count('peer-away'), 1)
  t.equal(sim.trace.count('rot-found'), 0)
  t.equal(sim.trace.count('cut'), 2)
  t.same(sim.trace.lines(4), [
    '    1.234500  node 2   notice   peer-away              member=3 reason=timeout',
    '    1.234500  node 2   notice   recovered',
    '    1.234500  world    world    cut                    from=2 to=3',
    '    1.234500  world    world    cut                    from=3 to=2',
  ])
  t.equal(sim.trace.lines().length, 5)
  for (let i = 0; i < 1000; i++) world.trace.record('recovered', { i })
  t.equal(sim.trace.lines().length, 200)
  t.match(sim.trace.lines().at(-1), /i=999$/)
  t.match(sim.trace.lines(2)[0], /i=998$/)
  t.equal(sim.trace.counts().get('recovered'), 1001)
})

t.test('the digest follows every fact, field, node and instant', async (t) => {
  const digests = new Set<string>()
  const digest = (tell: (sim: SimWorld) => void): void => {
    const sim = new SimWorld({ seed: 1 })
    tell(sim)
    t.match(sim.trace.digest(), /^[0-9a-f]{16}$/)
    digests.add(sim.trace.digest())
  }
  const trace = (sim: SimWorld, node = 0) => sim.trace.of(node)
  digest(() => undefined)
  digest((sim) => trace(sim).record('recovered'))
  digest((sim) => trace(sim, 1).record('recovered'))
  digest((sim) => trace(sim).record('node-ready'))
  digest((sim) => trace(sim).record('recovered', { records: 1 }))
  digest((sim) => trace(sim).record('recovered', { records: 1.5 }))
  digest((sim) => trace(sim).record('recovered', { records: '1' }))
  digest((sim) => trace(sim).record('recovered', { ab: 'c' }))
  digest((sim) => trace(sim).record('recovered', { a: 'bc' }))
  digest((sim) => trace(sim).record('recovered', { b: 'bc' }))
  digest((sim) => sim.trace.mixNow(7))
  digest((sim) => sim.trace.mixNow(8))
  digest((sim) => sim.trace.mixNow(2 ** 40))
  t.equal(digests.size, 13)
  const late = new SimWorld({ seed: 1 })
  await late.run(1)
  late.trace.of(0).record('recovered')
  t.notOk(digests.has(late.trace.digest()))
})

t.test('a watcher of a fact gets each one, with the node that recorded it', async (t) => {
  const sim = new SimWorld({ seed: 1 })
  const seen: unknown[] = []
  sim.trace.watch('recovered', ({ keys }, node) => seen.push(['first', node, keys]))
  sim.trace.watch('recovered', (_, node) => seen.push(['second', node]))
  sim.trace.of(3).record('recovered', { keys: 5 })
  sim.trace.of(4).record('node-ready')
  sim.trace.mark('recovered')
  t.strictSame(seen, [
    ['first', 3, 5],
    ['second', 3],
  ])
})
