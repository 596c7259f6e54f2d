/** Messages about joining: invitations for operators, and what a joiner asks; see `table.ts`. */
import type { NodeId } from '../../dynamo/names.ts'
import type { Sealed } from './keys.ts'

export interface Invite {
  readonly deadlineMs: number
}

export interface InviteReply {
  /** One line of text. */
  readonly invitation: string
  /** Issued it, and alone takes it. */
  readonly node: NodeId
  readonly validMs: number
}

/** What a joiner states of itself. The handshake has told its id. */
export interface JoinerFacts {
  readonly name: string
  /** Where others reach it. */
  readonly host: string
  readonly clientPort: number
  readonly peerPort: number
  readonly machine: string
  readonly zone: string
  readonly weight: number
}

export interface NamedN {
  readonly name: string
  readonly n: number
}

export interface PeerJoin {
  readonly facts: JoinerFacts
  /** That it is configured for; 0: those of the cluster. */
  readonly partitions: number
  /** The copies of a key in buckets that are not named: the same. */
  readonly n: number
  /** Of those that are named. */
  readonly buckets: readonly NamedN[]
  /** The highest format of frames, objects and contexts that it knows. */
  readonly format: number
  readonly deadlineMs: number
}

/** With the ring of cluster keys. */
export interface PeerJoinReply extends Sealed {
  /** Under which the issuer's data is written, as JSON: see `dynamo/ring/placement.ts`. */
  readonly placement: string
  /** Of the members: each as those who gossip encode it. */
  readonly records: readonly Uint8Array[]
}
