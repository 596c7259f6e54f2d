/**
 * Plans the next table from the records of members as this node knows them now: these are where an
 * operator's changes wait for the next commit.
 *
 *     joined, and not named as dead     own by weight, on distinct machines, spread over zones
 *     leaving                           own nothing any more, and give away what they have
 *     gone, or named as dead            count for nothing; others fill what they had
 *
 * All that are not gone, or named as dead, have to adopt the table before it is in effect.
 */
import { U48_MAX } from '../../base/bytes.ts'
import { OperatingError } from '../../base/errors.ts'
import { type MemberRecord, MemberState } from '../../dynamo/membership/member-record.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { lossesOf, type Outlook, outlooksOf } from '../../dynamo/ring/outlook.ts'
import { PARTITION_BITS_MAX } from '../../dynamo/ring/partition.ts'
import { isSamePlan, type Plan, planOf, takenBack } from '../../dynamo/ring/plan.ts'
import type { Member } from '../../dynamo/ring/ring.ts'
import type { Table } from '../../dynamo/ring/table.ts'
import type { Membership } from './membership.ts'
import type { OwnStanding } from './own-standing.ts'
import type { Rings } from './rings.ts'
import type { Topology } from './topology.ts'

export interface PlannerDependencies {
  readonly topology: Topology
  readonly membership: Membership
  readonly rings: Rings
  readonly standing: OwnStanding
}

export interface PlanAsked {
  /** Partitions double. */
  readonly splits: boolean
  /** Named as dead. */
  readonly without: readonly MemberRecord[]
}

export interface Planned extends Plan {
  readonly outlooks: readonly Outlook[]
  /** What would be left too little, in sentences. */
  readonly losses: readonly string[]
  /** Members that have to adopt it, never met by this node: it cannot be committed here. */
  readonly unmet: readonly NodeId[]
  /** It changes nothing. */
  readonly isSame: boolean
}

/** A table that may be committed here, or members that are in the way. */
type Needed = Pick<Planned, 'unmet'> & Pick<Table, 'needed'>

export class Planner {
  readonly #node: PlannerDependencies

  constructor(dependencies: PlannerDependencies) {
    this.#node = dependencies
  }

  /**
   * As if these records had won already. Throws `would-not-survive` where no member may own, and
   * `nothing-to-commit` where no table may follow.
   */
  plan({ splits, without }: PlanAsked, changed: readonly MemberRecord[] = []): Planned {
    const { rings, topology } = this.#node
    const { adopted: parent, stages } = rings.view
    if (parent.number === U48_MAX) throw lastTable()
    const records = this.#records(changed)
    const dead = this.#deadOf(records, without)
    const members = records.filter(({ id, state }) => {
      return state === MemberState.joined && !dead.has(id)
    })
    if (members.every(({ weight }) => weight === 0)) throw noOwners()
    const bits = parent.ring.bits + (splits ? 1 : 0)
    if (bits > PARTITION_BITS_MAX) throw mostPartitions(parent.ring.partitionCount)
    const { needed, unmet } = this.#neededOf(records, dead)
    const named = { members: members.map(memberOf), without: [...dead] }
    const plan = planOf({ parent, needed, ns: this.#ns, bits, ...named })
    const outlooks = outlooksOf(stages, plan.table, dead)
    const losses = lossesOf(outlooks, topology.allProperties())
    return { ...plan, outlooks, losses, unmet, isSame: isSamePlan(plan.table, rings.view) }
  }

  /** The table by which the one that waits to take effect is taken back. */
  takenBack(without: readonly MemberRecord[]): Pick<Planned, 'table' | 'unmet'> {
    const { view } = this.#node.rings
    if (view.adopted.number === U48_MAX) throw lastTable()
    const records = this.#records([])
    const dead = this.#deadOf(records, without)
    const { needed, unmet } = this.#neededOf(records, dead)
    return { table: takenBack(view, { needed, without: [...dead], ns: this.#ns }), unmet }
  }

  get #ns(): readonly number[] {
    const { topology, rings } = this.#node
    return [...new Set([...topology.ns, ...rings.view.stages.ns])]
  }

  #records(changed: readonly MemberRecord[]): readonly MemberRecord[] {
    const records = new Map<NodeId, MemberRecord>()
    for (const record of this.#node.membership.view.members.all()) records.set(record.id, record)
    for (const record of changed) records.set(record.id, record)
    return [...records.values()]
  }

  /** Those that are named, and owners of the ring that are gone. */
  #deadOf(records: readonly MemberRecord[], without: readonly MemberRecord[]): ReadonlySet<NodeId> {
    const { stages } = this.#node.rings.view
    const gone = records.filter(({ id, state }) => {
      return state === MemberState.gone && stages.ownerOf(id) !== undefined
    })
    return new Set([...gone, ...without].map(({ id }) => id))
  }

  #neededOf(records: readonly MemberRecord[], dead: ReadonlySet<NodeId>): Needed {
    const { standing, topology } = this.#node
    const needed = new Map<NodeId, string>()
    const unmet: NodeId[] = []
    for (const { id, state } of records) {
      if (state === MemberState.gone || dead.has(id)) continue
      const isSelf = id === topology.self.id
      const directory = isSelf ? standing.directoryId : standing.metOf(id).directories[0]
      if (directory === undefined) unmet.push(id)
      else needed.set(id, directory)
    }
    return { needed, unmet }
  }
}

function memberOf(record: MemberRecord): Member {
  const { id, name, host, clientPort, peerPort, machine, zone, weight } = record
  return { id, name, host, clientPort, peerPort, machine, zone, weight }
}

function noOwners(): OperatingError {
  return new OperatingError(
    'would-not-survive',
    'no member would own anything, and there is no --force for that: let one join, or give one a' +
      ' weight above 0 (everwrite cluster weight)',
  )
}

/** No cluster gets there by itself. */
function lastTable(): OperatingError {
  return new OperatingError(
    'nothing-to-commit',
    'the newest table has the highest number that one can have, which some member made up: no' +
      ' table follows it; stop all nodes, and give each its file ring of before from a backup',
  )
}

function mostPartitions(count: number): OperatingError {
  return new OperatingError(
    'nothing-to-commit',
    `the ring has ${count} partitions, as many as it can have: plan without --split`,
  )
}
