/**
 * Make the files of a log say what recovery decided, before the node answers anyone.
 *
 * Each step is durable before the next begins, so that a crash at any point leaves a log that the
 * next start reads to the same effect or to a better one:
 *
 *   1. The records accepted above S are copied to a new segment, with their sequences. (After a
 *      failed sync the system may show bytes that the disk does not have; hence a copy.)
 *   2. An absence is written behind them. It names what was dropped, and what step 3 removes.
 *   3. Segments with nothing at or below S are removed, and the others are cut off above S: those
 *      records were copied, or are torn. Left there, they would look like rot at the next start,
 *      when S is higher. If a removal or a cut does not become durable, the next start passes over
 *      what is back, because an absence names it, and removes it again.
 *
 * All that is written goes to one segment, whose space is taken before anything is changed. Where
 * none can be made the log is put in order in place (`in-place.ts`), or else in the reserve.
 */
import { assert } from '../../base/assert.ts'
import { OperatingError } from '../../base/errors.ts'
import { recordBytes } from '../../native/record.ts'
import type { Trace } from '../../world/trace.ts'
import type { Found } from './found.ts'
import { putInOrderInPlace, type Unordered } from './in-place.ts'
import { WHOLE } from './record-reader.ts'
import type { Judgement } from './judgement.ts'
import { SEGMENT_HEADER_BYTES, type Segment } from './segment.ts'
import type { Writer } from './writer.ts'

/** Fails with `disk-full` or `log-blocked` where there is no room for it, and changes nothing. */
export async function putInOrder(log: Unordered, judgement: Judgement): Promise<void> {
  if (judgement.lastUsed === 0) return
  traceTail(log.trace, judgement)
  const going = goingOf(judgement, log.segments.list())
  const absences = absencesOf(judgement, going)
  const bytes = bytesOf(judgement, absences)
  const { allocator, shortage } = log
  if (!(await allocator.makeReady(bytes, false))) {
    if (await putInOrderInPlace(log, judgement)) return
    if (!(await allocator.makeReady(bytes, true))) throw shortage.errorAt('segment')
  }
  await copyAccepted(log, judgement)
  await writeAbsence(log, judgement, absences)
  await remove(log, going)
}

/** Bytes of the segment that takes all copies and absences. */
function bytesOf({ accepted }: Judgement, absences: readonly Uint8Array[]): number {
  let bytes = SEGMENT_HEADER_BYTES
  for (const found of accepted.flat()) bytes += found.bytes
  for (const object of absences) bytes += recordBytes(0, 0, 0, object.length)
  return bytes
}

/** What is to be removed: whole segments, and the ends of others. */
interface Going {
  readonly segments: readonly Segment[]
  readonly ends: readonly { readonly segment: Segment; readonly bytes: number }[]
}

function goingOf({ keptEnds, tornSegments, absence }: Judgement, old: readonly Segment[]): Going {
  const last = Math.max(0, ...keptEnds.keys())
  const segments: Segment[] = []
  const ends: { readonly segment: Segment; readonly bytes: number }[] = []
  for (const segment of old) {
    const { number } = segment
    const bytes = keptEnds.get(number)
    if (bytes === undefined) segments.push(segment)
    else if (
      bytes < segment.bytes &&
      (number === last || tornSegments.has(number) || absence.cut.has(number))
    ) {
      ends.push({ segment, bytes })
    }
  }
  return { segments, ends }
}

/** Step 1: the same records, with the same sequences, at the new end of the log. */
async function copyAccepted(log: Unordered, { accepted }: Judgement): Promise<void> {
  for (const batch of accepted) await copyBatch(log, batch)
  if (accepted.length === 0) return
  log.writer.commit()
  await durable(log.writer)
}

/** Step 2. Requires: the copies are durable, because from now on the originals are passed over. */
async function writeAbsence(
  { writer }: Unordered,
  { highest }: Judgement,
  absences: readonly Uint8Array[],
): Promise<void> {
  writer.skipTo(highest)
  for (const object of absences) writer.addAbsence(object)
  await durable(writer)
}

/** What is missing from now on, as the objects of records. */
function absencesOf(judgement: Judgement, going: Going): readonly Uint8Array[] {
  const { dropped, damages } = judgement
  const absence = judgement.absence.copy()
  // A file that is too short stays known as damaged.
  const short = new Set(damages.flatMap((one) => (one.kind === 'short' ? [one.segment] : [])))
  for (const { first, last } of dropped.ranges) absence.dropped.addRange(first, last)
  for (const { number } of going.segments) absence.removed.add(number)
  for (const { segment, bytes } of going.ends) {
    if (!short.has(segment.number)) absence.cut.set(segment.number, bytes)
  }
  return absence.write()
}

async function durable(writer: Writer): Promise<void> {
  try {
    await writer.synced(writer.sequence)
  } catch (error) {
    const cause = (error as { readonly cause?: unknown }).cause
    throw cause instanceof OperatingError ? cause : error
  }
}

async function copyBatch(log: Unordered, batch: readonly Found[]): Promise<void> {
  const { writer, reader, indexes } = log
  const readings = []
  for (const { segment, offset } of batch) {
    readings.push(await reader.read({ segment, offset, copy: undefined, objectBytesMax: WHOLE }))
  }
  const bytes = batch.reduce((sum, found) => sum + found.bytes, 0)
  writer.skipTo((batch[0] as Found).sequence - 1)
  writer.reserveAnyhow(bytes, true)
  for (const [i, found] of batch.entries()) {
    const reading = readings[i] as (typeof readings)[number]
    const { copy, verdict, cause } = reading
    if (copy === undefined || verdict !== 'sound') {
      throw new OperatingError('disk-failed', 'a record that was just read cannot be read again', {
        cause,
      })
    }
    const { kind, voids } = found
    const offset = writer.add({ ...reading, ...copy, kind, voids }, found.bytes)
    assert(writer.sequence === found.sequence, 'a copy has the sequence of the original')
    indexes.apply({ ...found, segment: writer.segment, offset }, reading)
  }
}

/** Step 3. */
async function remove({ directory, segments }: Unordered, going: Going): Promise<void> {
  for (const { number } of going.segments.toReversed()) await segments.remove(number)
  if (going.segments.length > 0) await directory.sync()
  for (const { segment, bytes } of going.ends) {
    await segments.using(segment.number, async (file) => {
      await file.truncate(bytes)
      await file.sync()
    })
    segment.bytes = bytes
  }
}

function traceTail(trace: Trace, judgement: Judgement): void {
  const { droppedRecords, tornBytes } = judgement
  if (tornBytes > 0) {
    trace.record('torn-tail-dropped', { records: droppedRecords, bytes: tornBytes })
  }
}
