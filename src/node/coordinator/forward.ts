/**
 * Hands a put on to an owner of its key, and to the next owner while the first is slow. Where no
 * owner can be asked, or none of those asked has begun to answer, this node coordinates the put
 * itself, as a fallback: so a put is taken as long as any W machines can hold it (Dynamo 4.6).
 *
 * A put keeps its request id however often it is handed on, so that two owners that both took it
 * leave one sibling in the end. All but the first owner are told that it is a repeat: what replaces
 * the write then replaces the first owner's too. The result says how many owners were asked.
 */
import { type Deliver, isFailure } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { type OwnerFailure, reasonOf } from '../../dynamo/quorum/shortfall.ts'
import { requestLabel } from '../../dynamo/version/request-id.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import type { Trace } from '../../world/trace.ts'
import type { PeerCalls, Terms } from '../cluster/peer-calls.ts'
import type { Counters } from '../counters.ts'
import { type Achieved, type KnownPut, type PutResult, READ_NOTHING } from '../requests.ts'
import { nearestFirst, tooFew } from './quorums.ts'

export interface ForwardDependencies {
  readonly clock: Clock
  readonly trace: Trace
  readonly self: NodeId
  readonly peers: Pick<PeerCalls, 'obstacleTo' | 'slownessOf' | 'handOn'>
  readonly counters: Counters
  /** An owner that has not answered for so long is slow. */
  readonly forwardMs: number
}

/** Coordinates a put here, for the first owner that did not answer. */
export type CoordinateHere = (put: KnownPut, forOwner: NodeId, deliver: Deliver<Achieved>) => void

/** Which owners to ask, and what to do when none of them answers. */
export interface Forward {
  readonly put: KnownPut
  /** Owners to ask, in order of preference; at least one. */
  readonly owners: readonly NodeId[]
  readonly terms: Terms
  /** Undefined where this node is an owner that could not take the put. */
  readonly here: CoordinateHere | undefined
}

export class Forwards {
  readonly #dependencies: ForwardDependencies

  constructor(dependencies: ForwardDependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Delivers the first result of an owner, or of this node; when none is left, the failure of the
   * one that recovers soonest, or what `tooFew` says where none could be asked.
   */
  run(forward: Forward, deliver: Deliver<PutResult>): void {
    const { owners, here } = forward
    const { self, peers } = this.#dependencies
    const ready: NodeId[] = []
    const failures: OwnerFailure[] = []
    for (const node of nearestFirst(owners, self, peers)) {
      const code = peers.obstacleTo(node)
      if (code === undefined) ready.push(node)
      else failures.push({ node, code })
    }
    if (ready.length === 0 && here === undefined) {
      deliver(tooFew({ needed: 1, answered: 0, owners, failures }))
      return
    }
    new RunningForward(this.#dependencies, forward, ready, deliver).next()
  }
}

class RunningForward {
  readonly #node: ForwardDependencies
  readonly #put: KnownPut
  readonly #untried: NodeId[]
  readonly #terms: Terms
  /** Until it is used. */
  #here: CoordinateHere | undefined
  /** The first owner that did not answer. */
  readonly #forOwner: NodeId
  readonly #deliver: Deliver<PutResult>
  #asked = 0
  /** Who was asked and has neither answered nor failed: owners, and this node. */
  readonly #awaited = new Set<NodeId>()
  /** True once an owner may have taken the put: no later refusal may hide that. */
  #isInDoubt = false
  readonly #failures: { readonly node: NodeId; readonly failure: OperatingError }[] = []
  #timer: Timer | undefined
  #isDelivered = false

  constructor(
    node: ForwardDependencies,
    { put, owners, terms, here }: Forward,
    ready: NodeId[],
    deliver: Deliver<PutResult>,
  ) {
    this.#node = node
    this.#put = put
    this.#untried = ready
    this.#terms = terms
    this.#here = here
    this.#forOwner = owners.find((owner) => !ready.includes(owner)) ?? (owners[0] as NodeId)
    this.#deliver = deliver
  }

  next(): void {
    const { peers, clock, trace, counters, forwardMs } = this.#node
    const left = this.#terms.deadline - clock.now()
    const node = left > 0 ? this.#untried.shift() : undefined
    if (node === undefined && this.#here !== undefined && left > 0) {
      this.#coordinateHere(this.#here, left)
      return
    }
    if (node === undefined) {
      if (this.#awaited.size === 0 || left <= 0) this.#end(this.#failure())
      else this.#after(left, () => this.#end(this.#failure()))
      return
    }
    this.#awaited.add(node)
    counters.forwards += 1
    // Two owners may now make a dot each for one put: the result tells how many were asked.
    if (this.#asked > 0) {
      trace.record('put-passed-on-again', { request: requestLabel(this.#put.requestId) })
    }
    this.#asked += 1
    // Before the call: it may fail within itself and go on to the next owner.
    this.#after(Math.min(forwardMs, left), () => this.next())
    peers.handOn(node, this.#attempt(), this.#terms, (result) => this.#onResult(node, result))
  }

  /** The put, as a repeat where another node was asked before. */
  #attempt(): KnownPut {
    return this.#asked > 1 ? { ...this.#put, isRepeat: true } : this.#put
  }

  /** This node is the last that is asked. */
  #coordinateHere(here: CoordinateHere, left: number): void {
    const { self } = this.#node
    this.#here = undefined
    this.#awaited.add(self)
    this.#asked += 1
    this.#after(left, () => this.#end(this.#failure()))
    here(this.#attempt(), this.#forOwner, (result) => this.#onResult(self, result))
  }

  /** One timer at a time. */
  #after(delayMs: number, run: () => void): void {
    this.#timer?.cancel()
    this.#timer = this.#node.clock.after(delayMs, run)
  }

  #onResult(node: NodeId, result: Achieved | OperatingError): void {
    if (this.#isDelivered) return
    this.#awaited.delete(node)
    if (!isFailure(result)) {
      const { context, receipt, holders } = result
      this.#end({ context, receipt, holders, attempts: this.#asked, ...READ_NOTHING })
      return
    }
    this.#failures.push({ node, failure: result })
    if (result.certainty === 'in-doubt') this.#isInDoubt = true
    if (result.isRetryable) this.next()
    else this.#end(this.#told(result))
  }

  /** The failure of the put when no owner is left to ask, or no time. */
  #failure(): OperatingError {
    const codes = this.#failures.map(({ node, failure }) => ({ node, code: failure.code }))
    const reason = reasonOf(codes, 1)
    const soonest = this.#failures.find(({ failure }) => failure.code === reason)
    const one = soonest ?? this.#failures.at(-1)
    return this.#told(one?.failure ?? this.#late())
  }

  /** The failure where owners were asked, if any, and none has answered or failed. */
  #late(): OperatingError {
    const nodes = [...this.#awaited].map((node) => ({ node, code: 'deadline-passed' as const }))
    const details = { needed: 1, answered: 0, nodes }
    const sentence = 'no owner of this key has answered in time; try again'
    return new OperatingError('deadline-passed', sentence, { details })
  }

  /** The failure as the client is told: in doubt where some owner may have taken the put. */
  #told(failure: OperatingError): OperatingError {
    const isInDoubt = this.#isInDoubt || this.#awaited.size > 0
    if (!isInDoubt || failure.certainty === 'in-doubt') return failure
    const { message, details } = failure
    const sentence = `a node may have taken the write: ${message}`
    return new OperatingError('write-in-doubt', sentence, { details })
  }

  #end(result: PutResult | OperatingError): void {
    this.#isDelivered = true
    this.#timer?.cancel()
    this.#deliver(result)
  }
}
