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
 * until the node restarts and verifies its log. Only a lack of space is tried again
 * (`group-writer.ts`).
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
import { encodeMoved } from '../../native/moved-records.ts'
import {
  encodeRecord,
  RECORD_WORDS,
  recordBytes,
  RecordWord,
  setNumber48,
} from '../../native/record.ts'
import { type KeyName, OWN } from '../../dynamo/names.ts'
import type { Timer } from '../../world/clock.ts'
import type { Trace } from '../../world/trace.ts'
import { Group } from './group.ts'
import { GroupWriter, type GroupWriterOptions } from './group-writer.ts'
import type { Chunk, Pending } from './pending.ts'
import { NO_BUCKET_ID, type RecordHead, setHead } from './record-head.ts'
import { isVoiding, kindOf, RecordKind } from './record-kinds.ts'
import { SEGMENT_HEADER_BYTES } from './segment.ts'
import type { Room } from './segment-allocator.ts'

export interface WriterOptions extends GroupWriterOptions {
  readonly trace: Trace
  readonly digestKey: Uint8Array
  readonly unsyncedBytesMax: number
  /** The highest segment number in use: writing begins in the one after it. */
  readonly segment: number
  /** All up to here is durable; the next record is the one after it. */
  readonly durable: number
}

/** A record without what the writer knows: where it stands, its sequence, what is durable. */
export interface NewRecord extends Omit<RecordHead, 'voids'> {
  readonly name: KeyName
  readonly note: Uint8Array
  readonly object: Uint8Array
  /** 0 in a record that voids nothing; by default all records before one that is no object. */
  readonly voids?: number
}

export const MARK_BYTES: number = recordBytes(0, 0, 0, 0)
/** A log that has synced nothing for so long is idle. */
const IDLE_MS = 50

const NO_NAME: KeyName = { bucket: EMPTY_BYTES, key: EMPTY_BYTES }
/** Of records that are of no key, and of those without an object. */
export const NO_BODY = {
  name: NO_NAME,
  note: EMPTY_BYTES,
  object: EMPTY_BYTES,
  prefixBytes: 0,
  digestStart: 0,
  place: OWN,
  bucketId: NO_BUCKET_ID,
} as const
const DURABLE: Promise<void> = Promise.resolve()

export class Writer {
  /** Resolves with `disk-failed` when this writer has ended; never otherwise. */
  readonly failed: Promise<OperatingError>
  /** The digest of records that have no object: erasures and marks. */
  readonly emptyDigest: Digest
  readonly #markRecord: NewRecord
  readonly #options: WriterOptions
  readonly #pending: Pending
  readonly #groupWriter: GroupWriter
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
  readonly #head = new Uint32Array(RECORD_WORDS)
  /** Group commits since the start. */
  syncs = 0

