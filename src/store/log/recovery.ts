/**
 * Decide which records survived the last process's end, whatever that end was.
 *
 * Each record states up to which sequence the log was known durable when it was written. Let S be
 * the highest such statement found anywhere, also in the sound header of a record whose contents
 * have rotted. All up to S was durable, so:
 *
 *   - What is damaged or missing at or below S is *damage*. The rest is kept, and the caller told.
 *   - What is above S was never known durable. Of it a crash leaves any part, in any order. Every
 *     whole batch of it is accepted (`tail.ts`); the rest is the *torn tail*.
 *
 *   sequence   1   2   3   4   5   6   7   8   9          S = 5
 *              ok  ok  rot --  ok  ok  ok  --  ok
 *              kept    told    kept accepted  accepted (8 is dropped)
 *
 * Sequences are not used twice, not even those of records that were dropped, unless a start has
 * erased them (`in-place.ts`): the next one is above all that were seen. So at or below S every
 * sequence has its record, or an absence that explains why not (`absence.ts`); likewise every
 * segment number.
 *
 * A damaged record has no sequence, but the record before it has one. If that is below S, the next
 * record was durable, and the damage is told. (The last record before a crash may be durable,
 * acknowledged, and rotten, with no later record to show it. That looks like a torn tail; the mark
 * that an idle log writes 50 ms after its last sync keeps it rare.)
 *
 * The newest sequence wins, wherever the records of a key stand. An erasure is indexed like any
 * other record, and removed from the index at the end.
 *
 * If the newest record of a key has a rotten object and its names are sound, it keeps its
 * entry in the index: reading it fails with `record-rotten`. Without that entry an older version
 * would come back unnoticed.
 *
 * Each own copy that gets an entry, or loses it, is told with its digest (`OwnDigests`). Where rot
 * or the tail has a part in it, it is in doubt, and is read once the log is open.
 */
import { assert } from '../../base/assert.ts'
import type { File } from '../../world/disk.ts'
import type { Trace } from '../../world/trace.ts'
import { RecordWord } from '../../native/record.ts'
import { Absence } from './absence.ts'
import { type Damage, sentenceOf } from './damage.ts'
import {
  type Found,
  foundIn,
  isAbsence,
  isDrop,
  isEntry,
  rottenFound,
  syncedIn,
  syncedOf,
} from './found.ts'
import { certainDamages, type Findings, judge, type Judgement } from './judgement.ts'
import { type CopyId, OWN } from '../../dynamo/names.ts'
import type { OwnDigests } from '../engine.ts'
import { readDrop, type TokenRange } from './drop.ts'
import type { KeyIndex } from './key-index.ts'
import type { Location } from './location.ts'
import type { PlaceIndexes } from './place-indexes.ts'
import { RangeSet } from './range-set.ts'
import { kindOf, RecordKind } from './record-kinds.ts'
import {
  HEADER_ALONE,
  PREFIX_ALONE,
  type Reading,
  type RecordReader,
  WHOLE,
} from './record-reader.ts'
import { SEGMENT_HEADER_BYTES, type Segment } from './segment.ts'
import type { ScanEvents, SegmentScanner } from './segment-scan.ts'

export class Recovery {
  readonly #indexes: PlaceIndexes
  readonly #reader: RecordReader
  readonly #trace: Trace
  #durable = 0
  #highest = 0
  /** The sequence of the last record with a sound header, in the order of the log. */
  #previous = 0
  #lastUsed = 0
  /** Above S as far as it is known yet, in the order of the log. */
  #uncertain: Found[] = []
  readonly #damages: Damage[] = []
  readonly #erasures: Found[] = []
  readonly #drops: Found[] = []
  readonly #kept = new RangeSet()
  readonly #keptEnds = new Map<number, number>()
  readonly #absence = new Absence()
  readonly #unfinished = new RangeSet()
  readonly #told: OwnDigests | undefined
  #records = 0
  #scanned = 0

  /** Segments whose numbers are `unfinished` hold no record, and are not missing. */
  constructor(
    indexes: PlaceIndexes,
    reader: RecordReader,
    trace: Trace,
    unfinished: readonly number[],
    told?: OwnDigests,
  ) {
    this.#indexes = indexes
    this.#reader = reader
    this.#trace = trace
    this.#told = told
    for (const number of unfinished) this.#unfinished.add(number)
  }

  /** Records read and found sound. */
  get records(): number {
    return this.#records
  }

