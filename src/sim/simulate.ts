/**
 * One seed: a cluster, clients and faults; then quiet; then every checker.
 *
 * Act one is chaos, until enough writes were acknowledged and enough faults took effect. Act two
 * is quiet: what is down starts, every operation ends, every key is read once at all its owners
 * (until replicas compare trees, that stands for it), and the replicas must be equal.
 *
 * The seed and the build decide everything: two runs have one trace digest.
 */
import { checkCausality } from './checkers/causality.ts'
import { checkDurability } from './checkers/durability.ts'
import { checkLiveness } from './checkers/liveness.ts'
import { Cluster } from './cluster.ts'
import { drawFaults, type FaultKind, Faults } from './faults.ts'
import { History } from './history.ts'
import { inspect } from './inspect.ts'
import { Workload } from './workload.ts'
import { SimWorld } from './world.ts'

export interface SimulateOptions {
  readonly seed: number
  /** Chaos goes on until so many writes were acknowledged. */
  readonly acknowledged?: number
  /** And until so many faults took effect. */
  readonly faults?: number
}

export interface SimulateResult {
  readonly seed: number
  /** What was wrong, in sentences; none where all is well. */
  readonly violations: readonly string[]
  readonly acknowledged: number
  readonly operations: number
  readonly faults: ReadonlyMap<FaultKind, number>
  /** Pieces of stream delivered. */
  readonly deliveries: number
  readonly simulatedMs: number
  readonly digest: string
  /** The last events in columns, for whoever looks into a violation. */
  readonly lines: readonly string[]
}

const ACKNOWLEDGED = 1_000
const FAULTS = 5
const TIMEOUT_MS = 1_500
const GRACE_MS = 500
/** Chaos that has not brought enough by then is a violation itself. */
const CHAOS_MS_MAX = 3_600_000
const QUIET_MS_MAX = 60_000
const STEP_MS = 250

export async function simulate(options: SimulateOptions): Promise<SimulateResult> {
  const { seed } = options
  const world = new SimWorld({ seed })
  const prng = world.prng('options')
  const cluster = new Cluster(world, {
    nodes: 3,
    partitions: 8,
    segmentBytes: prng.pick([4_096, 16_384, 262_144]),
  })
  const history = new History()
  const workload = new Workload(cluster, history, {
    clients: prng.between(3, 8),
    keys: prng.between(4, 24),
    valueBytesMax: prng.pick([32, 200, 2_000]),
    timeoutMs: TIMEOUT_MS,
    thinkMsMax: prng.pick([0, 5, 40]),
  })
  const faults = new Faults(cluster, world.prng('faults'), drawFaults(world.prng('fault kinds')))
  const violations: string[] = []

  await cluster.startAll()
  workload.begin()
  faults.begin()
  const isEnough = (): boolean =>
    history.acknowledged >= (options.acknowledged ?? ACKNOWLEDGED) &&
    faults.total >= (options.faults ?? FAULTS)
  while (!isEnough() && world.nowMs < CHAOS_MS_MAX) await world.run(STEP_MS)
  if (!isEnough()) violations.push(`too little happened: ${history.acknowledged} acknowledged`)

  await faults.end()
  const haveEnded = await workload.end(TIMEOUT_MS + 10 * GRACE_MS)
  if (!haveEnded) violations.push('no answer: a client still waits long after its deadline')
  await awaitPeace(cluster)
  const quietMs = world.nowMs
  await workload.sweep(cluster.size)
  await world.run(STEP_MS)

  const state = await world.complete(
    inspect(cluster, workload.keys, workload.requests),
    QUIET_MS_MAX,
  )
  violations.push(...history.violations, ...cluster.failures, ...state.violations)
  violations.push(...checkDurability(history, state.final), ...checkCausality(history))
  violations.push(...checkLiveness(history, { deadlineMs: TIMEOUT_MS, graceMs: GRACE_MS, quietMs }))
  return {
    seed,
    violations,
    acknowledged: history.acknowledged,
    operations: history.writes.length + history.reads.length,
    faults: faults.counts,
    deliveries: world.network.chunksDelivered,
    simulatedMs: world.nowMs,
    digest: world.trace.digest(),
    lines: world.trace.lines(),
  }
}

/** All nodes are up and see each other. */
async function awaitPeace(cluster: Cluster): Promise<void> {
  const isPeaceful = (): boolean =>
    cluster.machines.every((machine) => {
      const node = cluster.node(machine)
      return node !== undefined && node.status().peers.every((peer) => peer.isConnected)
    })
  await cluster.world.runUntil(isPeaceful, QUIET_MS_MAX)
}
