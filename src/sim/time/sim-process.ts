/**
 * One process of a simulated machine: it runs, is paused and resumed, and ends.
 *
 * A process can be paused (a long garbage collection, a suspended machine) and resumed, or end
 * between any two steps, after which none of its work continues. So every callback into a node
 * (timer, delivery, completed write) passes through its `SimProcess`.
 *
 * Invariant: after `end`, no callback of this process runs. A promise that was pending stays so.
 */
import type { Scheduler, Wakeup } from './scheduler.ts'

interface Held {
  readonly wakeup: Wakeup | undefined
  readonly run: () => void
}

export class SimProcess {
  /** Which simulated machine it runs on. */
  readonly node: number
  readonly scheduler: Scheduler
  /** Resuming: what was held is let go first, and what comes due meanwhile stands behind it. */
  #state: 'running' | 'paused' | 'resuming' | 'ended' = 'running'
  /** What came due during the pause, in order. */
  #held: Held[] = []

  constructor(scheduler: Scheduler, node: number) {
    this.scheduler = scheduler
    this.node = node
  }

  get isEnded(): boolean {
    return this.#state === 'ended'
  }

  get isPaused(): boolean {
    return this.#state === 'paused' || this.#state === 'resuming'
  }

  at(micros: number, run: () => void): Wakeup {
    const wakeup: Wakeup = this.scheduler.at(micros, () => this.#enter({ wakeup, run }))
    return wakeup
  }

  soon(run: () => void): Wakeup {
    return this.at(this.scheduler.nowMicros, run)
  }

  /** Runs `run` within this call, or when the pause ends, or never. Only from a wake-up. */
  enter(run: () => void): void {
    this.#enter({ wakeup: undefined, run })
  }

  pause(): void {
    if (this.#state !== 'ended') this.#state = 'paused'
  }

  resume(): void {
    if (this.#state !== 'paused') return
    this.#state = 'resuming'
    this.#release()
  }

  end(): void {
    this.#state = 'ended'
    this.#held = []
  }

  #enter(held: Held): void {
    if (this.#state === 'running') held.run()
    else if (this.#state !== 'ended') this.#held.push(held)
  }

  /** One wake-up for each that was held: between two of them promises must settle, as always. */
  #release(): void {
    this.scheduler.soon(() => {
      if (this.#state !== 'resuming') return
      const held = this.#held.shift()
      if (this.#held.length > 0) this.#release()
      else this.#state = 'running'
      if (held !== undefined && held.wakeup?.isCancelled !== true) held.run()
    })
  }
}
