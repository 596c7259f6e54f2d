/**
 * Maps each key to the place of its newest record.
 *
 * The key directory (native) knows tokens, not keys; only the record names its key. So replacing a
 * key's entry means looking at the record it points to. That record is nearly always in memory
 * (the client that puts a key has just read it), and the entry is replaced within the append. If
 * only the disk has it, the append does not wait: the new place is added beside the old one, reads
 * choose the record with the highest sequence, and a read in the background removes the stale
 * entry ("pruning").
 *
 * An erasure removes the key's entry. If a stale entry may be left, the erasure's own place is
 * added and wins by its sequence; pruning removes both.
 *
 * Invariants:
 *   - Of the entries of a token that belong to one key, the one with the highest sequence is right.
 *   - An entry whose record has a rotten header is replaced by the next write to any key of its
 *     token.
 */
import { u64 } from '../../base/u64.ts'
import { assert } from '../../base/assert.ts'
import type { KeyName } from '../../dynamo/names.ts'
import type { Token } from '../../native/digest.ts'
import { KeyDirectory } from '../../native/key-directory.ts'
import type { MaybePromise } from '../../base/deliver.ts'
import { RecordKind } from './record-kinds.ts'
import type { Reading, RecordReader } from './record-reader.ts'

/** Keys that wait to be pruned; at this many the store is overloaded. */
const STALE_MAX = 65_536
const PRUNING_MAX = 16
/** Each new look-up means that a segment was removed during the one before. */
const LOOKUPS_MAX = 64

export interface Place {
  readonly segment: number
  readonly offset: number
}

/** One entry of a token, and the record that it points to. */
export interface PlacedReading {
  readonly place: Place
  readonly reading: Reading
}

/** A write whose older records, known to the disk alone, may still have entries. */
interface StaleKey {
  readonly token: Token
  readonly name: KeyName
  /** The write. */
  readonly place: Place
  readonly sequence: number
  readonly isErasure: boolean
}

export class KeyIndex {
  readonly directory: KeyDirectory = new KeyDirectory()
  readonly #reader: RecordReader
  #found = new Uint32Array(16)
  readonly #stale: StaleKey[] = []
  #pruning = 0
  #onPruned: (() => void) | undefined

  constructor(reader: RecordReader) {
    this.#reader = reader
  }

  get size(): number {
    return this.directory.size
  }

