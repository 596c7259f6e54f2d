/**
 * Asks a member for signs of life on the link to it, and tells how long they take to come.
 *
 *     a request goes out ─────┐
 *                             ├─► Ping ─► Pong: answered, after so long
 *     silence for silenceMs ──┘
 *
 * One question at a time: the avoidance judges by the oldest one, and any byte that comes is a sign
 * of life too. Requests are no measure: one may wait for a disk, or for other nodes, while a
 * process that lives answers a ping with its next turn.
 */
import type { Clock, Timer } from '../../world/clock.ts'
import type { Session } from '../../wire/session.ts'

export interface LifeSignsOptions {
  /** After so much silence the other side is asked. */
  readonly silenceMs: number
  /** Requests ask at most so often. */
  readonly askGapMs: number
}

/** What is told of questions. */
export interface LifeSignsEvents {
  onAsked(): void
  onAnswered(tookMs: number): void
  /** A question is over without an answer: the session has ended. */
  onGivenUp(): void
}

/** What is watched of a session. */
type Heard = Pick<Session, 'bytesReceived' | 'isEnded' | 'onPong' | 'ping'>

/** A clock of the other side that was read by a question that took so long says nothing. */
const ROUND_TRIP_MS_MAX = 1_000

export class LifeSigns {
  /** How far the other side's wall clock is ahead of this one's; undefined before it was asked. */
  clockAheadMs: number | undefined
  readonly #session: Heard
  readonly #clock: Clock
  readonly #options: LifeSignsOptions
  readonly #events: LifeSignsEvents
  #timer: Timer
  /** Of the session, when something was last seen to have come, and when that was. */
  #received: number
  #heardAt: number
  /** The same, for `takeHeard`. */
  #taken: number
  #askedAt = Number.NEGATIVE_INFINITY
  #isAsked = false

  /** Ends with the session, or by `stop`. */
  constructor(session: Heard, clock: Clock, options: LifeSignsOptions, events: LifeSignsEvents) {
    this.#session = session
    this.#clock = clock
    this.#options = options
    this.#events = events
    this.#received = session.bytesReceived
    this.#taken = session.bytesReceived
    this.#heardAt = clock.now()
    this.#timer = this.#wait()
    session.onPong = (wallMs) => this.#onPong(wallMs)
    this.#ask(this.#heardAt)
  }

  stop(): void {
    this.#timer.cancel()
    this.#session.onPong = undefined
    if (this.#isAsked) this.#events.onGivenUp()
    this.#isAsked = false
  }

  /** A request goes out, and its sender wants to know whether the other side lives. */
  onCall(): void {
    if (this.#isAsked) return
    const now = this.#clock.now()
    if (now - this.#askedAt >= this.#options.askGapMs) this.#ask(now)
  }

  /** Whether anything has come since the question, or since this was called last. */
  takeHeard(): boolean {
    const { bytesReceived } = this.#session
    const isHeard = bytesReceived !== this.#taken
    this.#taken = bytesReceived
    return isHeard
  }

  #wait(): Timer {
    return this.#clock.after(this.#options.silenceMs / 2, () => this.#onTick())
  }

  #onTick(): void {
    if (this.#session.isEnded) return
    const now = this.#clock.now()
    const { bytesReceived } = this.#session
    if (bytesReceived !== this.#received) {
      this.#received = bytesReceived
      this.#heardAt = now
    } else if (!this.#isAsked && now - this.#heardAt >= this.#options.silenceMs / 2) {
      this.#ask(now)
    }
    this.#timer = this.#wait()
  }

  #ask(now: number): void {
    this.#isAsked = true
    this.#askedAt = now
    this.#taken = this.#session.bytesReceived
    this.#session.ping()
    this.#events.onAsked()
  }

  #onPong(wallMs: number): void {
    if (!this.#isAsked) return
    this.#isAsked = false
    const tookMs = this.#clock.now() - this.#askedAt
    this.#events.onAnswered(tookMs)
    if (tookMs > ROUND_TRIP_MS_MAX) return
    this.clockAheadMs = wallMs - (this.#clock.wallTime() - tookMs / 2)
  }
}
