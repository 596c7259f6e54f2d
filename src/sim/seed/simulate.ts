/**
 * Run one seed: a cluster, clients and faults; then quiet; then all checkers.
 *
 * Act one is chaos, in rounds, until enough writes were acknowledged and enough faults took effect;
 * between two rounds everything is healed and all copies become equal, so that the next disk may be
 * damaged. Act two is quiet (`quiet.ts`): first with some nodes dead for ever, then with all.
 *
 * The seed, the scenario and the build decide everything: two runs have one trace digest.
 */
import { Account } from '../cluster/account.ts'
import { Bounds } from '../checkers/bounds.ts'
import { ClusterKeysChecker } from '../checkers/cluster-keys.ts'
import { checkCausality } from '../checkers/causality.ts'
import { checkDurability } from '../checkers/durability.ts'
import { checkLastWrites, type LastWriteOptions } from '../checkers/last-write.ts'
import { checkLiveness } from '../checkers/liveness.ts'
import { MembershipChecker } from '../checkers/membership.ts'
import { OwnersChecker } from '../checkers/owners.ts'
import { Recovery } from '../checkers/recovery.ts'
import { Unsynced } from '../checkers/unsynced.ts'
import { Cluster } from '../cluster/cluster.ts'
import { Faults } from '../faults/faults.ts'
import { MemberChanges } from '../faults/member-changes.ts'
import { History } from '../history/history.ts'
import type { Inspection } from './inspect.ts'
import { requireAddon } from '../../native/availability.ts'
import { KeyChanges } from '../cluster/key-changes.ts'
import { Operator } from '../cluster/operator.ts'
import { type RingChangeCounts, RingChanges } from '../cluster/ring-changes.ts'
import { core, Quiet } from './quiet.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { drawScenario, type FaultKind, type Scenario } from '../scenario.ts'
import { Workload } from './workload.ts'
import { SimWorld } from '../world.ts'

export interface SimulateOptions {
  readonly seed: number
  /** In place of the one that the seed draws. */
  readonly scenario?: Scenario
  /**
   * Called before the run with a function that returns the result so far and one more violation:
   * for a caller that catches a failed assertion outside of this promise.
   */
  readonly onBegin?: (soFar: SoFar) => void
}

export type SoFar = (violation: string) => SimulateResult

export interface SimulateResult extends Readonly<RingChangeCounts> {
  readonly seed: number
  readonly scenario: Scenario
  /** Sentences; none if all is well. */
  readonly violations: readonly string[]
  readonly acknowledged: number
  readonly operations: number
  /** Faults that took effect. */
  readonly faults: ReadonlyMap<FaultKind, number>
  /** All that were drawn, in order, whether they took effect or not. */
  readonly drawn: readonly FaultKind[]
  /** Faults that were not injected because they would exceed the promise. */
  readonly withheld: number
  /** Power cuts of a node while some client waited for a write. */
  readonly crashesInWrites: number
  /** Whether two owners of a key were away at once. */
  readonly hadTwoAway: boolean
  readonly hintsDelivered: number
  /** Rounds that were adopted, and deletes that went for good. */
  readonly rounds: number
  readonly reaped: number
  /** Acknowledged writes that were lost where a bucket does not promise them. */
  readonly unsyncedLost: number
  /** Members that joined. */
  readonly joined: number
  /** Cluster keys that operators made. */
  readonly rotations: number
  /** Writes that were begun, and deletes among them. */
  readonly writes: number
  readonly deletes: number
  /** Gets of sessions that had receipts to cover. */
  readonly sessionGets: number
  /** Pieces of stream delivered. */
  readonly deliveries: number
  readonly simulatedMs: number
  readonly digest: string
  /** The last events in columns, to look into a violation. */
  readonly lines: readonly string[]
}

const TIMEOUT_MS = 1_500
const GRACE_MS = 500
/** If chaos takes longer, that is a violation. */
const CHAOS_MS_MAX = 3_600_000
/** Operations of each client while some nodes are dead for ever. */
const QUIET_OPERATIONS = 8
const QUIET_MS_MAX = 120_000
const STEP_MS = 250

