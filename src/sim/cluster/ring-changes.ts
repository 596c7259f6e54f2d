/**
 * Commits tables while everything else goes on, as operators at any node would: members get other
 * weights, some of them none, and other zones, partitions are split, and places move. A table that
 * waits is taken back now and then. (docs/design.md 3.5)
 *
 * Now and then a member is told to leave, or one that lives is removed as if it were dead, and a
 * new one joins from its machine once it is gone (`renewals.ts`). One that leaves may be replaced:
 * another gets its weight. A member that has joined and loses its disk comes back as a new one: its
 * old record is removed, and the others fill what it owned.
 *
 * A member that is away may be named as dead, and comes back: the table does not wait for it, and
 * others fill its places without it. So what it alone acknowledged counts as lost.
 *
 * In the end tables are committed until one has all that run, and every move is waited for: then
 * there is one ring, and no member has copies of what it does not own.
 */
import { isOperatingError } from '../../base/errors.ts'
import type { Prng } from '../../base/prng.ts'
import { type MemberRecord, MemberState } from '../../dynamo/membership/member-record.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { planOf, takenBack } from '../../dynamo/ring/plan.ts'
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
/** Of the others, where a member owns nothing: replaced by that. */
const REPLACE_CHANCE = 0.5
/** Where one is away: it is named as dead. */
const NAME_CHANCE = 0.5
/** Where a table waits: it is taken back. */
const BACK_CHANCE = 0.3
const ZONE_CHANCE = 0.3
const ZONES = ['', 'a', 'b', 'c'] as const
/** All moves end within so long once nothing fails any more. */
const SETTLE_MS_MAX = 300_000
const STEP_MS = 500

/** What operators have done. */
export interface RingChangeCounts {
  /** Tables that were committed. */
  tables: number
  /** Places that came to another member. */
  moved: number
  /** Members that were removed, or named as dead, while they lived. */
  removed: number
  namedDead: number
  /** Members that left, and gave their weight to another. */
  replaced: number
  /** Tables that were taken back. */
  takenBack: number
  /** Zones of members that became others. */
  zones: number
}

export const NO_RING_CHANGES: Readonly<RingChangeCounts> = {
  tables: 0,
  moved: 0,
  removed: 0,
  namedDead: 0,
  replaced: 0,
  takenBack: 0,
  zones: 0,
}

