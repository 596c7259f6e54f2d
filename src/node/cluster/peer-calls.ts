/**
 * Questions to another member: read, write or scan copies, hand on a put, compare trees.
 *
 * This file alone makes the messages that nodes send to each other and reads their replies.
 * Each call is delivered once; with `peer-away`, at once, where the member is not connected, and
 * with `overloaded` where too many calls to it are in flight.
 */
import { Durability } from '../../dynamo/buckets/bucket-record.ts'
import { type Deliver, isFailure } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import type { Room } from '../../base/room.ts'
import { type CopyId, type NodeId, OWN } from '../../dynamo/names.ts'
import { isFurther } from '../../dynamo/handoff/log-point.ts'
import type { CopyAnswer } from '../../dynamo/quorum/answers.ts'
import type { GetAsk } from '../../dynamo/quorum/get.ts'
import {
  TREE_LEAF_BITS,
  type Branch,
  type BranchSum,
  leafOf,
} from '../../dynamo/repair/branches.ts'
import type { RoundFloor } from '../../dynamo/repair/round.ts'
import type { Message } from '../../dynamo/membership/message.ts'
import type { Member, RingDigest } from '../../dynamo/ring/ring.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import { requestIdBytes } from '../../dynamo/version/request-id.ts'
import type { KeySeal } from '../../wire/key-seal.ts'
import type { PeerHint } from '../../wire/message/peer.ts'
import type { Reply, Request } from '../../wire/message/table.ts'
import type { Answer } from '../../wire/session.ts'
import type { Clock } from '../../world/clock.ts'
import type { CopiesPage, KeyRange } from '../replica/copies.ts'
import { ABSENT, failedAnswer, objectAnswer } from '../replica/copy-answer.ts'
import type { HintRefusals } from '../replica/hints-home.ts'
import type { LeafKeys, Leaves } from '../replica/leaf-keys.ts'
import type { Achieved, KnownPut, ToldKey } from '../requests.ts'
import type { PeerLies } from './peer-lies.ts'
import { peerAway, type Peers } from './peers.ts'

/** The owners that a question relies on, and the instant after which its answer is of no use. */
export interface Terms {
  readonly ring: RingDigest
  readonly deadline: number
}

export interface WriteTerms extends Terms {
  /** By default the write counts once it is durable. */
  readonly durability?: Durability
}

/** Branches of the tree of the buckets with this N, each of so many bits. */
export interface TreePart {
  readonly n: number
  readonly bits: number
  readonly sums: readonly BranchSum[]
}

export type RoundsAnswer = Reply<'peerRounds'>
export type ObjectsAnswer = Reply<'peerObjects'>
export type RoundStepRequest = Omit<Request<'peerStepRound'>, 'ring' | 'deadlineMs'>
export type TransferRequest = Omit<Request<'peerTransfer'>, 'ring' | 'deadlineMs'>
export type MoveRequest = Omit<Request<'peerMove'>, 'ring' | 'deadlineMs'>

export class PeerCalls {
  readonly #peers: Peers
  readonly #clock: Clock
  readonly #lies: PeerLies

  constructor(peers: Peers, clock: Clock, lies: PeerLies) {
    this.#peers = peers
    this.#clock = clock
    this.#lies = lies
  }

  isConnected(node: NodeId): boolean {
    return this.#peers.isConnected(node)
  }

  /** As `Peers` does. */
  whyAway(node: NodeId): string | undefined {
    return this.#peers.whyAway(node)
  }

  takeHeard(): readonly NodeId[] {
    return this.#peers.takeHeard()
  }

  /** As `Peers` does. */
  onSilence(node: NodeId, isSilent: boolean): void {
    this.#peers.onSilence(node, isSilent)
  }

