/**
 * The engine `log`: one append-only log for all that must be durable.
 *
 * Bitcask's idea (Sheehy and Smith, 2010): write every change at the end of a file, and keep in
 * memory where each key's newest record is. A put is one sequential write; a get is at most one
 * read. All durable data goes through the one log, and so shares its group commits.
 *
 *   writer.ts            appends records, and makes them durable in groups
 *   pending.ts           holds records that are not durable yet
 *   segment.ts           one file; segments.ts owns all and keeps some open
 *   segment-allocator.ts prepares the next file before it is needed; reserve.ts is for deletes
 *   shortage.ts          what is short now: space, descriptors, rights
 *   record-reader.ts     reads one record and judges it
 *   place-indexes.ts     has an index for each place: own copies, hints for each member
 *   key-index.ts         maps each key to its newest record; scan.ts reads keys in order
 *   segment-scan.ts      reads a whole segment at the start
 *   recovery.ts          reads the log; judgement.ts, with tail.ts, decides what survived a crash
 *   put-in-order.ts      makes the files say so; absence.ts is what it writes down
 *   in-place.ts          does it without a new segment, where none can be made
 *   open-log.ts          does all of that in order
 *   log-transfers.ts     gives copies to other logs, and takes theirs, as the records that they are
 *
 * Absent on purpose: compaction and summaries. They come in beside these files: a summary is
 * another source of what `recovery.ts` takes from `segment-scan.ts`, compaction another caller of
 * `writer.add` and of `segments.remove`. No code here assumes that a key's records stand in the
 * order of their sequences.
 */
import type { MaybePromise } from '../../base/deliver.ts'
import { assert } from '../../base/assert.ts'
import { EMPTY_BYTES } from '../../base/bytes.ts'
import { OperatingError } from '../../base/errors.ts'
import type { Room } from '../../base/room.ts'
import type { CopyId } from '../../dynamo/names.ts'
import {
  ANSWER_BYTES_FIRST,
  BUCKET_BYTES_MAX,
  KEY_BYTES_MAX,
  MESSAGE_BYTES_MAX,
  NOTE_BYTES_MAX,
  SEGMENT_BYTES_MAX,
} from '../../limits.ts'
import type { Digest } from '../../native/digest.ts'
import { recordBytes } from '../../native/record.ts'
import type { Lock } from '../../world/disk.ts'
import type {
  AppendOptions,
  Capabilities,
  DigestPage,
  Engine,
  EngineReport,
  PlaceReport,
  Entry,
  ScanPage,
  ScanQuery,
  Stored,
} from '../engine.ts'
import { DROP_BYTES, writeDrop } from './drop.ts'
import type { PlaceIndexes } from './place-indexes.ts'
import { LogTransfers } from './log-transfers.ts'
import { CONTINUES, FOLLOWS, RecordKind } from './record-kinds.ts'
import { HEADER_ALONE, type Reading, type RecordReader, WHOLE } from './record-reader.ts'
import { Scanner } from './scan.ts'
import type { SegmentAllocator } from './segment-allocator.ts'
import type { Segments } from './segments.ts'
import type { Shortage } from './shortage.ts'
import { type NewRecord, NO_BODY, type Writer } from './writer.ts'

/** The state of an open log, as `openLog` makes it. */
export interface LogState {
  readonly lock: Lock
  readonly segments: Segments
  readonly shortage: Shortage
  readonly allocator: SegmentAllocator
  readonly writer: Writer
  readonly reader: RecordReader
  readonly indexes: PlaceIndexes
  /** 16 bytes, the cluster's. */
  readonly digestKey: Uint8Array
  /** What the start found damaged, in sentences. */
  readonly damages: readonly string[]
  /** A checksum of those by which it is not known what keys are missing; '' without any. */
  readonly lost: string
}

export class LogEngine implements Engine {
  readonly capabilities: Capabilities = { isDurable: true, tellsDigests: true }
  readonly failed: Promise<OperatingError>
  readonly #log: LogState
  readonly #writer: Writer
  readonly #indexes: PlaceIndexes
  readonly #scanner: Scanner
  readonly transfers: LogTransfers
  #appends = 0

