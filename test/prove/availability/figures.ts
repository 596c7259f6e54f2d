/**
 * The figures of the proof `availability`: what became of the operations during each kind of fault.
 *
 * An operation belongs to the last fault that had begun when it was due, unless that fault had
 * ended more than five seconds before. It is left out where the idle process was paused while it
 * was under way. It succeeds if the client needed at most one retry.
 */
import { createHistogram } from 'node:perf_hooks'
import type { Attempt } from './attempts.ts'
import type { Disturbance, Kind } from './disturbances.ts'
import type { Pause } from './idle.ts'
import type { Operation } from './operations.ts'

export const SLOW_MS = 1_000
const AFTER_MS = 5_000
/** Those before are slow because all processes have just started. */
const BEFORE_MS = 5_000
const ATTEMPTS_MAX = 2
const MICROS_MIN = 1

export interface KindFigures {
  /** `none`: in the five seconds before the first fault; no bar is about it. */
  readonly kind: Kind | 'none'
  /** Those that took effect. */
  readonly faults: number
  readonly operations: number
  readonly leftOut: number
  /** Ended in an error, or needed more than one retry. */
  readonly failed: number
  /** Needed one retry. */
  readonly retried: number
  /** Took longer than `SLOW_MS`. */
  readonly slow: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** How the attempts ended after which another was made: `silent`, or a code; how often. */
  readonly causes: Readonly<Record<string, number>>
}

/** An operation that a bar forbids, and the fault that it belongs to. */
export interface Trouble {
  readonly operation: Operation
  readonly disturbance: Disturbance
}

export interface Judged {
  readonly before: KindFigures
  readonly kinds: readonly KindFigures[]
  readonly troubles: readonly Trouble[]
}

/** Requires: the disturbances are in the order in which they began. */
export function judgeOperations(
  operations: readonly Operation[],
  disturbances: readonly Disturbance[],
  pauses: readonly Pause[],
): Judged {
  const before = new Tally('none')
  const firstMs = disturbances[0]?.beganMs ?? Number.POSITIVE_INFINITY
  const tallies = new Map<Kind, Tally>()
  for (const { kind, isEffective } of disturbances) {
    const tally = tallies.get(kind) ?? new Tally(kind)
    tallies.set(kind, tally)
    if (isEffective) tally.faults += 1
  }
  const troubles: Trouble[] = []
  for (const operation of operations) {
    const { dueMs, tookMs } = operation
    const isLeftOut = pauses.some(
      ({ fromMs, untilMs }) => fromMs < dueMs + tookMs && dueMs < untilMs,
    )
    const disturbance = disturbances.findLast(({ beganMs }) => beganMs <= dueMs)
    if (disturbance === undefined) {
      if (dueMs >= firstMs - BEFORE_MS) before.add(operation, isLeftOut)
      continue
    }
    if (dueMs > disturbance.endedMs + AFTER_MS) continue
    const tally = tallies.get(disturbance.kind) as Tally
    if (tally.add(operation, isLeftOut)) troubles.push({ operation, disturbance })
  }
  const kinds = [...tallies.values()].map((tally) => tally.figures)
  return { before: before.figures, kinds, troubles }
}

class Tally {
  readonly #kind: Kind | 'none'
  readonly #micros = createHistogram()
  faults = 0
  #leftOut = 0
  #operations = 0
  #failed = 0
  #retried = 0
  #slow = 0
  readonly #causes = new Map<string, number>()

  constructor(kind: Kind | 'none') {
    this.#kind = kind
  }

  /** Whether a bar forbids what became of the operation. */
  add({ tookMs, attempts, code, trail }: Operation, isLeftOut: boolean): boolean {
    if (isLeftOut) {
      this.#leftOut += 1
      return false
    }
    const isFailed = code !== undefined || attempts > ATTEMPTS_MAX
    const isSlow = tookMs > SLOW_MS
    this.#operations += 1
    if (isFailed) this.#failed += 1
    else if (attempts === ATTEMPTS_MAX) this.#retried += 1
    if (isSlow) this.#slow += 1
    for (const cause of causesOf(trail)) {
      this.#causes.set(cause, (this.#causes.get(cause) ?? 0) + 1)
    }
    this.#micros.record(Math.max(MICROS_MIN, Math.round(tookMs * 1_000)))
    return isFailed || isSlow
  }

  get figures(): KindFigures {
    const ms = (micros: number): number => micros / 1_000
    return {
      kind: this.#kind,
      faults: this.faults,
      operations: this.#operations,
      leftOut: this.#leftOut,
      failed: this.#failed,
      retried: this.#retried,
      slow: this.#slow,
      p50Ms: ms(this.#micros.percentile(50)),
      p99Ms: ms(this.#micros.percentile(99)),
      maxMs: this.#operations === 0 ? 0 : ms(this.#micros.max),
      causes: Object.fromEntries(this.#causes),
    }
  }
}

/** Why each attempt but the last was not the last. */
function causesOf(trail: readonly Attempt[]): readonly string[] {
  return trail.slice(1).map(({ beganMs }, i) => {
    const { beganMs: earlier, tookMs, answer } = trail[i] as Attempt
    const isAnswered = answer !== undefined && earlier + (tookMs ?? 0) <= beganMs
    return isAnswered ? answer : 'silent'
  })
}
