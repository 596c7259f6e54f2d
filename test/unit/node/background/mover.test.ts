/** What a filler asks of the owners, and in which order, before a move ends. */
import t from 'tap'
import { type NodeId, startId } from '../../../../src/dynamo/names.ts'
import { members } from '../../dynamo/ring/members.ts'
import { moving, MOVING_N, partitionsWhere } from '../../dynamo/ring/moving.ts'
import { away, FillerBench } from './mover-bench.ts'

const ALL = members(4)
const [DEAD, , , JOINER] = ALL.map(({ id }) => id) as [NodeId, NodeId, NodeId, NodeId]

/** The fourth member takes places of members that live. */
function joining(): FillerBench {
  return new FillerBench(JOINER, moving(ALL.slice(0, 3), ALL))
}

/** It takes all places of the first one, which is dead. */
function replacing(): FillerBench {
  return new FillerBench(JOINER, moving(ALL.slice(0, 3), ALL.slice(1), [DEAD]))
}

const TAKEN = ['compare', 'close', 'compare', 'end']

t.test('it exchanges, has the leaver close, exchanges again, and has it end', async (t) => {
  const bench = joining()
  const { left } = bench
  t.ok(left > 0)
  await bench.sim.run(10_000)
  t.equal(bench.left, 0)
  for (const { id } of ALL.slice(0, 3)) {
    const steps = bench.asked.filter(({ node }) => node === id).map(({ what }) => what)
    t.strictSame(steps, TAKEN)
  }
  t.strictSame(bench.ended, [], 'the leavers have ended them')
  await bench.mover.stop()
})

t.test('a leaver that does not answer after it has closed opens again', async (t) => {
  const bench = joining()
  const closed = new Set<NodeId>()
  bench.onAsked = (node, what) => {
    if (what === 'close') closed.add(node)
    return what === 'compare' && closed.has(node) ? away() : undefined
  }
  await bench.sim.run(1_000)
  t.strictSame(bench.steps.slice(0, 4), ['compare', 'close', 'compare', 'reopen'])
  t.notOk(bench.steps.includes('end'))
  await bench.mover.stop()
})

t.test('what a leaver told before it restarted does not count', async (t) => {
  const bench = joining()
  let starts = 2
  bench.onAsked = (node, what) => {
    if (what === 'compare')
      bench.starts.set(node, startId(String(starts++).repeat(16).slice(0, 16)))
    return undefined
  }
  await bench.sim.run(1_000)
  t.ok(bench.steps.length > 0)
  t.notOk(bench.steps.includes('close'))
  await bench.mover.stop()
})

t.test(
  'a leaver that has lost the disk of the table is not asked, and status says why',
  async (t) => {
    const needed = new Map(ALL.map(({ id }) => [id, 'first']))
    const bench = new FillerBench(JOINER, moving(ALL.slice(0, 3), ALL, [], needed))
    bench.directory = 'second'
    await bench.sim.run(1_000)
    t.strictSame(bench.asked, [])
    t.match(bench.mover.obstacle, / lost its disk after the table was made: plan and commit again$/)
    bench.directory = 'first'
    await bench.sim.run(10_000)
    t.equal(bench.left, 0)
    void bench.mover.stop()
  },
)

t.test('a dead member has its places filled by all other owners', async (t) => {
  const bench = replacing()
  const [one, two] = ALL.slice(1, 3).map(({ id }) => id) as [NodeId, NodeId]
  let lives = false
  bench.onAsked = (node) => (node === two && !lives ? away() : undefined)
  await bench.sim.run(10_000)
  t.strictSame(bench.ended, [], 'one of them has not answered')
  t.ok(bench.asked.some(({ node }) => node === one))
  lives = true
  await bench.sim.run(1_000)
  t.equal(bench.left, 0)
  t.ok(bench.ended.length > 0)
  t.notOk(bench.asked.some(({ node }) => node === DEAD))
  t.ok(bench.steps.every((step) => step === 'compare'))
  await bench.mover.stop()
})

t.test('nothing is begun while a newer table is under way, or the operator pauses', async (t) => {
  for (const hold of ['isFrozen', 'isPaused'] as const) {
    const bench = joining()
    Object.assign(hold === 'isFrozen' ? bench.rings : bench.mover, { [hold]: true })
    await bench.sim.run(10_000)
    t.strictSame(bench.asked, [])
    await bench.mover.stop()
  }
})

t.test('where no one fills, the leaver ends the move; one that is dead has it ended', async (t) => {
  const dead = new FillerBench(
    ALL[1]?.id as NodeId,
    moving(ALL.slice(0, 3), ALL.slice(1, 3), [DEAD]),
  )
  const lives = new FillerBench(DEAD, moving(ALL.slice(0, 3), ALL.slice(1, 3)))
  const other = new FillerBench(ALL[1]?.id as NodeId, moving(ALL.slice(0, 3), ALL.slice(1, 3)))
  const all = partitionsWhere(lives.stages, ({ leaver }) => leaver === DEAD).length
  for (const bench of [dead, lives, other]) await bench.sim.run(1_000)
  t.equal(lives.ended.length, all)
  t.strictSame(other.ended, [])
  t.ok(dead.ended.length > 0)
  t.ok(dead.ended.every(({ n, stage }) => n === MOVING_N && stage.done === 0))
  for (const { mover } of [dead, lives, other]) await mover.stop()
})
