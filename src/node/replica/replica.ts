/**
 * This member's copies: reads one, merges an object of a peer, adds a client's write.
 *
 * Invariants:
 *   - Find, merge and append of one key are one step (`copy-steps.ts`). A step sees appends that
 *     are not durable yet; acknowledgements wait for the sync of the merged record.
 *   - A rotten copy is no copy: a read of it fails instead of finding nothing, and a write waits
 *     until it is mended (`background/mender.ts`). Mending it draws a new start.
 *   - While the node is not whole (`own-standing.ts`), writes are taken and reads fail.
 *   - It acknowledges and answers nothing as an owner that it is not, or while it hands its place
 *     over (`cluster/closings.ts`). The step that appends looks, or the read as it begins; a scan,
 *     which may read for long, as it ends too.
 */
import type { MaybePromise } from '../../base/deliver.ts'
import { assert } from '../../base/assert.ts'
import { isOperatingError, OperatingError } from '../../base/errors.ts'
import type { Room } from '../../base/room.ts'
import { type CopyId, isOwn, type Start } from '../../dynamo/names.ts'
import type { Delivery } from '../../dynamo/handoff/delivery.ts'
import { exchanged, joined } from '../../dynamo/repair/late.ts'
import type { RoundFloor } from '../../dynamo/repair/round.ts'
import { losersOf } from '../../dynamo/version/last-write.ts'
import { decodeNote, encodeNote } from '../../dynamo/version/note.ts'
import { encodeObject, objectDigest } from '../../dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import type { Range } from '../../dynamo/version/context.ts'
import { put, type PutOutcome, type PutRequest } from '../../dynamo/version/put.ts'
import type { Digest } from '../../native/digest.ts'
import type { Engine } from '../../store/engine.ts'
import type { OutlinedCopy } from '../requests.ts'
import { copiesIn, type CopiesPage, type KeyRange } from './copies.ts'
import { CopySteps, type Held, NOTHING_HELD } from './copy-steps.ts'
import { type Appended, CopyWriter, tooLarge } from './copy-writer.ts'
import type { Arrival } from './floors.ts'
import { type LeafKeys, leafKeys, type Leaves } from './leaf-keys.ts'
import { OwnDots } from './own-dots.ts'
import { RememberedRequests } from './remembered.ts'
import { diskFailed, handedOver } from './refusals.ts'
import type { ReplicaDependencies } from './replica-dependencies.ts'
import { isRot } from './rot.ts'

/** A copy as it is read: the bytes, and how to tell them from another replica's. */
export interface Copy {
  /** Encoded. */
  readonly object: Uint8Array
  readonly digest: Digest
}

/** One client's write. */
export type ClientWrite = Pick<PutRequest, 'requestId' | 'isRepeat' | 'value' | 'seen'>

/** A write that was done here: the object to send to the other owners (none after a refusal). */
export interface LocalWrite extends Appended {
  readonly outcome: Exclude<PutOutcome, { kind: 'start-spent' }>
}

const NEVER: number = Number.POSITIVE_INFINITY
const NO_NOTE = new Uint8Array(0)

export class Replica {
  readonly #node: ReplicaDependencies
  readonly #steps: CopySteps
  /** Recent writes here, by request: a retry may find its sibling replaced. */
  readonly #remembered: RememberedRequests
  readonly #dots: OwnDots
  readonly writer: CopyWriter
  /** Questions of exchanges for objects that are not answered: their answers may bring old ones. */
  objectsAwaited = 0
  #isClosed = false

  constructor(dependencies: ReplicaDependencies) {
    this.#node = dependencies
    this.#dots = new OwnDots(dependencies.entropy)
    this.#remembered = new RememberedRequests(dependencies.rememberMs)
    this.#steps = new CopySteps(dependencies, (copy) => this.#engine.get(copy))
    this.writer = new CopyWriter(dependencies)
  }

  /** Refuses everything from now on: the engine is about to close its files. */
  close(): void {
    this.#isClosed = true
  }

