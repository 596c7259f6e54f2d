/**
 * Encodes and decodes objects: the same bytes on disk, between peers and under the digest.
 *
 *     u8 format | u8 zero | u16 ranges | u16 siblings | u16 repeated requests
 *     the context without the siblings' dots: ranges, 34 bytes each, then repeated requests, 16
 *     each                                                          (context-bytes.ts)
 *     siblings, each:
 *       u8 flags (1 = tombstone) | u8 dots | request id 16 | u48 time | u48 expiry: zero for now
 *       dots, 28 bytes each: node 8 | start 8 | u48 opened | u48 counter
 *       u32 value bytes
 *     values, in the order of the siblings                         integers little-endian
 *
 * A sibling carries its own dots, and the context lists what the siblings replaced. So any of the
 * siblings with these ranges are an object by themselves, and the object is the merge of such.
 *
 * All that is before the values is the *outline*. It says which siblings live and which are
 * tombstones, so copies can be merged by their outlines where the values do not matter.
 *
 * The digest covers the bytes from the first sibling on, and not the ranges: copies with the same
 * siblings know the same of what was replaced, as far as it matters, because what replaced it led
 * to a sibling that both carry, and its past came with it.
 *
 * Invariants:
 *   - Canonical: equal objects have equal bytes. Bytes that are not canonical are refused, even if
 *     their meaning is clear.
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
import { type Digest, sipHash64 } from '../../native/digest.ts'
import { ID_BYTES } from '../names.ts'
import type { Range } from './context.ts'
import { compareDots, type Dot } from './dot.ts'
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
  readId,
  readRequestId,
  writeContext,
  writeId,
  writeRequestId,
} from './context-bytes.ts'

/** These numbers are in files and on the wire. Append only; never reuse. */
const FORMAT = 3
const FLAG_TOMBSTONE = 1

const HEADER_BYTES = 8
const DOTS_AT: number = 2 + REQUEST_ID_BYTES + 6 + 6
const DOT_BYTES: number = 2 * ID_BYTES + 6 + 6
/** A sibling without its dots and value: what is before the dots, and the value's length. */
const SIBLING_BYTES: number = DOTS_AT + 4
const SIBLINGS_ENCODED_MAX = 0xffff

/** How many bytes `encodeObject` will write. */
export function objectBytes(object: VersionedObject): number {
  return sizeOf(object, otherRanges(object).length) + valueBytes(object.siblings)
}

/** Bytes of the outline of an object with so many ranges beside its siblings' dots. */
function sizeOf({ context, siblings }: VersionedObject, ranges: number): number {
  let bytes = HEADER_BYTES + contextBytes(ranges, context.requests.length)
  for (const { dots } of siblings) bytes += SIBLING_BYTES + dots.length * DOT_BYTES
  return bytes
}

/** The context's ranges without the dots that the siblings carry. */
function otherRanges({ context, siblings }: VersionedObject): readonly Range[] {
  return context.rangesWithout(dotsOf(siblings))
}

/** All dots of the siblings, sorted. */
function dotsOf(siblings: readonly Sibling[]): readonly Dot[] {
  if (siblings.length === 1) return (siblings[0] as Sibling).dots
  return siblings.flatMap(({ dots }) => dots).sort(compareDots)
}

/**
 * Undefined for an object that no record or message can hold. Merges refuse nothing, so a replica
 * encodes the merge with a peer's object before it writes it, and refuses the message if it does
 * not fit: the peer keeps its copy, so nothing is lost. Puts of clients stay far below.
 */
export function encodeObject(object: VersionedObject): Uint8Array | undefined {
  const { context, siblings } = object
  if (context.count > RANGES_MAX || siblings.length > SIBLINGS_ENCODED_MAX) return undefined
  const ranges = otherRanges(object)
  const length = sizeOf(object, ranges.length) + valueBytes(siblings)
  if (ranges.length > RANGES_MAX || length > OBJECT_MERGED_BYTES_MAX) return undefined
  const bytes = new Uint8Array(length)
  let at = writeOutline(object, ranges, bytes)
  for (const { value } of siblings) {
    if (value === undefined) continue
    bytes.set(value, at)
    at += value.length
  }
  return bytes
}

