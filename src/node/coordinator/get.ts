/**
 * Runs a get: carries the questions of `dynamo/quorum/get.ts` to the owners and brings the answers.
 *
 * The result is delivered first; read repair follows and delays no client (Dynamo 5). A get that is
 * late asks one more owner, then the next (hedging), until none is left.
 *
 * Hedges are within a budget: in any 10 s one for every 20 copies that gets ask for, and ten more.
 * Where many gets are late at once the owners have too much to do, and hedges would add to it. A
 * question in place of an owner that failed, or that is known to be away by now, is no hedge: each
 * question asks its owner for a sign of life too, and one that gives none soon is away.
 *
 * Where a sloppy get has no owner left to ask, those that stay silent count as away, and fallbacks
 * are asked for hints. That is after four times the 99th percentile of gets, 50 ms to 1 s: an owner
 * that pauses for a moment is waited for, because a fallback has only what was written meanwhile.
 */
import { type Deliver, isFailure, perform } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import type { Room } from '../../base/room.ts'
import { ShareBudget } from '../../base/share-budget.ts'
import type { CopyId, NodeId } from '../../dynamo/names.ts'
import type { CopyAnswer } from '../../dynamo/quorum/answers.ts'
import { type CoversReceipts, type GetAsk, GetRound } from '../../dynamo/quorum/get.ts'
import type { OwnerFailure } from '../../dynamo/quorum/shortfall.ts'
import type { RingDigest } from '../../dynamo/ring/ring.ts'
import { encodeObject } from '../../dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import { isCovered, type Receipt } from '../../dynamo/version/receipt.ts'
import { HEDGES_FREE_MAX, READS_PER_HEDGE } from '../../limits.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import type { Trace } from '../../world/trace.ts'
import type { PeerCalls } from '../cluster/peer-calls.ts'
import { ABSENT, failedAnswer, objectAnswer } from '../replica/copy-answer.ts'
import type { Counters } from '../counters.ts'
import type { Copy, Replica } from '../replica/replica.ts'
import { repair } from './read-repair.ts'
import { fallbacksOf, nearestFirst, type Placement, tooFew } from './quorums.ts'

/** One key to be read from `needed` of `owners`. */
export interface Read {
  readonly copy: CopyId
  readonly owners: readonly NodeId[]
  readonly ring: RingDigest
  /** 1 to the number of owners. */
  readonly needed: number
  /** An instant of the node's clock. */
  readonly deadline: number
  /** The members that may hold hints; undefined for a strict read: owners alone answer it. */
  readonly fallbacks?: Pick<Placement, 'others' | 'machineOf'> | undefined
  /** `needed` owners hold what is found before it is delivered: those that lacked it durably. */
  readonly monotonic?: boolean
  /** What is found covers them all. */
  readonly receipts?: readonly Receipt[]
  /** The memory for long copies. */
  readonly room?: Room | undefined
}

/** What owners of a key hold together. */
export interface Found {
  /** Undefined: nothing. */
  readonly object: VersionedObject | undefined
  /** Owners that answered: as many as were needed, unless the read is sloppy. */
  readonly answered: number
}

export interface GetDependencies {
  readonly clock: Clock
  readonly trace: Trace
  readonly self: NodeId
  readonly replica: Replica
  readonly peers: PeerCalls
  readonly counters: Counters
  /** A get is late after this long, or the 95th percentile of recent gets where that is less. */
  readonly hedgeMs: number
  /** How long a read repair may take. */
  readonly repairMs: number
}

/** A shorter delay would cost more questions than it saves time. */
const HEDGE_MS_MIN = 2
const SILENT_QUANTILE = 0.99
const SILENT_FACTOR = 4
const SILENT_MS_MIN = 50
const SILENT_MS_MAX = 1_000

export class Gets {
  readonly #dependencies: GetDependencies
  readonly #hedges = new ShareBudget({ every: READS_PER_HEDGE, free: HEDGES_FREE_MAX })

