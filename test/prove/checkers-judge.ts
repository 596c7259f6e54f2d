/** One process of `prove checkers`: makes and judges a long history, reports time and memory. */
import { LongHistory, type Plant, PLANTS } from '../sim/long-history.ts'
import { differences, judgeLong } from '../sim/long-judge.ts'

export interface Task {
  readonly seed: number
  readonly operations: number
  readonly isPlanted: boolean
}

export interface Judged {
  /** What was not found, or found and not planted; the first few. */
  readonly wrong: readonly string[]
  readonly planted: number
  readonly told: number
  readonly tellSeconds: number
  readonly judgeSeconds: number
  /** The peak of the resident memory. */
  readonly residentMib: number
}

const WRONG_MAX = 20

process.on('message', (task) => {
  process.send?.(judge(task as Task))
})

function judge({ seed, operations, isPlanted }: Task): Judged {
  const planted = isPlanted ? (Object.keys(PLANTS) as Plant[]) : []
  const startedMs = performance.now()
  const long = new LongHistory(seed, operations, planted)
  const toldMs = performance.now()
  const found = judgeLong(long)
  const judgedMs = performance.now()
  const { writes, reads } = long.history
  return {
    wrong: differences(found, planted).slice(0, WRONG_MAX),
    planted: planted.length,
    told: writes.length + reads.length,
    tellSeconds: (toldMs - startedMs) / 1000,
    judgeSeconds: (judgedMs - toldMs) / 1000,
    residentMib: process.resourceUsage().maxRSS / 1024,
  }
}
