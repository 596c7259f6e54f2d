/**
 * Passes a put on to an owner of its key: once, and to the next owner when the first is slow.
 *
 * A put keeps its request id however often it is passed on, so that two owners that both took it
 * leave one sibling in the end (docs/design.md 3.4). The reply says how many were asked: the later
 * of two that took it may surface after it was replaced.
 */
import { OperatingError } from '../../base/errors.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { requestIdOf, requestLabel } from '../../dynamo/version/object.ts'
import type { PutReply } from '../../wire/message/client.ts'
import type { Answer } from '../../wire/session.ts'
import type { Timer } from '../../world/clock.ts'
import { type Deliver, isFailure } from '../../base/deliver.ts'
import type { Parts } from '../parts.ts'
import type { WriteRequest } from './put.ts'

/** Delivers the first answer of an owner, or with the last failure when none is left. */
export function forward(parts: Parts, request: WriteRequest, deliver: Deliver<PutReply>): void {
  const owners = parts.topology.ownersOf(request.token, request.put.name.bucket)
  const present = owners.map((owner) => owner.id).filter((node) => parts.peers.isConnected(node))
  new Forward(parts, request, present, deliver).next()
}

class Forward {
  readonly #parts: Parts
  readonly #request: WriteRequest
  readonly #untried: NodeId[]
  readonly #deliver: Deliver<PutReply>
  #asked = 0
  /** Asked, and neither answered nor failed. */
  #awaited = 0
  /** True once an owner may have taken it: no later refusal may hide that. */
  #isInDoubt = false
  #failure: OperatingError | undefined
  #timer: Timer | undefined
  #isDelivered = false

  constructor(
    parts: Parts,
    request: WriteRequest,
    owners: readonly NodeId[],
    deliver: Deliver<PutReply>,
  ) {
    this.#parts = parts
    this.#request = request
    this.#untried = [...owners]
    this.#deliver = deliver
  }

  next(): void {
    const { peers, world, config, counters } = this.#parts
    const left = this.#request.deadline - world.clock.now()
    const node = left > 0 ? this.#untried.shift() : undefined
    if (node === undefined) {
      if (this.#awaited === 0 || left <= 0) this.#end(this.#lastFailure())
      else this.#after(left, () => this.#end(this.#lastFailure()))
      return
    }
    this.#awaited += 1
    counters.forwards += 1
    // Two owners may now make a dot each for one put: the reply tells how many were asked.
    if (this.#asked > 0)
      world.trace.record('put-passed-on-again', { request: this.#requestLabel() })
    this.#asked += 1
    const put = { ...this.#request.put, deadlineMs: Math.max(1, Math.floor(left)) }
    // Before the call, which may fail, and go on to the next owner, within itself.
    this.#after(Math.min(config.forwardMs, left), () => this.next())
    peers.call(node, 'put', put, (answer) => this.#onAnswer(answer))
  }

  /** One timer at a time. */
  #after(delayMs: number, run: () => void): void {
    this.#timer?.cancel()
    this.#timer = this.#parts.world.clock.after(delayMs, run)
  }

  #onAnswer(answer: Answer<'put'>): void {
    if (this.#isDelivered) return
    this.#awaited -= 1
    if (!isFailure(answer)) {
      this.#end({ ...answer, attempts: this.#asked - 1 + answer.attempts })
      return
    }
    this.#failure = answer
    if (answer.certainty === 'in-doubt') this.#isInDoubt = true
    if (answer.isRetryable) this.next()
    else this.#end(this.#lastFailure())
  }

  #requestLabel(): string {
    return requestLabel(requestIdOf(this.#request.put.requestId))
  }

  #lastFailure(): OperatingError {
    const failure =
      this.#failure ??
      new OperatingError('replicas-short', 'no owner of this key is here; try again')
    const isInDoubt = this.#isInDoubt || this.#awaited > 0
    if (!isInDoubt || failure.certainty === 'in-doubt') return failure
    return new OperatingError(
      'write-in-doubt',
      `an owner may have taken the write: ${failure.message}`,
    )
  }

  #end(result: PutReply | OperatingError): void {
    this.#isDelivered = true
    this.#timer?.cancel()
    this.#deliver(result)
  }
}