  /** Work that began before `close` may come back after it. */
  get #engine(): Engine {
    if (this.#isClosed)
      throw new OperatingError('node-stopping', 'this node is stopping; ask another')
    return this.#node.engine
  }

  /** Steps that wait for the one before them, at the key where most do. */
  get waitersOfKey(): number {
    return this.#steps.waitersOfKey
  }

  /** Whether any step is not done. */
  get hasSteps(): boolean {
    return this.#steps.hasAny
  }

  /** Whether a step on the copy is not done: what it has found may be older than what is here. */
  isBusy(copy: CopyId): boolean {
    return this.#steps.isBusy(copy)
  }

  get rememberedRequests(): number {
    return this.#remembered.size
  }

  get start(): Start {
    return this.#dots.start
  }

  /** Of the last dot that this start gave; 0: none. */
  get counter(): number {
    return this.#dots.counter
  }

  /** Whether a request that may be repeated has its dot in one of the ranges, or perhaps has. */
  isRemembered(ranges: readonly Range[]): boolean {
    return this.#remembered.liesIn(ranges, this.#node.clock.now())
  }

  /** Whether a deleted key stays, since a request may be repeated here or at another owner. */
  isKept(object: VersionedObject): boolean {
    return this.#remembered.keeps(object, this.#node.clock.now())
  }

  /** Whether all that this node acknowledged is here. */
  get isWhole(): boolean {
    return this.#node.isWhole()
  }

  /**
   * A copy here; a long one is read once `room` has memory for it. Fails with `record-rotten`; an
   * own one with `replica-rebuilding`.
   */
  read(copy: CopyId, room?: Room): MaybePromise<Copy | undefined> {
    if (isOwn(copy)) this.#requireReadable(copy)
    return this.readOwn(copy, room)
  }

  /**
   * All that is kept here of a key for other members, and as this member's own, together. Fails
   * with `record-rotten`, or `object-too-large` where no record could hold it.
   */
  async readHints(copy: CopyId, room?: Room): Promise<Copy | undefined> {
    const whole = await this.#node.hints.mergedAt(copy, (one) => this.#engine.get(one, room))
    if (whole === undefined) return undefined
    const bytes = encodeObject(whole)
    if (bytes === undefined) throw tooLarge()
    return { object: bytes, digest: objectDigest(this.#node.digestKey, bytes) }
  }

  /**
   * All that is here of a key, as outlines, once it is durable. Fails with `record-rotten`, with
   * `replica-rebuilding`, or as the disk does.
   */
  async copies(copy: CopyId): Promise<readonly OutlinedCopy[]> {
    this.#requireWhole()
    const outlines = await this.#node.hints.outlinesAt(copy, (one) => this.#engine.get(one))
    await this.#engine.synced(this.writer.lastSequence)
    return outlines
  }

  /** An own copy, also while this node is not whole. Fails with `record-rotten`. */
  readOwn(copy: CopyId, room?: Room): MaybePromise<Copy | undefined> {
    return this.#reportingRot(copy, () => this.#engine.get(copy, room))
  }

  /** The digest of an own copy, also while this node is not whole. Fails with `record-rotten`. */
  ownDigest(copy: CopyId): MaybePromise<Digest | undefined> {
    return this.#reportingRot(copy, () => this.#engine.digest(copy))
  }

  /** Fails as `read` does. */
  digest(copy: CopyId): MaybePromise<Digest | undefined> {
    if (isOwn(copy)) this.#requireReadable(copy)
    return this.ownDigest(copy)
  }

  /** What was acknowledged here and is not back yet would be answered with "nothing here". */
  #requireWhole(): void {
    if (this.#node.isWhole()) return
    throw new OperatingError(
      'replica-rebuilding',
      'this node has not got back yet what its disk held; ask another',
    )
  }

  #requireReadable(copy: CopyId): void {
    this.#requireWhole()
    this.#requireOpen(copy)
  }

  #requireOpen(copy: CopyId): void {
    if (!this.#node.isOpen(copy)) throw handedOver()
  }

  #reportingRot<T>(copy: CopyId, ask: () => MaybePromise<T>): MaybePromise<T> {
    const onError = (error: unknown): never => {
      if (isRot(error)) void this.#node.mend(copy)
      throw error
    }
    try {
      const found = ask()
      return found instanceof Promise ? found.catch(onError) : found
    } catch (error) {
      return onError(error)
    }
  }

