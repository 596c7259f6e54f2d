/**
 * Messages of the session itself: handshake, goodbye, credit and failure.
 *
 * These are our own types, not protobuf's: only `convert*.ts` knows those. The numbers are on the
 * wire. Append only; never reuse.
 */
import type { Certainty, ErrorCode, FailureDetails } from '../../base/errors.ts'

/** The wire format of this build. */
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
} as const

export const FAILURE_KIND = 127

export type Role = 'client' | 'peer'

export interface Hello {
  readonly formatMin: number
  readonly formatMax: number
  readonly cluster: string
  readonly node: Uint8Array
  readonly nonce: Uint8Array
  readonly token: Uint8Array
  /** Peers: the id of the data directory, and those of lost ones that it replaces. */
  readonly directory: Uint8Array
  readonly replaced: readonly Uint8Array[]
  /** Peers: their placement, as JSON; may be empty. */
  readonly placement: string
}

export interface Welcome {
  readonly format: number
  readonly cluster: string
  readonly node: Uint8Array
  readonly nonce: Uint8Array
  readonly proof: Uint8Array
  readonly directory: Uint8Array
  readonly replaced: readonly Uint8Array[]
  /** To peers: the directories of the connecting node that the acceptor has met, the last first. */
  readonly met: readonly Uint8Array[]
  readonly placement: string
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