  constructor(dependencies: GetDependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Delivers what the owners hold together; or `deadline-passed`, `receipt-unmet`, or what `tooFew`
   * says.
   */
  run(read: Read, deliver: Deliver<Found>): void {
    const { self, peers } = this.#dependencies
    const canAsk = (node: NodeId): boolean => node === self || peers.obstacleTo(node) === undefined
    const ordered = nearestFirst(read.owners, self, peers)
    const { policy } = read.copy.bucketId
    const fallbacks = read.fallbacks && fallbacksOf(read.fallbacks, canAsk)
    const round = new GetRound(policy, ordered, read.needed, fallbacks, coverageOf(read))
    new RunningGet(this.#dependencies, this.#hedges, read, round, deliver).begin()
  }
}

/** Undefined for a read without receipts. */
function coverageOf({ receipts = [] }: Read): CoversReceipts | undefined {
  if (receipts.length === 0) return undefined
  return (object) =>
    object !== undefined && receipts.every((receipt) => isCovered(receipt, object.context))
}

class RunningGet {
  readonly #node: GetDependencies
  readonly #hedges: ShareBudget
  readonly #read: Read
  readonly #round: GetRound
  readonly #deliver: Deliver<Found>
  #timer: Timer | undefined
  /** The outcome is reached, and no other replica is asked. */
  #isConcluded = false
  #isWithheld = false

  constructor(
    node: GetDependencies,
    hedges: ShareBudget,
    read: Read,
    round: GetRound,
    deliver: Deliver<Found>,
  ) {
    this.#node = node
    this.#hedges = hedges
    this.#read = read
    this.#round = round
    this.#deliver = deliver
  }

  begin(): void {
    this.#askAll(this.#round.begin())
    if (!this.#isConcluded) this.#waitForNext()
  }

  /** Until one more owner is asked; where none is left, until those that are silent are away. */
  #waitForNext(): void {
    if (this.#round.hasUnasked) this.#wait(this.#hedgeMs(), true)
    else if (this.#read.fallbacks === undefined) this.#wait(Number.POSITIVE_INFINITY, false)
    else this.#wait(this.#silentMs(), true)
  }

  #silentMs(): number {
    const { getLatencies } = this.#node.counters
    if (!getLatencies.isKnown) return SILENT_MS_MAX
    const usualMs = SILENT_FACTOR * getLatencies.quantile(SILENT_QUANTILE)
    return Math.max(SILENT_MS_MIN, Math.min(SILENT_MS_MAX, usualMs))
  }

  /** A get is late once nineteen of twenty recent ones would have been answered. */
  #hedgeMs(): number {
    const { hedgeMs, counters } = this.#node
    return Math.max(HEDGE_MS_MIN, Math.min(hedgeMs, counters.getLatencies.lateMs))
  }

  /** One timer at a time: for being late while there is one left to ask, then for the deadline. */
  #wait(delayMs: number, isForMore: boolean): void {
    const { clock } = this.#node
    const left = this.#read.deadline - clock.now()
    this.#timer = clock.after(Math.max(0, Math.min(delayMs, left)), () => {
      if (!isForMore || left <= delayMs) {
        this.#round.onDeadline()
        this.#conclude(() => this.#tooLate())
        return
      }
      if (this.#read.room?.isWaiting === true) {
        // Another owner's copy would wait for the same memory.
        this.#wait(this.#node.hedgeMs, true)
        return
      }
      this.#onLate()
    })
  }

  /** Asks one more owner, if one is left: in place of one that is away, or as a hedge. */
  #onLate(): void {
    const { self, peers, clock, counters } = this.#node
    if (!this.#round.hasUnasked) return this.#onSilent()
    const isAway = (node: NodeId): boolean => node !== self && !peers.isConnected(node)
    if (this.#round.isShortWithout(isAway)) {
      this.#askAll(this.#round.onLate())
    } else if (this.#hedges.take(clock.now())) {
      counters.hedges += 1
      this.#ask(this.#round.onLate())
    } else {
      return this.#withhold()
    }
    if (!this.#isConcluded) this.#waitForNext()
  }

  /** Waits without a hedge, and looks again whether owners are away. */
  #withhold(): void {
    const { counters, hedgeMs } = this.#node
    if (!this.#isWithheld) counters.hedgesWithheld += 1
    this.#isWithheld = true
    this.#wait(hedgeMs, true)
  }

  /** Owners and fallbacks that were asked and have not answered count as away. */
  #onSilent(): void {
    this.#askOrConclude(this.#round.onSilent())
    if (!this.#isConcluded) this.#waitForNext()
  }

  #askAll(asks: readonly GetAsk[]): void {
    this.#hedges.count(asks.length, this.#node.clock.now())
    this.#ask(asks)
  }

  /** Asks, without counting it as an ordinary question. */
  #ask(asks: readonly GetAsk[]): void {
    for (const ask of asks) {
      if (ask.node !== this.#node.self) this.#askPeer(ask)
      else if (ask.isFallback) this.#askSelfForHints(ask)
      else this.#askSelf(ask)
    }
  }

  #askSelf({ node, digestOnly }: GetAsk): void {
    const { replica } = this.#node
    const { copy, room } = this.#read
    if (digestOnly) {
      perform(
        () => replica.digest(copy),
        (digest) => {
          if (isFailure(digest)) this.#onAnswer(node, failedAnswer(digest))
          else this.#onAnswer(node, digest === undefined ? ABSENT : { kind: 'digest', digest })
        },
      )
      return
    }
    perform(
      () => replica.read(copy, room),
      (found) => this.#onFound(node, found),
    )
  }

  #askSelfForHints({ node }: GetAsk): void {
    const { copy, room } = this.#read
    perform(
      () => this.#node.replica.readHints(copy, room),
      (found) => this.#onFound(node, found),
    )
  }

  #onFound(node: NodeId, found: Copy | OperatingError | undefined): void {
    if (isFailure(found)) this.#onAnswer(node, failedAnswer(found))
    else if (found === undefined) this.#onAnswer(node, ABSENT)
    else this.#onAnswer(node, objectAnswer(found.object, found.digest))
  }

  #askPeer(ask: GetAsk): void {
    const { copy, room } = this.#read
    const onAnswer = (answer: CopyAnswer): void => this.#onAnswer(ask.node, answer)
    this.#node.peers.readCopy(ask, copy, this.#read, onAnswer, room)
  }

  #onAnswer(node: NodeId, answer: CopyAnswer): void {
    if (this.#isConcluded) return
    const asks = this.#round.onAnswer(node, answer)
    if (answer.kind === 'failed' && this.#isLate()) {
      this.#round.onDeadline()
      this.#conclude(() => this.#tooLate())
      return
    }
    this.#askOrConclude(asks)
  }

  #askOrConclude(asks: readonly GetAsk[]): void {
    if (this.#round.outcome.kind === 'waiting') this.#askAll(asks)
    else this.#conclude(() => this.#tooFew())
  }

  /** Delivers the outcome that is reached; the failure where the get is short. */
  #conclude(failure: () => OperatingError): void {
    const { outcome } = this.#round
    this.#isConcluded = true
    this.#timer?.cancel()
    if (outcome.kind !== 'answered') {
      this.#deliver(outcome.kind === 'unmet' ? this.#unmet() : failure())
      return
    }
    const { object, behind, answered } = outcome
    const lacking = this.#read.needed - (this.#round.answered - behind.length)
    if (this.#read.monotonic === true && object !== undefined && lacking > 0) {
      this.#writeBack({ object, answered }, behind, lacking)
      return
    }
    this.#deliver({ object, answered })
    if (object !== undefined && behind.length > 0) this.#repair(object, behind)
  }

  /** Delivers what was found when `lacking` of the owners that are behind hold it as well. */
  #writeBack(found: Found, behind: readonly NodeId[], lacking: number): void {
    const { clock } = this.#node
    const { copy, ring, deadline, needed, owners } = this.#read
    const object = found.object as VersionedObject
    const bytes = encodeObject(object)
    if (bytes === undefined) {
      const sentence = 'no owner can take all siblings of this key: reconcile them first'
      this.#deliver(new OperatingError('object-too-large', sentence))
      return
    }
    const failures: OwnerFailure[] = []
    let left = lacking
    let isDelivered = false
    const end = (result: Found | OperatingError): void => {
      if (!isDelivered) this.#deliver(result)
      isDelivered = true
      timer.cancel()
    }
    const timer = clock.after(Math.max(0, deadline - clock.now()), () => end(this.#tooLate()))
    const repairing = { copy, object, bytes, owners: behind, terms: { ring, deadline } }
    repair(this.#node, repairing, (node, failure) => {
      if (failure === undefined) left -= 1
      else failures.push({ node, code: failure.code })
      if (left === 0) end(found)
      else if (behind.length - failures.length < lacking)
        end(tooFew({ needed, answered: needed - left, owners, failures }))
    })
  }

  #unmet(): OperatingError {
    const { needed } = this.#read
    const { answered } = this.#round
    const sentence =
      'no copy that answered has what the receipt stands for: try again, it may be on its way'
    const details = { needed, answered, nodes: this.#round.failures(true) }
    return new OperatingError('receipt-unmet', sentence, { details })
  }

  /** No owner is asked any more in the place of one that failed. */
  #isLate(): boolean {
    return this.#node.clock.now() >= this.#read.deadline
  }

  #tooFew(): OperatingError {
    const { needed, owners } = this.#read
    const { answered } = this.#round
    return tooFew({ needed, answered, owners, failures: this.#round.failures(false) })
  }

  #tooLate(): OperatingError {
    const { needed } = this.#read
    const { answered } = this.#round
    const sentence = `${answered} of the ${needed} owners needed answered in time; try again`
    const details = { needed, answered, nodes: this.#round.failures(true) }
    return new OperatingError('deadline-passed', sentence, { details })
  }

  /** Brings the replicas that lack some of the object up to date; delays no client. */
  #repair(object: VersionedObject, behind: readonly NodeId[]): void {
    const { trace, clock, repairMs } = this.#node
    const { copy, ring } = this.#read
    const bytes = encodeObject(object)
    if (bytes === undefined) {
      // No message carries it and no replica could keep it: a client must reconcile siblings first.
      for (const node of behind) trace.record('repair-failed', { node })
      return
    }
    const terms = { ring, deadline: clock.now() + repairMs }
    repair(this.#node, { copy, object, bytes, owners: behind, terms }, () => undefined)
  }
}
