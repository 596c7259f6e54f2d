/**
 * This member's copies: reads one, merges an object of a peer, adds a client's write.
 *
 * Invariants:
 *   - Find, merge and append of one key are one step; steps of a key run one after another, those
 *     of clients and of peers alike (`key-steps.ts`).
 *   - A step sees appends that are not durable yet; acknowledgements wait for the sync of the
 *     merged record.
 *   - A rotten copy is no copy: a read of it fails instead of finding nothing, and a write waits
 *     until it is mended (`background/mender.ts`). Mending it draws a new start.
 *   - While the node is not whole (`own-standing.ts`), writes are taken and reads fail.
 *   - A step whose deadline has passed when its turn comes is dropped.
 */
import type { MaybePromise } from '../../base/deliver.ts'
import { assert } from '../../base/assert.ts'
import { isOperatingError, OperatingError } from '../../base/errors.ts'
import type { Room } from '../../base/room.ts'
import { type CopyId, isOwn, type NodeId, type Start } from '../../dynamo/names.ts'
import type { Delivery } from '../../dynamo/handoff/delivery.ts'
import { merge } from '../../dynamo/version/merge.ts'
import { decodeNote, encodeNote } from '../../dynamo/version/note.ts'
import { decodeObject, encodeObject, objectDigest } from '../../dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import { put, type PutOutcome, type PutRequest } from '../../dynamo/version/put.ts'
import type { Digest } from '../../native/digest.ts'
import type { Engine, Stored } from '../../store/engine.ts'
import type { Clock } from '../../world/clock.ts'
import type { Entropy } from '../../world/entropy.ts'
import type { Trace } from '../../world/trace.ts'
import type { Counters } from '../counters.ts'
import type { OutlinedCopy } from '../requests.ts'
import { copiesIn, type CopiesPage, type KeyRange } from './copies.ts'
import { entryOf, erasureOf } from './entry.ts'
import { isFreeing } from './freeing.ts'
import type { Hints } from './hints.ts'
import { KeySteps } from './key-steps.ts'
import { type LeafKeys, leafKeys, type Leaves } from './leaf-keys.ts'
import { OwnDots } from './own-dots.ts'
import { RememberedRequests } from './remembered.ts'
import { isRot, rottenOr } from './rot.ts'
import type { Trees } from './trees.ts'

/** A copy as it is read: the bytes, and how to tell them from another replica's. */
export interface Copy {
  /** Encoded. */
  readonly object: Uint8Array
  readonly digest: Digest
}

/** One client's write. */
export type ClientWrite = Pick<PutRequest, 'requestId' | 'isRepeat' | 'value' | 'seen'>

/** A write that was done here: the object to send to the other owners, the append to wait for. */
export interface LocalWrite {
  readonly outcome: Exclude<PutOutcome, { kind: 'start-spent' }>
  /** Encoded; empty after a refusal. */
  readonly object: Uint8Array
  /** The object is held once the log is durable up to here. */
  readonly sequence: number
}

/** The present copy when a step begins. */
interface Held {
  readonly object: VersionedObject | undefined
  readonly stored: Stored | undefined
  /** A record is there and is damaged. */
  readonly isRotten: boolean
}

const NO_NOTE = new Uint8Array(0)
const FREEING = { mayUseReserve: true }
const NOTHING_HELD: Held = { object: undefined, stored: undefined, isRotten: false }
const ROTTEN: Held = { ...NOTHING_HELD, isRotten: true }

export interface ReplicaDependencies {
  readonly engine: Engine
  readonly node: NodeId
  /** 16 bytes, the cluster's: see `digestKeyOf`. */
  readonly digestKey: Uint8Array
  readonly clock: Clock
  readonly entropy: Entropy
  readonly trace: Trace
  readonly counters: Counters
  /** Whether all that this node acknowledged is here. */
  readonly isWhole: () => boolean
  readonly hints: Hints
  readonly trees: Trees
  /** Mends a rotten copy from the other owners; false where that did not succeed. */
  readonly mend: (copy: CopyId) => Promise<boolean>
}

export class Replica {
  readonly #node: ReplicaDependencies
  readonly #steps = new KeySteps()
  /** Recent writes here, by request: a retry may find its sibling replaced. */
  readonly #remembered = new RememberedRequests()
  readonly #dots: OwnDots
  #lastSequence = 0
  #isClosed = false

