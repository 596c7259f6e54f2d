/**
 * The storage contract: what a node asks of an engine, and what the engine promises.
 *
 * An engine maps (place, creation id, bucket, key) to one object, as bytes that it does not
 * interpret, with the object's digest and a *note*: a few bytes that this copy keeps about itself.
 * A *place* is the node's own copies or those that it holds for one other member (hints); nothing
 * of one place is visible in another. Anyone can write an
 * engine: `docs/write-an-engine.md` says how, and `conformance/claims.ts` is the suite that it must
 * pass.
 *
 * Promises:
 *   - An append is visible to every later `get`, `digest` and page at once, before it is durable.
 *   - `synced(sequence)` resolves when that append, and every earlier one, survives a power cut.
 *     Appends of one batch survive together or not at all.
 *   - Of what was not synced, a crash may take any batch, whole.
 *   - The full name is checked on every read: two keys of one token are two keys, and so are two of
 *     one name in buckets with two creation ids.
 *   - An engine that is not durable says so, resolves `synced` at once and restarts empty.
 */
import type { MaybePromise } from '../base/deliver.ts'
import type { OperatingError } from '../base/errors.ts'
import type { Room } from '../base/room.ts'
import type { LogPoint } from '../dynamo/handoff/log-point.ts'
import type { BucketId, CopyId, CreationId, Place, Policy } from '../dynamo/names.ts'
import type { Digest, Token } from '../native/digest.ts'
import type { Clock } from '../world/clock.ts'
import type { Directory } from '../world/disk.ts'
import type { Trace } from '../world/trace.ts'

/** A present copy. The bytes belong to the caller: the engine never changes them. */
export interface Stored {
  /** As it was when the copy was appended: merging goes by it. */
  readonly bucketId: BucketId
  readonly note: Uint8Array
  readonly object: Uint8Array
  readonly digest: Digest
}

export type Entry =
  | (CopyId & {
      readonly kind: 'object'
      readonly note: Uint8Array
      readonly object: Uint8Array
      /** How many bytes of the object, from its first, `prefixes` gives. */
      readonly prefixBytes: number
      /** The digest is of the object's bytes from here on, under the digest key. */
      readonly digestStart: number
      readonly digest: Digest
    })
  /** This copy is forgotten: not a delete of the client's, which is a put of a tombstone. */
  | (CopyId & { readonly kind: 'erasure' })
  /** All copies of this place with a token of `from` to `to` are forgotten. */
  | { readonly kind: 'drop'; readonly place: Place; readonly from: Token; readonly to: Token }

export interface ScanQuery {
  /** The first token wanted; tokens are ordered by (hi, lo). */
  readonly from: Token
  /** The last token wanted. */
  readonly to: Token
  readonly place: Place
  /** Restricts to one bucket. */
  readonly bucket?: { readonly name: Uint8Array; readonly creation: CreationId }
  readonly keysMax: number
  /**
   * Names and objects of one page, together; the keys of its first token are given whatever they
   * take.
   */
  readonly bytesMax: number
}

export interface ScanPage {
  /** In token order; keys of one token are never split over two pages. */
  readonly entries: readonly (CopyId & Stored)[]
  /** Where to go on; undefined when `to` was reached. */
  readonly next: Token | undefined
}

export interface AppendOptions {
  /**
   * The entries delete, or make a copy smaller: an engine that is full takes them as long as the
   * space lasts that it keeps for them.
   */
  readonly mayUseReserve?: boolean
}

/** A page of keys with their digests. */
export interface DigestPage {
  readonly entries: readonly (CopyId & Pick<Stored, 'digest'>)[]
  readonly next: Token | undefined
}

export interface Capabilities {
  /** False if a restart finds nothing: the node then counts as one whose disk was emptied. */
  readonly isDurable: boolean
  /** It tells `EngineOptions.ownDigests` of all own copies before it is open. */
  readonly tellsDigests?: boolean
}

/** What one place has. */
export interface PlaceReport {
  readonly place: Place
  readonly keys: number
  /** What its copies take, at most: those that are replaced or erased are not counted for long. */
  readonly bytes: number
}

export interface EngineReport {
  /** Copies of all places. */
  readonly keys: number
  /** Bytes on disk (or in memory) for records, living and dead. */
  readonly bytes: number
  /** Appends up to this sequence survive a power cut, and so do at least so many keys. */
  readonly durableSequence: number
  readonly durableKeys: number
  /** Bytes of appends that would not survive one now. */
  readonly unsyncedBytes: number
  /** Group commits since the start, and appends that they covered. */
  readonly syncs?: number
  readonly appends?: number
  /** What is wrong now and needs someone, in sentences: damage found at the start, a full disk. */
  readonly alarms?: readonly string[]
  /**
   * Eight hexadecimal digits, the same at each start, of what was durable and is missing without
   * its keys being known; empty or undefined where that is nothing.
   */
  readonly lost?: string
  /** Files of a log, and the bytes of the largest. */
  readonly segments?: number
  readonly segmentBytesMax?: number
}

/**
 * Is told which own copies an engine finds as it opens, where it reads all records anyway: then no
 * one need read them again for their digests. What is added and not removed is there in the end,
 * but for tokens that are in doubt: their copies are to be read.
 */
export interface OwnDigests {
  /** A copy, in a bucket with this N. */
  add(n: number, token: Token, digest: Digest): void
  /** One that was added is replaced or gone. */
  remove(n: number, token: Token, digest: Digest): void
  doubt(token: Token): void
}

