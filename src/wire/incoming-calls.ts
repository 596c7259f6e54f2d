/**
 * Incoming calls: finds memory for each, decodes its request, and sends its answer.
 *
 *     announced ─► memory for the request ─► received ─► memory for the answer ─► begun
 *
 * A call that waits for memory has not begun: it can be cancelled, and is certainly not done. One
 * whose deadline passes before it begins is refused; that counts from the arrival of its first
 * bytes. A faulty request fails alone: it is answered with a failure, and the connection goes on.
 */
import { EMPTY_BYTES } from '../base/bytes.ts'
import { isOperatingError, OperatingError, type ReachedLimit } from '../base/errors.ts'
import { u64 } from '../base/u64.ts'
import {
  CALLS_PER_CONNECTION_MAX,
  DEADLINE_MS_MAX,
  MESSAGE_BYTES_MAX,
  OVERLOAD_RETRY_MS,
} from '../limits.ts'
import { type Token, tokenOf } from '../native/digest.ts'
import type { Clock } from '../world/clock.ts'
import { type Admission, ADMITS_ALL } from './admission.ts'
import type { Cancel, PoolShare } from './byte-pool.ts'
import type { ChunkReceiver } from './chunk-receiver.ts'
import type { ChunkSender } from './chunk-sender.ts'
import { type Body, decodeRequest, encodeReply, type Length } from './convert.ts'
import type { Frame } from './frame.ts'
import type { FramedConnection } from './framed-connection.ts'
import { REPLY, type Role } from './message/session.ts'
import {
  isKeyed,
  SENDERS,
  type Reply,
  type Request,
  REQUEST_KINDS,
  type RequestKind,
} from './message/table.ts'
import { type Answering, firstBytesOf, ReceivedCall } from './received-call.ts'
import type { SessionShares } from './session-memory.ts'
import type { IncomingCall, KeyedKind } from './session.ts'

const REQUEST_KIND_NAMES = Object.keys(REQUEST_KINDS) as RequestKind[]
const KIND_BY_NUMBER: readonly (RequestKind | undefined)[] = Array.from(
  { length: REPLY },
  (_, number) => REQUEST_KIND_NAMES.find((kind) => REQUEST_KINDS[kind] === number),
)

/** A request that is wholly here. */
interface Received {
  /** Its number. */
  readonly kind: number
  readonly callId: number
  /** Its body is bytes[start, start + length). */
  readonly bytes: Uint8Array
  readonly start: number
  readonly length: number
  /** Undefined: the scan of its frame has not computed it. */
  readonly token: Token | undefined
  /** When its first bytes came. */
  readonly arrivedMs: number
}

/** A request in chunks that is not wholly here. */
interface Announced {
  readonly bytes: number
  readonly arrivedMs: number
  readonly share: PoolShare
  /** It has got memory. */
  isAccepted: boolean
  cancelWaiting: Cancel
}

export class IncomingCalls implements Answering {
  readonly clock: Clock
  readonly #connection: FramedConnection
  readonly #role: Role
  readonly #sender: ChunkSender
  readonly #receiver: ChunkReceiver
  readonly #memory: SessionShares
  readonly #onCall: (call: IncomingCall) => void
  readonly #ring: (() => number) | undefined
  readonly #admission: Admission
  /** Kinds that the other side may request on this connection. */
  readonly #allowed: ReadonlySet<RequestKind>
  /** Calls without an answer whose request is here. */
  readonly #calls = new Map<number, ReceivedCall>()
  /** Those whose request was announced and is not wholly here. */
  readonly #announced = new Map<number, Announced>()
  #highestId = 0

  constructor(
    connection: FramedConnection,
    role: Role,
    sender: ChunkSender,
    receiver: ChunkReceiver,
    memory: SessionShares,
    onCall: (call: IncomingCall) => void,
    ring?: () => number,
    admission: Admission = ADMITS_ALL,
  ) {
    this.clock = connection.world.clock
    this.#connection = connection
    this.#role = role
    this.#sender = sender
    this.#receiver = receiver
    this.#memory = memory
    this.#onCall = onCall
    this.#ring = ring
    this.#admission = admission
    // A client accepts no requests.
    const isAsked = role === 'peer' || connection.side === 'acceptor'
    const kinds = REQUEST_KIND_NAMES.filter((kind) => isAsked && SENDERS[kind].includes(role))
    this.#allowed = new Set(kinds)
  }

  /** Calls without an answer. */
  get unanswered(): number {
    return this.#calls.size + this.#announced.size
  }

