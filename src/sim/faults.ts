/**
 * What goes wrong and when: drawn from the seed, never more than the promise survives.
 *
 * Each seed first chooses which faults exist, then how often they come. Power cuts of any number
 * of machines are within the promise; destroyed disks are not among these faults. Only faults that
 * took effect are counted: a reset without a connection is no fault.
 */
import type { Prng } from '../base/prng.ts'
import type { Cluster } from './cluster.ts'

export const FAULT_KINDS = [
  'crash',
  'crash-all',
  'kill',
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
}

/** Which faults exist this time: always a crash, and most of the others. */
export function drawFaults(prng: Prng): FaultOptions {
  const kinds = FAULT_KINDS.filter((kind) => kind === 'crash' || prng.chance(0.6))
  return { kinds, everyMs: prng.between(60, 500) }
}

/** How long what was broken stays so, in milliseconds. */
const DOWN_MS: readonly [number, number] = [5, 2_500]

export class Faults {
  readonly #cluster: Cluster
  readonly #prng: Prng
  readonly #options: FaultOptions
  readonly counts = new Map<FaultKind, number>()
  /** Machines that are down on purpose. */
  readonly #down = new Set<number>()
  #isOver = false

  constructor(cluster: Cluster, prng: Prng, options: FaultOptions) {
    this.#cluster = cluster
    this.#prng = prng
    this.#options = options
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
    const { world } = this.#cluster
    world.heal()
    for (const machine of this.#cluster.machines) {
      world.disk(machine).slow(1)
      if (world.isPaused(machine)) world.resume(machine)
    }
    const isUp = (): boolean => this.#down.size === 0
    await world.runUntil(isUp, 60_000)
  }

  #next(): void {
    const waitMs = this.#options.everyMs * (0.2 + 1.6 * this.#prng.unit())
    this.#cluster.world.after(waitMs, () => {
      if (this.#isOver) return
      const kind = this.#prng.pick(this.#options.kinds)
      if (this.#inject(kind)) this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
      this.#next()
    })
  }

  /** True where it took effect. */
  #inject(kind: FaultKind): boolean {
    const { world, machines } = this.#cluster
    const machine = this.#prng.pick(machines)
    const other = this.#prng.pick([...machines, ...this.#cluster.clientMachines])
    const forMs = this.#prng.between(...DOWN_MS)
    switch (kind) {
      case 'crash':
        return this.#takeDown([machine], forMs, true)
      case 'crash-all':
        return this.#takeDown(machines, forMs, true)
      case 'kill':
        return this.#takeDown([machine], forMs, false)
      case 'pause':
        return this.#pause(machine, forMs)
      case 'cut':
        if (machine === other) return false
        world.cut(machine, other)
        return this.#later(forMs, () => world.healBetween(machine, other))
      case 'cut-one-way':
        if (machine === other) return false
        world.cutOneWay(machine, other)
        return this.#later(forMs, () => world.healBetween(machine, other))
      case 'stall':
        if (machine === other) return false
        world.network.stall(machine, other, forMs)
        return true
      case 'slow':
        if (machine === other) return false
        world.network.slow(machine, other, this.#prng.between(1, 200))
        return this.#later(forMs, () => world.network.slow(machine, other, 0))
      case 'reset':
        return world.network.reset(machine, other) > 0
      case 'half-open':
        return world.network.breakSilently(machine, other) > 0
      case 'slow-disk':
        world.disk(machine).slow(this.#prng.between(2, 50))
        return this.#later(forMs, () => world.disk(machine).slow(1))
      case 'clock-step':
        world.stepWallTime(machine, (this.#prng.unit() - 0.5) * 20 * 365 * 86_400_000)
        return true
    }
  }

  #takeDown(machines: readonly number[], forMs: number, isPowerLost: boolean): boolean {
    const up = machines.filter((machine) => this.#cluster.isRunning(machine))
    for (const machine of up) {
      if (isPowerLost) this.#cluster.crash(machine)
      else this.#cluster.kill(machine)
      this.#down.add(machine)
      this.#bringBack(machine, forMs + this.#prng.between(0, 200))
    }
    return up.length > 0
  }

  #bringBack(machine: number, afterMs: number): void {
    this.#cluster.world.after(afterMs, () => {
      this.#cluster.start(machine).then(
        () => this.#down.delete(machine),
        // Noted by the cluster: a node that cannot start fails the seed.
        () => this.#down.delete(machine),
      )
    })
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
