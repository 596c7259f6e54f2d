/**
 * How fast moves end, as one node hears of it: over the last minute, or since the table began; and
 * for a plan, over all moves of the last table that had some.
 */
import { equalU64 } from '../../base/u64.ts'
import type { Stages } from '../../dynamo/ring/stages.ts'
import type { TableDigest } from '../../dynamo/ring/table.ts'

const WINDOW_MS = 60_000
/** Moves end in batches: so many samples are a minute and more. */
export const MOVE_SAMPLES_MAX = 128

interface Sample {
  readonly atMs: number
  readonly left: number
}

export class MoveRate {
  #samples: Sample[] = []
  #first: Sample | undefined
  #table: TableDigest | undefined
  /** Of the last table whose moves were seen: moves a second, from its first to its last. */
  latest = 0

  /** Something may have changed. */
  onChanged({ table, left }: Pick<Stages, 'table' | 'left'>, nowMs: number): void {
    if (this.#table === undefined || !equalU64(table.digest, this.#table)) {
      this.#table = table.digest
      this.#samples = []
      this.#first = undefined
    }
    if (this.#samples.at(-1)?.left === left) return
    this.#first ??= { atMs: nowMs, left }
    this.#samples.push({ atMs: nowMs, left })
    const { atMs, left: most } = this.#first
    if (nowMs > atMs) this.latest = ((most - left) / (nowMs - atMs)) * 1_000
    if (this.#samples.length > MOVE_SAMPLES_MAX) this.#samples.shift()
  }

  /** Moves that end in a second; 0 where none did. */
  perSecond(nowMs: number): number {
    const last = this.#samples.at(-1)
    const first = this.#samples.find(({ atMs }) => nowMs - atMs <= WINDOW_MS)
    if (last === undefined || first === undefined || nowMs <= first.atMs) return 0
    return ((first.left - last.left) / (nowMs - first.atMs)) * 1_000
  }
}