  /** Those that do not wait for memory any more. */
  get begun(): number {
    let begun = 0
    for (const { isBegun } of this.#calls.values()) if (isBegun) begun += 1
    return begun
  }

  /** The highest id of a call that was taken: calls above it are certainly not done. */
  get highestId(): number {
    return this.#highestId
  }

  /** Takes a frame of kind 16 to 63. */
  onFrame(frame: Frame): void {
    const { kind, callId } = frame
    if (this.#receiver.isWhole(frame, false)) {
      if (!this.#isNext(callId)) return
      const token = frame.hasToken ? u64<Token>(frame.tokenHi, frame.tokenLo) : undefined
      if (this.#isRefused(kind, callId)) return
      const { bytes, start, length } = frame
      const { requests } = this.#memory
      if (requests.take(length)) {
        const { arrivedMs } = this.#connection
        this.#onRequest({ kind, callId, bytes, start, length, token, arrivedMs }, requests)
      } else {
        this.#admission.onNotBegun('bytes')
        this.#sender.fail(callId, tooMuch(requests.limitFor(length)))
      }
      return
    }
    const outcome = this.#receiver.add(frame, false)
    if (outcome.kind === 'broken') {
      this.#connection.breakOff(outcome.code, outcome.sentence)
    } else if (outcome.kind === 'whole') {
      // The frame scanner saw chunks only: a token that it computed is not that of the message.
      const { arrivedMs, share } = this.#announced.get(callId) as Announced
      this.#announced.delete(callId)
      const { bytes, length } = outcome
      this.#onRequest({ kind, callId, bytes, start: 0, length, token: undefined, arrivedMs }, share)
    } else {
      this.#connection.watch()
    }
  }

  /** A request in chunks is announced: its sender may begin when there is memory for it. */
  onLength(callId: number, { kind, bytes }: Length): void {
    if (!this.#isNext(callId) || this.#isRefused(kind, callId)) return
    if (bytes > MESSAGE_BYTES_MAX) {
      this.#sender.fail(callId, tooLong())
      return
    }
    const outcome = this.#receiver.announce(kind, callId, bytes)
    if (outcome.kind === 'broken') {
      this.#connection.breakOff(outcome.code, outcome.sentence)
      return
    }
    const share = this.#shareFor(kind)
    const { arrivedMs } = this.#connection
    const waiting = { isAccepted: false, cancelWaiting: () => undefined }
    const announced: Announced = { bytes, arrivedMs, share, ...waiting }
    this.#announced.set(callId, announced)
    announced.cancelWaiting = share.whenTaken(bytes, () => {
      announced.isAccepted = true
      this.#receiver.accept(callId, false)
      this.#connection.watch()
    })
  }

  /** A call that has not begun ends; of one that has, an answer in chunks is not sent any more. */
  onCancel(callId: number): void {
    const call = this.#calls.get(callId)
    const announced = this.#announced.get(callId)
    if (announced !== undefined) this.#cancelAnnounced(callId, announced)
    else if (call === undefined) this.#giveUpAnswer(callId)
    else if (call.isBegun) call.isCancelled = true
    else call.fail(cancelled('refused'))
  }

  sendReply(call: ReceivedCall, reply: Reply<RequestKind>): void {
    let body: Body
    try {
      body = encodeReply(call.kind, reply, this.#ring?.())
    } catch (error) {
      if (!isOperatingError(error)) throw error
      this.sendFailure(call, error)
      return
    }
    this.#calls.delete(call.callId)
    call.takeFor(body.length)
    this.#sender.send(REQUEST_KINDS[call.kind] + REPLY, call.callId, body, call)
    if (call.isCancelled) this.#giveUpAnswer(call.callId)
  }

  sendFailure(call: ReceivedCall, error: OperatingError): void {
    this.#calls.delete(call.callId)
    this.#sender.fail(call.callId, error)
    call.onSent()
  }

  onExpired(): void {
    this.#admission.onNotBegun('expired')
  }

  #onRequest(received: Received, share: PoolShare): void {
    const { callId, length } = received
    let call: ReceivedCall
    try {
      call = this.#decoded(received, share)
    } catch (error) {
      if (!isOperatingError(error)) throw error
      share.giveBack(length)
      this.#sender.fail(callId, error)
      return
    }
    this.#calls.set(callId, call)
    const first = firstBytesOf(call.kind)
    if (this.clock.now() >= call.deadline) this.#expire(call)
    else if (first === 0 || this.#memory.begun.take(first)) this.#begin(call, first)
    else this.#beginLater(call, first)
  }

  #decoded(received: Received, share: PoolShare): ReceivedCall {
    const { callId, bytes, start, length, arrivedMs } = received
    const kind = KIND_BY_NUMBER[received.kind] as RequestKind
    const request = decodeRequest(kind, bytes, start, length)
    const token = isKeyed(received.kind) ? (received.token ?? tokenOfRequest(request)) : undefined
    const deadline = arrivedMs + this.#msFor(request)
    return new ReceivedCall(
      kind,
      request,
      token,
      callId,
      deadline,
      length,
      this,
      share,
      this.#memory,
    )
  }

  /** Milliseconds that the request may take, from its arrival. */
  #msFor(request: Request<RequestKind>): number {
    if (!('deadlineMs' in request)) return DEADLINE_MS_MAX
    const { deadlineMs } = request
    if (deadlineMs > 0) return deadlineMs
    return Math.min(this.#admission.deadlineMsOf(bucketOf(request)), DEADLINE_MS_MAX)
  }

  #beginLater(call: ReceivedCall, first: number): void {
    const { begun } = this.#memory
    const { clock } = this
    const late = clock.after(call.deadline - clock.now(), () => this.#expire(call))
    const onTaken = (): void => {
      call.cancelWaiting = undefined
      late.cancel()
      if (clock.now() < call.deadline) return this.#begin(call, first)
      begun.giveBack(first)
      this.#expire(call)
    }
    const cancel = begun.whenTaken(first, onTaken, () => late.cancel())
    call.cancelWaiting = () => {
      late.cancel()
      cancel()
    }
  }

  /** The call has not begun, and its time is up. */
  #expire(call: ReceivedCall): void {
    this.onExpired()
    call.fail(tooMuch(undefined))
  }

  #begin(call: ReceivedCall, first: number): void {
    call.begin(first)
    try {
      this.#onCall(call as IncomingCall)
    } catch (error) {
      if (!isOperatingError(error)) throw error
      call.fail(error)
    }
  }

  #cancelAnnounced(callId: number, { bytes, share, isAccepted, cancelWaiting }: Announced): void {
    this.#announced.delete(callId)
    this.#receiver.drop(callId, false)
    if (isAccepted) share.giveBack(bytes)
    else cancelWaiting()
    this.#sender.fail(callId, cancelled('refused'))
  }

  #shareFor(kind: number): PoolShare {
    return kind === REQUEST_KINDS.peerPut ? this.#memory.handedOn : this.#memory.received
  }

