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
import type { Cancel, PoolShare } from './byte-pool.ts'
import type { Reply, Request, RequestKind } from './message/table.ts'
import type { SessionShares } from './session-memory.ts'

/** Answers calls; a session's. */
export interface Answering {
  sendReply(call: ReceivedCall, reply: Reply<RequestKind>): void
  sendFailure(call: ReceivedCall, error: OperatingError): void
}

/** What the answer to a write takes: a context. */
const WRITE_ANSWER_BYTES = 4096
const WRITES: ReadonlySet<RequestKind> = new Set<RequestKind>(['put', 'peerWrite', 'peerPut'])

/** The memory with which a call of this kind begins. */
export function firstBytesOf(kind: RequestKind): number {
  return WRITES.has(kind) ? WRITE_ANSWER_BYTES : ANSWER_BYTES_FIRST
}

export class ReceivedCall implements Room {
  readonly kind: RequestKind
  readonly request: Request<RequestKind>
  readonly token: Token | undefined
  readonly callId: number
  /** Its sender does not want the answer. */
  isCancelled = false
  cancelWaiting: Cancel | undefined
  readonly #requestBytes: number
  readonly #calls: Answering
  /** Of the pool that has the request. */
  readonly #requestShare: PoolShare
  readonly #memory: SessionShares
  /** Of the answer: with which it began, and beyond that. */
  #first = 0
  #beyond = 0
  #isAnswered = false

  constructor(
    kind: RequestKind,
    request: Request<RequestKind>,
    token: Token | undefined,
    callId: number,
    requestBytes: number,
    calls: Answering,
    requestShare: PoolShare,
    memory: SessionShares,
  ) {
    this.kind = kind
    this.request = request
    this.token = token
    this.callId = callId
    this.#requestBytes = requestBytes
    this.#calls = calls
    this.#requestShare = requestShare
    this.#memory = memory
  }

  get isBegun(): boolean {
    return this.#first > 0
  }

  /** The room for this call's answer. */
  get room(): Room {
    return this
  }

  /** The call begins, with so much memory for its answer. */
  begin(first: number): void {
    this.#first = first
  }

  /** The call has waited: shortens its deadline. False if that has passed. */
  spend(waitedMs: number): boolean {
    const request = this.request as { deadlineMs?: number }
    if (request.deadlineMs === undefined || request.deadlineMs === 0) return true
    request.deadlineMs = Math.floor(request.deadlineMs - waitedMs)
    return request.deadlineMs > 0
  }

  reserve(bytes: number): MaybePromise<void> {
    const more = bytes - this.#first - this.#beyond
    if (more <= 0) return undefined
    const { grown } = this.#memory
    // What a call has keeps others waiting: it waits only once.
    if (this.#beyond > 0) grown.takeAnyway(more)
    else if (!grown.take(more)) return this.#reserveLater(more)
    this.#beyond += more
    return undefined
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
  leave(): void {
    this.#memory.leave(this.#first, this.#beyond)
  }

  #reserveLater(more: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#memory.grown.whenTaken(
        more,
        () => {
          this.#beyond += more
          resolve()
        },
        () => reject(new OperatingError('connection-lost', 'the answer is not wanted any more')),
      )
    })
  }

  #close(): void {
    assert(!this.#isAnswered, 'a call is answered once')
    this.#isAnswered = true
    this.cancelWaiting?.()
    this.#requestShare.giveBack(this.#requestBytes)
  }
}
