/**
 * One connection in memory, and a clock that a test moves by hand.
 *
 * All events happen within `run` and `pass`, one delivery at a time, so a test of the wire needs no
 * socket and no waiting. The test chooses how the bytes are cut. Undelivered bytes count as unsent,
 * except for the first few, as with a socket whose buffers are full.
 */
import type { Clock, Timer } from '../../src/world/clock.ts'
import type { Entropy } from '../../src/world/entropy.ts'
import type { Address, Connection, ConnectionEvents } from '../../src/world/network.ts'
import type { Fact, Fields, Trace } from '../../src/world/trace.ts'

interface Wake extends Timer {
  readonly at: number
  readonly wake: () => void
}

/** Clock, entropy and trace of both ends. */
export class WirePipeWorld {
  readonly facts: { readonly fact: Fact; readonly fields: Fields }[] = []
  readonly clock: Clock
  readonly entropy: Entropy
  readonly trace: Trace
  #nowMs = 0
  #seed = 1
  #tasks: (() => void)[] = []
  #soons: (() => void)[] = []
  readonly #wakes = new Set<Wake>()

  constructor() {
    this.clock = {
      now: () => this.#nowMs,
      wallTime: () => this.#nowMs,
      after: (delayMs, wake) => this.#after(delayMs, wake),
      soon: (run) => void this.#soons.push(run),
    }
    this.entropy = { bytes: (count) => Uint8Array.from({ length: count }, () => this.random(256)) }
    this.trace = { record: (fact, fields = {}) => void this.facts.push({ fact, fields }) }
  }

  /** Timers that have not fired. */
  get timers(): number {
    return this.#wakes.size
  }

  /** A whole number below `bound`, the same in every run. */
  random(bound: number): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((this.#seed / 2 ** 32) * bound)
  }

  task(run: () => void): void {
    this.#tasks.push(run)
  }

  /** Runs all tasks; a turn is one task and the functions that it passed to `soon`. */
  run(): void {
    while (this.#tasks.length > 0 || this.#soons.length > 0) {
      const tasks = this.#tasks
      this.#tasks = []
      for (const task of tasks) {
        task()
        this.#runSoons()
      }
      this.#runSoons()
    }
  }

  #runSoons(): void {
    const soons = this.#soons
    if (soons.length === 0) return
    this.#soons = []
    for (const run of soons) run()
  }

  /** Runs all tasks and all promise callbacks. */
  async untilIdle(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet++) {
      this.run()
      await new Promise((resolve) => setImmediate(resolve))
      if (this.#tasks.length + this.#soons.length > 0) quiet = 0
    }
  }

  /** Moves the clock by `ms`, timer by timer. */
  pass(ms: number): void {
    const end = this.#nowMs + ms
    for (;;) {
      this.run()
      let next: Wake | undefined
      for (const wake of this.#wakes) {
        if (wake.at <= end && (next === undefined || wake.at < next.at)) next = wake
      }
      if (next === undefined) break
      this.#nowMs = Math.max(this.#nowMs, next.at)
      this.#wakes.delete(next)
      next.wake()
    }
    this.#nowMs = end
  }

  /** Moves the clock by `ms` with no timer on time, as if the process had been stopped. */
  leap(ms: number): void {
    this.#nowMs += ms
  }

  #after(delayMs: number, wake: () => void): Timer {
    const entry: Wake = {
      at: this.#nowMs + delayMs,
      wake,
      cancel: () => void this.#wakes.delete(entry),
    }
    this.#wakes.add(entry)
    return entry
  }
}

/** How many of the available bytes one delivery brings; at least one. */
export type Cut = (available: number) => number

/** One end. Tests use its public fields; the wire sees a `Connection`. */
export class PipeEnd implements Connection {
  readonly remote: Address
  /** How this end's outgoing bytes are cut. */
  cut: Cut = (available) => Math.min(available, 65_536)
  /** Changes bytes on the way; returns those to deliver. */
  spoil: ((bytes: Uint8Array) => Uint8Array) | undefined
  /** Undelivered bytes that still count as sent. */
  freeBytes = 65_536
  /** True: this end never reads. */
  isDeaf = false
  /** Everything that this end wrote, in order, while `isRecording`. */
  readonly written: Uint8Array[] = []
  isRecording = false
  bytesWritten = 0
  writes = 0
  other!: PipeEnd
  events: ConnectionEvents | undefined
  readonly #world: WirePipeWorld
  #queue: Uint8Array[] = []
  #queued = 0
  #isPaused = false
  #isEnding = false
  isClosed = false
  #isDelivering = false
  #wasAbove = false

  constructor(world: WirePipeWorld, port: number) {
    this.#world = world
    this.remote = { host: 'test', port }
  }

  get unsentBytes(): number {
    return Math.max(0, this.#queued - this.freeBytes)
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  listen(events: ConnectionEvents): void {
    this.events = events
  }

  write(bytes: Uint8Array): void {
    if (this.isClosed || this.#isEnding) return
    this.writes += 1
    this.bytesWritten += bytes.length
    if (this.isRecording) this.written.push(bytes)
    this.#queue.push(bytes)
    this.#queued += bytes.length
    if (this.unsentBytes > 0) this.#wasAbove = true
    this.#deliverSoon()
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.other.#deliverSoon()
  }

  /** For tests: this end reads again. */
  hear(): void {
    this.isDeaf = false
    this.other.#deliverSoon()
  }

  end(): void {
    this.#isEnding = true
    this.#deliverSoon()
  }

  destroy(error?: Error): void {
    if (this.isClosed) return
    this.#queue = []
    this.#queued = 0
    this.#close(undefined)
    this.other.#close(error)
  }

  #close(error: Error | undefined): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#world.task(() => this.events?.onClose(error))
  }

  #deliverSoon(): void {
    if (this.#isDelivering) return
    this.#isDelivering = true
    this.#world.task(() => this.#deliver())
  }

  #deliver(): void {
    this.#isDelivering = false
    const { other } = this
    if (this.isClosed || other.isClosed || other.isDeaf || other.isPaused) return
    const first = this.#queue[0]
    if (first === undefined) {
      if (this.#isEnding) {
        this.#close(undefined)
        other.#close(undefined)
      }
      return
    }
    const length = Math.max(1, Math.min(first.length, this.cut(first.length)))
    if (length === first.length) this.#queue.shift()
    else this.#queue[0] = first.subarray(length)
    this.#queued -= length
    const bytes = first.slice(0, length)
    other.events?.onData(this.spoil === undefined ? bytes : this.spoil(bytes))
    if (this.#wasAbove && this.unsentBytes === 0) {
      this.#wasAbove = false
      if (!this.isClosed) this.events?.onSent()
    }
    this.#deliverSoon()
  }
}

/** Two ends of one connection. */
export function wirePipe(world: WirePipeWorld): readonly [PipeEnd, PipeEnd] {
  const connector = new PipeEnd(world, 7400)
  const acceptor = new PipeEnd(world, 50_000)
  connector.other = acceptor
  acceptor.other = connector
  return [connector, acceptor]
}
