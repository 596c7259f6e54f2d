/** Messages between two nodes; `table.ts` numbers them. */
import type { Durability } from '../../dynamo/buckets/bucket-record.ts'
import type { Brand } from '../../base/brand.ts'
import type { ErrorCode } from '../../base/errors.ts'
import type { U64 } from '../../base/u64.ts'
import type { LogPoint } from '../../dynamo/handoff/log-point.ts'
import type { Message } from '../../dynamo/membership/message.ts'
import type { KeyStanding } from '../../dynamo/repair/key-standing.ts'
import type { RingDigest } from '../../dynamo/ring/ring.ts'
import type { NewsDigest } from '../../dynamo/ring/ring-news.ts'
import type { BucketId, CreationId, KeyName, NodeId, Place, Start } from '../../dynamo/names.ts'
import type { Digest, Token } from '../../native/digest.ts'
import type { Branch, BranchSum } from '../../dynamo/repair/branches.ts'
import type { Floor } from '../../dynamo/repair/floor.ts'
import type { RoundFloor } from '../../dynamo/repair/round.ts'
import type { Range } from '../../dynamo/version/context.ts'
import type { Achieved, OutlinedCopy } from './parts.ts'

export interface PeerRead {
  readonly name: KeyName
  readonly bucketId: BucketId
  readonly ring: RingDigest
  readonly digestOnly: boolean
  readonly deadlineMs: number
  /** Asks a fallback: for the merge of all its copies, hints included. */
  readonly hints: boolean
}

export interface PeerReadReply {
  readonly isFound: boolean
  /** Encoded; empty if only the digest was requested. */
  readonly object: Uint8Array
  readonly digest: Digest
}

export interface PeerWrite {
  readonly name: KeyName
  readonly bucketId: BucketId
  readonly ring: RingDigest
  readonly object: Uint8Array
  readonly deadlineMs: number
  /** The receiver's own copy, or its hint for another member. */
  readonly place: Place
  /** When it is answered: by default once the merged copy is durable. */
  readonly durability?: Durability
}

export type PeerWriteReply = Record<never, never>

/** About who is here. */
export interface PeerGossip {
  readonly message: Message
}

export interface PeerGossipReply {
  /** What the receiver sends back at once, in this order: at most GOSSIP_REPLIES_MAX. */
  readonly messages: readonly Message[]
}

/** About tables and moves: see `dynamo/ring/ring-news.ts`. */
export interface PeerRing {
  /** Of all that the sender knows. */
  readonly digest: NewsDigest
  /** Empty: it is a question. */
  readonly news: Uint8Array
}

export interface PeerRingReply {
  /** Empty where sender and receiver know the same. */
  readonly news: Uint8Array
}

/** These numbers are on the wire. */
export const MoveStep = { close: 1, end: 2, reopen: 3, take: 4 } as const
export type MoveStep = (typeof MoveStep)[keyof typeof MoveStep]

/** A step of moves of buckets with one N. */
export interface PeerMove {
  readonly ring: RingDigest
  readonly step: MoveStep
  readonly n: number
  /** 1 to MOVE_PARTITIONS_MAX, ascending. */
  readonly partitions: readonly number[]
  readonly attempt: AttemptId
  readonly deadlineMs: number
}

export interface PeerMoveReply {
  readonly attempt: AttemptId
  readonly isWhole: boolean
}

/** Drawn by the member that must not count what it was told before a restart. */
export type AttemptId = Brand<U64, 'AttemptId'>

/** Asks for the next records of a pass over the receiver's log. */
export interface PeerTransfer {
  readonly ring: RingDigest
  /** N of the buckets whose copies are wanted. */
  readonly n: number
  /** At least one, ascending. */
  readonly partitions: readonly number[]
  /** Where to go on; undefined: at the beginning. */
  readonly from: LogPoint | undefined
  /** Where the pass ends, as its first answer has said; undefined: at what is durable now. */
  readonly end: LogPoint | undefined
  /** Another one whenever the sender has stopped asking. */
  readonly run: number
  readonly deadlineMs: number
}

export interface PeerTransferReply {
  /** Whole records, as native/record.h has them, one behind the other. */
  readonly records: Uint8Array
  /** Undefined: the pass has come to its end. */
  readonly next: LogPoint | undefined
  readonly end: LogPoint
  /** Stretches of the log that were passed over, since they have rotted. */
  readonly rotten: number
}

/** A hint that comes home: it was durable at its sender before it was sent. */
export interface PeerHint {
  readonly name: KeyName
  readonly bucketId: BucketId
  /** Encoded. */
  readonly object: Uint8Array
}

export interface PeerHints {
  readonly ring: RingDigest
  /** 1 to DELIVERY_KEYS_MAX, of DELIVERY_BYTES_MAX together, or one. */
  readonly hints: readonly PeerHint[]
  readonly deadlineMs: number
}

export interface PeerHintsReply {
  /** One for each hint: undefined where it is held durably, else why it was refused. */
  readonly refusals: readonly (ErrorCode | undefined)[]
}

