/** A cluster to which nothing happens: how much faster than the real time simulated time runs. */
import { Cluster } from '../../src/sim/cluster/cluster.ts'
import { History } from '../../src/sim/history/history.ts'
import { drawScenario } from '../../src/sim/scenario.ts'
import { SimWorld } from '../../src/sim/world.ts'
import { Workload } from '../../src/sim/seed/workload.ts'

const TIMEOUT_MS = 1_500

/**
 * An idle afternoon: three nodes, nothing goes wrong, and two clients do about ten operations a
 * second between them. How long it takes in real time says how much faster time runs in here.
 */
export async function idle(seed: number, forMs: number): Promise<{ readonly operations: number }> {
  const world = new SimWorld({ seed })
  const cluster = new Cluster(world, { nodes: 3 })
  const history = new History()
  const workload = new Workload(cluster, history, {
    ...drawScenario(seed),
    clients: 2,
    sessions: 0,
    buckets: ['default'],
    keys: 8,
    writesPerKey: 100,
    valueBytesMax: 200,
    timeoutMs: TIMEOUT_MS,
    thinkMsMax: 600,
  })
  await cluster.startAll()
  workload.begin()
  await world.run(forMs)
  return { operations: history.writes.length + history.reads.length }
}
