/**
 * Floors, and what they let go of (docs/design.md 3.6).
 *
 * A floor is a vector: for each start a counter, and for a start that has ended all of it. A member
 * that has adopted one says of its copies: *of every dot at or below it I hold the write, or it is
 * replaced*. So a delete at or below the floor, with all that it replaced, has no more work to do.
 *
 * Source: the node-wide clock of Gonçalves, Almeida, Baquero, Fonte, "DottedDB: Anti-Entropy
 * without Merkle Trees, Deletes without Tombstones" (2017), advanced by rounds and not write by
 * write.
 */
import type { Start } from '../names.ts'
import { Context, type Range } from '../version/context.ts'
import { compareDots, type Dot, sameLine } from '../version/dot.ts'
import { withDots } from '../version/merge.ts'
import { compareSiblings, type Sibling, type VersionedObject } from '../version/object.ts'

export type Floor = ReadonlyMap<Start, number>

export const NO_FLOOR: Floor = new Map()
/** The counter of a start that has ended. */
export const ENDED: number = Number.POSITIVE_INFINITY

/** Whether the dot is at or below the floor. */
export function isUnder(floor: Floor, { start, counter }: Pick<Dot, 'start' | 'counter'>): boolean {
  return counter <= (floor.get(start) ?? 0)
}

/** What is at or below either. */
export function joinFloors(a: Floor, b: Floor): Floor {
  if (b.size === 0) return a
  const joined = new Map(a)
  for (const [start, counter] of b) {
    if ((joined.get(start) ?? 0) < counter) joined.set(start, counter)
  }
  return joined
}

/** `floor` without some starts. */
export function leaveOut(floor: Floor, starts: ReadonlySet<Start>): Floor {
  if (starts.size === 0) return floor
  return new Map([...floor].filter(([start]) => !starts.has(start)))
}

export function carries(object: VersionedObject | undefined, dot: Dot): boolean {
  if (object === undefined) return false
  return object.siblings.some((sibling) => sibling.dots.some((one) => compareDots(one, dot) === 0))
}

/** Whether `object` carries a dot of which `isSo` is true. */
export function hasDot(object: VersionedObject | undefined, isSo: (dot: Dot) => boolean): boolean {
  return object !== undefined && object.siblings.some((sibling) => sibling.dots.some(isSo))
}

/**
 * `object` without the dots of which `isGone` is true; undefined where no sibling is left. They
 * leave the context too: not to take a dot is not to know it replaced.
 */
export function without(
  object: VersionedObject | undefined,
  isGone: (dot: Dot) => boolean,
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
  const has = (list: VersionedObject['siblings'], request: string): boolean =>
    list.some(({ requestId }) => requestId === request)
  const requests = context.requests.filter((request) => {
    return has(siblings, request) || !has(object.siblings, request)
  })
  const ranges = context.rangesWithout(gone.sort(compareDots))
  return {
    context: Context.ofCanonical(ranges, requests),
    siblings: siblings.sort(compareSiblings),
  }
}

/** Whether all siblings are tombstones. */
export function isDeleted(object: VersionedObject): boolean {
  return object.siblings.every(({ value }) => value === undefined)
}

/**
 * Whether the key can go: all its siblings are tombstones, at or below the floor with everything
 * that the context names. A floor is no consistent cut: it may hold a tombstone and not yet what
 * that replaced.
 */
export function isDone(object: VersionedObject, floor: Floor): boolean {
  if (floor.size === 0 || !isDeleted(object)) return false
  return (
    object.siblings.every(({ dots }) => dots.every((dot) => isUnder(floor, dot))) &&
    object.context.ranges.every(({ start, last }) => isUnder(floor, { start, counter: last }))
  )
}

/** The ranges in which no dot is carried: all of each is replaced. */
export function replacedRanges({ context, siblings }: VersionedObject): readonly Range[] {
  const isCarried = (range: Range): boolean =>
    siblings.some(({ dots }) => dots.some((dot) => holds(range, dot)))
  return context.ranges.filter((range) => !isCarried(range))
}

/**
 * `object` without those ranges of `asked` that still are replaced, at or below the floor; the same
 * object where that is none.
 */
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
