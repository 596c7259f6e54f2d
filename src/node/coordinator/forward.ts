/**
 * Hands a put on to an owner of its key, and to the next owner while the first is slow.
 *
 * A put keeps its request id however often it is handed on, so that two owners that both took it
 * leave one sibling in the end. All but the first owner are told that it is a repeat: what replaces
 * the write then replaces the first owner's too. The result says how many owners were asked.
 */
import { type Deliver, isFailure } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { requestLabel } from '../../dynamo/version/request-id.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import type { Trace } from '../../world/trace.ts'
import type { PeerCalls, Terms } from '../cluster/peer-calls.ts'
import type { Counters } from '../counters.ts'
import { type KnownPut, type PutResult, READ_NOTHING } from '../requests.ts'

export interface ForwardDependencies {
  readonly clock: Clock
  readonly trace: Trace
  readonly peers: Pick<PeerCalls, 'isConnected' | 'handOn'>
  readonly counters: Counters
  /** An owner that has not answered for so long is slow. */
  readonly forwardMs: number
}

export class Forwards {
  readonly #dependencies: ForwardDependencies

  constructor(dependencies: ForwardDependencies) {
    this.#dependencies = dependencies
  }

  /** Delivers the first result of an owner, or the last failure when no owner is left. */
  run(put: KnownPut, owners: readonly NodeId[], terms: Terms, deliver: Deliver<PutResult>): void {
    const present = owners.filter((node) => this.#dependencies.peers.isConnected(node))
    new RunningForward(this.#dependencies, put, present, terms, deliver).next()
  }
}

class RunningForward {
  readonly #node: ForwardDependencies
  readonly #put: KnownPut
  readonly #untried: NodeId[]
  readonly #terms: Terms
  readonly #deliver: Deliver<PutResult>
  #asked = 0
  /** Owners that were asked and have neither answered nor failed. */
  #awaited = 0
  /** True once an owner may have taken the put: no later refusal may hide that. */
  #isInDoubt = false
  #failure: OperatingError | undefined
  #timer: Timer | undefined
  #isDelivered = false

  constructor(
    node: ForwardDependencies,
    put: KnownPut,
    present: NodeId[],
    terms: Terms,
    deliver: Deliver<PutResult>,
  ) {
    this.#node = node
    this.#put = put
    this.#untried = present
    this.#terms = terms
    this.#deliver = deliver
  }

  next(): void {
    const { peers, clock, trace, counters, forwardMs } = this.#node
    const left = this.#terms.deadline - clock.now()
    const node = left > 0 ? this.#untried.shift() : undefined
    if (node === undefined) {
      if (this.#awaited === 0 || left <= 0) this.#end(this.#lastFailure())
      else this.#after(left, () => this.#end(this.#lastFailure()))
      return
    }
    this.#awaited += 1
    counters.forwards += 1
    // Two owners may now make a dot each for one put: the result tells how many were asked.
    if (this.#asked > 0) {
      trace.record('put-passed-on-again', { request: requestLabel(this.#put.requestId) })
    }
    this.#asked += 1
    // Before the call: it may fail within itself and go on to the next owner.
    this.#after(Math.min(forwardMs, left), () => this.next())
    const put = this.#asked > 1 ? { ...this.#put, isRepeat: true } : this.#put
    peers.handOn(node, put, this.#terms, (result) => this.#onResult(result))
  }

  /** One timer at a time. */
  #after(delayMs: number, run: () => void): void {
    this.#timer?.cancel()
    this.#timer = this.#node.clock.after(delayMs, run)
  }

  #onResult(result: Uint8Array | OperatingError): void {
    if (this.#isDelivered) return
    this.#awaited -= 1
    if (!isFailure(result)) {
      this.#end({ context: result, attempts: this.#asked, ...READ_NOTHING })
      return
    }
    this.#failure = result
    if (result.certainty === 'in-doubt') this.#isInDoubt = true
    if (result.isRetryable) this.next()
    else this.#end(this.#lastFailure())
  }

  #lastFailure(): OperatingError {
    const failure =
      this.#failure ??
      new OperatingError('replicas-short', 'no owner of this key is connected; try again')
    const isInDoubt = this.#isInDoubt || this.#awaited > 0
    if (!isInDoubt || failure.certainty === 'in-doubt') return failure
    return new OperatingError(
      'write-in-doubt',
      `an owner may have taken the write: ${failure.message}`,
    )
  }

  #end(result: PutResult | OperatingError): void {
    this.#isDelivered = true
    this.#timer?.cancel()
    this.#deliver(result)
  }
}
