/**
 * Encodes and decodes the ranges of a context: 34 bytes each, the same on disk, between peers and
 * in sealed contexts.
 *
 *     node 8 | start 8 | opened u48 | first u48 | last u48        integers little-endian
 *
 * The bytes of an identity are in the order of its hexadecimal digits, so bytes and strings sort
 * alike. Reading refuses numbers outside of their line and lists that are not canonical, so that
 * equal contexts always have equal bytes.
 */
import { assert } from '../../base/assert.ts'
import { hexOf, readU32, readU48, writeU48 } from '../../base/bytes.ts'
import { ID_BYTES, type NodeId, type Start } from '../names.ts'
import { type Context, isCanonical, isRange, type Range } from './context.ts'

/** This number is in files and on the wire. */
export const RANGE_BYTES: number = 2 * ID_BYTES + 3 * 6

/** Writes all ranges of `context` from `at` on; returns where they end. */
export function writeRanges(context: Context, bytes: Uint8Array, at: number): number {
  for (const range of context.ranges) {
    writeId(bytes, at, range.node)
    writeId(bytes, at + 8, range.start)
    writeU48(bytes, at + 16, range.opened)
    writeU48(bytes, at + 22, range.first)
    writeU48(bytes, at + 28, range.last)
    at += RANGE_BYTES
  }
  return at
}

/**
 * The `count` ranges from `at` on, or undefined if they are not a canonical list.
 * Requires: `count` was checked against the bytes that are there.
 */
export function readRanges(bytes: Uint8Array, at: number, count: number): Range[] | undefined {
  assert(at + count * RANGE_BYTES <= bytes.length, 'the announced ranges are there')
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
