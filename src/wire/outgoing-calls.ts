/**
 * Our calls: makes them, numbers them, and finds for each answer the call that it answers.
 *
 * Invariant: every call is settled once, or forgotten; never within the call that made it.
 * Invariant: a number is not used again while its call is in flight, forgotten ones included: a
 * late answer would be taken for another's.
 */
import { type ErrorCode, isOperatingError, OperatingError } from '../base/errors.ts'
import { CALLS_PER_CONNECTION_MAX } from '../limits.ts'
import { OutgoingCall } from './call.ts'
import type { ChunkReceiver } from './chunk-receiver.ts'
import type { ChunkSender } from './chunk-sender.ts'
import { type Body, decodeControl, decodeReply, encodeRequest, errorOf } from './convert.ts'
import type { Frame } from './frame.ts'
import type { FramedConnection } from './framed-connection.ts'
import { FAILURE_KIND, FLAG_MORE, REPLY } from './message/session.ts'
import { type Request, REQUEST_KINDS, type RequestKind } from './message/table.ts'
import type { Answer, CallHandle } from './session.ts'

/** The numbers that calls are given, in turn. */
export interface CallIds {
  readonly first: number
  readonly last: number
}

const CALL_IDS: CallIds = { first: 1, last: 0xffff_ffff }

export class OutgoingCalls {
  readonly #line: FramedConnection
  readonly #sender: ChunkSender
  readonly #receiver: ChunkReceiver
  /** In flight, by number. */
  readonly #calls = new Map<number, OutgoingCall>()
  readonly #callIds: CallIds
  #nextCallId: number

  /** `callIds` are fewer in tests of what happens after the last. */
  constructor(
    line: FramedConnection,
    sender: ChunkSender,
    receiver: ChunkReceiver,
    callIds: CallIds = CALL_IDS,
  ) {
    this.#line = line
    this.#sender = sender
    this.#receiver = receiver
    this.#callIds = callIds
    this.#nextCallId = callIds.first
  }

  /** Calls that wait for an answer, forgotten ones included. */
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
    if (refusal !== undefined) return this.#settleSoon(call, refusal)
    let body: Body
    try {
      body = encodeRequest(kind, request)
    } catch (error) {
      if (!isOperatingError(error)) throw error
      return this.#settleSoon(call, error)
    }
    const callId = this.#takeCallId()
    this.#calls.set(callId, call)
    this.#sender.send(REQUEST_KINDS[kind], callId, body)
    return call
  }

  /** Takes a frame of kind 64 to 127. An answer to no call of ours is ignored. */
  onFrame(frame: Frame): void {
    const { kind, callId } = frame
    const call = this.#calls.get(callId)
    if (call === undefined) return
    if (kind !== FAILURE_KIND && kind !== REQUEST_KINDS[call.kind] + REPLY) {
      this.#line.breakOff('message-garbled', 'an answer is of another kind than its call')
      return
    }
    const isLast = (frame.flags & FLAG_MORE) === 0
    if (isLast) this.#calls.delete(callId)
    if (this.#receiver.isWhole(frame, true)) {
      settle(call, kind, frame.bytes, frame.start, frame.length)
      return
    }
    const outcome = this.#receiver.add(frame, true, call.isWanted)
    switch (outcome.kind) {
      case 'whole':
        settle(call, kind, outcome.bytes, 0, outcome.length)
        break
      case 'refused':
        call.settle(unread(outcome.code, outcome.sentence))
        break
      case 'broken':
        this.#line.breakOff(outcome.code, outcome.sentence)
        break
      case 'nothing':
        this.#line.watch()
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
    for (const call of calls) call.settle(lost)
  }

  /** Why no call can be made now. */
  #refusal(): OperatingError | undefined {
    if (this.#line.isEnded) {
      return new OperatingError('not-connected', 'the connection has ended: connect again')
    }
    if (this.#calls.size < CALLS_PER_CONNECTION_MAX && !this.#sender.isFull) return undefined
    const sentence = 'too much waits on this connection: ask another node, or again later'
    return new OperatingError('overloaded', sentence)
  }

  #settleSoon(call: OutgoingCall, error: OperatingError): CallHandle {
    this.#line.world.clock.soon(() => call.settle(error))
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

/** Gives a call the answer in these bytes. */
function settle(
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

/** An answer came, and cannot be read: what was asked for may well have been done. */
function unread(code: ErrorCode, sentence: string): OperatingError {
  return new OperatingError(code, `the answer cannot be read: ${sentence}`, {
    certainty: 'in-doubt',
  })
}
