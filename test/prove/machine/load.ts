/**
 * Clients of the library that write without pause and record what each get and put returned.
 *
 * Each has several operations in flight, over keys that all clients share: updates, chains of puts
 * that never read, blind writes, old contexts, deletes, and a few that replace what their
 * coordinator sees. A failure is recorded as refused or in doubt; a broken belief ends the load.
 */
import type { Prng } from '../../../src/base/prng.ts'
import { isOperatingError } from '../../../src/base/errors.ts'
import type { Bucket, GetOptions, PutOptions } from '../../../src/client/bucket.ts'
import type { Client } from '../../../src/client/client.ts'
import type { SealedContext } from '../../../src/client/sealed-context.ts'
import { nameOf } from './judge.ts'
import { NO_WRITE, type Recording, textOf } from './recording.ts'

/** What a get of a key returned to a client: the writes, and the context that covers them. */
interface Shown {
  readonly ids: readonly number[]
  readonly deletesBelow: number
  readonly context: SealedContext
}

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

const REMEMBERED_MAX = 4096
const RUN_BYTES = 8
const ID_BYTES = 8
const FAILURE_PAUSE_MS = 5
/** Of what a write followed, its own chain goes on with so many: the write itself leads to all. */
const CHAIN_SHOWN = 3

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
        this.#workers.push(this.#live(client.bucket(), memory))
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
    return (await this.#get(client.bucket(), key, terms)) !== undefined
  }

  /** The write that a request id is of; `NO_WRITE` where it is of none of this run. */
  writeOfRequest(id: Uint8Array): number {
    if (id.length !== RUN_BYTES + ID_BYTES) return NO_WRITE
    if (this.#run.some((byte, i) => id[i] !== byte)) return NO_WRITE
    return Number(viewOf(id).getBigUint64(RUN_BYTES))
  }

  async #live(bucket: Bucket<string>, memory: Memory): Promise<void> {
    const { prng } = this.#options
    while (!this.#isOver) {
      const isDone = await this.#act(bucket, memory, prng.pick(this.#keys))
      if (!isDone) await new Promise((resolve) => setTimeout(resolve, FAILURE_PAUSE_MS))
    }
  }

  async #act(bucket: Bucket<string>, memory: Memory, key: number): Promise<boolean> {
    const choice = this.#options.prng.unit()
    const known = memory.of(key)
    if (choice < 0.1) return this.#look(bucket, memory, key)
    if (choice < 0.25) return this.#write(bucket, memory, key, false, undefined)
    if (choice < 0.3 && key % 10 === 0) return this.#write(bucket, memory, key, false, 'seen')
    if (choice < 0.38 && known !== undefined) return this.#write(bucket, memory, key, true, known)
    if (choice < 0.7 && known !== undefined) return this.#write(bucket, memory, key, false, known)
    if (!(await this.#look(bucket, memory, key))) return false
    return this.#write(bucket, memory, key, false, memory.of(key))
  }

  async #look(bucket: Bucket<string>, memory: Memory, key: number): Promise<boolean> {
    const shown = await this.#get(bucket, key)
    if (shown !== undefined) memory.keep(key, shown)
    return shown !== undefined
  }

  async #get(bucket: Bucket<string>, key: number, terms?: GetOptions): Promise<Shown | undefined> {
    const { recording } = this.#options
    const startedMs = performance.now()
    try {
      const answer = await bucket.get(nameOf(key), terms)
      const ids = answer.siblings.map((value) => recording.writeOf(value))
      recording.read({ key, startedMs, endedMs: performance.now(), shown: ids })
      const deletesBelow = answer.tombstones > 0 ? recording.writes : 0
      return { ids: ids.filter((id) => id !== NO_WRITE), deletesBelow, context: answer.context }
    } catch (error) {
      const code = codeOf(error)
      recording.readFailed(code)
      if (code === 'value-unreadable')
        recording.violations.push(`garbled: ${nameOf(key)} is no text`)
      return undefined
    }
  }

  async #write(
    bucket: Bucket<string>,
    memory: Memory,
    key: number,
    isDelete: boolean,
    replaces: Shown | 'seen' | undefined,
  ): Promise<boolean> {
    const { recording } = this.#options
    const given = replaces === 'seen' ? undefined : replaces
    const replacesSeen = replaces === 'seen'
    const { ids: follows, deletesBelow } = given ?? { ids: [], deletesBelow: 0 }
    const startedMs = performance.now()
    const row = { key, isDelete, replacesSeen, follows, deletesBelow }
    const id = recording.begin(row, startedMs)
    const options = this.#terms(id, replacesSeen, given)
    try {
      const written = isDelete
        ? await bucket.delete(nameOf(key), options)
        : await bucket.put(nameOf(key), textOf(id), options)
      recording.end(id, 'ok', written.attempts > 1, performance.now())
      if (!replacesSeen) {
        const ids = [...follows.slice(-CHAIN_SHOWN), id]
        memory.keep(key, { ids, deletesBelow: 0, context: written.context })
      }
      return true
    } catch (error) {
      const certainty = isOperatingError(error) ? error.certainty : 'in-doubt'
      recording.end(id, certainty, true, performance.now(), codeOf(error))
      memory.forget(key)
      return false
    }
  }

  #terms(write: number, replacesSeen: boolean, given: Shown | undefined): PutOptions {
    const requestId = new Uint8Array(RUN_BYTES + ID_BYTES)
    requestId.set(this.#run)
    viewOf(requestId).setBigUint64(RUN_BYTES, BigInt(write))
    if (replacesSeen) return { requestId, replace: 'seen' }
    return given === undefined ? { requestId } : { requestId, context: given.context }
  }
}

/** The last that a client was told of some keys. */
class Memory {
  readonly #shown = new Map<number, Shown>()

  of(key: number): Shown | undefined {
    return this.#shown.get(key)
  }

  keep(key: number, shown: Shown): void {
    this.#shown.delete(key)
    this.#shown.set(key, shown)
    if (this.#shown.size <= REMEMBERED_MAX) return
    const [oldest] = this.#shown.keys()
    if (oldest !== undefined) this.#shown.delete(oldest)
  }

  forget(key: number): void {
    this.#shown.delete(key)
  }
}

function viewOf(id: Uint8Array): DataView {
  return new DataView(id.buffer, id.byteOffset, id.byteLength)
}

/** Anything but an operating error is a broken belief, and goes on its way. */
function codeOf(error: unknown): string {
  if (isOperatingError(error)) return error.code
  throw error
}
