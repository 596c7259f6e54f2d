/**
 * Sums the digests of the own copies that an engine finds as it opens: the hash trees of a start,
 * without reading a copy again.
 */
import type { Branch } from '../../dynamo/repair/branches.ts'
import { leafOf } from '../../dynamo/repair/branches.ts'
import type { Digest, Token } from '../../native/digest.ts'
import { MerkleTree } from '../../native/merkle.ts'
import type { OwnDigests } from '../../store/engine.ts'

export interface FoundSums {
  readonly trees: Map<number, MerkleTree>
  readonly doubted: Set<Branch>
}

export class FoundDigests implements OwnDigests {
  #trees = new Map<number, MerkleTree>()
  #doubted = new Set<Branch>()
  readonly #key: Uint8Array

  /** `key`: 16 bytes, the cluster's. */
  constructor(key: Uint8Array) {
    this.#key = key
  }

  add(n: number, token: Token, digest: Digest): void {
    treeOf(this.#trees, n, this.#key).add(token.hi, token.lo, digest.hi, digest.lo)
  }

  remove(n: number, token: Token, digest: Digest): void {
    treeOf(this.#trees, n, this.#key).remove(token.hi, token.lo, digest.hi, digest.lo)
  }

  doubt(token: Token): void {
    this.#doubted.add(leafOf(token))
  }

  /**
   * Gives away the trees, by the N of their buckets, and the leaves whose copies are to be read;
   * undefined where these are more than `doubtedMax`. Nothing is kept here.
   */
  take(doubtedMax: number): FoundSums | undefined {
    const found = { trees: this.#trees, doubted: this.#doubted }
    this.#trees = new Map()
    this.#doubted = new Set()
    return found.doubted.size <= doubtedMax ? found : undefined
  }
}

/** The tree of buckets with this N: an empty one where there is none yet. */
export function treeOf(trees: Map<number, MerkleTree>, n: number, key: Uint8Array): MerkleTree {
  let tree = trees.get(n)
  if (tree === undefined) {
    tree = new MerkleTree(key)
    trees.set(n, tree)
  }
  return tree
}
