/**
 * Requests of other members: from the wire's message to this member's copies, and back.
 *
 * A request that names other owners of its keys than are known here is refused. A write that waits
 * for earlier steps on its key is dropped once its deadline has passed; that deadline counts from
 * the arrival of its first bytes.
 *
 * Reads and writes are parts of clients' requests, and measured as such. Questions of exchanges are
 * background work, and answered at its pace.
 */
import { assert } from '../../base/assert.ts'
import { Durability } from '../../dynamo/buckets/bucket-record.ts'
import { type Digest, tokenOf } from '../../native/digest.ts'
import { type CopyId, OWN } from '../../dynamo/names.ts'
import { equalU64, u64 } from '../../base/u64.ts'
import { isFailure, perform } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import { type Branch, TREE_LEAF_BITS } from '../../dynamo/repair/branches.ts'
import type { RingDigest } from '../../dynamo/ring/ring.ts'
import { requestIdOf } from '../../dynamo/version/request-id.ts'
import { decodeObject } from '../../dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import type { IncomingCall, IncomingCallOf, Session } from '../../wire/session.ts'
import { memberGone } from '../cluster/kept-members.ts'
import { whenHeld } from '../replica/durable.ts'
import { answering } from './answering.ts'
import { topologyReply } from './cluster-replies.ts'
import type { PeerRequestsDependencies } from './peer-requests-dependencies.ts'

type Keyed = Pick<CopyId, 'bucketId'>

/** Any call, as far as refusing it goes. */
type Failing = Pick<IncomingCall, 'fail'>

/** One that names the owners that its sender knows. */
interface Naming extends Failing {
  readonly request: { readonly ring: RingDigest }
}

const NO_BYTES = new Uint8Array(0)
const WRITTEN = {}
const ABSENT = { isFound: false, object: NO_BYTES, digest: u64<Digest>(0, 0) } as const

export class PeerRequests {
  readonly #node: PeerRequestsDependencies

  constructor(dependencies: PeerRequestsDependencies) {
    this.#node = dependencies
  }

