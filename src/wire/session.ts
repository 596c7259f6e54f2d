/**
 * One conversation between two programs: many calls at once, each answered in its own time.
 *
 * Either side of a session between peers may call; each numbers its own calls, and an answer
 * carries the number of its call. What goes wrong with one message costs that call; what makes the
 * stream unbelievable costs the session, which says goodbye and tells why.
 *
 * When a session ends, every call in flight is answered `connection-lost`: in doubt, because the
 * request may have arrived. Who only read may call it refused.
 *
 * Invariant: every call of ours is answered once, or forgotten; never within the call that made it.
 * Invariant: a call's number is not used again while the call is in flight, forgotten ones
 * included: a late answer would be taken for another's.
 */
import { type ErrorCode, isOperatingError, OperatingError } from '../base/errors.ts'
import type { NodeId } from '../dynamo/names.ts'
import {
  CALLS_PER_CONNECTION_MAX,
  CHUNK_BYTES_MAX,
  MESSAGE_STALL_MS_MAX,
  OUTGOING_BYTES_PER_CONNECTION_MAX,
  PROGRESS_MS,
} from '../limits.ts'
import { tokenOf, type Token } from '../native/digest.ts'
import type { Address } from '../world/network.ts'
import {
  type Answer,
  type CallHandle,
  type IncomingCall,
  type KeyedKind,
  OutgoingCall,
  ReceivedCall,
} from './call.ts'
import { ChunkReceiver } from './chunk-receiver.ts'
import { ChunkSender } from './chunk-sender.ts'
import {
  type Body,
  decodeControl,
  decodeReply,
  decodeRequest,
  encodeControl,
  encodeReply,
  encodeRequest,
  errorOf,
} from './convert.ts'
import type { Frame } from './frame.ts'
import type { Line } from './line.ts'
import {
  CONTROL_KINDS,
  FAILURE_KIND,
  MAY_ASK,
  REPLY,
  type Reply,
  REQUEST_KINDS,
  type Request,
  type RequestKind,
  type Role,
} from './message.ts'

export type { Answer, CallHandle, IncomingCall, IncomingCallOf, KeyedKind } from './call.ts'

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

const CALL_ID_MAX = 0xffff_ffff
const IDLE_CHECKS_MAX: number = MESSAGE_STALL_MS_MAX / PROGRESS_MS

const KIND_BY_NUMBER: readonly (RequestKind | undefined)[] = Array.from(
  { length: REPLY },
  (_, number) =>
    (Object.keys(REQUEST_KINDS) as RequestKind[]).find((kind) => REQUEST_KINDS[kind] === number),
)

export class Session {
  readonly role: Role
  readonly cluster: string
  readonly node: NodeId | undefined
  readonly #line: Line
  readonly #events: SessionEvents
  readonly #sender: ChunkSender
  readonly #receiver: ChunkReceiver
  /** Ours that are in flight, by number. */
  readonly #calls = new Map<number, OutgoingCall>()
  #lastCallId = 0
  /** Theirs that are not answered yet. */
  #callsToAnswer = 0
  /** For standstill: bytes of long messages sent at the last check, and checks since they grew. */
  #sentThen = 0
  #idleChecks = 0

