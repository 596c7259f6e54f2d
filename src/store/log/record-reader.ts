/**
 * Read one record and judge it.
 *
 * What is in memory answers at once: records not yet durable, from `pending.ts`, and those whose
 * pages the system holds, through `readResident` (0.8 µs against 47 µs for the thread pool). What
 * is not comes through `read`.
 *
 * A record's length is not known before its header is: the first read takes 4 KiB, which most
 * records fit; a second takes the rest of those that do not. What is handed out is copied out of
 * the shared buffer, so a small object pins no more than itself; a long record is read into memory
 * of its own, and handed out as a view of it, which pins its header and key, a few bytes in a
 * hundred.
 *
 * Invariant: every byte handed out has passed both checksums at the place it was asked for. A
 * reading of the head alone has passed the header's, which covers the digest; its key is compared
 * byte by byte instead.
 */
import type { MaybePromise } from '../../base/deliver.ts'
import { EMPTY_BYTES } from '../../base/bytes.ts'
import { u64 } from '../../base/u64.ts'
import type { Digest } from '../../native/digest.ts'
import type { KeyName } from '../../dynamo/names.ts'
import { RECORD_BYTES_MAX } from '../../limits.ts'
import {
  number48,
  RECORD_HEADER_BYTES,
  RECORD_WORDS,
  recordMatches,
  RecordStatus,
  RecordWord,
  verifyRecord,
} from '../../native/record.ts'
import type { Trace } from '../../world/trace.ts'
import { readFully } from '../files.ts'
import type { Pending } from './pending.ts'
import { kindOf } from './record-kinds.ts'
import type { Segment } from './segment.ts'

const GUESS_BYTES = 4096
const BUFFERS_MAX = 64

export interface Reading {
  /** What the header says cannot be believed ('head'), or what follows it ('body'). */
  readonly rot: 'none' | 'head' | 'body'
  /** 0 where the head is rotten. */
  readonly kind: number
  readonly sequence: number
  readonly digest: Digest
  /** Of the key asked for. Where the body is rotten, so may be what this was compared with. */
  readonly isAsked: boolean
  /** Only where no key was asked for. Where the body is rotten, so may be this. */
  readonly name: KeyName | undefined
  /** Empty where only the head was asked for. */
  readonly note: Uint8Array
  readonly object: Uint8Array
}

export interface Question {
  readonly segment: number
  readonly offset: number
  /** The key that the record should be of; undefined: tell me. */
  readonly name: KeyName | undefined
  /** Without note and object. */
  readonly isHeadOnly: boolean
}

const ROTTEN_HEAD: Reading = {
  rot: 'head',
  kind: 0,
  sequence: 0,
  digest: u64(0, 0),
  isAsked: false,
  name: undefined,
  note: EMPTY_BYTES,
  object: EMPTY_BYTES,
}

export class RecordReader {
  readonly #segments: ReadonlyMap<number, Segment>
  readonly #pending: Pending
  readonly #trace: Trace
  readonly #words = new Uint32Array(RECORD_WORDS)
  /** For what is read and parsed within one turn. */
  readonly #shared = new Uint8Array(GUESS_BYTES)
  /** For reads that wait. */
  readonly #buffers: Uint8Array[] = []

  constructor(segments: ReadonlyMap<number, Segment>, pending: Pending, trace: Trace) {
    this.#segments = segments
    this.#pending = pending
    this.#trace = trace
  }

  /** Rejects with the system's error where the disk does not give the bytes. */
  read(question: Question): MaybePromise<Reading> {
    return this.readNow(question) ?? this.#readLater(question)
  }

