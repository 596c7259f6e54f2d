/**
 * Merges two copies of a key, dot by dot.
 *
 * A dot survives if both copies carry it, or if one carries it and the other's context does not
 * cover it (the other has not received it). If one copy carries a dot, and the other covers it and
 * does not carry it, a client replaced it. A sibling survives while one of its dots does.
 *
 * Siblings that agree in request id and value are one write that was attempted more than once:
 * they become one sibling with all the dots, so that replacing it replaces every attempt that was
 * seen. The same request id with another value is a client's error: both siblings stay. Where a
 * copy's context names the request (`context.ts`) and the copy does not carry it, its attempts were
 * replaced, those that were not seen too: none survives.
 *
 * Invariants:
 *   - Commutative, associative, idempotent: copies that have met the same writes are equal,
 *     whatever the order. (Three things depend on the order: the cut at DOTS_PER_SIBLING_MAX, which
 *     removes dots of further attempts, whose sibling stays; the cut at REPEATS_PER_KEY_MAX, after
 *     which a merge no longer knows that a request was named; and a time may be that of an attempt
 *     whose dot was replaced. Copies that go on merging still converge.)
 *   - Merge refuses no size: an acknowledged write must be able to move.
 *   - If the result equals an operand, merge returns that operand, so that `merged === held` means
 *     "nothing to write". (The held record may still be unsynced: the acknowledgement waits for its
 *     sync.)
 *
 * Only a broken peer gives one dot to two writes. Both writes stay until their dot is replaced.
 *
 * Source: Almeida, Baquero, Gonçalves, Preguiça, Fonte, "Scalable and Accurate Causality Tracking
 * for Eventually Consistent Stores" (2014), 5, `sync`; Dynamo 4.4.
 */
import { DOTS_PER_SIBLING_MAX } from '../../limits.ts'
import { compareDots, type Dot } from './dot.ts'
import { compareSiblings, equalValues, type Sibling, type VersionedObject } from './object.ts'
import type { RequestId } from './request-id.ts'

/** Up to this many siblings are searched linearly. */
const SCAN_MAX = 8

/** The merge of `a` and `b`; `a` or `b` itself if the merge equals it. */
export function merge(a: VersionedObject, b: VersionedObject): VersionedObject {
  if (a === b) return a
  const context = a.context.join(b.context)
  const keptA = survivors(a, b)
  const keptB = survivors(b, a)
  const siblings = unite(keptA, keptB)
  if (context === a.context && isSameList(siblings, a.siblings)) return a
  // The union prefers `a`'s siblings, so the comparison with `b` takes the union the other way.
  if (b.context.includes(context) && isSameList(unite(keptB, keptA), b.siblings)) return b
  return { context, siblings }
}

/** The siblings of `mine` with those dots that `theirs` has not replaced. */
function survivors(mine: VersionedObject, theirs: VersionedObject): readonly Sibling[] {
  const { siblings } = theirs
  const many = siblings.length > SCAN_MAX ? sortedDots(siblings) : undefined
  const isCarried = (dot: Dot): boolean =>
    many === undefined ? siblings.some((s) => isAmong(dot, s.dots)) : isAmong(dot, many)
  const isReplaced = (dot: Dot): boolean => theirs.context.covers(dot) && !isCarried(dot)
  const isHurt = ({ requestId, dots }: Sibling): boolean =>
    names(theirs, requestId) || dots.some(isReplaced)
  // Nearly always all survive.
  if (!mine.siblings.some(isHurt)) return mine.siblings
  const kept: Sibling[] = []
  for (const sibling of mine.siblings) {
    if (names(theirs, sibling.requestId)) continue
    const dots = sibling.dots.filter((dot) => !isReplaced(dot))
    const survivor = withDots(sibling, dots)
    if (survivor !== undefined) kept.push(survivor)
  }
  // A sibling that lost its first dot may sort later.
  return kept.sort(compareSiblings)
}

/** Whether the request is named, and none of its attempts is carried. */
function names({ context, siblings }: VersionedObject, requestId: RequestId): boolean {
  if (!context.names(requestId)) return false
  return siblings.every((sibling) => sibling.requestId !== requestId)
}

/** `sibling` with `dots`: itself if their number is unchanged, undefined if there are none. */
export function withDots(sibling: Sibling, dots: readonly Dot[]): Sibling | undefined {
  if (dots.length === sibling.dots.length) return sibling
  if (dots.length === 0) return undefined
  return { requestId: sibling.requestId, dots, time: sibling.time, value: sibling.value }
}

function sortedDots(siblings: readonly Sibling[]): readonly Dot[] {
  return siblings.flatMap((sibling) => sibling.dots).sort(compareDots)
}

function isAmong(dot: Dot, sorted: readonly Dot[]): boolean {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareDots(sorted[middle] as Dot, dot) < 0) low = middle + 1
    else high = middle
  }
  const found = sorted[low]
  return found !== undefined && compareDots(found, dot) === 0
}

/** The union of both lists, with one sibling per write; `a` itself if `b` adds nothing. */
function unite(a: readonly Sibling[], b: readonly Sibling[]): readonly Sibling[] {
  const places = placesByRequest(a)
  let united: Sibling[] | undefined
  for (const sibling of b) {
    const place = places(sibling)
    if (place === undefined) {
      united ??= [...a]
      united.push(sibling)
      continue
    }
    const mine = a[place] as Sibling
    const both = collapse(mine, sibling)
    if (both === mine) continue
    united ??= [...a]
    united[place] = both
  }
  return united === undefined ? a : united.sort(compareSiblings)
}

/** Returns a function that finds the index of the same write in `siblings`. */
function placesByRequest(siblings: readonly Sibling[]): (wanted: Sibling) => number | undefined {
  const isSame = (wanted: Sibling, at: number): boolean => {
    const sibling = siblings[at] as Sibling
    return sibling.requestId === wanted.requestId && equalValues(sibling.value, wanted.value)
  }
  if (siblings.length <= SCAN_MAX) {
    return (wanted) => {
      for (let i = 0; i < siblings.length; i++) if (isSame(wanted, i)) return i
      return undefined
    }
  }
  const places = new Map<string, number[]>()
  for (const [i, { requestId }] of siblings.entries()) {
    const others = places.get(requestId)
    if (others === undefined) places.set(requestId, [i])
    else others.push(i)
  }
  return (wanted) => places.get(wanted.requestId)?.find((i) => isSame(wanted, i))
}

/** One sibling for two attempts of one request; `a` itself if `b` adds nothing to it. */
function collapse(a: Sibling, b: Sibling): Sibling {
  if (a === b) return a
  const added = b.dots.filter((dot) => !isAmong(dot, a.dots))
  const time = Math.min(a.time, b.time)
  if (added.length === 0 && time === a.time) return a
  const dots = [...a.dots, ...added].sort(compareDots)
  if (dots.length > DOTS_PER_SIBLING_MAX) dots.length = DOTS_PER_SIBLING_MAX
  return { requestId: a.requestId, dots, time, value: a.value }
}

function isSameList(a: readonly Sibling[], b: readonly Sibling[]): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  return a.every((sibling, i) => sibling === b[i])
}
