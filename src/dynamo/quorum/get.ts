/**
 * The state of one get: which replicas to ask, when it can be answered, and which are stale.
 *
 * The round asks the first owner for its object and R - 1 others for digests, so that a get of
 * equal replicas moves one value. If a digest matches no object received so far, the round asks
 * that replica for its object. If a replica fails or is late (the hedge), the round asks the next
 * owner. When R owners have answered and every digest matches an object, the round merges the
 * objects; owners that lack part of the result are stale and need repair. (Dynamo 4.5, 4.6, 5)
 *
 *     ask ──► answers ──► R, and every digest matches? ──► answered, with the stale replicas
 *      ▲         │ failed, late, or a digest without its object
 *      └─────────┘ fewer than R owners are left: the fallbacks for the others
 *
 * A strict get is short where fewer than R owners are left. A sloppy get then asks for hints: the
 * fallbacks that a put would choose for the owners that are missing, and one more, because a put
 * may have found fewer owners or another fallback. A fallback that holds a hint counts towards R;
 * one that holds none has not looked at the owner's copy, and does not count. The get is answered
 * when no owner that is still expected is left, and R count or every fallback asked has answered:
 * with what there is, and `isComplete: false`. Where neither an owner nor a hint answered, a member
 * further on may have coordinated a put itself: all others are asked, up to a bound. It is short
 * only if none of them holds a hint.
 *
 * A get may have to cover *receipts* (`version/receipt.ts`): what it is answered with has certain
 * writes. Where the answers that count do not, the round asks all owners that are left, then a
 * sloppy get asks fallbacks for hints as if no owner had answered; at last the get is *unmet*.
 *
 * Why not ask fallbacks where R owners answer: hints reach their owners soon, and each get would
 * pay for an owner that is away. Why not count a hint before the owners: it has one write perhaps,
 * and an owner that is expected has the others.
 *
 * Invariants:
 *   - Each replica counts once towards R; a replica that failed does not count.
 *   - Of the fallbacks asked, those that failed or are silent left aside, there is at most one more
 *     than owners are missing, until none of them holds anything.
 *   - After the outcome is reached it does not change and the round asks no other replica.
 *
 * The round has no clock: its caller reports late and silent replicas, and the deadline.
 */
import { assert } from '../../base/assert.ts'
import { FALLBACKS_PER_GET_MAX, REPLICAS_MAX } from '../../limits.ts'
import type { NodeId, Policy } from '../names.ts'
import type { VersionedObject } from '../version/object.ts'
import {
  behindOf,
  type CopyAnswer,
  hasAnswered,
  isAwaited,
  isFallback,
  isHolding,
  mergedOf,
  type Replica,
  unexplained,
} from './answers.ts'
import { type Fallbacks, oneMore, standInsFor } from './fallbacks.ts'
import type { OwnerFailure } from './shortfall.ts'

/** A question for one replica: its object, or the digest alone. */
export interface GetAsk {
  readonly node: NodeId
  readonly digestOnly: boolean
  /** True: for the hints that the node holds of the key; false: for its own copy. */
  readonly isFallback: boolean
}

/** The question for the object in the own copy of `node`. */
export function askForOwn(node: NodeId): GetAsk {
  return { node, digestOnly: false, isFallback: false }
}

export type GetOutcome =
  | { readonly kind: 'waiting' }
  | {
      readonly kind: 'answered'
      /** The merge of all answers; undefined if no replica holds the key. */
      readonly object: VersionedObject | undefined
      /** Owners that answered and lack part of `object`. */
      readonly behind: readonly NodeId[]
      /** Owners that answered, at most R. */
      readonly answered: number
      /** Whether R owners answered. */
      readonly isComplete: boolean
    }
  /** Too few replicas are left. */
  | { readonly kind: 'short' }
  /** Enough have answered, and together they do not cover the receipts. */
  | { readonly kind: 'unmet' }

