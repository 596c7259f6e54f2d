/**
 * A record as recovery knows it: what its header says, and where it stands.
 */
import { readU16 } from '../../base/bytes.ts'
import { u64 } from '../../base/u64.ts'
import { type Digest, type Token, tokenOf } from '../../native/digest.ts'
import {
  number48,
  RECORD_HEADER_BYTES,
  RECORD_SCAN_WORDS,
  RecordScanWord,
  RecordWord,
} from '../../native/record.ts'
import type { Place } from '../../dynamo/names.ts'
import { NO_TAG, type Location, tagOf } from './location.ts'
import { placeAt, recordN } from './record-head.ts'
import { kindOf, RecordKind } from './record-kinds.ts'
import { scanWord } from './segment-scan.ts'

export interface Found extends Location {
  readonly bytes: number
  /** The byte of the file: says also whether the batch goes on. */
  readonly kind: number
  readonly token: Token
  readonly sequence: number
  readonly place: Place
  /** Records up to this sequence that it names are void. */
  readonly voids: number
  /** N of its bucket. */
  readonly n: number
  /** Undefined where its body has rotted. */
  readonly digest: Digest | undefined
}

/** A record that an append made: neither a mark nor an absence. */
export function isEntry(found: Found): boolean {
  const kind = kindOf(found.kind)
  return kind !== RecordKind.mark && kind !== RecordKind.absence
}

export function isDrop(found: Found): boolean {
  return kindOf(found.kind) === RecordKind.drop
}

export function isAbsence(found: Found): boolean {
  return kindOf(found.kind) === RecordKind.absence
}

/** The highest sequence that was durable when record `i` of a scan was written. */
export function syncedIn(words: Uint32Array, i: number): number {
  return number48(
    scanWord(words, i, RecordScanWord.syncedLow),
    scanWord(words, i, RecordScanWord.syncedHigh),
  )
}

/** The same of a record that `verifyRecord` describes. */
export function syncedOf(words: Uint32Array): number {
  return number48(words[RecordWord.syncedLow] as number, words[RecordWord.syncedHigh] as number)
}

/** Record `i` of a scan of `bytes`, which begin at `base`. */
export function foundIn(
  segment: number,
  base: number,
  words: Uint32Array,
  i: number,
  bytes: Uint8Array,
): Found {
  const start = scanWord(words, i, RecordScanWord.start)
  return {
    segment,
    offset: base + start,
    tag: tagOf(bucketAt(bytes, start)),
    bytes: scanWord(words, i, RecordScanWord.totalBytes),
    kind: scanWord(words, i, RecordScanWord.kind),
    token: u64(
      scanWord(words, i, RecordScanWord.tokenHi),
      scanWord(words, i, RecordScanWord.tokenLo),
    ),
    sequence: number48(
      scanWord(words, i, RecordScanWord.sequenceLow),
      scanWord(words, i, RecordScanWord.sequenceHigh),
    ),
    place: placeAt(words, i * RECORD_SCAN_WORDS + RecordScanWord.placeFirst),
    voids: number48(
      scanWord(words, i, RecordScanWord.voidsLow),
      scanWord(words, i, RecordScanWord.voidsHigh),
    ),
    n: recordN(bytes, start),
    digest: u64(
      scanWord(words, i, RecordScanWord.digestHi),
      scanWord(words, i, RecordScanWord.digestLo),
    ),
  }
}

/**
 * A record with a sound header and a rotten body, at bytes[start]. If its names have rotted, the
 * token is wrong. It has no tag: a wrong one would hide it from scans of its bucket.
 */
export function rottenFound(
  segment: number,
  offset: number,
  words: Uint32Array,
  bytes: Uint8Array,
  start: number,
): Found {
  const bucketStart = start + RECORD_HEADER_BYTES
  const keyStart = bucketStart + (words[RecordWord.bucketBytes] as number)
  const keyEnd = keyStart + (words[RecordWord.keyBytes] as number)
  return {
    segment,
    offset,
    tag: NO_TAG,
    bytes: words[RecordWord.totalBytes] as number,
    kind: words[RecordWord.kind] as number,
    token: tokenOf(bytes.subarray(bucketStart, keyStart), bytes.subarray(keyStart, keyEnd)),
    sequence: number48(
      words[RecordWord.sequenceLow] as number,
      words[RecordWord.sequenceHigh] as number,
    ),
    place: placeAt(words, RecordWord.placeFirst),
    voids: number48(words[RecordWord.voidsLow] as number, words[RecordWord.voidsHigh] as number),
    n: recordN(bytes, start),
    digest: undefined,
  }
}

/** The bucket of the record at bytes[start]. Requires: a sound record. */
function bucketAt(bytes: Uint8Array, start: number): Uint8Array {
  const bucketStart = start + RECORD_HEADER_BYTES
  return bytes.subarray(bucketStart, bucketStart + readU16(bytes, start + 6))
}
