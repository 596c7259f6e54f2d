/**
 * The hints that this member keeps for others: how much room they have, what is on its way home,
 * and the removal of what has arrived.
 *
 * A hint is a copy in the place of the member that it is for (`replica.ts` writes it like any
 * other). Here is what hints have beside that: a bound in bytes, pages of them in token order for
 * the courier, and deliveries. A write that would pass the bound is refused as `hints-full`, and
 * its coordinator asks the next fallback; deliveries and removals go on meanwhile.
 */
import { assert } from '../../base/assert.ts'
import type { MaybePromise } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import { RecentSum } from '../../base/recent-sum.ts'
import { type CopyId, isOwn, OWN, type Place } from '../../dynamo/names.ts'
import { Delivery } from '../../dynamo/handoff/delivery.ts'
import { joined } from '../../dynamo/repair/late.ts'
import { decodeObject, decodeOutline, outlineOf } from '../../dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import { FIRST_TOKEN, LAST_TOKEN } from '../../dynamo/ring/partition.ts'
import { SCAN_PAGE_BYTES_MAX, SCAN_PAGE_KEYS_MAX } from '../../limits.ts'
import type { Digest, Token } from '../../native/digest.ts'
import type { Engine, PlaceReport, ScanPage, ScanQuery, Stored } from '../../store/engine.ts'
import type { Clock } from '../../world/clock.ts'
import type { OutlinedCopy } from '../requests.ts'
import { mapKeyOf } from './key-steps.ts'
import { isRot } from './rot.ts'

/** A hint whose delivery has begun. */
export interface HintToDeliver {
  readonly copy: CopyId
  /** Encoded. */
  readonly object: Uint8Array
  readonly delivery: Delivery
}

/** Hints of one page. */
export interface HintsPage {
  readonly hints: readonly HintToDeliver[]
  /** Where to go on; undefined when the last hint was reached. */
  readonly next: Token | undefined
}

/** What is kept for one member. */
export interface HintsReport {
  readonly keys: number
  readonly bytes: number
  /** For so long there have been some without a break, since the node's start at most. */
  readonly keptMs: number
  /** Keys that were delivered, and bytes that were taken, in the last 10 s. */
  readonly deliveredPerSecond: number
  readonly takenBytesPerSecond: number
}

type ReadCopy = (copy: CopyId) => MaybePromise<Stored | undefined>

interface KeptCopy {
  readonly place: Place
  /** Encoded. */
  readonly object: Uint8Array
  readonly digest: Digest
}

/** What the engine does not know of the hints for a member. */
interface Pace {
  since: number
  readonly delivered: RecentSum
  readonly takenBytes: RecentSum
}

const RATE_SECONDS = 10
/** Of the space for hints: from here on a warning. */
const WARNED_SHARE = 0.9

export class Hints {
  readonly #engine: Engine
  readonly #clock: Clock
  readonly #bytesMax: number
  /** Of members that had hints since the node's start. */
  readonly #paces = new Map<Place, Pace>()
  readonly #deliveries = new Map<string, Delivery>()
  /** Members whose hints are being read; whether one for the member accepts something meanwhile. */
  readonly #reading = new Map<Place, Delivery>()
  #isClosed = false

  constructor(engine: Engine, clock: Clock, bytesMax: number) {
    this.#engine = engine
    this.#clock = clock
    this.#bytesMax = bytesMax
    for (const { place } of this.places) this.#paceOf(place)
  }

  get bytesMax(): number {
    return this.#bytesMax
  }

  /** Members with hints here, how many, and their bytes. */
  get places(): readonly PlaceReport[] {
    return this.#engine.places().filter(({ place }) => place !== OWN)
  }

  /** That there is little room left, in a sentence for the operator. */
  warnings(): readonly string[] {
    const taken = bytesOf(this.places)
    if (taken === 0 || taken < WARNED_SHARE * this.#bytesMax) return []
    const percent = Math.floor((100 * taken) / this.#bytesMax)
    return [
      `the space for hints is ${percent} % full (hint-bytes ${this.#bytesMax}): bring members ` +
        'back, or raise hint-bytes; see everwrite hints',
    ]
  }

  /** All that is kept of a key, the own copy too; undefined where that is nothing. */
  async mergedAt(copy: CopyId, read: ReadCopy): Promise<VersionedObject | undefined> {
    let whole: VersionedObject | undefined
    for (const found of await this.#copiesAt(copy, read)) {
      const object = decodeObject(found.object)
      if (object !== undefined) whole = joined(copy.bucketId.policy, whole, object)
    }
    return whole
  }

  /** The outlines of all that is kept of a key. */
  async outlinesAt(copy: CopyId, read: ReadCopy): Promise<readonly OutlinedCopy[]> {
    const copies = await this.#copiesAt(copy, read)
    return copies.map(({ place, object, digest }) => {
      const outline = outlineOf(object)
      assert(outline !== undefined, 'a sound record has an object')
      return { place, outline, digest }
    })
  }

  /** In all places, the own one first. */
  async #copiesAt(copy: CopyId, read: ReadCopy): Promise<readonly KeptCopy[]> {
    const copies: KeptCopy[] = []
    for (const place of [OWN, ...this.places.map((one) => one.place)]) {
      const found = await read({ ...copy, place })
      if (found !== undefined) copies.push({ place, object: found.object, digest: found.digest })
    }
    return copies
  }

  /** Hints whose delivery has begun and not ended. */
  get underWay(): number {
    return this.#deliveries.size
  }

  /** What is kept for each member, how fast it comes and goes. */
  reports(): readonly (HintsReport & { readonly place: Place })[] {
    const now = this.#clock.now()
    return this.places.map(({ place, keys, bytes }) => {
      const { since, delivered, takenBytes } = this.#paceOf(place)
      return {
        place,
        keys,
        bytes,
        keptMs: now - since,
        deliveredPerSecond: delivered.sum(now) / RATE_SECONDS,
        takenBytesPerSecond: takenBytes.sum(now) / RATE_SECONDS,
      }
    })
  }

  onDelivered(place: Place): void {
    this.#paceOf(place).delivered.add(1, this.#clock.now())
  }

  #paceOf(place: Place): Pace {
    const known = this.#paces.get(place)
    if (known !== undefined) return known
    const pace = {
      since: this.#clock.now(),
      delivered: new RecentSum(),
      takenBytes: new RecentSum(),
    }
    this.#paces.set(place, pace)
    return pace
  }