const WAITING: GetOutcome = { kind: 'waiting' }
const SHORT: GetOutcome = { kind: 'short' }
const UNMET: GetOutcome = { kind: 'unmet' }

/** Whether what was found covers the receipts of a get. */
export type CoversReceipts = (object: VersionedObject | undefined) => boolean

export class GetRound {
  /** In the order in which to ask them. */
  readonly #owners: readonly Replica[]
  readonly #policy: Policy
  readonly #needed: number
  /** Undefined for a strict get. */
  readonly #fallbacks: Fallbacks | undefined
  /** Undefined for a get without receipts. */
  readonly #covers: CoversReceipts | undefined
  /** Fallbacks that were asked. */
  readonly #asked: Replica[] = []
  #outcome: GetOutcome = WAITING

  /**
   * Requires: 1 <= `needed` <= owners; each owner once, those to be asked first in front. Without
   * `fallbacks` the get is strict; with some, or an empty list of them, it is sloppy.
   */
  constructor(
    policy: Policy,
    owners: readonly NodeId[],
    needed: number,
    fallbacks?: Fallbacks,
    covers?: CoversReceipts,
  ) {
    assert(owners.length <= REPLICAS_MAX, 'owners are bounded')
    assert(needed >= 1 && needed <= owners.length, 'enough owners exist')
    assert(new Set(owners).size === owners.length, 'each owner is listed once')
    this.#policy = policy
    this.#needed = needed
    this.#fallbacks = fallbacks
    this.#covers = covers
    this.#owners = owners.map((node) => newReplica(node, undefined))
  }

  get outcome(): GetOutcome {
    return this.#outcome
  }

  /** How many owners have answered. */
  get answered(): number {
    return this.#owners.filter(hasAnswered).length
  }

  /** Owners that failed; those that were asked and are silent too, as late, if `countsLate`. */
  failures(countsLate: boolean): readonly OwnerFailure[] {
    const failures: OwnerFailure[] = []
    for (const replica of this.#owners) {
      const { node, state } = replica
      if (state.kind === 'failed') failures.push({ node, code: state.code })
      else if (isAwaited(replica) && countsLate) failures.push({ node, code: 'deadline-passed' })
    }
    return failures
  }

  /** Owners that were asked and have not answered. */
  get awaited(): readonly NodeId[] {
    return this.#owners.filter(isAwaited).map(({ node }) => node)
  }

  /** Whether an owner is left to ask. */
  get hasUnasked(): boolean {
    return this.#owners.some(({ state }) => state.kind === 'unasked')
  }

