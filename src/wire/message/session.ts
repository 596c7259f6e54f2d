/**
 * Messages of the session itself: the handshake, its end, and what every frame may carry.
 *
 * These are our own types, never protobuf's: `convert*.ts` alone knows those. The numbers are on
 * the wire. Append only; never reuse.
 */
import type { Certainty, ErrorCode } from '../../base/errors.ts'

/** The one wire format that this build speaks. */
export const FORMAT = 1

/** The flag of a frame whose message goes on in the next frame of the same call. */
export const FLAG_MORE = 1

export const REPLY = 64

/** Frames of the conversation itself; all but credit belong to no call, and carry call id 0. */
export const CONTROL_KINDS = {
  hello: 1,
  welcome: 2,
  proof: 3,
  ready: 4,
  goodbye: 5,
  credit: 6,
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
}

export interface Welcome {
  readonly format: number
  readonly cluster: string
  readonly node: Uint8Array
  readonly nonce: Uint8Array
  readonly proof: Uint8Array
}

/** A refusal on the wire, and the reason in a goodbye. */
export interface Failure {
  readonly code: ErrorCode
  readonly message: string
  readonly certainty: Certainty
}