  /** This member's copies in a range: a page of them. */
  async scan(range: KeyRange): Promise<CopiesPage> {
    this.#requireWhole()
    return copiesIn(this.#engine, range, this.#node.isOpenRange)
  }

  /** This member's keys below leaves of a tree: a page of them. */
  leafKeys(leaves: Leaves): Promise<LeafKeys> {
    return leafKeys(this.#engine, leaves)
  }

  /** Calls `done` when everything up to `sequence` is durable, or with the reason why not. */
  whenSynced(sequence: number, done: (error: OperatingError | undefined) => void): void {
    void this.#node.engine.synced(sequence).then(
      () => done(undefined),
      (error: unknown) => done(isOperatingError(error) ? error : diskFailed(error)),
    )
  }

  /**
   * Merges a peer's object into the copy here; returns the sequence to wait for before the object
   * is acknowledged. Fails with `deadline-passed`, `write-late`, `object-too-large`,
   * `record-rotten`, or what the engine says.
   */
  merge(
    copy: CopyId,
    incoming: VersionedObject,
    arrival: Arrival,
    deadline: number,
  ): MaybePromise<number> {
    return this.#steps.onSound(copy, deadline, (held) => this.#merge(copy, held, incoming, arrival))
  }

  #merge(copy: CopyId, held: Held, incoming: VersionedObject, arrival: Arrival): number {
    if (isOwn(copy) && arrival !== 'asked') this.#requireOpen(copy)
    const taken = this.#node.floors.admit(copy, arrival, incoming, held.object)
    this.#node.hints.onAccepted(copy)
    if (isOwn(copy) && arrival === 'sent') {
      this.#remembered.onSent(incoming, held.object, this.#node.clock.now())
    }
    const { policy } = copy.bucketId
    this.#node.counters.losers += losersOf(policy, held.object, taken)
    return this.#keep(copy, held, joined(policy, held.object, taken))
  }

