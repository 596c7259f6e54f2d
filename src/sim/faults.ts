/**
 * What goes wrong and when: drawn from the seed, never more than the promise survives.
 *
 * Each seed first chooses which faults exist, then how often they come. Power cuts of any number
 * of machines are within the promise at any time. Destroyed disks are not: so in each seed one
 * machine, drawn at its beginning, is *frail*; its disk may be emptied and no other's ever is, and
 * of any W >= 2 machines that acknowledged a write one is not it. Only faults that took effect are
 * counted: a reset without a connection is no fault.
 */
import { unreachable } from '../base/assert.ts'
import type { Prng } from '../base/prng.ts'
import type { Cluster } from './cluster.ts'
import type { History } from './history.ts'

export const FAULT_KINDS = [
  'crash',
  'crash-all',
  'crash-in-write',
  'crash-in-start',
  'crash-behind',
  'kill',
  'wipe',
  'sync-failure',
  'pause',
  'cut',
  'cut-one-way',
  'stall',
  'slow',
  'reset',
  'half-open',
  'slow-disk',
  'clock-step',
] as const

export type FaultKind = (typeof FAULT_KINDS)[number]

export interface FaultOptions {
  readonly kinds: readonly FaultKind[]
  /** Between two faults, on average. */
  readonly everyMs: number
  /** The one machine whose disk may be destroyed. */
  readonly frail: number
}

const ALWAYS: ReadonlySet<FaultKind> = new Set(['crash', 'crash-in-write', 'crash-behind'])

/** Which faults exist this time: always crashes, and most of the others. */
export function drawFaults(prng: Prng, machines: readonly number[], w: number): FaultOptions {
  const frail = prng.pick(machines)
  const kinds = FAULT_KINDS.filter((kind) => {
    // With one holder of a write, no disk may be destroyed.
    if (kind === 'wipe') return prng.chance(0.4) && w > 1
    return prng.chance(0.6) || ALWAYS.has(kind)
  })
  return { kinds, everyMs: prng.pick([60, 150, 400]), frail }
}

/** How long what was broken stays so, in milliseconds: usually short. */
const DOWN_MS: readonly [number, number] = [5, 400]
const DOWN_LONG_MS: readonly [number, number] = [400, 2_500]
const LONG_CHANCE = 0.2
/** Storms have an end: now and then nothing new goes wrong for a while, and work gets done. */
const CALM_CHANCE = 0.1
const CALM_MS: readonly [number, number] = [200, 1_000]
/** Within so long after a client began a write, or a node its start, the power goes. */
const IN_WRITE_MS = 3
const IN_START_MS = 30
/** How much slower a disk is that falls behind, and for how long before the power goes. */
const BEHIND_FACTOR = 100
const BEHIND_MS: readonly [number, number] = [10, 150]
const YEAR_MS = 365 * 86_400_000

export class Faults {
  readonly #cluster: Cluster
  readonly #prng: Prng
  readonly #options: FaultOptions
  readonly #history: History
  readonly counts = new Map<FaultKind, number>()
  /** Power cuts of a node while some client waited for a write. */
  crashesInWrites = 0
  /** Machines that are down on purpose. */
  readonly #down = new Set<number>()
  /** Machines whose disk was told to fail, and that have not been started again since. */
  readonly #failing = new Set<number>()
  #isOver = false

  constructor(cluster: Cluster, prng: Prng, options: FaultOptions, history: History) {
    this.#cluster = cluster
    this.#prng = prng
    this.#options = options
    this.#history = history
  }

  get total(): number {
    let total = 0
    for (const count of this.counts.values()) total += count
    return total
  }

  begin(): void {
    this.#next()
  }

