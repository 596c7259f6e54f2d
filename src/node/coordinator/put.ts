/**
 * Runs a put on an owner of its key: writes the copy here, then sends it to the other owners.
 *
 * The whole object travels, never the new sibling alone with this node's context: that context
 * would cover siblings which the receiver holds and no client replaced.
 * `dynamo/quorum/put.ts` decides when enough owners hold it.
 *
 * Invariant: before the first append a failure is *refused*; after it, *in doubt*.
 */
import { type Deliver, isFailure, perform } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { canReach, PutRound } from '../../dynamo/quorum/put.ts'
import type { Context } from '../../dynamo/version/context.ts'
import { coveredBy } from '../../dynamo/version/put.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import type { Trace } from '../../world/trace.ts'
import type { PeerCalls } from '../cluster/peer-calls.ts'
import type { ClientWrite, LocalWrite, Replica } from '../replica/replica.ts'
import type { KnownPut } from '../requests.ts'
import type { Placement } from './quorums.ts'

/** One put to be held by `needed` of the owners. */
export interface Write {
  readonly put: KnownPut
  readonly placement: Placement
  /** 1 to the number of owners. */
  readonly needed: number
  /** Covers the writes that the put replaces. */
  readonly seen: Context
  /** An instant of the node's clock. */
  readonly deadline: number
}

export interface PutDependencies {
  readonly clock: Clock
  readonly trace: Trace
  readonly self: NodeId
  readonly replica: Replica
  readonly peers: PeerCalls
}

export class Puts {
  readonly #dependencies: PutDependencies

  constructor(dependencies: PutDependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Delivers a context that covers what the client saw, what the put replaced and the put itself;
   * or `replicas-short`, `deadline-passed`, a refusal of `dynamo/version/put.ts`, or
   * `write-in-doubt`. Requires: this node is an owner.
   */
  run(write: Write, deliver: Deliver<Context>): void {
    const { self, peers } = this.#dependencies
    const { placement, needed } = write
    const isPresent = (node: NodeId): boolean => node === self || peers.isConnected(node)
    if (!canReach(placement.owners, isPresent, needed)) {
      const sentence = `fewer than ${needed} owners of this key are connected; try again`
      deliver(new OperatingError('replicas-short', sentence))
      return
    }
    new RunningPut(this.#dependencies, write, deliver).begin()
  }
}

class RunningPut {
  readonly #node: PutDependencies
  readonly #write: Write
  readonly #round: PutRound
  readonly #deliver: Deliver<Context>
  readonly #request: ClientWrite
  #timer: Timer | undefined
  #covered: Context | undefined
  #isDelivered = false

  constructor(node: PutDependencies, write: Write, deliver: Deliver<Context>) {
    this.#node = node
    this.#write = write
    const { requestId, isRepeat, value } = write.put
    this.#request = { requestId, isRepeat, value, seen: write.seen }
    this.#round = new PutRound(write.placement.owners, write.needed)
    this.#deliver = deliver
  }

  begin(): void {
    const { name, token } = this.#write.put
    perform(
      () => this.#node.replica.write(name, token, this.#request, this.#write.deadline),
      (local) => {
        if (isFailure(local)) this.#deliver(local)
        else this.#onLocal(local)
      },
    )
  }

  #onLocal(local: LocalWrite): void {
    const { outcome, object, sequence } = local
    if (outcome.kind === 'refused') {
      const sentence = `${REFUSAL_ADVICE[outcome.code]} (${outcome.count} > ${outcome.limit})`
      this.#deliver(new OperatingError(outcome.code, sentence))
      return
    }
    if (outcome.kind !== 'written') this.#node.trace.record('put-repeated')
    this.#covered = coveredBy(this.#request, outcome)
    this.#sendToOthers(object)
    this.#awaitOwn(sequence)
    if (!this.#isDelivered) this.#awaitDeadline()
  }

  #sendToOthers(object: Uint8Array): void {
    const { self, peers } = this.#node
    const { put, placement, deadline } = this.#write
    const terms = { ring: placement.ring, deadline }
    for (const node of placement.owners) {
      if (node === self) continue
      peers.writeCopy(node, put.name, object, terms, (failure) => {
        this.#onCounted(node, failure === undefined)
      })
    }
  }

  /** This node's own copy counts once it would survive a power cut. */
  #awaitOwn(sequence: number): void {
    const { replica, self } = this.#node
    replica.whenSynced(sequence, (error) => {
      this.#onCounted(self, error === undefined)
    })
  }

  #awaitDeadline(): void {
    const { clock } = this.#node
    this.#timer = clock.after(Math.max(0, this.#write.deadline - clock.now()), () =>
      this.#end(this.#doubt('in time')),
    )
  }

  #onCounted(node: NodeId, isHeld: boolean): void {
    if (this.#isDelivered) return
    const verdict = isHeld ? this.#round.onHeld(node) : this.#round.onFailed(node)
    if (verdict === 'reached') this.#end(this.#covered as Context)
    else if (verdict === 'impossible') this.#end(this.#doubt('durably'))
  }

  #doubt(how: string): OperatingError {
    return new OperatingError(
      'write-in-doubt',
      `${this.#round.held} of the ${this.#write.needed} owners hold the write ${how}; ` +
        'it may be applied: send it again with the same request id',
    )
  }

  #end(result: Context | OperatingError): void {
    this.#isDelivered = true
    this.#timer?.cancel()
    this.#deliver(result)
  }
}

const REFUSAL_ADVICE = {
  'context-full':
    'the context of this key has no room for another range, and no other owner that was reached' +
    ' can continue one of its own: try again when all owners are there',
  'siblings-full': 'this key has too many siblings; read and reconcile them first',
  'object-too-large': 'the siblings of this key together are too large; reconcile them first',
  'request-id-wrong': 'this request id was used for another value; draw a fresh one for each put',
} as const
