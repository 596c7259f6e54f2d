/** The real rules of floors, two of them also as the shortcuts that break them. */
import {
  carries,
  type Floor,
  hasDot,
  isDeleted,
  isDone as isDoneByRule,
  isUnder,
  without as withoutByRule,
} from '../../../src/dynamo/repair/floor.ts'
import type { Dot } from '../../../src/dynamo/version/dot.ts'
import type { VersionedObject } from '../../../src/dynamo/version/object.ts'

/** Whether both carry the same dots, which is what their digests say. */
export function carryAlike(
  a: VersionedObject | undefined,
  b: VersionedObject | undefined,
): boolean {
  if (a === b) return true
  return !hasDot(a, (dot) => !carries(b, dot)) && !hasDot(b, (dot) => !carries(a, dot))
}

/** The dots that go stay in the context where it `isCovered`. */
export function without(
  object: VersionedObject | undefined,
  isGone: (dot: Dot) => boolean,
  isCovered = false,
): VersionedObject | undefined {
  const left = withoutByRule(object, isGone)
  if (!isCovered || left === undefined || object === undefined) return left
  return { context: object.context, siblings: left.siblings }
}

/** What the context names is not looked at where it `isPastIgnored`. */
export function isDone(
  object: VersionedObject | undefined,
  floor: Floor,
  isPastIgnored = false,
): object is VersionedObject {
  if (object === undefined) return false
  if (!isPastIgnored) return isDoneByRule(object, floor)
  const isBelow = (dot: Dot): boolean => isUnder(floor, dot)
  return isDeleted(object) && object.siblings.every(({ dots }) => dots.every(isBelow))
}
