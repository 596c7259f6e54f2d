/**
 * Encodes and decodes contexts: the same on disk, between peers and in sealed contexts. First the
 * ranges, 34 bytes each, then the repeated requests, 16 each:
 *
 *     node 8 | start 8 | opened u48 | first u48 | last u48        integers little-endian
 *     request id 16
 *
 * The bytes of an identity are in the order of its hexadecimal digits, so bytes and strings sort
 * alike. Reading refuses numbers outside of their line and lists that are not canonical, so that
 * equal contexts always have equal bytes.
 */
import { assert } from '../../base/assert.ts'
import { hexOf, readU32, readU48, writeU48 } from '../../base/bytes.ts'
import { ID_BYTES, type NodeId, type Start } from '../names.ts'
import { RANGES_MAX, REPEATS_PER_KEY_MAX, REQUEST_ID_BYTES } from '../../limits.ts'
import { areRequests, Context, isCanonical, isRange, type Range } from './context.ts'
import type { RequestId } from './request-id.ts'

/** This number is in files and on the wire. */
const RANGE_BYTES: number = 2 * ID_BYTES + 3 * 6

/** The bytes of a context with so many ranges and requests. */
export function contextBytes(ranges: number, requests: number): number {
  return ranges * RANGE_BYTES + requests * REQUEST_ID_BYTES
}

/** Returns where the written bytes end. */
export function writeContext(
  { ranges, requests }: Pick<Context, 'ranges' | 'requests'>,
  bytes: Uint8Array,
  at: number,
): number {
  for (const range of ranges) {
    writeId(bytes, at, range.node)
    writeId(bytes, at + 8, range.start)
    writeU48(bytes, at + 16, range.opened)
    writeU48(bytes, at + 22, range.first)
    writeU48(bytes, at + 28, range.last)
    at += RANGE_BYTES
  }
  for (const request of requests) at = writeRequestId(bytes, at, request)
  return at
}

/**
 * The context of `ranges` ranges and `requests` requests from `at` on; undefined if these bytes are
 * not all there, or are not canonical.
 */
export function readContext(
  bytes: Uint8Array,
  at: number,
  ranges: number,
  requests: number,
): Context | undefined {
  if (ranges > RANGES_MAX || requests > REPEATS_PER_KEY_MAX) return undefined
  if (at + contextBytes(ranges, requests) > bytes.length) return undefined
  const requestsAt = at + contextBytes(ranges, 0)
  const read = readRanges(bytes, at, ranges)
  if (read === undefined) return undefined
  if (requests === 0) return Context.ofCanonical(read)
  const named = Array.from({ length: requests }, (_, i) =>
    readRequestId(bytes, requestsAt + i * REQUEST_ID_BYTES),
  )
  return areRequests(named) ? Context.ofCanonical(read, named) : undefined
}

/** Requires: the ranges are there. */
function readRanges(bytes: Uint8Array, at: number, count: number): Range[] | undefined {
  const ranges: Range[] = []
  let before: Range | undefined
  for (let i = 0; i < count; i++, at += RANGE_BYTES) {
    const range: Range = {
      node: readId(bytes, at),
      start: readId(bytes, at + 8),
      opened: readU48(bytes, at + 16),
      first: readU48(bytes, at + 22),
      last: readU48(bytes, at + 28),
    }
    if (!isRange(range)) return undefined
    if (before !== undefined && !isCanonical(before, range)) return undefined
    ranges.push(range)
    before = range
  }
  return ranges
}

/** Returns where it ends. */
export function writeRequestId(bytes: Uint8Array, at: number, requestId: RequestId): number {
  assert(requestId.length === REQUEST_ID_BYTES, 'a request id has 16 bytes')
  for (let i = 0; i < REQUEST_ID_BYTES; i++) bytes[at + i] = requestId.charCodeAt(i)
  return at + REQUEST_ID_BYTES
}

/** One call makes a flat string; adding characters would make a tree that V8 flattens later. */
export function readRequestId(bytes: Uint8Array, at: number): RequestId {
  return String.fromCharCode.apply(null, bytes.subarray(at, at + REQUEST_ID_BYTES) as never)
}

const ZERO = 48
const NINE = 57
const A_LESS_TEN = 87

export function writeId(bytes: Uint8Array, at: number, id: string): void {
  assert(id.length === 2 * ID_BYTES, 'an identity has 16 digits')
  for (let i = 0; i < ID_BYTES; i++) {
    const high = id.charCodeAt(2 * i)
    const low = id.charCodeAt(2 * i + 1)
    bytes[at + i] =
      ((high <= NINE ? high - ZERO : high - A_LESS_TEN) << 4) |
      (low <= NINE ? low - ZERO : low - A_LESS_TEN)
  }
}

/**
 * A cache of identities: a cluster has few and reads them with every object. It makes reading
 * faster and equal identities one string, which compares by address. It changes no result.
 */
const MEMO_SLOTS = 2048
const memoHigh = new Uint32Array(MEMO_SLOTS)
const memoLow = new Uint32Array(MEMO_SLOTS)
const memoText: (string | undefined)[] = Array.from({ length: MEMO_SLOTS })

export function readId<Id extends NodeId | Start>(bytes: Uint8Array, at: number): Id {
  const high = readU32(bytes, at)
  const low = readU32(bytes, at + 4)
  // Identities are random bits, so any of the bits spread them over the slots.
  const slot = (high ^ low) & (MEMO_SLOTS - 1)
  const known = memoText[slot]
  if (known !== undefined && memoHigh[slot] === high && memoLow[slot] === low) return known as Id
  const text = hexOf(bytes, at, at + ID_BYTES)
  memoHigh[slot] = high
  memoLow[slot] = low
  memoText[slot] = text
  return text as Id
}
