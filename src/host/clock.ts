/**
 * The machine's clock.
 *
 * Node.js keeps timers in whole milliseconds, may fire one up to a millisecond early, and fires one
 * with a delay above 2^31 ms at once. So this clock keeps the deadline itself, and sets a timer
 * that fires too early again for the rest.
 *
 * A holding timer keeps the process alive until it fires or is cancelled. A client needs that:
 * while it waits before the next attempt, only a timer keeps the program from ending in the middle
 * of an `await`. A server does not: its listeners keep it alive, and a forgotten timer must not.
 */
import type { Clock, Timer } from '../world/clock.ts'

const TIMEOUT_MS_MAX = 2 ** 31 - 1

class HostTimer implements Timer {
  readonly #deadline: number
  readonly #wake: () => void
  readonly #isHolding: boolean
  #timeout: NodeJS.Timeout | undefined

  constructor(delayMs: number, wake: () => void, isHolding: boolean) {
    this.#deadline = performance.now() + delayMs
    this.#wake = wake
    this.#isHolding = isHolding
    this.#set(delayMs)
  }

  cancel(): void {
    clearTimeout(this.#timeout)
  }

  #set(delayMs: number): void {
    const wholeMs = Math.max(0, Math.min(Math.ceil(delayMs), TIMEOUT_MS_MAX))
    this.#timeout = setTimeout(this.#ring, wholeMs)
    if (!this.#isHolding) this.#timeout.unref()
  }

  readonly #ring = (): void => {
    const leftMs = this.#deadline - performance.now()
    if (leftMs > 0) this.#set(leftMs)
    else this.#wake()
  }
}

/** `isHolding`: whether its timers keep the process alive. */
export function hostClock(isHolding: boolean): Clock {
  return {
    now: () => performance.now(),
    wallTime: () => Date.now(),
    after: (delayMs, wake) => new HostTimer(delayMs, wake, isHolding),
    soon: (run) => {
      setImmediate(run)
    },
  }
}