  constructor(dependencies: ReplicaDependencies) {
    this.#node = dependencies
    this.#dots = new OwnDots(dependencies.entropy)
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

  get rememberedRequests(): number {
    return this.#remembered.size
  }

  get start(): Start {
    return this.#dots.start
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
    return this.#reportingRot(copy, () => this.#engine.get(copy, room))
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
    await this.#engine.synced(this.#lastSequence)
    return outlines
  }

  /** Fails as `read` does. */
  digest(copy: CopyId): MaybePromise<Digest | undefined> {
    return this.#reportingRot(copy, () => this.#engine.digest(copy))
  }

  /** What was acknowledged here and is not back yet would be answered with "nothing here". */
  #requireWhole(): void {
    if (this.#node.isWhole()) return
    throw new OperatingError(
      'replica-rebuilding',
      'this node has not got back yet what its disk held; ask another',
    )
  }

  #reportingRot<T>(copy: CopyId, ask: () => MaybePromise<T>): MaybePromise<T> {
    const onError = (error: unknown): never => {
      if (isRot(error)) void this.#node.mend(copy)
      throw error
    }
    try {
      if (isOwn(copy)) this.#requireWhole()
      const found = ask()
      return found instanceof Promise ? found.catch(onError) : found
    } catch (error) {
      return onError(error)
    }
  }

