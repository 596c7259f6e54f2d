/**
 * Read a segment from its first byte to its last, and report its records and its damage.
 *
 * A segment is read in large pieces, and the records in a piece are verified by one native call.
 * Where there is no sound record, there are three cases:
 *
 *   - Only zeros follow, to the end: the segment's records end here.
 *   - A record with a sound header and damaged contents. Its length is in the verified header, so
 *     the next record's place is known.
 *   - Anything else. Its length is unknown, so the scan tries every later place at which a record
 *     could begin (a multiple of 8) until a record verifies, header and contents, for exactly that
 *     place. Its digest must be right too, which only a holder of the digest key can compute:
 *     otherwise a client could store a value that looks like a record and have it found there after
 *     the bytes before it have rotted.
 *
 * Why not: skip by the length field, or give up after a number of errors, as Bitcask does. A
 * damaged length points anywhere, and good records follow the last bad one.
 */
import { assert } from '../../base/assert.ts'
import { sipHash64Into } from '../../native/digest.ts'
import {
  RECORD_HEADER_BYTES,
  RECORD_SCAN_WORDS,
  RECORD_WORDS,
  recordScanWords,
  RecordStatus,
  RecordSummary,
  recordSummaryAt,
  RecordWord,
  scanRecords,
  verifyRecord,
} from '../../native/record.ts'
import type { File } from '../../world/disk.ts'
import { readFully } from '../files.ts'
import { SEGMENT_HEADER_BYTES, type Segment } from './segment.ts'

const WINDOW_BYTES = 2 * 1024 * 1024
const BATCH = 1024
const ALIGNMENT = 8
/** The first four bytes of a record, read little-endian. */
const MAGIC = 0x31725745

export interface ScanEvents {
  /** `count` sound records as `scanRecords` describes them, of bytes that begin at `base`. */
  onRecords(words: Uint32Array, count: number, base: number, bytes: Uint8Array): Promise<void>
  /** No sound record from here to there. */
  onDamage(from: number, to: number): void
  /**
   * A record with a sound header, as `verifyRecord` describes it, and damaged contents.
   */
  onRottenRecord(offset: number, words: Uint32Array, bytes: Uint8Array, start: number): void
}

/** A part of the file in memory, which moves forward. Starts at multiples of 8. */
class Window {
  readonly #file: File
  #size: number
  bytes: Uint8Array
  #words: Uint32Array
  /** The place of bytes[0] in the file, and how many bytes are loaded. */
  base: number
  filled = 0

  /** `from`: where it begins. */
  constructor(file: File, size: number, memory: Uint8Array, from: number) {
    this.#file = file
    this.#size = size
    this.base = from
    this.bytes = memory
    this.#words = wordsOf(memory)
  }

  get end(): number {
    return this.base + this.filled
  }

  get isAtEnd(): boolean {
    return this.end >= this.#size
  }

  /** True where `bytes` from `at` are in the file, but not all of them in memory. */
  lacks(at: number, bytes: number): boolean {
    return at + bytes > this.end && at + bytes <= this.#size
  }

