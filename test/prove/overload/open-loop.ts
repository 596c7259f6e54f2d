/**
 * An open loop of gets and puts: operations are issued as they come due, whatever became of those
 * before.
 *
 * An operation counts from the moment at which it was due, and succeeds if its answer comes within
 * `DEADLINE_MS` of it. Nothing is sent again. Puts replace what they know: a key has one put under
 * way and keeps the context of its last, so that no siblings gather.
 *
 * What cannot be issued, since a connection has all the calls in flight that it may have, is
 * counted as such: it was offered and has failed.
 */
import { randomBytes } from 'node:crypto'
import { utf8Bytes } from '../../../src/base/bytes.ts'
import { ERROR_KINDS, type ErrorCode } from '../../../src/base/errors.ts'
import { type Body, encodeRequest } from '../../../src/wire/convert.ts'
import type { Address } from '../../../src/world/network.ts'
import { RawCalls } from './raw-calls.ts'

/** An answer that comes later is of no use. */
export const DEADLINE_MS = 1_000
const BUCKET = utf8Bytes('overload')
/** Unless told otherwise. */
const KEYS = 10_000
const VALUE_BYTES = 100
const CONNECTIONS_PER_NODE = 4
/** The loop looks for due operations this often. */
const TICK_MS = 1

interface Key {
  readonly name: { readonly bucket: Uint8Array; readonly key: Uint8Array }
  /** A get of it, encoded. */
  readonly get: Body
  contexts: readonly Uint8Array[]
  /** A put of it is under way. */
  isBusy: boolean
}

/** What became of the operations that were due in a stretch of time. */
export class Tally {
  offered = 0
  good = 0
  /** Answered, and later than they were of use. */
  late = 0
  /** Offered, and not sent: the connection had too much in flight. */
  unsent = 0
  /** How late operations were issued at most, in ms: of the generator itself. */
  lagMs = 0
  readonly failures = new Map<string, number>()
  readonly #latencies: number[] = []

  onGood(ms: number): void {
    if (ms > DEADLINE_MS) this.late += 1
    else this.good += 1
    this.#latencies.push(ms)
  }

  onFailure(code: string): void {
    this.failures.set(code, (this.failures.get(code) ?? 0) + 1)
  }

  add(other: Tally): void {
    this.offered += other.offered
    this.good += other.good
    this.late += other.late
    this.unsent += other.unsent
    this.lagMs = Math.max(this.lagMs, other.lagMs)
    for (const [code, count] of other.failures) {
      this.failures.set(code, (this.failures.get(code) ?? 0) + count)
    }
    for (const ms of other.#latencies) this.#latencies.push(ms)
  }

  /** Of the operations that were answered with a result. */
  p99(): number {
    const sorted = this.#latencies.toSorted((a, b) => a - b)
    return sorted[Math.floor(sorted.length * 0.99)] ?? Number.POSITIVE_INFINITY
  }

  told(): string {
    const failed = [...this.failures].map(([code, count]) => `, ${count} ${code}`).join('')
    return (
      `${this.good} of ${this.offered} good, p99 ${this.p99().toFixed(0)} ms${failed}, ` +
      `${this.late} late, ${this.unsent} unsent, issued at most ${this.lagMs.toFixed(0)} ms late`
    )
  }
}

export class OpenLoop {
  readonly #connections: readonly RawCalls[]
  readonly #keys: Key[]
  readonly #value = randomBytes(VALUE_BYTES)
  #issued = 0
  #nextPut = 0

  private constructor(connections: readonly RawCalls[], keys: number) {
    this.#connections = connections
    this.#keys = Array.from({ length: keys }, freshKey)
  }

  static async connect(nodes: readonly Address[], keys = KEYS): Promise<OpenLoop> {
    const addresses = Array.from({ length: CONNECTIONS_PER_NODE }, () => nodes).flat()
    const connections = await Promise.all(addresses.map((address) => RawCalls.connect(address)))
    return new OpenLoop(connections, keys)
  }

