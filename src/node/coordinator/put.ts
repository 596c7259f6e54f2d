/**
 * Runs a put on an owner of its key: writes the copy here, then sends it to the other owners.
 *
 * Owners are sent the whole object. A fallback is sent the write alone, with its client's context,
 * never with this node's, which would cover siblings that no client replaced: the older siblings
 * may be late where they are not carried yet, and a hint that has them is refused (`write-late`).
 * An owner that refuses the whole object so is sent the write alone, too.
 * `dynamo/quorum/put.ts` decides when enough owners hold it.
 *
 * The put begins where enough owners can be sent the object. An owner that is overloaded by then is
 * sent it again until the put has its result: after the append the put can no longer be refused.
 *
 * Invariant: before the first append a failure is *refused*; after it, *in doubt*.
 */
import { assert } from '../../base/assert.ts'
import { EMPTY_BYTES } from '../../base/bytes.ts'
import { type Deliver, isFailure, perform } from '../../base/deliver.ts'
import { type ErrorCode, OperatingError } from '../../base/errors.ts'
import type { CopyId, NodeId } from '../../dynamo/names.ts'
import { obstaclesTo, type PutAsk, PutRound } from '../../dynamo/quorum/put.ts'
import { Context } from '../../dynamo/version/context.ts'
import { decodeObject, encodeObject } from '../../dynamo/version/object-bytes.ts'
import {
  coveredBy,
  receiptOfPut,
  type RefusedPut,
  type Repeated,
  type Replaced,
  writeAlone,
  type Written,
} from '../../dynamo/version/put.ts'
import type { Receipt } from '../../dynamo/version/receipt.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import { OVERLOAD_RETRY_MS } from '../../limits.ts'
import type { Trace } from '../../world/trace.ts'
import type { PeerCalls } from '../cluster/peer-calls.ts'
import type { Counters } from '../counters.ts'
import { whenHeld } from '../replica/durable.ts'
import type { ClientWrite, LocalWrite, Replica } from '../replica/replica.ts'
import type { KnownPut } from '../requests.ts'
import { fallbacksOf, ownCopy, type Placement, tooFew } from './quorums.ts'

/** Owners are late after the 99th percentile of recent puts, within these bounds. */
const LATE_MS_MIN = 10
const LATE_MS_MAX = 150

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
  /** The owner for which this node keeps its copy as a hint; undefined where it is an owner. */
  readonly forOwner: NodeId | undefined
}

/** What a put achieved. */
export interface Done {
  /** What the client saw, what the put replaced and the put itself. */
  readonly covered: Context
  readonly receipt: Receipt
  /** Who holds it by then. */
  readonly holders: readonly PutAsk[]
}

export interface PutDependencies {
  readonly clock: Clock
  readonly trace: Trace
  readonly self: NodeId
  readonly replica: Replica
  readonly peers: PeerCalls
  readonly counters: Counters
  /** What rounds wait for, which shorten contexts. */
  readonly roundHoldup: () => string | undefined
}

export class Puts {
  readonly #dependencies: PutDependencies

