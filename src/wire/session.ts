/**
 * The interface of a session: one connection after its handshake, with many calls in flight.
 *
 * Read the files of this folder in this order:
 *
 *     session.ts             this interface: what the client and the node use
 *     message/*.ts           the messages as types, and the table of requests (`table.ts`)
 *     frame.ts, frame-writer.ts     bytes to frames, frames to bytes
 *     convert*.ts, bounds.ts        messages to protobuf and back, and their bounds
 *     framed-connection.ts   a connection that sends and receives frames
 *     handshake*.ts, proof.ts, settings.ts          from a connection to a session
 *     invitation.ts, key-seal.ts    how a new node is let in, and given the cluster key
 *     reject.ts              a connection that is refused before its handshake
 *     framed-session.ts      implements `Session` over a framed connection
 *     outgoing-calls.ts, incoming-calls.ts, received-call.ts    our calls, and the other side's
 *     admission.ts           what a node decides about the calls that it receives
 *     heartbeat.ts           notices that the other side is silent, and that it is back
 *     session-memory.ts, byte-pool.ts         the memory of messages, shared by connections
 *     chunk-sender.ts, chunk-receiver.ts      long messages in chunks, within their credit
 *
 * Between peers both sides may call. A faulty message fails its own call; a faulty stream ends the
 * session, with a goodbye that says why. When a session ends, every call in flight is answered
 * `connection-lost`: in doubt, because the request may have arrived; or `not-connected`, where the
 * other side's goodbye says that it has not taken the call.
 *
 * Why not: promises. Every operation makes a call to every replica, and a promise, two closures
 * and a turn of the microtask queue for each would cost more than its frame.
 */
import type { OperatingError } from '../base/errors.ts'
import type { Room } from '../base/room.ts'
import type { NodeId } from '../dynamo/names.ts'
import type { Token } from '../native/digest.ts'
import type { Address } from '../world/network.ts'
import type { Admission } from './admission.ts'
import type { InvitationId } from './invitation.ts'
import type { KeySeal } from './key-seal.ts'
import type { Role, Settings } from './message/session.ts'
import type { Reply, Request, RequestKind } from './message/table.ts'

/** How a call ends: with a reply, or with an `OperatingError`. */
export type Answer<K extends RequestKind> = Reply<K> | OperatingError

/** A call that was made. */
export interface CallHandle {
  /** False where the call was refused here: its answer says why, and the other side has nothing. */
  readonly isSent: boolean
  /** `onAnswer` is not called any more; the other side need not go on with the call. */
  forget(): void
}

/** Kinds of requests about one key. */
export type KeyedKind =
  | 'get'
  | 'put'
  | 'explain'
  | 'peerRead'
  | 'peerWrite'
  | 'peerPut'
  | 'peerCopies'

export interface IncomingCallOf<K extends RequestKind> {
  readonly kind: K
  /** Its byte strings are views: copy those that outlive the call. */
  readonly request: Request<K>
  /** The token of the key, for keyed kinds. */
  readonly token: K extends KeyedKind ? Token : undefined
  /** The memory that its answer may take. */
  readonly room: Room
  /** An instant of the clock, counted from the first bytes of the request. */
  readonly deadline: number
  /** Call it or `fail` once; either may be called after the session has ended. */
  answer(reply: Reply<K>): void
  fail(error: OperatingError): void
}

/** A call to be answered: `switch (call.kind)` narrows its request, token and reply. */
export type IncomingCall = { [K in RequestKind]: IncomingCallOf<K> }[RequestKind]

/** Callbacks of a session. */
export interface SessionEvents {
  /** The first half of the ring's digest: told with each answer to a client. */
  readonly ring?: () => number
  /** Without it, calls are bounded by their connection alone. */
  readonly admission?: Admission
  /** The session has opened: called in the turn in which that was decided, before all else. */
  readonly onOpen?: (session: Session) => void
  /** A call has come. May throw an `OperatingError`, which is then the answer. */
  onCall(call: IncomingCall, session: Session): void
  /** The session has ended: called once, last, after every call in flight was answered. */
  onEnd(reason: OperatingError, session: Session): void
}

/** What the other side has told of itself. */
export interface SessionSettings extends Settings {
  /** The version of its software, for people: at most 64 characters, printable ASCII. */
  readonly version: string
}

/** A session on which an invitation was proved. */
export interface JoinFacts {
  readonly invitation: InvitationId
  readonly seal: KeySeal
}

/** The result of the handshake. */
export interface SessionFacts {
  /** What connected: a client, a peer, or a node that is to become a member. */
  readonly role: Role
  readonly cluster: string
  /** The id of the other side, if it is a node. */
  readonly node: NodeId | undefined
  /** The limits that the other side keeps, none above those of this build. */
  readonly settings: SessionSettings
  /** The limits that this side has told. */
  readonly ownSettings: Settings
  /** Between a joiner and a node alone. */
  readonly join?: JoinFacts | undefined
  /** Between peers alone: for cluster keys on this connection. */
  readonly seal?: KeySeal | undefined
}

export interface Session extends Pick<SessionFacts, 'role' | 'cluster' | 'node' | 'join' | 'seal'> {
  readonly remote: Address
  readonly isEnded: boolean
  /** Outgoing calls without an answer, forgotten ones included. */
  readonly callsInFlight: number
  /** Incoming calls without an answer. */
  readonly callsToAnswer: number
  /** Of those, the ones that do not wait for memory. */
  readonly callsBegun: number
  /** Bytes that wait to be sent. */
  readonly waitingBytes: number
  /** Bytes of partly received messages. */
  readonly incomingBytes: number
  /**
   * Calls the other side. `onAnswer` is called once, after this function has returned, with the
   * reply or an error. A long answer asks `room` for memory before it comes, or this session's own.
   * Byte strings in a reply are views: copy those that are kept.
   */
  call<K extends RequestKind>(
    kind: K,
    request: Request<K>,
    onAnswer: (answer: Answer<K>) => void,
    room?: Room,
  ): CallHandle
  /** Bytes received so far: a sign of life. */
  readonly bytesReceived: number
  /** Bytes received, and taken by the system to be sent, so far. */
  readonly bytesMoved: number
  /** Called with the other side's wall clock when it answers a ping. */
  onPong: ((wallMs: number) => void) | undefined
  /** Called with what an answer says of the ring, when that changes. */
  onRing: ((ring: number) => void) | undefined
  /** Asks whether the other side is there. */
  ping(): void
  /** Sends a goodbye with the reason after the bytes that wait, and ends. */
  end(reason: OperatingError): void
  /** Closes the connection at once, without a goodbye. */
  drop(reason: OperatingError): void
}
