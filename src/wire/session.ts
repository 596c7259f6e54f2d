/**
 * One conversation between two programs, as its owner sees it: many calls at once, each answered in
 * its own time.
 *
 * Either side of a session between peers may call. What goes wrong with one message costs that
 * call; what makes the stream unbelievable costs the session, which says goodbye and tells why.
 *
 * When a session ends, every call in flight is answered `connection-lost`: in doubt, because the
 * request may have arrived. Who only read may call it refused.
 *
 * `handshake.ts` makes sessions; `framed-session.ts` implements them.
 *
 * Why not: promises. A call is made for every operation of every replica, and a promise, its two
 * closures and a turn of the microtask queue for each would cost more than the frame.
 */
import type { OperatingError } from '../base/errors.ts'
import type { NodeId } from '../dynamo/names.ts'
import type { Token } from '../native/digest.ts'
import type { Address } from '../world/network.ts'
import type { Role } from './message/session.ts'
import type { Reply, Request, RequestKind } from './message/table.ts'

/** What came of a call: its reply, or why there is none (`instanceof OperatingError`). */
export type Answer<K extends RequestKind> = Reply<K> | OperatingError

/** A call that was made. */
export interface CallHandle {
  /** The answer is not wanted any more; the call itself goes on over there. */
  forget(): void
}

/** Kinds that speak of one key, and so have a token. */
export type KeyedKind = 'get' | 'put' | 'peerRead' | 'peerWrite'

export interface IncomingCallOf<K extends RequestKind> {
  readonly kind: K
  /** Byte strings in it are views: copy what outlives the call. */
  readonly request: Request<K>
  /** The key's place on the ring, of keyed kinds. */
  readonly token: K extends KeyedKind ? Token : undefined
  /** To be called once, or `fail`; at any time, also after the session has ended. */
  answer(reply: Reply<K>): void
  fail(error: OperatingError): void
}

/** A call to be answered: `switch (call.kind)` tells its request, token and reply. */
export type IncomingCall = { [K in RequestKind]: IncomingCallOf<K> }[RequestKind]

/** What the owner of a session does with it. */
export interface SessionEvents {
  /** A call to be answered. May throw an `OperatingError`, which then is the answer. */
  onCall(call: IncomingCall, session: Session): void
  /** Once, after every call in flight has been answered; nothing after it. */
  onEnd(reason: OperatingError, session: Session): void
}

/** What the handshake has found out. */
export interface SessionFacts {
  /** What this connection is for. */
  readonly role: Role
  readonly cluster: string
  /** The other side, where it is a node. */
  readonly node: NodeId | undefined
}

export interface Session extends SessionFacts {
  readonly remote: Address
  readonly isEnded: boolean
  /** Calls of ours that wait for an answer, forgotten ones included. */
  readonly callsInFlight: number
  /** Calls of theirs that wait for ours. */
  readonly callsToAnswer: number
  /** Bytes that wait to be sent. */
  readonly waitingBytes: number
  /** Bytes of messages that are half received. */
  readonly incomingBytes: number
  /**
   * Asks the other side. `onAnswer` is called once, and never within this call: with the reply, or
   * with the error that the other side, this side or the connection's end came to. Byte strings in
   * a reply are views of what came: copy what is kept.
   */
  call<K extends RequestKind>(
    kind: K,
    request: Request<K>,
    onAnswer: (answer: Answer<K>) => void,
  ): CallHandle
  /** Says why, lets what was sent leave, and ends. */
  end(reason: OperatingError): void
  /** Ends at once. */
  drop(reason: OperatingError): void
}
