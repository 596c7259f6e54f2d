/**
 * Count the answers: enough, not yet, or never.
 *
 * A coordinator asks several members and needs some number of them: R for a read, W for a write.
 * This file only counts. It does not know what was asked, sends nothing and has no clock: running
 * out of time is decided above. (Dynamo 4.5)
 *
 * Invariants:
 *   - 1 <= needed <= asked <= REPLICAS_MAX.
 *   - A member is counted once, whatever it says and however often it says it.
 *   - A verdict, once reached, never changes: late answers are welcome and alter nothing.
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
    assert(asked.length <= REPLICAS_MAX, 'who is asked is bounded')
    assert(needed >= 1, 'something is needed')
    assert(needed <= asked.length, 'what is needed was asked for')
    this.#needed = needed
    this.#silent = new Set(asked)
    assert(this.#silent.size === asked.length, 'no member is asked twice')
  }

  /** False where this member was not asked, or has answered before: the repeat counts nothing. */
  count(member: NodeId, isAgreed: boolean): boolean {
    if (!this.#silent.delete(member)) return false
    if (isAgreed) this.#agreed += 1
    return true
  }

  /** Members that have said yes so far. */
  get agreed(): number {
    return this.#agreed
  }

  verdict(): Verdict {
    if (this.#agreed >= this.#needed) return 'reached'
    return this.#agreed + this.#silent.size >= this.#needed ? 'waiting' : 'impossible'
  }
}