  /** No more faults; whatever is still down, cut, paused or slow is made good. */
  async end(): Promise<void> {
    this.#isOver = true
    this.#history.onNextWrite = undefined
    const { world } = this.#cluster
    world.heal()
    for (const machine of this.#cluster.machines) {
      world.disk(machine).slow(1)
      if (world.isPaused(machine)) world.resume(machine)
    }
    this.#takeDown([...this.#failing], 0, 'crash')
    const isUp = (): boolean => this.#down.size === 0
    await world.runUntil(isUp, 60_000)
  }

  #next(): void {
    const calmMs = this.#prng.chance(CALM_CHANCE) ? this.#prng.between(...CALM_MS) : 0
    const waitMs = calmMs + this.#options.everyMs * (0.2 + 1.6 * this.#prng.unit())
    this.#cluster.world.after(waitMs, () => {
      if (this.#isOver) return
      const kind = this.#prng.pick(this.#options.kinds)
      if (this.#inject(kind)) this.#count(kind)
      this.#next()
    })
  }

  #count(kind: FaultKind): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
  }

  /** True where it took effect; those that take effect later count themselves. */
  #inject(kind: FaultKind): boolean {
    const { world, machines } = this.#cluster
    const machine = this.#prng.pick(machines)
    const other = this.#prng.pick([...machines, ...this.#cluster.clientMachines])
    const forMs = this.#prng.between(...(this.#prng.chance(LONG_CHANCE) ? DOWN_LONG_MS : DOWN_MS))
    switch (kind) {
      case 'crash':
        return this.#takeDown([machine], forMs, 'crash')
      case 'crash-all':
        return this.#takeDown(machines, forMs, 'crash')
      case 'kill':
        return this.#takeDown(this.#prng.chance(0.3) ? machines : [machine], forMs, 'kill')
      case 'wipe':
        return this.#meetWrite(() => this.#wipe(this.#prng.chance(0.5), forMs))
      case 'crash-in-write': {
        const some = machines.filter((one) => one === machine || this.#prng.chance(0.6))
        return this.#meetWrite(() => this.#takeDown(some, forMs, 'crash') && kind)
      }
      case 'crash-in-start':
        return this.#takeDown([machine], forMs, 'crash', true) && false
      case 'crash-behind':
        return this.#crashBehind(machine)
      case 'sync-failure':
        return this.#failSync(machine, forMs)
      case 'pause':
        return this.#pause(machine, forMs)
      case 'slow-disk':
        world.disk(machine).slow(this.#prng.between(2, 50))
        return this.#later(forMs, () => world.disk(machine).slow(1))
      case 'clock-step':
        world.stepWallTime(machine, (this.#prng.unit() - 0.5) * 20 * YEAR_MS)
        return true
      default:
        return machine !== other && this.#harmPath(kind, machine, other, forMs)
    }
  }

  #harmPath(kind: PathFault, from: number, to: number, forMs: number): boolean {
    const { world } = this.#cluster
    switch (kind) {
      case 'cut':
        world.cut(from, to)
        return this.#later(forMs, () => world.healBetween(from, to))
      case 'cut-one-way':
        world.cutOneWay(from, to)
        return this.#later(forMs, () => world.healBetween(from, to))
      case 'stall':
        world.network.stall(from, to, forMs)
        return true
      case 'slow':
        world.network.slow(from, to, this.#prng.between(1, 200))
        return this.#later(forMs, () => world.network.slow(from, to, 0))
      case 'reset':
        return world.network.reset(from, to) > 0
      case 'half-open':
        return world.network.breakSilently(from, to) > 0
      default:
        return unreachable(kind)
    }
  }

  #takeDown(machines: readonly number[], forMs: number, how: How, again = false): boolean {
    const up = machines.filter((machine) => this.#cluster.isRunning(machine))
    if (up.length > 0 && how !== 'kill' && this.#history.open > 0) this.crashesInWrites += 1
    for (const machine of up) {
      this.#end(machine, how)
      this.#down.add(machine)
      this.#bringBack(machine, forMs + this.#prng.between(0, forMs + 1), again)
    }
    return up.length > 0
  }

  #end(machine: number, how: How): void {
    this.#cluster.world.disk(machine).disarm()
    this.#failing.delete(machine)
    if (how === 'kill') this.#cluster.kill(machine)
    else if (how === 'crash') this.#cluster.crash(machine)
    else this.#cluster.crashAndWipe(machine)
  }

  /** Starts it again; where `again` is true it is first interrupted while it recovers. */
  #bringBack(machine: number, afterMs: number, again: boolean): void {
    const { world } = this.#cluster
    world.after(afterMs, () => {
      this.#cluster.start(machine).then(
        () => this.#down.delete(machine),
        // Noted by the cluster: a node that cannot start fails the seed.
        () => this.#down.delete(machine),
      )
      if (!again) return
      const how = this.#prng.chance(0.5) ? 'crash' : 'kill'
      world.after(this.#prng.unit() * IN_START_MS, () => {
        if (!this.#cluster.isStarting(machine)) return
        this.#count('crash-in-start')
        this.#end(machine, how)
        this.#bringBack(machine, this.#prng.between(0, 200), this.#prng.chance(0.3))
      })
    })
  }

  /** Waits for the next write of a client, and does harm while it is being done. */
  #meetWrite(harm: () => FaultKind | false): boolean {
    const afterMs = this.#prng.unit() * IN_WRITE_MS
    this.#history.onNextWrite = () => {
      this.#cluster.world.after(afterMs, () => {
        const kind = this.#isOver ? false : harm()
        if (kind !== false) this.#count(kind)
      })
    }
    return false
  }

  /**
   * A disk falls far behind the others, which go on acknowledging; then the power goes, and the
   * node comes back at once: without what it wrote, while the others hold it.
   */
  #crashBehind(machine: number): boolean {
    const { world } = this.#cluster
    world.disk(machine).slow(BEHIND_FACTOR)
    world.after(this.#prng.between(...BEHIND_MS), () => {
      world.disk(machine).slow(1)
      if (this.#isOver || !this.#takeDown([machine], 0, 'crash')) return
      this.#count('crash-behind')
    })
    return false
  }

  /** Destroys the frail disk: alone, or in a power cut of all machines. */
  #wipe(isForAll: boolean, forMs: number): FaultKind | false {
    const { frail } = this.#options
    if (!this.#takeDown([frail], forMs, 'wipe')) return false
    if (isForAll) this.#takeDown(this.#cluster.machines, forMs, 'crash')
    return 'wipe'
  }

  /**
   * The next sync of a file fails, and with it this run of the log; later the node is started
   * again, after its power was cut or after its process alone was ended.
   */
  #failSync(machine: number, forMs: number): boolean {
    const { world } = this.#cluster
    const isUp = this.#cluster.isRunning(machine) && !this.#cluster.isStarting(machine)
    if (!isUp || this.#failing.has(machine)) return false
    const before = world.trace.count('disk-fault')
    world.disk(machine).arm({ call: 'sync' })
    this.#failing.add(machine)
    const how = this.#prng.chance(0.5) ? 'crash' : 'kill'
    world.after(forMs, () => {
      world.disk(machine).disarm()
      if (this.#isOver || !this.#failing.delete(machine)) return
      if (world.trace.count('disk-fault') === before) return
      if (this.#takeDown([machine], 0, how)) this.#count('sync-failure')
    })
    return false
  }

  #pause(machine: number, forMs: number): boolean {
    const { world } = this.#cluster
    if (!world.isRunning(machine) || world.isPaused(machine)) return false
    world.pause(machine)
    return this.#later(forMs, () => {
      if (world.isRunning(machine) && world.isPaused(machine)) world.resume(machine)
    })
  }

  #later(ms: number, undo: () => void): true {
    this.#cluster.world.after(ms, undo)
    return true
  }
}

type How = 'crash' | 'kill' | 'wipe'
type PathFault = 'cut' | 'cut-one-way' | 'stall' | 'slow' | 'reset' | 'half-open'
