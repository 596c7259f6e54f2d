/**
 * Put a log in order in place, where no new segment can be made: on a full disk.
 *
 * If all that was accepted above S stands unbroken at the end of the log, behind what is at or
 * below S, it need not be copied. Its bytes are written again where they stand, and synced: so they
 * are durable also after a failed sync, which may have left them in memory alone. Then the rest of
 * the segment is zeroed, all of it, because there too the disk may hold what memory does not show.
 * Writing goes on behind the last record, with the next sequence: no record that was dropped is
 * left anywhere, so its sequence may be used. Where that leaves a segment with no record, a mark
 * begins it: the next start, if this one is cut short, must not take it for a segment never used.
 *
 * So a start needs no space after a clean stop, nor after the process was killed, because a writer
 * that is killed leaves no gap. A power cut may leave one: what stands behind it must be copied.
 */
import { assert } from '../../base/assert.ts'
import { EMPTY_BYTES } from '../../base/bytes.ts'
import type { Digest } from '../../native/digest.ts'
import { encodeRecord, RECORD_WORDS, RecordWord, setNumber48 } from '../../native/record.ts'
import type { Directory, File } from '../../world/disk.ts'
import type { Trace } from '../../world/trace.ts'
import { readFully } from '../files.ts'
import { type Found, isAbsence } from './found.ts'
import type { Judgement } from './judgement.ts'
import type { PlaceIndexes } from './place-indexes.ts'
import { setHead } from './record-head.ts'
import { isContinued, isFollowing, RecordKind } from './record-kinds.ts'
import { PREFIX_ALONE, type RecordReader } from './record-reader.ts'
import { SEGMENT_HEADER_BYTES, writeZeros } from './segment.ts'
import type { SegmentAllocator } from './segment-allocator.ts'
import type { Segments } from './segments.ts'
import type { Shortage } from './shortage.ts'
import { MARK_BYTES, NO_BODY, type Writer } from './writer.ts'

/** A log that was read, and whose end is to be put in order. */
export interface Unordered {
  readonly directory: Directory
  readonly trace: Trace
  readonly segments: Segments
  readonly shortage: Shortage
  readonly allocator: SegmentAllocator
  readonly writer: Writer
  readonly reader: RecordReader
  readonly indexes: PlaceIndexes
}

interface Point {
  readonly segment: number
  readonly offset: number
}

interface End {
  /** Where writing goes on, in the last segment. */
  readonly to: Point
  /** The sequence of the last record. */
  readonly sequence: number
}

/** The unbroken end of a log, in which all accepted records stand. */
interface UnbrokenEnd extends End {
  /** Its first byte, above S. */
  readonly from: Point
  /** Where it ends in each of its segments. */
  readonly ends: ReadonlyMap<number, number>
}

const PIECE_BYTES = 1024 * 1024

/** False where it cannot be done; then nothing was changed. */
export async function putInOrderInPlace(log: Unordered, judgement: Judgement): Promise<boolean> {
  const end = unbrokenEnd(judgement)
  const segment = log.segments.get(judgement.lastUsed)
  if (end === undefined || segment === undefined) return false
  await confirm(log, end)
  const { to, sequence } = await begun(log, judgement.durable, end)
  await zeroRest(log, to, segment.bytes)
  for (const found of judgement.accepted.flat()) await indexInPlace(log, found)
  log.writer.resume(to.segment, to.offset, segment.bytes, sequence)
  return true
}

function unbrokenEnd(judgement: Judgement): UnbrokenEnd | undefined {
  const { tail, accepted, lastUsed, absence, damages } = judgement
  const from = startOf(judgement)
  const standing = new Set<Found>()
  const ends = new Map<number, number>()
  let to = from
  let { durable: sequence } = judgement
  let at = from
  let last = sequence
  let isInBatch = false
  for (const found of tail) {
    const place = found.segment === at.segment ? at : nextSegment(judgement, at)
    if (found.segment !== place?.segment || found.offset !== place.offset) break
    if (found.sequence <= last || isFollowing(found.kind) !== isInBatch) break
    if (absence.dropped.gaps(last + 1, found.sequence - 1).length > 0) break
    at = { segment: found.segment, offset: found.offset + found.bytes }
    last = found.sequence
    standing.add(found)
    // Of a batch all or nothing.
    isInBatch = isContinued(found.kind)
    if (isInBatch) continue
    to = at
    sequence = last
    ends.set(to.segment, to.offset)
  }
  // An absence behind a gap would be zeroed, and what it names would count as damage.
  const needed = [...accepted.flat(), ...tail.filter(isAbsence)]
  if (!needed.every((found) => standing.has(found))) return undefined
  if (to.segment < lastUsed) to = nextSegment(judgement, to) ?? to
  const isSpoilt = damages.some((damage) => {
    return (damage.kind === 'short' || damage.kind === 'header') && damage.segment === lastUsed
  })
  if (to.segment !== lastUsed || isSpoilt || absence.covers(lastUsed, to.offset)) return undefined
  return { from, to, ends, sequence }
}

