/**
 * Writes and verifies records of the log, and scans many by one native call.
 *
 * The record, byte by byte, is in native/record.h. A record is verified for the place where it was
 * found: sound bytes from another place are `misplaced`. Sequences are numbers below 2^48, returned
 * as a low word and a high half word.
 */
import { readU16, readU32 } from '../base/bytes.ts'
import { addon } from './addon.ts'

/** Bytes before the contents. */
export const RECORD_HEADER_BYTES: number = addon.recordHeaderBytes

/** Words that `verifyRecord` writes; `RecordWord` says which is which. */
export const RECORD_WORDS: number = addon.recordWords

/** Words that `scanRecords` writes for each record, and for the scan behind them. */
export const RECORD_SCAN_WORDS: number = addon.recordScanWords
export const RECORD_SUMMARY_WORDS = 4

/** The result of verifying a record. The same numbers as in native/record.h. */
export const RecordStatus = {
  ok: 0,
  /** Fewer bytes than a header has. */
  tooShort: 1,
  /** Another magic: never written, or not the start of a record. */
  noRecord: 2,
  formatUnknown: 3,
  headerChecksum: 4,
  /** Sound, but of another segment or offset. */
  misplaced: 5,
  /** The header is sound; the end of the record is not there. */
  truncated: 6,
  bodyChecksum: 7,
  /** Truncated, but sound up to the end of the prefix, which is there. */
  prefix: 8,
} as const
export type RecordStatus = (typeof RecordStatus)[keyof typeof RecordStatus]

/**
 * Offsets in the words of one record, as `verifyRecord` writes and `encodeRecord` reads them.
 * Place and creation are the first and the last four bytes of an id.
 */
export const RecordWord = {
  kind: 0,
  bucketBytes: 1,
  keyBytes: 2,
  noteBytes: 3,
  bodyBytes: 4,
  totalBytes: 5,
  segment: 6,
  offset: 7,
  sequenceLow: 8,
  sequenceHigh: 9,
  syncedLow: 10,
  syncedHigh: 11,
  voidsLow: 12,
  voidsHigh: 13,
  policy: 14,
  n: 15,
  prefixBytes: 16,
  digestStart: 17,
  digestHi: 18,
  digestLo: 19,
  placeFirst: 20,
  placeLast: 21,
  creationFirst: 22,
  creationLast: 23,
  /** 1 if bucket, key and note are there and sound. */
  areNamesSound: 24,
} as const

/** Offsets in the words of one record of `scanRecords`. `start` is an index into its bytes. */
export const RecordScanWord = {
  kind: 0,
  start: 1,
  totalBytes: 2,
  tokenHi: 3,
  tokenLo: 4,
  sequenceLow: 5,
  sequenceHigh: 6,
  syncedLow: 7,
  syncedHigh: 8,
  digestHi: 9,
  digestLo: 10,
  placeFirst: 11,
  placeLast: 12,
  voidsLow: 13,
  voidsHigh: 14,
} as const

/** Offsets in the last four words of the `out` of `scanRecords`. */
export const RecordSummary = {
  /** Records described. */
  count: 0,
  /** Bytes they take, from `start`. */
  consumed: 1,
  /** The `RecordStatus` of what stands behind them; ok at the end, or for want of room. */
  status: 2,
  /** Bytes of what stands behind them, if too few are there: tooShort and truncated; else 0. */
  needed: 3,
} as const

/** The bytes that a record takes, padding with it: a multiple of 8. */
export function recordBytes(
  bucketBytes: number,
  keyBytes: number,
  noteBytes: number,
  bodyBytes: number,
): number {
  const bytes = RECORD_HEADER_BYTES + bucketBytes + keyBytes + noteBytes + bodyBytes
  return bytes + ((8 - (bytes % 8)) % 8)
}

/**
 * Writes a record at `at`, its checksums with it, and returns its bytes.
 *
 * Takes all but the lengths from the words of `head`; they are those of bucket, key and note (at
 * most 65,535 bytes each) and of body (below 2^32), which must lie elsewhere than the record does.
 * The first `prefixBytes` of the body can be read alone, and the digest is of those from
 * `digestStart` on.
 */