  /** This member's copies in a range: a page of them. */
  async scan(range: KeyRange): Promise<CopiesPage> {
    this.#requireWhole()
    return copiesIn(this.#engine, range)
  }

  /** This member's keys below leaves of a tree: a page of them. */
  async leafKeys(leaves: Leaves): Promise<LeafKeys> {
    this.#requireWhole()
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
   * is acknowledged. Fails with `deadline-passed`, `object-too-large`, `record-rotten`, or what the
   * engine says.
   */
  merge(copy: CopyId, incoming: VersionedObject, deadline: number): MaybePromise<number> {
    return this.#stepOnSound(copy, deadline, (held) => this.#merge(copy, held, incoming))
  }

  #merge(copy: CopyId, held: Held, incoming: VersionedObject): number {
    const merged = held.object === undefined ? incoming : merge(held.object, incoming)
    this.#node.hints.onAccepted(copy)
    if (merged === held.object) return this.#lastSequence
    return this.#append(copy, held, merged, held.stored?.note ?? NO_NOTE).sequence
  }

  /**
   * Replaces a rotten copy with `found`, which other owners hold; erases it where that is nothing.
   * Merges where a sound copy was written meanwhile. Returns the sequence to wait for.
   */
  mend(copy: CopyId, found: VersionedObject | undefined): MaybePromise<number> {
    return this.#step(copy, Number.POSITIVE_INFINITY, (held) => {
      if (held.isRotten) this.drawNewStart('rot')
      if (found !== undefined) return this.#merge(copy, held, found)
      if (!held.isRotten) return this.#lastSequence
      this.#lastSequence = this.#engine.append([erasureOf(copy)], FREEING)
      this.#node.trees.onMended(copy, undefined)
      return this.#lastSequence
    })
  }

  /**
   * Removes a hint that its targets hold, unless its place has accepted anything since the delivery
   * began. Returns the sequence to wait for; undefined where the hint stays, or is gone already.
   */
  removeHint(copy: CopyId, delivery: Delivery): MaybePromise<number | undefined> {
    const nothing = (): undefined => undefined
    return this.#steps.run(copy, nothing, () => {
      if (!delivery.mayGo) return undefined
      this.#lastSequence = this.#engine.append([erasureOf(copy)], FREEING)
      delivery.onGone()
      return this.#lastSequence
    })
  }

  /** The sequence of the newest append. */
  get lastSequence(): number {
    return this.#lastSequence
  }

  /**
   * Adds a client's write to the copy here, with a new dot. Fails with `deadline-passed`,
   * `record-rotten`, or what the engine says.
   */
  write(copy: CopyId, request: ClientWrite, deadline: number): MaybePromise<LocalWrite> {
    return this.#stepOnSound(copy, deadline, (held) => this.#write(copy, held, request))
  }

  #write(copy: CopyId, held: Held, request: ClientWrite): LocalWrite {
    this.#node.hints.onAccepted(copy)
    const dot = this.#remembered.replaced(request.requestId, held.object)
    if (dot !== undefined) return this.#unchanged({ kind: 'replaced', dot }, held)
    const before = held.stored === undefined ? undefined : decodeNote(held.stored.note)
    const { requestId, isRepeat, value, seen } = request
    for (;;) {
      const outcome = put(held.object, before, {
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
          const written = this.#append(copy, held, outcome.object, encodeNote(outcome.note))
          this.#remembered.add(requestId, outcome.dot)
          return { outcome, ...written }
        }
      }
    }
  }

  #unchanged(outcome: LocalWrite['outcome'], held: Held): LocalWrite {
    assert(held.stored !== undefined, 'a request that was written before has a copy here')
    return { outcome, object: held.stored.object, sequence: this.#lastSequence }
  }

  /** Gives dots of a new start from now on, so that no dot is given twice (docs/design.md 3.1). */
  drawNewStart(reason: string): void {
    this.#dots.drawNewStart()
    this.#node.counters.newStarts += 1
    this.#node.trace.record('new-start-drawn', { reason })
  }

  #append(
    copy: CopyId,
    held: Held,
    object: VersionedObject,
    note: Uint8Array,
  ): Pick<LocalWrite, 'object' | 'sequence'> {
    const bytes = encodeObject(object)
    if (bytes === undefined) throw tooLarge()
    const entry = entryOf(copy, bytes, note, this.#node.digestKey)
    const mayUseReserve = isFreeing(held, object, bytes.length)
    this.#node.hints.admit(copy, bytes.length - (held.stored?.object.length ?? 0))
    this.#lastSequence = this.#engine.append([entry], { mayUseReserve })
    if (held.isRotten) this.#node.trees.onMended(copy, entry.digest)
    else this.#node.trees.onReplaced(copy, held.stored?.digest, entry.digest)
    return { object: bytes, sequence: this.#lastSequence }
  }

  /** Runs `step` on the present copy; mends it first if it has rotted. */
  #stepOnSound<T>(copy: CopyId, deadline: number, step: (held: Held) => T): MaybePromise<T> {
    const tried = (): MaybePromise<T | typeof ROTTEN> =>
      this.#step(copy, deadline, (held) => (held.isRotten ? ROTTEN : step(held)))
    const mended = async (): Promise<T> => {
      const result = (await this.#node.mend(copy)) ? await tried() : ROTTEN
      if (result !== ROTTEN) return result as T
      throw new OperatingError(
        'record-rotten',
        'the copy here has rotted and cannot be mended now: write through another owner',
      )
    }
    const result = tried()
    if (!(result instanceof Promise)) return result === ROTTEN ? mended() : (result as T)
    return result.then((first) => (first === ROTTEN ? mended() : (first as T)))
  }

  /** Runs `step` on the present copy, after every earlier step on the same key. */
  #step<T>(copy: CopyId, deadline: number, step: (held: Held) => T): MaybePromise<T> {
    const find = (): MaybePromise<Stored | 'rotten' | undefined> => {
      this.#dropExpired(deadline)
      return this.#find(copy)
    }
    return this.#steps.run(copy, find, (found) => step(this.#held(found)))
  }

  /** The sender has given the step up: running it would delay work that is still wanted. */
  #dropExpired(deadline: number): void {
    const { clock, counters, trace } = this.#node
    if (clock.now() < deadline) return
    counters.expired += 1
    trace.record('work-expired')
    throw new OperatingError('deadline-passed', 'the deadline passed before the write began')
  }

  #find(copy: CopyId): MaybePromise<Stored | 'rotten' | undefined> {
    try {
      const found = this.#engine.get(copy)
      return found instanceof Promise ? found.catch(rottenOr) : found
    } catch (error) {
      return rottenOr(error)
    }
  }

  #held(found: Stored | 'rotten' | undefined): Held {
    if (found === undefined) return NOTHING_HELD
    if (found !== 'rotten') {
      const object = decodeObject(found.object)
      if (object !== undefined) return { object, stored: found, isRotten: false }
    }
    return ROTTEN
  }
}

function tooLarge(): OperatingError {
  return new OperatingError('object-too-large', 'no record can hold the siblings of this key')
}

function diskFailed(cause: unknown): OperatingError {
  return new OperatingError('disk-failed', 'the disk did not take the write', { cause })
}
