/** What a node knows of tables and moves is durable before it is used or told. */
import t from 'tap'
import { U48_MAX } from '../../../../src/base/bytes.ts'
import { TOLD_MAX } from '../../../../src/dynamo/counter-ceiling.ts'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import { claim } from '../../../../src/dynamo/ring/claim.ts'
import { OwnerRows } from '../../../../src/dynamo/ring/owner-rows.ts'
import { newsBytes, newsDigestOf } from '../../../../src/dynamo/ring/ring-news.ts'
import { firstStages, Stages, stagesAfter } from '../../../../src/dynamo/ring/stages.ts'
import { type Table, tableOf } from '../../../../src/dynamo/ring/table.ts'
import { firstRing, Rings } from '../../../../src/node/cluster/rings.ts'
import { memberIdOf, ringOf, Topology } from '../../../../src/node/cluster/topology.ts'
import { Cluster, CLUSTER } from '../../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { readRing, writeRing } from '../../../../src/store/ring.ts'
import type { Directory } from '../../../../src/world/disk.ts'
import { members } from '../../dynamo/ring/members.ts'
import { MOVING_N, partitionsWhere } from '../../dynamo/ring/moving.ts'

const OTHER = memberIdOf(CLUSTER, 'n2')
const SLOWNESS = 100

/** The node of machine 4, which joins as an owner in the second table. */
class Bench {
  readonly sim: SimWorld
  readonly rings: Rings
  readonly topology: Topology
  readonly directory: Directory
  readonly told: Uint8Array[] = []
  /** How often it lost copies, and what was in force then. */
  readonly losses: Stages[] = []
  readonly first: Stages

  private constructor(sim: SimWorld, directory: Directory, world: ReturnType<SimWorld['start']>) {
    this.sim = sim
    this.directory = directory
    const config = new Cluster(sim, { nodes: 4, weights: [1, 1, 1, 0] }).configOf(4)
    const topology = (this.topology = new Topology(config))
    this.first = firstStages(ringOf(config))
    const standing = {
      directoryId: 'first',
      lose: () => void this.losses.push(topology.stages),
      remember: () => Promise.resolve(true),
    }
    const peers = {
      connected: [OTHER],
      isConnected: () => true,
      tellRing: (_: NodeId, { news }: { readonly news: Uint8Array }) => void this.told.push(news),
    }
    const { clock, trace } = world
    const ring = firstRing(topology.ring, [])
    this.rings = new Rings({ ring, standing, directory, topology, peers, clock, trace })
    sim.disk(1).slow(SLOWNESS)
  }

  static async open(): Promise<Bench> {
    const sim = new SimWorld({ seed: 1 })
    const world = sim.start(1)
    const directory = await sim.complete(world.disk.directory('/data'))
    return new Bench(sim, directory, world)
  }

  /** All get places; it needs no one but the other member. */
  get table(): Table {
    const { ring } = this.first.table
    const members = ring.members.map((one) => ({ ...one, weight: 1 }))
    const next = claim(members, ring.bits, MOVING_N, ring).ring
    const needed = new Map([[OTHER, 'first']])
    const fields = { number: 2, parent: this.first.table.digest, ns: [MOVING_N], without: [] }
    return tableOf({ ...fields, ring: next, needed })
  }

  /** It hears of the table in effect, with what is done there. */
  hear(stages: Stages): void {
    const news = newsBytes({ stages, adopted: stages.table, seen: [], stated: undefined })
    this.rings.hear(OTHER, { digest: newsDigestOf(news), news })
  }

  begun(): { readonly stages: Stages; readonly partition: number } {
    const stages = stagesAfter(this.first, this.table)
    const { self } = this.topology
    const [partition] = partitionsWhere(stages, ({ filler }) => filler === self.id)
    return { stages, partition: partition as number }
  }
}

