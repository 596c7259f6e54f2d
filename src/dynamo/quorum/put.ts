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
import type { ErrorCode } from '../../base/errors.ts'
import type { NodeId } from '../names.ts'
import { Quorum, type Verdict } from './quorum.ts'
import type { OwnerFailure } from './shortfall.ts'

export class PutRound {
  /** Owners that have neither acknowledged nor failed. */
  readonly #silent: Set<NodeId>
  readonly #failures: OwnerFailure[] = []
  readonly #quorum: Quorum

  /** Requires: 1 <= `needed` <= owners; each owner once. */
  constructor(owners: readonly NodeId[], needed: number) {
    this.#silent = new Set(owners)
    assert(this.#silent.size === owners.length, 'each owner is listed once')
    this.#quorum = new Quorum(owners, needed)
  }

  /** `node` holds the object durably. Returns the verdict after counting it. */
  onHeld(node: NodeId): Verdict {
    this.#silent.delete(node)
    this.#quorum.count(node, true)
    return this.#quorum.verdict()
  }

  /** `node` failed, for the reason `code`, or will not answer. */
  onFailed(node: NodeId, code: ErrorCode): Verdict {
    this.#silent.delete(node)
    if (this.#quorum.count(node, false)) this.#failures.push({ node, code })
    return this.#quorum.verdict()
  }

  /** Owners that failed; those that are silent too, as late, if `countsLate`. */
  failures(countsLate: boolean): readonly OwnerFailure[] {
    if (!countsLate) return this.#failures
    const late = [...this.#silent].map((node) => ({ node, code: 'deadline-passed' as const }))
    return [...this.#failures, ...late]
  }

  get held(): number {
    return this.#quorum.agreed
  }

  verdict(): Verdict {
    return this.#quorum.verdict()
  }
}

/**
 * Why owners cannot take a put, if fewer than `w` can; undefined where the put may begin.
 * `obstacleTo` is the reason of one owner, undefined for an owner that is ready.
 */
export function obstaclesTo(
  owners: readonly NodeId[],
  obstacleTo: (node: NodeId) => ErrorCode | undefined,
  w: number,
): readonly OwnerFailure[] | undefined {
  const obstacles: OwnerFailure[] = []
  for (const node of owners) {
    const code = obstacleTo(node)
    if (code !== undefined) obstacles.push({ node, code })
  }
  return owners.length - obstacles.length < w ? obstacles : undefined
}
