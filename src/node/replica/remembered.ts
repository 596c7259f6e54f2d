/**
 * Remembers the last requests that were written here, so that a repeated one is known even when its
 * sibling has been replaced.
 *
 * Each of its copies is remembered apart: that one of them has the write says nothing of another.
 *
 * Only in memory, and only the last ones: what a repeated request may rely on is on the protocol's
 * page. Elsewhere and later a second dot arises, and the context names the request, so that what
 * replaces the one replaces the other (`dynamo/version/context.ts`).
 */
import { equalU64 } from '../../base/u64.ts'
import type { CopyId, Place } from '../../dynamo/names.ts'
import type { Dot } from '../../dynamo/version/dot.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import type { RequestId } from '../../dynamo/version/request-id.ts'
import { REMEMBERED_REQUESTS_MAX } from '../../limits.ts'
import type { Token } from '../../native/digest.ts'

/** A write that was done here. The dot alone does not name the key: a range has dots of others. */
interface Remembered {
  readonly token: Token
  readonly place: Place
  readonly dot: Dot
}

export class RememberedRequests {
  readonly #writes = new Map<RequestId, Remembered>()

  get size(): number {
    return this.#writes.size
  }

  add(requestId: RequestId, { token, place }: CopyId, dot: Dot): void {
    this.#writes.set(requestId, { token, place, dot })
    if (this.#writes.size <= REMEMBERED_REQUESTS_MAX) return
    const [oldest] = this.#writes.keys()
    if (oldest !== undefined) this.#writes.delete(oldest)
  }

  /**
   * Whether an earlier attempt was written here and its sibling is replaced. The copy must know
   * that write: if its record has rotted, the other owners may have given back a copy from before
   * it.
   */
  isReplaced(
    requestId: RequestId,
    { token, place }: CopyId,
    object: VersionedObject | undefined,
  ): boolean {
    const earlier = this.#writes.get(requestId)
    if (object === undefined || earlier === undefined) return false
    if (!equalU64(earlier.token, token) || earlier.place !== place) return false
    if (!object.context.covers(earlier.dot)) return false
    return object.siblings.every((sibling) => sibling.requestId !== requestId)
  }
}