/** Runs every callback of promises that is ready; no time passes. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

t.test('a table is told once it is written down', async (t) => {
  const bench = await Bench.open()
  let isDone = false
  void bench.rings.commit(bench.table).then(() => (isDone = true))
  await turn()
  await bench.sim.run(1)
  t.strictSame([isDone, bench.told.length], [false, 0])
  await bench.sim.run(5_000)
  t.ok(isDone)
  t.ok(bench.told.length > 0)
  const kept = await bench.sim.complete(readRing(bench.directory))
  t.same(kept?.adopted.digest, bench.table.digest)
})

t.test('a table is committed whatever number another member has made up', async (t) => {
  const bench = await Bench.open()
  const tell = (number: number): Table => {
    const table = tableOf({ ...bench.table, number })
    const news = newsBytes({ stages: bench.first, adopted: table, seen: [], stated: undefined })
    bench.rings.hear(OTHER, { digest: newsDigestOf(news), news })
    return table
  }
  t.throws(() => tell(U48_MAX), { code: 'message-garbled' }, 'no number would be above it')
  t.equal(bench.rings.view.adopted.number, 1)
  const { number, digest: parent } = tell(TOLD_MAX)
  t.equal(bench.rings.view.adopted.number, TOLD_MAX)
  const committed = bench.rings.commit(tableOf({ ...bench.table, number: number + 1, parent }))
  await bench.sim.complete(committed)
  const kept = await bench.sim.complete(readRing(bench.directory))
  t.equal(kept?.adopted.number, TOLD_MAX + 1)
  tell(TOLD_MAX + 2)
  t.equal(bench.rings.view.adopted.number, TOLD_MAX + 2)
})

t.test('a stage is in force once it is written down', async (t) => {
  const bench = await Bench.open()
  const { stages } = bench.begun()
  bench.hear(stages)
  await turn()
  await bench.sim.run(1)
  t.equal(bench.topology.stages.table.number, 1)
  t.strictSame(bench.told, [])
  await bench.sim.run(5_000)
  t.equal(bench.topology.stages.table.number, 2)
})

t.test('a move has ended once that is written down', async (t) => {
  const bench = await Bench.open()
  const { stages, partition } = bench.begun()
  bench.hear(stages)
  await bench.sim.run(5_000)
  let hasEnded: boolean | undefined
  const move = { n: MOVING_N, partition, stage: stages.of(partition, MOVING_N), isFilled: true }
  void bench.rings.end([move]).then((found) => (hasEnded = found))
  await turn()
  await bench.sim.run(1)
  t.equal(hasEnded, undefined)
  t.equal(bench.topology.stages.of(partition, MOVING_N).done, 0)
  await bench.sim.run(5_000)
  t.ok(hasEnded)
  t.equal(bench.topology.stages.of(partition, MOVING_N).done, 1)
  t.notOk(await bench.sim.complete(bench.rings.end([move])), 'not twice')
})

t.test('no move of a table ends that was made for another disk of this member', async (t) => {
  const bench = await Bench.open()
  const madeFor = async (directory: string): Promise<boolean> => {
    const { number } = bench.rings.view.stages.table
    const needed = new Map([[bench.topology.self.id, directory]])
    const table = tableOf({ ...bench.table, number: number + 1, needed })
    bench.hear(stagesAfter(bench.first, table))
    await bench.sim.run(5_000)
    const { stages } = bench.rings.view
    const [partition] = partitionsWhere(stages, ({ filler }) => filler !== undefined) as [number]
    const stage = stages.of(partition, MOVING_N)
    const move = { n: MOVING_N, partition, stage, isFilled: true }
    return bench.sim.complete(bench.rings.end([move]))
  }
  t.notOk(await madeFor('before'))
  t.ok(await madeFor('first'))
})

t.test('no move ends once a newer table was adopted', async (t) => {
  const bench = await Bench.open()
  const { stages, partition } = bench.begun()
  bench.hear(stages)
  await bench.sim.run(5_000)
  const next = tableOf({ ...stages.table, number: 3, parent: stages.table.digest })
  await bench.sim.complete(bench.rings.commit(next))
  const move = { n: MOVING_N, partition, stage: stages.of(partition, MOVING_N), isFilled: true }
  t.notOk(await bench.sim.complete(bench.rings.end([move])))
  t.equal(bench.rings.view.stages.of(partition, MOVING_N).done, 0)
})

t.test('news of a table that began with other owners are not heard', async (t) => {
  const bench = await Bench.open()
  const { stages, partition } = bench.begun()
  bench.hear(stages)
  await bench.sim.run(5_000)
  const others = claim(members(8).slice(5), bench.first.table.ring.bits, MOVING_N).ring
  const lie = stagesAfter(firstStages(others), stages.table)
  lie.advance(partition, MOVING_N, 2, true)
  bench.hear(lie)
  await bench.sim.run(5_000)
  const { done, filler } = bench.rings.view.stages.of(partition, MOVING_N)
  t.same([done, filler], [0, bench.topology.self.id])
})

t.test('no move ends of a table that is in effect no more, but in force here', async (t) => {
  const bench = await Bench.open()
  const { stages, partition } = bench.begun()
  bench.hear(stages)
  await bench.sim.run(5_000)
  const next = tableOf({ ...stages.table, number: 3, parent: stages.table.digest })
  bench.hear(stagesAfter(stages, next))
  await turn()
  t.equal(bench.topology.stages.table.number, 2, 'the next one is not durable')
  t.notOk(bench.rings.isFrozen)
  const stage = bench.topology.stages.of(partition, MOVING_N)
  const ended = bench.rings.end([{ n: MOVING_N, partition, stage, isFilled: true }])
  t.notOk(await bench.sim.complete(ended))
  const { done, filler } = bench.rings.view.stages.of(partition, MOVING_N)
  t.same([done, filler], [0, bench.topology.self.id])
})

t.test(
  'a member that gets a place which was not whole is not whole before it has it',
  async (t) => {
    for (const isFilled of [true, false]) {
      const bench = await Bench.open()
      const { stages, partition } = bench.begun()
      bench.hear(stages)
      await bench.sim.run(5_000)
      stages.advance(partition, MOVING_N, 1, isFilled)
      bench.hear(stages)
      await bench.sim.run(5_000)
      t.equal(bench.topology.stages.of(partition, MOVING_N).done, 1)
      if (isFilled) t.strictSame(bench.losses, [])
      else t.equal(bench.losses[0]?.of(partition, MOVING_N).done, 0)
    }
  },
)

t.test('news that no member may know are garbled, and leave the node as it was', async (t) => {
  const bench = await Bench.open()
  const { table } = bench
  const owner = { id: OTHER, machine: 'm', zone: '' }
  const count = table.ring.partitionCount
  const rows = new OwnerRows(
    MOVING_N,
    [owner],
    new Uint16Array(MOVING_N * count),
    new Uint32Array(count),
  )
  t.throws(() => bench.hear(new Stages(table, [rows])), { code: 'message-garbled' })
  await bench.sim.run(5_000)
  t.equal(bench.rings.view.adopted.number, 1)
  await bench.rings.stop()
})

t.test('a file of the ring that no member may have written is rotten', async (t) => {
  const { first, table, directory, sim } = await Bench.open()
  const wrong = [
    { stages: first, adopted: table, stated: undefined },
    { stages: first, adopted: first.table, stated: first },
    { stages: stagesAfter(first, table), adopted: first.table, stated: undefined },
  ]
  for (const kept of wrong) {
    await sim.complete(writeRing(directory, kept))
    await t.rejects(sim.complete(readRing(directory)), { code: 'data-rotten' })
  }
})
