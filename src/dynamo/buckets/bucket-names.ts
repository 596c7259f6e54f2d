/**
 * The names by which buckets are found, computed from their records alone.
 *
 *     carts                     the bucket with this name; of several the one with the lowest id
 *     carts#00c0ffee00c0ffee    the bucket that was created as `carts` with this id, always
 *     carts#0000000000000000    what was put under `carts` where no bucket of that name was known
 *
 * Two nodes that do not reach each other may create two buckets under one name, or give two of them
 * one name. All nodes then show the same one under it, and the others under their exact names,
 * until an operator renames one. So no value is hidden, and none changes its place.
 */
import { utf8Bytes } from '../../base/bytes.ts'
import { BUCKET_BYTES_MAX } from '../../limits.ts'
import type { CreationId } from '../names.ts'
import type { BucketRecord, BucketTerms } from './bucket-record.ts'

/** `#` and sixteen digits. */
const SUFFIX_CHARS = 17
const EXACT = /^(.+)#([0-9a-f]{16})$/s

/** What an exact name says. */
export type Exact = Pick<BucketTerms, 'creation' | 'createdAs'>

export function exactName({ createdAs, creation }: Exact): string {
  return `${createdAs}#${creation}`
}

/** Undefined where the text is no exact name. */
export function exactOf(text: string): Exact | undefined {
  const [, createdAs, creation] = EXACT.exec(text) ?? []
  if (createdAs === undefined || creation === undefined) return undefined
  return { createdAs, creation: creation as CreationId }
}

/** Whether a bucket may be given this name: its exact name has to fit a key's bucket. */
export function isGivenName(text: string): boolean {
  const { length } = utf8Bytes(text)
  return length >= 1 && length <= BUCKET_BYTES_MAX - SUFFIX_CHARS && exactOf(text) === undefined
}

/** The name under which each bucket is shown. */
export function shownNames(records: Iterable<BucketRecord>): ReadonlyMap<string, BucketRecord> {
  const shown = new Map<string, BucketRecord>()
  const sorted = [...records].toSorted((a, b) => (a.creation < b.creation ? -1 : 1))
  for (const record of sorted) {
    shown.set(shown.has(record.name) ? exactName(record) : record.name, record)
  }
  return shown
}
