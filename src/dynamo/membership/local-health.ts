/**
 * How far this node trusts its own senses: a node that is late itself waits longer for others
 * (Lifeguard's local health).
 *
 *     score 0 healthy … 8 ill        probe period and timeout × (score + 1)
 *
 *     a probe was answered                        - 1, unless the event loop is late now
 *     it was not, nor did helpers say why         + 1 for each of those
 *     this node hears itself suspected            + 1
 *     its event loop is late by 100 ms or more    + 1, and 1 more for each 500 ms
 *
 * Source: Dadgar, Phillips and Currey, "Lifeguard: Local Health Awareness for More Accurate
 * Failure Detection" (2018).
 */

export const SCORE_MAX = 8
/** An event loop that is later makes this node ill. */
export const LATE_MS = 100
const LATE_STEP_MS = 500

export class LocalHealth {
  #score = 0
  #isLate = false

  get score(): number {
    return this.#score
  }

  /** What times of probes are multiplied by. */
  get factor(): number {
    return this.#score + 1
  }

  onAnswered(): void {
    if (!this.#isLate) this.#score = Math.max(0, this.#score - 1)
  }

  /** A probe failed, and so many helpers said nothing of it. */
  onUnanswered(silentHelpers: number): void {
    this.#raise(silentHelpers)
  }

  onSuspected(): void {
    this.#raise(1)
  }

  /** The delay of the event loop, or of one of its timers. */
  onLoopDelay(delayMs: number): void {
    this.#isLate = delayMs >= LATE_MS
    if (this.#isLate) this.#raise(1 + Math.floor(delayMs / LATE_STEP_MS))
  }

  #raise(by: number): void {
    this.#score = Math.min(SCORE_MAX, this.#score + by)
  }
}
