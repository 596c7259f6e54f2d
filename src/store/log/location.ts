/**
 * A location in the log, with a byte of its bucket, in the two words of a key-directory entry.
 *
 *     segment 29 bits | tag 3 bits        offset / 8, 27 bits | tag 5 bits
 *
 * Records begin at multiples of 8 within a segment of at most 1 GiB, so an offset leaves 5 bits.
 * The tag lets a scan of one bucket pass over records of other buckets without reading them.
 *
 * Invariant: a record with a tag is of a bucket with that tag. Where the bucket of a record cannot
 * be believed, its tag is `NO_TAG`, and every scan reads it.
 */
import { assert } from '../../base/assert.ts'
import { SEGMENT_BYTES_MAX } from '../../limits.ts'

export interface Location {
  readonly segment: number
  /** A multiple of 8. */
  readonly offset: number
  readonly tag: number
}

/** The tag of a record whose bucket is not known. */
export const NO_TAG = 0
/** The highest segment number that a location can name: more than any log comes to. */
const SEGMENT_MAX = 2 ** 29 - 2
const SEGMENT_BITS = 29
const UNIT_BITS = 27
const UNIT_BYTES = 8
const LOW_TAG_BITS = 32 - SEGMENT_BITS

assert(SEGMENT_BYTES_MAX / UNIT_BYTES <= 2 ** UNIT_BITS, 'every offset fits its bits')

/** 1 to 255: buckets have one tag in 255 by chance. The FNV-1a hash of the bytes. */
export function tagOf(bucket: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < bucket.length; i++) {
    hash = Math.imul(hash ^ (bucket[i] as number), 0x01000193)
  }
  return 1 + ((hash >>> 0) % 255)
}

/** The first word of the entry. */
export function segmentWord({ segment, tag }: Location): number {
  assert(segment <= SEGMENT_MAX, 'a segment number fits its bits')
  return (segment | (tag << SEGMENT_BITS)) >>> 0
}

/** The second word of the entry. */
export function offsetWord({ offset, tag }: Location): number {
  return ((offset / UNIT_BYTES) | ((tag >>> LOW_TAG_BITS) << UNIT_BITS)) >>> 0
}

export function locationOf(segmentWord: number, offsetWord: number): Location {
  return {
    segment: segmentWord & (2 ** SEGMENT_BITS - 1),
    offset: (offsetWord & (2 ** UNIT_BITS - 1)) * UNIT_BYTES,
    tag: (segmentWord >>> SEGMENT_BITS) | ((offsetWord >>> UNIT_BITS) << LOW_TAG_BITS),
  }
}
