/**
 * Commits tables while everything else goes on, as operators at any node would: members get other
 * weights, some of them none, partitions are split, and places move. (docs/design.md 3.5)
 *
 * In the end one more table is committed, which all that run can adopt, and every move is waited
 * for: then there is one ring, and no member has copies of what it does not own.
 */
import type { Prng } from '../../base/prng.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { planOf } from '../../dynamo/ring/plan.ts'
import type { Table } from '../../dynamo/ring/table.ts'
import type { RunningNode } from '../../node/node.ts'
import type { Scenario } from '../scenario.ts'
import type { Cluster } from './cluster.ts'

/** Of members that are to own something. */
const WEIGHTS = [1, 1, 1, 2, 0, 0] as const
/** Now and then partitions double, up to so many bits. */
const SPLIT_CHANCE = 0.1
const SPLIT_BITS_MAX = 6
/** All moves end within so long once nothing fails any more. */
const SETTLE_MS_MAX = 300_000
const STEP_MS = 500

export class RingChanges {
  readonly #cluster: Cluster
  readonly #prng: Prng
  readonly #changeMs: number
  /** Of the buckets that are configured: a table need not know of one that was created. */
  readonly #ns: readonly number[]
  /** So many members own something: the highest N. */
  readonly #ownersMin: number
  /** The last data directory of each member that ran. */
  readonly #directories = new Map<NodeId, string>()
  #isOver = true
  #period = 0
  /** Tables that were committed. */
  committed = 0
  /** Places that came to another member. */
  moved = 0

  constructor(
    cluster: Cluster,
    { changeMs, buckets, created = [] }: Pick<Scenario, 'changeMs' | 'buckets' | 'created'>,
  ) {
    this.#cluster = cluster
    this.#changeMs = changeMs
    this.#ns = buckets.map(({ n }) => n)
    this.#ownersMin = Math.max(...[...buckets, ...created].map(({ n }) => n))
    this.#prng = cluster.world.prng('ring changes')
    cluster.world.trace.watch('places-taken', ({ count }) => (this.moved += Number(count)))
  }

  begin(): void {
    if (this.#changeMs === 0) return
    this.#isOver = false
    this.#period += 1
    this.#next(this.#period)
  }

  end(): void {
    this.#isOver = true
  }

  #next(period: number): void {
    const waitMs = this.#changeMs * (0.2 + 1.6 * this.#prng.unit())
    this.#cluster.world.after(waitMs, () => {
      if (this.#isOver || period !== this.#period) return
      this.#commit()
      this.#next(period)
    })
  }

  /** Where no node runs, or one was never met, nothing is committed. */
  #commit(): void {
    const nodes = this.#running()
    for (const [id, { directoryId }] of nodes) this.#directories.set(id, directoryId)
    if (nodes.length === 0) return
    const [, node] = this.#prng.pick(nodes)
    const table = this.#tableFor(node)
    if (table === undefined) return
    this.committed += 1
    void node.rings.commit(table).catch(() => undefined)
  }

  #running(): readonly (readonly [NodeId, RunningNode])[] {
    return this.#cluster.machines.flatMap((machine) => {
      const node = this.#cluster.node(machine)
      return node === undefined ? [] : [[this.#cluster.memberOf(machine), node] as const]
    })
  }

  #tableFor({ rings, membership }: RunningNode): Table | undefined {
    const { machines } = this.#cluster
    const ids = machines.map((machine) => this.#cluster.memberOf(machine))
    const parent = rings.view.adopted
    const weights = this.#weights(ids.length)
    const members = ids.flatMap((id, i) => {
      const record = membership.recordOf(id)
      return record === undefined ? [] : [{ ...record, weight: weights[i] as number }]
    })
    const needed = new Map<NodeId, string>()
    for (const id of ids) {
      const directory = this.#directories.get(id)
      if (directory === undefined) return undefined
      needed.set(id, directory)
    }
    const ns = this.#ns
    const isSplit = parent.ring.bits < SPLIT_BITS_MAX && this.#prng.chance(SPLIT_CHANCE)
    const bits = parent.ring.bits + (isSplit ? 1 : 0)
    return planOf({ parent, members, needed, without: [], ns, bits }).table
  }

  /** At least N members own something. */
  #weights(count: number): readonly number[] {
    const weights = Array.from({ length: count }, () => this.#prng.pick(WEIGHTS) as number)
    for (const i of this.#prng.shuffled(weights.map((_, at) => at))) {
      if (weights.filter((weight) => weight > 0).length >= this.#ownersMin) break
      if (weights[i] === 0) weights[i] = 1
    }
    return weights
  }

  /** Waits until all moves are done. Requires: all nodes run. Returns what is not, in sentences. */
  async settle(): Promise<readonly string[]> {
    const { world } = this.#cluster
    if (this.#changeMs === 0) return []
    const endMs = world.nowMs + SETTLE_MS_MAX
    // A table that needs a disk which is lost by now never takes effect.
    this.#commit()
    while (this.#left().length > 0) {
      if (world.nowMs >= endMs) return this.#left()
      await world.run(STEP_MS)
    }
    return []
  }

  #left(): readonly string[] {
    const nodes = this.#running()
    const digests = new Set(nodes.map(([, { rings }]) => rings.view.stages.table.digest.lo))
    const left = nodes.flatMap(([id, { rings, moves }]) => {
      const { stages, missing } = rings.view
      const { obstacle, givesAway } = moves
      if (rings.isFrozen) return [`a table is pending: node ${id} waits for ${missing.join(' ')}`]
      if (stages.left > 0) return [`moves are left: ${stages.left} at node ${id}: ${obstacle}`]
      return givesAway > 0 ? [`a donor: node ${id} has ${givesAway} partitions to give away`] : []
    })
    return digests.size > 1 ? [...left, 'nodes are at different tables'] : left
  }
}