  /** The reading, where no disk is needed for it. */
  readNow(question: Question): Reading | undefined {
    const { segment, offset } = question
    const chunk = this.#pending.find(segment, offset)
    if (chunk !== undefined) {
      const reading = this.#parse(question, chunk.bytes, offset - chunk.base, chunk.filled, false)
      return typeof reading === 'number' ? this.#rotten(question, 'truncated') : reading
    }
    const file = this.#segments.get(segment)?.file
    if (file === undefined) return this.#rotten(question, 'segment-missing')
    const count = file.readResident(offset, this.#shared, 0, firstLength(question))
    if (count < RECORD_HEADER_BYTES) return undefined
    const reading = this.#parse(question, this.#shared, 0, count, false)
    if (typeof reading !== 'number') return reading
    const whole = new Uint8Array(reading)
    if (file.readResident(offset, whole, 0, reading) < reading) return undefined
    return this.#parsed(question, whole, reading)
  }

  /**
   * Whether the record there is of this key: undefined where only the disk knows. True also of a
   * head that has rotted: nobody will ever read it, and what comes now in its place can be read.
   */
  isOfNow(segment: number, offset: number, name: KeyName): boolean | undefined {
    const chunk = this.#pending.find(segment, offset)
    if (chunk !== undefined) {
      return recordMatches(chunk.bytes, offset - chunk.base, name.bucket, name.key)
    }
    const bytes = this.#shared
    const length = Math.min(nameEnd(name), bytes.length)
    const file = this.#segments.get(segment)?.file
    if (file === undefined || file.readResident(offset, bytes, 0, length) < length) return undefined
    if (length < nameEnd(name)) return undefined
    const status = verifyRecord(bytes, 0, length, segment, offset, this.#words)
    return !isHeadSound(status) || recordMatches(bytes, 0, name.bucket, name.key)
  }

  async #readLater(question: Question): Promise<Reading> {
    const file = this.#segments.get(question.segment)?.file
    if (file === undefined) return this.#rotten(question, 'segment-missing')
    const buffer = this.#buffers.pop() ?? new Uint8Array(GUESS_BYTES)
    let reading: Reading | number
    try {
      const count = await readFully(file, question.offset, buffer, 0, firstLength(question))
      reading = this.#parse(question, buffer, 0, count, false)
    } finally {
      if (this.#buffers.length < BUFFERS_MAX) this.#buffers.push(buffer)
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

  /** The reading, or how many bytes it takes where that is more than there are. */
  #parse(
    question: Question,
    bytes: Uint8Array,
    start: number,
    end: number,
    isOwned: boolean,
  ): Reading | number {
    const words = this.#words
    const { segment, offset, name, isHeadOnly } = question
    const status = verifyRecord(bytes, start, end, segment, offset, words)
    if (!isHeadSound(status)) return this.#rotten(question, STATUS_NAMES[status])
    const noteStart =
      start +
      RECORD_HEADER_BYTES +
      (words[RecordWord.bucketBytes] as number) +
      (words[RecordWord.keyBytes] as number)
    if (status === RecordStatus.truncated && (!isHeadOnly || noteStart > end)) {
      const total = words[RecordWord.totalBytes] as number
      return total > RECORD_BYTES_MAX ? this.#rotten(question, 'too-long') : total
    }
    const isBodyRotten = status === RecordStatus.bodyChecksum
    if (isBodyRotten) this.#rotten(question, 'body-checksum')
    const isBare = isHeadOnly || isBodyRotten
    const noteEnd = noteStart + (words[RecordWord.noteBytes] as number)
    const objectEnd = noteEnd + (words[RecordWord.bodyBytes] as number)
    const tail = isBare ? EMPTY_BYTES : cut(bytes, noteStart, objectEnd, isOwned)
    return {
      rot: isBodyRotten ? 'body' : 'none',
      kind: kindOf(words[RecordWord.kind] as number),
      sequence: number48(
        words[RecordWord.sequenceLow] as number,
        words[RecordWord.sequenceHigh] as number,
      ),
      digest: u64(words[RecordWord.digestHi] as number, words[RecordWord.digestLo] as number),
      isAsked: name === undefined || recordMatches(bytes, start, name.bucket, name.key),
      name: name === undefined ? nameAt(bytes, start, words) : undefined,
      note: isBare ? EMPTY_BYTES : tail.subarray(0, noteEnd - noteStart),
      object: isBare ? EMPTY_BYTES : tail.subarray(noteEnd - noteStart),
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
] as const

function isHeadSound(status: number): boolean {
  return (
    status === RecordStatus.ok ||
    status === RecordStatus.truncated ||
    status === RecordStatus.bodyChecksum
  )
}

function firstLength(question: Question): number {
  if (!question.isHeadOnly || question.name === undefined) return GUESS_BYTES
  return Math.min(GUESS_BYTES, nameEnd(question.name))
}

function nameEnd(name: KeyName): number {
  return RECORD_HEADER_BYTES + name.bucket.length + name.key.length
}

function cut(bytes: Uint8Array, start: number, end: number, isOwned: boolean): Uint8Array {
  return isOwned ? bytes.subarray(start, end) : bytes.slice(start, end)
}

function nameAt(bytes: Uint8Array, start: number, words: Uint32Array): KeyName {
  const bucketStart = start + RECORD_HEADER_BYTES
  const keyStart = bucketStart + (words[RecordWord.bucketBytes] as number)
  const keyEnd = keyStart + (words[RecordWord.keyBytes] as number)
  return { bucket: bytes.slice(bucketStart, keyStart), key: bytes.slice(keyStart, keyEnd) }
}
