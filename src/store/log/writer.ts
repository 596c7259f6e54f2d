/**
 * Append records to the log, and make them durable in groups.
 *
 * An append takes the next place in the log, encodes its record there in memory (`pending.ts`) and
 * returns. At most one write with its sync is under way; all appends meanwhile form the next group.
 * The first group starts at the end of the turn, so that the appends of one turn share one sync. A
 * lone append therefore waits for one sync, and a busy log shares each among hundreds ("group
 * commit", DeWitt et al. 1984).
 *
 * Every record states the highest sequence that was known durable when it was written. Recovery
 * uses it to distinguish rot from the torn end of the log. The last records before a pause have
 * none behind them, so an idle log writes a mark: a record that states only that.
 *
 * After a failed write or sync, of records or of a segment being prepared, the writer accepts
 * nothing more. The system may mark the lost pages clean, so that the next sync succeeds and proves
 * nothing (Rebello et al., ATC 2020). So it does not try again: what was not durable is in doubt
 * until the node restarts and verifies its log.
 *
 * Invariants:
 *   - Places and sequences ascend together; a batch lies in one segment and in one group.
 *   - A group is written only when all groups before it are durable.
 */
import { assert } from '../../base/assert.ts'
import { EMPTY_BYTES } from '../../base/bytes.ts'
import { isOperatingError, OperatingError } from '../../base/errors.ts'
import { GROUP_BYTES_MAX } from '../../limits.ts'
import { type Digest, sipHash64 } from '../../native/digest.ts'
import { encodeRecord, recordBytes } from '../../native/record.ts'
import type { KeyName } from '../../dynamo/names.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import type { Trace } from '../../world/trace.ts'
import type { Pending } from './pending.ts'
import { kindOf, RecordKind } from './record-kinds.ts'
import { SEGMENT_HEADER_BYTES, type Segment } from './segment.ts'
import type { SegmentAllocator } from './segment-allocator.ts'
import type { Segments } from './segments.ts'

export interface WriterOptions {
  readonly clock: Clock
  readonly trace: Trace
  readonly digestKey: Uint8Array
  readonly segmentBytes: number
  readonly unsyncedBytesMax: number
  readonly allocator: SegmentAllocator
  readonly pending: Pending
  /** The writer adds the segments that it begins. */
  readonly segments: Segments
  /** The highest segment number in use: writing begins in the one after it. */
  readonly segment: number
  /** All up to here is durable; the next record is the one after it. */
  readonly durable: number
}

/** Consecutive bytes of one segment that one write and one sync make durable. */
class Group {
  readonly segment: number
  /** The segment has at least so many. */
  readonly segmentBytes: number
  readonly from: number
  to: number
  last = 0
  #done: Deferred | undefined

  constructor(segment: number, segmentBytes: number, from: number) {
    this.segment = segment
    this.segmentBytes = segmentBytes
    this.from = from
    this.to = from
  }

  /** One promise, shared by all appends of the group. */
  get done(): Promise<void> {
    this.#done ??= deferred()
    return this.#done.promise
  }

  resolve(): void {
    this.#done?.resolve()
  }

  reject(error: Error): void {
    this.#done?.reject(error)
  }
}

export const MARK_BYTES: number = recordBytes(0, 0, 0, 0)
/** A log that has synced nothing for so long is idle. */
const IDLE_MS = 50

const NO_NAME: KeyName = { bucket: EMPTY_BYTES, key: EMPTY_BYTES }
const DURABLE: Promise<void> = Promise.resolve()

export class Writer {
  /** Resolves with `disk-failed` when this writer has ended; never otherwise. */
  readonly failed: Promise<OperatingError>
  /** The digest of records that have no object: erasures and marks. */
  readonly emptyDigest: Digest
  readonly #options: WriterOptions
  readonly #pending: Pending
  /** Not yet durable, in order; the first may be on its way to the disk. */
  readonly #groups: Group[] = []
  /** The last of `#groups`, while more may be added to it. */
  #open: Group | undefined
  #segment: number
  #offset = 0
  #segmentBytes = 0
  #sequence: number
  #durable: number
  #unsyncedBytes = 0
  #isRunning = false
  /** Whether the newest entry has a mark behind it, or there is none. */
  #isMarked = true
  #syncedAt = 0
  #idle: Timer | undefined
  #failure: OperatingError | undefined
  #onFailed!: (error: OperatingError) => void
  #syncs = 0

