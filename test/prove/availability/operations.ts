/**
 * Clients' operations in open loop: each begins when it is due, whether or not those before it were
 * answered, and its time counts from that moment.
 *
 * A key has one operation in flight at a time. Puts replace what the client was last told of the
 * key, so that siblings do not gather.
 */
import type { Prng } from '../../../src/base/prng.ts'
import type { Client } from '../../../src/client/client.ts'
import { sleep } from '../machine/faults.ts'
import { nameOf } from '../machine/judge.ts'
import { Memory, RecordedBucket } from '../machine/recorded-bucket.ts'
import type { Recording } from '../machine/recording.ts'
import type { Attempt, Attempts } from './attempts.ts'

export interface Operation {
  readonly isPut: boolean
  readonly key: number
  /** By the clock of `performance.now`. */
  readonly dueMs: number
  readonly tookMs: number
  readonly attempts: number
  /** The code of the failure. */
  readonly code: string | undefined
  /** Of an operation that failed or was tried more than once. */
  readonly trail: readonly Attempt[]
}

export interface OperationsOptions {
  readonly client: Client
  readonly attempts: Attempts
  readonly recording: Recording
  readonly prng: Prng
}

/** What operations of a stretch of time are like. */
export interface Load {
  readonly keys: readonly number[]
  /** Operations a second. */
  readonly rate: number
  /** Of all operations. */
  readonly putShare: number
}

const DRAWS_MAX = 100
const NO_TRAIL: readonly Attempt[] = []
/** An operation for which no key was free, because those in flight do not end. */
const NOT_BEGUN = { key: -1, tookMs: 0, attempts: 0, code: 'not-begun', trail: NO_TRAIL } as const

export class Operations {
  readonly ended: Operation[] = []
  readonly #options: OperationsOptions
  readonly #memory = new Memory()
  readonly #bucket: RecordedBucket
  readonly #busy = new Set<number>()
  #isOver = false

  constructor(options: OperationsOptions) {
    this.#options = options
    this.#bucket = new RecordedBucket(options.client.bucket(), options.recording, this.#memory)
  }

  /** Begins operations until `stop`; resolves when all have ended. */
  async run({ keys, rate, putShare }: Load): Promise<void> {
    const { prng } = this.#options
    const under = new Set<Promise<void>>()
    this.#isOver = false
    const started = performance.now()
    for (let i = 0; !this.#isOver; i++) {
      const due = started + (i * 1000) / rate
      const wait = due - performance.now()
      if (wait > 0) await sleep(wait)
      const key = this.#freeKey(keys)
      const isPut = prng.unit() < putShare
      if (key === undefined) {
        this.ended.push({ ...NOT_BEGUN, isPut, dueMs: due })
        continue
      }
      const one = this.#operate(key, isPut, due)
      under.add(one)
      void one.finally(() => under.delete(one))
    }
    await Promise.all(under)
  }

  /** Begins no further operations. */
  stop(): void {
    this.#isOver = true
  }

  async #operate(key: number, isPut: boolean, dueMs: number): Promise<void> {
    const { attempts } = this.#options
    this.#busy.add(key)
    const tried = attempts.begin(nameOf(key))
    const code = isPut
      ? await this.#bucket.write(key, false, this.#memory.of(key))
      : await this.#look(key)
    const tookMs = performance.now() - dueMs
    attempts.end(nameOf(key))
    this.#busy.delete(key)
    const isPlain = code === undefined && tried.length < 2
    const trail = isPlain ? NO_TRAIL : tried
    this.ended.push({ isPut, key, dueMs, tookMs, attempts: tried.length, code, trail })
  }

  async #look(key: number): Promise<string | undefined> {
    const shown = await this.#bucket.look(key)
    return typeof shown === 'string' ? shown : undefined
  }

  /** One without an operation in flight, if there is any. */
  #freeKey(keys: readonly number[]): number | undefined {
    for (let draw = 0; draw < DRAWS_MAX; draw++) {
      const key = this.#options.prng.pick(keys)
      if (!this.#busy.has(key)) return key
    }
    return keys.find((key) => !this.#busy.has(key))
  }
}