/** Returns where it ends. */
function writeOutline(
  { context: { count, requests }, siblings }: VersionedObject,
  ranges: readonly Range[],
  bytes: Uint8Array,
): number {
  assert(Math.max(count, ranges.length) <= RANGES_MAX, 'the ranges fit their count')
  assert(siblings.length <= SIBLINGS_ENCODED_MAX, 'the siblings fit their count')
  bytes[0] = FORMAT
  bytes[1] = 0
  writeU16(bytes, 2, ranges.length)
  writeU16(bytes, 4, siblings.length)
  writeU16(bytes, 6, requests.length)
  let at = writeContext({ ranges, requests }, bytes, HEADER_BYTES)
  for (const sibling of siblings) at = writeSibling(sibling, bytes, at)
  return at
}

function writeSibling(
  { requestId, dots, time, value }: Sibling,
  bytes: Uint8Array,
  at: number,
): number {
  assert(dots.length >= 1 && dots.length <= DOTS_PER_SIBLING_MAX, 'a sibling has a few dots')
  bytes[at] = value === undefined ? FLAG_TOMBSTONE : 0
  bytes[at + 1] = dots.length
  const timeAt = writeRequestId(bytes, at + 2, requestId)
  writeU48(bytes, timeAt, time)
  at += DOTS_AT
  for (const { node, start, opened, counter } of dots) {
    writeId(bytes, at, node)
    writeId(bytes, at + ID_BYTES, start)
    writeU48(bytes, at + 2 * ID_BYTES, opened)
    writeU48(bytes, at + 2 * ID_BYTES + 6, counter)
    at += DOT_BYTES
  }
  writeU32(bytes, at, value?.length ?? 0)
  return at + 4
}

/**
 * Where the dot stands of an object that is one value and has replaced nothing, as most are.
 * Undefined for any other object, and for bytes that are none. It allocates nothing.
 */
export function soleDotAt(bytes: Uint8Array): number | undefined {
  if (bytes.length < HEADER_BYTES + SIBLING_BYTES + DOT_BYTES) return undefined
  if (bytes[0] !== FORMAT || bytes[1] !== 0 || readU16(bytes, 4) !== 1) return undefined
  if (readU16(bytes, 2) !== 0 || readU16(bytes, 6) !== 0) return undefined
  const dotAt = HEADER_BYTES + DOTS_AT
  // No tombstone, one dot, and no expiry.
  if (bytes[HEADER_BYTES] !== 0 || bytes[HEADER_BYTES + 1] !== 1) return undefined
  if (readU48(bytes, dotAt - 6) !== 0) return undefined
  const opened = readU48(bytes, dotAt + 2 * ID_BYTES)
  if (opened < 1 || readU48(bytes, dotAt + 2 * ID_BYTES + 6) < opened) return undefined
  const valueAt = dotAt + DOT_BYTES + 4
  return valueAt + readU32(bytes, valueAt - 4) === bytes.length ? dotAt : undefined
}

/** What an encoded object consists of: where its first sibling begins, and where its values do. */
export interface ObjectLayout {
  readonly siblingsAt: number
  readonly valuesAt: number
}

/** Requires: bytes of `encodeObject`, or a sound record's. */
export function layoutOf(bytes: Uint8Array): ObjectLayout {
  const siblingsAt = HEADER_BYTES + contextBytes(readU16(bytes, 2), readU16(bytes, 6))
  const valuesAt = siblingsEnd(bytes, siblingsAt, readU16(bytes, 4))
  assert(valuesAt !== undefined, 'the siblings of an encoded object are there')
  return { siblingsAt, valuesAt }
}

