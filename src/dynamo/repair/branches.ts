/**
 * The branches of hash trees by number, and the way down from partitions to leaves (Dynamo 4.7).
 *
 * A branch is the first bits of a token, as a number: all keys whose token begins so lie below it.
 * A leaf has `TREE_LEAF_BITS` of them, whatever the ring, so that a ring with twice the partitions
 * has the same leaves. From each level the next has four bits more: 16 children.
 *
 *     partitions (8 bits) ─► 12 bits ─► 16 bits ─► leaves (20 bits)
 */
import { U32_MAX } from '../../base/bytes.ts'
import { type U64, u64 } from '../../base/u64.ts'
import type { Token } from '../../native/digest.ts'

/** The first bits of a token, as a number; how many is said beside it. */
export type Branch = number

/** A branch with the sum of the keyed digests below it. */
export interface BranchSum {
  readonly branch: Branch
  readonly sum: U64
}

export const TREE_LEAF_BITS = 20
export const TREE_LEAVES: number = 2 ** TREE_LEAF_BITS
const CHILD_BITS = 4

/** How many bits the branches of the next level have; `bits` is below `TREE_LEAF_BITS`. */
export function bitsBelow(bits: number): number {
  return Math.min(TREE_LEAF_BITS, bits + CHILD_BITS)
}

/** The branches of the next level below these, in the same order. */
export function branchesBelow(branches: readonly Branch[], bits: number): readonly Branch[] {
  const count = 2 ** (bitsBelow(bits) - bits)
  const below: Branch[] = []
  for (const one of branches) for (let i = 0; i < count; i++) below.push(one * count + i)
  return below
}

/** The leaf behind those below a branch of so many bits. */
export function leafBehind(branch: Branch, bits: number): Branch {
  return (branch + 1) * 2 ** (TREE_LEAF_BITS - bits)
}

export function leafOf(token: Token): Branch {
  return token.hi >>> (32 - TREE_LEAF_BITS)
}

export function firstTokenOfLeaf(leaf: Branch): Token {
  return u64(leaf * 2 ** (32 - TREE_LEAF_BITS), 0)
}

export function lastTokenOfLeaf(leaf: Branch): Token {
  return u64((leaf + 1) * 2 ** (32 - TREE_LEAF_BITS) - 1, U32_MAX)
}
