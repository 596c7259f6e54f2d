/**
 * One seed: a cluster, clients and faults; then quiet; then every checker.
 *
 * Act one is chaos, until enough writes were acknowledged and enough faults took effect. Act two
 * is quiet: what is down starts, every operation ends, every key is read once at all its owners
 * (until replicas compare trees, that stands for it), and the replicas must be equal.
 *
 * The seed and the build decide everything: two runs have one trace digest.
 */
import { Prng } from '../base/prng.ts'
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
  /** Power cuts of a node while some client waited for a write. */
  readonly crashesInWrites: number
  /** Pieces of stream delivered. */
  readonly deliveries: number
  readonly simulatedMs: number
  readonly digest: string
  /** The last events in columns, for whoever looks into a violation. */
  readonly lines: readonly string[]
}

const ACKNOWLEDGED = 1_000
const FAULTS = 20
/** N: of every key in every seed. */
const COPIES = 3
const TIMEOUT_MS = 1_500
const GRACE_MS = 500
/** R and W: mostly the defaults. */
const QUORUMS: readonly (readonly [number, number])[] = [
  [2, 2],
  [2, 2],
  [2, 2],
  [1, 2],
  [1, 3],
  [3, 1],
]
/** Chaos that has not brought enough by then is a violation itself. */
const CHAOS_MS_MAX = 3_600_000
const QUIET_MS_MAX = 60_000
const STEP_MS = 250

export async function simulate(options: SimulateOptions): Promise<SimulateResult> {
  const { seed } = options
  const { world, cluster, w } = build(seed)
  const prng = world.prng('workload')
  const history = new History()
  const workload = new Workload(cluster, history, {
    clients: prng.between(3, 8),
    keys: prng.between(2, 12),
    writesPerKey: prng.pick([15, 60, 100_000]),
    valueBytesMax: prng.pick([32, 200, 2_000]),
    timeoutMs: TIMEOUT_MS,
    thinkMsMax: prng.pick([0, 5, 20]),
  })
  const drawn = drawFaults(world.prng('fault kinds'), cluster.machines, w)
  const faults = new Faults(cluster, world.prng('faults'), drawn, history)
  const violations: string[] = []

  world.trace.watch('put-passed-on-again', ({ request }) => {
    workload.onPassedOnAgain(String(request))
  })
  await cluster.startAll()
  workload.begin()
  faults.begin()
  const isEnough = (): boolean =>
    history.acknowledged >= (options.acknowledged ?? ACKNOWLEDGED) &&
    faults.total >= (options.faults ?? FAULTS) &&
    faults.crashesInWrites > 0
  while (!isEnough() && world.nowMs < CHAOS_MS_MAX) await world.run(STEP_MS)
  if (!isEnough()) violations.push(`too little happened: ${history.acknowledged} acknowledged`)

  await faults.end()
  const haveEnded = await workload.end(TIMEOUT_MS + 10 * GRACE_MS)
  if (!haveEnded) violations.push('no answer: a client still waits long after its deadline')
  await awaitPeace(cluster)
  const quietMs = world.nowMs
  await workload.sweep(COPIES)
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
    crashesInWrites: faults.crashesInWrites,
    deliveries: world.network.chunksDelivered,
    simulatedMs: world.nowMs,
    digest: world.trace.digest(),
    lines: world.trace.lines(),
  }
}

/**
 * An idle afternoon: three nodes, nothing goes wrong, and two clients do about ten operations a
 * second between them. How long it takes in real time says how much faster time runs in here.
 */
export async function idle(seed: number, forMs: number): Promise<{ readonly operations: number }> {
  const world = new SimWorld({ seed })
  const cluster = new Cluster(world, { nodes: 3 })
  const history = new History()
  const options = { clients: 2, keys: 8, writesPerKey: 100, valueBytesMax: 200 }
  const workload = new Workload(cluster, history, {
    ...options,
    timeoutMs: TIMEOUT_MS,
    thinkMsMax: 600,
  })
  await cluster.startAll()
  workload.begin()
  await world.run(forMs)
  return { operations: history.writes.length + history.reads.length }
}

/**
 * A cluster of the seed's own size and numbers: small ones, so that what is rare in the world is
 * common here. Many records lie beyond memory, many files end, many reads come short.
 */
function build(seed: number): { world: SimWorld; cluster: Cluster; w: number } {
  const prng = Prng.of(seed, 'options')
  const disk = {
    residentChance: prng.pick([0.9, 0.5, 0.1]),
    shortReadChance: prng.pick([0.02, 0.3]),
  }
  const network = { cutChance: prng.pick([0.05, 0.2, 0.5]) }
  const world = new SimWorld({ seed, disk, network })
  const [r, w] = prng.pick(QUORUMS)
  const cluster = new Cluster(world, {
    nodes: prng.pick([3, 3, 3, 4, 5]),
    partitions: prng.pick([1, 8, 16]),
    quorums: { n: COPIES, r, w },
    segmentBytes: prng.pick([512, 2_048, 8_192, 65_536]),
    hedgeMs: prng.pick([5, 50]),
  })
  return { world, cluster, w }
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
