/**
 * The record of a bucket that was created at run time: what all nodes know of it, its canonical
 * bytes and their digest, and which of two records of one bucket wins.
 *
 * Nothing of a bucket changes but the name that it is shown under. The name that it was created
 * with is part of its keys' tokens for ever, so a renamed bucket keeps its places.
 *
 *     same creation id ──► (version, digest)     the higher one wins, everywhere
 *
 * Two buckets are two creation ids, also where they were created under one name (bucket-names.ts).
 *
 * Canonical bytes, integers little-endian:
 *
 *     creation 8 | version 6 | policy 1 | n 1 | r 1 | w 1 | durability 1 |
 *     deadline in ms 4, 0: the node's own | created as, name: each its length 2 and UTF-8
 */
import type { Brand } from '../../base/brand.ts'
import { joinBytes, readU32, utf8Bytes, writeU16, writeU32, writeU48 } from '../../base/bytes.ts'
import { compareU64, type U64, u64 } from '../../base/u64.ts'
import { md5Into } from '../../native/digest.ts'
import { type BucketId, type CreationId, idBytes, type Policy } from '../names.ts'

/** First 64 bits of the MD5 of a record's canonical bytes. */
export type BucketDigest = Brand<U64, 'BucketDigest'>

/**
 * When a put counts at a node: once its log has synced it, or as soon as it is appended there. The
 * log syncs what is appended at once in both, one group after another; so with `interval` a node
 * that ends without warning loses what it took since its last sync. Everything but a put waits for
 * the sync. These numbers are in files and messages.
 */
export const Durability = { always: 0, interval: 1 } as const
export type Durability = (typeof Durability)[keyof typeof Durability]

export function isDurability(value: number): value is Durability {
  return value === Durability.always || value === Durability.interval
}

/** What never changes. */
export interface BucketTerms {
  readonly creation: CreationId
  /** The bucket of its keys, as bytes of UTF-8. */
  readonly createdAs: string
  readonly policy: Policy
  readonly n: number
  readonly r: number
  readonly w: number
  readonly durability: Durability
  /** Of a request that names none; 0: the node's own. */
  readonly deadlineMs: number
}

/** All of a record but its digest. */
export interface BucketFields extends BucketTerms {
  /** That an operator gave it last. */
  readonly name: string
  /** 1 to U48_MAX: a counter, and no clock reading. */
  readonly version: number
}

export interface BucketRecord extends BucketFields {
  readonly digest: BucketDigest
}

/** Bytes of the fields that have one length. */
export const FIXED_BYTES = 23

export function bucketRecord(fields: BucketFields): BucketRecord {
  const bytes = canonicalBytes(fields)
  const digest = new Uint8Array(16)
  md5Into(bytes, 0, bytes.length, digest, 0)
  return { ...fields, digest: u64<BucketDigest>(readU32(digest, 0), readU32(digest, 4)) }
}

export function canonicalBytes(fields: BucketFields): Uint8Array {
  const { creation, version, policy, n, r, w, durability, deadlineMs, createdAs, name } = fields
  const fixed = new Uint8Array(FIXED_BYTES)
  fixed.set(idBytes(creation), 0)
  writeU48(fixed, 8, version)
  fixed.set([policy, n, r, w, durability], 14)
  writeU32(fixed, 19, deadlineMs)
  return joinBytes([fixed, ...[createdAs, name].flatMap(lengthAndText)])
}

/** What goes along with each of its copies. */
export function bucketIdOf({ creation, policy, n }: BucketTerms): BucketId {
  return { creation, policy, n }
}

/**
 * Whether `a` wins over `b`. Requires: records of one bucket. False where they are equal. No
 * correct node makes two that differ in their terms; of such ones those of one are taken.
 */
export function wins(a: BucketRecord, b: BucketRecord): boolean {
  const [terms, others] = [termsText(a), termsText(b)]
  if (terms !== others) return terms < others
  if (a.version !== b.version) return a.version > b.version
  return compareU64(b.digest, a.digest) < 0
}

export function haveSameTerms(a: BucketTerms, b: BucketTerms): boolean {
  return termsText(a) === termsText(b)
}

function termsText(terms: BucketTerms): string {
  const { creation, createdAs, policy, n, r, w, durability, deadlineMs } = terms
  return JSON.stringify([creation, createdAs, policy, n, r, w, durability, deadlineMs])
}

function lengthAndText(text: string): readonly Uint8Array[] {
  const bytes = utf8Bytes(text)
  const length = new Uint8Array(2)
  writeU16(length, 0, bytes.length)
  return [length, bytes]
}
