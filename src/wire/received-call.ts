/**
 * A call that was received: its request, the memory that it has, and its answer.
 *
 * It has the bytes of its request until it is answered, and those of its answer until the system
 * has taken them.
 */
import { assert } from '../base/assert.ts'
import type { MaybePromise } from '../base/deliver.ts'
import { OperatingError } from '../base/errors.ts'
import type { Room } from '../base/room.ts'
import { ANSWER_BYTES_FIRST } from '../limits.ts'
import type { Token } from '../native/digest.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Cancel, PoolShare } from './byte-pool.ts'
import type { Sender } from './chunk-sender.ts'
import type { Reply, Request, RequestKind } from './message/table.ts'
import type { SessionShares } from './session-memory.ts'

/** Answers calls; a session's. */
export interface Answering {
  readonly clock: Clock
  sendReply(call: ReceivedCall, reply: Reply<RequestKind>): void
  sendFailure(call: ReceivedCall, error: OperatingError): void
  /** The deadline of a call passed while its answer waited for memory. */
  onExpired(): void
}

/** What the answer to a write takes: a context, or codes. */
const WRITE_ANSWER_BYTES = 4096
const WRITES: ReadonlySet<RequestKind> = new Set<RequestKind>(['put', 'peerWrite', 'peerHints'])

/**
 * The memory with which a call of this kind begins. A put that was handed on begins without: it
 * waits for writes, which must not wait for it. So does gossip: a node that waits is not dead.
 */
export function firstBytesOf(kind: RequestKind): number {
  if (kind === 'peerPut' || kind === 'peerGossip') return 0
  return WRITES.has(kind) ? WRITE_ANSWER_BYTES : ANSWER_BYTES_FIRST
}

/** Something that waits until the answer may take `bytes` in all. */
interface Reserving {
  readonly bytes: number
  readonly resolve: () => void
  readonly reject: (error: OperatingError) => void
}

export class ReceivedCall implements Room, Sender {
  readonly kind: RequestKind
  readonly request: Request<RequestKind>
  readonly token: Token | undefined
  readonly callId: number
  readonly deadline: number
  /** Its sender does not want the answer. */
  isCancelled = false
  /** Ends its waiting for memory. */
  cancelWaiting: Cancel | undefined
  isBegun = false
  readonly #requestBytes: number
  readonly #calls: Answering
  /** Of the pool that has the request. */
  readonly #requestShare: PoolShare
  readonly #memory: SessionShares
  /** Of the answer: with which it began, and beyond that. */
  #first = 0
  #beyond = 0
  /** What waits for the memory of this call: the first asked for it, the others join. */
  #reserving: Reserving[] | undefined
  #timer: Timer | undefined
  #isAnswered = false

  constructor(
    kind: RequestKind,
    request: Request<RequestKind>,
    token: Token | undefined,
    callId: number,
    deadline: number,
    requestBytes: number,
    calls: Answering,
    requestShare: PoolShare,
    memory: SessionShares,
  ) {
    this.kind = kind
    this.request = request
    this.token = token
    this.callId = callId
    this.deadline = deadline
    this.#requestBytes = requestBytes
    this.#calls = calls
    this.#requestShare = requestShare
    this.#memory = memory
  }

  /** The room for this call's answer. */
  get room(): Room {
    return this
  }

  get isWaiting(): boolean {
    return this.#reserving !== undefined
  }

  /** The call begins, with so much memory for its answer. */
  begin(first: number): void {
    this.isBegun = true
    this.#first = first
  }

  reserve(bytes: number): MaybePromise<void> {
    if (this.#isAnswered) return Promise.reject(notWanted())
    const more = bytes - this.#first - this.#beyond
    if (more <= 0) return undefined
    // What a call has keeps others waiting: it waits only once.
    if (this.#beyond > 0) {
      this.takeFor(bytes)
    } else if (this.#reserving === undefined && this.#memory.grown.take(more)) {
      this.#beyond = more
    } else {
      return this.#reserveLater(bytes)
    }
    return undefined
  }

  /** The answer has so many bytes: takes those that it lacks, whether there is room or not. */
  takeFor(bytes: number): void {
    const more = bytes - this.#first - this.#beyond
    if (more <= 0) return
    this.#memory.grown.takeAnyway(more)
    this.#beyond += more
  }

  answer(reply: Reply<RequestKind>): void {
    this.#close()
    this.#calls.sendReply(this, reply)
  }

  fail(error: OperatingError): void {
    this.#close()
    this.#calls.sendFailure(this, error)
  }

  /** The answer was handed to the connection. */
  onSent(): void {
    this.#memory.leave(this.#first, this.#beyond)
  }

  #reserveLater(bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#reserving !== undefined) {
        this.#reserving.push({ bytes, resolve, reject })
        return
      }
      this.#reserving = [{ bytes, resolve, reject }]
      const more = bytes - this.#first
      this.cancelWaiting = this.#memory.grown.whenTaken(
        more,
        () => this.#onReserved(more),
        () => this.#giveUpReserving(notWanted),
      )
      if (this.#reserving !== undefined) this.#giveUpAtDeadline()
    })
  }

  #giveUpAtDeadline(): void {
    const { clock } = this.#calls
    this.#timer = clock.after(Math.max(0, this.deadline - clock.now()), () => {
      this.cancelWaiting?.()
      this.#expireReserving()
    })
  }

  #expireReserving(): void {
    this.cancelWaiting = undefined
    this.#calls.onExpired()
    this.#giveUpReserving(expired)
  }

  #onReserved(more: number): void {
    if (this.#calls.clock.now() >= this.deadline) {
      this.#memory.grown.giveBack(more)
      this.#expireReserving()
      return
    }
    this.cancelWaiting = undefined
    this.#timer?.cancel()
    this.#beyond = more
    const reserving = this.#reserving ?? []
    this.#reserving = undefined
    for (const { bytes, resolve } of reserving) {
      this.takeFor(bytes)
      resolve()
    }
  }

  #giveUpReserving(reason: () => OperatingError): void {
    const reserving = this.#reserving
    this.#reserving = undefined
    this.#timer?.cancel()
    for (const { reject } of reserving ?? []) reject(reason())
  }

  #close(): void {
    assert(!this.#isAnswered, 'a call is answered once')
    this.#isAnswered = true
    this.cancelWaiting?.()
    this.#giveUpReserving(notWanted)
    this.#requestShare.giveBack(this.#requestBytes)
  }
}

function expired(): OperatingError {
  const sentence = 'the deadline passed while the answer waited for memory'
  return new OperatingError('deadline-passed', sentence)
}

function notWanted(): OperatingError {
  return new OperatingError('connection-lost', 'the answer is not wanted any more')
}
