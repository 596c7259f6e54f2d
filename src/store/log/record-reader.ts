/**
 * Read one record, and judge whether it can be believed.
 *
 * Records in memory are read at once: those not yet durable from `pending.ts`, those in the page
 * cache through `readResident` (0.8 µs, against 47 µs by the thread pool). All others are read
 * through `read`.
 *
 * The length of a record is in its header. So the first read takes 4 KiB, which holds most records
 * whole; a longer record takes a second read, in the thread pool if it is long. Where an object is
 * longer than was asked for, its prefix alone is read. Results are copied out of the shared buffer,
 * so that a small object keeps no more memory alive than itself. A longer record is read into
 * memory of its own, and its note and object are views of it.
 *
 * Invariant: all bytes that are returned have passed their checksums, at the place that was asked
 * for: that of the header, that of names, note and prefix, and that of the rest of an object. If
 * the header alone is read, it covers the digest, and the key is compared byte by byte.
 */
import type { MaybePromise } from '../../base/deliver.ts'
import { EMPTY_BYTES } from '../../base/bytes.ts'
import { Spares } from '../../base/spares.ts'
import { u64 } from '../../base/u64.ts'
import type { Digest } from '../../native/digest.ts'
import type { BucketId, CopyId, KeyName } from '../../dynamo/names.ts'
import { RECORD_BYTES_MAX } from '../../limits.ts'
import {
  number48,
  RECORD_HEADER_BYTES,
  RECORD_WORDS,
  recordBytesAt,
  RecordStatus,
  RecordWord,
  verifyRecord,
} from '../../native/record.ts'
import type { File } from '../../world/disk.ts'
import type { Trace } from '../../world/trace.ts'
import { readFully } from '../files.ts'
import type { Pending } from './pending.ts'
import { bucketIdOf, isRecordOf, NO_BUCKET_ID, placeAt } from './record-head.ts'
import { kindOf } from './record-kinds.ts'
import type { Retained, Segments } from './segments.ts'
import { shortageOf } from './shortage.ts'

const GUESS_BYTES = 4096
const BUFFERS_MAX = 64
/** A longer record is read by the thread pool: to copy it here would keep all others waiting. */
const RESIDENT_BYTES_MAX = 64 * 1024

/** For `objectBytesMax`: neither note nor object; the prefix of each object; every object whole. */
export const HEADER_ALONE = -1
export const PREFIX_ALONE = 0
export const WHOLE: number = Number.POSITIVE_INFINITY

/**
 * `sound`. `rotten-body`: the header is sound, what follows it is not. `rotten-head`: nothing of
 * the record can be believed. `unreadable`: the disk fails to give its bytes. `gone`: its segment
 * has been removed, so look the key up again.
 */
export type RecordVerdict = 'sound' | 'rotten-body' | 'rotten-head' | 'unreadable' | 'gone'

export interface Reading {
  readonly verdict: RecordVerdict
  /** The system's error, if the record is unreadable. */
  readonly cause?: unknown
  /** 0 unless the header is sound. */
  readonly kind: number
  readonly sequence: number
  readonly digest: Digest
  /** The record is of the copy asked for. If the body is rotten, its key may be. */
  readonly isAsked: boolean
  /** Only if no copy was asked for. Its name may be wrong if the body is rotten. */
  readonly copy: Omit<CopyId, 'token'> | undefined
  readonly bucketId: BucketId
  /** Empty if the header alone was asked for. */
  readonly note: Uint8Array
  /** The prefix alone where the object is longer than was asked for. */
  readonly object: Uint8Array
  /** The bytes of the record, of the whole object and of its prefix; 0 if the header is rotten. */
  readonly bytes: number
  readonly objectBytes: number
  readonly prefixBytes: number
  /** The digest is of the object's bytes from here on. */
  readonly digestStart: number
}

export type NamedReading = Reading & { readonly copy: Omit<CopyId, 'token'> }

export interface Question {
  readonly segment: number
  readonly offset: number
  /** The copy that the record should be of; undefined: return the record's own. */
  readonly copy: CopyId | undefined
  /** A longer object is given as its prefix alone. */
  readonly objectBytesMax: number
}

const ROTTEN_HEAD: Reading = {
  verdict: 'rotten-head',
  kind: 0,
  sequence: 0,
  digest: u64(0, 0),
  isAsked: false,
  copy: undefined,
  bucketId: NO_BUCKET_ID,
  note: EMPTY_BYTES,
  object: EMPTY_BYTES,
  bytes: 0,
  objectBytes: 0,
  prefixBytes: 0,
  digestStart: 0,
}

