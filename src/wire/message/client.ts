/** Messages between a client and a node; `table.ts` numbers them. */
import type { ErrorCode } from '../../base/errors.ts'
import type { U64 } from '../../base/u64.ts'
import type { BucketFields } from '../../dynamo/buckets/bucket-record.ts'
import type { KeyStanding } from '../../dynamo/repair/key-standing.ts'
import type { RingDigest } from '../../dynamo/ring/ring.ts'
import type { KeyName, NodeId, Policy } from '../../dynamo/names.ts'
import type { Token } from '../../native/digest.ts'
import type { Achieved, OutlinedCopy } from './parts.ts'

export interface Get {
  readonly name: KeyName
  /** Replicas that must answer; 0: the bucket's R. */
  readonly r: number
  /** Milliseconds left; 0: the node's default. */
  readonly deadlineMs: number
  /** Where fewer replicas answer, what they hold is the reply. */
  readonly strict: boolean
  readonly monotonic: boolean
  /** At most `RECEIPTS_PER_GET_MAX`. */
  readonly receipts: readonly Uint8Array[]
}

/** Replicas that answered a read, and how many had to. */
export interface Answered {
  readonly answered: number
  readonly needed: number
}

export interface GetReply extends Answered {
  readonly siblings: readonly Uint8Array[]
  /** Sealed; empty if the key was never written. */
  readonly context: Uint8Array
  readonly tombstones: number
  /** There are more siblings than fit a message; the context covers those given alone. */
  readonly hasMore: boolean
  /** Empty where there is none. */
  readonly receipt: Uint8Array
}

export type Replace = 'given' | 'seen'

export interface Put {
  readonly name: KeyName
  readonly contexts: readonly Uint8Array[]
  /** Undefined: a delete. */
  readonly value: Uint8Array | undefined
  /** 16 bytes. */
  readonly requestId: Uint8Array
  /** An earlier attempt may have been taken. */
  readonly isRepeat: boolean
  readonly w: number
  readonly r: number
  readonly deadlineMs: number
  readonly replace: Replace
  /** Owners alone may hold it. */
  readonly strict: boolean
}

/** 0 of 0 answered where the put read nothing. */
export interface PutReply extends Answered, Achieved {
  /** Owners that this attempt was sent to, 1 or more. */
  readonly attempts: number
}

export interface Explain {
  readonly name: KeyName
  readonly deadlineMs: number
  readonly ownersOnly: boolean
  /** Empty: none. */
  readonly receipt: Uint8Array
}

/** A member, and what it has of the key. */
export interface ExplainedNode {
  readonly node: NodeId
  readonly isOwner: boolean
  /** Why it has not told what it has; undefined: it has. */
  readonly failure: ErrorCode | undefined
  readonly copies: readonly OutlinedCopy[]
  readonly coversReceipt: boolean
  /** Undefined: it has not told. */
  readonly standing: KeyStanding | undefined
}

export interface ExplainReply {
  readonly token: Token
  readonly partition: number
  /** In order of preference. */
  readonly nodes: readonly ExplainedNode[]
  /** Replicas that the bucket keeps. */
  readonly n: number
  readonly policy: Policy
}

export interface Scan {
  readonly bucket: Uint8Array
  readonly cursor: Uint8Array
  readonly keysMax: number
  readonly withValues: boolean
  readonly r: number
  readonly deadlineMs: number
}

export interface ScanEntry {
  readonly key: Uint8Array
  readonly siblings: readonly Uint8Array[]
  readonly context: Uint8Array
  /** As in `GetReply`. */
  readonly hasMore: boolean
}

export interface ScanReply {
  readonly entries: readonly ScanEntry[]
  readonly cursor: Uint8Array
}

export interface TopologyMember {
  readonly node: Uint8Array
  readonly name: string
  readonly host: string
  readonly clientPort: number
  readonly peerPort: number
  readonly machine: string
  readonly zone: string
}

export interface TopologyBucket {
  readonly name: string
  readonly n: number
  readonly r: number
  readonly w: number
  /** Undefined where it was never created. */
  readonly created?: Omit<BucketFields, 'version'> | undefined
}

