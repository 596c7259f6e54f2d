/**
 * The table of messages: number, name, who may send it, what answers it.
 *
 * A *frame* is a unit of bytes, a *message* a unit of meaning, a *call* one request and its answer
 * on one connection. These are our own types, never protobuf's: `convert.ts` alone knows those.
 *
 * These numbers are on the wire. Append only; never reuse. A request of kind k is answered by kind
 * k + 64, or by `failure`. Kinds 32 to 63 are keyed: bucket and key come first.
 */
import type { Certainty, ErrorCode } from '../base/errors.ts'
import type { KeyName } from '../dynamo/names.ts'
import type { Token } from '../native/digest.ts'
import type { Digest } from '../store/engine.ts'

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

export const REQUEST_KINDS = {
  topology: 16,
  status: 17,
  scan: 18,
  peerRange: 24,
  get: 32,
  put: 33,
  peerRead: 40,
  peerWrite: 41,
} as const

export const FAILURE_KIND = 127

export type Role = 'client' | 'peer'

/** Who may ask what. A peer forwards a client's put; everything else is one side's own. */
export const MAY_ASK: Readonly<Record<RequestKind, readonly Role[]>> = {
  topology: ['client', 'peer'],
  status: ['client'],
  scan: ['client'],
  peerRange: ['peer'],
  get: ['client'],
  put: ['client', 'peer'],
  peerRead: ['peer'],
  peerWrite: ['peer'],
}

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

export interface Get {
  readonly name: KeyName
  /** Replicas that must answer; 0: the bucket's own. */
  readonly r: number
  /** Milliseconds left; 0: the node's own. */
  readonly deadlineMs: number
}

export interface GetReply {
  readonly siblings: readonly Uint8Array[]
  /** Sealed; empty where nothing was ever there. */
  readonly context: Uint8Array
  readonly tombstones: number
}

export type Replace = 'given' | 'seen'

export interface Put {
  readonly name: KeyName
  readonly contexts: readonly Uint8Array[]
  /** Undefined: a delete. */
  readonly value: Uint8Array | undefined
  /** 16 bytes. */
  readonly requestId: Uint8Array
  readonly w: number
  readonly r: number
  readonly deadlineMs: number
  readonly replace: Replace
}

export interface PutReply {
  readonly context: Uint8Array
  /** Owners that this attempt was given to, 1 or more: above 1 an earlier one may surface once. */
  readonly attempts: number
}

export interface Scan {
  readonly bucket: Uint8Array
  readonly cursor: Uint8Array
  readonly keysMax: number
  readonly withValues: boolean
  readonly r: number
  readonly deadlineMs: number
}

export interface ScanEntry {
  readonly key: Uint8Array
  readonly siblings: readonly Uint8Array[]
  readonly context: Uint8Array
}

export interface ScanReply {
  readonly entries: readonly ScanEntry[]
  readonly cursor: Uint8Array
}

export interface TopologyMember {
  readonly node: Uint8Array
  readonly name: string
  readonly host: string
  readonly clientPort: number
  readonly peerPort: number
  readonly machine: string
  readonly zone: string
}

export interface TopologyBucket {
  readonly name: string
  readonly n: number
  readonly r: number
  readonly w: number
}

export interface Topology {
  readonly cluster: string
  readonly ring: Digest
  readonly partitionBits: number
  readonly members: readonly TopologyMember[]
  readonly owners: Uint8Array
  readonly buckets: readonly TopologyBucket[]
}

export interface Status {
  readonly node: Uint8Array
  readonly name: string
  readonly version: string
  readonly cluster: string
  readonly peers: readonly {
    readonly node: Uint8Array
    readonly name: string
    readonly isConnected: boolean
  }[]
  readonly figures: readonly { readonly name: string; readonly value: number }[]
  readonly warnings: readonly string[]
}

export interface PeerRead {
  readonly name: KeyName
  readonly ring: Digest
  readonly digestOnly: boolean
  readonly deadlineMs: number
}

export interface PeerReadReply {
  readonly isFound: boolean
  /** Encoded; empty where only the digest was asked for. */
  readonly object: Uint8Array
  readonly digest: Digest
}

export interface PeerWrite {
  readonly name: KeyName
  readonly ring: Digest
  readonly object: Uint8Array
  readonly deadlineMs: number
}

export type PeerWriteReply = Record<never, never>

export interface PeerRange {
  readonly ring: Digest
  readonly from: Token
  readonly to: Token
  readonly bucket: Uint8Array
  readonly keysMax: number
  readonly deadlineMs: number
}

export interface PeerRangeReply {
  readonly entries: readonly {
    readonly token: Token
    readonly key: Uint8Array
    readonly object: Uint8Array
  }[]
  readonly next: Token | undefined
}

/** What is asked and what answers it, by name. */
export interface Exchange {
  topology: { request: Record<never, never>; reply: Topology }
  status: { request: Record<never, never>; reply: Status }
  scan: { request: Scan; reply: ScanReply }
  peerRange: { request: PeerRange; reply: PeerRangeReply }
  get: { request: Get; reply: GetReply }
  put: { request: Put; reply: PutReply }
  peerRead: { request: PeerRead; reply: PeerReadReply }
  peerWrite: { request: PeerWrite; reply: PeerWriteReply }
}

export type RequestKind = keyof Exchange
export type Request<K extends RequestKind> = Exchange[K]['request']
export type Reply<K extends RequestKind> = Exchange[K]['reply']
