/** Messages of operators: plans, changes of members, how far moves are; see `table.ts`. */
import type { NodeId } from '../../dynamo/names.ts'
import type { TableDigest } from '../../dynamo/ring/table.ts'

/** These numbers are on the wire. Append only; never reuse. */
export const PlanAct = { plan: 1, commit: 2, abort: 3 } as const
export type PlanAct = (typeof PlanAct)[keyof typeof PlanAct]

/** These numbers are on the wire. Append only; never reuse. */
export const ChangeOf = { leave: 1, stay: 2, remove: 3, weight: 4, zone: 5 } as const
export type ChangeOf = (typeof ChangeOf)[keyof typeof ChangeOf]

export type StateName = 'joined' | 'leaving' | 'gone'

export interface ClusterPlan {
  readonly act: PlanAct
  readonly splits: boolean
  /** Names or ids of members that count for nothing: they are dead. */
  readonly without: readonly string[]
  readonly isForced: boolean
  /** Of a commit, as the reply to its plan told them; of an abort the second is taken back. */
  readonly parent: TableDigest
  readonly planned: TableDigest
  readonly deadlineMs: number
}

/** How the partitions of buckets with one N move. */
export interface PlannedMoves {
  readonly n: number
  readonly moves: number
  readonly replicas: number
  /** The fewest living machines that hold a partition: now, at any step, and at the end. */
  readonly before: number
  readonly during: number
  readonly after: number
}

/** A member, and its places for all N. */
export interface PlannedMember {
  readonly node: NodeId
  readonly name: string
  readonly state: StateName
  readonly weight: number
  readonly zone: string
  readonly owns: number
  readonly willOwn: number
  /** It has to adopt the table. */
  readonly isNeeded: boolean
  /** The same, and the node that was asked never met it. */
  readonly isUnmet: boolean
  /** It counts for nothing. */
  readonly isDead: boolean
}

export interface ClusterPlanReply {
  /** The node that has planned, and alone takes the commit. */
  readonly node: NodeId
  readonly number: number
  readonly parent: TableDigest
  readonly planned: TableDigest
  readonly partitionBits: number
  /** The newest table has not taken effect. */
  readonly isPending: boolean
  /** It would change nothing. */
  readonly isSame: boolean
  readonly moves: readonly PlannedMoves[]
  /** An estimate of what moves; 0 where this node owns nothing to tell by. */
  readonly bytes: number
  /** At which the last moves ended that this node saw; 0: none since it started. */
  readonly movesPerSecond: number
  /** Sentences. */
  readonly givenUp: readonly string[]
  readonly losses: readonly string[]
  readonly members: readonly PlannedMember[]
}

export interface ClusterChange {
  readonly what: ChangeOf
  /** Name or id. */
  readonly member: string
  /** Where a member leaves or is removed: takes its weight. Empty: no one does. */
  readonly successor: string
  readonly weight: number
  readonly zone: string
  readonly isForced: boolean
  readonly deadlineMs: number
}

/** The member as it is now. */
export interface ClusterChangeReply {
  readonly node: NodeId
  readonly name: string
  readonly state: StateName
  readonly weight: number
  readonly zone: string
}

export interface ClusterStatus {
  readonly deadlineMs: number
}

/** A member as the node knows it. */
export interface ClusterMember extends ClusterChangeReply {
  readonly machine: string
  readonly host: string
  readonly clientPort: number
  readonly isConnected: boolean
  /** Places for all N: owned now, still to get, and still to give. */
  readonly owns: number
  readonly fills: number
  readonly leaves: number
  /** The newest table waits for it. */
  readonly isMissing: boolean
}

export interface ClusterTable {
  readonly number: number
  readonly digest: TableDigest
  /** Members have joined, left or changed since it was made. */
  readonly isOutdated: boolean
}

export interface ClusterStatusReply {
  readonly node: NodeId
  readonly name: string
  readonly partitionBits: number
  readonly inEffect: ClusterTable
  /** It takes effect when all have adopted it. */
  readonly newest: ClusterTable
  readonly movesLeft: number
  readonly movesDone: number
  /** In the last minute. */
  readonly movesPerSecond: number
  /** Partitions with copies here that are given away. */
  readonly givesAway: number
  /** Copies here of members that are away. */
  readonly hintedKeys: number
  /** Bytes of records that the node took in bulk since it started. */
  readonly takenBytes: number
  readonly isPaused: boolean
  /** Why the last move to this node has not ended; empty: nothing is in the way. */
  readonly obstacle: string
  readonly members: readonly ClusterMember[]
}

export interface ClusterPause {
  /** False: moves go on. */
  readonly pauses: boolean
  readonly deadlineMs: number
}

export interface ClusterPauseReply {
  readonly node: NodeId
  readonly isPaused: boolean
}
