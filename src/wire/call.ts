/** The two ends of one call: what waits for an answer, and what is to be answered. */
import { assert } from '../base/assert.ts'
import type { OperatingError } from '../base/errors.ts'
import type { Token } from '../native/digest.ts'
import type { Reply, Request, RequestKind } from './message/table.ts'
import type { CallHandle } from './session.ts'

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
