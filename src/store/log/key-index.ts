/**
 * Maps each key of one place to the location of its newest record.
 *
 * The key directory (native) knows tokens, not keys; only the record names its key. So replacing a
 * key's entry means looking at the record it points to. That record is nearly always in memory
 * (the client that puts a key has just read it), and the entry is replaced within the append. If
 * only the disk has it, the append does not wait: the new location is added beside the old one,
 * reads choose the record with the highest sequence, and a read in the background removes the stale
 * entry ("pruning"). An entry also has a byte of its bucket (`location.ts`).
 *
 * An erasure removes the key's entry. If a stale entry may be left, the erasure's own location is
 * added and wins by its sequence; pruning removes both.
 *
 * Invariants:
 *   - Of the entries of a token that belong to one key, the one with the highest sequence is right.
 *   - An entry whose record has a rotten header is replaced by the next write to any key of its
 *     token.
 */
import { compareU64, equalU64, nextU64, u64 } from '../../base/u64.ts'
import { assert } from '../../base/assert.ts'
import type { CopyId } from '../../dynamo/names.ts'
import type { Token } from '../../native/digest.ts'
import { DIRECTORY_WORDS, KeyDirectory } from '../../native/key-directory.ts'
import type { MaybePromise } from '../../base/deliver.ts'
import { offsetWord, type Location, locationOf, segmentWord, tagOf } from './location.ts'
import type { TokenRange } from './drop.ts'
import { RecordKind } from './record-kinds.ts'
import { HEADER_ALONE, type Reading, type RecordReader } from './record-reader.ts'
import { SoleEntries, type TokenWords } from './sole-entries.ts'

/** Keys that wait to be pruned; at this many the store is overloaded. */
const STALE_MAX = 65_536
const PRUNING_MAX = 16
/** Entries of a range that are looked up at once. */
const WITHIN_AT_ONCE = 1024
/** Each new look-up means that a segment was removed during the one before. */
const LOOKUPS_MAX = 64

export interface Indexed {
  readonly token: Token
  readonly location: Location
}

/** A record of a key that was appended or kept. */
export interface IndexedRecord extends Omit<Location, 'tag'> {
  readonly sequence: number
  readonly bytes: number
}

/** One entry of a token, and the record that it points to. */
export interface LocatedReading {
  readonly location: Location
  readonly reading: Reading
}

/** A write whose older records, known to the disk alone, may still have entries. */
interface StaleKey {
  readonly copy: CopyId
  /** The write. */
  readonly location: Location
  readonly sequence: number
  readonly isErasure: boolean
}

export class KeyIndex {
  readonly #directory: KeyDirectory = new KeyDirectory()
  readonly #reader: RecordReader
  #found = new Uint32Array(16)
  readonly #stale: StaleKey[] = []
  #pruning = 0
  #bytes = 0
  #onPruned: (() => void) | undefined

  constructor(reader: RecordReader) {
    this.#reader = reader
  }

  get size(): number {
    return this.#directory.size
  }

  /** Bytes of the records that entries point to. */
  get bytes(): number {
    return this.#bytes
  }

