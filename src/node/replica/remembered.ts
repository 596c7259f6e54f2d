/**
 * Remembers the last requests that were written here, so that a repeated one is known even when its
 * sibling has been replaced.
 *
 * The dot of the write says which copy has it: no two copies of a node have a line in common.
 *
 * Only in memory, and only the last ones: what a repeated request may rely on is on the protocol's
 * page. Elsewhere and later a second dot arises, and the context names the request, so that what
 * replaces the one replaces the other (`dynamo/version/context.ts`).
 */
import type { Dot } from '../../dynamo/version/dot.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import type { RequestId } from '../../dynamo/version/request-id.ts'
import { REMEMBERED_REQUESTS_MAX } from '../../limits.ts'

export class RememberedRequests {
  readonly #dots = new Map<RequestId, Dot>()

  get size(): number {
    return this.#dots.size
  }

  add(requestId: RequestId, dot: Dot): void {
    this.#dots.set(requestId, dot)
    if (this.#dots.size <= REMEMBERED_REQUESTS_MAX) return
    const [oldest] = this.#dots.keys()
    if (oldest !== undefined) this.#dots.delete(oldest)
  }

  /**
   * The dot of an earlier attempt that was written here and whose sibling is replaced. The copy
   * must know that write: if its record has rotted, the other owners may have given back a copy
   * from before it.
   */
  replaced(requestId: RequestId, object: VersionedObject | undefined): Dot | undefined {
    const earlier = this.#dots.get(requestId)
    if (object === undefined || earlier === undefined) return undefined
    if (!object.context.covers(earlier)) return undefined
    const isCarried = object.siblings.some((sibling) => sibling.requestId === requestId)
    return isCarried ? undefined : earlier
  }
}
