/**
 * Draw faults from the seed and inject them, never more than the promise survives.
 *
 * Power cuts of any number of machines, cuts of any shape and wrong clocks are within the promise
 * at any time; before it damages a disk it asks the account. Each fault draws from a generator of
 * its own, so that leaving one out changes nothing about how the others are drawn. Only faults that
 * took effect are counted: a reset without a connection is no fault.
 */
import type { Prng } from '../../base/prng.ts'
import type { Account } from '../cluster/account.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { type DiskFaultKind, DiskFaults } from './disk-faults.ts'
import type { History } from '../history/history.ts'
import type { Operator } from '../cluster/operator.ts'
import { type PathFault, PathFaults } from './path-faults.ts'
import type { FaultKind, Scenario } from '../scenario.ts'

/** How long a fault lasts, in milliseconds: usually short. */
const DOWN_MS: readonly [number, number] = [5, 400]
const DOWN_LONG_MS: readonly [number, number] = [400, 2_500]
const LONG_CHANCE = 0.2
/** Now and then no fault is injected for a while. */
const CALM_CHANCE = 0.1
const CALM_MS_MIN = 200
/** Within so long after a client began a write the power goes. */
const IN_WRITE_MS = 3
/** How much slower a disk is that falls behind, and for how long before the power goes. */
const BEHIND_FACTOR = 100
const BEHIND_MS: readonly [number, number] = [10, 150]
const YEAR_MS = 365 * 86_400_000
const LEAP_MS_MAX = 600_000
/** Seconds of a node's clock in one that passes. */
const RATES: readonly [number, number] = [0.5, 2]

export class Faults {
  readonly #cluster: Cluster
  readonly #operator: Operator
  readonly #history: History
  readonly #prng: Prng
  readonly #scenario: Scenario
  readonly #omitted: ReadonlySet<number>
  readonly #paths: PathFaults
  readonly #disks: DiskFaults
  readonly counts: Map<FaultKind, number> = new Map()
  /** Kinds in the order in which they were drawn: their places are what a scenario may omit. */
  readonly drawn: FaultKind[] = []
  /** Rounds so far: a fault that an earlier round drew is not injected in a later one. */
  #round = 0
  #isOver = true

  constructor(
    cluster: Cluster,
    operator: Operator,
    account: Account,
    history: History,
    scenario: Scenario,
  ) {
    this.#cluster = cluster
    this.#operator = operator
    this.#history = history
    this.#scenario = scenario
    this.#omitted = new Set(scenario.omitted)
    this.#prng = cluster.world.prng('faults')
    this.#paths = new PathFaults(cluster)
    this.#disks = new DiskFaults(cluster, operator, account, (kind) => this.#count(kind))
  }

  get total(): number {
    let total = 0
    for (const count of this.counts.values()) total += count
    return total
  }

  /** Faults come from now on, until `end`. */
  begin(): void {
    this.#isOver = false
    this.#disks.isOver = false
    this.#round += 1
    this.#next(this.#round)
  }

  /** Ends all faults; machines that are down stay down. */
  end(): void {
    this.#isOver = true
    this.#disks.isOver = true
    this.#history.onNextWrite = undefined
    const { world } = this.#cluster
    world.heal()
    for (const machine of this.#cluster.machines) {
      const disk = world.disk(machine)
      disk.slow(1)
      disk.limit()
      disk.disarm()
      world.setClockRate(machine, 1)
      if (world.isPaused(machine)) world.resume(machine)
    }
  }

  #next(round: number): void {
    const calmMs = this.#prng.chance(CALM_CHANCE)
      ? this.#prng.between(CALM_MS_MIN, this.#scenario.calmMsMax)
      : 0
    const waitMs = calmMs + this.#scenario.everyMs * (0.2 + 1.6 * this.#prng.unit())
    this.#cluster.world.after(waitMs, () => {
      if (this.#isOver || round !== this.#round) return
      const kind = this.#prng.pick(this.#scenario.faults)
      const place = this.drawn.push(kind) - 1
      const isOmitted = place >= this.#scenario.faultsMax || this.#omitted.has(place)
      if (!isOmitted && this.#inject(kind, this.#prng.stream(`${place}`))) this.#count(kind)
      this.#next(round)
    })
  }

  #count(kind: FaultKind): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
  }

  /** True where it took effect; those that take effect later count themselves. */
  #inject(kind: FaultKind, prng: Prng): boolean {
    const { world, machines } = this.#cluster
    const machine = prng.pick(machines)
    const forMs = prng.between(...(prng.chance(LONG_CHANCE) ? DOWN_LONG_MS : DOWN_MS))
    switch (kind) {
      case 'crash':
        return this.#operator.takeDown([machine], forMs, 'crash')
      case 'crash-all':
        return this.#operator.takeDown(machines, forMs, 'crash')
      case 'kill':
        return this.#operator.takeDown(prng.chance(0.3) ? machines : [machine], forMs, 'kill')
      case 'crash-in-write':
        return this.#crashInWrite(
          machines.filter((one) => one === machine || prng.chance(0.6)),
          prng.unit(),
          forMs,
        )
      case 'crash-in-start':
        this.#operator.takeDownTwice(machine, forMs, () => this.#count(kind))
        return false
      case 'crash-behind':
        return this.#crashBehind(machine, prng.between(...BEHIND_MS))
      case 'pause':
        return this.#pause(machine, forMs)
      case 'clock-step':
        world.stepWallTime(machine, (prng.unit() - 0.5) * 20 * YEAR_MS)
        return true
      case 'clock-leap':
        world.leapClock(machine, prng.below(LEAP_MS_MAX))
        return true
      case 'clock-drift':
        world.setClockRate(machine, RATES[0] + (RATES[1] - RATES[0]) * prng.unit())
        world.after(forMs, () => world.setClockRate(machine, 1))
        return true
      case 'cut':
      case 'cut-one-way':
      case 'isolate':
      case 'split':
      case 'swizzle':
      case 'stall':
      case 'slow':
      case 'reset':
      case 'half-open':
        return this.#paths.inject(kind satisfies PathFault, prng, forMs)
      default:
        return this.#disks.inject(kind satisfies DiskFaultKind, prng, machine, forMs)
    }
  }

  /** Waits for the next write of a client, and takes the power while it is being done. */
  #crashInWrite(machines: readonly number[], part: number, forMs: number): boolean {
    this.#history.onNextWrite = () => {
      this.#cluster.world.after(part * IN_WRITE_MS, () => {
        if (this.#isOver || !this.#operator.takeDown(machines, forMs, 'crash')) return
        this.#count('crash-in-write')
      })
    }
    return false
  }

  /**
   * Slows one disk far below the others, which go on acknowledging, then cuts its power and starts
   * the node at once: it has lost writes that the others hold.
   */
  #crashBehind(machine: number, afterMs: number): boolean {
    const { world } = this.#cluster
    world.disk(machine).slow(BEHIND_FACTOR)
    world.after(afterMs, () => {
      world.disk(machine).slow(1)
      if (this.#isOver || !this.#operator.takeDown([machine], 0, 'crash')) return
      this.#count('crash-behind')
    })
    return false
  }

  #pause(machine: number, forMs: number): boolean {
    const { world } = this.#cluster
    if (!world.isRunning(machine) || world.isPaused(machine)) return false
    world.pause(machine)
    world.after(forMs, () => {
      if (world.isRunning(machine) && world.isPaused(machine)) world.resume(machine)
    })
    return true
  }
}
