/**
 * Simulate one client that gets and puts, and record every operation and its result.
 *
 * It runs the real client library on a machine of its own, one operation after another: updates,
 * blind writes, writes with an old context or with two, chains without reads, deletes, writes with
 * `replace: seen` (some through a thin client), and earlier writes once more under their request
 * ids. Now and then it passes the context of another key, which must be refused.
 */
import { isOperatingError } from '../../base/errors.ts'
import type { Prng } from '../../base/prng.ts'
import type { Bucket } from '../../client/bucket.ts'
import type { GetOptions, PutOptions, PutResult } from '../../client/bucket-options.ts'
import { type Client, connectTo } from '../../client/client.ts'
import { CallError } from '../../client/failure.ts'
import type { SealedContext } from '../../client/sealed-context.ts'
import { requestLabel, requestIdOf } from '../../dynamo/version/request-id.ts'
import { FRAME_BODY_BYTES_MAX } from '../../limits.ts'
import type { World } from '../../world/world.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { type History, idOf, valueOf, type KnownWrite } from '../history/history.ts'
import { JudgedSession } from './judged-session.ts'
import { joined, NOTHING_SHOWN, type Replaces, type Shown } from './shown.ts'
import { putThin } from './thin-client.ts'
import type { Place, WorkloadOptions } from './workload-options.ts'

const REMEMBERED_MAX = 8
const REPEATABLE_MAX = 4
/** Some clients have a short timeout, so that more of their operations fail. */
const HASTE_MS = 200
const CONNECT_MS = 3_600_000
/** Before something else is done than what needs a bucket that is not there yet. */
const ABSENT_MS = 20
/** Requests that are for owners alone. */
const STRICT_SHARE = 0.1
/** A value must have room for its number. */
const VALUE_BYTES_MIN = 8
const LONG_VALUE_BYTES: readonly [number, number] = [FRAME_BODY_BYTES_MAX, 4 * FRAME_BODY_BYTES_MAX]
/** A write as it was sent, so that it can be sent again. */
interface Sent {
  readonly id: number
  readonly place: Place
  /** Undefined: a delete. */
  readonly value: string | undefined
  readonly requestId: Uint8Array
  readonly contexts: readonly SealedContext[]
  readonly atMs: number
}

export interface UserOptions extends WorkloadOptions {
  readonly hasSession: boolean
  readonly place: (number: number) => Place
  readonly firstKey: () => number
  readonly prng: Prng
}

export class User {
  readonly #cluster: Cluster
  readonly #world: World
  readonly #patienceMs: number
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
  #session: JudgedSession | undefined
  /** The last writes that may have been taken. */
  readonly #sent: Sent[] = []
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
    this.#patienceMs = this.#prng.pick([options.timeoutMs, options.timeoutMs, HASTE_MS])
    this.#world = cluster.clientWorld()
    this.#client = connectTo(
      { seeds: cluster.seeds, timeout: this.#patienceMs, connectTimeout: CONNECT_MS },
      this.#world,
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
    const client = await this.#client
    const { hasSession } = this.#options
    if (hasSession) this.#session ??= new JudgedSession(client, this.#history, this.#prng)
    for (let done = 0; done < operations && !this.isOver; done++) {
      const { firstKey, keys, place, thinkMsMax } = this.#options
      await this.#act(place(firstKey() + this.#prng.below(keys)))
      await new Promise<void>((resolve) => {
        this.#world.clock.after(this.#prng.unit() * thinkMsMax, resolve)
      })
    }
    this.isIdle = true
  }

  /** Gets of its sessions that had receipts to cover. */
  get judged(): number {
    return this.#session?.judged ?? 0
  }

