/**
 * Encodes and decodes objects: the same bytes on disk, between peers and under the digest.
 *
 *     u8 format | u8 zero | u16 ranges | u16 siblings | u16 repeated requests
 *     ranges, 34 bytes each, then repeated requests, 16 each       (context-bytes.ts)
 *     siblings, each:
 *       u8 flags (1 = tombstone) | u8 dots | request id 16
 *       dots, 8 bytes each: u16 place of its range | u48 counter
 *       u32 value bytes
 *     values, in the order of the siblings                         integers little-endian
 *
 * A dot is written as the index of its range in the context, which has its line. All that is before
 * the values is the *outline*. It says which siblings live and which are tombstones, so copies can
 * be merged by their outlines where the values do not matter.
 *
 * Invariants:
 *   - Canonical: equal objects have equal bytes, so a digest over the bytes compares objects. Bytes
 *     that are not canonical are refused, even if their meaning is clear.
 *   - Reading checks every count against its limit and against the bytes that are left before it
 *     allocates, and never throws: for bytes that are no object it returns undefined. (The caller
 *     knows whether they came from a peer or from the disk.)
 *   - Values are views of the bytes read, not copies. A value that is kept keeps all of them.
 */
import { assert } from '../../base/assert.ts'
import { readU16, readU32, readU48, writeU16, writeU32, writeU48 } from '../../base/bytes.ts'
import {
  DOTS_PER_SIBLING_MAX,
  OBJECT_MERGED_BYTES_MAX,
  RANGES_MAX,
  REQUEST_ID_BYTES,
} from '../../limits.ts'
import type { Context } from './context.ts'
import { compareDots, type Dot, dotOn } from './dot.ts'
import {
  compareSiblings,
  compareWrites,
  type Sibling,
  valueBytes,
  type VersionedObject,
} from './object.ts'
import {
  contextBytes,
  readContext,
  readRequestId,
  writeContext,
  writeRequestId,
} from './context-bytes.ts'

/** These numbers are in files and on the wire. Append only; never reuse. */
const FORMAT = 2
const FLAG_TOMBSTONE = 1

const HEADER_BYTES = 8
const DOT_BYTES = 8
/** Flags, dot count, request id and value length: a sibling without its dots and value. */
const SIBLING_BYTES = 2 + REQUEST_ID_BYTES + 4
const SIBLINGS_ENCODED_MAX = 0xffff

/** How many bytes `encodeObject` will write. */
export function objectBytes(object: VersionedObject): number {
  return outlineBytes(object) + valueBytes(object.siblings)
}

/** How many of them are the outline, which comes first. */
export function outlineBytes({ context, siblings }: VersionedObject): number {
  let bytes = HEADER_BYTES + contextBytes(context.count, context.requests.length)
  for (const { dots } of siblings) bytes += SIBLING_BYTES + dots.length * DOT_BYTES
  return bytes
}

/**
 * False for an object that no record or message can hold. Merges refuse nothing, so a replica
 * checks the merge with a peer's object before it writes it, and refuses the message if it does not
 * fit: the peer keeps its copy, so nothing is lost. Puts of clients stay far below.
 */
export function isStorable(object: VersionedObject): boolean {
  return (
    object.context.count <= RANGES_MAX &&
    object.siblings.length <= SIBLINGS_ENCODED_MAX &&
    objectBytes(object) <= OBJECT_MERGED_BYTES_MAX
  )
}

/** Requires: `isStorable`. */
export function encodeObject(object: VersionedObject): Uint8Array {
  const bytes = new Uint8Array(objectBytes(object))
  writeObject(object, bytes, 0)
  return bytes
}

/** Writes `objectBytes(object)` bytes from `at` on; returns where they end. */
export function writeObject(object: VersionedObject, bytes: Uint8Array, at: number): number {
  at = writeOutline(object, bytes, at)
  for (const { value } of object.siblings) {
    if (value === undefined) continue
    bytes.set(value, at)
    at += value.length
  }
  return at
}

function writeOutline(object: VersionedObject, bytes: Uint8Array, at: number): number {
  const { context, siblings } = object
  assert(context.count <= RANGES_MAX, 'the ranges fit their count')
  assert(siblings.length <= SIBLINGS_ENCODED_MAX, 'the siblings fit their count')
  bytes[at] = FORMAT
  bytes[at + 1] = 0
  writeU16(bytes, at + 2, context.count)
  writeU16(bytes, at + 4, siblings.length)
  writeU16(bytes, at + 6, context.requests.length)
  at = writeContext(context, bytes, at + HEADER_BYTES)
  for (const sibling of siblings) at = writeSibling(sibling, context, bytes, at)
  return at
}

function writeSibling(
  { requestId, dots, value }: Sibling,
  context: Context,
  bytes: Uint8Array,
  at: number,
): number {
  assert(dots.length >= 1 && dots.length <= DOTS_PER_SIBLING_MAX, 'a sibling has a few dots')
  bytes[at] = value === undefined ? FLAG_TOMBSTONE : 0
  bytes[at + 1] = dots.length
  at = writeRequestId(bytes, at + 2, requestId)
  for (const dot of dots) {
    const place = context.indexOf(dot)
    assert(place >= 0, 'the context covers every dot of a sibling')
    writeU16(bytes, at, place)
    writeU48(bytes, at + 2, dot.counter)
    at += DOT_BYTES
  }
  writeU32(bytes, at, value?.length ?? 0)
  return at + 4
}

