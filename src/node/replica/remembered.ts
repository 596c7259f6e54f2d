/**
 * Remembers the last requests that were written here, so that a repeated one is known even when its
 * sibling has been replaced.
 *
 * The dot of the write says which copy has it: no two copies of a node have a line in common.
 *
 * Only in memory, and only the last ones: what a repeated request may rely on is on the protocol's
 * page. Elsewhere and later a second dot arises, and the context names the request, so that what
 * replaces the one replaces the other (`dynamo/version/context.ts`).
 *
 * While a request may be repeated, the range with its dot answers for it: neither that range nor
 * its key goes by a floor (docs/design.md 3.6). The other owners keep a deleted key as long: where
 * one drops it before another, their trees differ, and each exchange asks for it.
 */
import { carries } from '../../dynamo/repair/floor.ts'
import type { Range } from '../../dynamo/version/context.ts'
import type { Dot } from '../../dynamo/version/dot.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import type { RequestId } from '../../dynamo/version/request-id.ts'
import { REMEMBERED_REQUESTS_MAX } from '../../limits.ts'
import { RecentDots } from './recent-dots.ts'

export class RememberedRequests {
  readonly #dots = new Map<RequestId, Dot>()
  /**
   * Goes on from where it was: the first key of a new iterator lies behind the places of all that
   * were deleted since the map was last packed, tens of thousands.
   */
  readonly #oldest = this.#dots.keys()
  readonly #written: RecentDots
  /** Of deletes that other coordinators sent. */
  readonly #sentDeletes: RecentDots

  /** `memoryMs`: twice the longest time after which a request may be repeated. */
  constructor(memoryMs: number) {
    this.#written = new RecentDots(memoryMs)
    this.#sentDeletes = new RecentDots(memoryMs)
  }

  get size(): number {
    return this.#dots.size
  }

  add(requestId: RequestId, dot: Dot, nowMs: number): void {
    this.#dots.set(requestId, dot)
    this.#written.add(dot, nowMs)
    if (this.#dots.size <= REMEMBERED_REQUESTS_MAX) return
    const oldest = this.#oldest.next()
    if (oldest.done !== true) this.#dots.delete(oldest.value)
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

  /** Whether a request that may be repeated has its dot in one of the ranges, or perhaps has. */
  liesIn(ranges: readonly Range[], nowMs: number): boolean {
    return this.#written.liesIn(ranges, nowMs)
  }

  /** Another coordinator has sent an object. An old delete that the copy carries is no news. */
  onSent({ siblings }: VersionedObject, held: VersionedObject | undefined, nowMs: number): void {
    for (const { value, dots } of siblings) {
      if (value !== undefined) continue
      for (const dot of dots) if (!carries(held, dot)) this.#sentDeletes.add(dot, nowMs)
    }
  }

  /** Whether a deleted key stays, since a request may be repeated here or at another owner. */
  keeps({ context }: VersionedObject, nowMs: number): boolean {
    const { ranges } = context
    return this.liesIn(ranges, nowMs) || this.#sentDeletes.liesIn(ranges, nowMs)
  }
}