  constructor(log: LogState) {
    this.#log = log
    this.#writer = log.writer
    this.failed = log.writer.failed
    this.#indexes = log.indexes
    this.#scanner = new Scanner(log.indexes, log.reader)
    const onAppended = (count: number): void => {
      this.#appends += count
    }
    this.transfers = new LogTransfers({ ...log, onAppended })
  }

  get(copy: CopyId, room?: Room): MaybePromise<Stored | undefined> {
    const bytesMax = room === undefined ? WHOLE : ANSWER_BYTES_FIRST
    const reading = this.#indexes.find(copy.place)?.newest(copy, bytesMax)
    if (reading === undefined) return undefined
    if (reading instanceof Promise || isPrefix(reading)) {
      return this.#getLong(copy, reading, room)
    }
    return storedOf(reading)
  }

  /** Reads a long record once there is room for it; it may have become longer meanwhile. */
  async #getLong(
    copy: CopyId,
    first: MaybePromise<Reading | undefined>,
    room: Room | undefined,
  ): Promise<Stored | undefined> {
    let reading = await first
    while (reading !== undefined && isPrefix(reading)) {
      const { objectBytes } = reading
      await room?.reserve(objectBytes + NOTE_BYTES_MAX)
      reading = await this.#indexes.find(copy.place)?.newest(copy, objectBytes)
    }
    return storedOf(reading)
  }

  digest(copy: CopyId): MaybePromise<Digest | undefined> {
    const reading = this.#indexes.find(copy.place)?.newest(copy, HEADER_ALONE)
    if (reading === undefined) return undefined
    return reading instanceof Promise ? reading.then(digestOf) : digestOf(reading)
  }

  append(entries: readonly Entry[], { mayUseReserve = false }: AppendOptions = {}): number {
    assert(entries.length > 0, 'something is appended')
    let bytes = 0
    for (const entry of entries) bytes += bytesOf(entry)
    assert(bytes <= SEGMENT_BYTES_MAX / 2, 'a batch fits a segment')
    if (this.#indexes.isBehind) {
      throw new OperatingError('overloaded', 'too much waits for the disk: write more slowly')
    }
    this.#writer.reserve(bytes, mayUseReserve)
    const last = entries.length - 1
    for (let i = 0; i <= last; i++) {
      this.#add(entries[i] as Entry, (i > 0 ? FOLLOWS : 0) | (i < last ? CONTINUES : 0))
    }
    this.#appends += entries.length
    return this.#writer.commit()
  }

  get unsyncedMs(): number {
    return this.#writer.unsyncedMs
  }

  get hasFailed(): boolean {
    return this.#writer.hasFailed
  }

  synced(sequence: number): Promise<void> {
    return this.#writer.synced(sequence)
  }

  scan(query: ScanQuery): Promise<ScanPage> {
    return this.#scanner.scan(query)
  }

  prefixes(query: ScanQuery): Promise<ScanPage> {
    return this.#scanner.prefixes(query)
  }

  digests(query: ScanQuery): Promise<DigestPage> {
    return this.#scanner.digests(query)
  }

  places(): readonly PlaceReport[] {
    return this.#indexes.reports
  }

  report(): EngineReport {
    const { bytes, bytesMax } = this.#log.segments.sizes
    const unsynced = this.#writer.sequence - this.#writer.durable
    return {
      keys: this.#indexes.size,
      bytes,
      segments: this.#log.segments.count,
      syncs: this.#writer.syncs,
      appends: this.#appends,
      durableSequence: this.#writer.durable,
      // Each record that is not synced may be of one more key.
      durableKeys: Math.max(0, this.#indexes.size - this.#indexes.surplusMax - unsynced),
      unsyncedBytes: this.#writer.unsyncedBytes,
      segmentBytesMax: bytesMax,
      alarms: this.#alarms(),
      lost: this.#log.lost,
    }
  }

  #alarms(): readonly string[] {
    const { shortage, damages } = this.#log
    const alarms = shortage.sentences
    if (damages.length === 0) return alarms
    const [first, ...others] = damages
    const more = others.length === 0 ? '' : ` (and ${others.length} more)`
    return [
      ...alarms,
      `data that was durable is damaged: ${first}${more} Keys are mended as they are read;` +
        ' everwrite check, on the stopped node, lists all.',
    ]
  }

  async close(): Promise<void> {
    const { lock, segments, allocator, writer, indexes } = this.#log
    allocator.stop()
    segments.stop()
    const hadFailed = writer.hasFailed
    try {
      writer.stop()
      if (!hadFailed) await writer.synced(writer.sequence)
    } finally {
      await indexes.pruned()
      await allocator.close()
      await segments.close()
      await lock.unlock()
    }
  }

  #add(entry: Entry, flag: number): void {
    const bytes = bytesOf(entry)
    const kind = RecordKind[entry.kind] | flag
    if (entry.kind === 'drop') {
      const object = writeDrop(entry)
      const digest = this.#writer.digestOf(object)
      const { place } = entry
      this.#writer.add({ ...NO_BODY, kind, place, object, prefixBytes: DROP_BYTES, digest }, bytes)
      this.#indexes.find(entry.place)?.drop(entry)
      return
    }
    const offset = this.#writer.add(recordOf(entry, kind, this.#writer.emptyDigest), bytes)
    const { segment, sequence } = this.#writer
    const { token } = entry
    this.#indexes.put(entry, { kind, token, segment, offset, sequence, bytes })
  }
}