  constructor(dependencies: PutDependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Delivers what the put achieved when W machines hold it; or what `tooFew` says,
   * `deadline-passed`, a refusal of `dynamo/version/put.ts`, or `write-in-doubt`.
   */
  run(write: Write, deliver: Deliver<Done>): void {
    const { self, peers } = this.#dependencies
    const { placement, needed } = write
    const { owners } = placement
    const obstacleTo = (node: NodeId): ErrorCode | undefined =>
      node === self ? undefined : peers.obstacleTo(node)
    const canAsk = (member: NodeId): boolean => obstacleTo(member) === undefined
    const fallbacks = write.put.strict ? undefined : fallbacksOf(placement, canAsk)
    const terms = { owners, needed, fallbacks, obstacleTo }
    const obstacles = obstaclesTo(terms)
    if (obstacles !== undefined) {
      const { ready: answered, failures } = obstacles
      deliver(tooFew({ needed, answered, owners, failures }))
      return
    }
    new RunningPut(this.#dependencies, write, new PutRound(terms), deliver).begin()
  }
}

class RunningPut {
  readonly #node: PutDependencies
  readonly #write: Write
  readonly #round: PutRound
  readonly #deliver: Deliver<Done>
  readonly #own: PutAsk
  readonly #request: ClientWrite
  #object: Uint8Array = EMPTY_BYTES
  #outcome: Written | Repeated | Replaced | undefined
  /** The write alone, once it is to be sent: most puts need it for no one. */
  #aloneBytes: Uint8Array | undefined
  #timer: Timer | undefined
  #covered: Context = Context.empty
  #receipt: Receipt | undefined
  #isDelivered = false

  constructor(node: PutDependencies, write: Write, round: PutRound, deliver: Deliver<Done>) {
    this.#node = node
    this.#write = write
    const { requestId, isRepeat, value } = write.put
    this.#own = { node: node.self, forOwner: write.forOwner }
    this.#request = { requestId, isRepeat, value, seen: write.seen }
    this.#round = round
    this.#deliver = deliver
  }

  begin(): void {
    const copy = this.#copyFor(this.#own)
    perform(
      () => this.#node.replica.write(copy, this.#request, this.#write.deadline),
      (local) => {
        if (isFailure(local)) this.#deliver(local)
        else this.#onLocal(local)
      },
    )
  }

  #copyFor({ forOwner }: PutAsk): CopyId {
    const { put, placement } = this.#write
    const own = ownCopy(put.token, put.name, placement.bucket)
    return forOwner === undefined ? own : { ...own, place: forOwner }
  }

  #onLocal(local: LocalWrite): void {
    const { outcome, object, sequence } = local
    if (outcome.kind === 'refused') {
      this.#deliver(refusalOf(outcome, this.#node.roundHoldup()))
      return
    }
    if (outcome.kind !== 'written') this.#node.trace.record('put-repeated')
    this.#covered = coveredBy(this.#request, outcome)
    this.#receipt = receiptOfPut(this.#request.requestId, outcome)
    this.#object = object
    this.#outcome = outcome
    this.#sendAll(this.#round.begin(this.#own))
    this.#whenHeld(sequence, this.#own)
    if (!this.#isDelivered) this.#awaitLate()
  }

  #sendAll(asks: readonly PutAsk[]): void {
    for (const ask of asks) {
      if (ask.node === this.#node.self) this.#keepHint(ask)
      else this.#send(ask)
    }
  }

  /** The write alone; the whole object where it has been replaced since. */
  get #alone(): Uint8Array {
    const outcome = this.#outcome
    const isGone = outcome === undefined || outcome.kind === 'replaced'
    this.#aloneBytes ??= isGone ? this.#object : aloneOf(this.#request, outcome)
    return this.#aloneBytes
  }