  /**
   * `fullBytes` is the size that the segment's header states; undefined if the header has rotted.
   * Requires: segments come in order.
   */
  async scan(
    segment: Segment,
    file: File,
    fullBytes: number | undefined,
    scanner: SegmentScanner,
  ): Promise<void> {
    const { number, bytes } = segment
    assert(number > this.#scanned, 'segments are scanned in order')
    for (const { first, last } of this.#unfinished.gaps(this.#scanned + 1, number - 1)) {
      const range = { segment: first, lastSegment: last }
      this.#damages.push({ kind: 'no-segment', ...range, sequence: this.#previous + 1 })
    }
    this.#scanned = number
    if (fullBytes === undefined) this.#onDamage('header', number, 0, SEGMENT_HEADER_BYTES)
    await scanner.scan(segment, file, this.#events(number))
    if (fullBytes === undefined || bytes >= fullBytes) return
    const location = { segment: number, from: bytes, to: fullBytes }
    this.#damages.push({ kind: 'short', ...location, sequence: this.#previous + 1 })
  }

  /**
   * Once all segments are scanned: indexes the rotten records whose keys can be believed, removes
   * the erasures from the index, and judges.
   */
  async complete(): Promise<Judgement> {
    await this.#applyKnown()
    const damages = certainDamages(this.#findings())
    for (const damage of damages) {
      if (damage.kind === 'rotten' || damage.kind === 'header') {
        this.#keep(damage.segment, damage.to)
      }
      // Its number is not given again: once it is, nothing would show that a segment is missing.
      if (damage.kind === 'no-segment') {
        this.#lastUsed = Math.max(this.#lastUsed, damage.lastSegment)
      }
      if (!('found' in damage) || damage.found === undefined) continue
      await this.#doubt(damage.found)
      await this.#apply(damage.found)
    }
    for (const erasure of this.#erasures) {
      this.#indexes.find(erasure.place)?.remove(erasure.token, erasure, erasure.bytes)
    }
    for (const drop of this.#drops) await this.#applyDrop(drop)
    const judgement = judge(this.#findings(), damages)
    for (const kept of judgement.accepted.flat()) await this.#doubt(kept)
    for (const damage of judgement.damages) {
      this.#trace.record('rot-found', { damage: sentenceOf(damage) })
    }
    return judgement
  }

  #findings(): Findings {
    return {
      durable: this.#durable,
      highest: this.#highest,
      lastUsed: this.#lastUsed,
      kept: this.#kept,
      keptEnds: this.#keptEnds,
      uncertain: this.#uncertain,
      damages: this.#damages,
      absence: this.#absence,
    }
  }

  #events(segment: number): ScanEvents {
    return {
      onRecords: async (words, count, base, bytes) => {
        this.#lastUsed = segment
        this.#records += count
        for (let i = 0; i < count; i++) {
          const found = foundIn(segment, base, words, i, bytes)
          this.#advance(found.sequence, syncedIn(words, i))
          if (isAbsence(found)) await this.#readAbsence(found)
          const applied = this.#onRecord(found)
          if (applied !== undefined) await applied
        }
        await this.#applyKnown()
      },
      onDamage: (from, to) => this.#onDamage('rotten', segment, from, to),
      onRottenRecord: (offset, words, bytes, start) => {
        const record = rottenFound(segment, offset, words, bytes, start)
        const isKnown = words[RecordWord.areNamesSound] === 1 && isEntry(record)
        const found = isKnown ? record : undefined
        const location = { segment, from: offset, to: offset + record.bytes }
        this.#lastUsed = segment
        this.#damages.push({ kind: 'rotten', ...location, sequence: record.sequence, found })
        this.#advance(record.sequence, syncedOf(words))
      },
    }
  }

  #onDamage(kind: 'rotten' | 'header', segment: number, from: number, to: number): void {
    this.#lastUsed = segment
    this.#damages.push({ kind, segment, from, to, sequence: this.#previous + 1 })
  }

  #onRecord(found: Found): Promise<void> | undefined {
    if (found.sequence <= this.#durable) return this.#apply(found)
    this.#uncertain.push(found)
    return undefined
  }

  /** It holds also above S: it was written before anything that it names was removed. */
  async #readAbsence({ segment, offset }: Found): Promise<void> {
    const reading = await this.#reader.read({
      segment,
      offset,
      copy: undefined,
      objectBytesMax: WHOLE,
    })
    if (reading.verdict === 'sound') this.#absence.read(reading.object)
  }

  #advance(sequence: number, synced: number): void {
    this.#previous = sequence
    this.#highest = Math.max(this.#highest, sequence)
    this.#durable = Math.max(this.#durable, synced)
  }

  /** Applies the records that have turned out to be at or below S. */
  async #applyKnown(): Promise<void> {
    const waiting = this.#uncertain
    this.#uncertain = waiting.filter((found) => found.sequence > this.#durable)
    for (const found of waiting) {
      if (found.sequence > this.#durable) continue
      if (!this.#absence.covers(found.segment, found.offset)) await this.#apply(found)
    }
  }

  #keep(segment: number, end: number): void {
    this.#keptEnds.set(segment, Math.max(end, this.#keptEnds.get(segment) ?? 0))
  }

  /** Indexes a record that is kept, unless a newer one of its key is indexed. */
  #apply(found: Found): Promise<void> | undefined {
    this.#keep(found.segment, found.offset + found.bytes)
    this.#kept.add(found.sequence)
    if (!isEntry(found)) return undefined
    if (isDrop(found)) {
      this.#drops.push(found)
      return undefined
    }
    if (kindOf(found.kind) === RecordKind.erasure) this.#erasures.push(found)
    const index = this.#indexes.of(found.place)
    const others = index.locations(found.token)
    if (others.length > 0) return this.#applyBeside(index, found, others)
    index.insert(found.token, found, found.bytes)
    this.#tell(found)
    return undefined
  }

  async #applyBeside(index: KeyIndex, found: Found, others: readonly Location[]): Promise<void> {
    const { token, bytes } = found
    const { copy } = await this.#head(found, undefined)
    for (const location of others) {
      if (copy === undefined) break
      const other = await this.#head(location, { token, ...copy })
      const isKeyUnknown = other.verdict === 'rotten-head' || other.verdict === 'unreadable'
      if (!isKeyUnknown && !other.isAsked) continue
      if (isKeyUnknown || other.sequence < found.sequence) {
        index.replace(token, location, found, bytes - other.bytes)
        this.#tellGone(found, other)
        this.#tell(found)
      }
      return
    }
    index.insert(token, found, bytes)
    this.#tell(found)
    // It may be of a key that has another entry.
    if (copy === undefined) await this.#doubt(found)
  }

  #tell({ place, kind, n, token, digest }: Found): void {
    if (place !== OWN || kindOf(kind) !== RecordKind.object || digest === undefined) return
    this.#told?.add(n, token, digest)
  }

  /** The record that `gone` has been read of had an entry of this token and place. */
  #tellGone({ place, token }: Pick<Found, 'place' | 'token'>, gone: Reading): void {
    if (place !== OWN) return
    if (gone.verdict !== 'sound') this.#told?.doubt(token)
    else if (kindOf(gone.kind) === RecordKind.object) {
      this.#told?.remove(gone.bucketId.n, token, gone.digest)
    }
  }

  /** The record, or all that it drops, is to be read once the log is open. */
  async #doubt(found: Found): Promise<void> {
    if (this.#told === undefined || found.place !== OWN) return
    this.#told.doubt(found.token)
    if (!isDrop(found)) return
    const range = await this.#rangeOf(found)
    if (range === undefined) return
    for (const { token } of this.#indexes.own.within(range)) this.#told.doubt(token)
  }

  /** Removes what the drop voids: the newest record of each key decides. */
  async #applyDrop(drop: Found): Promise<void> {
    const { place, voids } = drop
    const range = await this.#rangeOf(drop)
    const index = this.#indexes.find(place)
    if (range === undefined || index === undefined) return
    for (const { token, location } of index.within(range)) {
      const dropped = await this.#head(location, undefined)
      if (dropped.sequence > voids) continue
      index.remove(token, location, dropped.bytes)
      this.#tellGone({ place, token }, dropped)
    }
  }

  async #rangeOf({ segment, offset }: Found): Promise<TokenRange | undefined> {
    const question = { segment, offset, copy: undefined, objectBytesMax: PREFIX_ALONE }
    return readDrop((await this.#reader.read(question)).object)
  }

  async #head({ segment, offset }: Location, copy: CopyId | undefined): Promise<Reading> {
    return this.#reader.read({ segment, offset, copy, objectBytesMax: HEADER_ALONE })
  }
}
