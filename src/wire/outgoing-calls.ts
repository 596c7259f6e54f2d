/**
 * Outgoing calls: gives each a number, sends its request, and matches answers to calls.
 *
 * Invariant: every call that is not forgotten is answered once, and not before `call` has returned.
 * Invariant: numbers ascend and none is used twice, so that no answer comes to a wrong call.
 */
import { type ErrorCode, isOperatingError, OperatingError } from '../base/errors.ts'
import type { Room } from '../base/room.ts'
import { CALLS_PER_CONNECTION_MAX, MESSAGE_BYTES_MAX } from '../limits.ts'
import type { Cancel } from './byte-pool.ts'
import type { ChunkReceiver } from './chunk-receiver.ts'
import type { ChunkSender, Sender } from './chunk-sender.ts'
import {
  type Body,
  decodeControl,
  decodeReply,
  encodeControl,
  encodeRequest,
  errorOf,
  type Length,
  ringTold,
} from './convert.ts'
import type { Frame } from './frame.ts'
import type { FramedConnection } from './framed-connection.ts'
import { CONTROL_KINDS, FAILURE_KIND, FLAG_MORE, REPLY } from './message/session.ts'
import { type Request, REQUEST_KINDS, type RequestKind } from './message/table.ts'
import type { SessionShares } from './session-memory.ts'
import type { Answer, CallHandle } from './session.ts'

/** A request has no memory to give back. */
const NO_SENDER: Sender = { onSent: () => undefined }

/** The highest number of a call. */
const CALL_ID_MAX = 0xffff_ffff

/** A call that waits for its answer. */
class OutgoingCall implements CallHandle {
  readonly kind: RequestKind
  readonly room: Room | undefined
  /** 0: it was not sent. */
  callId = 0
  /** Of the answer, in the session's own memory. */
  receivedBytes = 0
  cancelWaiting: Cancel | undefined
  #onAnswer: ((answer: never) => void) | undefined
  readonly #onForget: (call: OutgoingCall) => void

  constructor(
    kind: RequestKind,
    room: Room | undefined,
    onAnswer: (answer: never) => void,
    onForget: (call: OutgoingCall) => void,
  ) {
    this.kind = kind
    this.room = room
    this.#onAnswer = onAnswer
    this.#onForget = onForget
  }

  get isWanted(): boolean {
    return this.#onAnswer !== undefined
  }

  get isSent(): boolean {
    return this.callId > 0
  }

