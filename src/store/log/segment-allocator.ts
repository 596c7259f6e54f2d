/**
 * Allocate segments before they are needed, and decide what a disk that is nearly full still takes.
 *
 * Writing the zeros of a segment takes tens of milliseconds; an append takes microseconds. So while
 * one segment fills, the next is prepared in the background. Segments are numbered in the order of
 * the log, without gaps. A new one is as large as the log so far, within `SEGMENT_BYTES_MIN` and
 * `segmentBytes`, and takes at most half of the free space: so a small log needs little room.
 *
 * A full disk shows here and almost nowhere else, because a segment takes its space before any
 * record is given a place in it. While the next segment cannot be prepared, the log is *short*: it
 * tries again by itself, and takes only what has room in segments that are there. The *room* is the
 * rest of the present segment, the segments that are ready, and the reserve (`reserve.ts`). A put
 * must leave room of a whole reserve behind it; deletes may use that too. What is refused changes
 * nothing. A segment that accepted records wait for takes whatever space there is.
 *
 * The right to make files, and descriptors, can be short in the same way. Any other failure means
 * that the disk fails: `failed` resolves at once, not when the segment is wanted. No accepted
 * record is at risk yet, but a node must not acknowledge on a failing disk. Why not try again: the
 * next failure may hit records, and by then more of them are accepted.
 */
import { assert } from '../../base/assert.ts'
import { OperatingError } from '../../base/errors.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import type { Directory } from '../../world/disk.ts'
import type { Trace } from '../../world/trace.ts'
import { hasCode } from '../files.ts'
import type { Reserve } from './reserve.ts'
import { createSegment, growSegment, type OpenSegment, SEGMENT_HEADER_BYTES } from './segment.ts'
import type { Segments } from './segments.ts'
import { type LackDetails, type Shortage, type ShortageKind, shortageOf } from './shortage.ts'

/** The size of a log's first segments, and of those on a disk that is nearly full. */
export const SEGMENT_BYTES_MIN: number = 1024 * 1024
const nothing = (): void => undefined

export interface AllocatorOptions {
  readonly directory: Directory
  readonly clock: Clock
  readonly trace: Trace
  readonly digestKey: Uint8Array
  readonly segments: Segments
  readonly reserve: Reserve
  readonly shortage: Shortage
  readonly segmentsMax: number
  readonly segmentBytes: number
  readonly retryMs: number
  /** Empty segments found at the start; their numbers are the next ones, without a gap. */
  readonly spares: readonly OpenSegment[]
  /** The highest segment number in use. */
  readonly last: number
}

/** The next segment, being made. */
interface Preparation {
  readonly number: number
  /** Undefined until it is decided. */
  bytes: number | undefined
  /** Undefined if something was short. */
  readonly done: Promise<OpenSegment | undefined>
}

/** Where accepted records are to stand: the segment that they wait for. */
export interface Room {
  /** Bytes of the segment that are taken by now. */
  needed(): number
  /** The segment is there, with so many. */
  give(bytes: number): void
}

export class SegmentAllocator {
  /** Resolves with the cause as soon as the disk has failed. */
  readonly failed: Promise<unknown>
  readonly #options: AllocatorOptions
  readonly #bytesMin: number
  #onFailed!: (cause: unknown) => void
  /** Ready, in order. */
  readonly #spares: OpenSegment[]
  #next: Preparation | undefined
  #reserving: Promise<void> = Promise.resolve()
  /** The segment that is to be the reserve; undefined if none is. */
  #reserveFor: number | undefined
  /** The highest segment number in use. */
  #last: number
  /** When the disk was last asked; undefined if it does not say. */
  #freeBytes: number | undefined
  #isAsking = false
  #isClosed = false
  /** False while the log is opened: what is short then fails the start instead of delaying it. */
  #isPatient = false
  #retry: Timer | undefined
  /** Accepted records wait for a segment that cannot be had now. */
  #isStuck = false
  /** `provide` has not succeeded yet: a segment behind a missing one would look like damage. */
  #isProviding = false
  /** Ends the pause of `provide`. */
  #wake: (() => void) | undefined

