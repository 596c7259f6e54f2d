/**
 * What the header of a record says of its copy, as words: written for `encodeRecord`, read from
 * `verifyRecord` and `scanRecords`.
 */
import { hexOf, writeU32 } from '../../base/bytes.ts'
import {
  type BucketId,
  type CopyId,
  ID_BYTES,
  NEVER_CREATED,
  OWN,
  type Place,
  type Policy,
} from '../../dynamo/names.ts'
import type { Digest } from '../../native/digest.ts'
import { recordCreation, recordMatches, RecordWord, setNumber48 } from '../../native/record.ts'

/** All of a header but where the record stands and what it knows durable. */
export interface RecordHead extends Pick<CopyId, 'place' | 'bucketId'> {
  /** The byte of the file: says also whether the batch goes on. */
  readonly kind: number
  /** Older records up to this sequence are void: of the key, or of a range for a drop. */
  readonly voids: number
  readonly prefixBytes: number
  readonly digestStart: number
  readonly digest: Digest
}

/** Of records that are of no bucket. */
export const NO_BUCKET_ID: BucketId = {
  creation: NEVER_CREATED,
  policy: 0 as Policy,
  n: 0,
}

export function setHead(words: Uint32Array, head: Omit<RecordHead, 'voids'>, voids: number): void {
  const { bucketId, digest } = head
  words[RecordWord.kind] = head.kind
  setNumber48(words, RecordWord.voidsLow, voids)
  words[RecordWord.policy] = bucketId.policy
  words[RecordWord.n] = bucketId.n
  words[RecordWord.prefixBytes] = head.prefixBytes
  words[RecordWord.digestStart] = head.digestStart
  words[RecordWord.digestHi] = digest.hi
  words[RecordWord.digestLo] = digest.lo
  setId(words, RecordWord.placeFirst, head.place)
  setId(words, RecordWord.creationFirst, bucketId.creation)
}

/** The bucket id of a record that `verifyRecord` describes. */
export function bucketIdOf(words: Uint32Array): BucketId {
  return {
    creation: creationAt(words, RecordWord.creationFirst),
    policy: words[RecordWord.policy] as Policy,
    n: words[RecordWord.n] as number,
  }
}

/** The creation id in the two words at `at`. */
export function creationAt(words: Uint32Array, at: number): BucketId['creation'] {
  return idAt(words, at) as BucketId['creation']
}

/** The place in the two words at `at`. */
export function placeAt(words: Uint32Array, at: number): Place {
  return idAt(words, at) as Place
}

/**
 * Whether the record at bytes[start] is of this key. Requires: a record there with a sound header,
 * in the copy's place.
 */
export function isRecordOf(
  bytes: Uint8Array,
  start: number,
  { name, bucketId: { creation } }: Pick<CopyId, 'name' | 'bucketId'>,
): boolean {
  if (!recordMatches(bytes, start, name.bucket, name.key)) return false
  const [first, last] = recordCreation(bytes, start)
  return first === wordOf(creation, 0) && last === wordOf(creation, ID_BYTES)
}

const N_AT = 43

/** N of the bucket of the record at bytes[start]. Requires: a record there with a sound header. */
export function recordN(bytes: Uint8Array, start: number): number {
  return bytes[start + N_AT] as number
}

function setId(words: Uint32Array, at: number, id: string): void {
  words[at] = wordOf(id, 0)
  words[at + 1] = wordOf(id, ID_BYTES)
}

/** The word of the four bytes that the eight digits from `at` on spell. */
function wordOf(id: string, at: number): number {
  if (id === OWN) return 0
  const value = Number.parseInt(id.slice(at, at + ID_BYTES), 16)
  return (
    ((value >>> 24) | ((value >>> 8) & 0xff00) | ((value << 8) & 0xff0000) | (value << 24)) >>> 0
  )
}

function idAt(words: Uint32Array, at: number): string {
  const first = words[at] as number
  const last = words[at + 1] as number
  if (first === 0 && last === 0) return OWN
  const bytes = new Uint8Array(ID_BYTES)
  writeU32(bytes, 0, first)
  writeU32(bytes, 4, last)
  return hexOf(bytes, 0, ID_BYTES)
}