  constructor(options: WriterOptions) {
    this.#options = options
    this.emptyDigest = sipHash64(options.digestKey, EMPTY_BYTES)
    this.#pending = options.pending
    this.#segment = options.segment
    this.#sequence = options.durable
    this.#durable = options.durable
    this.failed = new Promise((resolve) => {
      this.#onFailed = resolve
    })
    void options.allocator.failed.then((cause) => this.#fail(cause))
  }

  /** The sequence of the newest record. */
  get sequence(): number {
    return this.#sequence
  }

  /** All records up to this sequence are durable. */
  get durable(): number {
    return this.#durable
  }

  get unsyncedBytes(): number {
    return this.#unsyncedBytes
  }

  get segment(): number {
    return this.#segment
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined
  }

  get syncs(): number {
    return this.#syncs
  }

  /**
   * Reserves room for `bytes` of records, side by side. Throws `disk-failed`, `overloaded` or
   * `disk-full`, and has then changed nothing.
   */
  reserve(bytes: number, unsyncedBytesMax: number = this.#options.unsyncedBytesMax): void {
    if (this.#failure !== undefined) throw this.#failure
    const unsyncedBytes = this.#unsyncedBytes + bytes
    if (this.#unsyncedBytes > 0 && unsyncedBytes > unsyncedBytesMax) {
      throw new OperatingError('overloaded', 'too much waits for the disk: write more slowly')
    }
    if (this.#offset + bytes > this.#segmentBytes) this.#begin(bytes)
    if (this.#open === undefined || this.#open.to - this.#open.from > GROUP_BYTES_MAX) {
      this.#open = new Group(this.#segment, this.#segmentBytes, this.#offset)
      this.#groups.push(this.#open)
    }
  }

  /** Appends one record and returns its offset in `segment`. Requires: room reserved for it. */
  add(
    kind: number,
    name: KeyName,
    note: Uint8Array,
    object: Uint8Array,
    digest: Digest,
    bytes: number,
  ): number {
    const group = this.#open
    assert(group !== undefined, 'room was reserved')
    assert(this.#offset + bytes <= this.#segmentBytes, 'the record fits the room reserved')
    const offset = this.#offset
    const sequence = this.#sequence + 1
    const chunk = this.#pending.chunkAt(this.#segment, offset, bytes)
    const written = encodeRecord(
      chunk.bytes,
      chunk.filled,
      kind,
      this.#segment,
      offset,
      sequence,
      this.#durable,
      name.bucket,
      name.key,
      note,
      object,
      digest.hi,
      digest.lo,
    )
    assert(written === bytes, 'a record takes the bytes that were computed for it')
    chunk.filled += bytes
    this.#isMarked = kindOf(kind) >= RecordKind.mark
    this.#sequence = sequence
    this.#offset = offset + bytes
    this.#unsyncedBytes += bytes
    group.to = this.#offset
    group.last = sequence
    return offset
  }

  /** Leaves out the sequences up to this one. */
  skipTo(sequence: number): void {
    this.#sequence = Math.max(this.#sequence, sequence)
  }

  /** Appends the last mark, if one is needed and this segment has room for it. */
  stop(): void {
    this.#idle?.cancel()
    if (this.#offset + MARK_BYTES <= this.#segmentBytes) this.#mark()
    this.#isMarked = true
  }

  /**
   * Appends a mark, which states up to where the log is durable, unless nothing was appended since
   * the last one, or the disk is full or has failed.
   */
  #mark(): void {
    if (this.#isMarked) return
    try {
      this.reserve(MARK_BYTES, Number.POSITIVE_INFINITY)
    } catch (error) {
      if (isOperatingError(error)) return
      throw error
    }
    this.add(RecordKind.mark, NO_NAME, EMPTY_BYTES, EMPTY_BYTES, this.emptyDigest, MARK_BYTES)
    this.commit()
  }

  /** Appends an absence (`absence.ts`), and starts to write it. */
  addAbsence(object: Uint8Array): void {
    const bytes = recordBytes(0, 0, 0, object.length)
    const digest = sipHash64<Digest>(this.#options.digestKey, object)
    this.reserve(bytes, Number.POSITIVE_INFINITY)
    this.add(RecordKind.absence, NO_NAME, EMPTY_BYTES, object, digest, bytes)
    this.commit()
  }

  /** Starts to write what was added, at the end of this turn. Returns the last sequence. */
  commit(): number {
    if (!this.#isRunning) {
      this.#isRunning = true
      this.#options.clock.soon(() => void this.#run())
    }
    return this.#sequence
  }

  /** Resolves when all up to `sequence` is durable; rejects `disk-failed`. */
  synced(sequence: number): Promise<void> {
    assert(sequence <= this.#sequence, 'only what was appended can be waited for')
    if (sequence <= this.#durable) return DURABLE
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    // Nearly always the newest group.
    let index = this.#groups.length - 1
    while (index > 0 && (this.#groups[index - 1] as Group).last >= sequence) index -= 1
    return (this.#groups[index] as Group).done
  }

  /** Moves on to the next segment, in which a batch of `bytes` must fit. */
  #begin(bytes: number): void {
    const number = this.#segment + 1
    const segmentBytes = Math.max(this.#options.segmentBytes, SEGMENT_HEADER_BYTES + bytes)
    this.#options.allocator.admit(number, segmentBytes)
    if (this.#offset > 0) this.#options.trace.record('segment-sealed', { segment: this.#segment })
    this.#segment = number
    this.#segmentBytes = segmentBytes
    this.#offset = SEGMENT_HEADER_BYTES
    this.#open = undefined
  }

  /** Writes group after group until none is left. */
  async #run(): Promise<void> {
    let group = this.#groups[0]
    while (group !== undefined) {
      if (group === this.#open) this.#open = undefined
      try {
        await this.#write(group)
      } catch (error) {
        this.#fail(error)
      }
      // Preparing a segment may have failed meanwhile; then this write promises nothing.
      if (this.hasFailed) return
      this.#syncs += 1
      this.#groups.shift()
      this.#durable = group.last
      this.#unsyncedBytes -= group.to - group.from
      this.#pending.release(group.segment, group.to)
      group.resolve()
      group = this.#groups[0]
    }
    this.#isRunning = false
    this.#syncedAt = this.#options.clock.now()
    this.#markWhenIdle()
  }

  /** Once nothing was synced for a while, a mark vouches for what was synced last. */
  #markWhenIdle(): void {
    if (this.#isMarked || this.#idle !== undefined) return
    const { clock } = this.#options
    this.#idle = clock.after(this.#syncedAt + IDLE_MS - clock.now(), () => {
      this.#idle = undefined
      if (this.#isRunning) return
      if (clock.now() < this.#syncedAt + IDLE_MS) this.#markWhenIdle()
      else this.#mark()
    })
  }

  async #write(group: Group): Promise<void> {
    const segment = this.#options.segments.get(group.segment) ?? (await this.#enter(group))
    const parts = this.#pending.parts(group.segment, group.from, group.to)
    await Promise.all(parts.map((part) => segment.file.write(part.position, part.bytes)))
    await segment.file.sync()
  }

  async #enter(group: Group): Promise<Segment> {
    const { allocator, segments } = this.#options
    const segment = await allocator.provide(group.segment, group.segmentBytes)
    segments.add(segment)
    allocator.prepareAfter(segment.number)
    return segment
  }

  #fail(cause: unknown): void {
    if (this.#failure !== undefined) return
    this.#options.trace.record('log-failed', {
      segment: this.#segment,
      reason: cause instanceof Error ? cause.message : String(cause),
    })
    this.#failure = new OperatingError(
      'disk-failed',
      'the disk failed to keep what was written: look at the disk, then restart the node, which' +
        ' verifies its log as it starts',
      { cause },
    )
    for (const group of this.#groups) group.reject(this.#failure)
    this.#onFailed(this.#failure)
  }
}

interface Deferred {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

function deferred(): Deferred {
  let resolve!: () => void
  let reject!: (error: Error) => void
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}