  forget(): void {
    if (this.#onAnswer === undefined) return
    this.#onAnswer = undefined
    this.#onForget(this)
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
  readonly #memory: SessionShares
  /** What the last answer said of the ring. */
  #ring: number | undefined
  onRing: ((ring: number) => void) | undefined
  readonly #forget = (call: OutgoingCall): void => this.#onForget(call)
  #nextCallId: number

  /** Tests pass a high `firstId` to see the numbers end. */
  constructor(
    connection: FramedConnection,
    sender: ChunkSender,
    receiver: ChunkReceiver,
    memory: SessionShares,
    firstId: number = 1,
  ) {
    this.#connection = connection
    this.#sender = sender
    this.#receiver = receiver
    this.#memory = memory
    this.#nextCallId = firstId
  }

  /** Calls without an answer, forgotten ones included. */
  get inFlight(): number {
    return this.#calls.size
  }

  call<K extends RequestKind>(
    kind: K,
    request: Request<K>,
    onAnswer: (answer: Answer<K>) => void,
    room?: Room,
  ): CallHandle {
    const call = new OutgoingCall(kind, room, onAnswer, this.#forget)
    const refusal = this.#refusal()
    if (refusal !== undefined) return this.#deliverSoon(call, refusal)
    let body: Body
    try {
      body = encodeRequest(kind, request)
    } catch (error) {
      if (!isOperatingError(error)) throw error
      return this.#deliverSoon(call, error)
    }
    const callId = this.#nextCallId
    this.#nextCallId += 1
    call.callId = callId
    this.#calls.set(callId, call)
    this.#sender.send(REQUEST_KINDS[kind], callId, body, NO_SENDER)
    return call
  }

  /** Takes a frame of kind 64 to 127. An answer without a call is ignored. */
  onFrame(frame: Frame): void {
    const { kind, callId } = frame
    const call = this.#calls.get(callId)
    if (call === undefined) return
    if (!isAnswerOf(call.kind, kind)) {
      this.#breakOffWrongKind()
      return
    }
    if (this.#receiver.isWhole(frame, true) || kind === FAILURE_KIND) {
      this.#end(callId, call)
      this.#deliver(call, kind, frame.bytes, frame.start, frame.length)
      return
    }
    if (!call.isWanted) {
      // Chunks that were under way when the answer was cancelled.
      if ((frame.flags & FLAG_MORE) === 0) this.#end(callId, call)
      return
    }
    const outcome = this.#receiver.add(frame, true)
    if (outcome.kind === 'broken') {
      this.#connection.breakOff(outcome.code, outcome.sentence)
    } else if (outcome.kind === 'whole') {
      this.#end(callId, call)
      this.#deliver(call, kind, outcome.bytes, 0, outcome.length)
    } else {
      this.#connection.watch()
    }
  }

  /** An answer in chunks is announced: its sender may begin when there is memory for it. */
  onLength(callId: number, { kind, bytes }: Length): void {
    const call = this.#calls.get(callId)
    if (call === undefined) return
    if (!isAnswerOf(call.kind, kind)) {
      this.#breakOffWrongKind()
      return
    }
    if (bytes > MESSAGE_BYTES_MAX) {
      const sentence = `it has ${bytes} bytes, at most ${MESSAGE_BYTES_MAX} are taken`
      call.deliver(unread('message-too-long', sentence))
      this.#sendCancel(callId)
      return
    }
    if (!call.isWanted) return
    const outcome = this.#receiver.announce(kind, callId, bytes)
    if (outcome.kind === 'broken') {
      this.#connection.breakOff(outcome.code, outcome.sentence)
      return
    }
    this.#accept(callId, call, bytes)
  }

  /**
   * The connection has ended. Calls up to `lastTaken`, the highest that the other side says it has
   * taken, are in doubt; where it does not say, all are.
   */
  onEnd(reason: OperatingError, lastTaken: number = CALL_ID_MAX): void {
    const calls = [...this.#calls]
    this.#calls.clear()
    if (calls.length === 0) return
    const sentence = `the connection ended before the answer came: ${reason.message}`
    const lost = new OperatingError('connection-lost', sentence, { cause: reason })
    const certain = new OperatingError(
      'not-connected',
      `the other side ended the connection before it took the call: ${reason.message}`,
      { cause: reason },
    )
    for (const [callId, call] of calls) call.deliver(callId > lastTaken ? certain : lost)
  }

  /** Why no call can be made now, if so. */
  #refusal(): OperatingError | undefined {
    if (this.#connection.isEnded || this.#nextCallId > CALL_ID_MAX) {
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

  /** Lets the sender of an answer begin when there is memory for it. */
  #accept(callId: number, call: OutgoingCall, bytes: number): void {
    const accept = (): void => {
      // It may have been forgotten meanwhile, and have ended.
      this.#receiver.accept(callId, true)
      this.#connection.watch()
    }
    const { room } = call
    if (room === undefined) {
      call.cancelWaiting = this.#memory.answers.whenTaken(bytes, () => {
        call.receivedBytes = bytes
        accept()
      })
      return
    }
    const reserving = room.reserve(bytes)
    // Rejected: the answer is not wanted any more.
    if (reserving instanceof Promise) reserving.then(accept, () => call.forget())
    else accept()
  }

  /** Delivers the answer in these bytes to its call, and tells of another ring. */
  #deliver(
    call: OutgoingCall,
    kind: number,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): void {
    if (!call.isWanted) return
    let answer: unknown
    let ring: number | undefined
    try {
      answer =
        kind === FAILURE_KIND
          ? errorOf(decodeControl('failure', bytes, start, length))
          : decodeReply(call.kind, bytes, start, length)
      ring = ringTold()
    } catch (error) {
      if (!isOperatingError(error)) throw error
      answer = unread(error.code, error.message)
    }
    call.deliver(answer)
    if (ring === undefined || ring === this.#ring) return
    this.#ring = ring
    this.onRing?.(ring)
  }

  /** The call is over: no more of its request or answer is sent or received. */
  #end(callId: number, call: OutgoingCall): void {
    this.#calls.delete(callId)
    this.#sender.giveUp(callId, false)
    this.#receiver.drop(callId, true)
    this.#release(call)
    // No connection outlives its numbers.
    if (this.#nextCallId > CALL_ID_MAX && this.#calls.size === 0)
      this.#connection.end(numbersSpent())
  }

  /** Gives back the memory of the answer, or ends the waiting for it. */
  #release(call: OutgoingCall): void {
    call.cancelWaiting?.()
    if (call.receivedBytes > 0) this.#memory.answers.giveBack(call.receivedBytes)
    call.receivedBytes = 0
  }

  /** Tells the other side that the answer is not wanted; it still says how the call ended. */
  #onForget(call: OutgoingCall): void {
    const { callId } = call
    if (!this.#calls.has(callId)) return
    this.#sender.giveUp(callId, false)
    this.#receiver.drop(callId, true)
    this.#release(call)
    this.#sendCancel(callId)
  }

  #sendCancel(callId: number): void {
    this.#connection.send(CONTROL_KINDS.cancel, callId, encodeControl('cancel', undefined))
  }

  #breakOffWrongKind(): void {
    this.#connection.breakOff(
      'message-garbled',
      'the kind of an answer does not fit the kind of its request',
    )
  }
}

function isAnswerOf(request: RequestKind, kind: number): boolean {
  return kind === FAILURE_KIND || kind === REQUEST_KINDS[request] + REPLY
}

function numbersSpent(): OperatingError {
  return new OperatingError('closed', 'the numbers of calls are used up: connect again')
}

/** The answer is unreadable: the call is in doubt, because its request may have been done. */
function unread(code: ErrorCode, sentence: string): OperatingError {
  return new OperatingError(code, `the answer cannot be read: ${sentence}`, {
    certainty: 'in-doubt',
  })
}
