/**
 * Rotates the cluster keys while everything else goes on, as operators at any node would, until
 * there is no room for more. (docs/design.md 3.3)
 *
 * In the end all members must have the same keys, and sign with the newest. None is dropped: a node
 * whose disk is emptied comes back with the first key alone, and must be let in by it.
 */
import type { Prng } from '../../base/prng.ts'
import { keyLabel } from '../../dynamo/membership/key-ring.ts'
import type { RunningNode } from '../../node/node.ts'
import type { Scenario } from '../scenario.ts'
import type { Cluster } from './cluster.ts'

/** All have the newest key, and sign with it, within so long once nothing fails any more. */
const SETTLE_MS_MAX = 60_000
const STEP_MS = 500
/** Now and then two operators do it at once. */
const TWICE_CHANCE = 0.2

export class KeyChanges {
  readonly #cluster: Cluster
  readonly #prng: Prng
  readonly #rotateMs: number
  #isOver = true
  #period = 0
  /** Keys that were made. */
  made = 0

  constructor(cluster: Cluster, { rotateMs }: Pick<Scenario, 'rotateMs'>) {
    this.#cluster = cluster
    this.#rotateMs = rotateMs
    this.#prng = cluster.world.prng('key changes')
    cluster.world.trace.watch('key-made', () => (this.made += 1))
  }

  begin(): void {
    if (this.#rotateMs === 0) return
    this.#isOver = false
    this.#period += 1
    this.#next(this.#period)
  }

  end(): void {
    this.#isOver = true
  }

  #next(period: number): void {
    const waitMs = this.#rotateMs * (0.2 + 1.6 * this.#prng.unit())
    this.#cluster.world.after(waitMs, () => {
      if (this.#isOver || period !== this.#period) return
      this.#rotate()
      if (this.#prng.chance(TWICE_CHANCE)) this.#rotate()
      this.#next(period)
    })
  }

  /** Where no node runs there, nothing is made; one that ends meanwhile may have made it or not. */
  #rotate(): void {
    const keys = this.#cluster.node(this.#prng.pick(this.#cluster.machines))?.keys
    if (keys === undefined) return
    keys.rotate(keys.ring.newest.id).catch(() => undefined)
  }

  /** Waits until all have the same keys. Requires: all nodes run. What they lack, in sentences. */
  async settle(): Promise<readonly string[]> {
    const { world } = this.#cluster
    if (this.#rotateMs === 0) return []
    const endMs = world.nowMs + SETTLE_MS_MAX
    while (this.#left().length > 0) {
      if (world.nowMs >= endMs) return this.#left()
      await world.run(STEP_MS)
    }
    return []
  }

  #left(): readonly string[] {
    const nodes = this.#cluster.machines.flatMap((machine) => {
      const node = this.#cluster.node(machine)
      return node === undefined ? [] : [[machine, node] as const]
    })
    const [, first] = nodes[0] as readonly [number, RunningNode]
    return nodes.flatMap(([machine, { keys }]) => {
      const { ring } = keys
      const signer = keyLabel(ring.signer)
      if (!ring.isSame(first.keys.ring)) {
        return [`keys differ: node ${machine} has ${ring.keys.map(keyLabel).join(' ')}`]
      }
      if (ring.signer === ring.newest) return []
      return [`a key waits: node ${machine} signs with ${signer}, not ${keyLabel(ring.newest)}`]
    })
  }
}
