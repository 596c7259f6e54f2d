/**
 * Counts answers until a quorum is reached or has become impossible.
 *
 * A coordinator asks several members and needs some of them to agree: R for a get, W for a put.
 * This class only counts: it sends nothing and has no clock; its caller ends a request whose time
 * is up. (Dynamo 4.5)
 *
 * Invariants:
 *   - 1 <= needed <= asked <= REPLICAS_MAX.
 *   - Only the first answer of a member counts.
 *   - A verdict that is reached never changes; late answers are counted and do not alter it.
 */
import { assert } from '../../base/assert.ts'
import { REPLICAS_MAX } from '../../limits.ts'
import type { NodeId } from '../names.ts'

export type Verdict = 'waiting' | 'reached' | 'impossible'

export class Quorum {
  readonly #needed: number
  readonly #silent: Set<NodeId>
  #agreed = 0

  constructor(asked: readonly NodeId[], needed: number) {
    assert(asked.length <= REPLICAS_MAX, 'the number of members asked is bounded')
    assert(needed >= 1, 'at least one answer is needed')
    assert(needed <= asked.length, 'enough members are asked')
    this.#needed = needed
    this.#silent = new Set(asked)
    assert(this.#silent.size === asked.length, 'no member is asked twice')
  }

  /** Returns false, and counts nothing, if the member was not asked or has answered before. */
  count(member: NodeId, isAgreed: boolean): boolean {
    if (!this.#silent.delete(member)) return false
    if (isAgreed) this.#agreed += 1
    return true
  }

  /** The number of members that have agreed. */
  get agreed(): number {
    return this.#agreed
  }

  verdict(): Verdict {
    if (this.#agreed >= this.#needed) return 'reached'
    return this.#agreed + this.#silent.size >= this.#needed ? 'waiting' : 'impossible'
  }
}
