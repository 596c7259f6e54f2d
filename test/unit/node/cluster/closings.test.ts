/** What is open at a member: its places, unless it has closed them or is named as dead. */
import t from 'tap'
import { u64 } from '../../../../src/base/u64.ts'
import type { CopyId } from '../../../../src/dynamo/names.ts'
import { firstTokenOf, lastTokenOf } from '../../../../src/dynamo/ring/partition.ts'
import type { Stages } from '../../../../src/dynamo/ring/stages.ts'
import { Closings, opennessOf } from '../../../../src/node/cluster/closings.ts'
import { memberIdOf, Topology } from '../../../../src/node/cluster/topology.ts'
import { Cluster, CLUSTER } from '../../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { copyOf } from '../../../../src/store/conformance/subject.ts'
import { moving, MOVING_BITS, MOVING_N, partitionsWhere } from '../../dynamo/ring/moving.ts'
import { nameOf } from '../scene.ts'

const SELF = memberIdOf(CLUSTER, 'n1')

class Bench {
  readonly sim = new SimWorld({ seed: 1 })
  readonly closings: Closings
  readonly topology: Topology
  mayHaveGiven = false
  readonly openness: ReturnType<typeof opennessOf>

  /** The fourth member joins, or the first one is dead and the fourth takes its places. */
  constructor(isDead = false) {
    const { clock, entropy } = this.sim.start(77)
    this.closings = new Closings(clock, entropy)
    const cluster = new Cluster(this.sim, { nodes: 4, weights: [1, 1, 1, 0] })
    this.topology = new Topology(cluster.configOf(1))
    const { members } = this.topology.ring
    const now = members.map((one) => ({ ...one, weight: isDead && one.id === SELF ? 0 : 1 }))
    const stages = moving(members, now, isDead ? [SELF] : [])
    this.topology.adopt(stages)
    this.openness = opennessOf(this.topology, this.closings, () => this.mayHaveGiven)
  }

  get stages(): Stages {
    return this.topology.stages
  }

  isOpen(partition: number): boolean {
    const copy: CopyId = copyOf(nameOf('k'))
    return this.openness.isOpen({ ...copy, token: firstTokenOf(partition, MOVING_BITS) })
  }

  isOpenRange(first: number, last = first): boolean {
    const [from, to] = [firstTokenOf(first, MOVING_BITS), lastTokenOf(last, MOVING_BITS)]
    return this.openness.isOpenRange({ from, to, n: MOVING_N })
  }
}

t.test('what a leaver has closed is not open, and the rest is', async (t) => {
  const all = new Bench()
  const leaves = partitionsWhere(all.stages, ({ leaver }) => leaver === SELF)
  const owns = partitionsWhere(all.stages, ({ owners }) => owners.includes(SELF))
  const [one, two] = leaves as [number, number]
  t.ok(owns.every((partition) => all.isOpen(partition)))
  const closing = all.closings.close({ n: MOVING_N, partitions: [one], isWhole: true })
  t.notOk(all.isOpen(one))
  t.notOk(all.isOpenRange(one))
  t.ok(all.isOpen(two))
  t.ok(all.isOpenRange(two))
  t.equal(all.closings.close({ n: MOVING_N, partitions: [one, two], isWhole: true }), undefined)
  all.closings.open(closing?.attempt ?? u64(0, 0))
  t.ok(all.isOpen(one))
  t.ok(all.isOpenRange(one))
})

t.test('what others own is not open', async (t) => {
  const bench = new Bench()
  const { stages } = bench
  const [partition] = partitionsWhere(stages, ({ leaver }) => leaver === SELF) as [number]
  const next = stages.copy()
  next.advance(partition, MOVING_N, 1, true)
  bench.topology.adopt(next)
  t.notOk(bench.isOpen(partition))
  t.notOk(bench.isOpenRange(partition))
})

t.test('a range is open where all its partitions are owned', async (t) => {
  const bench = new Bench()
  const next = bench.stages.copy()
  const given = partitionsWhere(next, ({ leaver }) => leaver === SELF)
  for (const partition of given) next.advance(partition, MOVING_N, 1, true)
  bench.topology.adopt(next)
  const last = next.table.ring.partitionCount - 1
  const isOwn = (partition: number): boolean => !given.includes(partition)
  for (let first = 0; first < last; first++) {
    const isOpen = isOwn(first) && isOwn(first + 1)
    t.equal(bench.isOpenRange(first, first + 1), isOpen, `${first} and the next`)
  }
  t.notOk(bench.isOpenRange(0, last))
})

t.test('nothing is open at a member that the table names as dead, though it lives', async (t) => {
  const bench = new Bench(true)
  const owns = partitionsWhere(bench.stages, ({ owners }) => owners.includes(SELF))
  t.ok(owns.length > 0, 'its places are not filled yet')
  t.notOk(owns.some((partition) => bench.isOpen(partition)))
  t.notOk(owns.some((partition) => bench.isOpenRange(partition)))
})

t.test('what it may have given away on a disk that it lost is not open', async (t) => {
  const all = new Bench()
  const [one] = partitionsWhere(all.stages, ({ owners }) => owners.includes(SELF)) as [number]
  t.ok(all.isOpen(one) && all.isOpenRange(one))
  all.mayHaveGiven = true
  t.notOk(all.isOpen(one) || all.isOpenRange(one))
})