  constructor(options: AllocatorOptions) {
    this.#options = options
    this.#bytesMin = Math.min(SEGMENT_BYTES_MIN, options.segmentBytes)
    this.#spares = [...options.spares]
    this.#last = options.last
    this.failed = new Promise((resolve) => {
      this.#onFailed = resolve
    })
  }

  /** True while another segment cannot be prepared. */
  get isShort(): boolean {
    return this.#options.shortage.isAt('segment')
  }

  /** The log is open: prepares segments in the background from now on. */
  begin(): void {
    this.#isPatient = true
    // What the start lacked was more than a segment: none is prepared beside one that is ready.
    if (this.#spares.length > 0) this.#options.shortage.over('segment')
    this.prepareAfter(this.#last)
  }

  /**
   * Admits a batch that segment `number`, the next, is to begin with; it takes `bytes` with the
   * segment's header. Returns the size that the segment will have. Throws `disk-full` or
   * `log-blocked` where there is no room for it.
   */
  admitNext(number: number, bytes: number, mayUseReserve: boolean): number {
    const [ready] = this.#spares
    const readyBytes = ready?.number === number ? ready.bytes : 0
    if (!this.isShort) {
      if (readyBytes < bytes) this.#requireFree(bytes)
      return Math.max(bytes, readyBytes > 0 ? readyBytes : this.#sizeOfNext(number))
    }
    if (readyBytes >= bytes) {
      this.admitHere(number, readyBytes - bytes, mayUseReserve)
      return readyBytes
    }
    const canUseReserve = mayUseReserve && !this.#isStuck && ready === undefined
    if (!canUseReserve || this.#reserveBytes < bytes) throw this.#refusal
    this.#reserveFor = number
    return this.#options.reserve.bytes
  }

  /** The same for a batch that leaves `restBytes` in the present segment, `number`. */
  admitHere(number: number, restBytes: number, mayUseReserve: boolean): void {
    if (!this.isShort) return
    const { fullBytes } = this.#options.reserve
    const isRoom = mayUseReserve || this.#roomBehind(number, restBytes) >= fullBytes
    if (this.#isStuck || !isRoom) throw this.#refusal
  }

  /**
   * The segment `number`, of at least `bytes`. Where these cannot be had, it waits until there is
   * space for what is needed, while nothing more is accepted. Rejects only if preparing fails for
   * another reason, or after `stop`.
   */
  async provide(number: number, bytes: number, room: Room): Promise<OpenSegment> {
    this.#last = number
    this.#isProviding = true
    for (;;) {
      const wanted = this.#isStuck ? room.needed() : bytes
      const segment =
        (await this.#take(number, wanted)) ?? (await this.#takeReserve(number, wanted))
      if (segment !== undefined) {
        room.give(segment.bytes)
        this.#isStuck = false
        this.#isProviding = false
        if (this.#reserveFor === number) this.#reserveFor = undefined
        return segment
      }
      this.#isStuck = true
      await this.#pause()
    }
  }

  /**
   * Makes the next segment ready, with at least `bytes`, before the log is open. False where
   * something is short; `shortage` then says what. With `mayUseReserve` the reserve becomes the
   * segment if nothing else can.
   */
  async makeReady(bytes: number, mayUseReserve: boolean): Promise<boolean> {
    const number = this.#last + 1
    const segment =
      (await this.#take(number, bytes)) ??
      (mayUseReserve ? await this.#takeReserve(number, bytes) : undefined)
    if (segment !== undefined) this.#spares.unshift(segment)
    return segment !== undefined
  }

  /** Starts to prepare the segment that follows `number`, the highest in use. */
  prepareAfter(number: number): void {
    this.#last = number
    if (this.#isClosed || this.#isProviding) return
    if (this.#spares.length > 0 || this.#next !== undefined) return
    const preparation: Preparation = {
      number: number + 1,
      bytes: undefined,
      done: Promise.resolve()
        .then(() => this.#prepare(preparation))
        .finally(() => {
          this.#next = undefined
        }),
    }
    this.#next = preparation
    preparation.done.catch((cause: unknown) => this.#onFailed(cause))
  }

  /** From now on prepares nothing in advance; `provide` rejects if something is short. */
  stop(): void {
    this.#isClosed = true
    this.#retry?.cancel()
    this.#wake?.()
  }

  /** Unused segments stay on the disk for the next start. Requires: `stop`, no `provide`. */
  async close(): Promise<void> {
    assert(this.#isClosed, 'an allocator is stopped before it is closed')
    await this.#next?.done.catch(() => undefined)
    await this.#reserving
    for (const segment of this.#spares) await segment.file.close().catch(() => {})
  }

  get #refusal(): OperatingError {
    return this.#options.shortage.errorAt('segment')
  }

  /** Of the reserve, if it is not promised to a segment. */
  get #reserveBytes(): number {
    return this.#reserveFor === undefined ? this.#options.reserve.bytes : 0
  }

  /** Room behind the place where the present segment, or the next, has `restBytes` left. */
  #roomBehind(number: number, restBytes: number): number {
    let room = restBytes + this.#reserveBytes
    for (const spare of this.#spares) {
      if (spare.number > number) room += spare.bytes - SEGMENT_HEADER_BYTES
    }
    return room
  }

  /** What is accepted in more space than there is would wait, and all behind it. */
  #requireFree(bytes: number): void {
    const freeBytes = this.#freeBytes
    if (freeBytes === undefined || bytes <= Math.max(freeBytes, this.#bytesMin)) return
    if (!this.#isAsking) void this.#askFree()
    throw this.#options.shortage.errorFor('space', { wantedBytes: bytes, freeBytes })
  }

  /** The size of a segment that is not ready: of the one being made, if it is that. */
  #sizeOfNext(number: number): number {
    const next = this.#next
    if (next?.number === number && next.bytes !== undefined) return next.bytes
    return Math.max(this.#bytesMin, this.#ordinaryBytes(this.#freeBytes))
  }

  /** May be less than `#bytesMin`: then there is no room for a segment. */
  #ordinaryBytes(freeBytes: number | undefined): number {
    const { segments, segmentBytes } = this.#options
    // While nothing more was made, a large one may fail where a small one does not.
    const largest = this.isShort ? this.#bytesMin : segmentBytes
    const wanted = Math.min(largest, Math.max(this.#bytesMin, segments.sizes.bytes))
    if (freeBytes === undefined) return wanted
    return Math.min(wanted, Math.floor((freeBytes - this.#bytesMin) / 2))
  }

  async #prepare(preparation: Preparation): Promise<OpenSegment | undefined> {
    const freeBytes = await this.#askFree()
    const bytes = this.#ordinaryBytes(freeBytes)
    preparation.bytes = Math.max(bytes, this.#bytesMin)
    const wantedBytes = 3 * this.#bytesMin
    const segment =
      bytes < this.#bytesMin
        ? this.#lack('space', { wantedBytes, freeBytes })
        : await this.#create(preparation.number, bytes)
    if (segment === undefined) {
      this.#retryLater()
      return undefined
    }
    this.#spares.push(segment)
    this.#options.shortage.over('segment')
    this.#onReserve(() => this.#keepReserve()).catch((cause: unknown) => this.#onFailed(cause))
    return segment
  }

  /** A reserve that cannot be made now is made with a later segment. */
  async #keepReserve(): Promise<void> {
    const { reserve } = this.#options
    if (reserve.isWhole || this.#isClosed) return
    const freeBytes = await this.#askFree()
    if (freeBytes !== undefined && freeBytes < reserve.fullBytes + this.#bytesMin) return
    try {
      await reserve.make()
    } catch (error) {
      if (shortageOf(error) === undefined) throw error
    }
  }

  /** One after another: a new reserve takes the place of a smaller one, which may be in use. */
  #onReserve<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#reserving.then(step)
    this.#reserving = done.then(nothing, nothing)
    return done
  }

  async #askFree(): Promise<number | undefined> {
    this.#isAsking = true
    // A disk that does not say it is tried without.
    this.#freeBytes = await this.#options.directory.freeBytes().catch(() => undefined)
    this.#isAsking = false
    return this.#freeBytes
  }

  /** A ready segment, grown where needed, or a new one. */
  async #take(number: number, bytes: number): Promise<OpenSegment | undefined> {
    const isReady = (): boolean => this.#spares[0]?.number === number
    if (!isReady() && this.#next?.number === number) await this.#next.done
    const ready = isReady() ? this.#spares.shift() : undefined
    if (ready === undefined) {
      const wanted = Math.max(bytes, this.#bytesMin)
      const segment = await this.#create(number, wanted)
      return segment === undefined && bytes < wanted ? this.#create(number, bytes) : segment
    }
    if (ready.bytes >= bytes || (await this.#grow(ready, bytes))) return ready
    this.#spares.unshift(ready)
    return undefined
  }

  async #takeReserve(number: number, bytes: number): Promise<OpenSegment | undefined> {
    const { reserve, digestKey, trace } = this.#options
    if (this.#spares.length > 0) return undefined
    try {
      const segment = await this.#onReserve(async () => {
        return reserve.bytes < bytes ? undefined : reserve.becomeSegment(number, digestKey)
      })
      if (segment !== undefined) trace.record('reserve-used', { segment: number, bytes })
      return segment
    } catch (cause) {
      // It was removed, to have its space.
      return hasCode(cause, 'ENOENT') ? undefined : this.#lackOr(cause, bytes)
    }
  }

  async #create(number: number, bytes: number): Promise<OpenSegment | undefined> {
    const { directory, trace, digestKey, segments, segmentsMax } = this.#options
    if (segments.count >= segmentsMax) return this.#lack('segments', {})
    for (;;) {
      try {
        const segment = await createSegment(directory, number, bytes, digestKey)
        trace.record('segment-created', { segment: number, bytes })
        return segment
      } catch (cause) {
        if (shortageOf(cause) === 'files' && (await segments.giveFile())) continue
        return this.#lackOr(cause, bytes)
      }
    }
  }

  async #grow(segment: OpenSegment, bytes: number): Promise<boolean> {
    try {
      await growSegment(segment, bytes)
      return true
    } catch (cause) {
      await this.#lackOr(cause, bytes)
      return false
    }
  }

  /** Throws what is no shortage. */
  async #lackOr(cause: unknown, wantedBytes: number): Promise<undefined> {
    const kind = shortageOf(cause)
    if (kind === undefined) throw cause
    const freeBytes = kind === 'space' ? await this.#askFree() : undefined
    return this.#lack(kind, { wantedBytes, freeBytes, cause })
  }

  #lack(kind: ShortageKind, details: LackDetails): undefined {
    this.#options.shortage.tell('segment', kind, details)
    return undefined
  }

  #retryLater(): void {
    if (this.#isClosed || !this.#isPatient || this.#wake !== undefined) return
    this.#retry?.cancel()
    this.#retry = this.#options.clock.after(this.#options.retryMs, () => {
      this.prepareAfter(this.#last)
    })
  }

  async #pause(): Promise<void> {
    if (this.#isClosed || !this.#isPatient) {
      const { code, message } = this.#refusal
      throw new OperatingError(code, message, { certainty: 'in-doubt' })
    }
    this.#retry?.cancel()
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      this.#retry = this.#options.clock.after(this.#options.retryMs, resolve)
    })
    this.#wake = undefined
  }
}