export const encodeRecord: (
  out: Uint8Array,
  at: number,
  head: Uint32Array,
  bucket: Uint8Array,
  key: Uint8Array,
  note: Uint8Array,
  body: Uint8Array,
) => number = addon.encodeRecord

/**
 * Verifies the record that should begin at bytes[start], end before `end`, and stand at (segment,
 * offset). Fills `out` (RECORD_WORDS) where the header is sound and in its place: for ok,
 * truncated, bodyChecksum and prefix.
 */
export const verifyRecord: (
  bytes: Uint8Array,
  start: number,
  end: number,
  segment: number,
  offset: number,
  out: Uint32Array,
) => RecordStatus = addon.verifyRecord as (
  bytes: Uint8Array,
  start: number,
  end: number,
  segment: number,
  offset: number,
  out: Uint32Array,
) => RecordStatus

/** An array with room for `records` records of a scan and the summary. */
export function recordScanWords(records: number): Uint32Array {
  return new Uint32Array(records * RECORD_SCAN_WORDS + RECORD_SUMMARY_WORDS)
}

/** The index in `out` of one word of the summary. */
export function recordSummaryAt(out: Uint32Array, word: number): number {
  return out.length - RECORD_SUMMARY_WORDS + word
}

/**
 * Verifies the records that follow one another in bytes[start, end), the first of which should
 * stand at (segment, baseOffset); returns how many are described in `out`, each with its token.
 *
 * Ends at the end of the bytes, at the first record that is not ok, or when `out` is full: if the
 * count is all that `out` can hold and consumed < end - start, call again from start + consumed.
 */
export const scanRecords: (
  bytes: Uint8Array,
  start: number,
  end: number,
  segment: number,
  baseOffset: number,
  out: Uint32Array,
) => number = addon.scanRecords

/** A 48-bit number from its two words, as `sequenceLow` and `sequenceHigh` give them. */
export function number48(low: number, high: number): number {
  return high * 0x1_0000_0000 + low
}

/** Writes a 48-bit number as two words, the low one first. */
export function setNumber48(words: Uint32Array, at: number, value: number): void {
  words[at] = value
  words[at + 1] = Math.floor(value / 0x1_0000_0000)
}

/** Whether the bytes at `start` of `bytes` are those of `other`. */
function isEqualAt(bytes: Uint8Array, start: number, other: Uint8Array): boolean {
  for (let i = 0; i < other.length; i++) if (bytes[start + i] !== other[i]) return false
  return true
}

const CREATION_AT = 68

/** The two words of the creation id of the record at `start`. */
export function recordCreation(bytes: Uint8Array, start: number): readonly [number, number] {
  return [readU32(bytes, start + CREATION_AT), readU32(bytes, start + CREATION_AT + 4)]
}

/** The bytes of the record at `start`. Requires: a record there with a sound header. */
export function recordBytesAt(bytes: Uint8Array, start: number): number {
  const [bucketBytes, keyBytes, noteBytes] = [6, 8, 10].map((at) => readU16(bytes, start + at))
  return recordBytes(bucketBytes!, keyBytes!, noteBytes!, readU32(bytes, start + 12))
}

/**
 * Whether the record at `start` is of that bucket and key. Plain TypeScript: for keys of tens of
 * bytes the way into the addon costs more than the comparison.
 * Requires: a record there that `verifyRecord` found ok.
 */
export function recordMatches(
  bytes: Uint8Array,
  start: number,
  bucket: Uint8Array,
  key: Uint8Array,
): boolean {
  const bucketBytes = readU16(bytes, start + 6)
  const keyBytes = readU16(bytes, start + 8)
  if (bucketBytes !== bucket.length || keyBytes !== key.length) return false
  const contents = start + RECORD_HEADER_BYTES
  return isEqualAt(bytes, contents + bucketBytes, key) && isEqualAt(bytes, contents, bucket)
}
