/**
 * Virtual time: one queue of wake-ups, fired one after another.
 *
 * A simulated cluster is ordinary asynchronous code over a world without real waiting. Time jumps
 * from one wake-up to the next, so an idle minute costs nothing. Wake-ups of one instant fire in
 * the order in which they were set, so a seed repeats.
 *
 * Invariant: when a wake-up fires, every promise that could settle has settled, and every `await`
 * on it has continued. Otherwise a run would still repeat, and would be wrong: most of its work
 * would not have run.
 *
 * So each wake-up fires in a `setImmediate` of its own: Node.js empties the whole queue of
 * microtasks between two of them, however long the chain of promises. Several are queued at once,
 * so that only one in `STEPS_PER_TURN` wake-ups costs a turn of the real event loop.
 *
 * Why not: await some number of resolved promises between wake-ups. It is faster, and breaks
 * silently when a chain of promises grows by one.
 */
import { assert } from '../../base/assert.ts'
import { Heap } from './heap.ts'

/** Steps queued in one turn of the real event loop. */
const STEPS_PER_TURN = 64
/** So many at one instant mean that virtual time stands still: a loop in the simulated code. */
const WAKEUPS_PER_INSTANT_MAX = 1_000_000
/** Cancelled wake-ups are swept out when they are this many and more than half of all. */
const CANCELLED_MIN = 1024

/** Something that will happen. */
export class Wakeup {
  #isCancelled = false
  #run: (() => void) | undefined
  readonly #onCancel: () => void

  constructor(run: () => void, onCancel: () => void) {
    this.#run = run
    this.#onCancel = onCancel
  }

  get isCancelled(): boolean {
    return this.#isCancelled
  }

  /** Harmless when it has already happened. */
  cancel(): void {
    this.#isCancelled = true
    if (this.#run === undefined) return
    this.#run = undefined
    this.#onCancel()
  }

  /** For the scheduler alone: what to run, once. */
  take(): (() => void) | undefined {
    const run = this.#run
    this.#run = undefined
    return run
  }
}

/** One `run` under way. */
interface Drive {
  readonly isDone: () => boolean
  /** No wake-up later than this fires. */
  readonly lastMicros: number
  readonly resolve: (isDone: boolean) => void
  readonly reject: (reason: unknown) => void
}

export class Scheduler {
  readonly #wakeups = new Heap<Wakeup>()
  #nowMicros = 0
  #firedAtInstant = 0
  #fired = 0
  #cancelled = 0
  #drive: Drive | undefined

  /** Virtual microseconds since the beginning: always whole. */
  get nowMicros(): number {
    return this.#nowMicros
  }

  get nowMs(): number {
    return this.#nowMicros / 1000
  }

  /** Wake-ups fired so far. */
  get fired(): number {
    return this.#fired
  }

  /** Wake-ups that still wait, cancelled ones included until they are swept. */
  get waiting(): number {
    return this.#wakeups.size
  }

  /** Fires `run` at that instant, or now where it has passed; never within this call. */
  at(micros: number, run: () => void): Wakeup {
    assert(Number.isSafeInteger(micros), 'an instant is a whole number of microseconds')
    const wakeup = new Wakeup(run, this.#onCancel)
    this.#wakeups.push(Math.max(micros, this.#nowMicros), wakeup)
    return wakeup
  }

  /** Fires `run` at this very instant, after all that already waits for it. */
  soon(run: () => void): Wakeup {
    return this.at(this.#nowMicros, run)
  }

  /** Lets `ms` of virtual time pass. */
  async run(ms: number): Promise<void> {
    const lastMicros = this.#nowMicros + Math.round(ms * 1000)
    await this.#start(() => false, lastMicros)
  }

  /**
   * Goes on until `isDone` says so, or until `limitMs` have passed or nothing is left to happen;
   * returns whether it is done. `isDone` is asked before every wake-up.
   */
  runUntil(isDone: () => boolean, limitMs: number): Promise<boolean> {
    return this.#start(isDone, this.#nowMicros + Math.round(limitMs * 1000))
  }

  /** Goes on until `promise` settles, and returns what it brought; throws after `limitMs`. */
  async complete<Value>(promise: Promise<Value>, limitMs: number): Promise<Value> {
    let isSettled = false
    const onSettled = (): void => {
      isSettled = true
    }
    promise.then(onSettled, onSettled)
    if (await this.runUntil(() => isSettled, limitMs)) return promise
    throw new Error(`still waiting after ${limitMs} ms of virtual time`)
  }

  #start(isDone: () => boolean, lastMicros: number): Promise<boolean> {
    assert(this.#drive === undefined, 'virtual time is driven from one place')
    return new Promise((resolve, reject) => {
      this.#drive = { isDone, lastMicros, resolve, reject }
      this.#queueTurn(this.#drive)
    })
  }

  #queueTurn(drive: Drive): void {
    const step = (): void => this.#step(drive)
    for (let i = 0; i < STEPS_PER_TURN; i++) setImmediate(step)
    setImmediate(() => {
      if (this.#drive === drive) this.#queueTurn(drive)
    })
  }

  #step(drive: Drive): void {
    if (this.#drive !== drive) return
    try {
      if (drive.isDone()) this.#finish(drive, true)
      else if (!this.#fireNext(drive.lastMicros)) this.#finish(drive, false)
    } catch (error) {
      this.#drive = undefined
      drive.reject(error)
    }
  }

  #finish(drive: Drive, isDone: boolean): void {
    if (!isDone) this.#nowMicros = Math.max(this.#nowMicros, drive.lastMicros)
    this.#drive = undefined
    drive.resolve(isDone)
  }

  /** False where nothing is left until `lastMicros`. */
  #fireNext(lastMicros: number): boolean {
    for (;;) {
      const micros = this.#wakeups.peekRank()
      if (micros > lastMicros) return false
      const run = this.#wakeups.pop()?.take()
      if (run === undefined) {
        this.#cancelled -= 1
        continue
      }
      this.#firedAtInstant = micros === this.#nowMicros ? this.#firedAtInstant + 1 : 0
      assert(this.#firedAtInstant < WAKEUPS_PER_INSTANT_MAX, 'virtual time goes on')
      this.#nowMicros = micros
      this.#fired += 1
      run()
      return true
    }
  }

  readonly #onCancel = (): void => {
    this.#cancelled += 1
    if (this.#cancelled < CANCELLED_MIN || this.#cancelled * 2 < this.#wakeups.size) return
    this.#wakeups.retain((wakeup) => !wakeup.isCancelled)
    this.#cancelled = 0
  }
}