  constructor(line: Line, facts: SessionFacts, events: SessionEvents) {
    this.role = facts.role
    this.cluster = facts.cluster
    this.node = facts.node
    this.#line = line
    this.#events = events
    this.#sender = new ChunkSender(line)
    this.#receiver = new ChunkReceiver((callId, ofAnswer, bytes) => {
      line.send(CONTROL_KINDS.credit, callId, encodeControl('credit', { bytes, ofAnswer }))
    })
  }

  get remote(): Address {
    return this.#line.remote
  }

  get isEnded(): boolean {
    return this.#line.isEnded
  }

  /** Calls of ours that wait for an answer, forgotten ones included. */
  get callsInFlight(): number {
    return this.#calls.size
  }

  /** Calls of theirs that wait for ours. */
  get callsToAnswer(): number {
    return this.#callsToAnswer
  }

  /** Bytes that wait to be sent. */
  get waitingBytes(): number {
    return this.#line.waitingBytes + this.#sender.waitingBytes
  }

  /**
   * Asks the other side. `onAnswer` is called once, and never within this call: with the reply, or
   * with the error that the other side, this side or the connection's end came to.
   */
  call<K extends RequestKind>(
    kind: K,
    request: Request<K>,
    onAnswer: (answer: Answer<K>) => void,
  ): CallHandle {
    const call = new OutgoingCall(kind, onAnswer)
    const refusal = this.#refusal()
    if (refusal !== undefined) return this.#settleSoon(call, refusal)
    let body: Body
    try {
      body = encodeRequest(kind, request)
    } catch (error) {
      if (!isOperatingError(error)) throw error
      return this.#settleSoon(call, error)
    }
    const callId = this.#nextCallId()
    this.#calls.set(callId, call)
    this.#send(REQUEST_KINDS[kind], callId, false, body)
    return call
  }

  /** Says why, lets what was sent leave, and ends. */
  end(reason: OperatingError): void {
    this.#line.end(reason)
  }

  /** Ends at once. */
  drop(reason: OperatingError): void {
    this.#line.drop(reason)
  }

  onFrame(frame: Frame): void {
    const { kind } = frame
    if (kind >= 16 && kind < REPLY) this.#onRequestFrame(frame)
    else if (kind >= REPLY && kind <= FAILURE_KIND) this.#onAnswerFrame(frame)
    else this.#onControlFrame(frame)
  }

  onRoom(): void {
    this.#sender.pump()
  }

  onProgressCheck(): boolean {
    if (this.#receiver.isStalled()) {
      this.#line.breakOff(
        'frame-late',
        'a message was begun and did not go on: send all its chunks',
      )
      return false
    }
    const isWaiting = this.#sender.waitingBytes > 0
    const isIdle = isWaiting && this.#sender.sentBytes === this.#sentThen
    this.#idleChecks = isIdle ? this.#idleChecks + 1 : 0
    this.#sentThen = this.#sender.sentBytes
    if (this.#idleChecks > IDLE_CHECKS_MAX) {
      this.#line.cutSlowReader(this.waitingBytes)
      return false
    }
    return isWaiting || this.#receiver.count > 0
  }

  onEnd(reason: OperatingError): void {
    this.#receiver.clear()
    const calls = [...this.#calls.values()]
    this.#calls.clear()
    const lost = new OperatingError(
      'connection-lost',
      `the connection ended before the answer came: ${reason.message}`,
      { cause: reason },
    )
    for (const call of calls) call.settle(lost)
    this.#events.onEnd(reason, this)
  }

  /** For incoming calls alone. */
  sendReply(kind: RequestKind, callId: number, reply: Reply<RequestKind>): void {
    let body: Body
    try {
      body = encodeReply(kind, reply)
    } catch (error) {
      if (!isOperatingError(error)) throw error
      this.sendFailure(callId, error)
      return
    }
    this.#callsToAnswer -= 1
    this.#send(REQUEST_KINDS[kind] + REPLY, callId, true, body)
  }

  /** For incoming calls alone. */
  sendFailure(callId: number, error: OperatingError): void {
    this.#callsToAnswer -= 1
    this.#refuse(callId, error)
  }

  /** Why no call can be made now. */
  #refusal(): OperatingError | undefined {
    if (this.#line.isEnded) {
      return new OperatingError('not-connected', 'the connection has ended: connect again')
    }
    if (
      this.#calls.size >= CALLS_PER_CONNECTION_MAX ||
      this.waitingBytes >= OUTGOING_BYTES_PER_CONNECTION_MAX / 2
    ) {
      return overloaded('too much waits on this connection: try another node, or again later')
    }
    return undefined
  }

  #settleSoon(call: OutgoingCall, error: OperatingError): CallHandle {
    this.#line.world.clock.soon(() => call.settle(error))
    return call
  }

  #nextCallId(): number {
    do {
      this.#lastCallId = this.#lastCallId === CALL_ID_MAX ? 1 : this.#lastCallId + 1
    } while (this.#calls.has(this.#lastCallId))
    return this.#lastCallId
  }

  #send(kind: number, callId: number, isAnswer: boolean, body: Body): void {
    if (body.length <= CHUNK_BYTES_MAX) {
      this.#line.send(kind, callId, body)
      return
    }
    if (this.#line.isEnded) return
    this.#sender.add(kind, callId, isAnswer, body.bytes, body.length)
    if (this.waitingBytes > OUTGOING_BYTES_PER_CONNECTION_MAX) {
      this.#line.cutSlowReader(this.waitingBytes)
    } else {
      this.#line.watch()
    }
  }

  #refuse(callId: number, { code, message, certainty }: OperatingError): void {
    const body = encodeControl('failure', { code, message, certainty })
    this.#line.send(FAILURE_KIND, callId, body)
  }

  #onRequestFrame(frame: Frame): void {
    if (this.#receiver.isWhole(frame, false)) {
      const token = frame.hasToken ? { hi: frame.tokenHi, lo: frame.tokenLo } : undefined
      this.#onRequest(frame.kind, frame.callId, frame.bytes, frame.start, frame.length, token)
      return
    }
    const { kind, callId } = frame
    const message = this.#onChunk(frame, false, true)
    // The token of a message in chunks is nobody's yet: no scan has seen its key whole.
    if (message !== undefined)
      this.#onRequest(kind, callId, message.bytes, 0, message.length, undefined)
  }

  #onRequest(
    kindNumber: number,
    callId: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    scanned: Token | undefined,
  ): void {
    const kind = KIND_BY_NUMBER[kindNumber]
    if (kind === undefined || !this.#mayAskUs(kind)) {
      this.#refuse(callId, kindUnknown(kindNumber, this.role))
      return
    }
    if (
      this.#callsToAnswer >= CALLS_PER_CONNECTION_MAX ||
      this.waitingBytes >= OUTGOING_BYTES_PER_CONNECTION_MAX / 2
    ) {
      this.#refuse(callId, overloaded('this connection has too much in flight: await answers'))
      return
    }
    let call: ReceivedCall
    try {
      const request = decodeRequest(kind, bytes, start, length)
      const isKeyed = kindNumber >= 32
      const token = isKeyed ? (scanned ?? tokenOfRequest(request)) : undefined
      call = new ReceivedCall(kind, request, token, callId, this)
    } catch (error) {
      if (!isOperatingError(error)) throw error
      this.#refuse(callId, error)
      return
    }
    this.#callsToAnswer += 1
    try {
      this.#events.onCall(call as IncomingCall, this)
    } catch (error) {
      if (!isOperatingError(error)) throw error
      call.fail(error)
    }
  }

  #mayAskUs(kind: RequestKind): boolean {
    const isTheirs = this.role === 'peer' || this.#line.side === 'acceptor'
    return isTheirs && MAY_ASK[kind].includes(this.role)
  }

  #onAnswerFrame(frame: Frame): void {
    const { kind, callId } = frame
    const call = this.#calls.get(callId)
    if (call === undefined) return
    if (kind !== FAILURE_KIND && kind !== REQUEST_KINDS[call.kind] + REPLY) {
      this.#line.breakOff('message-garbled', 'an answer is of another kind than its call')
      return
    }
    if (this.#receiver.isWhole(frame, true)) {
      this.#calls.delete(callId)
      this.#onAnswer(call, kind, frame.bytes, frame.start, frame.length)
      return
    }
    const isLast = (frame.flags & 1) === 0
    const message = this.#onChunk(frame, true, call.isWanted)
    if (isLast) this.#calls.delete(callId)
    if (message !== undefined) this.#onAnswer(call, kind, message.bytes, 0, message.length)
  }

  #onAnswer(
    call: OutgoingCall,
    kind: number,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): void {
    if (!call.isWanted) return
    let answer: unknown
    try {
      answer =
        kind === FAILURE_KIND
          ? errorOf(decodeControl('failure', bytes, start, length))
          : decodeReply(call.kind, bytes, start, length)
    } catch (error) {
      if (!isOperatingError(error)) throw error
      answer = unread(error.code, error.message)
    }
    call.settle(answer)
  }

  /** Takes a chunk; returns the message where it is whole now. */
  #onChunk(frame: Frame, isAnswer: boolean, isWanted: boolean): Body | undefined {
    const { callId } = frame
    const outcome = this.#receiver.add(frame, isAnswer, isWanted)
    switch (outcome.kind) {
      case 'whole':
        return outcome
      case 'broken':
        this.#line.breakOff(outcome.code, outcome.sentence)
        return undefined
      case 'refused':
        if (isAnswer) this.#calls.get(callId)?.settle(unread(outcome.code, REFUSALS[outcome.code]))
        else this.#refuse(callId, new OperatingError(outcome.code, REFUSALS[outcome.code] ?? ''))
        return undefined
      case 'nothing':
        this.#line.watch()
        return undefined
    }
  }

  #onControlFrame(frame: Frame): void {
    const { kind, callId, bytes, start, length } = frame
    try {
      if (kind === CONTROL_KINDS.credit) {
        const credit = decodeControl('credit', bytes, start, length)
        this.#sender.grant(callId, credit.ofAnswer, credit.bytes)
      } else if (kind === CONTROL_KINDS.goodbye) {
        this.#line.drop(errorOf(decodeControl('goodbye', bytes, start, length)))
      } else {
        this.#line.breakOff('kind-unknown', `frames of kind ${kind} have no place in a session`)
      }
    } catch (error) {
      if (!isOperatingError(error)) throw error
      this.#line.breakOff(error.code, error.message)
    }
  }
}

const REFUSALS: Readonly<Partial<Record<ErrorCode, string>>> = {
  'message-too-long': 'the message is too long, all its chunks together: ask for less at once',
  overloaded: 'too much of other messages is half received on this connection: try again later',
}

/** An answer came, and cannot be read: what was asked for may well have been done. */
function unread(code: ErrorCode, sentence = ''): OperatingError {
  return new OperatingError(code, sentence, { certainty: 'in-doubt' })
}

function overloaded(sentence: string): OperatingError {
  return new OperatingError('overloaded', sentence)
}

function kindUnknown(kind: number, role: Role): OperatingError {
  const where = role === 'client' ? 'clients to nodes' : 'nodes to each other'
  return new OperatingError(
    'kind-unknown',
    `requests of kind ${kind} are not taken here: this is a connection of ${where}`,
  )
}

function tokenOfRequest(request: Request<RequestKind>): Token {
  const { name } = request as Request<KeyedKind>
  return tokenOf(name.bucket, name.key)
}
