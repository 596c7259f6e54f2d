/**
 * The clock of one simulated node: its rate drifts, it may leap, and its date may be wrong.
 *
 * `now` runs at its own rate and may leap forward, as after a pause; it never goes back.
 * `wallTime` may be set to anything at any moment, so the simulator finds a node that measures an
 * interval with `wallTime` or orders two writes by either clock.
 *
 * Invariant: a timer fires when `now` has reached its deadline, never before. Local time is kept
 * in whole microseconds, so that this is exact.
 */
import { assert } from '../../base/assert.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import type { SimProcess } from './sim-process.ts'
import type { Wakeup } from './scheduler.ts'

/** What the machine believes about the date; it outlives a process. */
export interface WallClock {
  offsetMs: number
}

/** The date at the beginning of every simulated world: 2026-01-01T00:00:00Z. */
export const WALL_EPOCH_MS = 1_767_225_600_000

class LocalTimer implements Timer {
  readonly deadline: number
  readonly wake: () => void
  wakeup: Wakeup | undefined
  readonly #timers: Set<LocalTimer>

  constructor(deadline: number, wake: () => void, timers: Set<LocalTimer>) {
    this.deadline = deadline
    this.wake = wake
    this.#timers = timers
    timers.add(this)
  }

  cancel(): void {
    this.#timers.delete(this)
    this.wakeup?.cancel()
  }
}

export class SimClock implements Clock {
  readonly #process: SimProcess
  readonly #wall: WallClock
  /** In order of creation, as `Set` keeps it. */
  readonly #timers = new Set<LocalTimer>()
  /** Local microseconds at the virtual instant `#since`; from there on it runs at `#rate`. */
  #base = 0
  #since: number
  #rate = 1

  constructor(process: SimProcess, wall: WallClock, rate: number) {
    this.#process = process
    this.#wall = wall
    this.#since = process.scheduler.nowMicros
    this.setRate(rate)
  }

  now(): number {
    return this.#local() / 1000
  }

  wallTime(): number {
    return Math.floor(WALL_EPOCH_MS + this.#process.scheduler.nowMs + this.#wall.offsetMs)
  }

  after(delayMs: number, wake: () => void): Timer {
    const delay = Math.max(0, Math.ceil(delayMs * 1000))
    const timer = new LocalTimer(this.#local() + delay, wake, this.#timers)
    this.#arm(timer)
    return timer
  }

  soon(run: () => void): void {
    this.#process.soon(run)
  }

  /** From now on a local second is `1 / rate` virtual ones. */
  setRate(rate: number): void {
    assert(rate > 0, 'a clock goes forward')
    this.#base = this.#local()
    this.#since = this.#process.scheduler.nowMicros
    this.#rate = rate
    this.#rearm()
  }

  /** `now` leaps forward at once, and what has come due by it fires. */
  leap(ms: number): void {
    assert(ms >= 0, 'a clock never goes back')
    this.#base += Math.round(ms * 1000)
    this.#rearm()
  }

  #local(): number {
    const elapsed = this.#process.scheduler.nowMicros - this.#since
    return this.#base + Math.floor(elapsed * this.#rate)
  }

  #rearm(): void {
    for (const timer of this.#timers) {
      timer.wakeup?.cancel()
      this.#arm(timer)
    }
  }

  #arm(timer: LocalTimer): void {
    const due = this.#since + Math.ceil((timer.deadline - this.#base) / this.#rate)
    timer.wakeup = this.#process.at(due, () => this.#fire(timer))
  }

  #fire(timer: LocalTimer): void {
    if (this.#local() < timer.deadline) {
      // The two roundings differed by a microsecond.
      timer.wakeup = this.#process.at(this.#process.scheduler.nowMicros + 1, () =>
        this.#fire(timer),
      )
      return
    }
    this.#timers.delete(timer)
    timer.wake()
  }
}
