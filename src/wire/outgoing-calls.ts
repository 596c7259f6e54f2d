/**
 * Outgoing calls: gives each a number, sends its request, and matches answers to calls.
 *
 * Invariant: every call that is not forgotten is answered once, and not before `call` has returned.
 * Invariant: a number is not used again while its call is in flight, forgotten calls included: a
 * late answer would otherwise be delivered to the wrong call.
 */
import { type ErrorCode, isOperatingError, OperatingError } from '../base/errors.ts'
import { CALLS_PER_CONNECTION_MAX } from '../limits.ts'
import type { ChunkReceiver } from './chunk-receiver.ts'
import type { ChunkSender } from './chunk-sender.ts'
import { type Body, decodeControl, decodeReply, encodeRequest, errorOf } from './convert.ts'
import type { Frame } from './frame.ts'
import type { FramedConnection } from './framed-connection.ts'
import { FAILURE_KIND, FLAG_MORE, REPLY } from './message/session.ts'
import { type Request, REQUEST_KINDS, type RequestKind } from './message/table.ts'
import type { Answer, CallHandle } from './session.ts'

/** The numbers of calls, used in turn. */
export interface CallIds {
  readonly first: number
  readonly last: number
}

const CALL_IDS: CallIds = { first: 1, last: 0xffff_ffff }

/** A call that waits for its answer. */
class OutgoingCall implements CallHandle {
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
  deliver(answer: unknown): void {
    const onAnswer = this.#onAnswer
    this.#onAnswer = undefined
    onAnswer?.(answer as never)
  }
}

export class OutgoingCalls {
  readonly #connection: FramedConnection
  readonly #sender: ChunkSender
  readonly #receiver: ChunkReceiver
  /** In flight, by number. */
  readonly #calls = new Map<number, OutgoingCall>()
  readonly #callIds: CallIds
  #nextCallId: number

  /** Tests pass a short range of `callIds` to see the numbers start again. */
  constructor(
    connection: FramedConnection,
    sender: ChunkSender,
    receiver: ChunkReceiver,
    callIds: CallIds = CALL_IDS,
  ) {
    this.#connection = connection
    this.#sender = sender
    this.#receiver = receiver
    this.#callIds = callIds
    this.#nextCallId = callIds.first
  }

  /** Calls without an answer, forgotten ones included. */
  get inFlight(): number {
    return this.#calls.size
  }

  call<K extends RequestKind>(
    kind: K,
    request: Request<K>,
    onAnswer: (answer: Answer<K>) => void,
  ): CallHandle {
    const call = new OutgoingCall(kind, onAnswer)
    const refusal = this.#refusal()
    if (refusal !== undefined) return this.#deliverSoon(call, refusal)
    let body: Body
    try {
      body = encodeRequest(kind, request)
    } catch (error) {
      if (!isOperatingError(error)) throw error
      return this.#deliverSoon(call, error)
    }
    const callId = this.#takeCallId()
    this.#calls.set(callId, call)
    this.#sender.send(REQUEST_KINDS[kind], callId, body)
    return call
  }

  /** Takes a frame of kind 64 to 127. An answer without a call is ignored. */
  onFrame(frame: Frame): void {
    const { kind, callId } = frame
    const call = this.#calls.get(callId)
    if (call === undefined) return
    if (kind !== FAILURE_KIND && kind !== REQUEST_KINDS[call.kind] + REPLY) {
      this.#connection.breakOff(
        'message-garbled',
        'the kind of an answer does not fit the kind of its request',
      )
      return
    }
    const isLast = (frame.flags & FLAG_MORE) === 0
    if (isLast) this.#calls.delete(callId)
    if (this.#receiver.isWhole(frame, true)) {
      deliver(call, kind, frame.bytes, frame.start, frame.length)
      return
    }
    const outcome = this.#receiver.add(frame, true, call.isWanted)
    switch (outcome.kind) {
      case 'whole':
        deliver(call, kind, outcome.bytes, 0, outcome.length)
        break
      case 'refused':
        call.deliver(unread(outcome.code, outcome.sentence))
        break
      case 'broken':
        this.#connection.breakOff(outcome.code, outcome.sentence)
        break
      case 'nothing':
        this.#connection.watch()
        break
    }
  }

  /** The connection has ended: every call in flight is in doubt. */
  onEnd(reason: OperatingError): void {
    const calls = [...this.#calls.values()]
    this.#calls.clear()
    if (calls.length === 0) return
    const sentence = `the connection ended before the answer came: ${reason.message}`
    const lost = new OperatingError('connection-lost', sentence, { cause: reason })
    for (const call of calls) call.deliver(lost)
  }

  /** Why no call can be made now, if so. */
  #refusal(): OperatingError | undefined {
    if (this.#connection.isEnded) {
      return new OperatingError('not-connected', 'the connection has ended: connect again')
    }
    if (this.#calls.size < CALLS_PER_CONNECTION_MAX && !this.#sender.isFull) return undefined
    const sentence =
      'too many calls or bytes wait on this connection: ask another node, or try later'
    return new OperatingError('overloaded', sentence)
  }

  #deliverSoon(call: OutgoingCall, error: OperatingError): CallHandle {
    this.#connection.world.clock.soon(() => call.deliver(error))
    return call
  }

  #takeCallId(): number {
    const { first, last } = this.#callIds
    let callId = this.#nextCallId
    while (this.#calls.has(callId)) callId = callId === last ? first : callId + 1
    this.#nextCallId = callId === last ? first : callId + 1
    return callId
  }
}

/** Delivers the answer in these bytes to its call. */
function deliver(
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
  call.deliver(answer)
}

/** The answer is unreadable: the call is in doubt, because its request may have been done. */
function unread(code: ErrorCode, sentence: string): OperatingError {
  return new OperatingError(code, `the answer cannot be read: ${sentence}`, {
    certainty: 'in-doubt',
  })
}
