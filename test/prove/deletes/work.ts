/**
 * The clients of the proof `deletes`: they put keys, delete them again, and put keys that stay.
 *
 * A delete removes what a read showed. A put that was tried twice may leave a second copy of its
 * value that no read has shown yet, so such a key is *uncertain*: it is deleted in the end, when
 * nothing of it can be on its way any more, and another key takes its place in the count.
 */
import { isOperatingError } from '../../../src/base/errors.ts'
import type { Bucket } from '../../../src/client/bucket.ts'
import type { Client } from '../../../src/index.ts'
import { sleep } from '../machine/faults.ts'

const ATTEMPTS = 4
const KEPT_ATTEMPTS = 100
const KEPT_LANES = 16
const PAUSE_MS = 100
const VALUE_BYTES = 60
const FINISH_ROUNDS = 20

export interface WorkOptions {
  readonly clients: readonly Client[]
  /** Keys in progress at once, of each client. */
  readonly window: number
}

export function goneName(key: number): string {
  return `gone-${key}`
}

export function keptName(key: number): string {
  return `kept-${key}`
}

export function valueOf(name: string): string {
  return `the value of ${name} `.padEnd(VALUE_BYTES, '.')
}

export class Work {
  readonly #buckets: readonly Bucket<string>[]
  readonly #window: number
  /** Keys whose put was acknowledged at its first attempt. */
  readonly #written: number[] = []
  #uncertain: number[] = []
  /** Names drawn so far: each is of a key that is deleted, or was never there. */
  drawn = 0
  /** Keys whose delete was acknowledged. */
  deleted = 0
  deletedLate = 0
  /** Since `performance.timeOrigin`. */
  lastDeleteMs = 0
  readonly failures = new Map<string, number>()

  constructor({ clients, window }: WorkOptions) {
    this.#buckets = clients.map((client) => client.bucket())
    this.#window = window
  }

  get written(): number {
    return this.#written.length
  }

  get uncertain(): number {
    return this.#uncertain.length
  }

  /** So many keys, or as many as there is time for. */
  async putAll(count: number, msMax: number): Promise<void> {
    const until = performance.now() + msMax
    await this.#together(async (bucket) => {
      while (this.#written.length < count && performance.now() < until) {
        const key = this.drawn++
        const name = goneName(key)
        const result = await this.#try(() => bucket.put(name, valueOf(name)))
        if (result?.attempts === 1) this.#written.push(key)
        else this.#uncertain.push(key)
        // A busy node refuses: the next put waits, so that it is taken.
        if (result === undefined) await sleep(PAUSE_MS)
      }
    })
  }

  /** Each key once it has been put; `mayGoOn` holds the deletes back. */
  async deleteAll(mayGoOn: (done: number) => boolean): Promise<void> {
    let next = 0
    await this.#together(async (bucket) => {
      for (let key = this.#written[next++]; key !== undefined; key = this.#written[next++]) {
        while (!mayGoOn(this.deleted)) await sleep(PAUSE_MS)
        if (await this.#delete(bucket, key)) this.deleted += 1
        else this.#uncertain.push(key)
      }
    })
  }

  /** Puts each key until it is acknowledged: every attempt writes the same value. */
  async keep(from: number, to: number, pauseMs: number): Promise<void> {
    const bucket = this.#buckets[0] as Bucket<string>
    let next = from
    const work = async (): Promise<void> => {
      while (next < to) {
        await this.#keepOne(bucket, keptName(next++))
        await sleep(pauseMs)
      }
    }
    await Promise.all(Array.from({ length: KEPT_LANES }, work))
  }

  async #keepOne(bucket: Bucket<string>, name: string): Promise<void> {
    for (let attempt = 0; attempt < KEPT_ATTEMPTS; attempt++) {
      if ((await this.#try(() => bucket.put(name, valueOf(name)))) !== undefined) return
      await sleep(PAUSE_MS)
    }
    throw new Error(`${name} cannot be written`)
  }

  /**
   * Deletes what is left of the uncertain keys, until a read of all owners shows none of them.
   * Requires: no put of this client is in progress, all nodes are there and have no hints.
   */
  async finish(): Promise<void> {
    let left = this.#uncertain
    for (let round = 0; left.length > 0 && round < FINISH_ROUNDS; round++) {
      const again: number[] = []
      let next = 0
      await this.#together(async (bucket) => {
        for (let key = left[next++]; key !== undefined; key = left[next++]) {
          const name = goneName(key)
          const found = await this.#try(() => bucket.get(name, { r: 3, strict: true }))
          if (found?.isComplete === true && found.siblings.length === 0) continue
          again.push(key)
          if (found === undefined || found.siblings.length === 0) continue
          const { context } = found
          if ((await this.#try(() => bucket.delete(name, { context }))) === undefined) continue
          this.deletedLate += 1
          this.lastDeleteMs = performance.now()
        }
      })
      left = again
      if (left.length > 0) await sleep(PAUSE_MS)
    }
    if (left.length > 0) throw new Error(`${left.length} uncertain keys cannot be deleted`)
  }

  /** Whether a read showed the value, and a delete with its context was acknowledged. */
  async #delete(bucket: Bucket<string>, key: number): Promise<boolean> {
    const name = goneName(key)
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const found = await this.#try(() => bucket.get(name))
      if (found?.siblings.length === 1 && found.siblings[0] === valueOf(name)) {
        const { context } = found
        for (let again = 0; again < ATTEMPTS; again++) {
          if ((await this.#try(() => bucket.delete(name, { context }))) !== undefined) {
            this.lastDeleteMs = performance.now()
            return true
          }
        }
        return false
      }
      await sleep(PAUSE_MS)
    }
    return false
  }

  /** Calls `work` as often as keys may be in progress. */
  async #together(work: (bucket: Bucket<string>) => Promise<void>): Promise<void> {
    const lanes = this.#buckets.flatMap((bucket) =>
      Array.from({ length: this.#window }, () => work(bucket)),
    )
    await Promise.all(lanes)
  }

  /** Undefined where it failed. */
  async #try<T>(act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await act()
    } catch (error) {
      if (!isOperatingError(error)) throw error
      this.failures.set(error.code, (this.failures.get(error.code) ?? 0) + 1)
      return undefined
    }
  }
}
