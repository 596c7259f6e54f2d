/**
 * Merkle trees over the token space, off the JavaScript heap: they show where two copies differ.
 *
 * A leaf is the first 20 bits of a token. Its sum is that of a keyed digest of each of its entries,
 * modulo 2^64; an entry is a token and the digest of the object there. A sum of a shorter prefix is
 * that of its leaves. So two trees under one key have equal sums where they have the same entries,
 * whatever the order of changes. How it works is in native/merkle.h.
 *
 * Tokens and digests are two unsigned 32-bit numbers each, and so are the sums that are written
 * into an array of the caller: hi, lo. A prefix of `bits` bits is a number below 2^bits; one of no
 * bits is 0, and has all leaves below it.
 *
 * A tree does not know its entries: a caller that removes one that was never added gets a sum of
 * nothing real. All methods that change a tree throw, and change nothing, if memory is out.
 */
import { addon } from './addon.ts'

/** Bits of a token that choose its leaf: no prefix is longer. */
export const MERKLE_LEAF_BITS: number = addon.merkleLeafBits

/** Sums that `sumsBelow` writes, of prefixes that are longer by four bits. */
export const MERKLE_CHILDREN: number = addon.merkleChildren

/** Words of an entry of `addAll`: token hi, token lo, digest hi, digest lo. */
export const MERKLE_ENTRY_WORDS: number = addon.merkleEntryWords

export interface MerkleTree {
  /** Memory held, in bytes: 2 KiB if empty, at most 9 MiB. */
  readonly bytes: number

  add(tokenHi: number, tokenLo: number, digestHi: number, digestLo: number): void

  /** Undoes one `add` of the same entry. */
  remove(tokenHi: number, tokenLo: number, digestHi: number, digestLo: number): void

  /** Removes the entry with the old digest and adds that with the new one. */
  replace(
    tokenHi: number,
    tokenLo: number,
    oldHi: number,
    oldLo: number,
    newHi: number,
    newLo: number,
  ): void

  /** Adds the first `count` entries of `words`, MERKLE_ENTRY_WORDS each. */
  addAll(words: Uint32Array, count: number): void

  /** Writes the sum of all leaves below a prefix of 0 to MERKLE_LEAF_BITS bits: two words. */
  sum(bits: number, prefix: number, out: Uint32Array): void

  /**
   * Writes the sums of the MERKLE_CHILDREN prefixes of `bits` + 4 bits that begin with this one, in
   * order, two words each. At least four bits are left: `bits` is at most MERKLE_LEAF_BITS - 4.
   */
  sumsBelow(bits: number, prefix: number, out: Uint32Array): void

  /**
   * Removes all entries below a prefix: its sum becomes 0, and longer prefixes subtract it. Memory
   * is freed for each prefix of 8 bits that is cleared as a whole.
   */
  clearPrefix(bits: number, prefix: number): void

  /** Removes all entries and frees their memory at once. */
  clear(): void
}

/** `key` is 16 bytes, and is copied. Sums under two keys have nothing in common. */
export const MerkleTree: new (key: Uint8Array) => MerkleTree = addon.MerkleTree as new (
  key: Uint8Array,
) => MerkleTree