  /** At most so many entries of the directory stand beside another one of the same key. */
  get surplusMax(): number {
    // An old place, and an erasure's own.
    return 2 * (this.#stale.length + this.#pruning)
  }

  /** True while no append may add to the keys that wait to be pruned. */
  get isBehind(): boolean {
    return this.#stale.length >= STALE_MAX
  }

  /**
   * The newest record of the key, or undefined if there is none. May be rotten or unreadable, or
   * `long` if it has more than `bytesMax`.
   */
  newest(
    token: Token,
    name: KeyName,
    isHeadOnly: boolean,
    bytesMax?: number,
  ): MaybePromise<Reading | undefined> {
    const count = this.#find(token)
    if (count === 0) return undefined
    if (count > 1) return this.#newestOf(token, name, isHeadOnly, bytesMax)
    const segment = this.#found[0] as number
    const offset = this.#found[1] as number
    const reading = this.#reader.read({ segment, offset, name, isHeadOnly, bytesMax })
    const presentNow = (read: Reading): MaybePromise<Reading | undefined> =>
      read.verdict === 'gone' ? this.#newestOf(token, name, isHeadOnly, bytesMax) : presentOf(read)
    return reading instanceof Promise ? reading.then(presentNow) : presentNow(reading)
  }

  /** All places of the token, in no particular order. */
  places(token: Token): readonly Place[] {
    const count = this.#find(token)
    const places: Place[] = []
    for (let i = 0; i < count; i++) {
      places.push({
        segment: this.#found[2 * i] as number,
        offset: this.#found[2 * i + 1] as number,
      })
    }
    return places
  }

  /**
   * Reads the records of all places of the token, one after another. If a segment is removed
   * meanwhile, looks the token up again: its records have then been moved.
   */
  async readings(
    token: Token,
    name: KeyName | undefined,
    isHeadOnly: boolean,
    bytesMax?: number,
  ): Promise<readonly PlacedReading[]> {
    for (let lookups = 0; lookups < LOOKUPS_MAX; lookups++) {
      const readings: PlacedReading[] = []
      let isGone = false
      for (const place of this.places(token)) {
        const reading = await this.#reader.read({ ...place, name, isHeadOnly, bytesMax })
        isGone = reading.verdict === 'gone'
        if (isGone) break
        readings.push({ place, reading })
      }
      if (!isGone) return readings
    }
    assert(false, 'the key index names open segments')
  }

  /** Points the key at its newest record; or nowhere, if that is an erasure. */
  put(token: Token, name: KeyName, place: Place, sequence: number, isErasure: boolean): void {
    const { hi, lo } = token
    const { segment, offset } = place
    const count = this.#find(token)
    let isPlaced = false
    let isUnsure = false
    for (let i = 0; i < count; i++) {
      const oldSegment = this.#found[2 * i] as number
      const oldOffset = this.#found[2 * i + 1] as number
      const isOf = this.#reader.isOfNow(oldSegment, oldOffset, name)
      if (isOf === undefined) isUnsure = true
      if (isOf !== true) continue
      if (isErasure || isPlaced) this.directory.remove(hi, lo, oldSegment, oldOffset)
      else this.directory.replace(hi, lo, oldSegment, oldOffset, segment, offset)
      isPlaced = true
    }
    const isInserted = isErasure ? isUnsure : !isPlaced
    if (isInserted) this.directory.insert(hi, lo, segment, offset)
    if (!isUnsure) return
    const copied = { bucket: name.bucket.slice(), key: name.key.slice() }
    this.#stale.push({ token: u64(hi, lo), name: copied, place, sequence, isErasure })
    if (this.#pruning < PRUNING_MAX) void this.#prune()
  }

  /** Resolves when no stale entry is left. */
  async pruned(): Promise<void> {
    while (this.#pruning > 0) {
      await new Promise<void>((resolve) => {
        this.#onPruned = resolve
      })
    }
  }

  #find(token: Token): number {
    for (;;) {
      const count = this.directory.find(token.hi, token.lo, this.#found)
      if (2 * count < this.#found.length) return count
      this.#found = new Uint32Array(2 * this.#found.length)
    }
  }

  async #newestOf(
    token: Token,
    name: KeyName,
    isHeadOnly: boolean,
    bytesMax: number | undefined,
  ): Promise<Reading | undefined> {
    let newest: Reading | undefined
    for (const { reading } of await this.readings(token, name, isHeadOnly, bytesMax)) {
      if (isKeyUnknown(reading)) return reading
      if (!reading.isAsked) continue
      if (newest === undefined || reading.sequence > newest.sequence) newest = reading
    }
    return newest === undefined ? undefined : presentOf(newest)
  }

  async #prune(): Promise<void> {
    this.#pruning += 1
    for (let stale = this.#stale.shift(); stale !== undefined; stale = this.#stale.shift()) {
      const { token } = stale
      for (const { place, reading } of await this.readings(token, stale.name, true)) {
        if (!isReplacedBy(stale, place, reading)) continue
        this.directory.remove(token.hi, token.lo, place.segment, place.offset)
      }
    }
    this.#pruning -= 1
    if (this.#pruning === 0) this.#onPruned?.()
  }
}

/** Whether the record's entry is to go, because of the later write (or of the erasure itself). */
function isReplacedBy(write: StaleKey, place: Place, reading: Reading): boolean {
  if (isKeyUnknown(reading)) return isBefore(place, write.place)
  if (!reading.isAsked) return false
  return write.isErasure ? reading.sequence <= write.sequence : reading.sequence < write.sequence
}

function isBefore(a: Place, b: Place): boolean {
  return a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset)
}

/** The record may be of any key of its token. */
function isKeyUnknown({ verdict }: Reading): boolean {
  return verdict === 'rotten-head' || verdict === 'unreadable'
}

/** The reading if it answers for the key: undefined for another key's record and for erasures. */
function presentOf(reading: Reading): Reading | undefined {
  if (isKeyUnknown(reading)) return reading
  return reading.isAsked && reading.kind !== RecordKind.erasure ? reading : undefined
}
