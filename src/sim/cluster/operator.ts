/**
 * The operator of a simulated cluster: ends nodes, and starts nodes that are down.
 *
 * A node whose engine is not durable loses its copies when it ends, so the account is asked before
 * it is ended.
 *
 * A node may end by itself or fail to start if its disk failed a call; the operator starts it
 * again. If a damaged disk makes every start fail, the operator replaces it by an empty one. Any
 * other failure is a violation.
 */
import { isOperatingError } from '../../base/errors.ts'
import type { NodeId } from '../../dynamo/names.ts'
import type { Prng } from '../../base/prng.ts'
import type { Account } from './account.ts'
import type { Cluster } from './cluster.ts'
import type { History } from '../history/history.ts'

export type How = 'crash' | 'kill'

/** Called when a node ends and when its disk is replaced. */
export interface OperatorEvents {
  /** The process on `machine`, if it is a node that runs, is about to end. */
  readonly beforeEnd: (machine: number) => void
  /** An empty disk is in place of the one that was. */
  readonly onEmptied: (machine: number) => void
}

/** Within so long after a node began to start, it is interrupted where that was asked for. */
const IN_START_MS = 30
const AGAIN_MS: readonly [number, number] = [20, 300]
/** Starts of one machine in a row that fail. */
const STARTS_MAX = 200
/** Data that no start gets beyond. */
const UNUSABLE: ReadonlySet<string> = new Set(['data-rotten', 'data-foreign', 'data-newer'])
const RAISE_MS_MAX = 120_000

export class Operator {
  readonly #cluster: Cluster
  readonly #prng: Prng
  readonly #account: Account
  readonly #history: History
  readonly #events: OperatorEvents
  readonly #failedStarts = new Map<number, number>()
  /** Calls that a disk had failed when its machine was last started. */
  readonly #failuresBefore = new Map<number, number>()
  /** Machines that stay down. */
  #dead: ReadonlySet<number> = new Set()
  /** Members that were told to leave, or were removed. */
  readonly leaving = new Set<NodeId>()
  readonly violations: string[] = []
  /** Power cuts of a node while some client waited for a write. */
  crashesInWrites = 0
  /** Whether two owners of a key were away at once, nodes that stay dead left aside. */
  hadTwoAway = false

  constructor(
    cluster: Cluster,
    prng: Prng,
    account: Account,
    history: History,
    events: OperatorEvents,
  ) {
    this.#cluster = cluster
    this.#prng = prng
    this.#account = account
    this.#history = history
    this.#events = events
    cluster.onFailed = (machine, error) => this.#onFailed(machine, error)
  }

