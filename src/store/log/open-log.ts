/**
 * Open a log: check its files, recover its records, put its end in order, start its writer.
 *
 * Nothing is changed before every segment is known to be of this cluster and of a known format.
 * `read-log.ts` reads all segments and judges which records survived; `put-in-order.ts` makes the
 * files say the same, and lists the steps.
 */
import { assert } from '../../base/assert.ts'
import { SEGMENT_BYTES_MAX, SEGMENTS_MAX, UNSYNCED_BYTES_MAX } from '../../limits.ts'
import type { Clock } from '../../world/clock.ts'
import type { Directory } from '../../world/disk.ts'
import type { Trace } from '../../world/trace.ts'
import type { Engine, OwnDigests } from '../engine.ts'
import { checkOf, confirmNames, removeUnfinished, segmentName } from '../files.ts'
import { isOfUnknownKeys, sentenceOf } from './damage.ts'
import { LogEngine } from './log.ts'
import { putInOrder } from './put-in-order.ts'
import { type ReadLog, readLog } from './read-log.ts'
import type { Judgement } from './judgement.ts'
import { Reserve } from './reserve.ts'
import { type OpenSegment, SEGMENT_HEADER_BYTES, type Segment } from './segment.ts'
import { SegmentAllocator } from './segment-allocator.ts'
import { Segments } from './segments.ts'
import { Shortage } from './shortage.ts'
import { MARK_BYTES, Writer } from './writer.ts'

export interface LogOptions {
  readonly directory: Directory
  readonly clock: Clock
  readonly trace: Trace
  /**
   * 16 bytes, the cluster's: segment headers are keyed with it. Requires: the digest of each entry
   * is the SipHash-2-4 under it of its object from `digestStart` on. Recovery finds records behind
   * damage by that.
   */
  readonly digestKey: Uint8Array
  readonly ownDigests?: OwnDigests | undefined
  /** The size of an ordinary segment. The simulator uses tiny ones. */
  readonly segmentBytes: number
  /** Bytes that may wait for the disk. */
  readonly unsyncedBytesMax?: number
  /** Segments that the log may have. */
  readonly segmentsMax?: number
  /** Space that is kept for deletes on a full disk; by default `RESERVE_BYTES`, or a segment. */
  readonly reserveBytes?: number
  /** While space or descriptors are short, the time before the next attempt. */
  readonly retryMs?: number
}

export interface RecoveryReport {
  readonly records: number
  /**
   * Damages found in what had been durable. If it is not 0, some key may have lost its newest
   * record here: draw a new start, and compare the copies with the other replicas'.
   */
  readonly rotten: number
  /** Dropped from the end of the log: never known durable, so never acknowledged. */
  readonly tornBytes: number
  readonly highestSequence: number
  /** All appends up to this sequence are kept, except what has rotted. */
  readonly keptSequence: number
}

export interface OpenedLog {
  readonly engine: Engine
  readonly recovery: RecoveryReport
  /** What was durable and is damaged, each as a sentence. */
  readonly damages: readonly string[]
}

const RETRY_MS = 1000
const SPARE_BYTES_MIN = SEGMENT_HEADER_BYTES + MARK_BYTES
/** Room for some thousands of deletes. */
const RESERVE_BYTES = 1024 * 1024

/**
 * Fails with `data-locked`, `data-foreign` or `data-newer`, with `disk-full` or `log-blocked` if
 * there is no room to put the end of the log in order, and has then changed nothing; or with a
 * system error.
 */
export async function openLog(options: LogOptions): Promise<OpenedLog> {
  assert(options.segmentBytes >= SPARE_BYTES_MIN, 'a segment has room for a mark')
  assert(options.segmentBytes <= SEGMENT_BYTES_MAX, 'a segment is within its bound')
  assert(options.digestKey.length === 16, 'the digest key has 16 bytes')
  const { directory, trace } = options
  const lock = await directory.lock()
  const segments = await Segments.of(directory)
  try {
    const read = await readLog(options, segments)
    const { indexes, reader, judgement } = read
    const shortage = new Shortage(directory.path, trace)
    const { allocator, writer } = await openWriter(options, segments, shortage, read)
    // Only now: until the segments behind them are removed, unfinished ones explain a gap.
    await removeUnfinished(directory)
    const damages = judgement.damages.map(sentenceOf)
    const unknown = judgement.damages.filter(isOfUnknownKeys).map(sentenceOf)
    const lost = unknown.length === 0 ? '' : checkOf(unknown.join('\n'))
    const own = { lock, segments, shortage, allocator, writer, indexes, reader }
    const parts = { ...own, digestKey: options.digestKey, damages, lost }
    try {
      await putInOrder({ ...options, ...parts }, judgement)
    } catch (error) {
      allocator.stop()
      await allocator.close()
      throw error
    }
    segments.waitWith({ clock: options.clock, shortage })
    allocator.begin()
    const recovery = reportOf(read.records, judgement, writer.sequence)
    trace.record('recovered', { ...recovery, keys: indexes.size, segments: segments.count })
    return { engine: new LogEngine(parts), recovery, damages }
  } catch (error) {
    await segments.close()
    await lock.unlock()
    throw error
  }
}

function reportOf(records: number, judgement: Judgement, sequence: number): RecoveryReport {
  const { damages, tornBytes, keptSequence } = judgement
  return {
    records,
    rotten: damages.length,
    tornBytes,
    highestSequence: sequence,
    keptSequence,
  }
}

/** The writer that goes on behind the last used segment. */
async function openWriter(
  options: LogOptions,
  segments: Segments,
  shortage: Shortage,
  { judgement, pending }: ReadLog,
): Promise<{ readonly allocator: SegmentAllocator; readonly writer: Writer }> {
  const { clock, trace, digestKey, segmentBytes, directory } = options
  const unused = segments.list().filter(({ number }) => number > judgement.lastUsed)
  const segment = judgement.lastUsed
  const reserveBytes = options.reserveBytes ?? Math.min(RESERVE_BYTES, segmentBytes)
  const retryMs = options.retryMs ?? RETRY_MS
  const allocator = new SegmentAllocator({
    directory,
    clock,
    trace,
    digestKey,
    segments,
    segmentsMax: options.segmentsMax ?? SEGMENTS_MAX,
    segmentBytes,
    retryMs,
    reserve: await Reserve.find(directory, reserveBytes),
    shortage,
    spares: await sparesOf(options, segments, unused, segment),
    last: segment,
  })
  const writer = new Writer({
    directory,
    clock,
    trace,
    digestKey,
    retryMs,
    shortage,
    unsyncedBytesMax: options.unsyncedBytesMax ?? UNSYNCED_BYTES_MAX,
    allocator,
    pending,
    segments,
    segment,
    durable: judgement.durable,
  })
  return { allocator, writer }
}

/**
 * Takes the empty segments behind the log's end out of `segments`. Those that follow `last` without
 * a gap are used again, with names that are durable; the others are removed.
 */
async function sparesOf(
  { directory }: LogOptions,
  segments: Segments,
  unused: readonly Segment[],
  last: number,
): Promise<readonly OpenSegment[]> {
  const spares: OpenSegment[] = []
  for (const { number, bytes } of unused) {
    const isNext = number === last + 1 + spares.length
    if (isNext && bytes >= SPARE_BYTES_MIN) spares.push(await segments.giveAway(number))
  }
  // The last first, and each for good: a number that is missing in the middle is damage.
  for (const { number } of unused.slice(spares.length).toReversed()) {
    await segments.remove(number)
    await directory.sync()
  }
  const names = spares.map(({ number }) => segmentName(number))
  await confirmNames(directory, names)
  return spares
}
