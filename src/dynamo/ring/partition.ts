/**
 * Partitions: equal slices of the ring of tokens (Dynamo 6.2, strategy 3).
 *
 * The ring has 2^bits partitions; the first bits of a token are the number of its partition. One
 * more bit doubles the number of partitions: each splits in two and no key moves.
 *
 *     token   0x00000000…            0x40000000…            0x80000000…            0xffffffff…
 *     bits=2  |---- partition 0 ----|---- partition 1 ----|---- partition 2 ----|---- 3 ----|
 *
 * Invariant: partitions are numbered clockwise, from token zero, and cover the ring once.
 */
import { assert } from '../../base/assert.ts'
import { U32_MAX } from '../../base/bytes.ts'
import { u64 } from '../../base/u64.ts'
import { PARTITIONS_MAX } from '../../limits.ts'
import type { Token } from '../../native/digest.ts'

export const PARTITION_BITS_MAX: number = Math.log2(PARTITIONS_MAX)

/** The partition, 0 to 2^bits - 1, in which `token` lies. */
export function partitionOf(token: Token, bits: number): number {
  return bits === 0 ? 0 : token.hi >>> (32 - bits)
}

/** The first token of a partition. */
export function firstTokenOf(partition: number, bits: number): Token {
  assert(partition < 2 ** bits, 'the partition is on the ring')
  return u64(partition * 2 ** (32 - bits), 0)
}

/** The last token of a partition: both ends belong to it. */
export function lastTokenOf(partition: number, bits: number): Token {
  assert(partition < 2 ** bits, 'the partition is on the ring')
  const hi = (partition + 1) * 2 ** (32 - bits) - 1
  return u64(hi, U32_MAX)
}

/** A bit for each of these, ascending: the lowest of the first byte is that of partition 0. */
export function bitsOfPartitions(partitions: readonly number[]): Uint8Array {
  const bits = new Uint8Array(((partitions.at(-1) ?? -1) >> 3) + 1)
  for (const partition of partitions) bits[partition >> 3]! |= 1 << (partition & 7)
  return bits
}

/** Ascending. */
export function partitionsOfBits(bits: Uint8Array): readonly number[] {
  const partitions: number[] = []
  for (const [i, byte] of bits.entries()) {
    for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) partitions.push(8 * i + bit)
  }
  return partitions
}

export const FIRST_TOKEN: Token = u64(0, 0)
export const LAST_TOKEN: Token = u64(U32_MAX, U32_MAX)
