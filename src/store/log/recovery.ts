/**
 * Find out what the log holds, after any end that it may have come to.
 *
 * Each record states up to which sequence the log was known durable when it was written. Let S be
 * the highest such statement found anywhere. All up to S was durable, so:
 *
 *   - What is damaged at or below S has *rotted*. The rest is kept, and the caller is told.
 *   - What is above S was never known durable. Of it a crash leaves any part, in any order. So
 *     only an unbroken run S+1, S+2, … is accepted, cut back to the end of a batch; the rest is the
 *     *torn tail*, which nobody was promised.
 *
 *   sequence   1   2   3   4   5   6   7   8   9          S = 5
 *              ok  ok  rot ok  ok  ok  ok  --  ok
 *              kept    told    kept accepted  dropped
 *
 * Sequences are never used twice, not even those of records that were dropped: the next one is
 * above all that were seen. So a dropped record that a crash brings back has still no neighbour.
 *
 * What is damaged has no sequence. It stands behind a record that has one: where that is below S,
 * the next one was durable, and the damage is rot. (The last record before a crash may be durable,
 * acknowledged, and rotten, with no later record to say so. That cannot be told from a torn tail;
 * a mark at every clean end keeps it rare.)
 *
 * Newest sequence wins, wherever the records of a key stand. An erasure takes part like any other
 * record and is taken out of the directory at the end.
 *
 * A key whose newest record has rotted keeps its place in the directory, where its object is what
 * rotted and its key can still be believed: reading it fails with `record-rotten`, where silence
 * would bring an old version back.
 */
import { u64 } from '../../base/u64.ts'
import { type Token, tokenOf } from '../../native/digest.ts'
import { number48, RECORD_HEADER_BYTES, RecordScanWord, RecordWord } from '../../native/record.ts'
import type { Trace } from '../../world/trace.ts'
import type { KeyIndex, Place } from './key-index.ts'
import { isContinued, kindOf, RecordKind } from './record-kinds.ts'
import type { Reading, RecordReader } from './record-reader.ts'
import { SEGMENT_HEADER_BYTES, type Segment } from './segment.ts'
import { type ScanEvents, type SegmentScanner, scanWord } from './segment-scan.ts'

/** A record, by its header. */
export interface Found {
  readonly segment: number
  readonly offset: number
  readonly bytes: number
  /** With the mark of a batch that goes on. */
  readonly kind: number
  readonly token: Token
  readonly sequence: number
}

interface Damage {
  readonly segment: number
  readonly from: number
  readonly to: number
  /** The lowest sequence that may have been there. */
  readonly sequence: number
  /** The record, where its key can be believed: its header is sound, and its object is not. */
  readonly found: Found | undefined
}

export interface Judgement {
  /** S: all up to here was durable. */
  readonly durable: number
  /** No record has a higher sequence, kept or not; at least S. */
  readonly highest: number
  /** Above S, to be kept, in order: S+1, S+2, … */
  readonly accepted: readonly Found[]
  /** Records above S that are dropped, and how many of them for want of their batch's end. */
  readonly droppedRecords: number
  readonly droppedOfBatch: number
  /** Bytes above S that are dropped, sound or not. */
  readonly tornBytes: number
  /** Damages at or below S. */
  readonly rotten: number
  /** The highest segment in which anything stands; 0 where the log is empty. */
  readonly lastUsed: number
  /** Where in each used segment the last of what is at or below S ends. */
  readonly keptEnds: ReadonlyMap<number, number>
  /** Segments with anything above S in them. */
  readonly tornSegments: ReadonlySet<number>
}

export class Recovery {
  readonly #places: KeyIndex
  readonly #reader: RecordReader
  readonly #trace: Trace
  #durable = 0
  #highest = 0
  /** The sequence of the last sound record in the order of the log. */
  #previous = 0
  #lastUsed = 0
  /** Above S as far as it is known yet, in the order of the log. */
  #uncertain: Found[] = []
  readonly #damages: Damage[] = []
  readonly #erasures: Found[] = []
  readonly #keptEnds = new Map<number, number>()
  #records = 0