/** Field by field: spreads would take most of the time of a short record. */
function recordOf(
  entry: Exclude<Entry, { kind: 'drop' }>,
  kind: number,
  emptyDigest: Digest,
): NewRecord {
  const { place, bucketId, name } = entry
  const isObject = entry.kind === 'object'
  return {
    kind,
    place,
    bucketId,
    name,
    note: isObject ? entry.note : EMPTY_BYTES,
    object: isObject ? entry.object : EMPTY_BYTES,
    prefixBytes: isObject ? entry.prefixBytes : 0,
    digestStart: isObject ? entry.digestStart : 0,
    digest: isObject ? entry.digest : emptyDigest,
  }
}

/** The bytes that the entry takes in the log. */
function bytesOf(entry: Entry): number {
  if (entry.kind === 'drop') return recordBytes(0, 0, 0, DROP_BYTES)
  const { bucket, key } = entry.name
  assert(bucket.length <= BUCKET_BYTES_MAX, 'a bucket is within its bound')
  assert(key.length <= KEY_BYTES_MAX, 'a key is within its bound')
  if (entry.kind === 'erasure') return recordBytes(bucket.length, key.length, 0, 0)
  assert(entry.note.length <= NOTE_BYTES_MAX, 'a note is within its bound')
  assert(entry.object.length <= MESSAGE_BYTES_MAX, 'an object is within its bound')
  assert(entry.prefixBytes <= entry.object.length, 'a prefix is a part of its object')
  assert(entry.digestStart <= entry.object.length, 'a digest is of a part of its object')
  return recordBytes(bucket.length, key.length, entry.note.length, entry.object.length)
}

/** The object is longer than was asked for. */
function isPrefix({ verdict, object, objectBytes }: Reading): boolean {
  return verdict === 'sound' && object.length < objectBytes
}

function storedOf(reading: Reading | undefined): Stored | undefined {
  if (reading === undefined) return undefined
  if (reading.verdict !== 'sound') throw rotten(reading.cause)
  const { bucketId, note, object, digest } = reading
  return { bucketId, note, object, digest }
}

function digestOf(reading: Reading | undefined): Digest | undefined {
  if (reading === undefined) return undefined
  if (reading.verdict !== 'sound') throw rotten(reading.cause)
  return reading.digest
}

function rotten(cause: unknown): OperatingError {
  return new OperatingError(
    'record-rotten',
    'this copy of the key has rotted: read it from another replica, and put it again here',
    { cause },
  )
}
