/**
 * The state of one put: which owners hold it durably, and whether W of them do.
 *
 * The coordinator appends to its own log and sends the whole object to the other owners; its own
 * durable append counts like theirs. It answers at W durable acknowledgements; later ones change
 * nothing. (Dynamo 4.5)
 *
 * A put that cannot reach W before the first append is *refused*: nothing was written. After the
 * first append a put short of W is *in doubt*: repair may still spread the copy that was written.
 *
 * Invariant: an owner counts once, and only after its copy survives a power cut.
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
    assert(this.#owners.size === owners.length, 'each owner is listed once')
    this.#quorum = new Quorum(owners, needed)
  }

  /** `node` holds the object durably. Returns the verdict after counting it. */
  onHeld(node: NodeId): Verdict {
    this.#quorum.count(node, true)
    return this.#quorum.verdict()
  }

  /** `node` failed, or will not answer. */
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

/** True if at least `w` owners are connected, so that the put may begin. */
export function canReach(
  owners: readonly NodeId[],
  present: (node: NodeId) => boolean,
  w: number,
): boolean {
  return owners.filter(present).length >= w
}