  /** At most so many entries of the directory stand beside another one of the same key. */
  get surplusMax(): number {
    // An old location, and an erasure's own.
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
  newest(copy: CopyId, objectBytesMax: number): MaybePromise<Reading | undefined> {
    const count = this.#find(copy.token)
    if (count === 0) return undefined
    if (count > 1) return this.#newestOf(copy, objectBytesMax)
    const { segment, offset } = this.#locationAt(0)
    const reading = this.#reader.read({ segment, offset, copy, objectBytesMax })
    if (reading instanceof Promise) {
      return reading.then((read) => this.#presentNow(read, copy, objectBytesMax))
    }
    return this.#presentNow(reading, copy, objectBytesMax)
  }

  /** The entries of many tokens. */
  soles(tokens: TokenWords): SoleEntries {
    return new SoleEntries(this.#directory, tokens)
  }

  /** All locations of the token, in no particular order. */
  locations(token: Token): readonly Location[] {
    const count = this.#find(token)
    const locations: Location[] = []
    for (let i = 0; i < count; i++) locations.push(this.#locationAt(i))
    return locations
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
      return { token: u64(word(i, 0), word(i, 1)), location: locationOf(word(i, 2), word(i, 3)) }
    })
  }

  /** All entries of these tokens. Those given may be removed meanwhile. */
  *within({ from, to }: TokenRange): Generator<Indexed> {
    let next: Token | undefined = from
    let max = WITHIN_AT_ONCE
    while (next !== undefined && compareU64(next, to) <= 0) {
      const page: readonly Indexed[] = this.page(next, max)
      const [first, last] = [page[0]?.token, page.at(-1)?.token]
      if (first === undefined || last === undefined) return
      if (page.length === max && equalU64(first, last)) {
        max *= 2
        continue
      }
      for (const indexed of page) if (compareU64(indexed.token, to) <= 0) yield indexed
      next = nextU64<Token>(last)
    }
  }

  /** Adds an entry for a record of so many bytes. */
  insert({ hi, lo }: Token, location: Location, bytes: number): void {
    this.#directory.insert(hi, lo, segmentWord(location), offsetWord(location))
    this.#bytes += bytes
  }

  /** Adds the first `count` entries of `words`, as the directory has them: of so many bytes. */
  insertAll(words: Uint32Array, count: number, bytes: number): void {
    this.#directory.insertAll(words, count)
    this.#bytes += bytes
  }

  /** Points the entry to a record that takes `more` bytes. Changes nothing if there is none. */
  replace({ hi, lo }: Token, from: Location, to: Location, more: number): void {
    const [old, oldOffset] = [segmentWord(from), offsetWord(from)]
    const [segment, offset] = [segmentWord(to), offsetWord(to)]
    if (this.#directory.replace(hi, lo, old, oldOffset, segment, offset)) this.#bytes += more
  }

  /** Removes the entry of a record of so many bytes. Changes nothing if there is none. */
  remove({ hi, lo }: Token, location: Location, bytes: number): void {
    const { size } = this
    this.#directory.remove(hi, lo, segmentWord(location), offsetWord(location))
    if (this.size < size) this.#bytes -= bytes
  }

  /** Forgets all keys of these tokens. Of the bytes they have their share, if others are left. */
  drop(range: TokenRange): void {
    const { size } = this
    for (const { token, location } of this.within(range)) this.remove(token, location, 0)
    this.#bytes = this.size === 0 ? 0 : Math.round((this.#bytes * this.size) / size)
  }

  /**
   * Reads the records of all locations of the token, one after another. If a segment is removed
   * meanwhile, looks the token up again: its records have then been moved.
   */
  async readings(
    token: Token,
    copy: CopyId | undefined,
    objectBytesMax: number,
  ): Promise<readonly LocatedReading[]> {
    for (let lookups = 0; lookups < LOOKUPS_MAX; lookups++) {
      const readings: LocatedReading[] = []
      let isGone = false
      for (const location of this.locations(token)) {
        const { segment, offset } = location
        const reading = await this.#reader.read({ segment, offset, copy, objectBytesMax })
        isGone = reading.verdict === 'gone'
        if (isGone) break
        readings.push({ location, reading })
      }
      if (!isGone) return readings
    }
    assert(false, 'the key index names open segments')
  }

  /** Points the key at its newest record; or nowhere, if that is an erasure. */
  put(copy: CopyId, { segment, offset, sequence, bytes }: IndexedRecord, isErasure: boolean): void {
    const { token, name } = copy
    const location = { segment, offset, tag: tagOf(name.bucket) }
    let isPlaced = false
    let isUnsure = false
    for (const old of this.locations(token)) {
      const oldBytes = this.#reader.bytesIfOf(old.segment, old.offset, copy)
      if (oldBytes === undefined) isUnsure = true
      if (typeof oldBytes !== 'number') continue
      if (isErasure || isPlaced) this.remove(token, old, oldBytes)
      else this.replace(token, old, location, bytes - oldBytes)
      isPlaced = true
    }
    const isInserted = isErasure ? isUnsure : !isPlaced
    if (isInserted) this.insert(token, location, bytes)
    if (!isUnsure) return
    const copied = { bucket: name.bucket.slice(), key: name.key.slice() }
    const kept = { ...copy, token: u64<Token>(token.hi, token.lo), name: copied }
    this.#stale.push({ copy: kept, location, sequence, isErasure })
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
    copy: CopyId,
    objectBytesMax: number,
  ): MaybePromise<Reading | undefined> {
    if (reading.verdict === 'gone') return this.#newestOf(copy, objectBytesMax)
    return presentOf(reading)
  }

  #find(token: Token): number {
    for (;;) {
      const count = this.#directory.find(token.hi, token.lo, this.#found)
      if (2 * count < this.#found.length) return count
      this.#found = new Uint32Array(2 * this.#found.length)
    }
  }

  #locationAt(index: number): Location {
    return locationOf(this.#found[2 * index] as number, this.#found[2 * index + 1] as number)
  }

  async #newestOf(copy: CopyId, objectBytesMax: number): Promise<Reading | undefined> {
    let newest: Reading | undefined
    for (const { reading } of await this.readings(copy.token, copy, objectBytesMax)) {
      if (isKeyUnknown(reading)) return reading
      if (!reading.isAsked) continue
      if (newest === undefined || reading.sequence > newest.sequence) newest = reading
    }
    return newest === undefined ? undefined : presentOf(newest)
  }

  async #prune(): Promise<void> {
    this.#pruning += 1
    for (let stale = this.#stale.shift(); stale !== undefined; stale = this.#stale.shift()) {
      const { copy } = stale
      for (const { location, reading } of await this.readings(copy.token, copy, HEADER_ALONE)) {
        if (!isReplacedBy(stale, location, reading)) continue
        this.remove(copy.token, location, reading.bytes)
      }
    }
    this.#pruning -= 1
    if (this.#pruning === 0) this.#onPruned?.()
  }
}

/** Whether the record's entry is to go, because of the later write (or of the erasure itself). */
function isReplacedBy(write: StaleKey, location: Location, reading: Reading): boolean {
  if (isKeyUnknown(reading)) return isBefore(location, write.location)
  if (!reading.isAsked) return false
  return write.isErasure ? reading.sequence <= write.sequence : reading.sequence < write.sequence
}

function isBefore(a: Location, b: Location): boolean {
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
