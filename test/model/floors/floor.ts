/**
 * Floors, and what they let go of (docs/design.md 3.6).
 *
 * A floor is a vector: for each start a counter, and for a start that has ended all of it. A copy
 * that has adopted one says: of every dot at or below it, I hold the write, or it is replaced.
 */
import type { Start } from '../../../src/dynamo/names.ts'
import { Context, type Range } from '../../../src/dynamo/version/context.ts'
import { compareDots, type Dot, sameLine } from '../../../src/dynamo/version/dot.ts'
import { withDots } from '../../../src/dynamo/version/merge.ts'
import {
  compareSiblings,
  type Sibling,
  type VersionedObject,
} from '../../../src/dynamo/version/object.ts'

export type Floor = ReadonlyMap<Start, number>

export const NO_FLOOR: Floor = new Map()
/** The counter of a start that has ended. */
export const ENDED: number = Number.POSITIVE_INFINITY

export function isUnder(floor: Floor, { start, counter }: Pick<Dot, 'start' | 'counter'>): boolean {
  return counter <= (floor.get(start) ?? 0)
}

/** At or below either. */
export function joinFloors(a: Floor, b: Floor): Floor {
  if (b.size === 0) return a
  const joined = new Map(a)
  for (const [start, counter] of b) {
    if ((joined.get(start) ?? 0) < counter) joined.set(start, counter)
  }
  return joined
}

export function carries(object: VersionedObject | undefined, dot: Dot): boolean {
  if (object === undefined) return false
  return object.siblings.some((sibling) => sibling.dots.some((one) => compareDots(one, dot) === 0))
}

/** Whether `object` has a dot of which `isSo` is true. */
export function hasDot(object: VersionedObject | undefined, isSo: (dot: Dot) => boolean): boolean {
  return object !== undefined && object.siblings.some((sibling) => sibling.dots.some(isSo))
}

/** Whether both carry the same dots, which is what their digests say. */
export function carryAlike(
  a: VersionedObject | undefined,
  b: VersionedObject | undefined,
): boolean {
  if (a === b) return true
  return !hasDot(a, (dot) => !carries(b, dot)) && !hasDot(b, (dot) => !carries(a, dot))
}

/**
 * `object` without the dots of which `isGone` is true; undefined where no sibling is left. They
 * leave the context too, unless it `isCovered`: not to take a dot is not to know it replaced.
 */
export function without(
  object: VersionedObject | undefined,
  isGone: (dot: Dot) => boolean,
  isCovered = false,
): VersionedObject | undefined {
  if (object === undefined || !hasDot(object, isGone)) return object
  const gone: Dot[] = []
  const siblings: Sibling[] = []
  for (const sibling of object.siblings) {
    const kept = sibling.dots.filter((dot) => !isGone(dot))
    gone.push(...sibling.dots.filter(isGone))
    const left = withDots(sibling, kept)
    if (left !== undefined) siblings.push(left)
  }
  if (siblings.length === 0) return undefined
  const { context } = object
  // Nor is a request known as replaced whose write is not taken.
  const isKept = (request: string): boolean => isCovered || !isGoneWhole(object, siblings, request)
  const ranges = isCovered ? context.ranges : context.rangesWithout(gone.sort(compareDots))
  return {
    context: Context.ofCanonical(ranges, context.requests.filter(isKept)),
    siblings: siblings.sort(compareSiblings),
  }
}

function isGoneWhole(
  { siblings }: VersionedObject,
  left: VersionedObject['siblings'],
  request: string,
): boolean {
  const has = (list: VersionedObject['siblings']): boolean =>
    list.some(({ requestId }) => requestId === request)
  return has(siblings) && !has(left)
}

/**
 * Whether the key can go: all its siblings are tombstones, at or below the floor with everything
 * that the context names. A floor is no consistent cut: it may hold a tombstone and not yet what
 * that replaced. The past is looked at unless it `isPastIgnored`.
 */
export function isDone(
  object: VersionedObject | undefined,
  floor: Floor,
  isPastIgnored = false,
): object is VersionedObject {
  if (object === undefined) return false
  const areBelow = object.siblings.every(
    ({ value, dots }) => value === undefined && dots.every((dot) => isUnder(floor, dot)),
  )
  if (!areBelow || isPastIgnored) return areBelow
  return object.context.ranges.every(({ start, last }) => isUnder(floor, { start, counter: last }))
}

/** The ranges in which no dot is carried: all of each is replaced. */
export function replacedRanges({ context, siblings }: VersionedObject): readonly Range[] {
  const isCarried = (range: Range): boolean =>
    siblings.some(({ dots }) => dots.some((dot) => holds(range, dot)))
  return context.ranges.filter((range) => !isCarried(range))
}

/** `object` without those ranges of `asked` that still are replaced, at or below the floor. */
export function strip(
  object: VersionedObject,
  asked: readonly Range[],
  floor: Floor,
): VersionedObject {
  const replaced = replacedRanges(object)
  const goes = (range: Range): boolean =>
    replaced.includes(range) &&
    isUnder(floor, { start: range.start, counter: range.last }) &&
    asked.some((one) => sameLine(one, range) && one.first <= range.first && range.last <= one.last)
  const { ranges, requests } = object.context
  const kept = ranges.filter((range) => !goes(range))
  if (kept.length === ranges.length) return object
  return { context: Context.ofCanonical(kept, requests), siblings: object.siblings }
}

export function holds(range: Range, dot: Dot): boolean {
  return sameLine(range, dot) && range.first <= dot.counter && dot.counter <= range.last
}
