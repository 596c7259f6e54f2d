/**
 * Clients that get and put, and remember exactly what they were shown and promised.
 *
 * Each runs the real client library on a machine of its own, one operation after another, over a
 * few keys, so that they meet: updates, blind writes, writes with an old context or with two,
 * chains that never read, deletes, and writes that replace what their coordinator sees. The few
 * keys move on, so that keys are always being born; and now and then a client tries what must be
 * refused: a context that it was given for another key.
 */
import type { Prng } from '../base/prng.ts'
import { requestLabel, requestIdOf } from '../dynamo/version/object.ts'
import { isOperatingError } from '../base/errors.ts'
import type { Bucket, PutOptions } from '../client/bucket.ts'
import { type Client, connectTo } from '../client/client.ts'
import type { Context } from '../client/context.ts'
import type { Clock } from '../world/clock.ts'
import type { Cluster } from './cluster.ts'
import { type History, idOf, valueOf, type Written } from './history.ts'

export interface WorkloadOptions {
  readonly clients: number
  /** In use at one time. */
  readonly keys: number
  /** After so many writes the oldest of them gives way to a new one. */
  readonly writesPerKey: number
  readonly valueBytesMax: number
  /** Of one operation. */
  readonly timeoutMs: number
  /** Between two operations of one client, at most. */
  readonly thinkMsMax: number
}

/** What a client was told of a key: the values it saw, and the context that covers them. */
interface Shown {
  readonly ids: readonly number[]
  /** The tombstones it was told of are of deletes below this number; 0 where of none. */
  readonly deletesBelow: number
  readonly context: Context
}

const REMEMBERED_MAX = 8
/** Some clients give up soon, and so hear of more failures. */
const HASTE_MS = 200
const CONNECT_MS = 3_600_000

export class Workload {
  readonly #cluster: Cluster
  readonly #history: History
  readonly #options: WorkloadOptions
  readonly #users: User[] = []
  /** Which write a request id is of: how a tombstone on a replica is known. */
  readonly requests: Map<string, Written> = new Map()

  constructor(cluster: Cluster, history: History, options: WorkloadOptions) {
    this.#cluster = cluster
    this.#history = history
    this.#options = options
  }

  /** All that were ever in use. */
  /** A put that was passed on to a second owner has two attempts, whatever its client knows. */
  onPassedOnAgain(request: string): void {
    const write = this.requests.get(request)
    if (write !== undefined) this.#history.markRetried(write.id)
  }

  get keys(): readonly string[] {
    return Array.from({ length: this.#born + this.#options.keys }, (_, i) => `key-${i}`)
  }

  get #born(): number {
    return Math.floor(this.#history.writes.length / this.#options.writesPerKey)
  }

  /** Starts all clients; they go on until `end`. */
  begin(): void {
    for (let i = 0; i < this.#options.clients; i++) {
      const user = new User(this.#cluster, this.#history, this.requests, {
        ...this.#options,
        firstKey: () => this.#born,
        prng: this.#cluster.world.prng(`user:${i}`),
      })
      this.#users.push(user)
      user.begin()
    }
  }

  /** Lets every operation in progress end; false where one does not within `limitMs`. */
  async end(limitMs: number): Promise<boolean> {
    for (const user of this.#users) user.isOver = true
    return this.#cluster.world.runUntil(() => this.#users.every((user) => user.isIdle), limitMs)
  }

  /** Reads every key at all its owners, and so repairs what a read finds behind. */
  async sweep(r: number): Promise<void> {
    const [user] = this.#users
    for (const key of this.keys)
      await this.#cluster.world.complete(
        user?.get(key, r, this.#options.timeoutMs) ?? never(),
        60_000,
      )
  }
}

function never(): Promise<never> {
  return Promise.reject(new Error('a workload has at least one client'))
}

interface UserOptions extends WorkloadOptions {
  readonly firstKey: () => number
  readonly prng: Prng
}

class User {
  readonly #cluster: Cluster
  readonly #clock: Clock
  readonly #history: History
  readonly #requests: Map<string, Written>
  readonly #options: UserOptions
  readonly #prng: Prng
  readonly #client: Promise<Client>
  /** How often it goes on from its own last put, without reading. */
  readonly #chains: number
  readonly #shown = new Map<string, Shown[]>()
  isOver = false
  isIdle = false

  constructor(
    cluster: Cluster,
    history: History,
    requests: Map<string, Written>,
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
  }

  begin(): void {
    void this.#live()
  }

  async #live(): Promise<void> {
    await this.#client
    while (!this.isOver) {
      const { firstKey, keys } = this.#options
      await this.#act(`key-${firstKey() + this.#prng.below(keys)}`)
      await new Promise<void>((resolve) => {
        this.#clock.after(this.#prng.unit() * this.#options.thinkMsMax, resolve)
      })
    }
    this.isIdle = true
  }

  async #act(key: string): Promise<void> {
    const known = this.#shown.get(key) ?? []
    if (this.#prng.chance(this.#chains)) {
      await this.#write(key, false, joined(known.slice(-1)))
      return
    }
    const choice = this.#prng.unit()
    if (choice < 0.14) await this.get(key)
    else if (choice < 0.15) await this.#intrude(key)
    else if (choice < 0.55) await this.#update(key)
    else if (choice < 0.62) await this.#write(key, false, undefined)
    else if (choice < 0.72) await this.#write(key, false, joined(this.#some(known, 1)))
    else if (choice < 0.78) await this.#write(key, false, joined(this.#some(known, 2)))
    else if (choice < 0.86) await this.#write(key, false, joined(known.slice(-1)))
    else if (choice < 0.94) await this.#write(key, true, joined(known.slice(-1)))
    else if (key.endsWith('0')) await this.#write(key, false, 'seen')
    else await this.#update(key)
  }

