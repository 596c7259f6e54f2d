/**
 * Messages of the session itself: handshake, goodbye, credit and failure.
 *
 * These are our own types, not protobuf's: only `convert*.ts` knows those. The numbers are on the
 * wire. Append only; never reuse.
 */
import type { Certainty, ErrorCode, FailureDetails } from '../../base/errors.ts'

/** The wire format of this build, in which sessions run; handshakes keep format 1. */
export const FORMAT = 1

/** The flag of a frame that is a chunk of a message but not the last. */
export const FLAG_MORE = 1

/** Added to the kind of a request it gives the kind of its reply. */
export const REPLY = 64

/** Frames of the session itself; those of the handshake, and goodbye, have call id 0. */
export const CONTROL_KINDS = {
  hello: 1,
  welcome: 2,
  proof: 3,
  ready: 4,
  goodbye: 5,
  credit: 6,
  length: 7,
  cancel: 8,
  ping: 9,
  pong: 10,
  identity: 11,
} as const

export const FAILURE_KIND = 127

/** What a connector is. A joiner is a node that proves an invitation, and no member yet. */
export type Role = 'client' | 'peer' | 'joiner'

/** The two ports of a node. Joiners use the port for peers. */
export type Port = 'client' | 'peer'

/** These numbers are on the wire. Append only; never reuse. */
export const ROLE_NUMBERS: Readonly<Record<Role, number>> = { client: 1, peer: 2, joiner: 3 }

/** The limits that a side keeps and the features that it has, as it tells them. */
export interface Settings {
  /** Numbers of features; none is defined yet, and unknown ones are ignored. */
  readonly features: readonly number[]
  /** Requests that the side answers at once on this connection. */
  readonly callsMax: number
  /** Bytes that the other side may send before the side grants more. */
  readonly windowBytes: number
  /** The longest message that the side takes. */
  readonly messageBytesMax: number
  /** The deadline of a request that names none; 0 from a side that tells none. */
  readonly deadlineMs: number
}

export interface Hello {
  readonly formatMin: number
  readonly formatMax: number
  /** Undefined: a number that this build does not know. */
  readonly role: Role | undefined
  readonly nonce: Uint8Array
  readonly settings: Settings
  /** Clients: the name of the cluster that is wanted; empty: any. */
  readonly cluster: string
  /** Clients: the version of their software. */
  readonly version: string
  /** Joiners: the id of the invitation that they prove. */
  readonly invitation: Uint8Array
  /** Peers: the ids of their cluster keys, the one that signs first. None: the first key alone. */
  readonly keys: readonly number[]
}

export interface Welcome {
  readonly format: number
  readonly settings: Settings
  /** Empty where no proof is asked for. */
  readonly nonce: Uint8Array
  /** To peers: the id of the cluster key that is to be proved; 0: the first one. */
  readonly key: number
}

/** Who a node is: told only to a side that has proved itself, or that need not. */
export interface Identity {
  readonly cluster: string
  readonly node: Uint8Array
  /** The version of its software. */
  readonly version: string
  /** To peers: the number that its process has drawn; empty from a tool. */
  readonly processId: Uint8Array
  /** To peers: the id of the data directory, and those of lost ones that it replaces. */
  readonly directory: Uint8Array
  readonly replaced: readonly Uint8Array[]
  /** To peers: its placement, as JSON; may be empty. */
  readonly placement: string
  /** From an acceptor: the directories of the other that it has met, the last first. */
  readonly met: readonly Uint8Array[]
  /** To peers: the highest durable sequence of its data. */
  readonly durable: number
  /** From an acceptor: what the other has told it of that, at most. */
  readonly metDurable: number
  /** To peers: it gets back what it lost. */
  readonly isRebuilding: boolean
}

/** The error in a failure. */
export interface Failure {
  readonly code: ErrorCode
  readonly message: string
  readonly certainty: Certainty
  /** Not in a goodbye. */
  readonly details?: FailureDetails | undefined
}

/** The reason of an end; `closed` is a normal one. */
export interface Goodbye extends Failure {
  /** The highest call that the sender has taken, 0 for none: those above it are not done. */
  readonly lastTaken: number
}