  /** Whether fewer than R owners can answer before another is asked, if those away do not. */
  isShortWithout(isAway: (node: NodeId) => boolean): boolean {
    const coming = this.#owners.filter((owner) => {
      return hasAnswered(owner) || (isAwaited(owner) && !isAway(owner.node))
    })
    return coming.length < this.#needed
  }

  /** The first questions. */
  begin(): readonly GetAsk[] {
    return this.#askMore()
  }

  /** Takes an answer; returns further questions. A repeated or unasked answer changes nothing. */
  onAnswer(node: NodeId, answer: CopyAnswer): readonly GetAsk[] {
    const replica = this.#replicas().find((one) => one.node === node)
    const isExpected = replica !== undefined && isAwaited(replica)
    if (this.#outcome.kind !== 'waiting' || !isExpected) return []
    replica.state = answer
    replica.isSilent = false
    return this.#advance()
  }

  /** A replica is late: returns at most one question for another owner. */
  onLate(): readonly GetAsk[] {
    if (this.#outcome.kind !== 'waiting') return []
    const ask = this.#askNext(true)
    return ask === undefined ? [] : [ask]
  }

  /**
   * All replicas that were asked and did not answer count as away until they do. Returns further
   * questions; the outcome may be reached.
   */
  onSilent(): readonly GetAsk[] {
    if (this.#outcome.kind !== 'waiting') return []
    for (const replica of this.#replicas()) if (isAwaited(replica)) replica.isSilent = true
    return this.#advance()
  }

  /** No further answer is waited for: a sloppy get is answered with what there is, or short. */
  onDeadline(): void {
    if (this.#outcome.kind !== 'waiting') return
    for (const replica of unexplained(this.#replicas())) {
      replica.state = { kind: 'failed', code: 'deadline-passed' }
    }
    const isShort = this.#fallbacks === undefined && this.answered < this.#needed
    const outcome = isShort ? SHORT : this.#withWhatThereIs()
    this.#outcome = this.#isMetBy(outcome) ? outcome : UNMET
  }

  #advance(): readonly GetAsk[] {
    const objects = this.#askForObjects()
    const more = this.#askMore()
    const others = this.#askOthers()
    this.#outcome = this.#decide()
    if (this.#isMetBy(this.#outcome)) return [...objects, ...more, ...others]
    const further = this.#askForReceipts()
    this.#outcome = this.#replicas().some(isComing) ? WAITING : UNMET
    return [...objects, ...more, ...others, ...further]
  }

  /** False for an answer that does not cover the receipts. */
  #isMetBy(outcome: GetOutcome): boolean {
    return outcome.kind !== 'answered' || (this.#covers?.(outcome.object) ?? true)
  }

  /** Asks all owners that are left for their objects; after them the fallbacks of all owners. */
  #askForReceipts(): readonly GetAsk[] {
    const unasked = this.#owners.filter(({ state }) => state.kind === 'unasked')
    if (unasked.length > 0) return unasked.map(askForObject)
    return this.#owners.some(isComing) ? [] : this.#askFallbacks(this.#owners)
  }

  /** Asks until R owners have answered or are expected to; if none is left, fallbacks. */
  #askMore(): readonly GetAsk[] {
    const asks: GetAsk[] = []
    while (this.#owners.filter(isExpectedToCount).length < this.#needed) {
      const ask = this.#askNext(false)
      if (ask === undefined) return [...asks, ...this.#askFallbacks(this.#missing())]
      asks.push(ask)
    }
    return asks
  }

  /** Asks the next owner. */
  #askNext(isLate: boolean): GetAsk | undefined {
    const replica = this.#owners.find(({ state }) => state.kind === 'unasked')
    return replica === undefined ? undefined : this.#ask(replica, isLate)
  }

  /** Asks for the object, unless one has come or (if none is late) is awaited. */
  #ask(replica: Replica, isLate: boolean): GetAsk {
    const isCopyHere =
      this.#replicas().some(({ state }) => state.kind === 'object') ||
      this.#owners.some(({ state }) => state.kind === 'absent')
    const digestOnly = isCopyHere || (!isLate && this.#isObjectComing())
    replica.state = { kind: digestOnly ? 'awaited-digest' : 'awaited-object' }
    return { node: replica.node, digestOnly, isFallback: isFallback(replica) }
  }

  #missing(): readonly Replica[] {
    return this.#owners.filter((owner) => !isExpectedToCount(owner))
  }

  /** Asks the fallbacks of the owners that are missing, and one more. */
  #askFallbacks(missing: readonly Replica[]): readonly GetAsk[] {
    const fallbacks = this.#fallbacks
    if (fallbacks === undefined) return []
    const serving = this.#asked.filter(isExpectedToCount)
    const owners = this.#owners.map(({ node }) => node)
    const away = missing
      .map(({ node }) => node)
      .filter((owner) => serving.every(({ standsFor }) => standsFor !== owner))
    const inUse = serving.map(({ node }) => node)
    const isFree = (member: NodeId): boolean => this.#asked.every(({ node }) => node !== member)
    const asks: GetAsk[] = []
    const ask = (node: NodeId, standsFor: NodeId | 'more'): void => {
      const replica = newReplica(node, standsFor)
      asks.push(this.#ask(replica, false))
      this.#asked.push(replica)
    }
    const standIns = standInsFor(fallbacks, { owners, away, inUse, isFree })
    for (const { node, forOwner } of standIns) ask(node, forOwner)
    if (serving.length + standIns.length > missing.length) return asks
    const more = oneMore(fallbacks, { owners, inUse: this.#asked.map(({ node }) => node), isFree })
    if (more !== undefined) ask(more, 'more')
    return asks
  }

  /** Asks all other fallbacks where nothing was found, and nothing is coming. */
  #askOthers(): readonly GetAsk[] {
    const fallbacks = this.#fallbacks
    if (fallbacks === undefined || this.#owners.some(hasAnswered)) return []
    if (this.#asked.some(isHolding) || this.#replicas().some(isComing)) return []
    const isOther = (member: NodeId): boolean =>
      fallbacks.canAsk(member) && this.#asked.every(({ node }) => node !== member)
    const left = Math.max(0, FALLBACKS_PER_GET_MAX - this.#asked.length)
    const others = fallbacks.members.filter(isOther).slice(0, left)
    const further = others.map((node) => newReplica(node, 'more'))
    this.#asked.push(...further)
    return further.map(askForObject)
  }

  /** Asks each replica whose digest matches no received object for its object. */
  #askForObjects(): readonly GetAsk[] {
    const replicas = this.#replicas()
    const isObjectHere = replicas.some(({ state }) => state.kind === 'object')
    // The object that is awaited may match; ask after it has come.
    if (!isObjectHere && this.#isObjectComing()) return []
    return unexplained(replicas).map(askForObject)
  }

  #isObjectComing(): boolean {
    return this.#replicas().some(
      ({ state, isSilent }) => state.kind === 'awaited-object' && !isSilent,
    )
  }

  /** The outcome of the answers so far. */
  #decide(): GetOutcome {
    const isStrict = this.#fallbacks === undefined
    const possible = this.#owners.filter(({ state }) => state.kind !== 'failed').length
    if (isStrict && possible < this.#needed) return SHORT
    const replicas = this.#replicas()
    if (unexplained(replicas).length > 0) return WAITING
    if (this.answered >= this.#needed) return this.#answer()
    if (isStrict || this.#owners.some(isComing)) return WAITING
    const counted = this.answered + this.#asked.filter(isHolding).length
    if (counted < this.#needed && this.#asked.some(isComing)) return WAITING
    return counted === 0 && replicas.some(isAwaited) ? WAITING : this.#withWhatThereIs()
  }

  #withWhatThereIs(): GetOutcome {
    return this.answered > 0 || this.#asked.some(isHolding) ? this.#answer() : SHORT
  }

  #answer(): GetOutcome {
    const replicas = this.#replicas()
    const object = mergedOf(replicas, this.#policy)
    return {
      kind: 'answered',
      object,
      behind: object === undefined ? [] : behindOf(replicas, object),
      answered: Math.min(this.answered, this.#needed),
      isComplete: this.answered >= this.#needed,
    }
  }

  #replicas(): readonly Replica[] {
    return this.#asked.length === 0 ? this.#owners : [...this.#owners, ...this.#asked]
  }
}

function newReplica(node: NodeId, standsFor: Replica['standsFor']): Replica {
  return { node, standsFor, state: { kind: 'unasked' }, isSilent: false }
}

function askForObject(replica: Replica): GetAsk {
  replica.state = { kind: 'awaited-object' }
  return { node: replica.node, digestOnly: false, isFallback: isFallback(replica) }
}

function isComing(replica: Replica): boolean {
  return isAwaited(replica) && !replica.isSilent
}

/** Whether a replica has answered, or is expected to. */
function isExpectedToCount(replica: Replica): boolean {
  return hasAnswered(replica) || (isAwaited(replica) && !replica.isSilent)
}
