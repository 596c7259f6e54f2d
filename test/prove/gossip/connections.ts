/**
 * The connections of all pairs of simulated members: each delivers in order, after some
 * milliseconds. Some are stalled at any time, and deliver nothing until the stall is over; then
 * all that was sent, in order. Packets may be lost too, and are sent again as TCP would.
 */
import type { Prng } from '../../../src/base/prng.ts'

const LATENCY_MS_MIN = 1
const LATENCY_MS_MAX = 5
/** A stall lasts 1 to 19 s. */
const STALL_MS_MIN = 1_000
const STALL_MS_MAX = 19_000
/** A packet that was lost is sent again after so long; after twice as long the next time. */
const AGAIN_MS = 200
const AGAIN_MS_MAX = 10_000
/** Between two messages of one connection, so that they stay in order. */
const STEP_MS = 0.001

export interface Faults {
  /** Of the connections, at any time. */
  readonly stalledShare?: number
  /** Of the packets. */
  readonly lostShare?: number
}

export class Connections {
  readonly #prng: Prng
  readonly #count: number
  readonly #stalledShare: number
  readonly #lostShare: number
  /** By sender and receiver, when the last message arrives. */
  readonly #lastAt: Float64Array
  /** By pair: the end of the present stall or of the time without one. */
  readonly #until: Float64Array
  readonly #isStalled: Uint8Array

  constructor(count: number, { stalledShare = 0, lostShare = 0 }: Faults, prng: Prng) {
    this.#prng = prng
    this.#count = count
    this.#stalledShare = stalledShare
    this.#lostShare = lostShare
    this.#lastAt = new Float64Array(count * count)
    const pairs = stalledShare > 0 ? count * count : 0
    this.#until = new Float64Array(pairs)
    this.#isStalled = new Uint8Array(pairs)
    for (let pair = 0; pair < pairs; pair++) {
      this.#isStalled[pair] = prng.chance(stalledShare) ? 1 : 0
      this.#until[pair] = this.#drawMs(pair) * prng.unit()
    }
  }

  /** When a message that is sent now arrives. */
  arrival(from: number, to: number, now: number): number {
    let latency = LATENCY_MS_MIN + (LATENCY_MS_MAX - LATENCY_MS_MIN) * this.#prng.unit()
    if (this.#lostShare > 0) latency += this.#lostMs()
    const way = from * this.#count + to
    const last = this.#lastAt[way] as number
    const at = Math.max(this.#afterStall(from, to, now + latency), last + STEP_MS)
    this.#lastAt[way] = at
    return at
  }

  /** How long the packet of a message is lost, time after time. */
  #lostMs(): number {
    let sum = 0
    for (
      let ms = AGAIN_MS;
      this.#prng.chance(this.#lostShare);
      ms = Math.min(2 * ms, AGAIN_MS_MAX)
    ) {
      sum += ms
    }
    return sum
  }

  #afterStall(from: number, to: number, at: number): number {
    if (this.#stalledShare === 0) return at
    const pair = Math.min(from, to) * this.#count + Math.max(from, to)
    while ((this.#until[pair] as number) <= at) {
      this.#isStalled[pair] = 1 - (this.#isStalled[pair] as number)
      this.#until[pair] = (this.#until[pair] as number) + this.#drawMs(pair)
    }
    return this.#isStalled[pair] === 1 ? (this.#until[pair] as number) : at
  }

  /** How long the present state of the pair lasts: the shares hold on average. */
  #drawMs(pair: number): number {
    const ms = STALL_MS_MIN + (STALL_MS_MAX - STALL_MS_MIN) * this.#prng.unit()
    if (this.#isStalled[pair] === 1) return ms
    return (ms * (1 - this.#stalledShare)) / this.#stalledShare
  }
}