  /** Moves so that bytes[0] stands at `at`, and reads on: `needed` bytes and more, to the end. */
  async moveTo(at: number, needed: number): Promise<void> {
    assert(at >= this.base && at <= this.end, 'the window moves forward, without a gap')
    const kept = this.bytes.subarray(at - this.base, this.filled)
    if (needed <= this.bytes.length) this.bytes.copyWithin(0, at - this.base, this.filled)
    else {
      const larger = new Uint8Array(alignedUp(needed + WINDOW_BYTES))
      larger.set(kept)
      this.bytes = larger
      this.#words = wordsOf(larger)
    }
    this.base = at
    this.filled = kept.length
    const length = Math.min(this.bytes.length, this.#size - at) - this.filled
    const count = await readFully(this.#file, this.end, this.bytes, this.filled, length)
    this.filled += count
    if (count < length) this.#size = this.end
  }

  /** The first multiple of 8, from `at` on, with a byte that is not zero near it; or the end. */
  skipZeros(at: number): number {
    const words = this.#words
    const end = Math.floor(this.filled / ALIGNMENT) * 2
    let word = (at - this.base) / 4
    while (word < end && words[word] === 0 && words[word + 1] === 0) word += 2
    if (word < end) return this.base + word * 4
    for (let i = word * 4; i < this.filled; i++)
      if (this.bytes[i] !== 0) return this.base + word * 4
    return this.end
  }

  /** Whether a record may begin at `at`. */
  hasMagic(at: number): boolean {
    return at + 4 <= this.end && this.#words[(at - this.base) / 4] === MAGIC
  }
}

/** A part of a segment. */
export interface ScanPart {
  /** A multiple of 8. */
  readonly from: number
  /** Asked between records, with where it has come to: true ends the scan. */
  readonly isEnough: (at: number) => boolean
}

const WHOLE_SEGMENT: ScanPart = { from: 0, isEnough: () => false }

export class SegmentScanner {
  readonly #digestKey: Uint8Array
  readonly #windowBytes: number
  readonly #words: Uint32Array = recordScanWords(BATCH)
  readonly #one = new Uint32Array(RECORD_WORDS)
  readonly #digest = new Uint32Array(2)
  #memory = new Uint8Array(0)

  /** `windowBytes`: read at once. */
  constructor(digestKey: Uint8Array, windowBytes: number = WINDOW_BYTES) {
    this.#digestKey = digestKey
    this.#windowBytes = windowBytes
  }

  /** Resolves with where it has come to: the end of the segment's bytes, or of the part. */
  async scan(
    segment: Segment,
    file: File,
    events: ScanEvents,
    { from, isEnough }: ScanPart = WHOLE_SEGMENT,
  ): Promise<number> {
    const wanted = Math.min(this.#windowBytes, alignedUp(segment.bytes))
    if (this.#memory.length < wanted) this.#memory = new Uint8Array(wanted)
    const window = new Window(file, segment.bytes, this.#memory, from)
    await window.moveTo(from, 0)
    let at = Math.min(Math.max(from, SEGMENT_HEADER_BYTES), window.end)
    while ((at < window.end || !window.isAtEnd) && !isEnough(at)) {
      at = await this.#step(segment.number, window, at, events)
    }
    return at
  }

  /** Reports the record or damage at `at`, and returns where to go on. */
  async #step(segment: number, window: Window, at: number, events: ScanEvents): Promise<number> {
    const words = this.#words
    const start = at - window.base
    const count = scanRecords(window.bytes, start, window.filled, segment, at, words)
    const consumed = words[recordSummaryAt(words, RecordSummary.consumed)] as number
    const status = words[recordSummaryAt(words, RecordSummary.status)] as number
    const needed = words[recordSummaryAt(words, RecordSummary.needed)] as number
    if (count > 0) await events.onRecords(words, count, window.base, window.bytes)
    const next = at + consumed
    if (status === RecordStatus.ok) {
      if (next === window.end && !window.isAtEnd) await window.moveTo(next, RECORD_HEADER_BYTES)
      return next
    }
    if (window.lacks(next, needed)) {
      await window.moveTo(next, needed)
      return next
    }
    if (status === RecordStatus.bodyChecksum) return this.#passRotten(segment, window, next, events)
    return this.#passDamage(segment, window, next, events)
  }

  #passRotten(segment: number, window: Window, at: number, events: ScanEvents): number {
    const start = at - window.base
    verifyRecord(window.bytes, start, window.filled, segment, at, this.#one)
    events.onRottenRecord(at, this.#one, window.bytes, start)
    return at + (this.#one[RecordWord.totalBytes] as number)
  }

  /** Looks for the next sound record behind `from`, and reports the damage before it. */
  async #passDamage(
    segment: number,
    window: Window,
    from: number,
    events: ScanEvents,
  ): Promise<number> {
    let damageEnd = from
    let at = from
    for (;;) {
      at = window.skipZeros(at)
      if (at >= window.end || (window.end - at < ALIGNMENT && !window.isAtEnd)) {
        if (window.isAtEnd) break
        await window.moveTo(Math.min(at, window.end), ALIGNMENT)
        continue
      }
      if (at > from && window.hasMagic(at) && (await this.#isRecord(segment, window, at))) {
        events.onDamage(from, at)
        return at
      }
      at += ALIGNMENT
      damageEnd = at
    }
    if (damageEnd > from) events.onDamage(from, Math.min(damageEnd, window.end))
    return window.end
  }

  async #isRecord(segment: number, window: Window, at: number): Promise<boolean> {
    const words = this.#one
    let status = verifyRecord(window.bytes, at - window.base, window.filled, segment, at, words)
    if (status === RecordStatus.tooShort && window.lacks(at, RECORD_HEADER_BYTES)) {
      await window.moveTo(at, RECORD_HEADER_BYTES)
      status = verifyRecord(window.bytes, 0, window.filled, segment, at, words)
    }
    if (status === RecordStatus.truncated || status === RecordStatus.prefix) {
      const total = words[RecordWord.totalBytes] as number
      if (!window.lacks(at, total)) return false
      await window.moveTo(at, total)
      status = verifyRecord(window.bytes, 0, window.filled, segment, at, words)
    }
    return status === RecordStatus.ok && this.#hasDigest(window.bytes, at - window.base)
  }

  /** Whether the object of the record at `start` that has just been verified has its digest. */
  #hasDigest(bytes: Uint8Array, start: number): boolean {
    const words = this.#one
    const nameBytes =
      (words[RecordWord.bucketBytes] as number) + (words[RecordWord.keyBytes] as number)
    const objectStart =
      start + RECORD_HEADER_BYTES + nameBytes + (words[RecordWord.noteBytes] as number)
    const digestStart = words[RecordWord.digestStart] as number
    const covered = (words[RecordWord.bodyBytes] as number) - digestStart
    sipHash64Into(this.#digestKey, bytes, objectStart + digestStart, covered, this.#digest)
    return (
      this.#digest[0] === words[RecordWord.digestHi] &&
      this.#digest[1] === words[RecordWord.digestLo]
    )
  }
}

/** One word of record `index` of a scan. */
export function scanWord(words: Uint32Array, index: number, word: number): number {
  return words[index * RECORD_SCAN_WORDS + word] as number
}

function alignedUp(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT
}

/** Requires: memory that begins where its buffer begins. */
function wordsOf(memory: Uint8Array): Uint32Array {
  return new Uint32Array(memory.buffer, memory.byteOffset, Math.floor(memory.length / 4))
}
