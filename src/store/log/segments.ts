/**
 * The segments of a log: the one owner of their files, of which it keeps some open.
 *
 * A log has more segments than a process may open files. At most `filesMax` are open; a segment
 * whose file is closed is opened when it is retained, and the one that was idle longest is closed
 * in its place. Where the process may open no more files, a read closes an idle segment and tries
 * again, or waits: a record that cannot be read for want of a descriptor has not rotted.
 *
 * A read that waits for the disk retains its segment, so that the file stays open until the read
 * has ended. Removing a segment takes it out of the list at once; its file is closed, and its name
 * removed, when the last reader has released it.
 *
 * Invariant: the key index names records of listed segments only. Before a segment is removed, each
 * entry of the index that points into it is pointed elsewhere or taken out. So a reader that comes
 * too late for a segment looks the key up again.
 */
import { assert } from '../../base/assert.ts'
import type { MaybePromise } from '../../base/deliver.ts'
import { SEGMENT_FILES_MAX } from '../../limits.ts'
import type { Clock } from '../../world/clock.ts'
import type { Directory, File } from '../../world/disk.ts'
import { segmentName } from '../files.ts'
import type { OpenSegment, Segment } from './segment.ts'
import { type Shortage, shortageOf } from './shortage.ts'

interface Kept {
  readonly segment: Segment
  /** Undefined while it is closed. */
  file: File | undefined
  /** Settles when the file is open. */
  opening: Promise<void> | undefined
  readers: number
  /** Since `#closeIdle` last came by. */
  wasUsed: boolean
  /** Called when the last reader of a removed segment has released it. */
  onUnused: (() => void) | undefined
}

/** How a log waits for a descriptor. */
export interface Patience {
  readonly clock: Clock
  readonly shortage: Shortage
}

/** Of the descriptors that the process may have; connections need the others. */
const FILES_PART = 4
const FILES_MIN = 8
/** Between two attempts to open a file where the process may open no more. */
const RETRY_MS = 100

export class Segments {
  readonly #directory: Directory
  readonly #filesMax: number
  /** By number; ascending while the log is opened and written. */
  readonly #kept = new Map<number, Kept>()
  #bytes = 0
  #bytesMax = 0
  /** Those that have a file, the one that was idle longest first. */
  readonly #open = new Set<Kept>()
  /** Open, being opened, being closed. */
  #files = 0
  /** Who waits for a file to be closed. */
  readonly #waiting: (() => void)[] = []
  #patience: Patience | undefined
  #isStopped = false

  constructor(directory: Directory, filesMax: number = SEGMENT_FILES_MAX) {
    this.#directory = directory
    this.#filesMax = filesMax
  }

  /** With as many open files as the process can spare. */
  static async of(directory: Directory): Promise<Segments> {
    const spared = Math.floor((await directory.openFilesMax()) / FILES_PART)
    return new Segments(directory, Math.min(SEGMENT_FILES_MAX, Math.max(FILES_MIN, spared)))
  }

  /** From now on opening a file waits where the process may open no more; before, it fails. */
  waitWith(patience: Patience): void {
    this.#patience = patience
  }

  get count(): number {
    return this.#kept.size
  }

  get openFiles(): number {
    return this.#files
  }

