/** What messages of clients and of members have alike. */
import type { NodeId, Place } from '../../dynamo/names.ts'
import type { Digest } from '../../native/digest.ts'

/** What a put achieved at its coordinator. */
export interface Achieved {
  readonly context: Uint8Array
  readonly receipt: Uint8Array
  readonly holders: readonly Holder[]
}

/** A copy of a write that is durable. */
export interface Holder {
  readonly node: NodeId
  /** The owner for which it is kept as a hint; undefined: the own copy of an owner. */
  readonly forOwner: NodeId | undefined
}

/** A copy of a key at some node, without its values. */
export interface OutlinedCopy {
  /** The node's own, or the member for which it is a hint. */
  readonly place: Place
  /** The encoded object up to its values. */
  readonly outline: Uint8Array
  /** Over the siblings. */
  readonly digest: Digest
}
