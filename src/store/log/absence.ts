/**
 * What is rightly missing from a log: sequences that a start dropped, segments that were removed,
 * ends that were cut off. It is durable before anything is removed, so that whatever else is
 * missing is known to be damage.
 *
 * An absence is the object of a record of its own kind, and names all that is missing up to then:
 *
 *   0  4  ranges of sequences dropped, then for each         8 first  8 last
 *      4  ranges of segment numbers removed, then for each   8 first  8 last
 *      4  segments cut off, then for each                    8 number 8 bytes that are left
 *
 * A removal or a cut may fail to become durable, and what was removed is back after a power cut. So
 * whatever stands in a place that an absence names is passed over, and removed again.
 */
import { readU32, readU48, writeU32, writeU48 } from '../../base/bytes.ts'
import { type NumberRange, RangeSet } from './range-set.ts'

/** Entries of each list in one record: an absence of more is written as several records. */
export const ABSENCE_ENTRIES_MAX = 4096

type Pair = readonly [number, number]

const LISTS = 3
const PAIR_BYTES = 16

export class Absence {
  readonly dropped: RangeSet = new RangeSet()
  readonly removed: RangeSet = new RangeSet()
  /** By segment, the bytes that are left of it. */
  readonly cut: Map<number, number> = new Map()

  /** Whether what stands at this offset of the segment is to be passed over. */
  covers(segment: number, offset: number): boolean {
    return offset >= (this.cut.get(segment) ?? Infinity) || this.removed.has(segment)
  }

  /** Adds what a record says. False, and nothing is added, where its object is no absence. */
  read(object: Uint8Array): boolean {
    const lists = decode(object)
    if (lists === undefined) return false
    const [dropped, removed, cut] = lists
    for (const [first, last] of dropped as readonly Pair[]) this.dropped.addRange(first, last)
    for (const [first, last] of removed as readonly Pair[]) this.removed.addRange(first, last)
    for (const [number, bytes] of cut as readonly Pair[]) this.cut.set(number, bytes)
    return true
  }

  copy(): Absence {
    const copy = new Absence()
    for (const object of this.write()) copy.read(object)
    return copy
  }

  /** The objects of the records that say this; at least one. */
  write(): readonly Uint8Array[] {
    const cut = [...this.cut].filter(([number]) => !this.removed.has(number))
    const lists = [pairsOf(this.dropped.ranges), pairsOf(this.removed.ranges), cut]
    const objects: Uint8Array[] = []
    const length = Math.max(1, ...lists.map((list) => list.length))
    for (let at = 0; at < length; at += ABSENCE_ENTRIES_MAX) {
      objects.push(encode(lists.map((list) => list.slice(at, at + ABSENCE_ENTRIES_MAX))))
    }
    return objects
  }
}

function pairsOf(ranges: readonly NumberRange[]): readonly Pair[] {
  return ranges.map(({ first, last }) => [first, last])
}

function encode(lists: readonly (readonly Pair[])[]): Uint8Array {
  const pairs = lists.reduce((sum, list) => sum + list.length, 0)
  const bytes = new Uint8Array(4 * LISTS + PAIR_BYTES * pairs)
  let at = 0
  for (const list of lists) {
    writeU32(bytes, at, list.length)
    at += 4
    for (const [first, second] of list) {
      writeU48(bytes, at, first)
      writeU48(bytes, at + 8, second)
      at += PAIR_BYTES
    }
  }
  return bytes
}

function decode(bytes: Uint8Array): readonly (readonly Pair[])[] | undefined {
  const lists: Pair[][] = []
  let at = 0
  while (lists.length < LISTS) {
    if (at + 4 > bytes.length) return undefined
    const count = readU32(bytes, at)
    at += 4
    if (count > ABSENCE_ENTRIES_MAX || at + count * PAIR_BYTES > bytes.length) return undefined
    const list: Pair[] = []
    for (const end = at + count * PAIR_BYTES; at < end; at += PAIR_BYTES) {
      list.push([readU48(bytes, at), readU48(bytes, at + 8)])
    }
    lists.push(list)
  }
  return at === bytes.length ? lists : undefined
}
