/**
 * Requests of clients and their results, apart from any wire format.
 *
 * `listeners/` translates its protocol to these and back; `coordinator/` serves them.
 */
import type { ErrorCode } from '../base/errors.ts'
import type { Room } from '../base/room.ts'
import type { U64 } from '../base/u64.ts'
import type { BucketId, CopyId, KeyName, NodeId, Place, Policy } from '../dynamo/names.ts'
import type { PutAsk } from '../dynamo/quorum/put.ts'
import type { KeyStanding } from '../dynamo/repair/key-standing.ts'
import type { RequestId } from '../dynamo/version/request-id.ts'
import type { Digest, Token } from '../native/digest.ts'

export interface ClientGet {
  readonly name: KeyName
  readonly token: Token
  /** Replicas that must answer; 0: as many as the bucket says. */
  readonly r: number
  /** An instant of the node's clock. */
  readonly deadline: number
  /** Fewer owners than R fail the get; else it is answered with what owners and hints hold. */
  readonly strict: boolean
  /** R owners hold what is found before it is delivered; implies `strict`. */
  readonly monotonic: boolean
  /** What is found covers them all. */
  readonly receipts: readonly Uint8Array[]
  /** The memory for the answer. */
  readonly room?: Room | undefined
}

/** Owners that answered a read, and how many should have: fewer do only where it is not strict. */
export interface Answered {
  readonly answered: number
  readonly needed: number
}

export interface GetResult extends Answered {
  /** The values; tombstones are only counted. */
  readonly siblings: readonly Uint8Array[]
  readonly tombstones: number
  /** There are more siblings than fit an answer; the context covers those given alone. */
  readonly hasMore: boolean
  /** Sealed; empty where none that answered knows the key. */
  readonly context: Uint8Array
  /** Of what is found; empty where that is nothing, or has more than two siblings. */
  readonly receipt: Uint8Array
}

/** What a client puts. */
export interface PutCall {
  readonly name: KeyName
  readonly token: Token
  readonly requestId: RequestId
  /** An earlier attempt may have been taken. */
  readonly isRepeat: boolean
  /** Owners alone may hold it: no fallback takes a hint. */
  readonly strict: boolean
  /** Undefined: a delete. */
  readonly value: Uint8Array | undefined
  /** Sealed. */
  readonly contexts: readonly Uint8Array[]
  readonly w: number
  /** An instant of the node's clock. */
  readonly deadline: number
}

/** A put whose contexts cover all that it replaces. */
export interface KnownPut extends PutCall {
  readonly bucketId: BucketId
}

export interface ClientPut extends PutCall {
  /** `seen`: the node that takes the put reads first, and the put replaces those siblings too. */
  readonly replace: 'given' | 'seen'
  /** Of that read. */
  readonly r: number
}

/** What a put achieved at the node that coordinated it. */
export interface Achieved {
  /** Sealed; covers what the client saw, what it replaced and its own write. */
  readonly context: Uint8Array
  /** Of the write. */
  readonly receipt: Uint8Array
  /** Who holds the write durably by then: owners, and fallbacks that keep it for an owner. */
  readonly holders: readonly PutAsk[]
}

/** 0 of 0 answered where the put read nothing. */
export interface PutResult extends Answered, Achieved {
  /** Owners that the put was given to, at least 1. */
  readonly attempts: number
}

/** Of a put whose contexts were given. */
export const READ_NOTHING: Answered = { answered: 0, needed: 0 }

/** Asks where a key is. */
export interface ClientExplain {
  readonly name: KeyName
  readonly token: Token
  /** An instant of the node's clock. */
  readonly deadline: number
  readonly ownersOnly: boolean
  /** Empty: none. */
  readonly receipt: Uint8Array
}

/** A copy of a key on some node, without its values. */
export interface OutlinedCopy {
  readonly place: Place
  /** The encoded object up to its values. */
  readonly outline: Uint8Array
  /** Over the siblings. */
  readonly digest: Digest
}

/** What a member tells of a key: its copies that are durable, and where it stands. */
export interface ToldKey {
  readonly copies: readonly OutlinedCopy[]
  readonly standing: KeyStanding
}

export interface Teller {
  /** What this node tells of a key. Rejects as `Replica.copies` does. */
  tell(copy: CopyId): Promise<ToldKey>
}

