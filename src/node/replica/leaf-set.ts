/**
 * A set of leaves of the hash trees: those below which something is to be cleaned up. A bit each,
 * so that its size does not depend on how many keys there are.
 */
import { TREE_LEAVES, type Branch } from '../../dynamo/repair/branches.ts'

export class LeafSet {
  readonly #words = new Uint32Array(TREE_LEAVES / 32)
  #size = 0
  /** Behind the leaf that was taken last. */
  #next: Branch = 0

  get size(): number {
    return this.#size
  }

  add(leaf: Branch): void {
    if (this.#has(leaf)) return
    this.#words[leaf >>> 5]! |= 1 << (leaf & 31)
    this.#size += 1
  }

  /** Takes out the next leaf behind the one taken last; after the last leaf the first. */
  take(): Branch | undefined {
    const leaf = this.#nextFrom(this.#next) ?? this.#nextFrom(0)
    if (leaf === undefined) return undefined
    this.#words[leaf >>> 5]! &= ~(1 << (leaf & 31))
    this.#size -= 1
    this.#next = leaf + 1
    return leaf
  }

  /** The first leaf of the set from `leaf` on; undefined where that is none. */
  #nextFrom(leaf: Branch): Branch | undefined {
    if (this.#size === 0) return undefined
    for (let at = leaf; at < TREE_LEAVES; at++) {
      // A word without any of its leaves is passed at once.
      if ((at & 31) === 0 && this.#words[at >>> 5] === 0) at += 31
      else if (this.#has(at)) return at
    }
    return undefined
  }

  #has(leaf: Branch): boolean {
    return ((this.#words[leaf >>> 5]! >>> (leaf & 31)) & 1) === 1
  }
}