  onCall(call: IncomingCall, session: Session): void {
    if (call.kind === 'peerGossip') return this.#gossip(call, session)
    if (session.node !== undefined && this.#node.membership.isGone(session.node)) {
      throw memberGone(`node ${session.node}`)
    }
    switch (call.kind) {
      case 'peerRing':
        return call.answer(this.#node.rings.hear(session.node, call.request))
      case 'peerKeys':
        return this.#keys(call, session)
      case 'peerMove':
        return this.#node.moves.onCall(call, session)
      case 'peerBuckets':
        return perform(() => this.#node.buckets.hear(call.request), answering(call))
      case 'peerTransfer':
        return this.#node.transfers.onCall(call, session)
      case 'peerRead':
        return this.#read(call, session)
      case 'peerWrite':
        return this.#write(call, session)
      case 'peerHints':
        return this.#takeHints(call, session)
      case 'peerPut':
        return this.#put(call, session)
      case 'peerCopies':
        return this.#copies(call, session)
      case 'peerRange':
        return this.#scan(call, session)
      case 'peerTree':
        return this.#compareTree(call, session)
      case 'peerLeaves':
        return this.#listLeaves(call, session)
      case 'peerRounds':
        return this.#node.rounds.onCall(call)
      case 'peerObjects':
        if (!this.#ownsOther(call, session, tokens(call.request.keys)))
          this.#node.rounds.onCall(call)
        return
      case 'peerRanges':
        if (!this.#ownsOther(call, session, tokens(call.request.keys.map(({ key }) => key))))
          this.#node.rounds.onCall(call)
        return
      case 'peerOpenRound':
        if (!this.#differs(call, session, this.#node.topology.stages.digest))
          this.#node.rounds.onCall(call)
        return
      case 'peerStepRound':
        return this.#stepRound(call, session)
      case 'peerJoin':
        return this.#node.joins.join(call, session)
      case 'topology':
        return call.answer(topologyReply(this.#node.topology))
      default:
        throw new OperatingError('kind-unknown', `members may not ask ${call.kind}`)
    }
  }

  #gossip(call: IncomingCallOf<'peerGossip'>, session: Session): void {
    const { node } = session
    if (node === undefined) throw new OperatingError('kind-unknown', 'members alone send gossip')
    const { replies, lie } = this.#node.membership.hear(node, call.request.message)
    if (lie === undefined) call.answer({ messages: replies })
    else this.#end(call, session, lie)
  }

  /** Of a member, on a connection on which it has proved a key. */
  #keys(call: IncomingCallOf<'peerKeys'>, { node, seal }: Session): void {
    assert(node !== undefined && seal !== undefined, 'members alone ask it')
    call.answer(this.#node.clusterKeys.hear(node, call.request, seal))
  }

  #read(call: IncomingCallOf<'peerRead'>, session: Session): void {
    const { request, token } = call
    const { replica, counters } = this.#node
    const { name, bucketId } = request
    const copy = { place: OWN, bucketId, token, name }
    counters.peerReads += 1
    if (this.#keyDiffers(call, session)) return
    const beganMs = this.#node.clock.now()
    if (request.digestOnly && !request.hints) {
      perform(
        () => replica.digest(copy),
        (digest) => {
          this.#endPart(beganMs)
          if (isFailure(digest)) this.#fail(call, digest)
          else if (digest === undefined) call.answer(ABSENT)
          else call.answer({ isFound: true, object: NO_BYTES, digest })
        },
      )
      return
    }
    const { hints, digestOnly } = request
    perform(
      () => (hints ? replica.readHints(copy, call.room) : replica.read(copy, call.room)),
      (found) => {
        this.#endPart(beganMs)
        if (isFailure(found)) this.#fail(call, found)
        else if (found === undefined) call.answer(ABSENT)
        else
          call.answer({
            isFound: true,
            object: digestOnly ? NO_BYTES : found.object,
            digest: found.digest,
          })
      },
    )
  }

  /** Answers once the merged copy counts, as the sender says. */
  #write(call: IncomingCallOf<'peerWrite'>, session: Session): void {
    const { request, token, deadline } = call
    const { replica, counters } = this.#node
    const { name, bucketId, place, durability } = request
    const copy = { place, bucketId, token, name }
    if (this.#keyDiffers(call, session) || this.#isWrongHint(call)) return
    if (place === OWN) counters.peerWrites += 1
    else counters.hintsTaken += 1
    const object = decodeObject(request.object)
    if (object === undefined) {
      const sentence = 'the object is not encoded as objects are'
      this.#fail(call, new OperatingError('message-garbled', sentence))
      return
    }
    const lie = session.node && this.#node.lies.inObject(session.node, object)
    if (lie !== undefined) return this.#end(call, session, lie)
    const beganMs = this.#node.clock.now()
    perform(
      () => replica.merge(copy, object, 'sent', deadline),
      (sequence) => {
        if (isFailure(sequence)) return this.#fail(call, sequence)
        return whenHeld(replica, sequence, durability ?? Durability.always, (error) => {
          this.#endPart(beganMs)
          if (error === undefined) call.answer(WRITTEN)
          else this.#fail(call, error)
        })
      },
    )
  }

  #endPart(beganMs: number): void {
    this.#node.counters.foreground.onPart(this.#node.clock.now() - beganMs)
  }

  /** A hint is for another member: to any other node it would never be delivered. */
  #isWrongHint(call: IncomingCallOf<'peerWrite'>): boolean {
    const { request, token } = call
    const { place, bucketId } = request
    const { lists, self } = this.#node.topology
    if (place === OWN) return false
    const owners = lists.of(token, bucketId.n).ownerIds
    if (place !== self.id && owners.includes(place)) return false
    const member = place === self.id ? 'this node itself' : 'a node that does not own the key'
    this.#fail(
      call,
      new OperatingError('hint-wrong', `the hint is for ${member}: correct the sender`),
    )
    return true
  }

  /** Answers once all that was taken is durable. Not paced: the sender rests after each answer. */
  #takeHints(call: IncomingCallOf<'peerHints'>, session: Session): void {
    const { request, deadline } = call
    const { hintsHome, counters, lies } = this.#node
    const { hints } = request
    if (this.#ownsOther(call, session, tokens(hints))) return
    counters.peerWrites += hints.length
    counters.hintsReceived += hints.length
    const lieIn = (object: VersionedObject): OperatingError | undefined => {
      return session.node && lies.inObject(session.node, object)
    }
    hintsHome.take({ hints, deadline, lieIn }, (refusals) => {
      if (!isFailure(refusals)) call.answer({ refusals })
      else if (refusals.code === 'peer-lies') this.#end(call, session, refusals)
      else this.#fail(call, refusals)
    })
  }

  #put(call: IncomingCallOf<'peerPut'>, session: Session): void {
    const { request, token, deadline } = call
    if (this.#keyDiffers(call, session)) return
    const { name, bucketId, isRepeat, strict, value, contexts, w } = request
    const requestId = requestIdOf(request.requestId)
    const id = { name, bucketId, token, requestId, isRepeat }
    const put = { ...id, strict, value, contexts, w, deadline }
    this.#node.coordinator.putHandedOn(put, (result) => {
      if (isFailure(result)) call.fail(result)
      else call.answer(result)
    })
  }

  #copies(call: IncomingCallOf<'peerCopies'>, session: Session): void {
    const { request, token } = call
    if (this.#keyDiffers(call, session)) return
    const { name, bucketId } = request
    perform(
      () => this.#node.teller.tell({ place: OWN, bucketId, token, name }),
      (told) => {
        if (isFailure(told)) this.#fail(call, told)
        else call.answer(told)
      },
    )
  }

  #scan(call: IncomingCallOf<'peerRange'>, session: Session): void {
    const { request } = call
    if (this.#differs(call, session, this.#node.topology.lists.digestOfRange(request))) return
    perform(
      () => this.#node.replica.scan(request),
      (page) => {
        if (isFailure(page)) this.#fail(call, page)
        else call.answer(page)
      },
    )
  }

  #compareTree(call: IncomingCallOf<'peerTree'>, session: Session): void {
    const { leafBits, n, bits, sums } = call.request
    const { trees } = this.#node
    const branches = sums.map(({ branch }) => branch)
    if (this.#hasOtherLeaves(call, leafBits)) return
    if (this.#branchesDiffer(call, session, { bits, branches, n })) return
    if (!trees.isBuilt) {
      const sentence = 'this node still reads its copies: compare trees with it later'
      return this.#fail(call, new OperatingError('replica-rebuilding', sentence))
    }
    const beganMs = this.#node.clock.now()
    const differing = sums.filter((one) => !equalU64(trees.sum(n, bits, one.branch), one.sum))
    const reply = { differing: differing.map(({ branch }) => branch) }
    this.#node.pacing.answer(beganMs, () => call.answer(reply))
  }

  #listLeaves(call: IncomingCallOf<'peerLeaves'>, session: Session): void {
    const { leafBits, n, leaves, from } = call.request
    if (this.#hasOtherLeaves(call, leafBits)) return
    if (this.#branchesDiffer(call, session, { bits: TREE_LEAF_BITS, branches: leaves, n })) return
    const beganMs = this.#node.clock.now()
    perform(
      () => this.#node.replica.leafKeys({ n, leaves, from }),
      (page) => {
        if (isFailure(page)) this.#fail(call, page)
        else this.#node.pacing.answer(beganMs, () => call.answer(page))
      },
    )
  }

  #stepRound(call: IncomingCallOf<'peerStepRound'>, session: Session): void {
    const { floor } = call.request
    if (this.#differs(call, session, this.#node.topology.stages.digest)) return
    const lie = session.node && floor && this.#node.lies.inFloor(session.node, floor.floor)
    if (lie === undefined) this.#node.rounds.onCall(call)
    else this.#end(call, session, lie)
  }

  #hasOtherLeaves(call: Failing, leafBits: number): boolean {
    if (leafBits === TREE_LEAF_BITS) return false
    const sentence = `trees here have leaves of ${TREE_LEAF_BITS} bits: give all nodes one version`
    this.#fail(call, new OperatingError('ring-differs', sentence))
    return true
  }

  /** The sender knows other owners of the key. */
  #keyDiffers(
    call: IncomingCallOf<'peerRead' | 'peerWrite' | 'peerPut' | 'peerCopies'>,
    session: Session,
  ): boolean {
    const { lists } = this.#node.topology
    if (this.#isNotServed(call, session, [call.request])) return true
    return this.#differs(call, session, lists.of(call.token, call.request.bucketId.n).digest)
  }

  /** Or of one of these keys. */
  #ownsOther(
    call: IncomingCallOf<'peerHints' | 'peerObjects' | 'peerRanges'>,
    session: Session,
    keys: readonly Pick<CopyId, 'token' | 'bucketId'>[],
  ): boolean {
    if (this.#isNotServed(call, session, keys)) return true
    return this.#differs(call, session, this.#node.topology.digestOfKeys(keys))
  }

  /** This node has not heard that an N is in use: a newer table might not know of the write. */
  #isNotServed(call: Failing, { node }: Session, keys: readonly Keyed[]): boolean {
    const { topology, rings } = this.#node
    if (keys.every(({ bucketId }) => topology.serves(bucketId))) return false
    if (node !== undefined) rings.onDiffers(node)
    const sentence = 'the bucket has an N that this node does not serve yet: it hears of that now'
    this.#fail(call, new OperatingError('ring-differs', sentence))
    return true
  }

  /** Or of the partitions of one of these branches. */
  #branchesDiffer(
    call: IncomingCallOf<'peerTree' | 'peerLeaves'>,
    session: Session,
    { bits, branches, n }: { bits: number; branches: readonly Branch[]; n: number },
  ): boolean {
    return this.#differs(call, session, this.#node.topology.digestOfBranches(bits, branches, n))
  }

  /** The one of the two that is behind will know better soon. */
  #differs(call: Naming, { node }: Session, here: RingDigest): boolean {
    if (equalU64(call.request.ring, here)) return false
    if (node !== undefined) this.#node.rings.onDiffers(node)
    const sentence = 'sender and receiver know different owners: the older one learns them now'
    this.#fail(call, new OperatingError('ring-differs', sentence))
    return true
  }

  /** The other member lies: nothing that it says counts any more. */
  #end(call: Failing, session: Session, lie: OperatingError): void {
    this.#fail(call, lie)
    session.end(lie)
  }

  #fail(call: Failing, error: OperatingError): void {
    this.#node.counters.countFailure(error)
    call.fail(error)
  }
}

function tokens(
  keys: readonly Pick<CopyId, 'name' | 'bucketId'>[],
): readonly Pick<CopyId, 'token' | 'bucketId'>[] {
  return keys.map(({ name, bucketId }) => ({ token: tokenOf(name.bucket, name.key), bucketId }))
}
