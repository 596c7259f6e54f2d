/**
 * This member's copies: read one, merge what a peer brings, add what a client writes.
 *
 * Invariants:
 *   - Read, merge and append of one key run one after another, whoever asks: where the copy is
 *     resident all three happen within one turn; where it must be waited for, the next on that key
 *     waits behind (docs/design.md 3.4).
 *   - Reads inside see appends that are not durable yet; acknowledgements wait for the sync of the
 *     merged record.
 *   - A copy that cannot be believed (rot) is no copy: a new start is drawn, what a peer brings
 *     replaces it, and a read of it fails rather than saying that nothing is there. Whoever mends
 *     such copies (`background/mender.ts`) is told of each.
 */
import type { MaybePromise } from '../../base/deliver.ts'
import { assert } from '../../base/assert.ts'
import { hexOf, latin1Of, U48_MAX } from '../../base/bytes.ts'
import { isOperatingError, OperatingError } from '../../base/errors.ts'
import { ID_BYTES, type KeyName, type NodeId, type Start } from '../../dynamo/names.ts'
import type { Context } from '../../dynamo/version/context.ts'
import { merge } from '../../dynamo/version/merge.ts'
import { decodeNote, encodeNote } from '../../dynamo/version/note.ts'
import { decodeObject, encodeObject, isStorable } from '../../dynamo/version/object-bytes.ts'
import type { RequestId, VersionedObject } from '../../dynamo/version/object.ts'
import { put, type PutOutcome } from '../../dynamo/version/put.ts'
import { REMEMBERED_REQUESTS_MAX, WAITERS_PER_KEY_MAX } from '../../limits.ts'
import { type Digest, sipHash64, type Token } from '../../native/digest.ts'
import type { Engine, ScanPage, ScanQuery, Stored } from '../../store/engine.ts'
import type { Entropy } from '../../world/entropy.ts'
import type { Trace } from '../../world/trace.ts'
import type { Counters } from '../report.ts'

/** A copy as it is read: the bytes, and how to tell them from another replica's. */
export interface Copy {
  /** Encoded. */
  readonly object: Uint8Array
  readonly digest: Digest
}

/** One client's write as its coordinator hands it over. */
export interface ClientWrite {
  readonly requestId: RequestId
  /** Undefined writes a tombstone. */
  readonly value: Uint8Array | undefined
  readonly seen: Context
}

/** What a write left here: what to send to the other owners, and what to wait for. */
export interface LocalWrite {
  readonly outcome: Exclude<PutOutcome, { kind: 'start-spent' }> | { readonly kind: 'remembered' }
  /** Encoded; empty after a refusal. */
  readonly object: Uint8Array
  /** Wait for this one to be durable before saying that it is held. */
  readonly sequence: number
}

/** What is held of a key when a step begins. */
interface Held {
  readonly object: VersionedObject | undefined
  readonly stored: Stored | undefined
  /** Something is there, and cannot be believed. */
  readonly isRotten: boolean
}

const NO_NOTE = new Uint8Array(0)
const NOTHING_HELD: Held = { object: undefined, stored: undefined, isRotten: false }
const ROTTEN: Held = { ...NOTHING_HELD, isRotten: true }

export interface ReplicaParts {
  readonly engine: Engine
  readonly node: NodeId
  /** 16 bytes, the cluster's: see `digestKeyOf`. */
  readonly digestKey: Uint8Array
  readonly entropy: Entropy
  readonly trace: Trace
  readonly counters: Counters
  /** A copy was asked for that cannot be believed. */
  readonly onRotten: (name: KeyName, token: Token) => void
}

export class Replica {
  readonly #parts: ReplicaParts
  /** Keys whose copy is being waited for, and who waits to be next. */
  readonly #busy = new Map<string, (() => void)[]>()
  /** Which requests were written here lately, and where: a retry may find its sibling replaced. */
  readonly #remembered = new Map<RequestId, Token>()
  #start: Start
  #counter = 0
  #lastSequence = 0
  #isClosed = false

  constructor(parts: ReplicaParts) {
    this.#parts = parts
    this.#start = this.#newStart()
  }