/** What a node gives an engine to work with. */
export interface EngineOptions {
  /** Of this node alone, once it is locked. The file `identity` in it is the node's. */
  readonly directory: Directory
  readonly clock: Clock
  readonly trace: Trace
  /** 16 bytes: digests are SipHash-2-4 under this key. */
  readonly digestKey: Uint8Array
  /** Undefined where they are not wanted. */
  readonly ownDigests?: OwnDigests | undefined
}

/**
 * Opens an engine over what the last one left in the directory. Rejects with `data-locked`,
 * `data-newer`, `data-foreign` or `data-rotten` if it cannot be used, and has then changed nothing.
 */
export type OpenEngine = (options: EngineOptions) => Promise<Engine>

export interface TransferQuery {
  /** Where to go on; undefined: at the beginning. */
  readonly from: LogPoint | undefined
  /** Where the pass ends; undefined: behind what is durable now. */
  readonly end: LogPoint | undefined
  /** Of the page's records together; one that is longer alone is left out. */
  readonly bytesMax: number
  /** Whether own copies of buckets with this N at this token are wanted. */
  readonly isWanted: (token: Token, n: number) => boolean
}

/** The next own copies in the order of the disk. */
export interface TransferPage {
  /** Whole records, one behind the other. No one changes these bytes any more. */
  readonly records: Uint8Array
  /** Undefined: the pass has come to its end. */
  readonly next: LogPoint | undefined
  readonly end: LogPoint
  /** Stretches that were passed over, since they have rotted. */
  readonly rotten: number
}

/** The records of a page of another node's engine, verified. */
export interface MovedRecords {
  readonly count: number
  tokenAt(index: number): Token
  /** N of the bucket, and its policy. */
  nAt(index: number): number
  policyAt(index: number): Policy
  /** The names are views of the page. */
  copyAt(index: number): CopyId
  /** A view of the page. */
  objectAt(index: number): Uint8Array
  digestAt(index: number): Digest
  /** As its `Entry` had them. */
  layoutAt(index: number): { readonly prefixBytes: number; readonly digestStart: number }
}

/**
 * Moves many copies from one node's engine to another's of the same kind, as the bytes that they
 * are on the disk (native/record.h).
 *
 *   - A page has copies as they are when it is read, each at most once, and none that is replaced
 *     or erased by then. A pass need not find all: a copy that was appended or moved to another
 *     place meanwhile, that has rotted, or that shares its token, may be missing, and is not told.
 *     So digests are compared after a pass.
 *   - A pass may go on at a point of an earlier process over the same directory. At a point of
 *     another directory it finds less, and nothing else.
 */
export interface Transfers<Records extends MovedRecords = MovedRecords> {
  read(query: TransferQuery): Promise<TransferPage>
  /** Undefined where these are no sound records of own copies. */
  open(records: Uint8Array): Records | undefined
  /**
   * Whether nothing is here of the key of a record, from `first` up to `end`, not included; false
   * too where that is not known at once. It holds until the next append.
   */
  absent(records: Records, first: number, end: number): (index: number) => boolean
  /**
   * Appends these of the records, each a batch of its own and without a note. Throws as
   * `Engine.append` does, and has then appended nothing. Requires: all are of different keys, and
   * absent, in this turn.
   */
  append(records: Records, indexes: readonly number[]): number
}

export interface Engine {
  readonly capabilities: Capabilities

  /** Undefined: copies move to and from this engine one by one. */
  readonly transfers?: Transfers

  /**
   * Resolves with `disk-failed` as soon as nothing can be made durable any more until the node has
   * restarted, also if nothing waits for it. Never otherwise.
   */
  readonly failed: Promise<OperatingError>

  /**
   * Rejects (or throws) `record-rotten` if there is a copy and it cannot be believed. An engine
   * that knows how long a copy is before it reads it asks `room` first, where that is given.
   */
  get(copy: CopyId, room?: Room): MaybePromise<Stored | undefined>

  /** The digest alone, without reading the value if the engine can. */
  digest(copy: CopyId): MaybePromise<Digest | undefined>

  /**
   * Appends all entries, or throws and appends none: `disk-full`, `log-blocked` (it may make no
   * files), `overloaded` (too much waits for the disk), `disk-failed` (after a failed sync, until
   * the node has restarted). Returns the sequence to wait for.
   */
  append(entries: readonly Entry[], options?: AppendOptions): number

  /** Resolves when `sequence` is durable; rejects `disk-failed` if that is in doubt. */
  synced(sequence: number): Promise<void>

  /**
   * A page may be short, even empty, and still have a `next`. Keys that change during the call are
   * given as they were or as they are. A page ends before the token whose keys would pass
   * `bytesMax`, and before a token that may have a copy which cannot be believed; rejects
   * `record-rotten` if that is `from`: this engine has not read it.
   */
  scan(query: ScanQuery): Promise<ScanPage>

  /**
   * The same pages with the prefix of each object in its place: an engine that can reads no more of
   * it. Damage of the prefix is noticed as any other, and damage behind it need not be.
   */
  prefixes(query: ScanQuery): Promise<ScanPage>

  /** The same pages with digests alone. Names count towards `bytesMax`, and prefixes may. */
  digests(query: ScanQuery): Promise<DigestPage>

  /** Places with any copies. Asked for before each hint is written: it must not take long. */
  places(): readonly PlaceReport[]

  report(): EngineReport

  /**
   * For how long the oldest append that is not durable has waited, in milliseconds. Undefined where
   * that is not known.
   */
  readonly unsyncedMs?: number

  /** Nothing can be made durable any more: `failed` has resolved, or is about to. */
  readonly hasFailed?: boolean

  /** Syncs what was appended, then closes all files. Nothing is called afterwards. */
  close(): Promise<void>
}