/** A member, and what it has of a key. */
export interface ExplainedNode {
  readonly node: NodeId
  readonly isOwner: boolean
  /** Why it has not told what it has; undefined: it has. */
  readonly failure: ErrorCode | undefined
  readonly copies: readonly OutlinedCopy[]
  /** Its own copy has what the receipt stands for. */
  readonly coversReceipt: boolean
  /** Undefined: it has not told. */
  readonly standing: KeyStanding | undefined
}

export interface Explanation {
  readonly token: Token
  readonly partition: number
  /** In order of preference. */
  readonly nodes: readonly ExplainedNode[]
  /** Replicas that the bucket keeps. */
  readonly n: number
  readonly policy: Policy
}

export interface ClientScan {
  readonly bucket: Uint8Array
  /** Empty: from the first token. Else the cursor of the page before. */
  readonly cursor: Uint8Array
  /** 0: as many as a page may have. */
  readonly keysMax: number
  readonly withValues: boolean
  readonly r: number
  /** An instant of the node's clock. */
  readonly deadline: number
}

export interface ScanResult {
  readonly entries: readonly {
    readonly key: Uint8Array
    /** Empty, as `context` is, in a scan without values. */
    readonly siblings: readonly Uint8Array[]
    readonly context: Uint8Array
    /** As in `GetResult`. */
    readonly hasMore: boolean
  }[]
  /** Empty after the last page. */
  readonly cursor: Uint8Array
}

/** Asks how the copies of the node's partitions compare with those of the other owners. */
export interface ClientRanges {
  /** Wait until each was found equal at all owners, or until the deadline. */
  readonly untilEqual: boolean
  /** What was found so long before this request counts too. */
  readonly withinMs: number
  /** An instant of the node's clock. */
  readonly deadline: number
}

/** A sum that was found equal, and how long ago. */
export interface FoundEqual {
  readonly sum: U64
  readonly ms: number
}

/** A partition that the node owns. */
export interface RangeRoot {
  readonly partition: number
  /** The sum of the digests of its copies. */
  readonly root: U64
  /** What all owners had in common when the node compared with each of them last. */
  readonly equal: FoundEqual | undefined
}

/** What the node found of a partition when it compared with another owner. */
export interface ComparedRange {
  readonly partition: number
  /** The last sum that both had. */
  readonly equal: FoundEqual | undefined
  /** For so long they have differed, without a break; undefined: they do not, as far as known. */
  readonly differsMs: number | undefined
}

/** Partitions of the buckets with this N. */
export interface TreeRanges {
  readonly n: number
  readonly ranges: readonly RangeRoot[]
  readonly others: readonly {
    readonly node: NodeId
    readonly compared: readonly ComparedRange[]
  }[]
}

/** Where a node stands in rounds. */
export interface RoundState {
  /** That it adopted last; 0: none. */
  readonly adopted: number
  /** Since then, or since the node's start. */
  readonly ageMs: number
  /** That it knows of. */
  readonly highest: number
  /** What the last round came to nothing for, or this one waits for; empty: nothing. */
  readonly obstacle: string
}

export interface RangesResult {
  readonly node: NodeId
  readonly isWhole: boolean
  /** Each was found equal at all owners; where that was waited for, late enough. */
  readonly isEqual: boolean
  /** Whose floor the node has adopted. */
  readonly round: number
  readonly trees: readonly TreeRanges[]
}

/** Asks for exchanges now, or for how far a run of them is. */
export interface ClientRepair {
  /** The run's id. */
  readonly run: Uint8Array
  /** Of the buckets with the N of this one alone; empty: of all. */
  readonly bucket: Uint8Array
  /** With this member alone; undefined: with all other owners. */
  readonly from: NodeId | undefined
  /** An instant of the node's clock. */
  readonly deadline: number
}

/** A member from which something could not be had, and why. */
export interface UnfinishedExchange {
  readonly node: NodeId
  readonly code: ErrorCode
}

/** How far a run of exchanges is. */
export interface RepairResult {
  readonly node: NodeId
  readonly isDone: boolean
  /** To exchange with, and with how many this was done or tried. */
  readonly members: number
  readonly done: number
  /** Leaves that differed, and keys whose copies here became newer. */
  readonly leaves: number
  readonly keys: number
  readonly unfinished: readonly UnfinishedExchange[]
  /** Where a round was asked for in place of exchanges. */
  readonly round: RoundState | undefined
}