  /** From now on whoever asks is refused: the engine is about to let go of its files. */
  close(): void {
    this.#isClosed = true
  }

  /** Work that began before the end may come back for more after it. */
  get #engine(): Engine {
    if (this.#isClosed)
      throw new OperatingError('node-stopping', 'this node is stopping; ask another')
    return this.#parts.engine
  }

  /** Writes that wait for the one before them, at the key where most do. */
  get waitersOfKey(): number {
    let most = 0
    for (const waiters of this.#busy.values()) most = Math.max(most, waiters.length)
    return most
  }

  get rememberedRequests(): number {
    return this.#remembered.size
  }

  get start(): Start {
    return this.#start
  }

  /** This member's own copy. Fails with `record-rotten`. */
  read(name: KeyName, token: Token): MaybePromise<Copy | undefined> {
    return this.#tellingOfRot(name, token, () => this.#engine.get(token, name))
  }

  /** Fails with `record-rotten`. */
  digest(name: KeyName, token: Token): MaybePromise<Digest | undefined> {
    return this.#tellingOfRot(name, token, () => this.#engine.digest(token, name))
  }

  #tellingOfRot<T>(name: KeyName, token: Token, ask: () => MaybePromise<T>): MaybePromise<T> {
    const onError = (error: unknown): never => {
      if (isRot(error)) this.#parts.onRotten(name, token)
      throw error
    }
    try {
      const found = ask()
      return found instanceof Promise ? found.catch(onError) : found
    } catch (error) {
      return onError(error)
    }
  }

  /** This member's copies in a range of tokens. */
  scan(query: ScanQuery): Promise<ScanPage> {
    return this.#engine.scan(query)
  }

