/**
 * Appends to this member's copies, and keeps in step with them what is known of all copies: hash
 * trees, the starts that they name, the room for hints, and the leaves below which rounds may let
 * something go.
 */
import { OperatingError } from '../../base/errors.ts'
import { type CopyId, isOwn, OWN, type Start } from '../../dynamo/names.ts'
import { leafOf } from '../../dynamo/repair/branches.ts'
import { isDeleted } from '../../dynamo/repair/floor.ts'
import { FIRST_TOKEN, LAST_TOKEN } from '../../dynamo/ring/partition.ts'
import { encodeObject } from '../../dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import type { Engine, Entry, MovedRecords } from '../../store/engine.ts'
import type { Held } from './copy-steps.ts'
import { entryOf, erasureOf } from './entry.ts'
import { isFreeing } from './freeing.ts'
import type { Hints } from './hints.ts'
import { LeafSet } from './leaf-set.ts'
import type { NamedStarts } from './named-starts.ts'
import type { Trees } from './trees.ts'

/** An append to wait for. */
export interface Appended {
  /** Encoded. */
  readonly object: Uint8Array
  /** It is held once the log is durable up to here. */
  readonly sequence: number
}

/** Copies of another member's log that are to be appended together. */
export interface MovedAppend {
  readonly records: MovedRecords
  /** N of their buckets. */
  readonly n: number
  readonly indexes: readonly number[]
  /** For the tree: token and digest of each, MERKLE_ENTRY_WORDS. */
  readonly entries: Uint32Array
  /** How many name one start alone, and no more is to be known of them. */
  readonly starts: ReadonlyMap<Start, number>
  /** The others. */
  readonly objects: readonly { readonly copy: CopyId; readonly object: VersionedObject }[]
}

type DropEntry = Extract<Entry, { kind: 'drop' }>

const FREEING = { mayUseReserve: true }
/** An engine that has something to sync for longer is behind. */
const UNSYNCED_MS_MAX = 1_000

export interface CopyWriterOptions {
  readonly engine: Engine
  /** 16 bytes, the cluster's. */
  readonly digestKey: Uint8Array
  readonly hints: Hints
  readonly trees: Trees
  readonly starts: NamedStarts
}

export class CopyWriter {
  readonly #node: CopyWriterOptions
  /** Leaves with keys whose siblings are all tombstones, and with contexts that are long. */
  readonly deleted: LeafSet = new LeafSet()
  readonly crowded: LeafSet = new LeafSet()
  lastSequence = 0

  constructor(options: CopyWriterOptions) {
    this.#node = options
  }

  /** What is appended is not durable soon: the disk is slow or full, or has failed. */
  get isBehind(): boolean {
    const { unsyncedMs = 0, hasFailed = false } = this.#node.engine
    return hasFailed || unsyncedMs > UNSYNCED_MS_MAX
  }

  append(copy: CopyId, held: Held, object: VersionedObject, note: Uint8Array): Appended {
    const { engine, digestKey, hints, starts, trees } = this.#node
    const bytes = encodeObject(object)
    if (bytes === undefined) throw tooLarge()
    const entry = entryOf(copy, bytes, note, digestKey)
    const mayUseReserve = isFreeing(held, object, bytes.length)
    hints.admit(copy, bytes.length - (held.stored?.object.length ?? 0))
    this.lastSequence = engine.append([entry], { mayUseReserve })
    starts.onReplaced(copy, held.object, object)
    if (held.isRotten) trees.onMended(copy, entry.digest)
    else trees.onReplaced(copy, held.stored?.digest, entry.digest)
    this.notice(copy, object)
    return { object: bytes, sequence: this.lastSequence }
  }

  /**
   * Appends copies of one N as they came from another member's log. Throws as the engine does.
   * Requires: nothing is here of their keys; the trees are quiet.
   */
  appendMoved({ records, n, indexes, entries, starts: sole, objects }: MovedAppend): void {
    const { engine, starts, trees } = this.#node
    if (indexes.length === 0 || engine.transfers === undefined) return
    this.lastSequence = engine.transfers.append(records, indexes)
    trees.onAppended(n, entries, indexes.length)
    for (const [start, count] of sole) starts.onAppended(start, count)
    for (const { copy, object } of objects) {
      starts.onReplaced(copy, undefined, object)
      this.notice(copy, object)
    }
  }

  /** Forgets a copy. Returns the sequence to wait for. */
  erase(copy: CopyId, held: Held): number {
    const { engine, starts, trees } = this.#node
    this.lastSequence = engine.append([erasureOf(copy)], FREEING)
    starts.onReplaced(copy, held.object, undefined)
    if (held.isRotten) trees.onMended(copy, undefined)
    else trees.onReplaced(copy, held.stored?.digest, undefined)
    return this.lastSequence
  }

  /** Forgets all own copies of a partition. */
  drop({ from, to }: Pick<DropEntry, 'from' | 'to'>, bits: number, partition: number): void {
    const { engine, trees } = this.#node
    this.lastSequence = engine.append([{ kind: 'drop', place: OWN, from, to }], FREEING)
    trees.clearBranch(bits, partition)
  }

  /** Forgets all copies and hints, durably. */
  async dropAll(): Promise<void> {
    const { engine, hints, trees } = this.#node
    const places = new Set([OWN, ...hints.places.map(({ place }) => place)])
    const drops = [...places].map((place) => {
      return { kind: 'drop', place, from: FIRST_TOKEN, to: LAST_TOKEN } as const
    })
    this.lastSequence = engine.append(drops, FREEING)
    trees.clear()
    await engine.synced(this.lastSequence)
  }

  /** A copy is there: below its leaf there may be something to clean up. */
  notice(copy: CopyId, object: VersionedObject): void {
    if (!isOwn(copy)) return
    if (isDeleted(object)) this.deleted.add(leafOf(copy.token))
    if (object.context.count > 2 * copy.bucketId.n) this.crowded.add(leafOf(copy.token))
  }
}

/** Of an object that no record can hold. */
export function tooLarge(): OperatingError {
  return new OperatingError('object-too-large', 'no record can hold the siblings of this key')
}
