/**
 * Open a log: look at all of it, put its end in order, and be ready to append.
 *
 * Nothing is changed before every segment is known to be ours and of a format that we know. Then,
 * in this order, each step durable before the next, so that a crash at any point leaves a log that
 * the next start reads to the same effect or to a better one:
 *
 *   1. What was accepted above S is copied to a new segment, with its sequences, and behind it goes
 *      a mark. So what the last process only hoped was durable is, and S is written down anew.
 *      (After a failed sync the system may show bytes that the disk does not have: hence a copy.)
 *   2. Segments with nothing at or below S in them are removed, and what is above S is cut off the
 *      others: it was copied, or is torn. Left there, it would look like rot at the next start,
 *      when S is higher. What an earlier start may have cut or removed, and failed to sync, is cut
 *      and removed anew.
 *
 * Until step 2 is done every record written states S as it was found: a higher one would vouch for
 * what is about to be removed.
 */
import { OperatingError } from '../../base/errors.ts'
import { SEGMENT_BYTES_MAX, UNSYNCED_BYTES_MAX } from '../../limits.ts'
import type { Clock } from '../../world/clock.ts'
import type { Directory } from '../../world/disk.ts'
import type { Trace } from '../../world/trace.ts'
import { assert } from '../../base/assert.ts'
import type { Engine } from '../engine.ts'
import { confirmNames, readFully, removeUnfinished, segmentName, segmentNumbers } from '../files.ts'
import { KeyIndex } from './key-index.ts'
import { LogEngine } from './log.ts'
import { Pending } from './pending.ts'
import { isContinued, kindOf, RecordKind } from './record-kinds.ts'
import { RecordReader } from './record-reader.ts'
import { type Found, type Judgement, Recovery } from './recovery.ts'
import { createSegment, judgeSegmentHeader, SEGMENT_HEADER_BYTES, type Segment } from './segment.ts'
import { SegmentScanner } from './segment-scan.ts'
import { SegmentAllocator } from './segment-allocator.ts'
import { MARK_BYTES, Writer } from './writer.ts'

export interface LogOptions {
  readonly directory: Directory
  readonly clock: Clock
  readonly trace: Trace
  /**
   * 16 bytes, the cluster's: segment headers are keyed with it. Requires: the digest of each entry
   * is the SipHash-2-4 of its object under it. Recovery finds records behind damage by that.
   */
  readonly digestKey: Uint8Array
  /** Of an ordinary segment. Tiny ones are legal, in simulation. */
  readonly segmentBytes: number
  /** Bytes that may wait for the disk. */
  readonly unsyncedBytesMax?: number
  /** Space that preparing segments leaves free on the disk; two segments where not given. */
  readonly reserveBytes?: number
  /** How long to wait before trying again, on a full disk. */
  readonly retryMs?: number
}

export interface RecoveryReport {
  readonly records: number
  /**
   * Damages found in what had been durable. Where it is not 0, some key may have lost its newest
   * record here: draw a new start, and have the copies compared with the other replicas'.
   */
  readonly rotten: number
  /** Dropped from the end of the log: never known durable, so never promised. */
  readonly tornBytes: number
  readonly highestSequence: number
  /** All that was appended up to here is kept, but what rotted. */
  readonly keptSequence: number
}

export interface OpenedLog {
  readonly engine: Engine
  readonly recovery: RecoveryReport
}

const RETRY_MS = 1000
/** Names that a start removes anew: more than starts that fail in a row leave behind. */
const REMOVED_AGAIN_MAX = 256

/**
 * Fails with `data-locked`, `data-foreign` or `data-newer` and has then changed nothing; with
 * `disk-full` where there is no room to put the end of the log in order; or with a system error.
 */