const UNREADABLE: Reading = { ...ROTTEN_HEAD, verdict: 'unreadable' }
const GONE: Reading = { ...ROTTEN_HEAD, verdict: 'gone' }

export class RecordReader {
  readonly #segments: Segments
  readonly #pending: Pending
  readonly #trace: Trace
  readonly #words = new Uint32Array(RECORD_WORDS)
  /** For records that are read and parsed within one turn. */
  readonly #shared = new Uint8Array(GUESS_BYTES)
  /** For reads that wait. */
  readonly #buffers = new Spares(BUFFERS_MAX, () => new Uint8Array(GUESS_BYTES))

  constructor(segments: Segments, pending: Pending, trace: Trace) {
    this.#segments = segments
    this.#pending = pending
    this.#trace = trace
  }

  /**
   * A disk that fails is a verdict. Rejects only while the log is opened, and only where the
   * process may open no more files.
   */
  read(question: Question): MaybePromise<Reading> {
    return this.readNow(question) ?? this.#readLater(question)
  }

  /** The reading, or undefined if it must wait for the disk. */
  readNow(question: Question): Reading | undefined {
    const { segment, offset } = question
    const chunk = this.#pending.find(segment, offset)
    if (chunk !== undefined) {
      const reading = this.#parse(question, chunk.bytes, offset - chunk.base, chunk.filled, false)
      return typeof reading === 'number' ? this.#rotten(question, 'truncated') : reading
    }
    const file = this.#segments.fileNow(segment)
    if (file === 'gone') return GONE
    if (file === 'closed') return undefined
    const count = file.readResident(offset, this.#shared, 0, firstLength(question))
    if (count < RECORD_HEADER_BYTES) return undefined
    const reading = this.#parse(question, this.#shared, 0, count, false)
    if (typeof reading !== 'number') return reading
    if (reading > RESIDENT_BYTES_MAX) return undefined
    const whole = new Uint8Array(reading)
    if (file.readResident(offset, whole, 0, reading) < reading) return undefined
    return this.#parsed(question, whole, reading)
  }

  /**
   * The bytes of the record at this place if it is of this copy, and false if not; undefined if
   * that needs the disk. 0 if the header is corrupt: the record is unreadable, and this write
   * replaces it.
   */
  bytesIfOf(segment: number, offset: number, copy: CopyId): number | false | undefined {
    const chunk = this.#pending.find(segment, offset)
    if (chunk !== undefined) {
      const start = offset - chunk.base
      return isRecordOf(chunk.bytes, start, copy) && recordBytesAt(chunk.bytes, start)
    }
    const { name } = copy
    const bytes = this.#shared
    const length = Math.min(nameEnd(name), bytes.length)
    const file = this.#segments.fileNow(segment)
    if (typeof file === 'string') return undefined
    if (file.readResident(offset, bytes, 0, length) < length) return undefined
    if (length < nameEnd(name)) return undefined
    const status = verifyRecord(bytes, 0, length, segment, offset, this.#words)
    if (!isHeadSound(status)) return 0
    return isRecordOf(bytes, 0, copy) && recordBytesAt(bytes, 0)
  }

  async #readLater(question: Question): Promise<Reading> {
    let retained: Retained | undefined
    try {
      retained = await this.#segments.retain(question.segment)
      if (retained === undefined) return GONE
      return await this.#readFrom(retained.file, question)
    } catch (cause) {
      if (shortageOf(cause) === 'files') throw cause
      return { ...UNREADABLE, cause }
    } finally {
      retained?.release()
    }
  }

  async #readFrom(file: File, question: Question): Promise<Reading> {
    const buffer = this.#buffers.take()
    let reading: Reading | number
    try {
      const count = await readFully(file, question.offset, buffer, 0, firstLength(question))
      reading = this.#parse(question, buffer, 0, count, false)
    } finally {
      this.#buffers.giveBack(buffer)
    }
    if (typeof reading !== 'number') return reading
    const whole = new Uint8Array(reading)
    const count = await readFully(file, question.offset, whole, 0, reading)
    return this.#parsed(question, whole, count)
  }

