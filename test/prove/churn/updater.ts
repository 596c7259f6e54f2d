/**
 * One client that updates sets: it gets one of the keys, joins all siblings with one element of its
 * own, and puts that with the get's context, again and again.
 *
 * An update that fails is made again, with a new get and the same element, until it succeeds. So
 * the elements of a client under a key are 1 to the number of its acknowledged updates there; one
 * more may be there, of an update that is under way or in doubt.
 */
import { isOperatingError, type OperatingError } from '../../../src/base/errors.ts'
import type { Prng } from '../../../src/base/prng.ts'
import { type Bucket, CallError, type Client, json } from '../../../src/index.ts'
import { sleep } from '../machine/faults.ts'
import { type Elements, gapsOf, unionOf, withElement } from './elements.ts'

export const KEYS = 10
export const BUCKET = 'sets'
/** An update has so long, all attempts of its get and its put together. */
export const TIMEOUT_MS = 1_000
/** Before an update that failed is made again. */
const AGAIN_MS = 10
/** Between two updates of a client, at most; half of it on average. */
const PAUSE_MS_MAX = 400

export const nameOfKey = (key: number): string => `set-${key}`

/** An update that failed at first: how long it was refused. */
export interface Delay {
  readonly client: number
  readonly key: number
  readonly element: number
  /** Milliseconds since 1970 at the first failure. */
  readonly from: number
  /** From then until it succeeded. */
  readonly ms: number
  /** What each attempt failed with. */
  readonly reasons: readonly string[]
}

/** What clients of one process share, and tell. */
export interface Notes {
  /** By client: how many updates of each key succeeded. */
  readonly acknowledged: Record<string, number[]>
  readonly failures: Record<string, number>
  readonly delays: Delay[]
  updates: number
  longestUpdateMs: number
  /** Gets that R owners answered and that lack an element acknowledged to this process before. */
  staleGets: number
}

/** Delays that are told, the longest of all. */
const DELAYS_MAX = 1_000
/** Reasons that are told of one update. */
const REASONS_MAX = 20

export class Updater {
  readonly #id: number
  readonly #bucket: Bucket<Elements>
  readonly #prng: Prng
  readonly #notes: Notes
  #isStopped = false
  /** The update that fails now. */
  #failing: Delay | undefined

  constructor(id: number, client: Client, prng: Prng, notes: Notes) {
    this.#id = id
    this.#bucket = client.bucket(BUCKET, { codec: json<Elements>() })
    this.#prng = prng
    this.#notes = notes
    notes.acknowledged[id] = Array.from({ length: KEYS }, () => 0)
  }

  /** Lets the update under way be the last. */
  stop(): void {
    this.#isStopped = true
  }

  async run(): Promise<void> {
    while (!this.#isStopped) {
      await sleep(this.#prng.unit() * PAUSE_MS_MAX)
      if (!this.#isStopped) await this.#update(this.#prng.below(KEYS))
    }
  }

  /** Also an update that never succeeds is told, when time is up. */
  giveUp(): void {
    const failing = this.#failing
    if (failing !== undefined) this.#note({ ...failing, ms: Date.now() - failing.from })
  }

  async #update(key: number): Promise<void> {
    const own = this.#notes.acknowledged[this.#id] as number[]
    const element = (own[key] as number) + 1
    const began = performance.now()
    let failedAt: number | undefined
    while (!(await this.#try(key, element))) {
      failedAt ??= performance.now()
      await sleep(AGAIN_MS)
    }
    const now = performance.now()
    own[key] = element
    this.#notes.updates += 1
    this.#notes.longestUpdateMs = Math.max(this.#notes.longestUpdateMs, now - began)
    if (failedAt !== undefined && this.#failing !== undefined) {
      this.#note({ ...this.#failing, ms: now - failedAt })
    }
    this.#failing = undefined
  }

  async #try(key: number, element: number): Promise<boolean> {
    const began = performance.now()
    const name = nameOfKey(key)
    let what: 'get' | 'put' = 'get'
    try {
      const before = this.#acknowledgedOf(key)
      const found = await this.#bucket.get(name, { r: 2, timeout: TIMEOUT_MS })
      const set = unionOf(found.siblings)
      if (found.isComplete && lacks(set, before)) this.#notes.staleGets += 1
      what = 'put'
      const timeout = Math.max(1, began + TIMEOUT_MS - performance.now())
      const { context } = found
      await this.#bucket.put(name, withElement(set, this.#id, element), { context, w: 2, timeout })
      return true
    } catch (error) {
      if (!isOperatingError(error)) throw error
      const after = `after ${Math.round(performance.now() - began)} ms`
      this.#onFailure({ key, element }, error.code, `${what} ${after}: ${reasonOf(error)}`)
      return false
    }
  }

  #acknowledgedOf(key: number): ReadonlyMap<number, number> {
    const all = Object.entries(this.#notes.acknowledged)
    return new Map(all.map(([client, counts]) => [Number(client), counts[key] as number]))
  }

  #onFailure(of: Pick<Delay, 'key' | 'element'>, code: string, reason: string): void {
    const { failures } = this.#notes
    failures[code] = (failures[code] ?? 0) + 1
    const none = { ...of, client: this.#id, from: Date.now(), ms: 0, reasons: [] }
    const failing: Delay = this.#failing ?? none
    this.#failing = { ...failing, reasons: [...failing.reasons, reason].slice(0, REASONS_MAX) }
  }

  #note(delay: Delay): void {
    const { delays } = this.#notes
    delays.push(delay)
    delays.sort((a, b) => b.ms - a.ms)
    delays.splice(DELAYS_MAX)
  }
}

function lacks(set: Elements, counts: ReadonlyMap<number, number>): boolean {
  for (const [client, count] of counts) if (gapsOf(set, client, count).length > 0) return true
  return false
}

/** The code, and what each owner answered, as far as it is known. */
function reasonOf(error: OperatingError): string {
  const { code, details } = error
  const nodes = (details?.nodes ?? []).map(
    (failed) => `${failed.name ?? failed.node} ${failed.code}`,
  )
  const where = error instanceof CallError ? ` by ${error.node}, ${error.attempts} attempts` : ''
  return `${code}${where}${nodes.length === 0 ? '' : ` (${nodes.join(', ')})`}`
}