  /** Calls `done` when everything up to `sequence` is durable, or when that cannot be known. */
  whenSynced(sequence: number, done: (error: OperatingError | undefined) => void): void {
    void this.#parts.engine.synced(sequence).then(
      () => done(undefined),
      (error: unknown) => done(isOperatingError(error) ? error : diskFailed(error)),
    )
  }

  /** Merges what a peer holds into the copy here; the sequence to wait for before saying so. */
  merge(name: KeyName, token: Token, incoming: VersionedObject): MaybePromise<number> {
    return this.#serially(name, token, (held) => {
      const merged = held.object === undefined ? incoming : merge(held.object, incoming)
      if (merged === held.object) return this.#lastSequence
      if (!isStorable(merged)) throw tooLarge()
      return this.#append(name, token, merged, held.stored?.note ?? NO_NOTE).sequence
    })
  }

  /**
   * Puts what other owners hold in place of a copy that has rotted; where they hold nothing, the
   * copy goes. Merges where a sound copy has come in between. The sequence to wait for.
   */
  mend(name: KeyName, token: Token, found: VersionedObject | undefined): MaybePromise<number> {
    if (found !== undefined) return this.merge(name, token, found)
    return this.#serially(name, token, (held) => {
      if (!held.isRotten) return this.#lastSequence
      this.#lastSequence = this.#engine.append([{ kind: 'erasure', token, name }])
      return this.#lastSequence
    })
  }

  /** Adds a client's write to the copy here, with a new dot. */
  write(name: KeyName, token: Token, request: ClientWrite): MaybePromise<LocalWrite> {
    return this.#serially(name, token, (held) => this.#write(name, token, held, request))
  }

  #write(name: KeyName, token: Token, held: Held, request: ClientWrite): LocalWrite {
    const earlier = this.#remembered.get(request.requestId)
    if (held.object !== undefined && earlier?.hi === token.hi && earlier.lo === token.lo) {
      const isThere = held.object.siblings.some((s) => s.requestId === request.requestId)
      if (!isThere) return this.#unchanged({ kind: 'remembered' }, held)
    }
    const note = held.stored === undefined ? undefined : decodeNote(held.stored.note)
    for (;;) {
      const outcome = put(held.object, note, {
        node: this.#parts.node,
        start: this.#start,
        counter: this.#nextCounter(),
        ...request,
      })
      switch (outcome.kind) {
        case 'start-spent':
          this.drawNewStart('spent')
          continue
        case 'refused':
          return { outcome, object: NO_NOTE, sequence: 0 }
        case 'repeated':
          return this.#unchanged(outcome, held)
        case 'written': {
          const written = this.#append(name, token, outcome.object, encodeNote(outcome.note))
          this.#remember(request.requestId, token)
          return { outcome, ...written }
        }
      }
    }
  }

  #unchanged(outcome: LocalWrite['outcome'], held: Held): LocalWrite {
    assert(held.stored !== undefined, 'what was written before is held')
    return { outcome, object: held.stored.object, sequence: this.#lastSequence }
  }

  /** From now on dots are of a new start, so that none is ever given twice (docs/design.md 3.1). */
  drawNewStart(reason: string): void {
    this.#start = this.#newStart()
    this.#counter = 0
    this.#parts.counters.newStarts += 1
    this.#parts.trace.record('new-start-drawn', { reason })
  }

  #newStart(): Start {
    return hexOf(this.#parts.entropy.bytes(ID_BYTES))
  }

  #nextCounter(): number {
    assert(this.#counter < U48_MAX, 'no process lives for 2^48 writes')
    this.#counter += 1
    return this.#counter
  }

  #remember(requestId: RequestId, token: Token): void {
    this.#remembered.set(requestId, token)
    if (this.#remembered.size <= REMEMBERED_REQUESTS_MAX) return
    const [oldest] = this.#remembered.keys()
    if (oldest !== undefined) this.#remembered.delete(oldest)
  }

  #append(
    name: KeyName,
    token: Token,
    object: VersionedObject,
    note: Uint8Array,
  ): { readonly object: Uint8Array; readonly sequence: number } {
    const bytes = encodeObject(object)
    const digest = sipHash64(this.#parts.digestKey, bytes)
    const entry = { kind: 'object', token, name, note, object: bytes, digest } as const
    const sequence = this.#engine.append([entry])
    this.#lastSequence = sequence
    return { object: bytes, sequence }
  }

  /** Runs `step` with what is held, after every earlier step on the same key has ended. */
  #serially<T>(name: KeyName, token: Token, step: (held: Held) => T): MaybePromise<T> {
    if (this.#busy.size > 0) {
      const key = busyKey(name)
      if (this.#busy.has(key)) return this.#wait(key, name, token, step)
    }
    const found = this.#find(name, token)
    if (!(found instanceof Promise)) return step(this.#held(found))
    const key = busyKey(name)
    this.#busy.set(key, [])
    return this.#finish(key, found, step)
  }

  async #wait<T>(key: string, name: KeyName, token: Token, step: (held: Held) => T): Promise<T> {
    const waiters = this.#busy.get(key)
    assert(waiters !== undefined, 'a busy key has a list of waiters')
    if (waiters.length >= WAITERS_PER_KEY_MAX) {
      throw new OperatingError('overloaded', 'too many writes wait for this key; try again later')
    }
    await new Promise<void>((resolve) => waiters.push(resolve))
    return this.#finish(key, this.#find(name, token), step)
  }

  async #finish<T>(
    key: string,
    found: MaybePromise<Stored | 'rotten' | undefined>,
    step: (held: Held) => T,
  ) {
    try {
      return step(this.#held(await found))
    } finally {
      const next = this.#busy.get(key)?.shift()
      if (next === undefined) this.#busy.delete(key)
      else next()
    }
  }

  #find(name: KeyName, token: Token): MaybePromise<Stored | 'rotten' | undefined> {
    try {
      const found = this.#engine.get(token, name)
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
    this.drawNewStart('rot')
    return ROTTEN
  }
}

function tooLarge(): OperatingError {
  return new OperatingError('object-too-large', 'no record can hold the siblings of this key')
}

function diskFailed(cause: unknown): OperatingError {
  return new OperatingError('disk-failed', 'the disk did not take the write', { cause })
}

function rottenOr(error: unknown): 'rotten' {
  if (isRot(error)) return 'rotten'
  throw error
}

function isRot(error: unknown): boolean {
  return isOperatingError(error) && error.code === 'record-rotten'
}

function busyKey(name: KeyName): string {
  return `${name.bucket.length} ${latin1Of(name.bucket)}${latin1Of(name.key)}`
}
