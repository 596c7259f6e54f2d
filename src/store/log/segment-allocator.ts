/**
 * Segments, ready before they are needed.
 *
 * Writing the zeros of a segment takes tens of milliseconds; an append takes microseconds. So while
 * one segment fills, the next is prepared in the background. Numbers follow one another: the order
 * of the numbers is the order of the log.
 *
 * A full disk is met here and almost nowhere else, because a segment's space is taken before any
 * record is promised a place in it. While the next segment cannot be prepared, appends that still
 * fit the present one go on, and others are refused before anything is written down. The supply
 * tries again by itself. Preparing in the background leaves `reserveBytes` free; a segment that
 * accepted records wait for may take them.
 *
 * Any other failure is of the disk: `failed` says so at once, not when the segment is wanted. It
 * puts no record in doubt, yet who acknowledges on a disk that fails must stop. Why not try again:
 * what fails in the background fails the next time where it matters, and by then more is promised.
 */
import { OperatingError } from '../../base/errors.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import type { Directory } from '../../world/disk.ts'
import type { Trace } from '../../world/trace.ts'
import { hasCode } from '../files.ts'
import { createSegment, growSegment, type Segment } from './segment.ts'

export interface SupplyOptions {
  readonly directory: Directory
  readonly clock: Clock
  readonly trace: Trace
  readonly digestKey: Uint8Array
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
  /** Undefined where it failed for want of something that may come back. */
  readonly done: Promise<Segment | undefined>
  state: 'running' | 'failed' | Segment
}

export class SegmentAllocator {
  /** Resolves with what the disk failed with, once it has failed. */
  readonly failed: Promise<unknown>
  readonly #options: SupplyOptions
  #onFailed!: (cause: unknown) => void
  readonly #spares: Segment[]
  #next: Preparation | undefined
  #isFull = false
  #isClosed = false
  /** False while the log is being opened: then lack of space is an answer, not a wait. */
  isPatient = false
  #retry: Timer | undefined
  /** Ends the pause of a group that waits for space. */
  #wake: (() => void) | undefined

  constructor(options: SupplyOptions) {
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

  /** Throws `disk-full` unless a record may be promised a place in this, the next, segment. */
  admit(number: number, bytes: number): void {
    if (!this.#isFull) return
    const ready = this.#spares[0] ?? this.#next?.state
    if (typeof ready === 'object' && ready.number === number && ready.bytes >= bytes) return
    throw new OperatingError(
      'disk-full',
      `${this.#options.directory.path} has no room for another segment: free some space; writing` +
        ' goes on by itself when there is room',
    )
  }

  /**
   * The segment `number`, of at least `bytes`. Waits for space where there is none; rejects only
   * where preparing fails for another reason, or when the supply is closed.
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

  /** Starts to prepare the segment that will be wanted after `number`. */
  prepareAfter(number: number): void {
    const isUnderWay = this.#next !== undefined && this.#next.state !== 'failed'
    if (this.#isClosed || this.#spares.length > 0 || isUnderWay) return
    this.#prepare(number + 1, this.#options.segmentBytes, this.#options.reserveBytes)
  }

  /** From now on nothing is prepared in advance, and nobody waits for space: it is there or not. */
  stop(): void {
    this.#isClosed = true
    this.#retry?.cancel()
    this.#wake?.()
  }

  /** Unused segments stay on the disk for the next start. Requires: `stop`, and nothing wanted. */
  async close(): Promise<void> {
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
    const { directory, trace, digestKey } = this.#options
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

/** What may be there again later: space, quota, descriptors. */
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