  async #act(place: Place): Promise<void> {
    if (!this.#cluster.made.isThere(place.bucket)) {
      await new Promise<void>((resolve) => this.#world.clock.after(ABSENT_MS, resolve))
      return
    }
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

  #actsOf(mix: WorkloadOptions['mix']): readonly Act[] {
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
      [mix.delete, (place) => this.#delete(place)],
      // Only the library knows what it replaced: on few keys, to keep the others checkable.
      [mix.seen, (place) => this.#see(place)],
      [mix.repeat, () => this.#repeat()],
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

  /** Deletes a key that few write any more, with all that it has; or what was seen last here. */
  async #delete(place: Place): Promise<void> {
    const { firstKey, keys, place: placeOf } = this.#options
    const left = firstKey()
    if (left > 0 && this.#prng.chance(0.5)) {
      const old = placeOf(this.#prng.between(Math.max(0, left - keys), left - 1))
      const isThere = this.#cluster.made.isThere(old.bucket)
      const shown = isThere ? await this.get(old) : undefined
      if (shown !== undefined && shown.ids.length > 0) {
        await this.#write(old, true, joined([shown]))
        return
      }
    }
    const last = this.#known(place).at(-1) ?? (await this.get(place))
    if (last !== undefined) await this.#write(place, true, joined([last]))
  }

  async #see(place: Place): Promise<void> {
    if (!place.key.endsWith('0')) await this.#update(place)
    else if (this.#prng.chance(0.5)) await this.#write(place, false, 'seen')
    else await this.#putThin(place)
  }

  /** Reads, remembers the answer and records the event; undefined where the read failed. */
  async get(place: Place, asked?: GetOptions): Promise<Shown | undefined> {
    const startedMs = this.#cluster.world.nowMs
    // One owner is enough for a session.
    const strict = this.#prng.chance(STRICT_SHARE)
    const options = asked ?? { strict, ...(this.#sessionOf(place) && { r: 1 }) }
    try {
      const answer = await (await this.#bucket(place)).get(place.key, options)
      const ids = answer.siblings.map(idOf)
      this.#judgeOf(place)?.onGet(place.label, ids, answer)
      this.#record(place, startedMs, ids, '')
      const deletesBelow = answer.tombstones > 0 ? this.#history.writes.length : 0
      const shown = { ids, deletesBelow, context: answer.context }
      this.#remember(place, shown)
      return shown
    } catch (error) {
      const code = codeOf(error)
      // The judge asks again: chaos may have spent what its client tries again by itself.
      const isAskedAgain = asked !== undefined && error instanceof CallError && error.isBudgetSpent
      if (!isAskedAgain) this.#record(place, startedMs, undefined, code)
      return undefined
    }
  }

  /** The keys of a bucket that a scan with this R returns; undefined where it fails. */
  async keys(bucket: string, r: number): Promise<readonly string[] | undefined> {
    const found: string[] = []
    try {
      const name = this.#cluster.made.nameOf(bucket)
      const scan = (await this.#client).bucket(name).keys({ r, timeout: this.#options.timeoutMs })
      for await (const key of scan) found.push(key)
      return found
    } catch (error) {
      codeOf(error)
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
    const requestId = this.#requestIdOf(id)
    this.#requests.set(requestLabel(requestIdOf(requestId)), { id, isDelete })
    const { contexts } = given
    const value = isDelete ? undefined : this.#valueFor(id)
    const sent = { id, place, value, requestId, contexts, atMs: startedMs }
    try {
      const replacing: PutOptions = replacesSeen ? { replace: 'seen' } : { contexts }
      const options = { ...replacing, strict: this.#prng.chance(STRICT_SHARE) }
      const written = await this.#send(sent, { ...options, isRepeat: false })
      if (written.attempts > 1) this.#history.markRetried(id)
      this.#history.end(id, 'ok', this.#cluster.world.nowMs)
      this.#judgeOf(place)?.onPut(place.label, id)
      if (!replacesSeen) this.#onWritten(sent, given, written)
    } catch (error) {
      this.#history.markRetried(id)
      const outcome = isOperatingError(error) ? error.certainty : 'in-doubt'
      this.#history.end(id, outcome, this.#cluster.world.nowMs, codeOf(error))
      if (!replacesSeen && outcome === 'in-doubt') this.#keep(sent)
    }
  }

  async #putThin({ bucket, key, label }: Place): Promise<void> {
    const startedMs = this.#cluster.world.nowMs
    const replacesSeen = { replacesSeen: true, isReadByNode: true, follows: [], deletesBelow: 0 }
    const id = this.#history.begin({ key: label, isDelete: false, startedMs, ...replacesSeen })
    const requestId = this.#requestIdOf(id)
    this.#requests.set(requestLabel(requestIdOf(requestId)), { id, isDelete: false })
    const { clientListen } = this.#cluster.configOf(this.#prng.pick(this.#cluster.machines))
    const name = this.#cluster.made.nameOf(bucket)
    const put = { bucket: name, key, value: this.#valueFor(id), requestId }
    try {
      const written = await putThin(this.#world, clientListen, put, this.#patienceMs)
      if (written.attempts > 1) this.#history.markRetried(id)
      this.#history.end(id, 'ok', this.#cluster.world.nowMs)
    } catch (error) {
      this.#history.markRetried(id)
      const outcome = isOperatingError(error) ? error.certainty : 'in-doubt'
      this.#history.end(id, outcome, this.#cluster.world.nowMs, codeOf(error))
    }
  }

  #onWritten(sent: Sent, given: Exclude<Replaces, 'seen' | undefined>, written: PutResult): void {
    const ids = [...given.ids, sent.id]
    const { deletesBelow } = given
    this.#remember(sent.place, { ids, deletesBelow, context: written.context })
    this.#keep(sent)
  }

  #keep(sent: Sent): void {
    this.#sent.push(sent)
    if (this.#sent.length > REPEATABLE_MAX) this.#sent.shift()
  }

  async #send({ place, value, requestId }: Sent, rest: PutOptions): Promise<PutResult> {
    const bucket = await this.#bucket(place)
    const options = { ...rest, requestId }
    return value === undefined
      ? bucket.delete(place.key, options)
      : bucket.put(place.key, value, options)
  }

  /** Sends an earlier write again, as it was: it may be done twice, and must count once. */
  async #repeat(): Promise<void> {
    const since = this.#cluster.world.nowMs - this.#options.rememberMs / 3
    const sent = this.#sent.length === 0 ? undefined : this.#prng.pick(this.#sent)
    if ((sent?.atMs ?? 0) < since || sent === undefined) return
    this.#history.markRetried(sent.id)
    try {
      await this.#send(sent, { contexts: sent.contexts, isRepeat: true })
      this.#history.acknowledge(sent.id)
      this.#judgeOf(sent.place)?.onPut(sent.place.label, sent.id)
    } catch (error) {
      codeOf(error)
    }
  }

  /** Begins with the time, as those that the client draws. */
  #requestIdOf(id: number): Uint8Array {
    const requestId = this.#prng.fill(new Uint8Array(16))
    const view = new DataView(requestId.buffer)
    view.setBigUint64(0, BigInt(this.#world.clock.wallTime()) << 16n)
    view.setUint32(6, id)
    return requestId
  }

  /**
   * A session's gets fail where a write that it has seen is lost, as one may be that was
   * acknowledged before it was durable.
   */
  #sessionOf({ bucket }: Place): JudgedSession | undefined {
    return this.#cluster.made.intervalW(bucket) === undefined ? this.#session : undefined
  }

  /** A later write may hide what a session has seen, where the last write wins. */
  #judgeOf(place: Place): JudgedSession | undefined {
    return this.#cluster.made.isLastOnly(place.bucket) ? undefined : this.#sessionOf(place)
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
    const { valueBytesMax, longValueChance } = this.#options
    const isLong = longValueChance > 0 && this.#prng.chance(longValueChance)
    const [least, most] = isLong ? LONG_VALUE_BYTES : [VALUE_BYTES_MIN, valueBytesMax]
    return valueOf(id, this.#prng.between(least, most))
  }

  #remember({ label }: Place, shown: Shown): void {
    const known = this.#shown.get(label) ?? []
    known.push(shown)
    if (known.length > REMEMBERED_MAX) known.shift()
    this.#shown.set(label, known)
  }

  async #bucket(place: Place): Promise<Bucket<string>> {
    const client = await this.#client
    const name = this.#cluster.made.nameOf(place.bucket)
    return (this.#sessionOf(place)?.next() ?? client).bucket(name)
  }
}

/** How often, beside the others, and what is done. */
type Act = readonly [number, (place: Place) => Promise<unknown>]

/** Fails with any other error: a broken belief. */
function codeOf(error: unknown): string {
  if (isOperatingError(error)) return error.code
  throw error
}