  /** Why a call to `node` would fail here, before it is sent; undefined where it can be sent. */
  obstacleTo(node: NodeId): 'peer-away' | 'overloaded' | undefined {
    if (!this.#peers.isConnected(node)) return 'peer-away'
    return this.#peers.hasRoom(node) ? undefined : 'overloaded'
  }

  /** As `Peers` does. */
  slownessOf(node: NodeId): number {
    return this.#peers.slownessOf(node)
  }

  /** As `Peers` does. */
  follow(members: readonly Member[]): void {
    this.#peers.follow(members)
  }

  /** As `Peers` does. */
  end(node: NodeId, reason: OperatingError): void {
    this.#peers.end(node, reason)
  }

  /** As `Peers` does. */
  get connected(): readonly NodeId[] {
    return this.#peers.connected
  }

  /** Tells a member of tables and moves, or asks for what it knows. */
  tellRing(node: NodeId, told: Request<'peerRing'>, deliver: Deliver<Reply<'peerRing'>>): void {
    this.#peers.call(node, 'peerRing', told, deliver)
  }

  /** Tells a member of buckets, or asks what it knows of them. */
  tellBuckets(
    node: NodeId,
    told: Request<'peerBuckets'>,
    deliver: Deliver<Reply<'peerBuckets'>>,
  ): void {
    this.#peers.call(node, 'peerBuckets', told, deliver)
  }

  /** Tells a member of cluster keys, which may be sealed for the connection that takes them. */
  tellKeys(
    node: NodeId,
    make: (seal: KeySeal) => Request<'peerKeys'>,
    deliver: (answer: Answer<'peerKeys'>, seal: KeySeal | undefined) => void,
  ): void {
    const seal = this.#peers.sealOf(node)
    if (seal === undefined) return deliver(peerAway(node), undefined)
    this.#peers.call(node, 'peerKeys', make(seal), (answer) => deliver(answer, seal))
  }

  /** Asks for a step of moves. */
  move(node: NodeId, asked: MoveRequest, terms: Terms, deliver: Deliver<Reply<'peerMove'>>): void {
    const request = { ...asked, ring: terms.ring, deadlineMs: this.#msLeft(terms.deadline) }
    this.#peers.call(node, 'peerMove', request, deliver)
  }

  /** Asks for the next records of a pass over the member's log. */
  transfer(
    node: NodeId,
    asked: TransferRequest,
    terms: Terms,
    deliver: Deliver<Reply<'peerTransfer'>>,
  ): void {
    const request = { ...asked, ring: terms.ring, deadlineMs: this.#msLeft(terms.deadline) }
    this.#peers.call(node, 'peerTransfer', request, (answer) => {
      const isWrong = !isFailure(answer) && !isFurther(answer.next, asked.from)
      deliver(isWrong ? garbled('records') : answer)
    })
  }

  /** Tells a member about who is here. Delivers what it says at once. */
  gossip(node: NodeId, message: Message, deliver: Deliver<Reply<'peerGossip'>>): void {
    this.#peers.call(node, 'peerGossip', { message }, deliver)
  }

  readCopy(
    { node, digestOnly, isFallback: hints }: GetAsk,
    { name, bucketId }: CopyId,
    terms: Terms,
    deliver: (answer: CopyAnswer) => void,
    room?: Room,
  ): void {
    const { ring } = terms
    const deadlineMs = this.#msLeft(terms.deadline)
    const request = { name, bucketId, ring, digestOnly, deadlineMs, hints }
    const onAnswer = (answer: Answer<'peerRead'>): void => {
      const copy = copyAnswer(answer, digestOnly)
      const lie = copy.kind === 'object' ? this.lieIn(node, copy.object) : undefined
      deliver(lie === undefined ? copy : failedAnswer(lie))
    }
    this.#peers.call(node, 'peerRead', request, onAnswer, room)
  }

  /** Delivers undefined once the member holds the object, by default durably. */
  writeCopy(
    node: NodeId,
    { name, bucketId, place }: CopyId,
    object: Uint8Array,
    { ring, deadline, durability = Durability.always }: WriteTerms,
    deliver: (failure: OperatingError | undefined) => void,
  ): void {
    const deadlineMs = this.#msLeft(deadline)
    const request = { name, bucketId, ring, object, deadlineMs, place, durability }
    this.#peers.call(node, 'peerWrite', request, (answer) => {
      deliver(isFailure(answer) ? answer : undefined)
    })
  }

  /** Brings hints home. Delivers, once what was taken is durable, why which were refused. */
  bringHome(
    node: NodeId,
    hints: readonly PeerHint[],
    { ring, deadline }: Terms,
    deliver: Deliver<HintRefusals>,
  ): void {
    const request = { ring, hints, deadlineMs: this.#msLeft(deadline) }
    this.#peers.call(node, 'peerHints', request, (answer) => {
      if (isFailure(answer)) return deliver(answer)
      const { refusals } = answer
      deliver(refusals.length === hints.length ? refusals : garbled('hints'))
    })
  }

  /** Delivers the page, why the member failed, or `deadline-passed`. */
  scanRange(node: NodeId, range: KeyRange, terms: Terms, deliver: Deliver<CopiesPage>): void {
    const deadlineMs = this.#msLeft(terms.deadline)
    const timer = this.#clock.after(deadlineMs, () =>
      deliver(new OperatingError('deadline-passed', 'a member did not answer a scan in time')),
    )
    this.#peers.call(node, 'peerRange', { ...range, ring: terms.ring, deadlineMs }, (answer) => {
      timer.cancel()
      deliver(answer)
    })
  }

  /** Delivers those of the branches that have another sum at the member. */
  compareTrees(
    node: NodeId,
    { n, bits, sums }: TreePart,
    terms: Terms,
    deliver: Deliver<readonly Branch[]>,
  ): void {
    const { ring } = terms
    const deadlineMs = this.#msLeft(terms.deadline)
    const request = { ring, n, leafBits: TREE_LEAF_BITS, bits, sums, deadlineMs }
    this.#peers.call(node, 'peerTree', request, (answer) => {
      if (isFailure(answer)) return deliver(answer)
      const asked = new Set(sums.map(({ branch }) => branch))
      const isWrong = answer.differing.some((branch) => !asked.delete(branch))
      deliver(isWrong ? garbled('branches') : answer.differing)
    })
  }

  /** Delivers a page of the member's keys below leaves. */
  leafKeys(
    node: NodeId,
    { n, leaves, from }: Leaves,
    terms: Terms,
    deliver: Deliver<LeafKeys>,
  ): void {
    const { ring } = terms
    const deadlineMs = this.#msLeft(terms.deadline)
    const request = { ring, n, leafBits: TREE_LEAF_BITS, leaves, from, deadlineMs }
    this.#peers.call(node, 'peerLeaves', request, (answer) => {
      if (isFailure(answer)) return deliver(answer)
      const asked = new Set(leaves)
      if (answer.entries.some(({ token }) => !asked.has(leafOf(token)))) {
        return deliver(garbled('keys'))
      }
      const entries = answer.entries.map(({ token, name, bucketId, digest }) => {
        return { place: OWN, bucketId, token, name, digest }
      })
      return deliver({ entries, next: answer.next })
    })
  }

  /** Delivers what the member carries of the first of these keys, at least of one. */
  objects(
    node: NodeId,
    copies: readonly CopyId[],
    { ring, deadline }: Terms,
    deliver: Deliver<ObjectsAnswer>,
  ): void {
    const keys = copies.map(({ name, bucketId }) => ({ name, bucketId }))
    const request = { ring, keys, deadlineMs: this.#msLeft(deadline) }
    this.#peers.call(node, 'peerObjects', request, (answer) => {
      const isWrong =
        !isFailure(answer) && (answer.objects.length === 0 || answer.objects.length > copies.length)
      deliver(isWrong ? garbled('objects') : answer)
    })
  }

  /** Delivers where the member stands in rounds; `known`: the round whose floor is known here. */
  rounds(
    node: NodeId,
    known: RoundFloor,
    withClosing: boolean,
    { ring, deadline }: Terms,
    deliver: Deliver<RoundsAnswer>,
  ): void {
    const deadlineMs = this.#msLeft(deadline)
    const request = { ring, known: known.number, withClosing, deadlineMs }
    const before = this.#lies.toldBy(node)
    this.#peers.call(node, 'peerRounds', request, (answer) => {
      if (isFailure(answer)) return deliver(answer)
      const { start, adopted, closing } = answer
      const lie =
        this.#lies.inRound(node, before, { start, round: adopted.number }) ??
        this.#lies.inFloor(node, adopted.floor) ??
        this.#lies.inFloor(node, closing)
      if (lie !== undefined) return deliver(this.#end(node, lie))
      deliver({ ...answer, adopted: adopted.number === known.number ? known : adopted })
    })
  }

  openRound(
    node: NodeId,
    round: Pick<Request<'peerOpenRound'>, 'number' | 'last'>,
    { ring, deadline }: Terms,
    deliver: Deliver<Reply<'peerOpenRound'>>,
  ): void {
    const request = { ...round, ring, deadlineMs: this.#msLeft(deadline) }
    this.#peers.call(node, 'peerOpenRound', request, deliver)
  }

  stepRound(
    node: NodeId,
    step: RoundStepRequest,
    { ring, deadline }: Terms,
    deliver: Deliver<Reply<'peerStepRound'>>,
  ): void {
    const request = { ...step, ring, deadlineMs: this.#msLeft(deadline) }
    this.#peers.call(node, 'peerStepRound', request, deliver)
  }

  /**
   * Asks whether ranges may go, of keys whose copies have these digests here; or says that all
   * owners have agreed.
   */
  ranges(
    node: NodeId,
    asked: Pick<Request<'peerRanges'>, 'round' | 'keys' | 'agreed'>,
    { ring, deadline }: Terms,
    deliver: Deliver<Reply<'peerRanges'>>,
  ): void {
    const request = { ...asked, ring, deadlineMs: this.#msLeft(deadline) }
    this.#peers.call(node, 'peerRanges', request, (answer) => {
      const isWrong = !isFailure(answer) && answer.areAlike.length !== asked.keys.length
      const sentence = 'a member answered for other keys than were asked for'
      deliver(isWrong ? new OperatingError('message-garbled', sentence) : answer)
    })
  }

  /** Gives a client's put to an owner of its key. Delivers what it achieved there. */
  handOn(node: NodeId, put: KnownPut, terms: Terms, deliver: Deliver<Achieved>): void {
    const { name, bucketId, isRepeat, strict, value, contexts, w } = put
    const requestId = requestIdBytes(put.requestId)
    const deadlineMs = this.#msLeft(terms.deadline)
    const { ring } = terms
    const id = { name, bucketId, ring, requestId, isRepeat }
    const request = { ...id, strict, value, contexts, w, deadlineMs }
    this.#peers.call(node, 'peerPut', request, deliver)
  }

  /** Delivers all that a member has of a key once it is durable there, and where it stands. */
  copiesOf(
    node: NodeId,
    { name, bucketId }: CopyId,
    terms: Terms,
    deliver: Deliver<ToldKey>,
  ): void {
    const request = { name, bucketId, ring: terms.ring, deadlineMs: this.#msLeft(terms.deadline) }
    this.#peers.call(node, 'peerCopies', request, deliver)
  }

  /** Ends the connection to a member that gave this object, and returns why, if it lies. */
  lieIn(node: NodeId, object: VersionedObject): OperatingError | undefined {
    const lie = this.#lies.inObject(node, object)
    return lie === undefined ? undefined : this.#end(node, lie)
  }

  #end(node: NodeId, lie: OperatingError): OperatingError {
    this.#peers.end(node, lie)
    return lie
  }

  /** At least 1: on the wire 0 leaves the deadline to the receiver. */
  #msLeft(deadline: number): number {
    return Math.max(1, Math.floor(deadline - this.#clock.now()))
  }
}

function garbled(what: string): OperatingError {
  const sentence = `a member answered with other ${what} than were asked for`
  return new OperatingError('message-garbled', sentence)
}

function copyAnswer(answer: Answer<'peerRead'>, digestOnly: boolean): CopyAnswer {
  if (isFailure(answer)) return failedAnswer(answer)
  const { isFound, object, digest } = answer
  if (!isFound) return ABSENT
  return digestOnly ? { kind: 'digest', digest } : objectAnswer(object, digest)
}
