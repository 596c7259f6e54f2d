/**
 * Knows which dots were written lately: for each start the first dot of each stretch of time.
 *
 * Never denies a dot that was added within the time; may hold one for recent that lies above such a
 * dot of its start.
 */
import type { Start } from '../../dynamo/names.ts'
import type { Range } from '../../dynamo/version/context.ts'
import type { Dot } from '../../dynamo/version/dot.ts'
import { RECENT_STARTS_MAX } from '../../limits.ts'

/** The lowest dot of a start in a stretch of time. */
interface Mark {
  readonly atMs: number
  counter: number
}

/** Stretches that the time is divided into. */
const STRETCHES = 64

export class RecentDots {
  readonly #memoryMs: number
  /** Of each start the newest last. */
  readonly #marks = new Map<Start, Mark[]>()
  /** Until then each dot counts as recent: more starts wrote than are kept. */
  #allUntilMs = Number.NEGATIVE_INFINITY

  /** `memoryMs`: how long a dot is recent; up to a 64th of that longer. */
  constructor(memoryMs: number) {
    this.#memoryMs = memoryMs
  }

  add({ start, counter }: Dot, nowMs: number): void {
    const marks = this.#marks.get(start)
    const last = marks?.at(-1)
    if (last !== undefined && nowMs < last.atMs + this.#memoryMs / STRETCHES) {
      if (counter < last.counter) last.counter = counter
      return
    }
    const mark = { atMs: nowMs, counter }
    if (marks === undefined) this.#addStart(start, mark)
    else this.#marks.set(start, [...marks.filter((one) => this.#isRecent(one, nowMs)), mark])
  }

  /** Whether a recent dot lies in one of the ranges, or perhaps does. */
  liesIn(ranges: readonly Range[], nowMs: number): boolean {
    if (nowMs <= this.#allUntilMs) return ranges.length > 0
    return ranges.some(({ start, last }) => {
      const marks = this.#marks.get(start) ?? []
      return marks.some((mark) => last >= mark.counter && this.#isRecent(mark, nowMs))
    })
  }

  #addStart(start: Start, mark: Mark): void {
    if (this.#marks.size >= RECENT_STARTS_MAX) this.#forget(mark.atMs)
    if (this.#marks.size < RECENT_STARTS_MAX) this.#marks.set(start, [mark])
    else this.#allUntilMs = mark.atMs + this.#memoryMs
  }

  #forget(nowMs: number): void {
    for (const [start, marks] of this.#marks) {
      if (!marks.some((mark) => this.#isRecent(mark, nowMs))) this.#marks.delete(start)
    }
  }

  /** Whether the last dot of its stretch is. */
  #isRecent({ atMs }: Mark, nowMs: number): boolean {
    return atMs + this.#memoryMs / STRETCHES + this.#memoryMs >= nowMs
  }
}