  /** None is taken from now on: this member is about to go for good, and they would go with it. */
  close(): void {
    this.#isClosed = true
  }

  /**
   * Fails with `hints-full` where the hints have no room for so many bytes more, and with
   * `node-stopping` after `close`.
   */
  admit(copy: CopyId, bytes: number): void {
    if (isOwn(copy)) return
    if (this.#isClosed) {
      throw new OperatingError('node-stopping', 'this node leaves the cluster; ask another')
    }
    const { places } = this
    if (bytesOf(places) + bytes <= this.#bytesMax) {
      const now = this.#clock.now()
      const pace = this.#paceOf(copy.place)
      if (places.every(({ place }) => place !== copy.place)) pace.since = now
      pace.takenBytes.add(Math.max(0, bytes), now)
      return
    }
    const limit = { name: 'hint-bytes', value: this.#bytesMax }
    const sentence = 'the space for hints of this node is full: ask the next member'
    throw new OperatingError('hints-full', sentence, { details: { limit } })
  }

  /** A copy takes a write, or sees that it has it. */
  onAccepted(copy: CopyId): void {
    if (isOwn(copy)) return
    this.#reading.get(copy.place)?.onAccepted()
    if (this.#deliveries.size > 0) this.#deliveries.get(mapKeyOf(copy))?.onAccepted()
  }

  /**
   * Reads the hints for a member from a token on, at most `keysMax` keys of `bytesMax` bytes, and
   * begins their delivery. Undefined where one had rotted and the place has accepted more since,
   * which may have replaced it. Fails with `record-rotten`, or as the disk does.
   */
  async page(
    place: Place,
    from: Token | undefined,
    { keysMax, bytesMax }: { readonly keysMax: number; readonly bytesMax: number },
  ): Promise<HintsPage | undefined> {
    const query = { place, from: from ?? FIRST_TOKEN, to: LAST_TOKEN, keysMax, bytesMax }
    const reading = new Delivery()
    this.#reading.set(place, reading)
    try {
      const { entries, next } = await this.#engine.scan(query)
      const hints = entries.map(({ bucketId, token, name, object }) => {
        const copy = { place, bucketId, token, name }
        const delivery = this.begin(copy)
        // It may have been read before that.
        if (!reading.mayGo) delivery.onAccepted()
        return { copy, object, delivery }
      })
      return { hints, next }
    } catch (error) {
      if (isRot(error) && !reading.mayGo) return undefined
      throw error
    } finally {
      this.#reading.delete(place)
    }
  }

  /** Whether `isSo` is true of the outline of a hint for the member, or one has rotted. */
  async some(place: Place, isSo: (hint: VersionedObject) => boolean): Promise<boolean> {
    const bounds = { keysMax: SCAN_PAGE_KEYS_MAX, bytesMax: SCAN_PAGE_BYTES_MAX }
    let from: Token | undefined = FIRST_TOKEN
    while (from !== undefined) {
      const query: ScanQuery = { place, from, to: LAST_TOKEN, ...bounds }
      const page: ScanPage | undefined = await this.#engine.prefixes(query).catch(() => undefined)
      if (page === undefined) return true
      for (const { object } of page.entries) {
        const hint = decodeOutline(object)
        if (hint === undefined || isSo(hint)) return true
      }
      from = page.next
    }
    return false
  }

  /** Drops what rot has made unreadable, names included: the hints for a member at one token. */
  dropAt(place: Place, token: Token): void {
    const drop = { kind: 'drop', place, from: token, to: token } as const
    this.#engine.append([drop], { mayUseReserve: true })
  }

  /** Begins a delivery of this hint: what it accepts from now on is noticed. */
  begin(copy: CopyId): Delivery {
    const delivery = new Delivery()
    this.#deliveries.set(mapKeyOf(copy), delivery)
    return delivery
  }

  end(copy: CopyId): void {
    this.#deliveries.delete(mapKeyOf(copy))
  }
}

function bytesOf(places: readonly PlaceReport[]): number {
  return places.reduce((sum, { bytes }) => sum + bytes, 0)
}
