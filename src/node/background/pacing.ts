/**
 * Paces background work by one knob, `latency-target` (Dynamo 6.5): exchanges, the answers that
 * exchanges of other members ask for, deliveries of hints, the reading of all copies at a start,
 * and the removal of what rounds let go.
 *
 * Each node rests for what it did itself: an exchange does not rest for the time in which it waited
 * for an answer, since its member has rested for that. While the share is 1 there is no rest, and
 * no timer.
 *
 * Not paced: the steps of rounds, which are short; the mending of rotten copies, which requests of
 * clients wait for; the merging of hints that come home, whose senders rest.
 */
import { BackgroundShare } from '../../dynamo/background-share.ts'
import { BACKGROUND_ANSWER_MS_MAX, BACKGROUND_REST_MS_MAX } from '../../limits.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import type { Foreground } from '../foreground.ts'

/** Between two looks at how long requests take. */
const LOOK_MS = 250
/** Shorter rests are put off: a timer is no finer. */
const REST_MS_MIN = 1
/** Of work with a factor: a process that was paused must not rest for many times as long. */
const PATIENT_REST_MS_MAX = 30_000

export interface PacingDependencies {
  readonly clock: Clock
  readonly foreground: Foreground
  readonly latencyTargetMs: number
}

export class Pacing {
  readonly #clock: Clock
  readonly #foreground: Foreground
  readonly #share: BackgroundShare
  /** Until then the node rests for the answers that it has given. */
  #answersRestUntilMs = 0
  #timer: Timer | undefined

  constructor({ clock, foreground, latencyTargetMs }: PacingDependencies) {
    this.#clock = clock
    this.#foreground = foreground
    this.#share = new BackgroundShare(latencyTargetMs)
  }

  begin(): void {
    this.#timer = this.#clock.after(LOOK_MS, () => {
      this.#measure()
      this.begin()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** Of its full rate, at which background work goes on. */
  get share(): number {
    return this.#share.share
  }

  /** How long to rest after work of so many milliseconds, bounded by `BACKGROUND_REST_MS_MAX`. */
  restMs(workedMs: number): number {
    return Math.min(BACKGROUND_REST_MS_MAX, this.#share.restMs(workedMs))
  }

  /**
   * One worker's work, from now on. `restFactor`: it rests for so many times as long as it works,
   * even if nothing else is done.
   */
  work(restFactor = 0): Work {
    return new Work(this.#clock, this, restFactor)
  }

  /**
   * Calls `answer`, which ends work for a member that began at `beganMs`, once this node has rested
   * for it and for the answers before it: at once, or `BACKGROUND_ANSWER_MS_MAX` later at most.
   */
  answer(beganMs: number, answer: () => void): void {
    const now = this.#clock.now()
    const restMs = this.#share.restMs(now - beganMs)
    const untilMs = Math.max(now, this.#answersRestUntilMs) + restMs
    this.#answersRestUntilMs = Math.min(now + BACKGROUND_ANSWER_MS_MAX, untilMs)
    const delayMs = restMs === 0 ? 0 : this.#answersRestUntilMs - now
    if (delayMs < REST_MS_MIN) answer()
    else this.#clock.after(delayMs, answer)
  }

  #measure(): void {
    const found = this.#foreground.look(this.#clock.now())
    if (found === 'idle') this.#share.onIdle()
    else if (found !== 'unknown') this.#share.onRequests(found)
  }
}

/** The work of one worker, and the rests that it owes for that. */
export class Work {
  readonly #clock: Clock
  readonly #pacing: Pacing
  readonly #restFactor: number
  /** Undefined while the worker waits for another. */
  #sinceMs: number | undefined
  #owedMs = 0

  constructor(clock: Clock, pacing: Pacing, restFactor: number) {
    this.#clock = clock
    this.#pacing = pacing
    this.#restFactor = restFactor
    this.#sinceMs = clock.now()
  }

  /** What follows, until `resume`, is no work: the worker waits for another. */
  pause(): void {
    if (this.#sinceMs === undefined) return
    const workedMs = this.#clock.now() - this.#sinceMs
    this.#owedMs += Math.max(this.#pacing.restMs(workedMs), this.#restFactor * workedMs)
    this.#sinceMs = undefined
  }

  resume(): void {
    this.#sinceMs ??= this.#clock.now()
  }

  /** Resolves once the worker has rested for its work so far; at once where it owes nothing. */
  async rest(): Promise<void> {
    this.pause()
    const restMsMax = this.#restFactor === 0 ? BACKGROUND_REST_MS_MAX : PATIENT_REST_MS_MAX
    const restMs = Math.min(this.#owedMs, restMsMax)
    if (restMs >= REST_MS_MIN) {
      this.#owedMs = 0
      await new Promise<void>((resolve) => void this.#clock.after(restMs, resolve))
    }
    this.resume()
  }
}
