/**
 * The messages that members send each other about who is here.
 *
 *     ping ─► ack                               a probe
 *     ask ─► (ping ─► ack) ─► ack | nack        a probe through a helper
 *     compare ─► buckets ─► lists ─► fill ─► fill   two sets become equal; ends where they are
 *
 * Each goes over the connection of two members, which says who sent it. Probes are numbered by
 * their sender; number 0 wants no judgement, only a sign of life.
 */
import type { U64 } from '../../base/u64.ts'
import type { NodeId } from '../names.ts'
import type { MemberRecord } from './member-record.ts'
import type { Standing } from './standings.ts'

export type News =
  | { readonly kind: 'record'; readonly record: MemberRecord }
  | { readonly kind: 'alive'; readonly id: NodeId; readonly incarnation: number }
  /** `by` suspects it after a probe of its own, or declared it dead. */
  | {
      readonly kind: 'suspect' | 'dead'
      readonly id: NodeId
      readonly incarnation: number
      readonly by: NodeId
    }

export interface Ping {
  readonly kind: 'ping'
  readonly probe: number
  readonly news: readonly News[]
}

/** The receiver of the ping lives; to an ask: its target does. */
export interface Ack {
  readonly kind: 'ack'
  readonly probe: number
  readonly news: readonly News[]
}

/** The helper lives, and has no answer of the target. */
export interface Nack {
  readonly kind: 'nack'
  readonly probe: number
}

export interface Ask {
  readonly kind: 'ask'
  readonly probe: number
  readonly target: NodeId
  readonly news: readonly News[]
}

/** Sums of both sets. */
export interface Compare {
  readonly kind: 'compare'
  readonly records: U64
  readonly standings: U64
}

/** Sums of all buckets, of the sets that differ. */
export interface Buckets {
  readonly kind: 'buckets'
  readonly records: readonly U64[] | undefined
  readonly standings: readonly U64[] | undefined
}

/** What tells a record from others of its member. */
export interface RecordMark {
  readonly id: NodeId
  readonly version: number
  readonly isGone: boolean
  /** The upper half of its digest: enough to see that two of one version differ. */
  readonly digest: number
}

/** What stands in buckets that differ, all of each bucket that is named. */
export interface Lists {
  readonly kind: 'lists'
  readonly recordBuckets: readonly number[]
  readonly records: readonly RecordMark[]
  readonly standingBuckets: readonly number[]
  readonly standings: readonly Standing[]
  /** Some buckets that differ are left out. */
  readonly isCut: boolean
}

/** What the other side lacks, and what is wanted from it. */
export interface Fill {
  readonly kind: 'fill'
  readonly records: readonly MemberRecord[]
  readonly standings: readonly Standing[]
  readonly wanted: readonly NodeId[]
  /** There was more than fits a message: compare again. */
  readonly isCut: boolean
}

export type Probing = Ping | Ack | Nack | Ask
export type Exchanging = Compare | Buckets | Lists | Fill
export type Message = Probing | Exchanging