/** Runs `seed` and its checkers. Throws `addon-missing` if nodes cannot run. */
export function simulate({ seed, scenario, onBegin }: SimulateOptions): Promise<SimulateResult> {
  requireAddon()
  const simulation = new Simulation(seed, scenario ?? drawScenario(seed))
  onBegin?.((violation) => simulation.result([violation]))
  return simulation.run()
}

class Simulation {
  readonly #seed: number
  readonly #scenario: Scenario
  readonly #world: SimWorld
  readonly #cluster: Cluster
  readonly #account: Account
  readonly #history = new History()
  readonly #workload: Workload
  readonly #operator: Operator
  readonly #faults: Faults
  readonly #changes: RingChanges
  readonly #keyChanges: KeyChanges
  readonly #keys = new ClusterKeysChecker()
  readonly #owners = new OwnersChecker()
  readonly #quiet: Quiet
  readonly #bounds: Bounds
  readonly #recovery = new Recovery()
  readonly #unsynced = new Unsynced((machine) => this.#cluster.partOf(machine))
  readonly #membership = new MembershipChecker()
  readonly #memberChanges: MemberChanges
  readonly #violations: string[] = []
  #hintsDelivered = 0
  /** Deletes whose tombstones went for good. */
  readonly #reaped = new Set<number>()