/** Behind the last record at or below S. */
function startOf({ keptEnds, tail, lastUsed }: Judgement): Point {
  const segment = Math.max(0, ...keptEnds.keys())
  const offset = keptEnds.get(segment)
  if (offset !== undefined) return { segment, offset }
  return { segment: tail[0]?.segment ?? lastUsed, offset: SEGMENT_HEADER_BYTES }
}

/** Where the log goes on when the segment has nothing more; undefined if it has. */
function nextSegment(judgement: Judgement, { segment, offset }: Point): Point | undefined {
  const { torn, tail, absence } = judgement
  const isTorn = torn.some((one) => one.segment === segment && one.to > offset)
  const isUsed = tail.some((found) => found.segment === segment && found.offset >= offset)
  if (isTorn || isUsed) return undefined
  let next = segment + 1
  while (absence.removed.has(next)) next += 1
  return { segment: next, offset: SEGMENT_HEADER_BYTES }
}

/** Names need no care: that of a segment is durable before a record stands in it. */
async function confirm({ segments }: Unordered, { from, ends }: UnbrokenEnd): Promise<void> {
  for (const [number, offset] of ends) {
    const start = number === from.segment ? from.offset : SEGMENT_HEADER_BYTES
    await segments.using(number, (file) => writeAgain(file, start, offset))
  }
}

async function writeAgain(file: File, from: number, to: number): Promise<void> {
  const piece = new Uint8Array(Math.min(PIECE_BYTES, to - from))
  for (let at = from; at < to; at += piece.length) {
    const length = Math.min(piece.length, to - at)
    const count = await readFully(file, at, piece, 0, length)
    assert(count === length, 'a record that was read is in its file')
    await file.write(at, piece.subarray(0, length))
  }
  await file.sync()
}

/** Where writing goes on: behind a mark if nothing stands in the last segment. */
async function begun(log: Unordered, durable: number, { to, sequence }: End): Promise<End> {
  if (to.offset > SEGMENT_HEADER_BYTES) return { to, sequence }
  const { segment, offset } = to
  await log.segments.using(segment, async (file) => {
    await file.write(offset, markOf(log.writer.emptyDigest, to, sequence + 1, durable))
    await file.sync()
  })
  return { to: { segment, offset: offset + MARK_BYTES }, sequence: sequence + 1 }
}

function markOf(
  digest: Digest,
  { segment, offset }: Point,
  sequence: number,
  durable: number,
): Uint8Array {
  const bytes = new Uint8Array(MARK_BYTES)
  const head = new Uint32Array(RECORD_WORDS)
  setHead(head, { ...NO_BODY, kind: RecordKind.mark, digest }, 0)
  head[RecordWord.segment] = segment
  head[RecordWord.offset] = offset
  setNumber48(head, RecordWord.sequenceLow, sequence)
  setNumber48(head, RecordWord.syncedLow, durable)
  encodeRecord(bytes, 0, head, EMPTY_BYTES, EMPTY_BYTES, EMPTY_BYTES, EMPTY_BYTES)
  return bytes
}

async function indexInPlace({ reader, indexes }: Unordered, found: Found): Promise<void> {
  const { segment, offset } = found
  const question = { segment, offset, copy: undefined, objectBytesMax: PREFIX_ALONE }
  indexes.apply(found, await reader.read(question))
}

async function zeroRest({ segments }: Unordered, from: Point, bytes: number): Promise<void> {
  if (from.offset === bytes) return
  await segments.using(from.segment, async (file) => {
    await writeZeros(file, from.offset, bytes)
    await file.sync()
  })
}
