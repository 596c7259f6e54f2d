/**
 * Allocate segments before they are needed.
 *
 * Writing the zeros of a segment takes tens of milliseconds; an append takes microseconds. So while
 * one segment fills, the next is prepared in the background. Segments are numbered in the order of
 * the log, without gaps.
 *
 * A full disk shows here and almost nowhere else, because a segment takes its space before any
 * record is given a place in it. While the next segment cannot be prepared, appends that fit the
 * present one are accepted and others are refused before they change anything; the allocator tries
 * again by itself. Preparing in the background leaves `reserveBytes` free; a segment that accepted
 * records wait for may use them.
 *
 * Any other failure means that the disk fails: `failed` resolves at once, not when the segment is
 * wanted. No accepted record is at risk yet, but a node must not acknowledge on a failing disk. Why
 * not try again: the next failure may hit records, and by then more of them are accepted.
 */
import { assert } from '../../base/assert.ts'
import { OperatingError } from '../../base/errors.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import type { Directory } from '../../world/disk.ts'
import type { Trace } from '../../world/trace.ts'
import { hasCode } from '../files.ts'
import { createSegment, growSegment, type Segment } from './segment.ts'
import type { Segments } from './segments.ts'

export interface AllocatorOptions {
  readonly directory: Directory
  readonly clock: Clock
  readonly trace: Trace
  readonly digestKey: Uint8Array
  readonly segments: Segments
  readonly segmentsMax: number
  readonly segmentBytes: number
  readonly reserveBytes: number
  readonly retryMs: number
  /** Empty segments found at the start; their numbers are the next ones, without a gap. */
  readonly spares: readonly Segment[]
}

/** The next segment, being made. */
interface Preparation {
  readonly number: number
  readonly reserveBytes: number
  /** Undefined if space, or descriptors, were short, or the log has its most segments. */
  readonly done: Promise<Segment | undefined>
  state: 'running' | 'failed' | Segment
}

export class SegmentAllocator {
  /** Resolves with the cause as soon as the disk has failed. */
  readonly failed: Promise<unknown>
  readonly #options: AllocatorOptions
  #onFailed!: (cause: unknown) => void
  readonly #spares: Segment[]
  #next: Preparation | undefined
  #isFull = false
  #isClosed = false
  /** False while the log is opened: lack of space then fails the start instead of delaying it. */
  isPatient = false
  #retry: Timer | undefined
  /** Ends the pause of `provide`. */
  #wake: (() => void) | undefined

  constructor(options: AllocatorOptions) {
    this.#options = options
    this.#spares = [...options.spares]
    this.failed = new Promise((resolve) => {
      this.#onFailed = resolve
    })
  }

  /** True while the disk has no room for another segment. */
  get isFull(): boolean {
    return this.#isFull
  }

