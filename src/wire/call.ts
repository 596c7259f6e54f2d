/**
 * One call, seen from each side.
 *
 * Call-backs and not promises: a call is made for every operation of every replica, and a promise,
 * its two closures and a turn of the microtask queue for each would cost more than the frame.
 */
import { assert } from '../base/assert.ts'
import type { OperatingError } from '../base/errors.ts'
import type { Token } from '../native/digest.ts'
import type { Reply, Request, RequestKind } from './message.ts'

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

/** A call of ours that waits for its answer. */
export class OutgoingCall implements CallHandle {
  readonly kind: RequestKind
  #onAnswer: ((answer: never) => void) | undefined

  constructor(kind: RequestKind, onAnswer: (answer: never) => void) {
    this.kind = kind
    this.#onAnswer = onAnswer
  }

  get isWanted(): boolean {
    return this.#onAnswer !== undefined
  }

  forget(): void {
    this.#onAnswer = undefined
  }

  /** Requires: `answer` is one of this call's kind. */
  settle(answer: unknown): void {
    const onAnswer = this.#onAnswer
    this.#onAnswer = undefined
    onAnswer?.(answer as never)
  }
}

/** Where the answers to incoming calls go. */
export interface Answering {
  sendReply(kind: RequestKind, callId: number, reply: Reply<RequestKind>): void
  sendFailure(callId: number, error: OperatingError): void
}

/** Implements every `IncomingCallOf`: the types above keep kind, request and reply together. */
export class ReceivedCall {
  readonly kind: RequestKind
  readonly request: Request<RequestKind>
  readonly token: Token | undefined
  readonly #callId: number
  readonly #answering: Answering
  #isAnswered = false

  constructor(
    kind: RequestKind,
    request: Request<RequestKind>,
    token: Token | undefined,
    callId: number,
    answering: Answering,
  ) {
    this.kind = kind
    this.request = request
    this.token = token
    this.#callId = callId
    this.#answering = answering
  }

  answer(reply: Reply<RequestKind>): void {
    this.#close()
    this.#answering.sendReply(this.kind, this.#callId, reply)
  }

  fail(error: OperatingError): void {
    this.#close()
    this.#answering.sendFailure(this.#callId, error)
  }

  #close(): void {
    assert(!this.#isAnswered, 'a call is answered once')
    this.#isAnswered = true
  }
}
