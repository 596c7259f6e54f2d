/**
 * The clients of a simulated cluster: on a few keys of a few buckets, so that they conflict. Keys
 * are replaced by new ones from time to time. What one client does is in `user.ts`.
 */
import type { Cluster } from '../cluster/cluster.ts'
import type { History, KnownWrite } from '../history/history.ts'
import { User } from './user.ts'
import type { Place, WorkloadOptions } from './workload-options.ts'

/** A read is tried again if a copy is being mended. */
const READ_TRIES = 5
const READ_MS_MAX = 60_000

type Keys = ReadonlySet<string>

export class Workload {
  readonly #cluster: Cluster
  readonly #history: History
  readonly #options: WorkloadOptions
  readonly #users: User[] = []
  /** Which write a request id is of: how a tombstone on a replica is known. */
  readonly requests: Map<string, KnownWrite> = new Map()

  constructor(cluster: Cluster, history: History, options: WorkloadOptions) {
    this.#cluster = cluster
    this.#history = history
    this.#options = options
    for (let i = 0; i < options.clients; i++) {
      const prng = cluster.world.prng(`user:${i}`)
      const place = (number: number): Place => this.#placeOf(number)
      const firstKey = (): number => this.#born
      const hasSession = i > 0 && i <= options.sessions
      const own = { ...options, place, firstKey, prng, hasSession }
      this.#users.push(new User(cluster, history, this.requests, own))
    }
  }

  /** All keys that were ever in use. */
  get places(): readonly Place[] {
    const all = Array.from({ length: this.#born + this.#options.keys }, (_, i) => this.#placeOf(i))
    return all.filter(({ bucket }) => this.#cluster.made.isThere(bucket))
  }

  /** Gets of sessions that had receipts to cover. */
  get judged(): number {
    return this.#users.reduce((sum, user) => sum + user.judged, 0)
  }

  get #born(): number {
    return Math.floor(this.#history.writes.length / this.#options.writesPerKey)
  }

  #placeOf(number: number): Place {
    const { buckets } = this.#options
    const bucket = buckets[number % buckets.length] as string
    return { bucket, key: `key-${number}`, label: `${bucket}/key-${number}` }
  }

  /** All clients go on from here; until `end`, or until each has done `operations`. */
  begin(operations: number = Number.POSITIVE_INFINITY): void {
    for (const user of this.#users) user.begin(operations)
  }

  /** Lets every operation in progress end; false where one does not within `limitMs`. */
  async end(limitMs: number): Promise<boolean> {
    for (const user of this.#users) user.isOver = true
    return this.idle(limitMs)
  }

  /** True when every client has done all its operations within `limitMs`. */
  idle(limitMs: number): Promise<boolean> {
    return this.#cluster.world.runUntil(() => this.#users.every((user) => user.isIdle), limitMs)
  }

  /**
   * Reads keys at as many owners as `r` says. Returns those that could not be read so.
   */
  async readAt(places: readonly Place[], r: (place: Place) => number): Promise<readonly Place[]> {
    const failed: Place[] = []
    for (const place of places) {
      if (r(place) > 0 && !(await this.#readPatiently(place, r(place)))) failed.push(place)
    }
    return failed
  }

  /** The keys of each bucket, as `bucket/key`; of one that cannot be scanned undefined. */
  async scan(r: (bucket: string) => number): Promise<ReadonlyMap<string, Keys | undefined>> {
    const scanned = new Map<string, Keys | undefined>()
    for (const bucket of this.#options.buckets) {
      if (!this.#cluster.made.isThere(bucket)) continue
      const keys = await this.#patiently((user) => user.keys(bucket, r(bucket)))
      scanned.set(bucket, keys && new Set(keys.map((key) => `${bucket}/${key}`)))
    }
    return scanned
  }

  async #readPatiently(place: Place, r: number): Promise<boolean> {
    const options = { r, strict: true, timeout: this.#options.timeoutMs }
    return (await this.#patiently((user) => user.get(place, options))) !== undefined
  }

  async #patiently<T>(ask: (user: User) => Promise<T | undefined>): Promise<T | undefined> {
    const [user] = this.#users
    if (user === undefined) return undefined
    for (let tries = 1; tries <= READ_TRIES; tries++) {
      const answer = await this.#cluster.world.complete(ask(user), READ_MS_MAX)
      if (answer !== undefined) return answer
    }
    return undefined
  }
}
