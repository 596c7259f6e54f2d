/** Messages about buckets that are created at run time; see `table.ts`. */
import type { BucketFields, BucketTerms } from '../../dynamo/buckets/bucket-record.ts'
import type { BucketsDigest } from '../../dynamo/buckets/bucket-set.ts'
import type { NodeId } from '../../dynamo/names.ts'

/** Why a member has a name already. These numbers are on the wire. Append only; never reuse. */
export const Held = { free: 0, configured: 1, records: 2 } as const
export type Held = (typeof Held)[keyof typeof Held]

/** Asks whether a member knows the same buckets, and tells which the sender knows. */
export interface PeerBuckets {
  /** Of all that the sender knows. */
  readonly digest: BucketsDigest
  /** Empty, or a list of records (dynamo/buckets/bucket-bytes.ts). */
  readonly news: Uint8Array
  /** Whether something was put under this name before a bucket was created; empty: not asked. */
  readonly asked: string
  readonly deadlineMs: number
}

/** Sent once the news are durable. */
export interface PeerBucketsReply {
  /** All that the receiver knows; empty where that has the same digest. */
  readonly news: Uint8Array
  readonly held: Held
}

export interface BucketCreate {
  readonly terms: BucketTerms
  readonly deadlineMs: number
}

/** The bucket as the node knows it now. */
export interface BucketReply {
  readonly bucket: Omit<BucketFields, 'version'>
  /** Under which it is found. */
  readonly shown: string
  /** Members that have not heard of it. */
  readonly untold: readonly NodeId[]
}

export interface BucketRename {
  /** Its name, or exact name. */
  readonly from: string
  readonly to: string
  readonly deadlineMs: number
}