/** The object, with values that are views of `bytes`; undefined if `bytes` are not canonical. */
export function decodeObject(bytes: Uint8Array): VersionedObject | undefined {
  const read = readObject(bytes, true)
  if (read === undefined || read.end !== bytes.length) return undefined
  const { context, siblings } = read
  return areSorted(siblings) && !hasTwins(siblings) ? { context, siblings } : undefined
}

/**
 * The object of an outline alone; undefined if `bytes` are not canonical. Each value is replaced by
 * four bytes, its length: a merge of such objects lets the same siblings live as a merge of whole
 * ones. (Two values of one request and of one length are taken for one, which a client's error
 * makes: then one of them lives as long as either does.)
 */
export function decodeOutline(bytes: Uint8Array): VersionedObject | undefined {
  const outline = readObject(bytes, false)
  if (outline === undefined || outline.end !== bytes.length) return undefined
  const { context, siblings } = outline
  const isSorted = siblings.every(({ dots }, i) => {
    return i === 0 || compareDots((siblings[i - 1] as Sibling).dots[0] as Dot, dots[0] as Dot) <= 0
  })
  return isSorted ? { context, siblings } : undefined
}

/** The outline of an encoded object; undefined if it has none. */
export function outlineOf(bytes: Uint8Array): Uint8Array | undefined {
  const outline = readObject(bytes, false)
  return outline === undefined ? undefined : bytes.subarray(0, outline.end)
}

/** The object as `decodeOutline` reads its outline. */
export function withoutValues(object: VersionedObject): VersionedObject {
  const bytes = new Uint8Array(outlineBytes(object))
  writeOutline(object, bytes, 0)
  return decodeOutline(bytes) as VersionedObject
}

interface ReadObject extends VersionedObject {
  /** Where what was read ends. */
  readonly end: number
}

/** `hasValues`: the outline and the values, or the outline alone, with lengths for values. */
function readObject(bytes: Uint8Array, hasValues: boolean): ReadObject | undefined {
  if (bytes.length < HEADER_BYTES || bytes[0] !== FORMAT || bytes[1] !== 0) return undefined
  const context = readContext(bytes, HEADER_BYTES, readU16(bytes, 2), readU16(bytes, 6))
  if (context === undefined) return undefined

  const count = readU16(bytes, 4)
  let at = HEADER_BYTES + contextBytes(context.count, context.requests.length)
  const outlineEnd = siblingsEnd(bytes, at, count)
  if (outlineEnd === undefined) return undefined
  let valueAt = outlineEnd
  const siblings: Sibling[] = []
  while (at < outlineEnd) {
    const sibling = readSibling(bytes, at, context, hasValues ? valueAt : undefined)
    if (sibling === undefined) return undefined
    siblings.push(sibling)
    at += SIBLING_BYTES + sibling.dots.length * DOT_BYTES
    if (hasValues) valueAt += sibling.value?.length ?? 0
  }
  return { context, siblings, end: valueAt }
}

/** Where the outlines of so many siblings end, if they fit the bytes. */
function siblingsEnd(bytes: Uint8Array, at: number, count: number): number | undefined {
  for (let left = count; left > 0; left--) {
    if (at + SIBLING_BYTES > bytes.length) return undefined
    at += SIBLING_BYTES + (bytes[at + 1] as number) * DOT_BYTES
  }
  return at <= bytes.length ? at : undefined
}

/** Its value stands at `valueAt`; undefined: its four bytes of length are read for one. */
function readSibling(
  bytes: Uint8Array,
  at: number,
  context: Context,
  valueAt: number | undefined,
): Sibling | undefined {
  const flags = bytes[at] as number
  const count = bytes[at + 1] as number
  if (flags > FLAG_TOMBSTONE || count === 0 || count > DOTS_PER_SIBLING_MAX) return undefined
  const requestId = readRequestId(bytes, at + 2)
  const dots = readDots(bytes, at + 2 + REQUEST_ID_BYTES, count, context)
  if (dots === undefined) return undefined

  const lengthAt = at + SIBLING_BYTES + count * DOT_BYTES - 4
  const length = readU32(bytes, lengthAt)
  if (flags === FLAG_TOMBSTONE) {
    return length === 0 ? { requestId, dots, value: undefined } : undefined
  }
  if (valueAt === undefined) {
    return { requestId, dots, value: bytes.subarray(lengthAt, lengthAt + 4) }
  }
  const end = valueAt + length
  return end > bytes.length ? undefined : { requestId, dots, value: bytes.subarray(valueAt, end) }
}

function areSorted(siblings: readonly Sibling[]): boolean {
  return siblings.every((sibling, i) => {
    return i === 0 || compareSiblings(siblings[i - 1] as Sibling, sibling) < 0
  })
}

function readDots(
  bytes: Uint8Array,
  at: number,
  count: number,
  context: Context,
): Dot[] | undefined {
  const dots: Dot[] = []
  let before: Dot | undefined
  for (let i = 0; i < count; i++, at += DOT_BYTES) {
    const range = context.ranges[readU16(bytes, at)]
    if (range === undefined) return undefined
    const dot = dotOn(range, readU48(bytes, at + 2))
    if (dot.counter < range.first || dot.counter > range.last) return undefined
    if (before !== undefined && compareDots(before, dot) >= 0) return undefined
    dots.push(dot)
    before = dot
  }
  return dots
}

/** True if two siblings are one write: a merge would have made them one. */
function hasTwins(siblings: readonly Sibling[]): boolean {
  if (siblings.length < 2) return false
  const byWrite = siblings.toSorted(compareWrites)
  return byWrite.some((sibling, i) => i > 0 && compareWrites(byWrite[i - 1]!, sibling) === 0)
}
