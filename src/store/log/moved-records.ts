/** Records of another log, in the page that has brought them. */
import { u64 } from '../../base/u64.ts'
import { type CopyId, isPolicy, OWN, type Policy } from '../../dynamo/names.ts'
import { BUCKET_BYTES_MAX, KEY_BYTES_MAX, REPLICAS_MAX } from '../../limits.ts'
import type { Digest, Token } from '../../native/digest.ts'
import { MOVED_WORDS, movedRecordWords, MovedWord, scanMoved } from '../../native/moved-records.ts'
import {
  RECORD_HEADER_BYTES,
  recordBytes,
  RecordStatus,
  RecordSummary,
  recordSummaryAt,
} from '../../native/record.ts'
import type { MovedRecords } from '../engine.ts'
import { creationAt } from './record-head.ts'
import { kindOf, RecordKind } from './record-kinds.ts'

/** No record is shorter: a header alone. */
const LEAST_BYTES = RECORD_HEADER_BYTES

export class PageRecords implements MovedRecords {
  readonly bytes: Uint8Array
  readonly count: number
  /** MOVED_WORDS for each record. */
  readonly words: Uint32Array

  private constructor(bytes: Uint8Array, words: Uint32Array, count: number) {
    this.bytes = bytes
    this.words = words
    this.count = count
  }

  /** Undefined where the bytes are anything but sound records of own copies. */
  static of(bytes: Uint8Array, digestKey: Uint8Array): PageRecords | undefined {
    const words = movedRecordWords(1 + Math.floor(bytes.length / LEAST_BYTES))
    const count = bytes.length === 0 ? 0 : scanMoved(bytes, digestKey, words)
    const summary = (word: number): number => words[recordSummaryAt(words, word)] as number
    if (summary(RecordSummary.status) !== RecordStatus.ok) return undefined
    if (summary(RecordSummary.consumed) !== bytes.length) return undefined
    const records = new PageRecords(bytes, words, count)
    for (let i = 0; i < count; i++) if (!records.#isOwnCopy(i)) return undefined
    return records
  }

  start(index: number): number {
    return this.#word(index, MovedWord.start)
  }

  /** In another log, where it has no note. */
  bytesMoved(index: number): number {
    const word = (at: number): number => this.#word(index, at)
    const [bucket, key] = [word(MovedWord.bucketBytes), word(MovedWord.keyBytes)]
    return recordBytes(bucket, key, 0, word(MovedWord.bodyBytes))
  }

  /** Whether two records are of buckets with one name; it allocates nothing. */
  haveSameBucket(one: number, other: number): boolean {
    const length = this.#word(one, MovedWord.bucketBytes)
    if (this.#word(other, MovedWord.bucketBytes) !== length) return false
    const [a, b] = [this.start(one) + RECORD_HEADER_BYTES, this.start(other) + RECORD_HEADER_BYTES]
    for (let i = 0; i < length; i++) if (this.bytes[a + i] !== this.bytes[b + i]) return false
    return true
  }

  bucketAt(index: number): Uint8Array {
    const from = this.start(index) + RECORD_HEADER_BYTES
    return this.bytes.subarray(from, from + this.#word(index, MovedWord.bucketBytes))
  }

  tokenAt(index: number): Token {
    return u64(this.#word(index, MovedWord.tokenHi), this.#word(index, MovedWord.tokenLo))
  }

  nAt(index: number): number {
    return this.#word(index, MovedWord.n)
  }

  policyAt(index: number): Policy {
    return this.#word(index, MovedWord.policy) as Policy
  }

  digestAt(index: number): Digest {
    return u64(this.#word(index, MovedWord.digestHi), this.#word(index, MovedWord.digestLo))
  }

  copyAt(index: number): CopyId {
    const bucket = this.bucketAt(index)
    const keyStart = bucket.byteOffset - this.bytes.byteOffset + bucket.length
    const key = this.bytes.subarray(keyStart, keyStart + this.#word(index, MovedWord.keyBytes))
    const creation = creationAt(this.words, index * MOVED_WORDS + MovedWord.creationFirst)
    const bucketId = { creation, policy: this.policyAt(index), n: this.nAt(index) }
    return { place: OWN, bucketId, token: this.tokenAt(index), name: { bucket, key } }
  }

  objectAt(index: number): Uint8Array {
    const word = (at: number): number => this.#word(index, at)
    const names = word(MovedWord.bucketBytes) + word(MovedWord.keyBytes)
    const from = word(MovedWord.start) + RECORD_HEADER_BYTES + names + word(MovedWord.noteBytes)
    return this.bytes.subarray(from, from + word(MovedWord.bodyBytes))
  }

  layoutAt(index: number): { readonly prefixBytes: number; readonly digestStart: number } {
    const prefixBytes = this.#word(index, MovedWord.prefixBytes)
    return { prefixBytes, digestStart: this.#word(index, MovedWord.digestStart) }
  }

  #isOwnCopy(index: number): boolean {
    const word = (at: number): number => this.#word(index, at)
    if (kindOf(word(MovedWord.kind)) !== RecordKind.object) return false
    if (word(MovedWord.placeFirst) !== 0 || word(MovedWord.placeLast) !== 0) return false
    if (!isPolicy(word(MovedWord.policy))) return false
    if (word(MovedWord.n) < 1 || word(MovedWord.n) > REPLICAS_MAX) return false
    const [bucket, key] = [word(MovedWord.bucketBytes), word(MovedWord.keyBytes)]
    return bucket <= BUCKET_BYTES_MAX && key <= KEY_BYTES_MAX
  }

  #word(index: number, word: number): number {
    return this.words[index * MOVED_WORDS + word] as number
  }
}
