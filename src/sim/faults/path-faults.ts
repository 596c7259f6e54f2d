/**
 * Inject network faults between machines: cuts of every shape, stalls, slowness, resets.
 *
 * Both nodes and clients are affected. Every fault but a reset and a half-open connection ends
 * after a time; two that overlap may end together.
 */
import { unreachable } from '../../base/assert.ts'
import type { Prng } from '../../base/prng.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { FaultKind } from '../scenario.ts'

export type PathFault = Extract<
  FaultKind,
  'cut' | 'cut-one-way' | 'isolate' | 'split' | 'swizzle' | 'stall' | 'slow' | 'reset' | 'half-open'
>

const SLOW_MS: readonly [number, number] = [1, 200]
/** Of a machine to be among those that are cut off. */
const SIDE_CHANCE = 0.4

export class PathFaults {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** True where it took effect. */
  inject(kind: PathFault, prng: Prng, forMs: number): boolean {
    const { world, machines } = this.#cluster
    const from = prng.pick(machines)
    const to = prng.pick(this.#all.filter((one) => one !== from))
    switch (kind) {
      case 'cut':
        world.cut(from, to)
        return this.#later(forMs, () => world.healBetween(from, to))
      case 'cut-one-way':
        if (prng.chance(0.5)) world.cutOneWay(from, to)
        else world.cutOneWay(to, from)
        return this.#later(forMs, () => world.healBetween(from, to))
      case 'isolate':
        this.#separate([from])
        return this.#later(forMs, () => this.#join([from]))
      case 'split':
        return this.#split(prng, forMs)
      case 'swizzle':
        return this.#swizzle(prng, forMs)
      case 'stall':
        world.network.stall(from, to, forMs)
        return true
      case 'slow':
        world.network.slow(from, to, prng.between(...SLOW_MS))
        return this.#later(forMs, () => world.network.slow(from, to, 0))
      case 'reset':
        return world.network.reset(from, to) > 0
      case 'half-open':
        return world.network.breakSilently(from, to) > 0
      default:
        return unreachable(kind)
    }
  }

  get #all(): readonly number[] {
    return [...this.#cluster.machines, ...this.#cluster.clientMachines]
  }

  /** Two sides, each with some of the nodes and some of the clients. */
  #split(prng: Prng, forMs: number): boolean {
    const side = this.#all.filter(() => prng.chance(SIDE_CHANCE))
    this.#separate(side)
    return this.#later(forMs, () => this.#join(side))
  }

  /** Some machines are cut off one after another, and come back in another order. */
  #swizzle(prng: Prng, forMs: number): boolean {
    const some = this.#cluster.machines.filter(() => prng.chance(SIDE_CHANCE))
    for (const one of some) this.#later(prng.unit() * forMs, () => this.#separate([one]))
    for (const one of some) this.#later((1 + prng.unit()) * forMs, () => this.#join([one]))
    return some.length > 0
  }

  #separate(side: readonly number[]): void {
    for (const a of side) {
      for (const b of this.#all) if (!side.includes(b)) this.#cluster.world.cut(a, b)
    }
  }

  #join(side: readonly number[]): void {
    for (const a of side) {
      for (const b of this.#all) if (!side.includes(b)) this.#cluster.world.healBetween(a, b)
    }
  }

  #later(ms: number, undo: () => void): true {
    this.#cluster.world.after(ms, undo)
    return true
  }
}
