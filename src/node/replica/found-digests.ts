/**
 * Sums the digests of the own copies that an engine finds as it opens: the hash trees of a start,
 * without reading a copy again.
 */
import type { Branch } from '../../dynamo/repair/branches.ts'
import { leafOf } from '../../dynamo/repair/branches.ts'
import type { Digest, Token } from '../../native/digest.ts'
import { MerkleTree } from '../../native/merkle.ts'
import type { OwnDigests } from '../../store/engine.ts'

export class FoundDigests implements OwnDigests {
  /** By the N of their buckets. */
  readonly trees: Map<number, MerkleTree> = new Map()
  /** Leaves whose copies are to be read. */
  readonly doubted: Set<Branch> = new Set()
  readonly #key: Uint8Array

  /** `key`: 16 bytes, the cluster's. */
  constructor(key: Uint8Array) {
    this.#key = key
  }

  add(n: number, token: Token, digest: Digest): void {
    this.#treeOf(n).add(token.hi, token.lo, digest.hi, digest.lo)
  }

  remove(n: number, token: Token, digest: Digest): void {
    this.#treeOf(n).remove(token.hi, token.lo, digest.hi, digest.lo)
  }

  doubt(token: Token): void {
    this.doubted.add(leafOf(token))
  }

  #treeOf(n: number): MerkleTree {
    let tree = this.trees.get(n)
    if (tree === undefined) {
      tree = new MerkleTree(this.#key)
      this.trees.set(n, tree)
    }
    return tree
  }
}
