/**
 * The requests that a process wrote of late, each at one place: a repeated one is known though its
 * sibling has been replaced. What is remembered holds back its range and its key.
 */
import type { Range } from '../../../src/dynamo/version/context.ts'
import type { Dot } from '../../../src/dynamo/version/dot.ts'
import type { VersionedObject } from '../../../src/dynamo/version/object.ts'
import { holds } from '../../../src/dynamo/repair/floor.ts'

interface Entry {
  readonly place: number
  readonly dot: Dot
  readonly at: number
}

export class Remembered {
  readonly #entries = new Map<string, Entry>()

  add(requestId: string, entry: Entry): void {
    this.#entries.set(requestId, entry)
  }

  clear(): void {
    this.#entries.clear()
  }

  has(requestId: string, place: number): boolean {
    return this.#entries.get(requestId)?.place === place
  }

  /** Whether the copy at `place` knows that the request was written there, and is replaced. */
  isReplaced(requestId: string, place: number, object: VersionedObject | undefined): boolean {
    const entry = this.#entries.get(requestId)
    if (object === undefined || entry?.place !== place) return false
    const isCarried = object.siblings.some((sibling) => sibling.requestId === requestId)
    return !isCarried && object.context.covers(entry.dot)
  }

  /** Whether a dot that was written since `since` lies in one of the ranges. */
  liesIn(ranges: readonly Range[], since: number): boolean {
    for (const { dot, at } of this.#entries.values()) {
      if (at >= since && ranges.some((range) => holds(range, dot))) return true
    }
    return false
  }
}