  #parsed(question: Question, whole: Uint8Array, count: number): Reading {
    const reading = this.#parse(question, whole, 0, count, true)
    return typeof reading === 'number' ? this.#rotten(question, 'truncated') : reading
  }

  /** The reading; or the bytes of the record that are needed, if there are fewer. */
  #parse(
    question: Question,
    bytes: Uint8Array,
    start: number,
    end: number,
    isOwned: boolean,
  ): Reading | number {
    const words = this.#words
    const { segment, offset, copy, objectBytesMax } = question
    const status = verifyRecord(bytes, start, end, segment, offset, words)
    if (!isHeadSound(status)) return this.#rotten(question, STATUS_NAMES[status])
    const extent = extentOf(words, start, objectBytesMax)
    const { noteStart, noteEnd, objectEnd } = extent
    const isWhole = status === RecordStatus.ok || status === RecordStatus.bodyChecksum
    if (!isWhole && start + extent.bytes > end) {
      return extent.bytes > RECORD_BYTES_MAX ? this.#rotten(question, 'too-long') : extent.bytes
    }
    // Of a record whose prefix is there and sound, the status is `prefix`.
    const isPrefixRotten = status === RecordStatus.truncated && objectBytesMax >= 0
    const isBodyRotten = status === RecordStatus.bodyChecksum || isPrefixRotten
    if (isBodyRotten) this.#rotten(question, 'body-checksum')
    const isBare = objectBytesMax < 0 || isBodyRotten
    const tail = isBare ? EMPTY_BYTES : cut(bytes, noteStart, objectEnd, isOwned)
    return {
      verdict: isBodyRotten ? 'rotten-body' : 'sound',
      kind: kindOf(words[RecordWord.kind] as number),
      sequence: number48(
        words[RecordWord.sequenceLow] as number,
        words[RecordWord.sequenceHigh] as number,
      ),
      digest: u64(words[RecordWord.digestHi] as number, words[RecordWord.digestLo] as number),
      isAsked: copy === undefined || isRecordOf(bytes, start, copy),
      copy: copy === undefined ? copyAt(bytes, start, words) : undefined,
      bucketId: bucketIdOf(words),
      note: isBare ? EMPTY_BYTES : tail.subarray(0, noteEnd - noteStart),
      object: isBare ? EMPTY_BYTES : tail.subarray(noteEnd - noteStart),
      bytes: words[RecordWord.totalBytes] as number,
      objectBytes: words[RecordWord.bodyBytes] as number,
      prefixBytes: words[RecordWord.prefixBytes] as number,
      digestStart: words[RecordWord.digestStart] as number,
    }
  }

  #rotten(question: Question, reason: string): Reading {
    const { segment, offset } = question
    this.#trace.record('rot-found', { segment, offset, reason })
    return ROTTEN_HEAD
  }
}

const STATUS_NAMES = [
  'ok',
  'too-short',
  'no-record',
  'format-unknown',
  'header-checksum',
  'misplaced',
  'truncated',
  'body-checksum',
  'prefix',
] as const

function isHeadSound(status: number): boolean {
  return (
    status === RecordStatus.ok ||
    status === RecordStatus.truncated ||
    status === RecordStatus.bodyChecksum ||
    status === RecordStatus.prefix
  )
}

/** Where note and object lie in the bytes, and how many bytes of the record are wanted. */
function extentOf(
  words: Uint32Array,
  start: number,
  objectBytesMax: number,
): { noteStart: number; noteEnd: number; objectEnd: number; bytes: number } {
  const word = (index: number): number => words[index] as number
  const noteStart =
    start + RECORD_HEADER_BYTES + word(RecordWord.bucketBytes) + word(RecordWord.keyBytes)
  const noteEnd = noteStart + word(RecordWord.noteBytes)
  const objectBytes = word(RecordWord.bodyBytes)
  const isPrefix = objectBytes > objectBytesMax
  const objectEnd = noteEnd + (isPrefix ? word(RecordWord.prefixBytes) : objectBytes)
  const partEnd = objectBytesMax < 0 ? noteStart : objectEnd
  const bytes = isPrefix ? partEnd - start : word(RecordWord.totalBytes)
  return { noteStart, noteEnd, objectEnd, bytes }
}

function firstLength(question: Question): number {
  if (question.objectBytesMax >= 0 || question.copy === undefined) return GUESS_BYTES
  return Math.min(GUESS_BYTES, nameEnd(question.copy.name))
}

function nameEnd(name: KeyName): number {
  return RECORD_HEADER_BYTES + name.bucket.length + name.key.length
}

function cut(bytes: Uint8Array, start: number, end: number, isOwned: boolean): Uint8Array {
  return isOwned ? bytes.subarray(start, end) : bytes.slice(start, end)
}

function copyAt(bytes: Uint8Array, start: number, words: Uint32Array): Omit<CopyId, 'token'> {
  const bucketStart = start + RECORD_HEADER_BYTES
  const keyStart = bucketStart + (words[RecordWord.bucketBytes] as number)
  const keyEnd = keyStart + (words[RecordWord.keyBytes] as number)
  return {
    place: placeAt(words, RecordWord.placeFirst),
    bucketId: bucketIdOf(words),
    name: { bucket: bytes.slice(bucketStart, keyStart), key: bytes.slice(keyStart, keyEnd) },
  }
}
