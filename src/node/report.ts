/**
 * What the node counts, and the picture of itself that it can give.
 *
 * Counting is on the hot path: plain numbers in one object, read only when somebody asks.
 */
import type { EngineReport } from '../store/engine.ts'

/** Latency classes grow by a quarter of a doubling from 16 µs: the answer is within 19 %. */
const CLASSES = 96
const CLASSES_PER_DOUBLING = 4
const FIRST_CLASS_MS = 0.016

/** Old requests weigh half each time so many were added: quantiles are of the recent ones. */
const HALVED_EVERY = 8_192
const LATE_SHARE = 0.95
const LATE_EVERY = 256

/** How long recent requests took, in classes: bounded memory, whatever their number. */
export class Latencies {
  readonly #counts = new Float64Array(CLASSES)
  #total = 0
  #added = 0
  #lateMs = Number.POSITIVE_INFINITY

  add(ms: number): void {
    const doublings = Math.log2(Math.max(ms, FIRST_CLASS_MS) / FIRST_CLASS_MS)
    const index = Math.min(CLASSES - 1, Math.ceil(doublings * CLASSES_PER_DOUBLING))
    this.#counts[index] = (this.#counts[index] as number) + 1
    this.#total += 1
    this.#added += 1
    if (this.#added % HALVED_EVERY === 0) this.#halve()
    if (this.#added % LATE_EVERY === 0) this.#lateMs = this.quantile(LATE_SHARE)
  }

  /** The 95th percentile of not long ago; infinite while too little is known. */
  get lateMs(): number {
    return this.#lateMs
  }

  /** The upper bound, in milliseconds, of the class in which `share` (0 to 1) of requests end. */
  quantile(share: number): number {
    let left = this.#total * share
    if (left === 0) return 0
    for (let index = 0; index < CLASSES; index++) {
      left -= this.#counts[index] as number
      if (left <= 0) return FIRST_CLASS_MS * 2 ** (index / CLASSES_PER_DOUBLING)
    }
    return FIRST_CLASS_MS * 2 ** (CLASSES / CLASSES_PER_DOUBLING)
  }

  #halve(): void {
    for (let index = 0; index < CLASSES; index++) {
      this.#counts[index] = (this.#counts[index] as number) / 2
    }
    this.#total /= 2
  }
}

/** Reads by how many versions they saw: one, two, three, four or more (Dynamo 6.3). */
const VERSIONS_COUNTED = 4

export class Counters {
  gets = 0
  puts = 0
  scans = 0
  forwards = 0
  hedges = 0
  repairs = 0
  refused = 0
  inDoubt = 0
  expired = 0
  peerReads = 0
  peerWrites = 0
  newStarts = 0
  readonly versionsSeen: number[] = Array.from({ length: VERSIONS_COUNTED }, () => 0)
  readonly getLatencies: Latencies = new Latencies()
  readonly putLatencies: Latencies = new Latencies()

  sawVersions(count: number): void {
    if (count === 0) return
    const index = Math.min(count, VERSIONS_COUNTED) - 1
    this.versionsSeen[index] = (this.versionsSeen[index] as number) + 1
  }
}

export interface Figure {
  readonly name: string
  readonly value: number
}

/** What has a bound, in `limits.ts` or in the configuration, as it is at this moment. */
export interface Gauges {
  readonly clientConnections: number
  readonly peerConnections: number
  /** Calls of clients that wait for an answer. */
  readonly clientCalls: number
  /** The most of any one connection: calls either way, bytes that wait, bytes half received. */
  readonly callsOfConnection: number
  readonly outgoingBytes: number
  readonly incomingBytes: number
  /** Writes that wait for another one, at the key where most do. */
  readonly waitersOfKey: number
  readonly rememberedRequests: number
  readonly unsyncedBytes: number
  /** Of the largest segment. */
  readonly segmentBytes: number
}

/** What a node's disk surely keeps, whatever happens now. */
export interface Durable {
  /** All that was appended up to here. */
  readonly sequence: number
  /** At least so many keys. */
  readonly keys: number
}

/** Everything counted, by names that stay. */
export function figuresOf(counters: Counters, engine: EngineReport, uptimeMs: number): Figure[] {
  const latencies = (kind: string, of: Latencies): Figure[] => [
    { name: `${kind}_ms_p50`, value: of.quantile(0.5) },
    { name: `${kind}_ms_p99`, value: of.quantile(0.99) },
  ]
  return [
    { name: 'uptime_seconds', value: Math.floor(uptimeMs / 1000) },
    { name: 'gets_total', value: counters.gets },
    { name: 'puts_total', value: counters.puts },
    { name: 'scans_total', value: counters.scans },
    { name: 'forwards_total', value: counters.forwards },
    { name: 'hedges_total', value: counters.hedges },
    { name: 'read_repairs_total', value: counters.repairs },
    { name: 'refused_total', value: counters.refused },
    { name: 'in_doubt_total', value: counters.inDoubt },
    { name: 'expired_total', value: counters.expired },
    { name: 'peer_reads_total', value: counters.peerReads },
    { name: 'peer_writes_total', value: counters.peerWrites },
    { name: 'new_starts_total', value: counters.newStarts },
    ...counters.versionsSeen.map((value, i) => ({
      name: `reads_saw_${i + 1}${i + 1 === VERSIONS_COUNTED ? '_or_more' : ''}_versions_total`,
      value,
    })),
    ...latencies('get', counters.getLatencies),
    ...latencies('put', counters.putLatencies),
    { name: 'keys', value: engine.keys },
    { name: 'bytes', value: engine.bytes },
    { name: 'segments', value: engine.segments },
    { name: 'appends_total', value: engine.appends },
    { name: 'syncs_total', value: engine.syncs },
  ]
}
