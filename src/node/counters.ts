/**
 * Counts what a node does, and how long requests take.
 *
 * Counting is on the hot path: plain numbers in one object, read only when a report is asked for.
 */
import type { OperatingError } from '../base/errors.ts'
import { Foreground } from './foreground.ts'
import { LatencyClasses } from './latency-classes.ts'

/** After so many additions all counts are halved: quantiles are of recent requests. */
const HALVED_EVERY = 8_192
const LATE_SHARE = 0.95
const LATE_EVERY = 256

/** How long recent requests took. */
export class Latencies {
  readonly #classes = new LatencyClasses()
  #added = 0
  #lateMs = Number.POSITIVE_INFINITY

  add(ms: number): void {
    this.#classes.add(ms)
    this.#added += 1
    if (this.#added % HALVED_EVERY === 0) this.#classes.halve()
    if (this.#added % LATE_EVERY === 0) this.#lateMs = this.quantile(LATE_SHARE)
  }

  /** The 95th percentile of not long ago; infinite while too little is known. */
  get lateMs(): number {
    return this.#lateMs
  }

  /** Whether so many were added that a quantile says something. */
  get isKnown(): boolean {
    return Number.isFinite(this.#lateMs)
  }

  /** The upper bound, in milliseconds, of the class in which `share` (0 to 1) of requests end. */
  quantile(share: number): number {
    return this.#classes.quantile(share)
  }
}

/** Reads by how many versions they saw: one, two, three, four or more (Dynamo 6.3). */
export const VERSIONS_COUNTED = 4

export class Counters {
  gets = 0
  /** Fallbacks asked to keep a hint; hints that others asked this node to keep. */
  hintsGiven = 0
  hintsTaken = 0
  hintsDelivered = 0
  /** Hints of this member that others kept, and brought. */
  hintsReceived = 0
  puts = 0
  /** Of `puts`: first attempts that a client sent to this node. */
  firstPuts = 0
  scans = 0
  forwards = 0
  hedges = 0
  /** Gets that were late and for which the budget of hedges had none left. */
  hedgesWithheld = 0
  repairs = 0
  refused = 0
  inDoubt = 0
  expired = 0
  /** Calls refused as `overloaded`, by what was met. */
  overloadedLoop = 0
  overloadedPeersLoop = 0
  overloadedCalls = 0
  overloadedBytes = 0
  peerReads = 0
  peerWrites = 0
  newStarts = 0
  /** Times that a member said what cannot be. */
  peerLies = 0
  /** Members that this node probed, and bytes of its messages about who is here. */
  probes = 0
  gossipBytes = 0
  /** Exchanges with another owner; leaves that differed; copies here that became newer by that. */
  exchanges = 0
  leavesDiffered = 0
  keysRepaired = 0
  /** Bulk transfers: bytes of records given and taken, copies that came by them. */
  transferGivenBytes = 0
  transferTakenBytes = 0
  transferredCopies = 0
  /** Writes that lost to a later one unseen, where the last write wins. */
  losers = 0
  /** Rotten stretches of other members' logs that they passed over. */
  transferRotten = 0
  /** Deleted keys that went for good, and contexts that became shorter, by a floor. */
  keysReaped = 0
  contextsStripped = 0
  readonly versionsSeen: number[] = Array.from({ length: VERSIONS_COUNTED }, () => 0)
  readonly getLatencies: Latencies = new Latencies()
  readonly putLatencies: Latencies = new Latencies()
  readonly foreground: Foreground = new Foreground()
  /** How late the event loop was, measured while calls come. */
  readonly loopDelays: Latencies = new Latencies()

  /** A get or put begins; or another request, which has no latencies. */
  onBegun(latencies: Latencies | undefined): void {
    if (latencies !== undefined) this.foreground.onBegun()
  }

  onEnded(latencies: Latencies | undefined, tookMs: number): void {
    if (latencies === undefined) return
    latencies.add(tookMs)
    this.foreground.onEnded(tookMs)
  }

  countFailure(failure: OperatingError): void {
    if (failure.certainty === 'in-doubt') this.inDoubt += 1
    else this.refused += 1
  }

  sawVersions(count: number): void {
    if (count === 0) return
    const index = Math.min(count, VERSIONS_COUNTED) - 1
    this.versionsSeen[index] = (this.versionsSeen[index] as number) + 1
  }
}
