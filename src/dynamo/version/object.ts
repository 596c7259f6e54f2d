/**
 * The object of a key: its siblings and their causal context.
 *
 * A sibling is a value that no known write has replaced. Usually there is one. Concurrent writes
 * leave several, until a client that read them all replaces them (Dynamo 4.4, the shopping cart). A
 * delete is a sibling without a value: a tombstone.
 *
 * Invariants:
 *   - Every dot of a sibling is covered by the object's context.
 *   - Dots within a sibling, and siblings within an object, are sorted; no two siblings have the
 *     same request id and value. So equal objects are equal lists, and have equal bytes.
 *   - A covered dot that no sibling carries was replaced by a client that had read it.
 */
import { compareBytes, equalBytes } from '../../base/bytes.ts'
import { Context } from './context.ts'
import { compareDots, type Dot } from './dot.ts'
import type { RequestId } from './request-id.ts'

export interface Sibling {
  readonly requestId: RequestId
  /** At least one; several where attempts of one request met different coordinators. */
  readonly dots: readonly Dot[]
  /**
   * When its coordinator took it, by the wall clock there, in ms since 1970: for people, decides
   * nothing. Of several attempts the earliest.
   */
  readonly time: number
  /** Undefined in a tombstone. May be a view of the bytes that it was decoded from. */
  readonly value: Uint8Array | undefined
}

export interface VersionedObject {
  readonly context: Context
  readonly siblings: readonly Sibling[]
}

/** The object of a key that was never written. */
export const NOTHING: VersionedObject = { context: Context.empty, siblings: [] }

export function equalValues(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === b) return true
  return a !== undefined && b !== undefined && equalBytes(a, b)
}

/**
 * Whether two copies have the same siblings, which is what their digests compare. One may know less
 * of what was replaced: what replaced it led to these siblings.
 */
export function haveSameSiblings(a: VersionedObject, b: VersionedObject): boolean {
  if (a.siblings.length !== b.siblings.length) return false
  return a.siblings.every((sibling, i) => equalSiblings(sibling, b.siblings[i] as Sibling))
}

function equalSiblings(a: Sibling, b: Sibling): boolean {
  if (a === b) return true
  if (a.requestId !== b.requestId || a.time !== b.time) return false
  if (a.dots.length !== b.dots.length || !equalValues(a.value, b.value)) return false
  return a.dots.every((dot, i) => compareDots(dot, b.dots[i] as Dot) === 0)
}

/** By first dot. The rest decides only if two writes have one dot, which starts exclude. */
export function compareSiblings(a: Sibling, b: Sibling): number {
  const order = compareDots(a.dots[0] as Dot, b.dots[0] as Dot)
  return order === 0 ? compareWrites(a, b) : order
}

/** By request id, then value: zero for two attempts of one write. A tombstone comes first. */
export function compareWrites(a: Sibling, b: Sibling): number {
  if (a.requestId !== b.requestId) return a.requestId < b.requestId ? -1 : 1
  if (a.value === undefined || b.value === undefined) {
    return Number(a.value !== undefined) - Number(b.value !== undefined)
  }
  return compareBytes(a.value, b.value)
}

/** The bytes of all values together, which OBJECT_BYTES_MAX bounds. */
export function valueBytes(siblings: readonly Sibling[]): number {
  let bytes = 0
  for (const sibling of siblings) bytes += sibling.value?.length ?? 0
  return bytes
}
