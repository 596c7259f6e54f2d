/** A filler whose engine has bulk transfers: they come before the exchanges, and fill nothing. */
import t from 'tap'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import { members } from '../../dynamo/ring/members.ts'
import { moving } from '../../dynamo/ring/moving.ts'
import { away, FillerBench } from './mover-bench.ts'

const ALL = members(4)
const [DEAD, SECOND, , JOINER] = ALL.map(({ id }) => id) as [NodeId, NodeId, NodeId, NodeId]

t.test('each leaver gives all its places in one pass, then they are compared', async (t) => {
  const bench = new FillerBench(JOINER, moving(ALL.slice(0, 3), ALL), true)
  const { left } = bench
  await bench.sim.run(10_000)
  t.equal(bench.left, 0)
  t.ok(left > 0)
  for (const { id } of ALL.slice(0, 3)) {
    const steps = bench.asked.filter(({ node }) => node === id).map(({ what }) => what)
    t.strictSame(steps, ['transfer', 'compare', 'close', 'compare', 'end'])
  }
  await bench.mover.stop()
})

t.test('a move waits for its transfer', async (t) => {
  const bench = new FillerBench(JOINER, moving(ALL.slice(0, 3), ALL), true)
  let isAway = true
  bench.onAsked = (_, what) => (what === 'transfer' && isAway ? away() : undefined)
  await bench.sim.run(3_000)
  t.ok(bench.steps.length > 0)
  t.ok(bench.steps.every((step) => step === 'transfer'))
  t.match(bench.mover.obstacle, /peer-away/)
  isAway = false
  await bench.sim.run(10_000)
  t.equal(bench.left, 0)
  await bench.mover.stop()
})

t.test('an obstacle is told while it holds, and no longer', async (t) => {
  const bench = new FillerBench(JOINER, moving(ALL.slice(0, 3), ALL), true)
  let isAway = true
  bench.pageMs = 1_000
  bench.onAsked = (_, what) => (what === 'transfer' && isAway ? away() : undefined)
  await bench.sim.run(3_000)
  t.match(bench.mover.obstacle, /peer-away/)
  isAway = false
  await bench.sim.run(4_000)
  t.equal(bench.mover.obstacle, undefined, 'the transfer goes on')
  isAway = true
  await bench.sim.run(2_000)
  t.match(bench.mover.obstacle, /peer-away/)
  bench.mover.isPaused = true
  await bench.sim.run(1_000)
  t.equal(bench.mover.obstacle, undefined, 'nothing is tried')
  await bench.mover.stop()
})

t.test('for a dead member one owner gives in bulk, and all are compared with', async (t) => {
  const bench = new FillerBench(JOINER, moving(ALL.slice(0, 3), ALL.slice(1), [DEAD]), true)
  await bench.sim.run(10_000)
  t.equal(bench.left, 0)
  const of = (what: string): NodeId[] =>
    bench.asked.filter((one) => one.what === what).map(({ node }) => node)
  // The first of the owners that live: of some partitions that is the third member.
  t.ok(of('transfer').includes(SECOND))
  t.equal(new Set(of('transfer')).size, of('transfer').length, 'one pass each')
  t.equal(new Set(of('compare')).size, 2)
  await bench.mover.stop()
})

t.test('a transfer that is garbled leaves all to exchanges', async (t) => {
  const bench = new FillerBench(JOINER, moving(ALL.slice(0, 3), ALL), true)
  bench.isGarbled = true
  await bench.sim.run(10_000)
  t.equal(bench.left, 0)
  await bench.mover.stop()
})
