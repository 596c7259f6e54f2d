/**
 * Takes as many siblings of an object as one answer has room for.
 *
 * Puts keep an object far below what a message carries, but a merge refuses nothing: copies of
 * several owners that were apart may be larger together. The part has whole siblings alone, and its
 * context covers the dots of just these. So a put with that context replaces what its client was
 * shown, and the siblings left out stay for the next get.
 */
import { RANGES_MAX } from '../../limits.ts'
import { Context, rangeOn } from './context.ts'
import type { Sibling, VersionedObject } from './object.ts'

/** What an answer takes for a sibling beside its value, at most. */
const SIBLING_OVERHEAD_BYTES = 16

/**
 * `object` itself if its siblings take at most `bytesMax` bytes in an answer; else a part that
 * does. Tombstones come first, then values in the order of the siblings, each that still fits.
 */
export function fittingPart(object: VersionedObject, bytesMax: number): VersionedObject {
  if (answerBytes(object.siblings) <= bytesMax && object.context.count <= RANGES_MAX) return object
  const fitting = new Set<Sibling>()
  let bytes = 0
  let dots = 0
  for (const sibling of object.siblings.toSorted(tombstonesFirst)) {
    const more = answerBytes([sibling])
    const isTooMuch = bytes + more > bytesMax || dots + sibling.dots.length > RANGES_MAX
    if (isTooMuch) continue
    fitting.add(sibling)
    bytes += more
    dots += sibling.dots.length
  }
  const siblings = object.siblings.filter((sibling) => fitting.has(sibling))
  return { context: contextOf(object.context, siblings), siblings }
}

/** What the values of these siblings take in an answer, at most. */
export function answerBytes(siblings: readonly Sibling[]): number {
  let bytes = 0
  for (const { value } of siblings) {
    if (value !== undefined) bytes += value.length + SIBLING_OVERHEAD_BYTES
  }
  return bytes
}

/** Covers these siblings of an object with context `whole`, all their attempts included. */
function contextOf(whole: Context, siblings: readonly Sibling[]): Context {
  const dots = siblings.flatMap((sibling) => sibling.dots)
  let context = Context.of(dots.map((dot) => rangeOn(dot, dot.counter, dot.counter)))
  for (const { requestId } of siblings) {
    if (whole.names(requestId)) context = context.withRequest(requestId)
  }
  return context
}

function tombstonesFirst(a: Sibling, b: Sibling): number {
  return Number(a.value !== undefined) - Number(b.value !== undefined)
}
