/**
 * Commits tables while everything else goes on, as operators at any node would: members get other
 * weights, some of them none, partitions are split, and places move. (docs/design.md 3.5)
 *
 * Now and then a member is told to leave, or one that lives is removed as if it were dead, and a
 * new one joins from its machine once it is gone (`renewals.ts`). A member that has joined and
 * loses its disk comes back as a new one: its old record is removed, and the others fill what it
 * owned.
 *
 * In the end tables are committed until one has all that run, and every move is waited for: then
 * there is one ring, and no member has copies of what it does not own.
 */
import { isOperatingError } from '../../base/errors.ts'
import type { Prng } from '../../base/prng.ts'
import { type MemberRecord, MemberState } from '../../dynamo/membership/member-record.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { planOf } from '../../dynamo/ring/plan.ts'
import type { Table } from '../../dynamo/ring/table.ts'
import type { RunningNode } from '../../node/node.ts'
import type { Scenario } from '../scenario.ts'
import type { Cluster } from './cluster.ts'
import type { Operator } from './operator.ts'

/** Of members that are to own something. */
const WEIGHTS = [1, 1, 1, 2, 0, 0] as const
/** Now and then partitions double, up to so many bits. */
const SPLIT_CHANCE = 0.1
const SPLIT_BITS_MAX = 6
/** One member at a time leaves, where enough stay. */
const LEAVE_CHANCE = 0.5
/** Of those that are to leave: removed at once, which counts as the loss of a disk. */
const REMOVE_CHANCE = 0.5
/** All moves end within so long once nothing fails any more. */
const SETTLE_MS_MAX = 300_000
const STEP_MS = 500

export class RingChanges {
  readonly #cluster: Cluster
  readonly #operator: Operator
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
  /** Members that were removed while they lived. */
  removed = 0

  constructor(
    cluster: Cluster,
    operator: Operator,
    { changeMs, buckets, created = [] }: Pick<Scenario, 'changeMs' | 'buckets' | 'created'>,
  ) {
    this.#cluster = cluster
    this.#operator = operator
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
      void this.#change(this.#prng.chance(LEAVE_CHANCE))
      this.#next(period)
    })
  }

  /** Where no node runs, or one was never met, nothing is committed. */
  async #change(mayLeave: boolean): Promise<void> {
    const nodes = this.#running()
    for (const [id, { directoryId }] of nodes) this.#directories.set(id, directoryId)
    if (nodes.length === 0) return
    const [, node] = this.#prng.pick(nodes)
    try {
      for (const { id } of this.#lost(node)) {
        await node.membership.change([id, { state: MemberState.gone }])
      }
      if (mayLeave) await this.#chooseToLeave(node)
      await this.#tellToLeave(node)
      const table = this.#tableFor(node)
      if (table === undefined) return
      this.committed += 1
      await node.rings.commit(table)
    } catch (error) {
      // The node ends: an operator would ask another one.
      if (!isOperatingError(error)) throw error
    }
  }

  #running(): readonly (readonly [NodeId, RunningNode])[] {
    return this.#cluster.machines.flatMap((machine) => {
      const node = this.#cluster.node(machine)
      return node === undefined ? [] : [[this.#cluster.memberOf(machine), node] as const]
    })
  }

  get #ids(): readonly NodeId[] {
    return this.#cluster.machines.map((machine) => this.#cluster.memberOf(machine))
  }

  /** Members that have lost their disks, where new ones have joined in their places. */
  #lost({ membership }: RunningNode): readonly MemberRecord[] {
    const { machines, renewals } = this.#cluster
    if (machines.some((machine) => renewals.isJoining(machine))) return []
    return membership.present.filter(({ id }) => !this.#ids.includes(id))
  }

  async #chooseToLeave({ membership }: RunningNode): Promise<void> {
    const { leaving } = this.#operator
    // Its successor could not join: a node that keeps nothing has no directory.
    if (this.#cluster.isVolatile) return
    const joined = membership.present.filter(({ state }) => state === MemberState.joined)
    if (leaving.size > 0 || joined.length <= this.#ownersMin) return
    const { id } = this.#prng.pick(joined)
    if (!this.#ids.includes(id)) return
    const isAsked = id === membership.view.self
    if (!isAsked && this.#prng.chance(REMOVE_CHANCE)) {
      if (!this.#operator.mayRemove(id)) return
      leaving.add(id)
      this.removed += 1
      await membership.change([id, { state: MemberState.gone }])
    } else leaving.add(id)
  }

  /** Once more where the node that was asked before has ended meanwhile. */
  async #tellToLeave({ membership }: RunningNode): Promise<void> {
    for (const id of this.#operator.leaving) {
      if (membership.recordOf(id)?.state !== MemberState.joined) continue
      await membership.change([id, { state: MemberState.leaving }])
    }
  }

  #tableFor({ rings, membership }: RunningNode): Table | undefined {
    const { adopted: parent, stages } = rings.view
    const present = membership.present
    const joined = present.filter(({ state }) => state === MemberState.joined)
    const weights = this.#weights(joined.length)
    const members = joined.map((record, i) => ({ ...record, weight: weights[i] as number }))
    const needed = new Map<NodeId, string>()
    for (const { id } of present) {
      const directory = this.#directories.get(id)
      if (directory === undefined) return undefined
      needed.set(id, directory)
    }
    const all = [...membership.view.members.all()]
    const isDead = ({ id, state }: MemberRecord): boolean =>
      state === MemberState.gone && stages.ownerOf(id) !== undefined
    const without = all.filter(isDead).map(({ id }) => id)
    const ns = this.#ns
    const isSplit = parent.ring.bits < SPLIT_BITS_MAX && this.#prng.chance(SPLIT_CHANCE)
    const bits = parent.ring.bits + (isSplit ? 1 : 0)
    return planOf({ parent, members, needed, without, ns, bits }).table
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
    await world.complete(this.#change(false))
    while (this.#left().length > 0) {
      if (world.nowMs >= endMs) return this.#left()
      await world.run(STEP_MS)
      if (this.#isOutdated()) await world.complete(this.#change(false))
    }
    return []
  }

  /** A member was told to leave, or has lost its disk or joined, since the newest table. */
  #isOutdated(): boolean {
    const nodes = this.#running()
    const [first] = nodes
    if (first === undefined || nodes.length < this.#cluster.machines.length) return false
    const { needed, ring } = first[1].rings.view.adopted
    if ([...this.#operator.leaving].some((id) => ring.member(id) !== undefined)) return true
    return nodes.some(([id, { directoryId }]) => needed.get(id) !== directoryId)
  }

  #left(): readonly string[] {
    const nodes = this.#running()
    const digests = new Set(nodes.map(([, { rings }]) => rings.view.stages.table.digest.lo))
    const { leaving } = this.#operator
    if (leaving.size > 0) return [`a member has not left: ${[...leaving].join(' ')}`]
    if (nodes.length < this.#cluster.machines.length) return ['a node does not run']
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