  constructor(options: WriterOptions) {
    this.#options = options
    this.emptyDigest = sipHash64(options.digestKey, EMPTY_BYTES)
    this.#markRecord = { ...NO_BODY, kind: RecordKind.mark, digest: this.emptyDigest }
    this.#pending = options.pending
    this.#groupWriter = new GroupWriter(options)
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

  /** For how long the oldest record that is not durable has waited, in milliseconds. */
  get unsyncedMs(): number {
    return Math.max(0, this.#options.clock.now() - (this.#groups[0]?.beganMs ?? Infinity))
  }

  /** Where the log ends, of which all is durable. */
  get durableEnd(): { readonly segment: number; readonly offset: number } {
    const [first] = this.#groups
    if (first !== undefined) return { segment: first.segment, offset: first.from }
    // Nothing is written yet: the next segment will be.
    const isBegun = this.#offset > 0
    return { segment: this.#segment + (isBegun ? 0 : 1), offset: this.#offset }
  }

  get segment(): number {
    return this.#segment
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined
  }

  /** Goes on in a segment that an earlier start has begun: all before `offset` is durable. */
  resume(segment: number, offset: number, segmentBytes: number, durable: number): void {
    assert(this.#offset === 0 && segment === this.#segment, 'a writer resumes the last segment')
    this.#offset = offset
    this.#segmentBytes = segmentBytes
    this.#durable = durable
    this.#sequence = Math.max(this.#sequence, durable)
    // No record says so yet.
    this.#isMarked = false
    this.#syncedAt = this.#options.clock.now()
    this.#markWhenIdle()
  }

  /**
   * Reserves space for `bytes` of records, side by side. Throws `disk-failed`, `overloaded`,
   * `disk-full` or `log-blocked`, and has then changed nothing.
   */
  reserve(bytes: number, mayUseReserve: boolean): void {
    const unsyncedBytes = this.#unsyncedBytes + bytes
    if (this.#unsyncedBytes > 0 && unsyncedBytes > this.#options.unsyncedBytesMax) {
      throw new OperatingError('overloaded', 'too much waits for the disk: write more slowly')
    }
    this.reserveAnyhow(bytes, mayUseReserve)
  }

  /** The same, however much waits for the disk. */
  reserveAnyhow(bytes: number, mayUseReserve: boolean): void {
    if (this.#failure !== undefined) throw this.#failure
    const { allocator, shortage, clock } = this.#options
    if (shortage.isAt('write')) throw shortage.errorAt('write')
    const restBytes = this.#segmentBytes - this.#offset - bytes
    if (restBytes < 0) this.#begin(bytes, mayUseReserve)
    else allocator.admitHere(this.#segment, restBytes, mayUseReserve)
    if (this.#open === undefined || this.#open.to - this.#open.from > GROUP_BYTES_MAX) {
      this.#open = new Group(this.#segment, this.#segmentBytes, this.#offset, clock.now())
      this.#groups.push(this.#open)
    }
  }

  /** Appends one record and returns its offset in `segment`. Requires: room reserved for it. */
  add(record: NewRecord, bytes: number): number {
    const group = this.#open
    assert(group !== undefined, 'room was reserved')
    assert(this.#offset + bytes <= this.#segmentBytes, 'the record fits the room reserved')
    const offset = this.#offset
    const sequence = this.#sequence + 1
    const chunk = this.#pending.chunkAt(this.#segment, offset, bytes)
    const head = this.#head
    const { kind, name, note, object } = record
    const voids = record.voids ?? (isVoiding(kind) ? sequence - 1 : 0)
    setHead(head, record, voids)
    head[RecordWord.segment] = this.#segment
    head[RecordWord.offset] = offset
    setNumber48(head, RecordWord.sequenceLow, sequence)
    setNumber48(head, RecordWord.syncedLow, this.#durable)
    const { bucket, key } = name
    const written = encodeRecord(chunk.bytes, chunk.filled, head, bucket, key, note, object)
    assert(written === bytes, 'a record takes the bytes that were computed for it')
    this.#isMarked = kindOf(kind) === RecordKind.mark || kindOf(kind) === RecordKind.absence
    this.#onAdded(group, chunk, 1, bytes)
    return offset
  }

  /**
   * Appends `count` records of another log, which begin at these `starts` of `page`, side by side,
   * each a batch of its own. Returns the offset of the first. Requires: room reserved for them.
   */
  addMoved(page: Uint8Array, starts: Uint32Array, count: number, bytes: number): number {
    const group = this.#open
    assert(group !== undefined, 'room was reserved')
    assert(this.#offset + bytes <= this.#segmentBytes, 'the records fit the room reserved')
    const [segment, offset, sequence] = [this.#segment, this.#offset, this.#sequence + 1]
    const chunk = this.#pending.chunkAt(segment, offset, bytes)
    const { bytes: out, filled: at } = chunk
    const place = [segment, offset, sequence, this.#durable] as const
    const written = encodeMoved(page, starts, count, out, at, ...place)
    assert(written === bytes, 'records take the bytes that were computed for them')
    this.#isMarked = false
    this.#onAdded(group, chunk, count, bytes)
    return offset
  }

  #onAdded(group: Group, chunk: Chunk, count: number, bytes: number): void {
    chunk.filled += bytes
    this.#sequence += count
    this.#offset += bytes
    this.#unsyncedBytes += bytes
    group.to = this.#offset
    group.last = this.#sequence
  }

  /** The digest of a whole object of the log's own. */
  digestOf(object: Uint8Array): Digest {
    return sipHash64<Digest>(this.#options.digestKey, object)
  }

  /** Leaves out the sequences up to this one. */
  skipTo(sequence: number): void {
    this.#sequence = Math.max(this.#sequence, sequence)
  }

  /** Appends the last mark, if one is needed and this segment has room for it. */
  stop(): void {
    this.#idle?.cancel()
    if (this.#fitsMark) this.#mark()
    this.#isMarked = true
    this.#groupWriter.stop()
  }

  get #fitsMark(): boolean {
    return this.#offset + MARK_BYTES <= this.#segmentBytes
  }

  /**
   * Appends a mark, which states up to where the log is durable, unless nothing was appended since
   * the last one, or the disk is full or has failed.
   */
  #mark(): void {
    if (this.#isMarked || (this.#options.allocator.isShort && !this.#fitsMark)) return
    try {
      this.reserveAnyhow(MARK_BYTES, true)
    } catch (error) {
      if (isOperatingError(error)) return
      throw error
    }
    this.add(this.#markRecord, MARK_BYTES)
    this.commit()
  }

  /** Appends an absence (`absence.ts`), and starts to write it. */
  addAbsence(object: Uint8Array): void {
    const bytes = recordBytes(0, 0, 0, object.length)
    const digest = this.digestOf(object)
    this.reserveAnyhow(bytes, true)
    this.add({ ...NO_BODY, kind: RecordKind.absence, object, digest }, bytes)
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
  #begin(bytes: number, mayUseReserve: boolean): void {
    const { allocator } = this.#options
    const number = this.#segment + 1
    const wanted = SEGMENT_HEADER_BYTES + bytes
    const segmentBytes = allocator.admitNext(number, wanted, mayUseReserve)
    if (this.#offset > 0) this.#options.trace.record('segment-sealed', { segment: this.#segment })
    this.#segment = number
    this.#segmentBytes = segmentBytes
    this.#offset = SEGMENT_HEADER_BYTES
    this.#open = undefined
  }

  #roomIn(segment: number): Room {
    return {
      needed: () => this.#groups.findLast((group) => group.segment === segment)?.to ?? 0,
      give: (bytes) => {
        if (segment === this.#segment) this.#segmentBytes = bytes
      },
    }
  }

  /** Writes group after group until none is left. */
  async #run(): Promise<void> {
    let group = this.#groups[0]
    while (group !== undefined) {
      if (group === this.#open) this.#open = undefined
      try {
        await this.#groupWriter.enter(group, this.#roomIn(group.segment))
        // Perhaps a sync of the directory failed: then no record may stand in the new segment.
        if (this.hasFailed) return
        await this.#groupWriter.write(group)
      } catch (error) {
        this.#fail(error)
      }
      // Preparing a segment may have failed meanwhile; then this write promises nothing.
      if (this.hasFailed) return
      this.syncs += 1
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
