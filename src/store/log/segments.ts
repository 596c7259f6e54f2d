/**
 * The open segments of a log: the one owner of their files.
 *
 * A read that waits for the disk retains its segment, so that the file stays open until the read
 * has ended. Removing a segment takes it out of the list at once; its file is closed, and its name
 * removed, when the last reader has released it.
 *
 * Invariant: the key index names records of open segments only. Before a segment is removed, each
 * entry of the index that points into it is pointed elsewhere or taken out. So a reader that comes
 * too late for a segment looks the key up again.
 */
import { assert } from '../../base/assert.ts'
import type { Directory } from '../../world/disk.ts'
import { segmentName } from '../files.ts'
import type { Segment } from './segment.ts'

interface Open {
  readonly segment: Segment
  readers: number
  /** Called when the last reader of a removed segment has released it. */
  onUnused: (() => void) | undefined
}

export class Segments {
  readonly #directory: Directory
  /** By number; ascending while the log is opened and written. */
  readonly #open = new Map<number, Open>()

  constructor(directory: Directory) {
    this.#directory = directory
  }

  get count(): number {
    return this.#open.size
  }

  /** Bytes of all segments, and of the largest. */
  get sizes(): { readonly bytes: number; readonly bytesMax: number } {
    let bytes = 0
    let bytesMax = 0
    for (const { segment } of this.#open.values()) {
      bytes += segment.bytes
      bytesMax = Math.max(bytesMax, segment.bytes)
    }
    return { bytes, bytesMax }
  }

  /** All open segments, in the order in which they were added. */
  list(): readonly Segment[] {
    return [...this.#open.values()].map(({ segment }) => segment)
  }

  add(segment: Segment): void {
    assert(!this.#open.has(segment.number), 'a segment is opened once')
    this.#open.set(segment.number, { segment, readers: 0, onUnused: undefined })
  }

  /** The segment, for use within this turn; undefined where it is not open. */
  get(number: number): Segment | undefined {
    return this.#open.get(number)?.segment
  }

  /** Keeps the segment's file open until `release`. Undefined where it is not open. */
  retain(number: number): Retained | undefined {
    const open = this.#open.get(number)
    if (open === undefined) return undefined
    open.readers += 1
    return new Retained(open)
  }

  /** Hands the segment, with its file, to another owner. */
  giveAway(number: number): Segment {
    const open = this.#open.get(number)
    assert(open !== undefined && open.readers === 0, 'the segment is open and unused')
    this.#open.delete(number)
    return open.segment
  }

  /**
   * From now on the segment is not found. Resolves when its file is closed and its name removed,
   * which is durable after the directory's next sync.
   */
  async remove(number: number): Promise<void> {
    const open = this.#open.get(number)
    assert(open !== undefined, 'an open segment is removed')
    this.#open.delete(number)
    if (open.readers > 0) {
      await new Promise<void>((resolve) => {
        open.onUnused = resolve
      })
    }
    await removeSegment(this.#directory, open.segment)
  }

  /** Closes all files, also where one cannot be closed. */
  async close(): Promise<void> {
    for (const { segment } of this.#open.values()) await segment.file.close().catch(() => {})
  }
}

/** A reader's hold on a segment. */
export class Retained {
  readonly #open: Open

  constructor(open: Open) {
    this.#open = open
  }

  get segment(): Segment {
    return this.#open.segment
  }

  /** Lets the file be closed. Requires: called once. */
  release(): void {
    assert(this.#open.readers > 0, 'a segment is released once by each reader')
    this.#open.readers -= 1
    if (this.#open.readers === 0) this.#open.onUnused?.()
  }
}

/** Closes and removes a segment that no list holds. */
export async function removeSegment(directory: Directory, segment: Segment): Promise<void> {
  await segment.file.close()
  await directory.remove(segmentName(segment.number))
}
