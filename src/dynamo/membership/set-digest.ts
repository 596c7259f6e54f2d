/**
 * The digest of a set of entries by member id, in buckets: equal sets have equal digests, and of
 * two that differ the buckets show where.
 *
 *     id 3f… ─► bucket 0x3f >> 2 ─► sum of the digests of its entries, modulo 2^64
 *     total  =  the sum of all buckets
 *
 * A sum does not depend on the order, and an entry comes and goes in constant time.
 *
 * Why not a hash tree: with 64 buckets a differing bucket of 2,000 members lists about 31 entries
 * in half a kilobyte; another level would save some hundred bytes and cost a round trip.
 *
 * A member that forges entries could make two sets that differ have one sum. It could as well send
 * the forged entries.
 */
import { type U64, u64 } from '../../base/u64.ts'
import type { NodeId } from '../names.ts'

export const BUCKETS = 64
/** Ids are random, so their first digits spread them. */
const BUCKET_SHIFT = 2

export function bucketOf(id: NodeId): number {
  return Number.parseInt(id.slice(0, 2), 16) >>> BUCKET_SHIFT
}

export class SetDigest {
  readonly #hi = new Uint32Array(BUCKETS)
  readonly #lo = new Uint32Array(BUCKETS)
  #totalHi = 0
  #totalLo = 0

  get total(): U64 {
    return u64(this.#totalHi, this.#totalLo)
  }

  get buckets(): readonly U64[] {
    return Array.from(this.#hi, (hi, i) => u64(hi, this.#lo[i] as number))
  }

  /** Whether a bucket has this sum. */
  isEqual(bucket: number, { hi, lo }: U64): boolean {
    return this.#hi[bucket] === hi && this.#lo[bucket] === lo
  }

  add(id: NodeId, entry: U64): void {
    this.#change(id, entry)
  }

  remove(id: NodeId, { hi, lo }: U64): void {
    const negative = (0x1_0000_0000 - lo) % 0x1_0000_0000
    // Two's complement: the lower half borrows from the upper one unless it is 0.
    this.#change(id, u64((lo === 0 ? -hi : ~hi) >>> 0, negative))
  }

  #change(id: NodeId, { hi, lo }: U64): void {
    const at = bucketOf(id)
    const low = (this.#lo[at] as number) + lo
    this.#lo[at] = low
    this.#hi[at] = (this.#hi[at] as number) + hi + (low > 0xffff_ffff ? 1 : 0)
    const total = this.#totalLo + lo
    this.#totalLo = total >>> 0
    this.#totalHi = (this.#totalHi + hi + (total > 0xffff_ffff ? 1 : 0)) >>> 0
  }
}
