/**
 * A bucket of the client library that records what each get and put returned.
 *
 * Each write has a value that no other write has. A failure is recorded as refused or in doubt.
 * What a client was last shown of a key is kept for the writes that replace it.
 */
import { type ErrorCode, isOperatingError } from '../../../src/base/errors.ts'
import type { Bucket } from '../../../src/client/bucket.ts'
import type { GetOptions, PutOptions } from '../../../src/client/bucket-options.ts'
import type { SealedContext } from '../../../src/client/sealed-context.ts'
import { nameOf } from './judge.ts'
import { NO_WRITE, type Recording, textOf } from './recording.ts'

/** What a get of a key returned to a client: the writes, and the context that covers them. */
export interface Shown {
  readonly ids: readonly number[]
  readonly deletesBelow: number
  readonly context: SealedContext
}

/** What a write replaces: what the client was shown, all that a get finds just before, nothing. */
export type Replaced = Shown | 'seen' | undefined

const REMEMBERED_MAX = 4096
/** Bytes of a request id that tell the writes of one run from all others. */
export const RUN_BYTES = 8
const ID_BYTES = 8
/** Of what a write followed, its own chain goes on with so many: the write itself leads to all. */
const CHAIN_SHOWN = 3

export class RecordedBucket {
  readonly #bucket: Bucket<string>
  readonly #recording: Recording
  readonly #memory: Memory
  readonly #run: Uint8Array | undefined

  /**
   * With `run` each write has a request id that names the run and the write's number; otherwise the
   * client draws the ids.
   */
  constructor(bucket: Bucket<string>, recording: Recording, memory: Memory, run?: Uint8Array) {
    this.#bucket = bucket
    this.#recording = recording
    this.#memory = memory
    this.#run = run
  }

  /** As `get`; what the key shows is kept for the next write to it. */
  async look(key: number): Promise<Shown | ErrorCode> {
    const shown = await this.get(key)
    if (typeof shown !== 'string') this.#memory.keep(key, shown)
    return shown
  }

  /** What the key shows, or the code of the failure. Throws what is no operating error. */
  async get(key: number, terms?: GetOptions): Promise<Shown | ErrorCode> {
    const recording = this.#recording
    const startedMs = performance.now()
    try {
      const answer = await this.#bucket.get(nameOf(key), terms)
      const ids = answer.siblings.map((value) => recording.writeOf(value))
      recording.read({ key, startedMs, endedMs: performance.now(), shown: ids })
      const deletesBelow = answer.tombstones > 0 ? recording.writes : 0
      const known = ids.filter((id) => id !== NO_WRITE)
      return { ids: known, deletesBelow, context: answer.context }
    } catch (error) {
      const code = codeOf(error)
      recording.readFailed(code)
      if (code === 'value-unreadable')
        recording.violations.push(`garbled: ${nameOf(key)} is no text`)
      return code
    }
  }

  /** The code of the failure, if the write failed. Throws what is no operating error. */
  async write(key: number, isDelete: boolean, replaces: Replaced): Promise<ErrorCode | undefined> {
    const recording = this.#recording
    const given = replaces === 'seen' ? undefined : replaces
    const replacesSeen = replaces === 'seen'
    const { ids: follows, deletesBelow } = given ?? { ids: [], deletesBelow: 0 }
    const startedMs = performance.now()
    const row = { key, isDelete, replacesSeen, follows, deletesBelow }
    const id = recording.begin(row, startedMs)
    const options = this.#terms(id, replacesSeen, given)
    try {
      const written = isDelete
        ? await this.#bucket.delete(nameOf(key), options)
        : await this.#bucket.put(nameOf(key), textOf(id), options)
      recording.end(id, 'ok', written.attempts > 1, performance.now())
      if (!replacesSeen) {
        const ids = [...follows.slice(-CHAIN_SHOWN), id]
        this.#memory.keep(key, { ids, deletesBelow: 0, context: written.context })
      }
      return undefined
    } catch (error) {
      const certainty = isOperatingError(error) ? error.certainty : 'in-doubt'
      const code = codeOf(error)
      recording.end(id, certainty, true, performance.now(), code)
      this.#memory.forget(key)
      return code
    }
  }

  #terms(write: number, replacesSeen: boolean, given: Shown | undefined): PutOptions {
    const named = this.#run === undefined ? {} : { requestId: requestIdOf(this.#run, write) }
    if (replacesSeen) return { ...named, replace: 'seen' }
    return given === undefined ? named : { ...named, context: given.context }
  }
}

function requestIdOf(run: Uint8Array, write: number): Uint8Array {
  const id = new Uint8Array(RUN_BYTES + ID_BYTES)
  id.set(run)
  viewOf(id).setBigUint64(RUN_BYTES, BigInt(write))
  return id
}

/** The write that a request id is of; `NO_WRITE` where it is of none of this run. */
export function writeOfRequest(run: Uint8Array, id: Uint8Array): number {
  if (id.length !== RUN_BYTES + ID_BYTES) return NO_WRITE
  if (run.some((byte, i) => id[i] !== byte)) return NO_WRITE
  return Number(viewOf(id).getBigUint64(RUN_BYTES))
}

/** The last that a client was told of some keys. */
export class Memory {
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
function codeOf(error: unknown): ErrorCode {
  if (isOperatingError(error)) return error.code
  throw error
}