  #send(ask: PutAsk): void {
    const isHint = ask.forOwner !== undefined
    if (isHint) this.#node.counters.hintsGiven += 1
    this.#sendObject(ask, isHint ? this.#alone : this.#object)
  }

  #sendObject(ask: PutAsk, object: Uint8Array): void {
    const { peers, clock } = this.#node
    const { placement, deadline } = this.#write
    const { durability } = placement.bucket
    const terms = { ring: placement.ring, deadline, durability }
    peers.writeCopy(ask.node, this.#copyFor(ask), object, terms, (failure) => {
      if (failure?.code === 'write-late' && object !== this.#alone) {
        return this.#sendObject(ask, this.#alone)
      }
      if (failure?.code !== 'overloaded') return this.#onCounted(ask, failure?.code)
      this.#sendAll(this.#round.onOverloaded(ask))
      clock.after(OVERLOAD_RETRY_MS, () => {
        if (!this.#isDelivered) this.#sendObject(ask, object)
      })
    })
  }

  /** One more hint at this node, which is a fallback. */
  #keepHint(ask: PutAsk): void {
    const { replica } = this.#node
    const object = decodeObject(this.#alone)
    assert(object !== undefined, 'an object that was written here can be read')
    perform(
      () => replica.merge(this.#copyFor(ask), object, 'sent', this.#write.deadline),
      (sequence) => {
        if (isFailure(sequence)) return this.#onCounted(ask, sequence.code)
        return this.#whenHeld(sequence, ask)
      },
    )
  }

  /** A copy of this node's counts as its bucket says. */
  #whenHeld(sequence: number, ask: PutAsk): void {
    const { durability } = this.#write.placement.bucket
    whenHeld(this.#node.replica, sequence, durability, (error) => {
      this.#onCounted(ask, error?.code)
    })
  }

  /** Fallbacks are asked once owners are later than 99 of 100 puts are. */
  #awaitLate(): void {
    const { clock, counters } = this.#node
    const left = this.#write.deadline - clock.now()
    const { putLatencies } = counters
    const usualMs = putLatencies.isKnown ? putLatencies.quantile(0.99) : LATE_MS_MAX
    const lateMs = Math.max(LATE_MS_MIN, Math.min(LATE_MS_MAX, usualMs))
    if (left <= lateMs) {
      this.#awaitDeadline()
      return
    }
    this.#timer = clock.after(lateMs, () => {
      this.#sendAll(this.#round.onLate())
      if (!this.#isDelivered) this.#awaitLate()
    })
  }

  #awaitDeadline(): void {
    const { clock } = this.#node
    this.#timer = clock.after(Math.max(0, this.#write.deadline - clock.now()), () => {
      this.#end(this.#doubt('in time', true))
    })
  }

  /**
   * A copy counts, or failed for the reason `code`. An owner that fails when the put has its
   * result gets a hint still, while there is time.
   */
  #onCounted(ask: PutAsk, code: ErrorCode | undefined): void {
    const asks = code === undefined ? this.#round.onHeld(ask) : this.#round.onFailed(ask, code)
    if (this.#node.clock.now() < this.#write.deadline) this.#sendAll(asks)
    if (this.#isDelivered) return
    const verdict = this.#round.verdict()
    if (verdict === 'reached') this.#end(this.#done())
    else if (verdict === 'impossible') this.#end(this.#doubt('durably', false))
  }

  #done(): Done {
    const receipt = this.#receipt as Receipt
    return { covered: this.#covered, receipt, holders: this.#round.holders }
  }

  #doubt(how: string, isLate: boolean): OperatingError {
    const { needed } = this.#write
    const nodes = this.#round.failures(isLate)
    const details = { needed, answered: this.#round.held, nodes }
    const isFull = nodes.some(({ code }) => code === 'hints-full')
    const advice = isFull
      ? 'others have no room for hints: bring members back, or raise hint-bytes, and then'
      : 'it may be applied:'
    return new OperatingError(
      'write-in-doubt',
      `${this.#round.held} of the ${needed} nodes needed hold the write ${how}; ${advice} ` +
        'send it again with the same request id',
      { details },
    )
  }

  #end(result: Done | OperatingError): void {
    this.#isDelivered = true
    this.#timer?.cancel()
    this.#deliver(result)
  }
}

function aloneOf(request: ClientWrite, outcome: Written | Repeated): Uint8Array {
  const bytes = encodeObject(writeAlone(request, outcome))
  assert(bytes !== undefined, 'one of the siblings that fit a record fits one')
  return bytes
}

function refusalOf(
  { code, count, limit: value }: RefusedPut,
  holdup: string | undefined,
): OperatingError {
  const { advice, limit } = REFUSALS[code]
  const isHeldUp = code === 'context-full' && holdup !== undefined
  const why = isHeldUp ? `; the rounds that would make room wait: ${holdup}` : ''
  const details = limit === undefined ? undefined : { limit: { name: limit, value } }
  return new OperatingError(code, `${advice} (${count} > ${value})${why}`, { details })
}

/** What to do after a refusal, and the limit that was met. */
const REFUSALS: Readonly<Record<RefusedPut['code'], { advice: string; limit?: string }>> = {
  'context-full': {
    advice:
      'the context of this key has no room for another range, and no other owner that was' +
      ' reached can continue one of its own: try again when all owners are there',
    limit: 'RANGES_PER_PUT_MAX',
  },
  'siblings-full': {
    advice: 'this key has too many siblings; read and reconcile them first',
    limit: 'SIBLINGS_MAX',
  },
  'object-too-large': {
    advice: 'the siblings of this key together are too large; reconcile them first',
    limit: 'OBJECT_BYTES_MAX',
  },
  'request-id-wrong': {
    advice: 'this request id was used for another value; draw a fresh one for each put',
  },
}