  /** Of an answer in chunks, the rest is not sent. */
  #giveUpAnswer(callId: number): void {
    if (this.#sender.giveUp(callId, true)) this.#sender.fail(callId, cancelled('in-doubt'))
  }

  /** Ids of calls ascend: none is in flight twice, and a goodbye can say which were taken. */
  #isNext(callId: number): boolean {
    if (callId > this.#highestId) {
      this.#highestId = callId
      return true
    }
    this.#connection.breakOff(
      'call-id-wrong',
      `call ${callId} comes after call ${this.#highestId}: number calls upwards`,
    )
    return false
  }

  /** Answers a call whose kind is not allowed here, or that is one too many. */
  #isRefused(kindNumber: number, callId: number): boolean {
    const kind = KIND_BY_NUMBER[kindNumber]
    if (kind === undefined || !this.#allowed.has(kind)) {
      const where = this.#role === 'client' ? 'from clients to nodes' : 'between nodes'
      const sentence = `requests of kind ${kindNumber} are not accepted on connections ${where}`
      this.#sender.fail(callId, new OperatingError('kind-unknown', sentence))
      return true
    }
    if (this.unanswered >= CALLS_PER_CONNECTION_MAX) {
      this.#admission.onNotBegun('calls')
      this.#sender.fail(callId, tooMuch(CALLS_LIMIT))
      return true
    }
    const refusal = this.#admission.refusalOf(kind)
    if (refusal === undefined) return false
    this.#sender.fail(callId, refusal)
    return true
  }
}

function tokenOfRequest(request: Request<RequestKind>): Token {
  const { name } = request as Request<KeyedKind>
  return tokenOf(name.bucket, name.key)
}

const CALLS_LIMIT: ReachedLimit = {
  name: 'CALLS_PER_CONNECTION_MAX',
  value: CALLS_PER_CONNECTION_MAX,
}

/** `limit`: that of the connection; undefined where all connections together are at one. */
function tooMuch(limit: ReachedLimit | undefined): OperatingError {
  return new OperatingError(
    'overloaded',
    'this connection has too many calls or bytes in flight: read answers before sending more',
    { details: { retryAfterMs: OVERLOAD_RETRY_MS, ...(limit && { limit }) } },
  )
}

function tooLong(): OperatingError {
  return new OperatingError(
    'message-too-long',
    `a message has at most ${MESSAGE_BYTES_MAX} bytes in all its chunks: send less at once`,
  )
}

function cancelled(certainty: 'refused' | 'in-doubt'): OperatingError {
  return new OperatingError('cancelled', 'the call was cancelled by its sender', { certainty })
}

/** Empty where the request is of no bucket. */
function bucketOf(request: Request<RequestKind>): Uint8Array {
  if ('name' in request) return request.name.bucket
  return 'bucket' in request ? request.bucket : EMPTY_BYTES
}
