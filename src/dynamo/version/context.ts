/**
 * The causal context: the set of writes that an object or a client knows.
 *
 * A context is a set of dots, kept as ranges: (line, first..last) stands for every dot of the line
 * between those counters. An object's context holds the dots that its siblings carry and those that
 * they replaced; a client's context holds the dots that it was shown. It takes the place of the
 * vector clock of Dynamo 4.4. Unlike that clock it is exact, so it distinguishes "replaced" from
 * "not yet received".
 *
 * Invariant: canonical. Ranges are sorted by line and first; two of one line neither overlap nor
 * touch. Equal sets are equal lists.
 *
 * Why not a version vector (a maximum for each node): it covers every counter below the maximum,
 * also those of writes that only other replicas hold; the merge would drop them.
 * Why not prune by age or length (Dynamo's own 10 entries): a dropped entry makes an old sibling
 * look new, and a regained one makes a new sibling look old. Ranges are removed only by proof.
 *
 * Beside the ranges it names *requests*: writes of which a second attempt was made, so that another
 * node may hold, or still make, a dot that the ranges do not cover. A named request is as a dot
 * that all its attempts share: what replaces one of them replaces all. The newest 16 are kept; of
 * an older one an attempt may appear once more as a sibling, and nothing is lost by that.
 *
 * Source: dotted version vectors (Preguiça et al. 2010); as sets of dots: Almeida, Shoker,
 * Baquero, "Delta State Replicated Data Types" (2018), 7.2, where a causal context is any set of
 * dots.
 */
import { assert } from '../../base/assert.ts'
import { U48_MAX } from '../../base/bytes.ts'
import { REPEATS_PER_KEY_MAX } from '../../limits.ts'
import { compareDots, compareLines, type Dot, dotOn, type Line, sameLine } from './dot.ts'
import type { RequestId } from './request-id.ts'

/** The dots of one line from `first` to `last`, both included. */
export interface Range extends Line {
  readonly first: number
  readonly last: number
}

/** Up to this many ranges a linear search is faster than a binary search. */
const SCAN_MAX = 16

export function rangeOn(line: Line, first: number, last: number): Range {
  return { node: line.node, start: line.start, opened: line.opened, first, last }
}

/** True if the numbers are valid: decoders check it, `Context.of` asserts it. */
export function isRange(range: Range): boolean {
  const { opened, first, last } = range
  return opened >= 1 && opened <= first && first <= last && last <= U48_MAX
}

const NO_REQUESTS: readonly RequestId[] = []

/** An immutable set of dots. An operation whose result equals an operand returns that operand. */
export class Context {
  static readonly empty: Context = new Context([], NO_REQUESTS)

  readonly ranges: readonly Range[]
  /** Ascending, at most `REPEATS_PER_KEY_MAX`. */
  readonly requests: readonly RequestId[]

  private constructor(ranges: readonly Range[], requests: readonly RequestId[]) {
    this.ranges = ranges
    this.requests = requests
  }

  /** The union of ranges in any order. */
  static of(ranges: Iterable<Range>): Context {
    const sorted = [...ranges].sort(compareRanges)
    const joined: Range[] = []
    for (const range of sorted) {
      assert(isRange(range), 'a range lies within its line')
      append(joined, range)
    }
    return Context.ofCanonical(joined)
  }

  /**
   * Takes over `ranges` and `requests`. Requires: canonical, which a decoder has checked with
   * `isCanonical` and `areRequests`.
   */
  static ofCanonical(
    ranges: readonly Range[],
    requests: readonly RequestId[] = NO_REQUESTS,
  ): Context {
    const isEmpty = ranges.length === 0 && requests.length === 0
    return isEmpty ? Context.empty : new Context(ranges, requests)
  }

  /** How many ranges there are. */
  get count(): number {
    return this.ranges.length
  }

  get isEmpty(): boolean {
    return this.ranges.length === 0 && this.requests.length === 0
  }

  /** Whether the request is named: its attempts are one write, carried or replaced together. */
  names(requestId: RequestId): boolean {
    return this.requests.length > 0 && this.requests.includes(requestId)
  }

  covers(dot: Dot): boolean {
    return this.indexOf(dot) >= 0
  }

  /** The index of the range that covers `dot`, or -1. */
  indexOf(dot: Dot): number {
    const { ranges } = this
    if (ranges.length > SCAN_MAX) return this.#binarySearch(dot)
    for (let i = 0; i < ranges.length; i++) {
      const range = ranges[i] as Range
      if (dot.counter < range.first || dot.counter > range.last) continue
      if (sameLine(range, dot)) return i
    }
    return -1
  }

  /** The range with the line's highest counters, or undefined if no dot of the line is known. */
  tailOf(line: Line): Range | undefined {
    return this.ranges.findLast((range) => sameLine(range, line))
  }