  /** Makes `object` the copy here, where it is another. Returns the sequence to wait for. */
  #keep(copy: CopyId, held: Held, object: VersionedObject | undefined): number {
    if (object === held.object) return this.writer.lastSequence
    if (object === undefined) return this.writer.erase(copy, held)
    return this.writer.append(copy, held, object, held.stored?.note ?? NO_NOTE).sequence
  }

  /**
   * Takes what another owner of the round `theirs` carries of a key, as the rounds of both allow.
   * Whether the copy here has changed. Over a rotten copy only where this node is not whole: all
   * that it lost comes by exchanges then, and the new start begins them anew.
   */
  exchange(
    copy: CopyId,
    answer: VersionedObject | undefined,
    theirs: RoundFloor,
  ): MaybePromise<boolean> {
    const take = (held: Held): boolean => {
      const { object } = held
      const { policy } = copy.bucketId
      const taken = exchanged(policy, object, this.#node.floors.adopted, answer, theirs)
      if (taken === object) return false
      this.#node.counters.losers += losersOf(policy, object, answer)
      if (held.isRotten) this.drawNewStart('rot')
      this.#keep(copy, held, taken)
      return true
    }
    const { isWhole } = this
    return isWhole ? this.#steps.onSound(copy, NEVER, take) : this.#steps.on(copy, NEVER, take)
  }

  /**
   * Replaces the copy by what `change` makes of it; undefined: it goes. Returns the sequence to
   * wait for; undefined where nothing is here.
   */
  change(
    copy: CopyId,
    change: (object: VersionedObject) => VersionedObject | undefined,
  ): MaybePromise<number | undefined> {
    return this.#steps.onSound(copy, NEVER, (held) => {
      if (held.object === undefined) return undefined
      return this.#keep(copy, held, change(held.object))
    })
  }

  /**
   * Replaces a rotten copy with `found`, which other owners hold; erases it where that is nothing.
   * Merges where a sound copy was written meanwhile. Returns the sequence to wait for.
   */
  mend(copy: CopyId, found: VersionedObject | undefined): MaybePromise<number> {
    return this.#steps.on(copy, NEVER, (held) => {
      if (held.isRotten) this.drawNewStart('rot')
      if (found !== undefined) return this.#merge(copy, held, found, 'asked')
      return held.isRotten ? this.writer.erase(copy, held) : this.writer.lastSequence
    })
  }

  /**
   * Removes a hint that its targets hold, unless its place has accepted anything since the delivery
   * began. Returns the sequence to wait for; undefined where the hint stays, or is gone already.
   */
  removeHint(
    copy: CopyId,
    object: VersionedObject | undefined,
    delivery: Delivery,
  ): MaybePromise<number | undefined> {
    return this.#steps.unread(copy, () => {
      if (!delivery.mayGo) return undefined
      const sequence = this.writer.erase(copy, { ...NOTHING_HELD, object })
      delivery.onGone()
      return sequence
    })
  }

  /** Forgets all copies and hints: this disk is older than what others still know of. */
  dropAll(): Promise<void> {
    return this.writer.dropAll()
  }

  /** The sequence of the newest append. */
  get lastSequence(): number {
    return this.writer.lastSequence
  }

  /**
   * Adds a client's write to the copy here, with a new dot. Fails with `deadline-passed`,
   * `record-rotten`, or what the engine says.
   */
  write(copy: CopyId, request: ClientWrite, deadline: number): MaybePromise<LocalWrite> {
    return this.#steps.onSound(copy, deadline, (held) => this.#write(copy, held, request))
  }

  #write(copy: CopyId, held: Held, request: ClientWrite): LocalWrite {
    if (isOwn(copy)) this.#requireOpen(copy)
    this.#node.floors.requireClosed()
    this.#node.hints.onAccepted(copy)
    const dot = this.#remembered.replaced(request.requestId, held.object)
    if (dot !== undefined) return this.#unchanged({ kind: 'replaced', dot }, held)
    const before = held.stored === undefined ? undefined : decodeNote(held.stored.note)
    const { requestId, isRepeat, value, seen } = request
    for (;;) {
      const outcome = put(held.object, before, {
        policy: copy.bucketId.policy,
        node: this.#node.node,
        start: this.#dots.start,
        counter: this.#dots.nextCounter(),
        time: this.#node.clock.wallTime(),
        requestId,
        isRepeat,
        value,
        seen,
      })
      switch (outcome.kind) {
        case 'start-spent':
          this.drawNewStart('spent')
          continue
        case 'refused':
          return { outcome, object: NO_NOTE, sequence: 0 }
        case 'repeated':
        case 'replaced':
          return this.#unchanged(outcome, held)
        case 'written': {
          const written = this.writer.append(copy, held, outcome.object, encodeNote(outcome.note))
          this.#remembered.add(requestId, outcome.dot, this.#node.clock.now())
          this.#node.counters.losers += outcome.losers
          return { outcome, ...written }
        }
      }
    }
  }

  #unchanged(outcome: LocalWrite['outcome'], held: Held): LocalWrite {
    assert(held.stored !== undefined, 'a request that was written before has a copy here')
    return { outcome, object: held.stored.object, sequence: this.writer.lastSequence }
  }

  /** Gives dots of a new start from now on, so that no dot is given twice (docs/design.md 3.1). */
  drawNewStart(reason: string): void {
    this.#dots.drawNewStart()
    this.#node.counters.newStarts += 1
    this.#node.trace.record('new-start-drawn', { reason })
  }
}
