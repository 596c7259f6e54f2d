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
 * its key goes by a floor (docs/design.md 3.6).
 */
import type { Start } from '../../dynamo/names.ts'
import type { Range } from '../../dynamo/version/context.ts'
import type { Dot } from '../../dynamo/version/dot.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import type { RequestId } from '../../dynamo/version/request-id.ts'
import { REMEMBERED_REQUESTS_MAX } from '../../limits.ts'

/** The first dot of a stretch of time. */
interface Mark {
  readonly atMs: number
  readonly start: Start
  readonly counter: number
}

/** Stretches of time that a memory is divided into. */
const MARKS = 64

export class RememberedRequests {
  readonly #dots = new Map<RequestId, Dot>()
  /** The newest last. */
  readonly #marks: Mark[] = []
  readonly #memoryMs: number

  /** `memoryMs`: twice the longest time after which a request may be repeated. */
  constructor(memoryMs: number) {
    this.#memoryMs = memoryMs
  }

  get size(): number {
    return this.#dots.size
  }

  add(requestId: RequestId, dot: Dot, nowMs: number): void {
    this.#dots.set(requestId, dot)
    this.#mark(dot, nowMs)
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

  /** Whether a request that may be repeated has its dot in one of the ranges, or perhaps has. */
  liesIn(ranges: readonly Range[], nowMs: number): boolean {
    this.#forget(nowMs)
    return this.#marks.some(({ start, counter }) => {
      return ranges.some((range) => range.start === start && range.last >= counter)
    })
  }

  #mark({ start, counter }: Dot, atMs: number): void {
    const last = this.#marks.at(-1)
    const isNew = last?.start !== start || atMs >= last.atMs + this.#memoryMs / MARKS
    if (isNew) this.#marks.push({ atMs, start, counter })
    if (this.#marks.length > 2 * MARKS) this.#forget(atMs)
  }

  /** A stretch is forgotten once the next one has begun, and that long ago. */
  #forget(nowMs: number): void {
    const since = nowMs - this.#memoryMs
    while ((this.#marks[1]?.atMs ?? nowMs) < since) this.#marks.shift()
    const only = this.#marks.length === 1 ? this.#marks[0] : undefined
    if (only !== undefined && only.atMs + this.#memoryMs / MARKS < since) this.#marks.shift()
  }
}
