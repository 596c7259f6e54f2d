/**
 * Their calls: checks who may ask what, reads the request, hands it on, and sends the answer.
 *
 * What is wrong with a request costs that request: it is answered with a failure, and the
 * connection goes on.
 */
import { isOperatingError, OperatingError } from '../base/errors.ts'
import { CALLS_PER_CONNECTION_MAX } from '../limits.ts'
import { type Token, tokenOf } from '../native/digest.ts'
import { type Answering, ReceivedCall } from './call.ts'
import type { ChunkReceiver } from './chunk-receiver.ts'
import type { ChunkSender } from './chunk-sender.ts'
import { type Body, decodeRequest, encodeReply } from './convert.ts'
import type { Frame } from './frame.ts'
import type { FramedConnection } from './framed-connection.ts'
import { REPLY, type Role } from './message/session.ts'
import {
  MAY_ASK,
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

export class IncomingCalls implements Answering {
  readonly #line: FramedConnection
  readonly #role: Role
  readonly #sender: ChunkSender
  readonly #receiver: ChunkReceiver
  readonly #onCall: (call: IncomingCall) => void
  /** Those that the other side may ask on this connection. */
  readonly #allowed: ReadonlySet<RequestKind>
  #unanswered = 0

  constructor(
    line: FramedConnection,
    role: Role,
    sender: ChunkSender,
    receiver: ChunkReceiver,
    onCall: (call: IncomingCall) => void,
  ) {
    this.#line = line
    this.#role = role
    this.#sender = sender
    this.#receiver = receiver
    this.#onCall = onCall
    // A node asks its clients nothing.
    const isAsked = role === 'peer' || line.side === 'acceptor'
    const kinds = REQUEST_KIND_NAMES.filter((kind) => isAsked && MAY_ASK[kind].includes(role))
    this.#allowed = new Set(kinds)
  }

  /** Calls handed on and not answered yet. */
  get unanswered(): number {
    return this.#unanswered
  }

  /** Takes a frame of kind 16 to 63. */
  onFrame(frame: Frame): void {
    const { kind, callId } = frame
    if (this.#receiver.isWhole(frame, false)) {
      const token = frame.hasToken ? { hi: frame.tokenHi, lo: frame.tokenLo } : undefined
      this.#onRequest(kind, callId, frame.bytes, frame.start, frame.length, token)
      return
    }
    const outcome = this.#receiver.add(frame, false, true)
    switch (outcome.kind) {
      case 'whole':
        // No scan has seen this key whole: what one may have said of a chunk is not of the message.
        this.#onRequest(kind, callId, outcome.bytes, 0, outcome.length, undefined)
        break
      case 'refused':
        this.#sender.fail(callId, new OperatingError(outcome.code, outcome.sentence))
        break
      case 'broken':
        this.#line.breakOff(outcome.code, outcome.sentence)
        break
      case 'nothing':
        this.#line.watch()
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

  /** The kind, where it may be asked here and now. */
  #kindOf(kindNumber: number): RequestKind {
    const kind = KIND_BY_NUMBER[kindNumber]
    if (kind === undefined || !this.#allowed.has(kind)) {
      const where = this.#role === 'client' ? 'from clients to nodes' : 'between nodes'
      const sentence = `requests of kind ${kindNumber} are not taken on connections ${where}`
      throw new OperatingError('kind-unknown', sentence)
    }
    if (this.#unanswered >= CALLS_PER_CONNECTION_MAX || this.#sender.isFull) {
      const sentence = 'this connection has too much in flight: read answers before asking more'
      throw new OperatingError('overloaded', sentence)
    }
    return kind
  }
}

function tokenOfRequest(request: Request<RequestKind>): Token {
  const { name } = request as Request<KeyedKind>
  return tokenOf(name.bucket, name.key)
}
