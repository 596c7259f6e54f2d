/**
 * Knows which acknowledged writes of buckets with durability `interval` may be lost.
 *
 * Such a write is held by W machines that need not have synced it. It may be lost where W machines
 * lost what they took at that time: their nodes ended before a sync, or their disks were damaged.
 */
import type { Durable } from '../../node/report.ts'

/** A machine lost what it took from one instant to another. */
interface Loss {
  readonly part: string
  readonly fromMs: number
  toMs: number
}

export class Unsynced {
  readonly #partOf: (machine: number) => string
  readonly #losses: Loss[] = []
  #wholeMs = Number.NEGATIVE_INFINITY
  /** Writes that may be lost, and are. */
  lost = 0

  /** `partOf` says which machines count as one. */
  constructor(partOf: (machine: number) => string) {
    this.#partOf = partOf
  }

  /** A running node ends at this moment; so much of its log was synced. */
  ended(machine: number, { unsyncedMs }: Durable, nowMs: number): void {
    if (unsyncedMs === 0) return
    const fromMs = Math.max(nowMs - unsyncedMs, this.#wholeMs)
    this.#losses.push({ part: this.#partOf(machine), fromMs, toMs: nowMs })
  }

  /** Its disk lost something: nothing that it takes counts, since the last `whole` to the next. */
  damaged(machine: number): void {
    const part = this.#partOf(machine)
    this.#losses.push({ part, fromMs: this.#wholeMs, toMs: Number.POSITIVE_INFINITY })
  }

  /** All copies are whole at this moment. */
  whole(nowMs: number): void {
    for (const loss of this.#losses) loss.toMs = Math.min(loss.toMs, nowMs)
    this.#wholeMs = nowMs
  }

  /** Of a write with this W that began and was acknowledged at these instants. */
  mayBeLost(startedMs: number, endedMs: number, w: number): boolean {
    const parts = this.#losses
      .filter(({ fromMs, toMs }) => fromMs <= endedMs && toMs >= startedMs)
      .map(({ part }) => part)
    const may = new Set(parts).size >= w
    if (may) this.lost += 1
    return may
  }
}
