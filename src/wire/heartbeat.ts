/**
 * Notices that the other side of a session is silent, and that it is heard again.
 *
 *     heard ──(silenceMs)──► asked ──(lateMs)──► silent, asked every againMs ──► heard
 *
 * Any byte that comes is a sign of life; only silence is asked about. A process that was itself
 * stopped finds its timers late and all answers still to be read: it gives one more turn before it
 * judges.
 */
import type { Clock, Timer } from '../world/clock.ts'
import type { Session } from './session.ts'

export interface HeartbeatOptions {
  /** After so much silence the other side is asked. */
  readonly silenceMs: number
  /** It is silent if so long after that nothing has come. */
  readonly lateMs: number
  /** Then it is asked again so often. */
  readonly againMs: number
}

/** What is watched of a session. */
type Heard = Pick<Session, 'bytesReceived' | 'isEnded' | 'onPong' | 'ping'>

/** A timer that rings so late tells that this process was stopped. */
const STOPPED_MS = 200

export class Heartbeat {
  isSilent = false
  readonly #session: Heard
  readonly #clock: Clock
  readonly #options: HeartbeatOptions
  readonly #onChange: () => void
  readonly #tick: () => void
  #timer: Timer
  #received: number
  #heardAt: number
  /** When the other side was first asked since it was last heard. */
  #askedAt: number | undefined
  #dueAt = 0

  /** `onChange` is called when `isSilent` changes. Ends with the session, or by `stop`. */
  constructor(session: Heard, clock: Clock, options: HeartbeatOptions, onChange: () => void) {
    this.#session = session
    this.#clock = clock
    this.#options = options
    this.#onChange = onChange
    this.#received = session.bytesReceived
    this.#heardAt = clock.now()
    this.#tick = () => this.#onTick()
    this.#timer = this.#wait()
    session.onPong = () => this.heard()
    session.ping()
  }

  stop(): void {
    this.#timer.cancel()
    this.#session.onPong = undefined
  }

  /** A call was not answered in time, and nothing else came: the other side counts as silent. */
  suspect(): void {
    if (this.isSilent || this.#session.isEnded) return
    this.#timer.cancel()
    this.#ask(this.#clock.now())
    this.isSilent = true
    this.#timer = this.#wait()
    this.#onChange()
  }

  /** An answer has come. */
  heard(): void {
    if (this.isSilent) this.#onHeard(this.#clock.now())
  }

  get #tickMs(): number {
    const { silenceMs, againMs } = this.#options
    return this.#askedAt === undefined ? Math.max(againMs, silenceMs / 4) : againMs
  }

  #wait(): Timer {
    const ms = this.#tickMs
    this.#dueAt = this.#clock.now() + ms
    return this.#clock.after(ms, this.#tick)
  }

  #onTick(): void {
    if (this.#session.isEnded) return
    const now = this.#clock.now()
    const wasStopped = now - this.#dueAt > STOPPED_MS
    const { silenceMs, lateMs } = this.#options
    if (this.#session.bytesReceived !== this.#received) {
      this.#onHeard(now)
    } else if (this.#askedAt === undefined) {
      if (now - this.#heardAt >= silenceMs - this.#tickMs) this.#ask(now)
    } else if (!this.#hasJudged(now, lateMs, wasStopped)) {
      this.#session.ping()
    }
    this.#timer = this.#wait()
  }

  #ask(now: number): void {
    this.#askedAt = now
    this.#session.ping()
  }

  /** Judges once that the other side is silent; true where that was now. */
  #hasJudged(now: number, lateMs: number, wasStopped: boolean): boolean {
    if (this.isSilent || wasStopped || now - (this.#askedAt as number) < lateMs) return false
    this.isSilent = true
    this.#onChange()
    return true
  }

  #onHeard(now: number): void {
    this.#received = this.#session.bytesReceived
    this.#heardAt = now
    this.#askedAt = undefined
    if (!this.isSilent) return
    this.isSilent = false
    this.#onChange()
  }
}
