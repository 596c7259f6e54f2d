/**
 * Verifies records of another log, many by one native call, and writes them as records of this one.
 *
 * Each states where it stood in the log that it comes from, and is verified for that place; its
 * digest is computed anew. In this log it gets a place and a sequence of its own and loses its
 * note, and the checksums of its object stay as they are. How it works is in native/record.h.
 */
import { addon } from './addon.ts'
import { RECORD_SUMMARY_WORDS } from './record.ts'

/** Words that `scanMoved` writes for each record. */
export const MOVED_WORDS: number = addon.movedWords

/**
 * Offsets in the words of one record. `start` is an index into its bytes; place and creation are
 * the first and the last four bytes of an id.
 */
export const MovedWord = {
  kind: 0,
  start: 1,
  totalBytes: 2,
  tokenHi: 3,
  tokenLo: 4,
  digestHi: 5,
  digestLo: 6,
  policy: 7,
  n: 8,
  bucketBytes: 9,
  keyBytes: 10,
  noteBytes: 11,
  bodyBytes: 12,
  prefixBytes: 13,
  digestStart: 14,
  placeFirst: 15,
  placeLast: 16,
  creationFirst: 17,
  creationLast: 18,
} as const

/** An array with room for `records` records of a scan and the summary. */
export function movedRecordWords(records: number): Uint32Array {
  return new Uint32Array(records * MOVED_WORDS + RECORD_SUMMARY_WORDS)
}

/**
 * Verifies the records that follow one another in `bytes`, and their digests under `key` (16
 * bytes); returns how many are described in `out`. Ends at the end of the bytes, at the first
 * record that is not ok, or when `out` is full; the summary is as that of `scanRecords`.
 */
export const scanMoved: (bytes: Uint8Array, key: Uint8Array, out: Uint32Array) => number =
  addon.scanMoved

/**
 * Writes the records that begin at the first `count` of `starts` to out[at], one behind the other,
 * as records of this log: the first at (segment, offset) with that sequence, all with what was
 * `synced`. Returns the bytes written. Requires: `scanMoved` has described them.
 */
export const encodeMoved: (
  bytes: Uint8Array,
  starts: Uint32Array,
  count: number,
  out: Uint8Array,
  at: number,
  segment: number,
  offset: number,
  sequence: number,
  synced: number,
) => number = addon.encodeMoved
