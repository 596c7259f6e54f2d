/** The clock that a node may use: an instant that never goes back, and timers. */

export interface Timer {
  /** Cancels the wake-up; does nothing if it has already happened. */
  cancel(): void
}

export interface Clock {
  /**
   * Milliseconds, with fractions, since some moment of this process. Never goes back; may stand
   * still or leap forward (a paused process). Deadlines and intervals are measured with it alone.
   */
  now(): number

  /**
   * Milliseconds since 1970 by the machine's clock. May jump by years, either way: only for people
   * and for times to live, never for order.
   */
  wallTime(): number

  /** Calls `wake` once, not before `delayMs` have passed, and never within this call. */
  after(delayMs: number, wake: () => void): Timer

  /**
   * Calls `run` at the end of this turn of the event loop, so that a caller can batch the work of a
   * turn into one write.
   */
  soon(run: () => void): void
}