  constructor(seed: number, scenario: Scenario) {
    this.#seed = seed
    this.#scenario = scenario
    const { residentChance, shortReadChance, cutChance, buckets, created = [] } = scenario
    const disk = { residentChance, shortReadChance }
    this.#world = new SimWorld({ seed, disk, network: { cutChance } })
    const [defaults, ...others] = buckets
    this.#cluster = new Cluster(this.#world, {
      ...scenario,
      ...(defaults === undefined ? {} : { quorums: defaults }),
      buckets: others,
      created,
    })
    const names = [...buckets, ...created].map(({ name }) => name)
    this.#workload = new Workload(this.#cluster, this.#history, {
      ...scenario,
      buckets: names,
      timeoutMs: TIMEOUT_MS,
    })
    const { trace } = this.#world
    this.#bounds = new Bounds(this.#cluster.configOf(1))
    const leastW = Math.min(...[...buckets, ...created].map(({ w }) => w))
    this.#account = new Account(
      leastW,
      (machine) => this.#cluster.partOf(machine),
      trace,
      (machine) => {
        this.#recovery.damaged(machine)
        this.#unsynced.damaged(machine)
        this.#keys.lost(machine)
      },
    )
    this.#operator = new Operator(
      this.#cluster,
      this.#world.prng('operator'),
      this.#account,
      this.#history,
      {
        beforeEnd: (machine) => this.#beforeEnd(machine),
        onEmptied: (machine) => {
          this.#recovery.replaced(machine)
          this.#keys.lost(machine)
        },
      },
    )
    const parts = [this.#cluster, this.#operator, this.#account, this.#history] as const
    this.#faults = new Faults(...parts, scenario)
    this.#changes = new RingChanges(this.#cluster, this.#operator, scenario)
    this.#keyChanges = new KeyChanges(this.#cluster, scenario)
    this.#memberChanges = new MemberChanges(this.#cluster)
    this.#quiet = new Quiet(
      this.#cluster,
      this.#history,
      this.#workload,
      this.#account,
      this.#bounds,
      this.#membership,
    )
    this.#watch()
  }

  /** Has checkers hear of what nodes record. */
  #watch(): void {
    const { trace } = this.#world
    trace.watch('member-dead', ({ node }, machine) => {
      this.#membership.declaredDead(machine, String(node) as NodeId)
    })
    trace.watch('recovered', (fields, machine) => this.#recovery.recovered(machine, fields))
    trace.watch('key-reaped', ({ requests }) => {
      for (const label of String(requests).split(' ')) {
        const write = this.#workload.requests.get(label)
        if (write !== undefined) this.#reaped.add(write.id)
      }
    })
    trace.watch('hint-delivered', () => (this.#hintsDelivered += 1))
    trace.watch('peer-lies', ({ why }, machine) => {
      this.#fail(`a lie: node ${machine} says so of another: ${String(why)}`)
    })
    trace.watch('keys-held', ({ keys }, machine) => this.#keys.held(machine, String(keys)))
    trace.watch('key-kept', ({ key }, machine) => this.#keys.kept(machine, String(key)))
    trace.watch('key-signs', ({ key }, machine) => {
      const { machines } = this.#cluster
      const members = machines.filter((one) => !this.#cluster.isGone(one))
      this.#keys.signs(machine, String(key), members)
    })
    trace.watch('ring-in-effect', (_, machine) => this.#ownersAt(machine))
    trace.watch('rot-found', (_, machine) => this.#recovery.rotFound(machine))
  }

  async run(): Promise<SimulateResult> {
    const { machines } = this.#cluster
    const { rounds } = this.#scenario
    await this.#cluster.startAll()
    for (const machine of machines) this.#ownersAt(machine)
    let state: Inspection | undefined
    let quietMs = 0
    for (let round = 1; round <= rounds; round++) {
      await this.#chaos(round / rounds)
      await this.#settle()
      // Where copies end with their nodes, the core may be fewer than hold every write.
      const areAllKept = round < rounds || this.#cluster.isVolatile
      const living = areAllKept ? machines : core(this.#cluster, this.#world.prng('core'))
      if (living.length < machines.length) await this.#liveWithFew(living)
      await this.#operator.keepOnly(machines)
      quietMs = this.#world.nowMs
      state = await this.#quiet.converge(machines)
      this.#account.clear()
      this.#unsynced.whole(this.#world.nowMs)
    }
    await this.#quiet.steady()
    return this.#judge(state, quietMs)
  }

  /** Runs until this part of the wanted writes and faults is done; then ends faults and clients. */
  async #chaos(part: number): Promise<void> {
    const { acknowledged, faultsMin } = this.#scenario
    this.#membership.chaos()
    this.#workload.begin()
    this.#faults.begin()
    this.#changes.begin()
    this.#cluster.made.begin()
    this.#keyChanges.begin()
    this.#memberChanges.begin()
    const startedMs = this.#world.nowMs
    const isEnough = (): boolean =>
      this.#history.acknowledged >= part * acknowledged &&
      this.#faults.total >= part * faultsMin &&
      (this.#operator.crashesInWrites > 0 || faultsMin === 0)
    while (!isEnough() && this.#world.nowMs < startedMs + CHAOS_MS_MAX) {
      await this.#world.run(STEP_MS)
      for (const machine of this.#cluster.machines) this.#sample(machine)
    }
    if (!isEnough()) {
      const { acknowledged: done } = this.#history
      this.#violations.push(`too little happened: ${done} acknowledged`)
    }
    this.#faults.end()
    this.#changes.end()
    this.#cluster.made.end()
    this.#keyChanges.end()
    this.#memberChanges.end()
    const haveEnded = await this.#workload.end(TIMEOUT_MS + 10 * GRACE_MS)
    if (!haveEnded) this.#fail('no answer: a client still waits long after its deadline')
    // A start reads the whole disk, so that no damage is left for the next round to find.
    this.#operator.takeDown(this.#account.damaged, 0, 'crash')
  }

  /** Waits until places have moved where the last table leads to, and the newest key signs. */
  async #settle(): Promise<void> {
    const { changeMs, rotateMs } = this.#scenario
    if (changeMs === 0 && rotateMs === 0) return
    await this.#operator.keepOnly(this.#cluster.machines)
    await this.#changes.replaceRemoved()
    await this.#quiet.peace(this.#cluster.machines)
    this.#violations.push(...(await this.#changes.settle()))
    this.#violations.push(...(await this.#keyChanges.settle()))
    this.#keys.agreed()
  }

  #ownersAt(machine: number): void {
    this.#owners.inEffect(this.#cluster.node(machine)?.rings.view.stages, this.#cluster.ns)
  }

  #beforeEnd(machine: number): void {
    const node = this.#cluster.node(machine)
    if (node === undefined) return
    this.#recovery.ended(machine, node.durable)
    this.#unsynced.ended(machine, node.durable, this.#world.nowMs)
    this.#sample(machine)
  }

  #sample(machine: number): void {
    const node = this.#cluster.node(machine)
    if (node !== undefined) this.#bounds.sample(machine, node.gauges())
  }

  /** Kills the others for good: the living nodes must go on and become equal. */
  async #liveWithFew(living: readonly number[]): Promise<void> {
    this.#membership.chaos()
    await this.#operator.keepOnly(living)
    await this.#quiet.peace(living)
    this.#workload.begin(QUIET_OPERATIONS)
    const haveEnded = await this.#workload.idle(QUIET_MS_MAX)
    if (!haveEnded) this.#fail('no answer: a client still waits though enough nodes live')
    await this.#quiet.converge(living)
  }

  #fail(violation: string): void {
    this.#violations.push(violation)
  }

  #judge(state: Inspection | undefined, quietMs: number): SimulateResult {
    const history = this.#history
    const bounds = { deadlineMs: TIMEOUT_MS, graceMs: GRACE_MS, quietMs }
    const final = state?.final ?? new Map()
    const { made } = this.#cluster
    const lastWrites: LastWriteOptions = {
      isLastOnly: (label) => made.isLastOnly(bucketOf(label)),
      areClocksRight: !this.#scenario.faults.includes('clock-step'),
    }
    const violations = [
      ...this.#violations,
      ...history.violations,
      ...this.#operator.violations,
      ...this.#quiet.violations,
      ...this.#recovery.violations,
      ...this.#membership.violations,
      ...this.#keys.violations,
      ...this.#owners.violations,
      ...this.#bounds.violations,
      ...checkDurability(history, final, this.#reaped, lastWrites, this.#mayBeLost),
      ...checkLastWrites(history, final, lastWrites),
      ...checkCausality(history),
      ...checkLiveness(history, bounds),
    ]
    return this.result(violations)
  }

  /** Of an acknowledged write, whether its bucket does not promise that it is kept. */
  readonly #mayBeLost = (id: number, key: number): boolean => {
    const { keys, writes } = this.#history
    const w = this.#cluster.made.intervalW(bucketOf(keys.at(key)))
    if (w === undefined) return false
    return this.#unsynced.mayBeLost(writes.startedMs(id), writes.endedMs(id), w)
  }

  /** What has happened so far, with these violations. */
  result(violations: readonly string[]): SimulateResult {
    const history = this.#history
    return {
      seed: this.#seed,
      scenario: this.#scenario,
      violations,
      acknowledged: history.acknowledged,
      operations: history.writes.length + history.reads.length,
      faults: this.#faults.counts,
      drawn: this.#faults.drawn,
      withheld: this.#account.withheld,
      crashesInWrites: this.#operator.crashesInWrites,
      hadTwoAway: this.#operator.hadTwoAway,
      hintsDelivered: this.#hintsDelivered,
      rounds: this.#world.trace.count('round-adopted'),
      reaped: this.#reaped.size,
      unsyncedLost: this.#unsynced.lost,
      ...this.#changes.counts,
      joined: this.#cluster.renewals.joined,
      rotations: this.#keyChanges.made,
      writes: history.writes.length,
      deletes: history.writes.deletes,
      sessionGets: this.#workload.judged,
      deliveries: this.#world.network.chunksDelivered,
      simulatedMs: this.#world.nowMs,
      digest: this.#world.trace.digest(),
      lines: this.#world.trace.lines(),
    }
  }
}

/** Of a key as the history names it. */
function bucketOf(label: string): string {
  return label.slice(0, label.indexOf('/'))
}
