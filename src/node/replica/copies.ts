/**
 * Reads a page of this member's copies, whole or as their outlines.
 *
 * A page ends before the token whose copies would pass its bytes. The copies of its first token may
 * pass them. Where those fit no message together, some come as their outlines: each can be read by
 * its key.
 */
import { type BucketId, type CreationId, OWN } from '../../dynamo/names.ts'
import { outlineOf } from '../../dynamo/version/object-bytes.ts'
import { MESSAGE_BYTES_MAX, SCAN_PAGE_BYTES_MAX, SCAN_PAGE_KEYS_MAX } from '../../limits.ts'
import type { Token } from '../../native/digest.ts'
import type { Engine } from '../../store/engine.ts'
import { handedOver } from './refusals.ts'

/** What a message has for an entry beside its names and object, at most. */
const ENTRY_OVERHEAD_BYTES = 64

/** Keys by their tokens: both ends belong to it. */
export interface KeyRange {
  readonly from: Token
  readonly to: Token
  /** Empty: of all buckets. */
  readonly bucket: Uint8Array
  /** Of the bucket named. */
  readonly creation: CreationId
  readonly n: number
  readonly keysMax: number
  /** False: copies come as their outlines (`object-bytes.ts`). */
  readonly withValues: boolean
}

/** Copies in a range, in the order of their tokens. */
export interface CopiesPage {
  readonly entries: readonly {
    readonly token: Token
    readonly bucket: Uint8Array
    readonly key: Uint8Array
    readonly bucketId: BucketId
    /** Encoded. */
    readonly object: Uint8Array
    /** It is the outline alone: values were not asked for, or do not fit the page. */
    readonly isOutline: boolean
  }[]
  /** Where to go on; undefined when the end of the range was reached. */
  readonly next: Token | undefined
}

/**
 * Rejects with `record-rotten` where the first copy cannot be read, and with `ring-differs` where
 * the range is not open: copies that are not owned any more may be dropped during the read.
 */
export async function copiesIn(
  engine: Engine,
  range: KeyRange,
  isOpen: (range: KeyRange) => boolean,
): Promise<CopiesPage> {
  if (!isOpen(range)) throw handedOver()
  const { from, to, bucket: name, creation, keysMax, withValues } = range
  const query = {
    place: OWN,
    from,
    to,
    ...(name.length === 0 ? {} : { bucket: { name, creation } }),
    keysMax: Math.min(keysMax, SCAN_PAGE_KEYS_MAX),
    bytesMax: SCAN_PAGE_BYTES_MAX,
  }
  const { entries, next } = await (withValues ? engine.scan(query) : engine.prefixes(query))
  if (!isOpen(range)) throw handedOver()
  let left = MESSAGE_BYTES_MAX
  const copies = entries.map(({ token, name, bucketId, object }) => {
    const aroundBytes = name.bucket.length + name.key.length + ENTRY_OVERHEAD_BYTES
    const isOutline = !withValues || object.length + aroundBytes > left
    const bytes = isOutline && withValues ? (outlineOf(object) ?? object) : object
    left -= bytes.length + aroundBytes
    return { token, ...name, bucketId, object: bytes, isOutline }
  })
  return { entries: copies, next }
}