export async function openLog(options: LogOptions): Promise<OpenedLog> {
  assert(options.segmentBytes >= SEGMENT_HEADER_BYTES + MARK_BYTES, 'a segment has room for a mark')
  assert(options.segmentBytes <= SEGMENT_BYTES_MAX, 'a segment is within its bound')
  assert(options.digestKey.length === 16, 'the digest key has 16 bytes')
  const lock = await options.directory.lock()
  const segments = new Map<number, Segment>()
  try {
    const rottenHeaders = await openSegments(options, segments)
    await removeUnfinished(options.directory)
    const pending = new Pending(options.segmentBytes)
    const reader = new RecordReader(segments, pending, options.trace)
    const places = new KeyIndex(reader)
    const recovery = new Recovery(places, reader, options.trace)
    const scanner = new SegmentScanner(options.digestKey)
    for (const segment of segments.values()) {
      if (rottenHeaders.has(segment.number)) recovery.onRottenHeader(segment.number)
      await recovery.scan(segment, scanner)
    }
    const judgement = await recovery.judge()
    const { supply, writer } = await makeWriter(options, segments, pending, judgement)
    const parts = { lock, segments, supply, writer, reader, places }
    try {
      await putInOrder(options, parts, judgement)
    } catch (error) {
      supply.stop()
      await supply.close()
      throw error
    }
    supply.isPatient = true
    supply.prepareAfter(writer.segment)
    const report = reportOf(recovery.records, judgement, writer.sequence)
    options.trace.record('recovered', { ...report, keys: places.size, segments: segments.size })
    return { engine: new LogEngine(parts), recovery: report }
  } catch (error) {
    for (const segment of segments.values()) await segment.file.close().catch(() => {})
    await lock.unlock()
    throw error
  }
}

function reportOf(records: number, judgement: Judgement, sequence: number): RecoveryReport {
  const { rotten, tornBytes, durable, accepted } = judgement
  const keptSequence = durable + accepted.length
  return { records, rotten, tornBytes, highestSequence: sequence, keptSequence }
}

/** Opens all segments, in order; returns those whose header has rotted. */
async function openSegments(
  options: LogOptions,
  segments: Map<number, Segment>,
): Promise<ReadonlySet<number>> {
  const { directory, digestKey } = options
  const rotten = new Set<number>()
  const header = new Uint8Array(SEGMENT_HEADER_BYTES)
  for (const number of await segmentNumbers(directory)) {
    const file = await directory.open(segmentName(number))
    const segment = { number, file, bytes: 0 }
    segments.set(number, segment)
    segment.bytes = await file.size()
    const count = await readFully(file, 0, header, 0, SEGMENT_HEADER_BYTES)
    const verdict = judgeSegmentHeader(header.subarray(0, count), number, digestKey)
    if (verdict === 'rotten') rotten.add(number)
    if (verdict === 'newer') {
      throw new OperatingError(
        'data-newer',
        `${segmentName(number)} in ${directory.path} was written by a newer program: start that` +
          ' one. Nothing was changed.',
      )
    }
    if (verdict === 'foreign') {
      throw new OperatingError(
        'data-foreign',
        `${segmentName(number)} in ${directory.path} was written under another cluster key: give` +
          ' that key, or choose another directory. Nothing was changed.',
      )
    }
  }
  return rotten
}

/** Empty segments behind the log's end are used again; those that would leave a gap are removed. */
async function makeWriter(
  options: LogOptions,
  segments: Map<number, Segment>,
  pending: Pending,
  judgement: Judgement,
): Promise<{ readonly supply: SegmentAllocator; readonly writer: Writer }> {
  const { clock, trace, digestKey, segmentBytes, directory } = options
  const empty = [...segments.values()].filter((segment) => segment.number > judgement.lastUsed)
  const first = empty[0]
  const segment =
    judgement.lastUsed === 0 && first !== undefined ? first.number - 1 : judgement.lastUsed
  const spares: Segment[] = []
  for (const candidate of empty) {
    segments.delete(candidate.number)
    const isNext = candidate.number === segment + 1 + spares.length
    if (isNext && candidate.bytes >= segmentBytes) spares.push(candidate)
    else await removeSegment(directory, candidate)
  }
  await confirmNames(
    directory,
    spares.map((spare) => segmentName(spare.number)),
  )
  const supply = new SegmentAllocator({
    directory,
    clock,
    trace,
    digestKey,
    segmentBytes,
    reserveBytes: options.reserveBytes ?? 2 * segmentBytes,
    retryMs: options.retryMs ?? RETRY_MS,
    spares,
  })
  const writer = new Writer({
    clock,
    trace,
    digestKey,
    segmentBytes,
    unsyncedBytesMax: options.unsyncedBytesMax ?? UNSYNCED_BYTES_MAX,
    supply,
    pending,
    segments,
    segment,
    durable: judgement.durable,
  })
  return { supply, writer }
}

