/**
 * One write, from request to reply: who must hold it, and when it is enough.
 *
 * The coordinator appends to its own log and sends the whole object to the other owners; its own
 * durable append counts like theirs. At W durable acks it answers; the others go on and count
 * nothing more. (Dynamo 4.5)
 *
 * Before the first append a write that cannot reach W is *refused*: nothing happened. After it, a
 * write that fell short is *in doubt*: the copy here may yet spread.
 *
 * Invariant: an owner counts once, and only for a copy that survives a power cut.
 */
import { assert } from '../../base/assert.ts'
import type { NodeId } from '../names.ts'
import { Quorum, type Verdict } from './quorum.ts'

export class PutRound {
  readonly #owners: ReadonlySet<NodeId>
  readonly #quorum: Quorum

  /** Requires: 1 <= `needed` <= owners; each owner once. */
  constructor(owners: readonly NodeId[], needed: number) {
    this.#owners = new Set(owners)
    assert(this.#owners.size === owners.length, 'no owner stands twice')
    this.#quorum = new Quorum(owners, needed)
  }

  /** `node` holds the object durably. Returns the verdict after counting it. */
  onHeld(node: NodeId): Verdict {
    this.#quorum.count(node, true)
    return this.#quorum.verdict()
  }

  /** `node` will not say that it holds it. */
  onFailed(node: NodeId): Verdict {
    this.#quorum.count(node, false)
    return this.#quorum.verdict()
  }

  get held(): number {
    return this.#quorum.agreed
  }

  verdict(): Verdict {
    return this.#quorum.verdict()
  }
}

/** Whether enough owners seem to be there to begin a write at all. */
export function canReach(
  owners: readonly NodeId[],
  present: (node: NodeId) => boolean,
  w: number,
): boolean {
  return owners.filter(present).length >= w
}
