/**
 * The machine's clock.
 *
 * Node.js keeps timers in whole milliseconds and may fire one up to a millisecond early, and takes
 * a delay beyond 2^31 ms for none at all. So a deadline is kept by our own clock, and a timer that
 * comes before it is set again for the rest.
 *
 * A timer that holds keeps the process alive until it fires or is cancelled. A client wants that:
 * while it waits before it tries again, a timer is all that it has, and without one the program
 * would end in the middle of an `await`. A server does not: it lives by its listeners, and what is
 * forgotten when it stops should not keep it.
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