  /** Bytes of all segments, and of the largest. */
  get sizes(): { readonly bytes: number; readonly bytesMax: number } {
    return { bytes: this.#bytes, bytesMax: this.#bytesMax }
  }

  /** All segments, in the order in which they were added. */
  list(): readonly Segment[] {
    return [...this.#kept.values()].map(({ segment }) => segment)
  }

  /** Adds a segment whose file is open. */
  add({ file, ...segment }: OpenSegment): void {
    assert(!this.#kept.has(segment.number), 'a segment is added once')
    const state = { readers: 0, wasUsed: true, opening: undefined, onUnused: undefined }
    const kept: Kept = { segment, file, ...state }
    this.#kept.set(segment.number, kept)
    this.#bytes += segment.bytes
    this.#bytesMax = Math.max(this.#bytesMax, segment.bytes)
    this.#open.add(kept)
    this.#files += 1
    if (this.#files > this.#filesMax) void this.#closeIdle()
  }

  /** The segment with this number, or else the one with the next higher one. */
  from(number: number): Segment | undefined {
    let next: Segment | undefined
    for (const { segment } of this.#kept.values()) {
      if (segment.number < number || segment.number > (next?.number ?? Infinity)) continue
      next = segment
    }
    return next
  }

  get(number: number): Segment | undefined {
    return this.#kept.get(number)?.segment
  }

  /** The segment's file, for use within this turn; or why there is none to be used at once. */
  fileNow(number: number): File | 'closed' | 'gone' {
    const kept = this.#kept.get(number)
    if (kept === undefined) return 'gone'
    kept.wasUsed = true
    return kept.file ?? 'closed'
  }

  /**
   * Opens the segment's file where it is closed, and keeps it open until `release`. Undefined where
   * there is no such segment. Rejects with the system's error where it cannot be opened.
   */
  retain(number: number): MaybePromise<Retained | undefined> {
    const kept = this.#kept.get(number)
    if (kept === undefined) return undefined
    kept.readers += 1
    kept.wasUsed = true
    if (kept.file !== undefined) return new Retained(kept, this.#onReleased)
    kept.opening ??= this.#openFile(kept).finally(() => {
      kept.opening = undefined
    })
    return kept.opening.then(
      () => new Retained(kept, this.#onReleased),
      (error: unknown) => {
        this.#onReleased(kept)
        throw error
      },
    )
  }

  /** Runs `use` with the segment's file open. Requires: the segment is listed. */
  async using<Value>(number: number, use: (file: File) => Promise<Value>): Promise<Value> {
    const retained = await this.retain(number)
    assert(retained !== undefined, 'a listed segment is used')
    try {
      return await use(retained.file)
    } finally {
      retained.release()
    }
  }

  /** Closes one idle segment, so that another file can be opened; false where none is idle. */
  async giveFile(): Promise<boolean> {
    const closing = this.#closeIdle()
    await closing
    return closing !== undefined
  }

  /** Hands the segment, with its file, to another owner. */
  async giveAway(number: number): Promise<OpenSegment> {
    const retained = await this.retain(number)
    retained?.release()
    const kept = this.#kept.get(number)
    assert(kept?.file !== undefined && kept.readers === 0, 'the segment is open and unused')
    this.#unlist(kept)
    this.#open.delete(kept)
    this.#files -= 1
    return { ...kept.segment, file: kept.file }
  }

  /**
   * From now on the segment is not found. Resolves when its file is closed and its name removed,
   * which is durable after the directory's next sync.
   */
  async remove(number: number): Promise<void> {
    const kept = this.#kept.get(number)
    assert(kept !== undefined, 'a listed segment is removed')
    this.#unlist(kept)
    if (kept.readers > 0) {
      await new Promise<void>((resolve) => {
        kept.onUnused = resolve
      })
    }
    await this.#closeFile(kept)
    await this.#directory.remove(segmentName(number))
  }

  /** From now on opening a file fails where the process may open no more. */
  stop(): void {
    this.#isStopped = true
  }

  /** Closes all files, also where one cannot be closed. */
  async close(): Promise<void> {
    this.#isStopped = true
    for (const kept of this.#kept.values()) await this.#closeFile(kept)
  }

  #unlist({ segment }: Kept): void {
    this.#kept.delete(segment.number)
    this.#bytes -= segment.bytes
    if (segment.bytes < this.#bytesMax) return
    this.#bytesMax = 0
    for (const { segment: left } of this.#kept.values()) {
      this.#bytesMax = Math.max(this.#bytesMax, left.bytes)
    }
  }

  readonly #onReleased = (kept: Kept): void => {
    kept.readers -= 1
    if (kept.readers > 0) return
    kept.onUnused?.()
    if (this.#waiting.length > 0) void this.#closeIdle()
  }

  async #openFile(kept: Kept): Promise<void> {
    while (this.#files >= this.#filesMax) {
      const closing = this.#closeIdle()
      if (closing !== undefined) await closing
      else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    this.#files += 1
    try {
      kept.file = await this.openFile(segmentName(kept.segment.number))
      this.#open.add(kept)
    } catch (error) {
      this.#onFileClosed()
      throw error
    }
  }

  /**
   * Opens a file of the directory. Where the process may open no more, closes idle segments, and
   * tries again every `RETRY_MS` from `waitWith` to `stop`.
   */
  async openFile(name: string): Promise<File> {
    for (;;) {
      try {
        const file = await this.#directory.open(name)
        this.#patience?.shortage.over('file')
        return file
      } catch (cause) {
        if (shortageOf(cause) !== 'files' || this.#isStopped) throw cause
        if (await this.giveFile()) continue
        if (this.#patience === undefined) throw cause
        const { clock, shortage } = this.#patience
        shortage.tell('file', 'files', { cause })
        await new Promise<void>((resolve) => void clock.after(RETRY_MS, resolve))
      }
    }
  }

  /** Closes the file that was idle longest; undefined where none is idle. */
  #closeIdle(): Promise<void> | undefined {
    // Each is looked at twice at most: the first look forgets that it was used.
    for (let looks = 2 * this.#open.size; looks > 0; looks--) {
      const [first] = this.#open
      if (first === undefined) return undefined
      if (first.readers === 0 && !first.wasUsed) return this.#closeFile(first)
      first.wasUsed = false
      this.#open.delete(first)
      this.#open.add(first)
    }
    return undefined
  }

  async #closeFile(kept: Kept): Promise<void> {
    const { file } = kept
    if (file === undefined) return
    kept.file = undefined
    this.#open.delete(kept)
    await file.close().catch(() => {})
    this.#onFileClosed()
  }

  #onFileClosed(): void {
    this.#files -= 1
    this.#waiting.shift()?.()
  }
}

/** A reader's hold on a segment. */
export class Retained {
  readonly #kept: Kept
  readonly #onReleased: (kept: Kept) => void

  constructor(kept: Kept, onReleased: (kept: Kept) => void) {
    this.#kept = kept
    this.#onReleased = onReleased
  }

  get segment(): Segment {
    return this.#kept.segment
  }

  get file(): File {
    assert(this.#kept.file !== undefined, 'the file of a retained segment is open')
    return this.#kept.file
  }

  /** Lets the file be closed. Requires: called once. */
  release(): void {
    assert(this.#kept.readers > 0, 'a segment is released once by each reader')
    this.#onReleased(this.#kept)
  }
}
