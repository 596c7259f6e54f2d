/**
 * Make the files of a log say what recovery decided, before the node answers anyone.
 *
 * Each step is durable before the next begins, so that a crash at any point leaves a log that the
 * next start reads to the same effect or to a better one:
 *
 *   1. The records accepted above S are copied to a new segment, with their sequences, and a mark
 *      is written behind them. They become durable, and S is written down anew. (After a failed
 *      sync the system may show bytes that the disk does not have; hence a copy.)
 *   2. Segments with nothing at or below S are removed, and the others are cut off above S: those
 *      records were copied, or are torn. Left there, they would look like rot at the next start,
 *      when S is higher.
 *   3. What an earlier start may have removed or cut off, and failed to sync, is removed and cut
 *      off again.
 *
 * Until this has ended, every record written states S as it was found: a higher S would vouch for
 * records that are about to be removed.
 */
import { assert } from '../../base/assert.ts'
import { OperatingError } from '../../base/errors.ts'
import type { Directory } from '../../world/disk.ts'
import type { Trace } from '../../world/trace.ts'
import type { Found } from './found.ts'
import type { KeyIndex } from './key-index.ts'
import { isContinued, kindOf, RecordKind } from './record-kinds.ts'
import type { RecordReader } from './record-reader.ts'
import type { Judgement } from './recovery.ts'
import { createSegment, SEGMENT_HEADER_BYTES, type Segment } from './segment.ts'
import { removeSegment, type Segments } from './segments.ts'
import { MARK_BYTES, type Writer } from './writer.ts'

/** Names that a start removes again: more than starts that fail in a row leave behind. */
const REMOVED_AGAIN_MAX = 256

export interface Unordered {
  readonly directory: Directory
  readonly trace: Trace
  readonly digestKey: Uint8Array
  readonly segments: Segments
  readonly writer: Writer
  readonly reader: RecordReader
  readonly index: KeyIndex
}

export async function putInOrder(log: Unordered, judgement: Judgement): Promise<void> {
  if (judgement.lastUsed === 0) return
  traceTail(log.trace, judgement)
  const old = log.segments.list()
  await writeTail(log, judgement)
  await removeUnkept(log, judgement, old)
  await cutOffTails(judgement, old)
}

/** Step 1: the same records, with the same sequences, at the new end of the log. */
async function writeTail(log: Unordered, judgement: Judgement): Promise<void> {
  const { writer } = log
  const { accepted } = judgement
  let start = 0
  for (let i = 0; i < accepted.length; i++) {
    if (isContinued((accepted[i] as Found).kind)) continue
    await copyBatch(log, accepted.slice(start, i + 1))
    start = i + 1
  }
  writer.skipTo(judgement.highest)
  writer.reserve(MARK_BYTES, Number.POSITIVE_INFINITY)
  writer.mark()
  try {
    await writer.synced(writer.sequence)
  } catch (error) {
    const cause = (error as { readonly cause?: unknown }).cause
    throw cause instanceof OperatingError ? cause : error
  }
}

async function copyBatch(log: Unordered, batch: readonly Found[]): Promise<void> {
  const { writer, reader, index } = log
  const readings = []
  for (const { segment, offset } of batch) {
    readings.push(await reader.read({ segment, offset, name: undefined, isHeadOnly: false }))
  }
  const bytes = batch.reduce((sum, found) => sum + found.bytes, 0)
  writer.reserve(bytes, Number.POSITIVE_INFINITY)
  for (const [i, found] of batch.entries()) {
    const { name, note, object, digest, verdict, cause } = readings[i] as (typeof readings)[number]
    if (name === undefined || verdict !== 'sound') {
      throw new OperatingError('disk-failed', 'a record that was just read cannot be read again', {
        cause,
      })
    }
    const offset = writer.add(found.kind, name, note, object, digest, found.bytes)
    assert(writer.sequence === found.sequence, 'a copy has the sequence of the original')
    const kind = kindOf(found.kind)
    if (kind === RecordKind.mark) continue
    const place = { segment: writer.segment, offset }
    index.put(found.token, name, place, found.sequence, kind === RecordKind.erasure)
  }
}

/** Steps 2 and 3, for whole segments. */
async function removeUnkept(
  log: Unordered,
  judgement: Judgement,
  old: readonly Segment[],
): Promise<void> {
  const { directory, segments, digestKey } = log
  const unkept = old.filter(({ number }) => !judgement.keptEnds.has(number))
  for (const { number } of unkept.toReversed()) await segments.remove(number)
  const seen = new Set(old.map(({ number }) => number))
  const unseen = numbersBetween(lastKept(judgement), judgement.lastUsed).filter(
    (number) => !seen.has(number),
  )
  // A name that is not shown may still be on the disk, if the sync of its removal failed.
  for (const number of unseen) {
    const stand = await createSegment(directory, number, SEGMENT_HEADER_BYTES, digestKey)
    await removeSegment(directory, stand)
  }
  if (unkept.length > 0 || unseen.length > 0) await directory.sync()
}

/** Steps 2 and 3, for the ends of segments. */
async function cutOffTails(judgement: Judgement, old: readonly Segment[]): Promise<void> {
  const last = lastKept(judgement)
  for (const segment of old) {
    const end = judgement.keptEnds.get(segment.number)
    const isAtEnd = segment.number === last || judgement.tornSegments.has(segment.number)
    if (end !== undefined && isAtEnd) await cutOff(segment, end)
  }
}

/**
 * If the segment already ends there, an earlier start may have cut it and failed to sync that: the
 * system then shows an end that the disk does not have, and a sync alone would prove nothing. So it
 * is cut again.
 */
async function cutOff(segment: Segment, end: number): Promise<void> {
  if (segment.bytes === end) await segment.file.truncate(end + 1)
  await segment.file.truncate(end)
  await segment.file.sync()
  segment.bytes = end
}

function traceTail(trace: Trace, judgement: Judgement): void {
  const { droppedRecords, droppedOfBatch, tornBytes } = judgement
  if (tornBytes > 0) {
    trace.record('torn-tail-dropped', { records: droppedRecords, bytes: tornBytes })
  }
  if (droppedOfBatch > 0) trace.record('batch-tail-dropped', { records: droppedOfBatch })
}

/** The last segment in which anything is kept; 0 if there is none. */
function lastKept(judgement: Judgement): number {
  return Math.max(0, ...judgement.keptEnds.keys())
}

/** The numbers above `first` and below `last`; only the first if a stray name makes them many. */
function numbersBetween(first: number, last: number): readonly number[] {
  const length = Math.min(Math.max(0, last - first - 1), REMOVED_AGAIN_MAX)
  return Array.from({ length }, (_, i) => first + 1 + i)
}