export interface Topology {
  readonly cluster: string
  readonly ring: RingDigest
  readonly partitionBits: number
  readonly members: readonly TopologyMember[]
  readonly owners: Uint8Array
  readonly buckets: readonly TopologyBucket[]
}

export interface Status {
  readonly node: Uint8Array
  readonly name: string
  readonly version: string
  readonly cluster: string
  readonly peers: readonly {
    readonly node: Uint8Array
    readonly name: string
    readonly isConnected: boolean
  }[]
  readonly figures: readonly { readonly name: string; readonly value: number }[]
  readonly warnings: readonly string[]
  readonly alarms: readonly string[]
  readonly hints: readonly HintsFor[]
  readonly round: RoundReport
  readonly members: readonly SeenMember[]
}

/** A member as a node sees it. */
export interface SeenMember {
  readonly node: Uint8Array
  readonly name: string
  readonly state: 'joined' | 'leaving' | 'gone'
  readonly life: 'alive' | 'suspect' | 'dead'
  /** It is suspected or dead for so long; 0: it is alive. */
  readonly lifeMs: number
}

/** Where a node stands in rounds. */
export interface RoundReport {
  readonly adopted: number
  /** Since then, or since the node's start. */
  readonly ageMs: number
  readonly highest: number
  /** Empty: nothing. */
  readonly obstacle: string
}

/** What a node keeps for another member. */
export interface HintsFor {
  readonly node: Uint8Array
  /** Empty where it is no member any more. */
  readonly name: string
  readonly keys: number
  readonly bytes: number
  /** For so long there have been some without a break, since the node's start at most. */
  readonly keptMs: number
  /** Keys that were delivered, and bytes that were taken, in the last 10 s. */
  readonly deliveredPerSecond: number
  readonly takenBytesPerSecond: number
}

export interface Ranges {
  /** Answered once each partition was found equal at all owners, or at the deadline. */
  readonly untilEqual: boolean
  /** What was found so long before the request arrived counts too. */
  readonly withinMs: number
  readonly deadlineMs: number
}

/** A sum that was found equal, and how many milliseconds ago. */
export interface FoundEqual {
  readonly sum: U64
  readonly ms: number
}

/** A partition that the node owns. */
export interface RangeRoot {
  readonly partition: number
  readonly root: U64
  /** What all owners had in common when they were compared last; undefined: nothing. */
  readonly equal: FoundEqual | undefined
}

/** What the comparisons of a partition with another owner have found. */
export interface ComparedRange {
  readonly partition: number
  /** Undefined: never. */
  readonly equal: FoundEqual | undefined
  /** Undefined: the last comparison found no difference, or there was none. */
  readonly differsMs: number | undefined
}

/** Partitions of the buckets with this N, and the other owners. */
export interface TreeRanges {
  readonly n: number
  readonly ranges: readonly RangeRoot[]
  readonly others: readonly {
    readonly node: NodeId
    readonly compared: readonly ComparedRange[]
  }[]
}

export interface RangesReply {
  readonly node: NodeId
  readonly isWhole: boolean
  readonly isEqual: boolean
  /** That the node has adopted. */
  readonly round: number
  readonly trees: readonly TreeRanges[]
}

export interface Repair {
  /** Empty: of all buckets. */
  readonly bucket: Uint8Array
  /** Undefined: with all other owners. */
  readonly from: NodeId | undefined
  /** 16 bytes: the same in all requests of one run. */
  readonly run: Uint8Array
  readonly deadlineMs: number
  /** Opens a round in place of exchanges. */
  readonly opensRound: boolean
}

export interface RepairReply {
  readonly node: NodeId
  readonly isDone: boolean
  readonly members: number
  /** Of them. */
  readonly done: number
  readonly leaves: number
  readonly keys: number
  /** Members from which something could not be had. */
  readonly unfinished: readonly { readonly node: NodeId; readonly code: ErrorCode }[]
  readonly round: RoundReport | undefined
}