  /**
   * Offers `rate` operations a second for so long, and waits for their answers. Returns a tally for
   * each second, by when the operations were due. Ends early once `isOver`.
   */
  async run(
    rate: number,
    seconds: number,
    isOver: () => boolean = () => false,
  ): Promise<readonly Tally[]> {
    const tallies = Array.from({ length: seconds }, () => new Tally())
    const started = performance.now()
    const total = rate * seconds
    let due = 0
    while (due < total && !isOver()) {
      const now = performance.now()
      const until = Math.min(total, ((now - started) * rate) / 1000)
      for (; due < until; due++) {
        const dueMs = started + (due * 1000) / rate
        const tally = tallies[Math.floor(due / rate)] as Tally
        tally.lagMs = Math.max(tally.lagMs, now - dueMs)
        this.#issue(tally, dueMs)
      }
      await sleep(TICK_MS)
    }
    await this.#answered()
    return tallies.slice(0, Math.ceil(due / rate))
  }

  /** Keeps `width` operations in flight for so long, and waits for their answers. */
  async saturate(width: number, seconds: number): Promise<Tally> {
    const tally = new Tally()
    const end = performance.now() + 1000 * seconds
    while (performance.now() < end) {
      for (let free = width - this.#inFlight; free > 0; free--) {
        this.#issue(tally, performance.now())
      }
      await sleep(TICK_MS)
    }
    await this.#answered()
    return tally
  }

  /** Puts every key once, slowly enough that all succeed. */
  async fill(rate: number): Promise<void> {
    await this.run(rate, Math.ceil((2 * this.#keys.length) / rate))
  }

  close(): void {
    for (const connection of this.#connections) connection.close()
  }

  /** Waits for the answers that are still of use. */
  async #answered(): Promise<void> {
    const end = performance.now() + 2 * DEADLINE_MS
    while (this.#inFlight > 0 && performance.now() < end) await sleep(TICK_MS)
  }

  get #inFlight(): number {
    return this.#connections.reduce((sum, { inFlight }) => sum + inFlight, 0)
  }

  #issue(tally: Tally, dueMs: number): void {
    const connection = this.#connections[this.#issued % this.#connections.length] as RawCalls
    // Every connection has gets and puts in turn.
    const isPut = Math.floor(this.#issued / this.#connections.length) % 2 === 0
    this.#issued += 1
    tally.offered += 1
    if (connection.isFull) tally.unsent += 1
    else if (isPut) this.#put(connection, tally, dueMs)
    else this.#get(connection, tally, dueMs)
  }

  #get(connection: RawCalls, tally: Tally, dueMs: number): void {
    const { get } = this.#keys[Math.floor(Math.random() * this.#keys.length)] as Key
    connection.call('get', get, (failure) => count(failure, tally, dueMs))
  }

  #put(connection: RawCalls, tally: Tally, dueMs: number): void {
    const at = this.#freeKey()
    if (at === undefined) {
      tally.unsent += 1
      return
    }
    const key = this.#keys[at] as Key
    key.isBusy = true
    connection.call('put', putOf(key, this.#value), (failure, context) => {
      key.isBusy = false
      if (context !== undefined) key.contexts = [context]
      else if (failure !== undefined && ERROR_KINDS[failure].certainty === 'in-doubt') {
        this.#keys[at] = freshKey()
      }
      count(failure, tally, dueMs)
    })
  }

  /** The next key without a put under way. */
  #freeKey(): number | undefined {
    for (const _ of this.#keys) {
      this.#nextPut = (this.#nextPut + 1) % this.#keys.length
      if (this.#keys[this.#nextPut]?.isBusy === false) return this.#nextPut
    }
    return undefined
  }
}

let keys = 0

function freshKey(): Key {
  keys += 1
  const name = { bucket: BUCKET, key: utf8Bytes(`key-${keys}`) }
  const get = encodeRequest('get', {
    name,
    r: 0,
    deadlineMs: DEADLINE_MS,
    strict: true,
    monotonic: false,
    receipts: [],
  })
  const bytes = get.bytes.slice(0, get.length)
  return { name, get: { ...get, bytes }, contexts: [], isBusy: false }
}

const requestId = randomBytes(16)
let requests = 0

function putOf({ name, contexts }: Key, value: Uint8Array): Body {
  requests += 1
  requestId.writeUInt32BE(requests, 12)
  return encodeRequest('put', {
    name,
    value,
    contexts,
    requestId,
    isRepeat: false,
    strict: false,
    w: 0,
    r: 0,
    deadlineMs: DEADLINE_MS,
    replace: 'given',
  })
}

function count(failure: ErrorCode | undefined, tally: Tally, dueMs: number): void {
  if (failure === undefined) tally.onGood(performance.now() - dueMs)
  else tally.onFailure(failure)
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