  /** Throws `disk-full` unless records may be given places in this, the next, segment. */
  admit(number: number, bytes: number): void {
    if (!this.#isFull) return
    const ready = this.#spares[0] ?? this.#next?.state
    if (typeof ready === 'object' && ready.number === number && ready.bytes >= bytes) return
    throw new OperatingError('disk-full', this.fullSentence)
  }

  get fullSentence(): string {
    return (
      `${this.#options.directory.path} has no room for another segment: free some space; writing` +
      ' goes on by itself when there is room'
    )
  }

  /**
   * The segment `number`, of at least `bytes`. Waits for space if there is none; rejects only if
   * preparing fails for another reason, or after `stop`.
   */
  async provide(number: number, bytes: number): Promise<Segment> {
    for (;;) {
      const segment = await this.#take(number, bytes)
      if (segment !== undefined) {
        if (segment.bytes >= bytes || (await this.#grow(segment, bytes))) {
          this.#setFull(false)
          return segment
        }
        this.#spares.unshift(segment)
      }
      await this.#pause()
    }
  }

  /** Starts to prepare the segment that follows `number`. */
  prepareAfter(number: number): void {
    const isUnderWay = this.#next !== undefined && this.#next.state !== 'failed'
    if (this.#isClosed || this.#spares.length > 0 || isUnderWay) return
    this.#prepare(number + 1, this.#options.segmentBytes, this.#options.reserveBytes)
  }

  /** From now on prepares nothing in advance; `provide` rejects if there is no space. */
  stop(): void {
    this.#isClosed = true
    this.#retry?.cancel()
    this.#wake?.()
  }

  /** Unused segments stay on the disk for the next start. Requires: `stop`, no `provide`. */
  async close(): Promise<void> {
    assert(this.#isClosed, 'an allocator is stopped before it is closed')
    const next = await this.#next?.done.catch(() => undefined)
    for (const segment of this.#spares) await segment.file.close().catch(() => {})
    await next?.file.close().catch(() => {})
  }

  async #take(number: number, bytes: number): Promise<Segment | undefined> {
    if (this.#spares[0]?.number === number) return this.#spares.shift()
    const next = this.#next
    if (next !== undefined && next.number === number) {
      const segment = await next.done.finally(() => this.#forget(next))
      if (segment !== undefined || next.reserveBytes === 0) return segment
    }
    const wanted = this.#prepare(number, Math.max(bytes, this.#options.segmentBytes), 0)
    return wanted.done.finally(() => this.#forget(wanted))
  }

  #forget(preparation: Preparation): void {
    if (this.#next === preparation) this.#next = undefined
  }

  #prepare(number: number, bytes: number, reserveBytes: number): Preparation {
    const preparation: Preparation = {
      number,
      reserveBytes,
      state: 'running',
      done: this.#make(number, bytes, reserveBytes).then((segment) => {
        preparation.state = segment ?? 'failed'
        if (segment === undefined) this.#retryLater(number - 1)
        else this.#setFull(false)
        return segment
      }),
    }
    preparation.done.catch((cause: unknown) => this.#onFailed(cause))
    this.#next = preparation
    return preparation
  }

  async #make(number: number, bytes: number, reserveBytes: number): Promise<Segment | undefined> {
    const { directory, trace, digestKey, segments, segmentsMax } = this.#options
    if (segments.count >= segmentsMax) return undefined
    try {
      if (reserveBytes > 0 && (await directory.freeBytes()) < bytes + reserveBytes) return undefined
      const segment = await createSegment(directory, number, bytes, digestKey)
      trace.record('segment-created', { segment: number, bytes })
      return segment
    } catch (error) {
      if (!isShortage(error)) throw error
      return undefined
    }
  }

  async #grow(segment: Segment, bytes: number): Promise<boolean> {
    try {
      await growSegment(segment, bytes)
      return true
    } catch (error) {
      if (!isShortage(error)) throw error
      return false
    }
  }

  #retryLater(number: number): void {
    this.#setFull(true)
    if (this.#isClosed || !this.isPatient || this.#wake !== undefined) return
    this.#retry?.cancel()
    this.#retry = this.#options.clock.after(this.#options.retryMs, () => {
      this.prepareAfter(number)
    })
  }

  async #pause(): Promise<void> {
    this.#setFull(true)
    if (this.#isClosed || !this.isPatient) throw noSpace(this.#options.directory)
    this.#retry?.cancel()
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      this.#retry = this.#options.clock.after(this.#options.retryMs, resolve)
    })
    this.#wake = undefined
  }

  #setFull(isFull: boolean): void {
    if (isFull && !this.#isFull) {
      this.#options.trace.record('disk-full', { directory: this.#options.directory.path })
    }
    this.#isFull = isFull
  }
}

/** A shortage that may pass: of space, quota, descriptors. */
function isShortage(error: unknown): boolean {
  return hasCode(error, 'ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE')
}

function noSpace(directory: Directory): OperatingError {
  return new OperatingError(
    'disk-full',
    `${directory.path} has no room for another segment: free some space`,
    { certainty: 'in-doubt' },
  )
}