  constructor(places: KeyIndex, reader: RecordReader, trace: Trace) {
    this.#places = places
    this.#reader = reader
    this.#trace = trace
  }

  /** Records read and found sound. */
  get records(): number {
    return this.#records
  }

  /** Segments are to come in order. */
  async scan(segment: Segment, scanner: SegmentScanner): Promise<void> {
    await scanner.scan(segment, this.#events(segment.number))
  }

  /** A segment's header cannot be believed. Its name says that it was durable. */
  onRottenHeader(segment: number): void {
    this.#damage({
      segment,
      from: 0,
      to: SEGMENT_HEADER_BYTES,
      sequence: 0,
      found: undefined,
    })
  }

  /** When all segments have been scanned. */
  async judge(): Promise<Judgement> {
    const rot = this.#damages.filter((damage) => damage.sequence <= this.#durable)
    const torn = this.#damages.filter((damage) => damage.sequence > this.#durable)
    for (const damage of rot) {
      const { segment, from, to } = damage
      this.#trace.record('rot-found', { segment, from, to })
      this.#keep(damage.segment, damage.to)
      if (damage.found !== undefined) await this.#apply(damage.found)
    }
    const tail = this.#uncertain
    const { accepted, droppedOfBatch } = acceptedOf(tail, this.#durable)
    const last = this.#durable + accepted.length
    const dropped = tail.filter((found) => found.sequence > last && !isMark(found))
    let tornBytes = 0
    for (const damage of torn) tornBytes += damage.to - damage.from
    for (const found of dropped) tornBytes += found.bytes
    for (const { token, segment, offset } of this.#erasures) {
      this.#places.directory.remove(token.hi, token.lo, segment, offset)
    }
    return {
      durable: this.#durable,
      highest: this.#highest,
      accepted,
      droppedRecords: dropped.length,
      droppedOfBatch,
      tornBytes,
      rotten: rot.length,
      lastUsed: this.#lastUsed,
      keptEnds: this.#keptEnds,
      tornSegments: new Set([...torn, ...tail].map((piece) => piece.segment)),
    }
  }

  #events(segment: number): ScanEvents {
    return {
      onRecords: async (words, count, base) => {
        this.#lastUsed = segment
        this.#records += count
        for (let i = 0; i < count; i++) {
          const applied = this.#onRecord(foundIn(segment, base, words, i), syncedIn(words, i))
          if (applied !== undefined) await applied
        }
        await this.#applyKnown()
      },
      onDamage: (from, to) => {
        this.#damage({ segment, from, to, sequence: this.#previous + 1, found: undefined })
      },
      onRottenRecord: (offset, words, bytes, start, isObjectSound) => {
        const found = rottenFound(segment, offset, words, bytes, start)
        const damage = { segment, from: offset, to: offset + found.bytes, sequence: found.sequence }
        this.#damage({ ...damage, found: isObjectSound ? undefined : found })
        this.#advance(found.sequence)
      },
    }
  }

  #damage(damage: Damage): void {
    this.#lastUsed = Math.max(this.#lastUsed, damage.segment)
    this.#damages.push(damage)
  }

  #onRecord(found: Found, synced: number): Promise<void> | undefined {
    this.#advance(found.sequence)
    if (synced > this.#durable) this.#durable = synced
    if (found.sequence <= this.#durable) return this.#apply(found)
    this.#uncertain.push(found)
    return undefined
  }

  #advance(sequence: number): void {
    this.#previous = sequence
    this.#highest = Math.max(this.#highest, sequence)
  }

  /** Applies what has turned out to be at or below S. */
  async #applyKnown(): Promise<void> {
    const waiting = this.#uncertain
    this.#uncertain = waiting.filter((found) => found.sequence > this.#durable)
    for (const found of waiting) if (found.sequence <= this.#durable) await this.#apply(found)
  }

  #keep(segment: number, end: number): void {
    this.#keptEnds.set(segment, Math.max(end, this.#keptEnds.get(segment) ?? 0))
  }

  /** The record is part of the log: its place is its key's, unless a newer one has it. */
  #apply(found: Found): Promise<void> | undefined {
    this.#keep(found.segment, found.offset + found.bytes)
    if (isMark(found)) return undefined
    if (kindOf(found.kind) === RecordKind.erasure) this.#erasures.push(found)
    const others = this.#places.places(found.token)
    if (others.length > 0) return this.#applyBeside(found, others)
    const { hi, lo } = found.token
    this.#places.directory.insert(hi, lo, found.segment, found.offset)
    return undefined
  }

  async #applyBeside(found: Found, others: readonly Place[]): Promise<void> {
    const { hi, lo } = found.token
    const { directory } = this.#places
    const own = await this.#head(found.segment, found.offset, undefined)
    for (const { segment, offset } of others) {
      if (own?.name === undefined) break
      const other = await this.#head(segment, offset, own.name)
      const isOfKey = other === undefined || other.rot === 'head' || other.isAsked
      if (!isOfKey) continue
      if (other === undefined || other.sequence < found.sequence) {
        directory.replace(hi, lo, segment, offset, found.segment, found.offset)
      }
      return
    }
    directory.insert(hi, lo, found.segment, found.offset)
  }

  async #head(
    segment: number,
    offset: number,
    name: Reading['name'],
  ): Promise<Reading | undefined> {
    try {
      return await this.#reader.read({ segment, offset, name, isHeadOnly: true })
    } catch {
      // The disk does not give it: as good as rotten.
      return undefined
    }
  }
}

