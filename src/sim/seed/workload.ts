/**
 * Simulate clients that get and put, and record every operation and its result.
 *
 * Each client runs the real client library on a machine of its own, one operation after another, on
 * a few keys of a few buckets, so that clients conflict: updates, blind writes, writes with an old
 * context or with two, chains without reads, deletes, and writes with `replace: seen`. Keys are
 * replaced by new ones from time to time. Now and then a client passes the context of another key,
 * which must be refused.
 */
import { isOperatingError } from '../../base/errors.ts'
import type { Prng } from '../../base/prng.ts'
import type { Bucket, PutOptions } from '../../client/bucket.ts'
import { type Client, connectTo } from '../../client/client.ts'
import type { SealedContext } from '../../client/sealed-context.ts'
import { requestLabel, requestIdOf } from '../../dynamo/version/request-id.ts'
import type { Clock } from '../../world/clock.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { type History, idOf, valueOf, type KnownWrite } from '../history/history.ts'
import type { Mix } from '../scenario.ts'

export interface WorkloadOptions {
  readonly clients: number
  readonly buckets: readonly string[]
  /** In use at one time. */
  readonly keys: number
  /** After so many writes the oldest of them gives way to a new one. */
  readonly writesPerKey: number
  readonly valueBytesMax: number
  /** Of one operation. */
  readonly timeoutMs: number
  /** Between two operations of one client, at most. */
  readonly thinkMsMax: number
  readonly mix: Mix
}

/** A key, as the history and people name it: `bucket/key`. */
export interface Place {
  readonly bucket: string
  readonly key: string
  readonly label: string
}

/** The result of a get: the values shown, and the context that covers them. */
interface Shown {
  readonly ids: readonly number[]
  /** Its tombstones are of deletes with numbers below this one; 0 if there were none. */
  readonly deletesBelow: number
  readonly context: SealedContext
}

