/** What a node may ask of time: an instant that never goes back, and a later wake-up. */

export interface Timer {
  /** Forgets the wake-up; harmless when it has already happened. */
  cancel(): void
}

export interface Clock {
  /**
   * Milliseconds, with fractions, since some moment of this process. Never goes back; may stand
   * still or leap forward (a paused process). Deadlines and intervals are measured with it alone.
   */
  now(): number

  /**
   * Milliseconds since 1970 as the machine believes. May jump by years, either way: only for
   * people and for times to live, never for order.
   */
  wallTime(): number

  /** Calls `wake` once, not before `delayMs` have passed, and never within this call. */
  after(delayMs: number, wake: () => void): Timer

  /**
   * Calls `run` when what is ready to run now has run: the end of this turn of the event loop.
   * What is gathered until then can leave in one write.
   */
  soon(run: () => void): void
}