/**
 * The unbroken run above S, to the end of its last whole batch. Where an earlier start was cut
 * short there are copies of the same records with the same sequences: any one will do.
 */
function acceptedOf(
  tail: readonly Found[],
  durable: number,
): { readonly accepted: readonly Found[]; readonly droppedOfBatch: number } {
  const bySequence = new Map<number, Found>()
  for (const found of tail) bySequence.set(found.sequence, found)
  const run: Found[] = []
  let whole = 0
  for (;;) {
    const found = bySequence.get(durable + 1 + run.length)
    if (found === undefined) break
    run.push(found)
    // A mark at the end is of no more use: there will be a new one.
    if (!isContinued(found.kind) && !isMark(found)) whole = run.length
  }
  const isCutShort = run.length > 0 && isContinued((run.at(-1) as Found).kind)
  return { accepted: run.slice(0, whole), droppedOfBatch: isCutShort ? run.length - whole : 0 }
}

function isMark(found: Found): boolean {
  return kindOf(found.kind) === RecordKind.mark
}

function syncedIn(words: Uint32Array, i: number): number {
  return number48(
    scanWord(words, i, RecordScanWord.syncedLow),
    scanWord(words, i, RecordScanWord.syncedHigh),
  )
}

function foundIn(segment: number, base: number, words: Uint32Array, i: number): Found {
  return {
    segment,
    offset: base + scanWord(words, i, RecordScanWord.start),
    bytes: scanWord(words, i, RecordScanWord.totalBytes),
    kind: scanWord(words, i, RecordScanWord.kind),
    token: u64(
      scanWord(words, i, RecordScanWord.tokenHi),
      scanWord(words, i, RecordScanWord.tokenLo),
    ),
    sequence: number48(
      scanWord(words, i, RecordScanWord.sequenceLow),
      scanWord(words, i, RecordScanWord.sequenceHigh),
    ),
  }
}

/** Should the key have rotted too, its token is nobody's, and does no harm. */
function rottenFound(
  segment: number,
  offset: number,
  words: Uint32Array,
  bytes: Uint8Array,
  start: number,
): Found {
  const bucketStart = start + RECORD_HEADER_BYTES
  const keyStart = bucketStart + (words[RecordWord.bucketBytes] as number)
  const keyEnd = keyStart + (words[RecordWord.keyBytes] as number)
  return {
    segment,
    offset,
    bytes: words[RecordWord.totalBytes] as number,
    kind: words[RecordWord.kind] as number,
    token: tokenOf(bytes.subarray(bucketStart, keyStart), bytes.subarray(keyStart, keyEnd)),
    sequence: number48(
      words[RecordWord.sequenceLow] as number,
      words[RecordWord.sequenceHigh] as number,
    ),
  }
}