/** A client's put, handed on to an owner of its key. Its contexts cover all that it replaces. */
export interface PeerPut {
  readonly name: KeyName
  readonly bucketId: BucketId
  readonly ring: RingDigest
  readonly contexts: readonly Uint8Array[]
  /** Undefined: a delete. */
  readonly value: Uint8Array | undefined
  /** 16 bytes. */
  readonly requestId: Uint8Array
  /** An earlier attempt may have been taken. */
  readonly isRepeat: boolean
  /** Owners alone may hold it. */
  readonly strict: boolean
  readonly w: number
  readonly deadlineMs: number
}

export type PeerPutReply = Achieved

export interface PeerCopies {
  readonly name: KeyName
  readonly bucketId: BucketId
  readonly ring: RingDigest
  readonly deadlineMs: number
}

export interface PeerCopiesReply {
  readonly copies: readonly OutlinedCopy[]
  readonly standing: KeyStanding
}

export interface PeerRange {
  readonly ring: RingDigest
  readonly from: Token
  readonly to: Token
  /** Empty: all buckets. */
  readonly bucket: Uint8Array
  /** Of the bucket named. */
  readonly creation: CreationId
  /** The same: `ring` names the owners of its copies. */
  readonly n: number
  readonly keysMax: number
  readonly deadlineMs: number
  /** False: copies come as their outlines. */
  readonly withValues: boolean
}

export interface PeerRangeReply {
  readonly entries: readonly {
    readonly token: Token
    readonly bucket: Uint8Array
    readonly key: Uint8Array
    readonly bucketId: BucketId
    /** Encoded; the outline alone where `isOutline`. */
    readonly object: Uint8Array
    readonly isOutline: boolean
  }[]
  readonly next: Token | undefined
}

export interface PeerTree {
  readonly ring: RingDigest
  /** N of the buckets whose tree it is. */
  readonly n: number
  readonly leafBits: number
  /** Of each branch. */
  readonly bits: number
  readonly sums: readonly BranchSum[]
  readonly deadlineMs: number
}

export interface PeerTreeReply {
  readonly differing: readonly Branch[]
}

export interface PeerLeaves {
  readonly ring: RingDigest
  readonly n: number
  readonly leafBits: number
  /** Ascending. */
  readonly leaves: readonly Branch[]
  /** Undefined: from the first leaf on. */
  readonly from: Token | undefined
  readonly deadlineMs: number
}

export interface PeerLeavesReply {
  readonly entries: readonly {
    readonly token: Token
    readonly name: KeyName
    readonly bucketId: BucketId
    readonly digest: Digest
  }[]
  readonly next: Token | undefined
}

/** A key of a bucket. */
export interface PeerKey {
  readonly name: KeyName
  readonly bucketId: BucketId
}

export interface PeerObjects {
  readonly ring: RingDigest
  /** 1 to TREE_KEYS_MAX. */
  readonly keys: readonly PeerKey[]
  readonly deadlineMs: number
}

export interface PeerObjectsReply {
  /** That the owner had adopted when it read each of them. */
  readonly round: number
  /** Encoded; undefined: no copy. Of the first keys, as many as fit. */
  readonly objects: readonly (Uint8Array | undefined)[]
}

export interface PeerRounds {
  readonly ring: RingDigest
  /** Whose floor the sender has. */
  readonly known: number
  readonly withClosing: boolean
  readonly deadlineMs: number
}

export interface PeerRoundsReply {
  readonly start: Start
  readonly isWhole: boolean
  /** The number alone counts where it was known. */
  readonly adopted: RoundFloor
  readonly highest: number
  readonly closed: number
  readonly closing: Floor
  readonly durable: number
  readonly knowsClosed: boolean
}

export interface PeerOpenRound {
  readonly ring: RingDigest
  readonly number: number
  /** The highest round that a member has adopted. */
  readonly last: number
  readonly deadlineMs: number
}

export interface PeerOpenRoundReply {
  readonly start: Start
  readonly counter: number
  readonly named: ReadonlySet<Start>
  readonly isNamingKnown: boolean
  readonly adopted: number
}

/** These numbers are on the wire. */
export const RoundStep = { close: 1, cover: 2, adopt: 3, void: 4, agree: 5 } as const
export type RoundStep = (typeof RoundStep)[keyof typeof RoundStep]

export interface PeerStepRound {
  readonly ring: RingDigest
  readonly number: number
  readonly step: RoundStep
  /** With close. */
  readonly floor: RoundFloor | undefined
  readonly forgotten: ReadonlySet<Start>
  /** With agree and cover: the start of each member when the round opened. */
  readonly starts: ReadonlyMap<NodeId, Start>
  readonly deadlineMs: number
}

export interface PeerStepRoundReply {
  readonly isDone: boolean
  readonly waitsFor: readonly NodeId[]
}

export interface PeerRanges {
  readonly ring: RingDigest
  readonly round: number
  /** 1 to TREE_KEYS_MAX. */
  readonly keys: readonly {
    readonly key: PeerKey
    readonly digest: Digest
    readonly ranges: readonly Range[]
  }[]
  /** How far the log of each owner was durable when it agreed; empty: it is a question. */
  readonly agreed: ReadonlyMap<NodeId, number>
  readonly deadlineMs: number
}

export interface PeerRangesReply {
  readonly round: number
  /** One for each key. */
  readonly areAlike: readonly boolean[]
  readonly durable: number
}
