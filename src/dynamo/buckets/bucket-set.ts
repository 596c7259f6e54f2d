/**
 * The set of all buckets that were created: it grows by records that win, and two sets that have
 * taken the same records are equal, whatever the order.
 *
 * Invariant: at most BUCKET_RECORDS_MAX records. A node creates none above BUCKETS_MAX; the rest is
 * for those that others create at the same time. Sets agree in any order only below the bound.
 */
import { readU32 } from '../../base/bytes.ts'
import type { Brand } from '../../base/brand.ts'
import { type U64, u64 } from '../../base/u64.ts'
import { BUCKET_RECORDS_MAX } from '../../limits.ts'
import { md5Into } from '../../native/digest.ts'
import { CounterCeiling } from '../counter-ceiling.ts'
import type { CreationId } from '../names.ts'
import { recordsBytes } from './bucket-bytes.ts'
import { type BucketRecord, wins } from './bucket-record.ts'

/** First 64 bits of an MD5 over all records; zero of none. */
export type BucketsDigest = Brand<U64, 'BucketsDigest'>

export type TakenBucket = 'taken' | 'known' | 'full'

export class BucketSet {
  readonly #records = new Map<CreationId, BucketRecord>()
  readonly #ceiling = new CounterCeiling()

  constructor(records: Iterable<BucketRecord> = []) {
    for (const record of records) this.take(record)
  }

  get size(): number {
    return this.#records.size
  }

  get(creation: CreationId): BucketRecord | undefined {
    return this.#records.get(creation)
  }

  /** In the order of creation ids. */
  get all(): readonly BucketRecord[] {
    return [...this.#records.values()].toSorted((a, b) => (a.creation < b.creation ? -1 : 1))
  }

  /** Whether the version of a record that another member sent is to be taken now. */
  admits({ creation, version }: BucketRecord): boolean {
    return this.#ceiling.admits(version, this.#records.get(creation)?.version ?? 0)
  }

  take(record: BucketRecord): TakenBucket {
    const known = this.#records.get(record.creation)
    if (known !== undefined && !wins(record, known)) return 'known'
    if (known === undefined && this.#records.size >= BUCKET_RECORDS_MAX) return 'full'
    this.#records.set(record.creation, record)
    return 'taken'
  }
}

export function bucketsDigestOf(records: readonly BucketRecord[]): BucketsDigest {
  if (records.length === 0) return u64(0, 0)
  const bytes = recordsBytes(records)
  const digest = new Uint8Array(16)
  md5Into(bytes, 0, bytes.length, digest, 0)
  return u64(readU32(digest, 0), readU32(digest, 4))
}