/** The digest by which replicas compare copies; `key` has 16 bytes. Requires: as `layoutOf`. */
export function objectDigest(
  key: Uint8Array,
  bytes: Uint8Array,
  { siblingsAt }: ObjectLayout = layoutOf(bytes),
): Digest {
  return sipHash64(key, bytes.subarray(siblingsAt))
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
  const ranges = otherRanges(object)
  const bytes = new Uint8Array(sizeOf(object, ranges.length))
  writeOutline(object, ranges, bytes)
  return decodeOutline(bytes) as VersionedObject
}

interface ReadObject extends VersionedObject {
  /** Where what was read ends. */
  readonly end: number
}

/** `hasValues`: the outline and the values, or the outline alone, with lengths for values. */
function readObject(bytes: Uint8Array, hasValues: boolean): ReadObject | undefined {
  if (bytes.length < HEADER_BYTES || bytes[0] !== FORMAT || bytes[1] !== 0) return undefined
  const others = readContext(bytes, HEADER_BYTES, readU16(bytes, 2), readU16(bytes, 6))
  if (others === undefined) return undefined

  const count = readU16(bytes, 4)
  let at = HEADER_BYTES + contextBytes(others.count, others.requests.length)
  const outlineEnd = siblingsEnd(bytes, at, count)
  if (outlineEnd === undefined) return undefined
  let valueAt = outlineEnd
  const siblings: Sibling[] = []
  while (at < outlineEnd) {
    const sibling = readSibling(bytes, at, hasValues ? valueAt : undefined)
    if (sibling === undefined || sibling.dots.some((dot) => others.covers(dot))) return undefined
    siblings.push(sibling)
    at += SIBLING_BYTES + sibling.dots.length * DOT_BYTES
    if (hasValues) valueAt += sibling.value?.length ?? 0
  }
  return { context: others.withDots(dotsOf(siblings)), siblings, end: valueAt }
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
  valueAt: number | undefined,
): Sibling | undefined {
  const flags = bytes[at] as number
  const count = bytes[at + 1] as number
  if (flags > FLAG_TOMBSTONE || count === 0 || count > DOTS_PER_SIBLING_MAX) return undefined
  const requestId = readRequestId(bytes, at + 2)
  const time = readU48(bytes, at + 2 + REQUEST_ID_BYTES)
  const expiry = readU48(bytes, at + 2 + REQUEST_ID_BYTES + 6)
  const dots = readDots(bytes, at + DOTS_AT, count)
  if (dots === undefined || expiry !== 0) return undefined

  const lengthAt = at + DOTS_AT + count * DOT_BYTES
  const length = readU32(bytes, lengthAt)
  if (flags === FLAG_TOMBSTONE) {
    return length === 0 ? { requestId, dots, time, value: undefined } : undefined
  }
  if (valueAt === undefined) {
    return { requestId, dots, time, value: bytes.subarray(lengthAt, lengthAt + 4) }
  }
  const end = valueAt + length
  if (end > bytes.length) return undefined
  return { requestId, dots, time, value: bytes.subarray(valueAt, end) }
}

function areSorted(siblings: readonly Sibling[]): boolean {
  return siblings.every((sibling, i) => {
    return i === 0 || compareSiblings(siblings[i - 1] as Sibling, sibling) < 0
  })
}

function readDots(bytes: Uint8Array, at: number, count: number): Dot[] | undefined {
  const dots: Dot[] = []
  let before: Dot | undefined
  for (let i = 0; i < count; i++, at += DOT_BYTES) {
    const dot: Dot = {
      node: readId(bytes, at),
      start: readId(bytes, at + ID_BYTES),
      opened: readU48(bytes, at + 2 * ID_BYTES),
      counter: readU48(bytes, at + 2 * ID_BYTES + 6),
    }
    if (dot.opened < 1 || dot.counter < dot.opened) return undefined
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
