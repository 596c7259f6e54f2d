/**
 * Write a group to its segment and sync it; begin the next segment where the group is its first.
 *
 * The parts of a group are written one after another, so that a process that is killed leaves no
 * gap in what it was writing.
 *
 * A disk that copies on write, or has fewer blocks than it says, may lack space also for a segment
 * that has taken its space. Then the whole group is written anew and synced, until that succeeds;
 * its callers wait. That sync proves something, unlike one that only follows a failed one: every
 * page of the group was made dirty again, and what else stands on those pages was durable before.
 */
import { assert } from '../../base/assert.ts'
import type { Clock } from '../../world/clock.ts'
import type { Directory } from '../../world/disk.ts'
import type { Group } from './group.ts'
import type { Pending } from './pending.ts'
import type { Room, SegmentAllocator } from './segment-allocator.ts'
import type { Retained, Segments } from './segments.ts'
import { type Shortage, shortageOf } from './shortage.ts'

export interface GroupWriterOptions {
  readonly directory: Directory
  readonly clock: Clock
  readonly allocator: SegmentAllocator
  readonly pending: Pending
  /** The segments that are begun are added. */
  readonly segments: Segments
  readonly shortage: Shortage
  /** Before a write is tried again that lacked space. */
  readonly retryMs: number
}

export class GroupWriter {
  readonly #options: GroupWriterOptions
  /** The segment that is written: held open until the next one is. */
  #held: Retained | undefined
  #isStopped = false
  /** Ends the pause before the next attempt. */
  #wake: (() => void) | undefined

  constructor(options: GroupWriterOptions) {
    this.#options = options
  }

  /** Begins the group's segment where it is a new one. Waits where there is no space for it. */
  async enter(group: Group, room: Room): Promise<void> {
    if (this.#held?.segment.number === group.segment) return
    this.#held?.release()
    this.#held = undefined
    const { allocator, segments } = this.#options
    if (segments.get(group.segment) === undefined) {
      segments.add(await allocator.provide(group.segment, group.segmentBytes, room))
      allocator.prepareAfter(group.segment)
    }
    this.#held = await segments.retain(group.segment)
    assert(this.#held !== undefined, 'the segment that is written is there')
  }

  /** Resolves when the group is durable. Requires: its segment was entered. */
  async write(group: Group): Promise<void> {
    const { directory, shortage } = this.#options
    for (;;) {
      try {
        await this.#writeOnce(group)
        shortage.over('write')
        return
      } catch (cause) {
        if (shortageOf(cause) !== 'space' || this.#isStopped) throw cause
        const freeBytes = await directory.freeBytes().catch(() => undefined)
        shortage.tell('write', 'space', { wantedBytes: group.to - group.from, freeBytes, cause })
        await this.#pause()
      }
    }
  }

  /** From now on a write that lacks space fails at its next attempt. */
  stop(): void {
    this.#isStopped = true
    this.#wake?.()
  }

  async #writeOnce({ segment, from, to }: Group): Promise<void> {
    const file = this.#held?.file
    assert(file !== undefined, 'the segment was entered')
    for (const part of this.#options.pending.parts(segment, from, to)) {
      await file.write(part.position, part.bytes)
    }
    await file.sync()
  }

  async #pause(): Promise<void> {
    const { clock, retryMs } = this.#options
    await new Promise<void>((resolve) => {
      const timer = clock.after(retryMs, resolve)
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
    })
    this.#wake = undefined
  }
}