interface Parts {
  readonly segments: Map<number, Segment>
  readonly supply: SegmentAllocator
  readonly writer: Writer
  readonly reader: RecordReader
  readonly places: KeyIndex
}

async function putInOrder(options: LogOptions, parts: Parts, judgement: Judgement): Promise<void> {
  if (judgement.lastUsed === 0) return
  traceTail(options.trace, judgement)
  const old = [...parts.segments.values()]
  await writeTail(parts, judgement)

  const { directory } = options
  const unused = old.filter((segment) => !judgement.keptEnds.has(segment.number))
  for (const segment of unused.reverse()) {
    parts.segments.delete(segment.number)
    await removeSegment(directory, segment)
  }
  const last = Math.max(0, ...judgement.keptEnds.keys())
  const seen = new Set(old.map(({ number }) => number))
  const gone = numbersBetween(last, judgement.lastUsed).filter((number) => !seen.has(number))
  // A name that is not shown may still be on the disk, where the sync of its removal failed.
  for (const number of gone) {
    const stand = await createSegment(directory, number, SEGMENT_HEADER_BYTES, options.digestKey)
    await removeSegment(directory, stand)
  }
  if (unused.length > 0 || gone.length > 0) await directory.sync()

  for (const segment of old) {
    const end = judgement.keptEnds.get(segment.number)
    const isAtEnd = segment.number === last || judgement.tornSegments.has(segment.number)
    if (end !== undefined && isAtEnd) await cutOff(segment, end)
  }
}

/**
 * Where the segment already ends there, an earlier start may have cut it and failed to sync that:
 * the system then shows an end that the disk does not have, and a sync would say nothing about it.
 * So it is cut anew.
 */
async function cutOff(segment: Segment, end: number): Promise<void> {
  if (segment.bytes === end) await segment.file.truncate(end + 1)
  await segment.file.truncate(end)
  await segment.file.sync()
  segment.bytes = end
}

/** Step 1: the same records, with the same sequences, at the new end of the log. */
async function writeTail(parts: Parts, judgement: Judgement): Promise<void> {
  const { writer } = parts
  const { accepted } = judgement
  let start = 0
  for (let i = 0; i < accepted.length; i++) {
    if (isContinued((accepted[i] as Found).kind)) continue
    await copyBatch(parts, accepted.slice(start, i + 1))
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

async function copyBatch(parts: Parts, batch: readonly Found[]): Promise<void> {
  const { writer, reader, places } = parts
  const readings = []
  for (const { segment, offset } of batch) {
    readings.push(await reader.read({ segment, offset, name: undefined, isHeadOnly: false }))
  }
  const bytes = batch.reduce((sum, found) => sum + found.bytes, 0)
  writer.reserve(bytes, Number.POSITIVE_INFINITY)
  for (const [i, found] of batch.entries()) {
    const { name, note, object, digest, rot } = readings[i] as (typeof readings)[number]
    if (name === undefined || rot !== 'none') {
      throw new OperatingError('disk-failed', 'what was just read cannot be read again')
    }
    const offset = writer.add(found.kind, name, note, object, digest, found.bytes)
    assert(writer.sequence === found.sequence, 'a copy has the sequence of the original')
    const kind = kindOf(found.kind)
    if (kind === RecordKind.mark) continue
    places.put(found.token, name, writer.segment, offset, kind === RecordKind.erasure)
  }
}

function traceTail(trace: Trace, judgement: Judgement): void {
  const { droppedRecords, droppedOfBatch, tornBytes } = judgement
  if (tornBytes > 0) {
    trace.record('torn-tail-dropped', { records: droppedRecords, bytes: tornBytes })
  }
  if (droppedOfBatch > 0) trace.record('batch-tail-dropped', { records: droppedOfBatch })
}

/** Above the first and below the last; only the first of them where a stray name makes many. */
function numbersBetween(first: number, last: number): readonly number[] {
  const length = Math.min(Math.max(0, last - first - 1), REMOVED_AGAIN_MAX)
  return Array.from({ length }, (_, i) => first + 1 + i)
}

async function removeSegment(directory: Directory, segment: Segment): Promise<void> {
  await segment.file.close()
  await directory.remove(segmentName(segment.number))
}