/** What one table is to do beside the weights. */
interface Intent {
  /** Named as dead. */
  readonly away?: NodeId | undefined
  /** Gets the weight of the other, and all else have the weights of before. */
  readonly successor?: NodeId | undefined
  readonly leaver?: NodeId | undefined
}

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
  readonly counts: RingChangeCounts = { ...NO_RING_CHANGES }

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
    cluster.world.trace.watch('places-taken', ({ count }) => (this.counts.moved += Number(count)))
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
      void this.#atOne((node) => this.#change(node))
      this.#next(period)
    })
  }

  /** Where no node runs, nothing is done. */
  async #atOne(act: (node: RunningNode) => Promise<void>): Promise<void> {
    const nodes = this.#running()
    for (const [id, { directoryId }] of nodes) this.#directories.set(id, directoryId)
    this.#forgetLost()
    if (nodes.length === 0) return
    const [, node] = this.#prng.pick(nodes)
    try {
      await act(node)
    } catch (error) {
      // The node ends: an operator would ask another one.
      if (!isOperatingError(error)) throw error
    }
  }

  /** One whose disk was emptied before it left comes back as a new member. */
  #forgetLost(): void {
    const { leaving } = this.#operator
    for (const id of leaving) if (!this.#ids.includes(id)) leaving.delete(id)
  }

  async #change(node: RunningNode): Promise<void> {
    if (node.rings.isFrozen && this.#prng.chance(BACK_CHANCE)) return this.#takeBack(node)
    if (this.#prng.chance(ZONE_CHANCE)) await this.#changeZone(node)
    const away = this.#chooseAway(node)
    const leaves = away === undefined && this.#prng.chance(LEAVE_CHANCE)
    await this.#commit(node, leaves ? await this.#chooseToLeave(node) : { away })
  }

  /** Where one was never met, nothing is committed. */
  async #commit(node: RunningNode, intent: Intent): Promise<void> {
    for (const { id } of this.#lost(node)) {
      await node.membership.change([id, { state: MemberState.gone }])
    }
    await this.#tellToLeave(node)
    const table = this.#tableFor(node, intent)
    if (table === undefined) return
    this.counts.tables += 1
    await node.rings.commit(table)
  }

  async #takeBack(node: RunningNode): Promise<void> {
    const needed = this.#neededOf(node, [])
    if (needed === undefined) return
    this.counts.takenBack += 1
    const without = this.#deadOf(node)
    await node.rings.commit(takenBack(node.rings.view, { needed, without, ns: this.#ns }))
  }

  async #changeZone({ membership }: RunningNode): Promise<void> {
    const { id } = this.#prng.pick(membership.present)
    const zone = this.#prng.pick(ZONES)
    if (membership.recordOf(id)?.zone === zone) return
    await membership.change([id, { zone }])
    this.counts.zones += 1
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

  /** Members of which one may be missed: all that have joined, where they are enough. */
  #dispensable({ membership }: RunningNode): readonly MemberRecord[] {
    const joined = membership.present.filter(({ state }) => state === MemberState.joined)
    return joined.length > this.#ownersMin ? joined : []
  }

  async #chooseToLeave(node: RunningNode): Promise<Intent> {
    const { leaving } = this.#operator
    const { membership } = node
    // Its successor could not join: a node that keeps nothing has no directory.
    if (this.#cluster.isVolatile || leaving.size > 0) return {}
    const joined = this.#dispensable(node)
    if (joined.length === 0) return {}
    const leaver = this.#prng.pick(joined)
    const { id } = leaver
    if (!this.#ids.includes(id)) return {}
    const isAsked = id === membership.view.self
    if (!isAsked && this.#prng.chance(REMOVE_CHANCE)) {
      if (!this.#operator.mayLose(id, 'member-removed')) return {}
      leaving.add(id)
      this.counts.removed += 1
      await membership.change([id, { state: MemberState.gone }])
      return {}
    }
    leaving.add(id)
    return this.#prng.chance(REPLACE_CHANCE) ? this.#replace(node, leaver, joined) : {}
  }

  /** The successor is a member that owns nothing. */
  async #replace(
    { membership, rings }: RunningNode,
    { id: leaver }: MemberRecord,
    joined: readonly MemberRecord[],
  ): Promise<Intent> {
    const { ring } = rings.view.adopted
    const weight = ring.member(leaver)?.weight ?? 0
    const idle = joined.filter(({ id }) => id !== leaver && (ring.member(id)?.weight ?? 0) === 0)
    if (idle.length === 0 || weight === 0) return {}
    const { id: successor } = this.#prng.pick(idle)
    await membership.change([successor, { weight }])
    this.counts.replaced += 1
    return { leaver, successor }
  }

  /** One that lives and is away: what it alone has counts as lost once it is named as dead. */
  #chooseAway(node: RunningNode): NodeId | undefined {
    if (this.#cluster.isVolatile || !this.#prng.chance(NAME_CHANCE)) return undefined
    const { peers } = node.status()
    const isAway = (id: NodeId): boolean =>
      peers.some((peer) => peer.node === id && !peer.isConnected)
    const away = this.#dispensable(node).filter(({ id }) => this.#ids.includes(id) && isAway(id))
    if (away.length === 0) return undefined
    const { id } = this.#prng.pick(away)
    if (!this.#operator.mayLose(id, 'member-named-dead')) return undefined
    this.counts.namedDead += 1
    return id
  }

  /** Once more where the node that was asked before has ended meanwhile. */
  async #tellToLeave({ membership }: RunningNode): Promise<void> {
    for (const id of this.#operator.leaving) {
      if (membership.recordOf(id)?.state !== MemberState.joined) continue
      await membership.change([id, { state: MemberState.leaving }])
    }
  }

  #tableFor(node: RunningNode, { away, leaver, successor }: Intent): Table | undefined {
    const { rings, membership } = node
    const { adopted: parent } = rings.view
    const named = away === undefined ? [] : [away]
    const joined = membership.present.filter(({ id, state }) => {
      return state === MemberState.joined && id !== away
    })
    const weightOf = (id: NodeId | undefined): number =>
      id === undefined ? 0 : (parent.ring.member(id)?.weight ?? 0)
    const weights = this.#enough(
      joined.map(({ id }) => {
        if (successor === undefined) return this.#prng.pick(WEIGHTS)
        return weightOf(id === successor ? leaver : id)
      }),
    )
    const members = joined.map((record, i) => ({ ...record, weight: weights[i] as number }))
    const needed = this.#neededOf(node, named)
    if (needed === undefined) return undefined
    const without = [...this.#deadOf(node), ...named]
    const ns = this.#ns
    const isSplit = parent.ring.bits < SPLIT_BITS_MAX && this.#prng.chance(SPLIT_CHANCE)
    const bits = parent.ring.bits + (isSplit ? 1 : 0)
    return planOf({ parent, members, needed, without, ns, bits }).table
  }

  /** Undefined where one was never met. */
  #neededOf(
    { membership }: RunningNode,
    named: readonly NodeId[],
  ): ReadonlyMap<NodeId, string> | undefined {
    const needed = new Map<NodeId, string>()
    for (const { id } of membership.present) {
      if (named.includes(id)) continue
      const directory = this.#directories.get(id)
      if (directory === undefined) return undefined
      needed.set(id, directory)
    }
    return needed
  }

  /** Owners that are gone. */
  #deadOf({ membership, rings }: RunningNode): readonly NodeId[] {
    const { stages } = rings.view
    return [...membership.view.members.all()]
      .filter(({ id, state }) => state === MemberState.gone && stages.ownerOf(id) !== undefined)
      .map(({ id }) => id)
  }

  /** At least N members own something. */
  #enough(drawn: readonly number[]): readonly number[] {
    const weights = [...drawn]
    for (const i of this.#prng.shuffled(weights.map((_, at) => at))) {
      if (weights.filter((weight) => weight > 0).length >= this.#ownersMin) break
      if (weights[i] === 0) weights[i] = 1
    }
    return weights
  }

  /**
   * Commits until no table counts on a member that was removed: one that is rebuilt waits for all
   * owners. Requires: all nodes run.
   */
  async replaceRemoved(): Promise<void> {
    const { world } = this.#cluster
    const endMs = world.nowMs + SETTLE_MS_MAX
    const isOwner = ([, node]: readonly [NodeId, RunningNode]): boolean =>
      this.#deadOf(node).some((id) => !node.rings.view.adopted.without.includes(id))
    while (this.#changeMs > 0 && world.nowMs < endMs && this.#running().some(isOwner)) {
      await world.complete(this.#commitAnywhere())
      await world.run(STEP_MS)
    }
  }

  #commitAnywhere(): Promise<void> {
    return this.#atOne((node) => this.#commit(node, {}))
  }

  /** Waits until all moves are done. Requires: all nodes run. Returns what is not, in sentences. */
  async settle(): Promise<readonly string[]> {
    const { world } = this.#cluster
    if (this.#changeMs === 0) return []
    const endMs = world.nowMs + SETTLE_MS_MAX
    // A table that needs a disk which is lost by now never takes effect.
    await world.complete(this.#commitAnywhere())
    while (this.#left().length > 0) {
      if (world.nowMs >= endMs) return this.#left()
      await world.run(STEP_MS)
      if (this.#isOutdated()) await world.complete(this.#commitAnywhere())
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