  /**
   * Ends the nodes on `machines` and starts them again after `forMs` or more; calls `between` while
   * nothing runs there. False if none ran.
   */
  takeDown(
    machines: readonly number[],
    forMs: number,
    how: How,
    between?: (machine: number) => void,
  ): boolean {
    const up = machines.filter(
      (machine) => this.#cluster.isRunning(machine) && this.#mayEnd(machine, how),
    )
    if (up.length > 0 && how === 'crash' && this.#history.open > 0) this.crashesInWrites += 1
    for (const machine of up) {
      this.#end(machine, how)
      between?.(machine)
      this.#startLater(machine, forMs + this.#prng.between(0, forMs + 1))
    }
    return up.length > 0
  }

  /** Whether what this member alone has may be lost; its disk then counts as destroyed. */
  mayLose(id: NodeId, kind: 'member-removed' | 'member-named-dead'): boolean {
    const machine = this.#cluster.machines.find((one) => this.#cluster.memberOf(one) === id)
    return machine !== undefined && this.#account.mayDamage(machine, kind)
  }

  /** Puts an empty disk in place. Requires: nothing runs on `machine`. */
  wipe(machine: number): void {
    this.#cluster.world.wipe(machine)
    this.#events.onEmptied(machine)
  }

  /** Takes its power, and interrupts the start that follows; perhaps the next one too. */
  takeDownTwice(machine: number, forMs: number, onInterrupted: () => void): void {
    if (!this.#cluster.isRunning(machine) || !this.#mayEnd(machine, 'crash')) return
    this.#end(machine, 'crash')
    this.#interruptStart(machine, forMs, onInterrupted)
  }

  /** Ends all but `machines` for good; starts those that are not there, and waits for them. */
  async keepOnly(machines: readonly number[]): Promise<void> {
    this.#dead = new Set(this.#cluster.machines.filter((one) => !machines.includes(one)))
    for (const machine of this.#dead) {
      if (!this.#cluster.isRunning(machine)) continue
      this.#end(machine, this.#prng.chance(0.5) ? 'crash' : 'kill')
    }
    const areUp = (): boolean => machines.every((one) => this.#cluster.node(one) !== undefined)
    for (const machine of machines) {
      if (!this.#cluster.isRunning(machine)) this.#start(machine)
    }
    if (await this.#cluster.world.runUntil(areUp, RAISE_MS_MAX)) return
    this.violations.push('did not start: a node is not back long after all faults have ended')
  }

  #mayEnd(machine: number, how: How): boolean {
    return !this.#cluster.isVolatile || this.#account.mayDamage(machine, how)
  }

  #end(machine: number, how: How): void {
    this.#events.beforeEnd(machine)
    if (how === 'kill') this.#cluster.kill(machine)
    else this.#cluster.crash(machine)
    this.hadTwoAway ||= this.#dead.size === 0 && this.#cluster.hasTwoOwnersAway
    if (this.#cluster.isVolatile) this.#events.onEmptied(machine)
  }

  #startLater(machine: number, afterMs: number): void {
    this.#cluster.world.after(afterMs, () => {
      if (!this.#dead.has(machine) && !this.#cluster.isRunning(machine)) this.#start(machine)
    })
  }

  #start(machine: number): void {
    this.#failuresBefore.set(machine, this.#cluster.world.disk(machine).failures)
    this.#cluster.start(machine).then(
      () => this.#failedStarts.delete(machine),
      (error: unknown) => this.#onStartFailed(machine, error),
    )
  }

  #interruptStart(machine: number, afterMs: number, onInterrupted: () => void): void {
    const { world } = this.#cluster
    this.#startLater(machine, afterMs)
    const how = this.#prng.chance(0.5) ? 'crash' : 'kill'
    world.after(afterMs + this.#prng.unit() * IN_START_MS, () => {
      if (!this.#cluster.isStarting(machine)) return
      onInterrupted()
      this.#end(machine, how)
      const forMs = this.#prng.between(0, 200)
      if (this.#prng.chance(0.3)) this.#interruptStart(machine, forMs, onInterrupted)
      else this.#startLater(machine, forMs)
    })
  }

  #onStartFailed(machine: number, error: unknown): void {
    const code = isOperatingError(error) ? error.code : String(error)
    if (this.#mayGo(machine, code)) return this.#renew(machine)
    const failed = (this.#failedStarts.get(machine) ?? 0) + 1
    this.#failedStarts.set(machine, failed)
    if (UNUSABLE.has(code) && this.#account.isDamaged(machine)) {
      this.#cluster.world.trace.mark('disk-replaced', { machine, code })
      this.wipe(machine)
    } else if (!this.#hasDiskFailed(machine) && !this.#cluster.renewals.isJoining(machine)) {
      this.violations.push(`did not start: node ${machine} fails with ${code}`)
    }
    if (failed < STARTS_MAX) this.#startLater(machine, this.#prng.between(...AGAIN_MS))
  }

  /** A node ended by itself. */
  #onFailed(machine: number, error: unknown): void {
    const code = isOperatingError(error) ? error.code : String(error)
    if (this.#mayGo(machine, code)) {
      this.#end(machine, 'kill')
      return this.#renew(machine)
    }
    if (!this.#hasDiskFailed(machine)) {
      this.violations.push(`gave up: node ${machine} ended with ${code}, and its disk was sound`)
    }
    this.#end(machine, this.#prng.chance(0.5) ? 'crash' : 'kill')
    this.#startLater(machine, this.#prng.between(...AGAIN_MS))
  }

  /** Its member was told to leave, and is gone. */
  #mayGo(machine: number, code: string): boolean {
    return code === 'member-gone' && this.leaving.delete(this.#cluster.memberOf(machine))
  }

  /** A new member joins from the machine. */
  #renew(machine: number): void {
    this.wipe(machine)
    this.#cluster.renewals.begin(machine)
    this.#startLater(machine, this.#prng.between(...AGAIN_MS))
  }

  #hasDiskFailed(machine: number): boolean {
    const before = this.#failuresBefore.get(machine) ?? 0
    return this.#cluster.world.disk(machine).failures > before
  }
}
