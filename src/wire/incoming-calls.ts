/**
 * Incoming calls: checks that the kind is allowed, decodes the request, and sends the answer.
 *
 * A faulty request fails alone: it is answered with a failure, and the connection goes on.
 */
import { assert } from '../base/assert.ts'
import { isOperatingError, OperatingError } from '../base/errors.ts'
import { CALLS_PER_CONNECTION_MAX } from '../limits.ts'
import { u64 } from '../base/u64.ts'
import { type Token, tokenOf } from '../native/digest.ts'
import type { ChunkReceiver } from './chunk-receiver.ts'
import type { ChunkSender } from './chunk-sender.ts'
import { type Body, decodeRequest, encodeReply } from './convert.ts'
import type { Frame } from './frame.ts'
import type { FramedConnection } from './framed-connection.ts'
import { REPLY, type Role } from './message/session.ts'
import {
  SENDERS,
  type Reply,
  type Request,
  REQUEST_KINDS,
  type RequestKind,
} from './message/table.ts'
import type { IncomingCall, KeyedKind } from './session.ts'

const REQUEST_KIND_NAMES = Object.keys(REQUEST_KINDS) as RequestKind[]
const KIND_BY_NUMBER: readonly (RequestKind | undefined)[] = Array.from(
  { length: REPLY },
  (_, number) => REQUEST_KIND_NAMES.find((kind) => REQUEST_KINDS[kind] === number),
)

/** A call to be answered; `IncomingCallOf` ties its kind, request and reply together. */
class ReceivedCall {
  readonly kind: RequestKind
  readonly request: Request<RequestKind>
  readonly token: Token | undefined
  readonly #callId: number
  readonly #calls: IncomingCalls
  #isAnswered = false

  constructor(
    kind: RequestKind,
    request: Request<RequestKind>,
    token: Token | undefined,
    callId: number,
    calls: IncomingCalls,
  ) {
    this.kind = kind
    this.request = request
    this.token = token
    this.#callId = callId
    this.#calls = calls
  }

  answer(reply: Reply<RequestKind>): void {
    this.#close()
    this.#calls.sendReply(this.kind, this.#callId, reply)
  }

  fail(error: OperatingError): void {
    this.#close()
    this.#calls.sendFailure(this.#callId, error)
  }

  #close(): void {
    assert(!this.#isAnswered, 'a call is answered once')
    this.#isAnswered = true
  }
}

export class IncomingCalls {
  readonly #connection: FramedConnection
  readonly #role: Role
  readonly #sender: ChunkSender
  readonly #receiver: ChunkReceiver
  readonly #onCall: (call: IncomingCall) => void
  /** Kinds that the other side may request on this connection. */
  readonly #allowed: ReadonlySet<RequestKind>
  #unanswered = 0

  constructor(
    connection: FramedConnection,
    role: Role,
    sender: ChunkSender,
    receiver: ChunkReceiver,
    onCall: (call: IncomingCall) => void,
  ) {
    this.#connection = connection
    this.#role = role
    this.#sender = sender
    this.#receiver = receiver
    this.#onCall = onCall
    // A client accepts no requests.
    const isAsked = role === 'peer' || connection.side === 'acceptor'
    const kinds = REQUEST_KIND_NAMES.filter((kind) => isAsked && SENDERS[kind].includes(role))
    this.#allowed = new Set(kinds)
  }

  /** Calls passed to `onCall` and not answered yet. */
  get unanswered(): number {
    return this.#unanswered
  }

  /** Takes a frame of kind 16 to 63. */
  onFrame(frame: Frame): void {
    const { kind, callId } = frame
    if (this.#receiver.isWhole(frame, false)) {
      const token = frame.hasToken ? u64<Token>(frame.tokenHi, frame.tokenLo) : undefined
      this.#onRequest(kind, callId, frame.bytes, frame.start, frame.length, token)
      return
    }
    const outcome = this.#receiver.add(frame, false, true)
    switch (outcome.kind) {
      case 'whole':
        // The frame scanner saw chunks only: a token that it computed is not that of the message.
        this.#onRequest(kind, callId, outcome.bytes, 0, outcome.length, undefined)
        break
      case 'refused':
        this.#sender.fail(callId, new OperatingError(outcome.code, outcome.sentence))
        break
      case 'broken':
        this.#connection.breakOff(outcome.code, outcome.sentence)
        break
      case 'nothing':
        this.#connection.watch()
        break
    }
  }

  sendReply(kind: RequestKind, callId: number, reply: Reply<RequestKind>): void {
    let body: Body
    try {
      body = encodeReply(kind, reply)
    } catch (error) {
      if (!isOperatingError(error)) throw error
      this.sendFailure(callId, error)
      return
    }
    this.#unanswered -= 1
    this.#sender.send(REQUEST_KINDS[kind] + REPLY, callId, body)
  }

  sendFailure(callId: number, error: OperatingError): void {
    this.#unanswered -= 1
    this.#sender.fail(callId, error)
  }

  #onRequest(
    kindNumber: number,
    callId: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    scanned: Token | undefined,
  ): void {
    let call: ReceivedCall
    try {
      const kind = this.#kindOf(kindNumber)
      const request = decodeRequest(kind, bytes, start, length)
      const isKeyed = kindNumber >= 32
      const token = isKeyed ? (scanned ?? tokenOfRequest(request)) : undefined
      call = new ReceivedCall(kind, request, token, callId, this)
    } catch (error) {
      if (!isOperatingError(error)) throw error
      this.#sender.fail(callId, error)
      return
    }
    this.#unanswered += 1
    try {
      this.#onCall(call as IncomingCall)
    } catch (error) {
      if (!isOperatingError(error)) throw error
      call.fail(error)
    }
  }

  /** The kind, if it is allowed here and the connection has room for one more call. */
  #kindOf(kindNumber: number): RequestKind {
    const kind = KIND_BY_NUMBER[kindNumber]
    if (kind === undefined || !this.#allowed.has(kind)) {
      const where = this.#role === 'client' ? 'from clients to nodes' : 'between nodes'
      const sentence = `requests of kind ${kindNumber} are not accepted on connections ${where}`
      throw new OperatingError('kind-unknown', sentence)
    }
    if (this.#unanswered >= CALLS_PER_CONNECTION_MAX || this.#sender.isFull) {
      const sentence =
        'this connection has too many calls in flight: read answers before sending more requests'
      throw new OperatingError('overloaded', sentence)
    }
    return kind
  }
}

function tokenOfRequest(request: Request<RequestKind>): Token {
  const { name } = request as Request<KeyedKind>
  return tokenOf(name.bucket, name.key)
}
