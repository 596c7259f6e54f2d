/**
 * The way down a hash tree: which branches to compare next, until the leaves that differ are known
 * (Dynamo 4.7).
 *
 *     partitions that differ ─► their children ─► … ─► leaves that differ
 *
 * Depth first and in the order of tokens, so many branches at a time as one message compares: so a
 * step is short and little waits, however much of the tree differs.
 */
import { TREE_BRANCHES_MAX } from '../../limits.ts'
import {
  bitsBelow,
  type Branch,
  branchesBelow,
  leafBehind,
  TREE_LEAF_BITS,
  TREE_LEAVES,
} from './branches.ts'

/** Leaves that one descent finds at most; the next one goes on behind them. */
export const DESCENT_LEAVES_MAX: number = 16 * TREE_BRANCHES_MAX

/** Branches of one level. */
export interface Level {
  readonly bits: number
  readonly branches: readonly Branch[]
}

export class Descent {
  /** Those that differ, ascending. */
  readonly leaves: Branch[] = []
  readonly #from: Branch
  /** What is still to be compared; the lowest level is the last one. */
  readonly #levels: Level[] = []
  #end: Branch = 0
  #compared: Level | undefined

  /** Looks at leaves from this one on, below branches of one level, ascending. */
  constructor(top: Level, from: Branch) {
    this.#from = from
    this.#add(top)
  }

  /** Behind the last leaf that this descent looked at. */
  get end(): Branch {
    return this.#levels.length === 0 ? TREE_LEAVES : this.#end
  }

  /** At most `TREE_BRANCHES_MAX`, for `take` to be told which of them differ; undefined: done. */
  next(): Level | undefined {
    const level = this.#levels.pop()
    if (level === undefined) return undefined
    if (this.leaves.length > DESCENT_LEAVES_MAX - TREE_BRANCHES_MAX) {
      this.#levels.push(level)
      return undefined
    }
    const { bits, branches } = level
    this.#compared = { bits, branches: branches.slice(0, TREE_BRANCHES_MAX) }
    this.#add({ bits, branches: branches.slice(TREE_BRANCHES_MAX) })
    return this.#compared
  }

  /** Which of those that `next` returned differ, ascending. */
  take(differing: readonly Branch[]): void {
    const { bits, branches } = this.#compared as Level
    if (bits < TREE_LEAF_BITS) {
      this.#add({ bits: bitsBelow(bits), branches: branchesBelow(differing, bits) })
      return
    }
    for (const leaf of differing) this.leaves.push(leaf)
    this.#end = leafBehind(branches.at(-1) as Branch, bits)
  }

  #add({ bits, branches }: Level): void {
    const left = branches.filter((branch) => leafBehind(branch, bits) > this.#from)
    if (left.length > 0) this.#levels.push({ bits, branches: left })
  }
}
