/**
 * Clients of the library that write without pause and record what each get and put returned.
 *
 * Each has several operations in flight, over keys that all clients share: updates, chains of puts
 * that never read, blind writes, old contexts, deletes, and a few that replace what their
 * coordinator sees. A failure is recorded as refused or in doubt; a broken belief ends the load.
 */
import type { Prng } from '../../../src/base/prng.ts'
import type { Client } from '../../../src/client/client.ts'
import {
  Memory,
  RecordedBucket,
  type Replaced,
  RUN_BYTES,
  writeOfRequest,
} from './recorded-bucket.ts'
import type { Recording } from './recording.ts'

export interface LoadOptions {
  readonly clients: readonly Client[]
  /** Operations of each client under way at once. */
  readonly window: number
  readonly recording: Recording
  readonly prng: Prng
  /** Keys that may be used: all of them are below this. */
  readonly keys: number
  /** Told of which keys there are, where not all numbers are keys. */
  readonly isKey?: (key: number) => boolean
  /** Replicas of a key. */
  readonly replicas: number
}

const FAILURE_PAUSE_MS = 5

export class Load {
  readonly #options: LoadOptions
  readonly #keys: readonly number[]
  readonly #workers: Promise<void>[] = []
  /** Tells writes of this run from all others. */
  readonly #run: Uint8Array
  #isOver = false

  constructor(options: LoadOptions) {
    this.#options = options
    const { keys, isKey = () => true } = options
    this.#keys = Array.from({ length: keys }, (_, key) => key).filter(isKey)
    this.#run = options.prng.fill(new Uint8Array(RUN_BYTES))
  }

  get keys(): readonly number[] {
    return this.#keys
  }

  begin(): void {
    for (const client of this.#options.clients) {
      const memory = new Memory()
      for (let i = 0; i < this.#options.window; i++) {
        this.#workers.push(this.#live(this.#recorded(client, memory), memory))
      }
    }
  }

  /** Begins nothing new; resolves when all that was begun has ended. Throws what broke. */
  async end(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#workers)
  }

  /** Resolves with what broke, if anything does: to be raced with what else is waited for. */
  async broken(): Promise<never> {
    await Promise.all(this.#workers)
    return new Promise(() => undefined)
  }

  /** Reads a key at all its owners, and notes what it shows; false where that failed. */
  async readAll(client: Client, key: number, timeout: number): Promise<boolean> {
    const terms = { r: this.#options.replicas, timeout }
    const shown = await this.#recorded(client, new Memory()).get(key, terms)
    return typeof shown !== 'string'
  }

  /** The write that a request id is of; `NO_WRITE` where it is of none of this run. */
  writeOfRequest(id: Uint8Array): number {
    return writeOfRequest(this.#run, id)
  }

  #recorded(client: Client, memory: Memory): RecordedBucket {
    return new RecordedBucket(client.bucket(), this.#options.recording, memory, this.#run)
  }

  async #live(bucket: RecordedBucket, memory: Memory): Promise<void> {
    const { prng } = this.#options
    while (!this.#isOver) {
      const isDone = await this.#act(bucket, memory, prng.pick(this.#keys))
      if (!isDone) await new Promise((resolve) => setTimeout(resolve, FAILURE_PAUSE_MS))
    }
  }

  async #act(bucket: RecordedBucket, memory: Memory, key: number): Promise<boolean> {
    const choice = this.#options.prng.unit()
    const known = memory.of(key)
    if (choice < 0.1) return isLooked(bucket, key)
    if (choice < 0.25) return isWritten(bucket, key, false, undefined)
    if (choice < 0.3 && key % 10 === 0) return isWritten(bucket, key, false, 'seen')
    if (choice < 0.38 && known !== undefined) return isWritten(bucket, key, true, known)
    if (choice < 0.7 && known !== undefined) return isWritten(bucket, key, false, known)
    if (!(await isLooked(bucket, key))) return false
    return isWritten(bucket, key, false, memory.of(key))
  }
}

async function isLooked(bucket: RecordedBucket, key: number): Promise<boolean> {
  return typeof (await bucket.look(key)) !== 'string'
}

async function isWritten(
  bucket: RecordedBucket,
  key: number,
  isDelete: boolean,
  replaces: Replaced,
): Promise<boolean> {
  return (await bucket.write(key, isDelete, replaces)) === undefined
}
