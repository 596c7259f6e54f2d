/**
 * How late the event loop of this node is.
 *
 * A timer that should fire every few milliseconds says how late it was. It runs only while calls
 * come: an idle node is not woken.
 *
 *     beat ──5 ms──► due ·····late·····► beat ──5 ms──► due ·····► now
 *                        measured: 50 ms                    overdue: 8 ms     the delay: 20 ms
 *
 * The delay at an instant is the geometric mean of two: how late recent beats were, and how long
 * the next one is overdue. So one long turn alone (a collection of garbage, a burst of calls, a
 * process that was stopped) is no delay. A loop that stays behind has one in each of its turns:
 * calls begin in the first part of a turn and are refused in the rest, however many come. The
 * longer its turns are, the shorter is that part, until what was begun fits shorter turns.
 *
 * Why not: the lesser of the two. The first part would have one length whatever the load, and three
 * nodes on one core answered in a second, too late, what they began.
 *
 * One turn that goes on and on counts at last too: `burstMs` is how long calls have been coming
 * while the beat was overdue. Time in which the process was stopped is no part of it.
 */
import type { Clock } from '../../world/clock.ts'

/** The time between two beats of a loop that is not late. */
const BEAT_MS = 5
/** A short turn between long ones does not make up for them: what was measured fades by beats. */
const FADING = 0.5
/** A process that was stopped for long has faded after some beats too. */
const RECENT_MS_MAX = 1_000

export interface Delay {
  /** Of the loop, at this instant. */
  readonly standingMs: number
  /** How long calls have been coming in this turn since its beat was due. */
  readonly burstMs: number
}

export class LoopDelay {
  readonly #clock: Clock
  readonly #onMeasure: (delayMs: number) => void
  #isBeating = false
  /** A call has come since the last beat. */
  #isUsed = false
  #dueMs = 0
  #recentMs = 0
  /** When the first call came that found the beat overdue. */
  #burstSince: number | undefined
  readonly #delay = { standingMs: 0, burstMs: 0 }

  constructor(clock: Clock, onMeasure: (delayMs: number) => void) {
    this.#clock = clock
    this.#onMeasure = onMeasure
  }

  /** A call has come: the delay now. The object is used again at the next call. */
  onCall(): Delay {
    const now = this.#clock.now()
    this.#isUsed = true
    if (!this.#isBeating) this.#beginBeat(now)
    const overdueMs = now - this.#dueMs
    if (overdueMs >= 0) this.#burstSince ??= now
    const delay = this.#delay
    delay.standingMs = standingDelay(this.#recentMs, overdueMs)
    delay.burstMs = now - (this.#burstSince ?? now)
    return delay
  }

  #beginBeat(now: number): void {
    this.#isBeating = true
    this.#isUsed = false
    this.#dueMs = now + BEAT_MS
    this.#burstSince = undefined
    this.#clock.after(BEAT_MS, () => this.#onBeat())
  }

  #onBeat(): void {
    const now = this.#clock.now()
    const lateMs = Math.max(0, now - this.#dueMs)
    this.#isBeating = false
    this.#recentMs = Math.min(RECENT_MS_MAX, Math.max(lateMs, this.#recentMs * FADING))
    this.#onMeasure(lateMs)
    if (this.#isUsed) this.#beginBeat(now)
    else this.#recentMs = 0
  }
}

/** What two delays in a row amount to; `overdueMs` is negative before the beat is due. */
export function standingDelay(recentMs: number, overdueMs: number): number {
  return Math.sqrt(recentMs * Math.max(0, overdueMs))
}