  #some(known: readonly Shown[], count: number): readonly Shown[] {
    return known.length === 0 ? [] : Array.from({ length: count }, () => this.#prng.pick(known))
  }

  async #update(key: string): Promise<void> {
    const shown = await this.get(key)
    if (shown !== undefined) await this.#write(key, false, joined([shown]))
  }

  /** Reads, remembers and notes; undefined where the read failed. */
  async get(key: string, r?: number, timeout?: number): Promise<Shown | undefined> {
    const startedMs = this.#cluster.world.nowMs
    try {
      const answer = await (await this.#bucket()).get(key, { r, timeout })
      const ids = answer.siblings.map(idOf)
      this.#note(key, startedMs, ids, '')
      const deletesBelow = answer.tombstones > 0 ? this.#history.writes.length : 0
      const shown = { ids, deletesBelow, context: answer.context }
      this.#remember(key, shown)
      return shown
    } catch (error) {
      this.#note(key, startedMs, undefined, codeOf(error))
      return undefined
    }
  }

  #note(key: string, startedMs: number, shown: readonly number[] | undefined, code: string): void {
    this.#history.read({ key, startedMs, endedMs: this.#cluster.world.nowMs, shown, code })
  }

  async #write(key: string, isDelete: boolean, replaces: Replaces): Promise<void> {
    const replacesSeen = replaces === 'seen'
    const given = replaces === 'seen' || replaces === undefined ? NOTHING_SHOWN : replaces
    if (isDelete && given.contexts.length === 0) return
    const startedMs = this.#cluster.world.nowMs
    const { ids: follows, deletesBelow } = given
    const event = { key, isDelete, replacesSeen, follows, deletesBelow, startedMs }
    const id = this.#history.begin(event)
    const requestId = this.#prng.fill(new Uint8Array(16))
    this.#requests.set(requestLabel(requestIdOf(requestId)), { id, isDelete })
    const options: PutOptions = replacesSeen
      ? { replace: 'seen', requestId }
      : { contexts: given.contexts, requestId }
    try {
      const bucket = await this.#bucket()
      const written = isDelete
        ? await bucket.delete(key, options)
        : await bucket.put(key, this.#valueFor(id), options)
      if (written.attempts > 1) this.#history.markRetried(id)
      this.#history.end(id, 'ok', this.#cluster.world.nowMs)
      if (!replacesSeen) {
        const ids = [...follows, id]
        this.#remember(key, { ids, deletesBelow, context: written.context })
      }
    } catch (error) {
      this.#history.markRetried(id)
      const outcome = isOperatingError(error) ? error.certainty : 'in-doubt'
      this.#history.end(id, outcome, this.#cluster.world.nowMs, codeOf(error))
    }
  }

  /** Gives the context of another key: it must be refused, whatever it covers. */
  async #intrude(key: string): Promise<void> {
    const others = [...this.#shown].filter(([other]) => other !== key)
    const [shown] = others.length === 0 ? [] : this.#some(this.#prng.pick(others)[1], 1)
    if (shown === undefined || shown.context.isEmpty) return
    try {
      await (await this.#bucket()).put(key, '', { context: shown.context })
      this.#history.violations.push(`taken: ${key} was put with the context of another key`)
    } catch (error) {
      codeOf(error)
    }
  }

  #valueFor(id: number): string {
    return valueOf(id, this.#prng.between(8, this.#options.valueBytesMax))
  }

  #remember(key: string, shown: Shown): void {
    const known = this.#shown.get(key) ?? []
    known.push(shown)
    if (known.length > REMEMBERED_MAX) known.shift()
    this.#shown.set(key, known)
  }

  async #bucket(): Promise<Bucket<string>> {
    return (await this.#client).bucket()
  }
}

type Replaces =
  | (Omit<Shown, 'context'> & { readonly contexts: readonly Context[] })
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
