/**
 * Maps each key to the place of its newest record.
 *
 * The key directory (native) knows tokens, not keys; only the record names its key. So replacing a
 * key's entry means looking at the record it points to. That record is nearly always in memory
 * (the client that puts a key has just read it), and the entry is replaced within the append. If
 * only the disk has it, the append does not wait: the new place is added beside the old one, reads
 * choose the record with the highest sequence, and a read in the background removes the stale
 * entry ("pruning"). An entry also has a byte of its bucket (`place.ts`).
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
import { DIRECTORY_WORDS, KeyDirectory } from '../../native/key-directory.ts'
import type { MaybePromise } from '../../base/deliver.ts'
import { offsetWord, type Place, placeOf, segmentWord, tagOf } from './place.ts'
import { RecordKind } from './record-kinds.ts'
import { HEADER_ALONE, type Reading, type RecordReader } from './record-reader.ts'

/** Keys that wait to be pruned; at this many the store is overloaded. */
const STALE_MAX = 65_536
const PRUNING_MAX = 16
/** Each new look-up means that a segment was removed during the one before. */
const LOOKUPS_MAX = 64

export interface Indexed {
  readonly token: Token
  readonly place: Place
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
  readonly #directory: KeyDirectory = new KeyDirectory()
  readonly #reader: RecordReader
  #found = new Uint32Array(16)
  readonly #stale: StaleKey[] = []
  #pruning = 0
  #onPruned: (() => void) | undefined

  constructor(reader: RecordReader) {
    this.#reader = reader
  }

  get size(): number {
    return this.#directory.size
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
   * The newest record of the key, or undefined if there is none. May be rotten or unreadable; of an
   * object with more than `objectBytesMax` it has the prefix alone.
   */
  newest(token: Token, name: KeyName, objectBytesMax: number): MaybePromise<Reading | undefined> {
    const count = this.#find(token)
    if (count === 0) return undefined
    if (count > 1) return this.#newestOf(token, name, objectBytesMax)
    const { segment, offset } = this.#placeAt(0)
    const reading = this.#reader.read({ segment, offset, name, objectBytesMax })
    if (reading instanceof Promise) {
      return reading.then((read) => this.#presentNow(read, token, name, objectBytesMax))
    }
    return this.#presentNow(reading, token, name, objectBytesMax)
  }

  /** All places of the token, in no particular order. */
  places(token: Token): readonly Place[] {
    const count = this.#find(token)
    const places: Place[] = []
    for (let i = 0; i < count; i++) places.push(this.#placeAt(i))
    return places
  }

  /**
   * Entries with this token or a later one, in token order, at most `max`; none at the end. Has all
   * entries of each of its tokens, unless one token alone has more.
   */
  page(from: Token, max: number): readonly Indexed[] {
    const words = new Uint32Array(max * DIRECTORY_WORDS)
    const count = this.#directory.page(from.hi, from.lo, words)
    const word = (i: number, at: number): number => words[i * DIRECTORY_WORDS + at] as number
    return Array.from({ length: count }, (_, i) => {
      return { token: u64(word(i, 0), word(i, 1)), place: placeOf(word(i, 2), word(i, 3)) }
    })
  }

  insert({ hi, lo }: Token, place: Place): void {
    this.#directory.insert(hi, lo, segmentWord(place), offsetWord(place))
  }

  /** Points the entry to another place. Changes nothing if there is none. */
  replace({ hi, lo }: Token, from: Place, to: Place): void {
    const [old, oldOffset] = [segmentWord(from), offsetWord(from)]
    this.#directory.replace(hi, lo, old, oldOffset, segmentWord(to), offsetWord(to))
  }

  /** Removes the entry. Changes nothing if there is none. */
  remove({ hi, lo }: Token, place: Place): void {
    this.#directory.remove(hi, lo, segmentWord(place), offsetWord(place))
  }

  /**
   * Reads the records of all places of the token, one after another. If a segment is removed
   * meanwhile, looks the token up again: its records have then been moved.
   */
  async readings(
    token: Token,
    name: KeyName | undefined,
    objectBytesMax: number,
  ): Promise<readonly PlacedReading[]> {
    for (let lookups = 0; lookups < LOOKUPS_MAX; lookups++) {
      const readings: PlacedReading[] = []
      let isGone = false
      for (const place of this.places(token)) {
        const { segment, offset } = place
        const reading = await this.#reader.read({ segment, offset, name, objectBytesMax })
        isGone = reading.verdict === 'gone'
        if (isGone) break
        readings.push({ place, reading })
      }
      if (!isGone) return readings
    }
    assert(false, 'the key index names open segments')
  }

  /** Points the key at its newest record; or nowhere, if that is an erasure. */
  put(
    token: Token,
    name: KeyName,
    { segment, offset }: Omit<Place, 'tag'>,
    sequence: number,
    isErasure: boolean,
  ): void {
    const place = { segment, offset, tag: tagOf(name.bucket) }
    let isPlaced = false
    let isUnsure = false
    for (const old of this.places(token)) {
      const isOf = this.#reader.isOfNow(old.segment, old.offset, name)
      if (isOf === undefined) isUnsure = true
      if (isOf !== true) continue
      if (isErasure || isPlaced) this.remove(token, old)
      else this.replace(token, old, place)
      isPlaced = true
    }
    const isInserted = isErasure ? isUnsure : !isPlaced
    if (isInserted) this.insert(token, place)
    if (!isUnsure) return
    const copied = { bucket: name.bucket.slice(), key: name.key.slice() }
    this.#stale.push({ token: u64(token.hi, token.lo), name: copied, place, sequence, isErasure })
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

  #presentNow(
    reading: Reading,
    token: Token,
    name: KeyName,
    objectBytesMax: number,
  ): MaybePromise<Reading | undefined> {
    if (reading.verdict === 'gone') return this.#newestOf(token, name, objectBytesMax)
    return presentOf(reading)
  }

  #find(token: Token): number {
    for (;;) {
      const count = this.#directory.find(token.hi, token.lo, this.#found)
      if (2 * count < this.#found.length) return count
      this.#found = new Uint32Array(2 * this.#found.length)
    }
  }

  #placeAt(index: number): Place {
    return placeOf(this.#found[2 * index] as number, this.#found[2 * index + 1] as number)
  }

  async #newestOf(
    token: Token,
    name: KeyName,
    objectBytesMax: number,
  ): Promise<Reading | undefined> {
    let newest: Reading | undefined
    for (const { reading } of await this.readings(token, name, objectBytesMax)) {
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
      for (const { place, reading } of await this.readings(token, stale.name, HEADER_ALONE)) {
        if (!isReplacedBy(stale, place, reading)) continue
        this.remove(token, place)
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
