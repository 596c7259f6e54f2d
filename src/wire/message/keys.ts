/** Messages about cluster keys: between members, and of operators; see `table.ts`. */
import type { KeyPlace } from '../../dynamo/membership/key-ring.ts'
import type { KeyStanding } from '../../dynamo/membership/key-standings.ts'
import type { NodeId } from '../../dynamo/names.ts'

/** A nonce, and at least one byte. */
export const SEALED_BYTES_MIN = 17
/** A ring of `CLUSTER_KEYS_MERGED_MAX` keys has fewer. */
export const SEALED_BYTES_MAX = 2048
export const SEAL_TAG_BYTES = 32

/** A ring of cluster keys that was sealed, its nonce first: see `key-seal.ts`. */
export interface Sealed {
  readonly sealed: Uint8Array
  readonly tag: Uint8Array
}

/** What a member has written down of the keys. */
export interface PeerKeys extends KeyStanding {
  /** All of it; undefined: it does not come along. */
  readonly ring: Sealed | undefined
}

export type PeerKeysReply = PeerKeys

/** These numbers are on the wire. Append only; never reuse. */
export const KeyAct = { status: 1, rotate: 2, drop: 3 } as const
export type KeyAct = (typeof KeyAct)[keyof typeof KeyAct]

export interface ClusterKeyRequest {
  readonly act: KeyAct
  /** An id: of the newest key that the operator knows, or of the one to drop. */
  readonly key: number
  readonly deadlineMs: number
}

/** What another member has told of its keys. */
export interface KeyMember {
  readonly node: NodeId
  readonly name: string
  readonly isConnected: boolean
  /** The newest key does not sign before this member has told that it has it. */
  readonly isWaitedFor: boolean
  /** The id of the key that signs there; 0: it has not told. */
  readonly signer: number
}

export interface ClusterKeyReply {
  /** The node that answers. */
  readonly node: NodeId
  /** The oldest first; never their bytes. */
  readonly keys: readonly KeyPlace[]
  /** The id of the one that signs at the node. */
  readonly signer: number
  /** All others that are not gone, by name. */
  readonly members: readonly KeyMember[]
}