const REMEMBERED_MAX = 8
/** Some clients have a short timeout, so that more of their operations fail. */
const HASTE_MS = 200
const CONNECT_MS = 3_600_000
/** A sweep asks again if a copy is being mended. */
const SWEEP_TRIES = 5
const SWEEP_MS_MAX = 60_000

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
      const own = { ...options, place, firstKey, prng }
      this.#users.push(new User(cluster, history, this.requests, own))
    }
  }

  /** All keys that were ever in use. */
  get places(): readonly Place[] {
    return Array.from({ length: this.#born + this.#options.keys }, (_, i) => this.#placeOf(i))
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
   * Reads keys at as many owners as `r` says, and so repairs what a read finds behind. Returns
   * those that could not be read so.
   */
  async sweep(places: readonly Place[], r: (place: Place) => number): Promise<readonly Place[]> {
    const failed: Place[] = []
    for (const place of places) {
      if (r(place) > 0 && !(await this.#readPatiently(place, r(place)))) failed.push(place)
    }
    return failed
  }

  async #readPatiently(place: Place, r: number): Promise<boolean> {
    const [user] = this.#users
    if (user === undefined) return false
    const options = { r, timeout: this.#options.timeoutMs }
    for (let tries = 1; tries <= SWEEP_TRIES; tries++) {
      const shown = await this.#cluster.world.complete(user.get(place, options), SWEEP_MS_MAX)
      if (shown !== undefined) return true
    }
    return false
  }
}

interface UserOptions extends WorkloadOptions {
  readonly place: (number: number) => Place
  readonly firstKey: () => number
  readonly prng: Prng
}

class User {
  readonly #cluster: Cluster
  readonly #clock: Clock
  readonly #history: History
  readonly #requests: Map<string, KnownWrite>
  readonly #options: UserOptions
  readonly #prng: Prng
  readonly #client: Promise<Client>
  /** How often it goes on from its own last put, without reading. */
  readonly #chains: number
  readonly #acts: readonly Act[]
  readonly #total: number
  readonly #shown = new Map<string, Shown[]>()
  isOver = false
  isIdle = true

  constructor(
    cluster: Cluster,
    history: History,
    requests: Map<string, KnownWrite>,
    options: UserOptions,
  ) {
    this.#cluster = cluster
    this.#history = history
    this.#requests = requests
    this.#options = options
    this.#prng = options.prng
    this.#chains = this.#prng.pick([0, 0, 0.5])
    const patienceMs = this.#prng.pick([options.timeoutMs, options.timeoutMs, HASTE_MS])
    const world = cluster.clientWorld()
    this.#clock = world.clock
    this.#client = connectTo(
      { seeds: cluster.seeds, timeout: patienceMs, connectTimeout: CONNECT_MS },
      world,
    )
    this.#acts = this.#actsOf(options.mix)
    this.#total = this.#acts.reduce((sum, [weight]) => sum + weight, 0)
  }

  begin(operations: number): void {
    this.isOver = false
    this.isIdle = false
    void this.#live(operations)
  }

  async #live(operations: number): Promise<void> {
    await this.#client
    for (let done = 0; done < operations && !this.isOver; done++) {
      const { firstKey, keys, place, thinkMsMax } = this.#options
      await this.#act(place(firstKey() + this.#prng.below(keys)))
      await new Promise<void>((resolve) => {
        this.#clock.after(this.#prng.unit() * thinkMsMax, resolve)
      })
    }
    this.isIdle = true
  }

  async #act(place: Place): Promise<void> {
    if (this.#prng.chance(this.#chains)) {
      await this.#write(place, false, joined(this.#known(place).slice(-1)))
      return
    }
    let left = this.#prng.unit() * this.#total
    for (const [weight, act] of this.#acts) {
      left -= weight
      if (left < 0) {
        await act(place)
        return
      }
    }
  }

  #actsOf(mix: Mix): readonly Act[] {
    const last = (place: Place): Replaces => joined(this.#known(place).slice(-1))
    const old = (place: Place, count: number): Replaces =>
      joined(this.#some(this.#known(place), count))
    return [
      [mix.get, (place) => this.get(place)],
      [mix.update, (place) => this.#update(place)],
      [mix.blind, (place) => this.#write(place, false, undefined)],
      [mix.stale, (place) => this.#write(place, false, old(place, 1))],
      [mix.joined, (place) => this.#write(place, false, old(place, 2))],
      [mix.chained, (place) => this.#write(place, false, last(place))],
      [mix.delete, (place) => this.#write(place, true, last(place))],
      // Only the library knows what it replaced: on few keys, to keep the others checkable.
      [mix.seen, (place) => this.#see(place)],
      [mix.intrude, (place) => this.#intrude(place)],
    ]
  }

  #known(place: Place): readonly Shown[] {
    return this.#shown.get(place.label) ?? []
  }

  #some(known: readonly Shown[], count: number): readonly Shown[] {
    return known.length === 0 ? [] : Array.from({ length: count }, () => this.#prng.pick(known))
  }

  async #update(place: Place): Promise<void> {
    const shown = await this.get(place)
    if (shown !== undefined) await this.#write(place, false, joined([shown]))
  }

  async #see(place: Place): Promise<void> {
    if (place.key.endsWith('0')) await this.#write(place, false, 'seen')
    else await this.#update(place)
  }

  /** Reads, remembers the answer and records the event; undefined where the read failed. */
  async get(
    place: Place,
    options: { readonly r?: number; readonly timeout?: number } = {},
  ): Promise<Shown | undefined> {
    const startedMs = this.#cluster.world.nowMs
    try {
      const answer = await (await this.#bucket(place)).get(place.key, options)
      const ids = answer.siblings.map(idOf)
      this.#record(place, startedMs, ids, '')
      const deletesBelow = answer.tombstones > 0 ? this.#history.writes.length : 0
      const shown = { ids, deletesBelow, context: answer.context }
      this.#remember(place, shown)
      return shown
    } catch (error) {
      this.#record(place, startedMs, undefined, codeOf(error))
      return undefined
    }
  }

  #record(
    { label: key }: Place,
    startedMs: number,
    shown: readonly number[] | undefined,
    code: string,
  ): void {
    this.#history.read({ key, startedMs, endedMs: this.#cluster.world.nowMs, shown, code })
  }

  async #write(place: Place, isDelete: boolean, replaces: Replaces): Promise<void> {
    const replacesSeen = replaces === 'seen'
    const given = replaces === 'seen' || replaces === undefined ? NOTHING_SHOWN : replaces
    if (isDelete && given.contexts.length === 0) return
    const startedMs = this.#cluster.world.nowMs
    const { ids: follows, deletesBelow } = given
    const event = { key: place.label, isDelete, replacesSeen, follows, deletesBelow, startedMs }
    const id = this.#history.begin(event)
    const requestId = this.#prng.fill(new Uint8Array(16))
    this.#requests.set(requestLabel(requestIdOf(requestId)), { id, isDelete })
    const options: PutOptions = replacesSeen
      ? { replace: 'seen', requestId }
      : { contexts: given.contexts, requestId }
    try {
      const bucket = await this.#bucket(place)
      const written = isDelete
        ? await bucket.delete(place.key, options)
        : await bucket.put(place.key, this.#valueFor(id), options)
      if (written.attempts > 1) this.#history.markRetried(id)
      this.#history.end(id, 'ok', this.#cluster.world.nowMs)
      if (!replacesSeen) {
        const ids = [...follows, id]
        this.#remember(place, { ids, deletesBelow, context: written.context })
      }
    } catch (error) {
      this.#history.markRetried(id)
      const outcome = isOperatingError(error) ? error.certainty : 'in-doubt'
      this.#history.end(id, outcome, this.#cluster.world.nowMs, codeOf(error))
    }
  }

  /** Gives the context of another key: it must be refused, whatever it covers. */
  async #intrude(place: Place): Promise<void> {
    const others = [...this.#shown].filter(([label]) => label !== place.label)
    const [shown] = others.length === 0 ? [] : this.#some(this.#prng.pick(others)[1], 1)
    if (shown === undefined || shown.context.isEmpty) return
    try {
      await (await this.#bucket(place)).put(place.key, '', { context: shown.context })
      this.#history.violations.push(`taken: ${place.label} was put with the context of another key`)
    } catch (error) {
      codeOf(error)
    }
  }

  #valueFor(id: number): string {
    return valueOf(id, this.#prng.between(8, this.#options.valueBytesMax))
  }

  #remember({ label }: Place, shown: Shown): void {
    const known = this.#shown.get(label) ?? []
    known.push(shown)
    if (known.length > REMEMBERED_MAX) known.shift()
    this.#shown.set(label, known)
  }

  async #bucket({ bucket }: Place): Promise<Bucket<string>> {
    return (await this.#client).bucket(bucket)
  }
}

/** How often, beside the others, and what is done. */
type Act = readonly [number, (place: Place) => Promise<unknown>]

type Replaces =
  | (Omit<Shown, 'context'> & { readonly contexts: readonly SealedContext[] })
  | 'seen'
  | undefined

const NOTHING_SHOWN = { ids: [], deletesBelow: 0, contexts: [] } as const

function joined(all: readonly Shown[]): Replaces {
  return {
    ids: [...new Set(all.flatMap(({ ids }) => ids))],
    deletesBelow: Math.max(0, ...all.map(({ deletesBelow }) => deletesBelow)),
    contexts: all.map(({ context }) => context),
  }
}

/** Anything but an operating error is a broken belief, and goes on its way. */
function codeOf(error: unknown): string {
  if (isOperatingError(error)) return error.code
  throw error
}