  /** True if this context has every dot of `other`, and names its requests. */
  includes(other: Context): boolean {
    if (other === this) return true
    if (!includesRequests(this.requests, other.requests)) return false
    const { ranges } = this
    let at = 0
    for (const wanted of other.ranges) {
      while (at < ranges.length && endsBefore(ranges[at] as Range, wanted)) at++
      const range = ranges[at]
      if (range === undefined || !sameLine(range, wanted) || range.first > wanted.first)
        return false
    }
    return true
  }

  equals(other: Context): boolean {
    if (other === this) return true
    if (other.ranges.length !== this.ranges.length) return false
    if (other.requests.length !== this.requests.length) return false
    if (this.requests.some((request, i) => request !== other.requests[i])) return false
    return this.ranges.every((range, i) => equalRanges(range, other.ranges[i] as Range))
  }

  /** The union: `this` if `other` adds nothing, else `other` if `this` adds nothing. */
  join(other: Context): Context {
    if (this.includes(other)) return this
    if (other.includes(this)) return other
    const joined: Range[] = []
    const a = this.ranges
    const b = other.ranges
    let i = 0
    let j = 0
    while (i < a.length || j < b.length) {
      const isFromA = j >= b.length || (i < a.length && compareRanges(a[i]!, b[j]!) <= 0)
      append(joined, (isFromA ? a[i++] : b[j++]) as Range)
    }
    return new Context(joined, joinRequests(this.requests, other.requests))
  }

  with(range: Range): Context {
    return this.join(new Context([range], NO_REQUESTS))
  }

  /** This set and these dots. */
  withDots(dots: readonly Dot[]): Context {
    const [only] = dots
    if (only === undefined) return this
    if (dots.length === 1) return this.with(rangeOn(only, only.counter, only.counter))
    return this.join(Context.of(dots.map((dot) => rangeOn(dot, dot.counter, dot.counter))))
  }

  /** The ranges that are left without these dots, which are sorted: canonical. */
  rangesWithout(dots: readonly Dot[]): readonly Range[] {
    if (dots.length === 0) return this.ranges
    const left: Range[] = []
    let at = 0
    for (const range of this.ranges) {
      let { first } = range
      while (at < dots.length && compareDots(dots[at]!, dotOn(range, range.last)) <= 0) {
        const { counter } = dots[at++] as Dot
        if (first < counter) left.push(rangeOn(range, first, counter - 1))
        first = counter + 1
      }
      if (first === range.first) left.push(range)
      else if (first <= range.last) left.push(rangeOn(range, first, range.last))
    }
    return left
  }

  withRequest(requestId: RequestId): Context {
    return this.join(new Context([], [requestId]))
  }

  /** The last range that begins at or before the dot is the only candidate. */
  #binarySearch(dot: Dot): number {
    let low = 0
    let high = this.ranges.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const range = this.ranges[middle] as Range
      const order = compareLines(range, dot)
      if (order < 0 || (order === 0 && range.first <= dot.counter)) low = middle + 1
      else high = middle
    }
    const range = this.ranges[low - 1]
    return range !== undefined && sameLine(range, dot) && dot.counter <= range.last ? low - 1 : -1
  }
}

/** True if `next` may follow `range` in a canonical list. */
export function isCanonical(range: Range, next: Range): boolean {
  const order = compareLines(range, next)
  return order < 0 || (order === 0 && range.last + 1 < next.first)
}

/** True if this may be the `requests` of a context. */
export function areRequests(requests: readonly RequestId[]): boolean {
  if (requests.length > REPEATS_PER_KEY_MAX) return false
  return requests.every((request, i) => i === 0 || (requests[i - 1] as RequestId) < request)
}

/** True if joining `other` would change nothing. */
function includesRequests(mine: readonly RequestId[], other: readonly RequestId[]): boolean {
  if (other.length === 0) return true
  const isFull = mine.length === REPEATS_PER_KEY_MAX
  return other.every((request) => {
    return mine.includes(request) || (isFull && request < (mine[0] as RequestId))
  })
}

/** The highest of both: ids begin with the time at which they were drawn. */
function joinRequests(
  mine: readonly RequestId[],
  other: readonly RequestId[],
): readonly RequestId[] {
  if (includesRequests(mine, other)) return mine
  return [...new Set([...mine, ...other])].sort().slice(-REPEATS_PER_KEY_MAX)
}

function compareRanges(a: Range, b: Range): number {
  const order = compareLines(a, b)
  return order === 0 ? a.first - b.first : order
}

function equalRanges(a: Range, b: Range): boolean {
  return a.first === b.first && a.last === b.last && sameLine(a, b)
}

function endsBefore(range: Range, wanted: Range): boolean {
  const order = compareLines(range, wanted)
  return order < 0 || (order === 0 && range.last < wanted.last)
}

/** Adds a range that begins no earlier than the last one: joined with it where they touch. */
function append(ranges: Range[], range: Range): void {
  const before = ranges[ranges.length - 1]
  if (before === undefined || isCanonical(before, range)) ranges.push(range)
  else if (range.last > before.last) {
    ranges[ranges.length - 1] = rangeOn(before, before.first, range.last)
  }
}
