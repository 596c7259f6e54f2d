/**
 * What a request names: the owners that its sender counts on, and how often they have changed. A
 * receiver that knows the same serves it, whatever else of tables and moves one of the two has not
 * heard of yet. So a table that takes effect stops nothing where no place has moved.
 *
 * Why not the owners alone: a place may move away and come back. A read that began before, and has
 * the answer of its owner of then, would count it together with answers from after, and miss what
 * was acknowledged while the place was elsewhere.
 *
 * Source: docs/design.md, moves of places; test/model/ownership.
 */
import { readU32, utf8Bytes } from '../../base/bytes.ts'
import { u64 } from '../../base/u64.ts'
import { md5Into } from '../../native/digest.ts'
import type { NodeId } from '../names.ts'
import type { RingDigest } from './ring.ts'

/** Of the finalizer of MurmurHash3 in 32 bits, and of FNV-1a. */
const FACTORS = [0x85ebca6b, 0x01000193] as const

/**
 * Owners in order of preference, after so many moves; those that are named as dead are owners that
 * count for nothing.
 */
export function ownersDigest(
  owners: readonly NodeId[],
  moved: number,
  dead: readonly NodeId[],
): RingDigest {
  const named = owners.map((id) => (dead.includes(id) ? `${id} dead` : id))
  const bytes = utf8Bytes(`owners\0${moved}\0${named.join('\0')}`)
  const digest = new Uint8Array(16)
  md5Into(bytes, 0, bytes.length, digest, 0)
  return u64(readU32(digest, 0), readU32(digest, 4))
}

/** Those of several partitions, in this order, of a ring with so many bits. */
export function joinedDigest(bits: number, digests: Iterable<RingDigest>): RingDigest {
  let [hi, lo] = [bits, bits]
  for (const one of digests) {
    hi = Math.imul(hi ^ one.hi, FACTORS[0]) ^ (hi >>> 15)
    lo = Math.imul(lo ^ one.lo, FACTORS[1]) ^ (lo >>> 13)
  }
  return u64(hi >>> 0, lo >>> 0)
}
