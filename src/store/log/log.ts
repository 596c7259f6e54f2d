/**
 * The engine `log`: one append-only log for all that must be durable.
 *
 * Bitcask's idea (Sheehy and Smith, 2010): write every change at the end of a file, and keep in
 * memory where each key's newest record is. A put is one sequential write; a get is at most one
 * read. Everything durable goes through the one log, so everything shares its group commits.
 *
 *   writer.ts        takes records, makes them durable in groups
 *   pending.ts       holds those that are not yet
 *   segment*.ts      the files, prepared ahead and read at the start
 *   record-reader.ts reads one record and judges it
 *   key-index.ts     says where each key's newest record is
 *   recovery.ts      finds out what is there after a crash; `open-log.ts` puts it in order
 *
 * Absent on purpose: compaction and summaries. They come in beside these files: a summary is
 * another source of what `recovery.ts` takes from `segment-scan.ts`, compaction another caller of
 * `writer.add`. Nothing here assumes that a key's records stand in the order of their sequences.
 */
import type { MaybePromise } from '../../base/deliver.ts'
import { assert } from '../../base/assert.ts'
import { EMPTY_BYTES } from '../../base/bytes.ts'
import { OperatingError } from '../../base/errors.ts'
import type { KeyName } from '../../dynamo/names.ts'
import {
  BUCKET_BYTES_MAX,
  KEY_BYTES_MAX,
  MESSAGE_BYTES_MAX,
  NOTE_BYTES_MAX,
  SEGMENT_BYTES_MAX,
} from '../../limits.ts'
import type { Digest, Token } from '../../native/digest.ts'
import { recordBytes } from '../../native/record.ts'
import type { Lock } from '../../world/disk.ts'
import type { Engine, EngineReport, Entry, ScanPage, ScanQuery, Stored } from '../engine.ts'
import type { KeyIndex } from './key-index.ts'
import { CONTINUES, RecordKind } from './record-kinds.ts'
import type { Reading, RecordReader } from './record-reader.ts'
import { scanPage } from './scan.ts'
import type { Segment } from './segment.ts'
import type { SegmentAllocator } from './segment-allocator.ts'
import type { Writer } from './writer.ts'

/** An open log, in parts: see `openLog`. */
export interface LogParts {
  readonly lock: Lock
  readonly segments: Map<number, Segment>
  readonly supply: SegmentAllocator
  readonly writer: Writer
  readonly reader: RecordReader
  readonly places: KeyIndex
}

export class LogEngine implements Engine {
  readonly isDurable = true
  readonly failed: Promise<OperatingError>
  readonly #parts: LogParts
  readonly #writer: Writer
  readonly #places: KeyIndex
  #appends = 0

  constructor(parts: LogParts) {
    this.#parts = parts
    this.#writer = parts.writer
    this.failed = parts.writer.failed
    this.#places = parts.places
  }

  get(token: Token, name: KeyName): MaybePromise<Stored | undefined> {
    const reading = this.#places.newest(token, name, false)
    if (reading === undefined) return undefined
    return reading instanceof Promise ? reading.then(storedOf, unreadable) : storedOf(reading)
  }

  digest(token: Token, name: KeyName): MaybePromise<Digest | undefined> {
    const reading = this.#places.newest(token, name, true)
    if (reading === undefined) return undefined
    return reading instanceof Promise ? reading.then(digestOf, unreadable) : digestOf(reading)
  }

  append(entries: readonly Entry[]): number {
    assert(entries.length > 0, 'something is appended')
    let bytes = 0
    for (const entry of entries) bytes += bytesOf(entry)
    assert(bytes <= SEGMENT_BYTES_MAX / 2, 'a batch fits a segment')
    if (this.#places.isBehind) {
      throw new OperatingError('overloaded', 'too much waits for the disk: write more slowly')
    }
    this.#writer.reserve(bytes)
    const last = entries.length - 1
    for (let i = 0; i < last; i++) this.#add(entries[i] as Entry, CONTINUES)
    this.#add(entries[last] as Entry, 0)
    this.#appends += entries.length
    return this.#writer.commit()
  }

  synced(sequence: number): Promise<void> {
    return this.#writer.synced(sequence)
  }

  scan(query: ScanQuery): Promise<ScanPage> {
    return scanPage(this.#places, this.#parts.reader, query)
  }

  report(): EngineReport {
    let bytes = 0
    let segmentBytesMax = 0
    for (const segment of this.#parts.segments.values()) {
      bytes += segment.bytes
      segmentBytesMax = Math.max(segmentBytesMax, segment.bytes)
    }
    const unsynced = this.#writer.sequence - this.#writer.durable
    return {
      keys: this.#places.size,
      bytes,
      segments: this.#parts.segments.size,
      syncs: this.#writer.syncs,
      appends: this.#appends,
      durableSequence: this.#writer.durableEntry,
      // Each record that is not synced may be of one more key.
      durableKeys: Math.max(0, this.#places.size - this.#places.surplusMax - unsynced),
      unsyncedBytes: this.#writer.unsyncedBytes,
      segmentBytesMax,
    }
  }

  async close(): Promise<void> {
    const { lock, segments, supply, writer, places } = this.#parts
    supply.stop()
    const hadFailed = writer.hasFailed
    try {
      if (this.#appends > 0) writer.mark()
      if (!hadFailed) await writer.synced(writer.sequence)
    } finally {
      await places.settled()
      await supply.close()
      for (const segment of segments.values()) await segment.file.close().catch(() => {})
      await lock.unlock()
    }
  }

  #add(entry: Entry, flag: number): void {
    const { token, name } = entry
    const isErasure = entry.kind === 'erasure'
    const kind = (isErasure ? RecordKind.erasure : RecordKind.object) | flag
    const note = isErasure ? EMPTY_BYTES : entry.note
    const object = isErasure ? EMPTY_BYTES : entry.object
    const digest = isErasure ? this.#writer.emptyDigest : entry.digest
    const offset = this.#writer.add(kind, name, note, object, digest, bytesOf(entry))
    this.#places.put(token, name, this.#writer.segment, offset, isErasure)
  }
}

/** What the entry takes in the log. */
function bytesOf(entry: Entry): number {
  const { bucket, key } = entry.name
  assert(bucket.length <= BUCKET_BYTES_MAX, 'a bucket is within its bound')
  assert(key.length <= KEY_BYTES_MAX, 'a key is within its bound')
  if (entry.kind === 'erasure') return recordBytes(bucket.length, key.length, 0, 0)
  assert(entry.note.length <= NOTE_BYTES_MAX, 'a note is within its bound')
  assert(entry.object.length <= MESSAGE_BYTES_MAX, 'an object is within its bound')
  return recordBytes(bucket.length, key.length, entry.note.length, entry.object.length)
}

function storedOf(reading: Reading | undefined): Stored | undefined {
  if (reading === undefined) return undefined
  if (reading.rot !== 'none') throw rotten()
  const { note, object, digest } = reading
  return { note, object, digest }
}

function digestOf(reading: Reading | undefined): Digest | undefined {
  if (reading === undefined) return undefined
  if (reading.rot !== 'none') throw rotten()
  return reading.digest
}

function unreadable(cause: unknown): never {
  throw rotten(cause)
}

function rotten(cause?: unknown): OperatingError {
  return new OperatingError(
    'record-rotten',
    'this copy of the key cannot be believed: read it from another replica, and put it again here',
    { cause },
  )
}
