/**
 * Decide which records survived the last process's end, whatever that end was.
 *
 * Each record states up to which sequence the log was known durable when it was written. Let S be
 * the highest such statement found anywhere. All up to S was durable, so:
 *
 *   - What is damaged at or below S has *rotted*. The rest is kept, and the caller is told.
 *   - What is above S was never known durable. Of it a crash leaves any part, in any order. So
 *     only an unbroken run S+1, S+2, … is accepted, cut back to the end of a batch; the rest is the
 *     *torn tail*, which was never acknowledged.
 *
 *   sequence   1   2   3   4   5   6   7   8   9          S = 5
 *              ok  ok  rot ok  ok  ok  ok  --  ok
 *              kept    told    kept accepted  dropped
 *
 * Sequences are never used twice, not even those of records that were dropped: the next one is
 * above all that were seen. So a dropped record that reappears after a crash still has a gap before
 * it.
 *
 * A damaged record has no sequence, but the record before it has one. If that is below S, the next
 * record was durable, and the damage is rot. (The last record before a crash may be durable,
 * acknowledged, and rotten, with no later record to show it. That looks like a torn tail; a mark at
 * every clean end keeps it rare.)
 *
 * The newest sequence wins, wherever the records of a key stand. An erasure is indexed like any
 * other record, and removed from the index at the end.
 *
 * If the newest record of a key has a rotten object and its key can still be believed, it keeps its
 * entry in the index: reading it fails with `record-rotten`. Without that entry an older version
 * would come back unnoticed.
 */
import { assert } from '../../base/assert.ts'
import type { KeyName } from '../../dynamo/names.ts'
import type { Trace } from '../../world/trace.ts'
import { type Found, foundIn, isMark, rottenFound, syncedIn } from './found.ts'
import type { KeyIndex, Place } from './key-index.ts'
import { isContinued, kindOf, RecordKind } from './record-kinds.ts'
import type { Reading, RecordReader } from './record-reader.ts'
import { SEGMENT_HEADER_BYTES, type Segment } from './segment.ts'
import type { ScanEvents, SegmentScanner } from './segment-scan.ts'

interface Damage {
  readonly segment: number
  readonly from: number
  readonly to: number
  /** The lowest sequence that may have been there. */
  readonly sequence: number
  /** The record, if its header is sound and its object is not: its key can be believed. */
  readonly found: Found | undefined
}

export interface Judgement {
  /** S: all up to here was durable. */
  readonly durable: number
  /** No record has a higher sequence, kept or not; at least S. */
  readonly highest: number
  /** Above S, to be kept, in order: S+1, S+2, … */
  readonly accepted: readonly Found[]
  /** Records above S that are dropped; and how many of them because their batch has no end. */
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
  readonly #index: KeyIndex
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
  #scanned = 0
  #isComplete = false

  constructor(index: KeyIndex, reader: RecordReader, trace: Trace) {
    this.#index = index
    this.#reader = reader
    this.#trace = trace
  }

  /** Records read and found sound. */
  get records(): number {
    return this.#records
  }

  /** Requires: segments come in order. */
  async scan(segment: Segment, scanner: SegmentScanner): Promise<void> {
    assert(segment.number > this.#scanned, 'segments are scanned in order')
    this.#scanned = segment.number
    await scanner.scan(segment, this.#events(segment.number))
  }

  /** The header of a segment cannot be believed. Its name shows that it had been durable. */
  onRottenHeader(segment: number): void {
    this.#damage({
      segment,
      from: 0,
      to: SEGMENT_HEADER_BYTES,
      sequence: 0,
      found: undefined,
    })
  }

  /**
   * Once all segments are scanned: indexes the rotten records whose keys can be believed, and
   * removes the erasures from the index.
   */
  async complete(): Promise<void> {
    for (const { segment, from, to, found } of this.#rot()) {
      this.#trace.record('rot-found', { segment, from, to })
      this.#keep(segment, to)
      if (found !== undefined) await this.#apply(found)
    }
    for (const { token, segment, offset } of this.#erasures) {
      this.#index.directory.remove(token.hi, token.lo, segment, offset)
    }
    this.#isComplete = true
  }

  /** The answer. Requires: `complete` has ended. */
  judge(): Judgement {
    assert(this.#isComplete, 'a log is judged when all of it was read')
    const torn = this.#damages.filter((damage) => damage.sequence > this.#durable)
    const tail = this.#uncertain
    const { accepted, droppedOfBatch } = acceptedOf(tail, this.#durable)
    const last = this.#durable + accepted.length
    const dropped = tail.filter((found) => found.sequence > last && !isMark(found))
    let tornBytes = 0
    for (const damage of torn) tornBytes += damage.to - damage.from
    for (const found of dropped) tornBytes += found.bytes
    return {
      durable: this.#durable,
      highest: this.#highest,
      accepted,
      droppedRecords: dropped.length,
      droppedOfBatch,
      tornBytes,
      rotten: this.#rot().length,
      lastUsed: this.#lastUsed,
      keptEnds: this.#keptEnds,
      tornSegments: new Set([...torn, ...tail].map((piece) => piece.segment)),
    }
  }

  #rot(): readonly Damage[] {
    return this.#damages.filter((damage) => damage.sequence <= this.#durable)
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

  /** Applies the records that have turned out to be at or below S. */
  async #applyKnown(): Promise<void> {
    const waiting = this.#uncertain
    this.#uncertain = waiting.filter((found) => found.sequence > this.#durable)
    for (const found of waiting) if (found.sequence <= this.#durable) await this.#apply(found)
  }

  #keep(segment: number, end: number): void {
    this.#keptEnds.set(segment, Math.max(end, this.#keptEnds.get(segment) ?? 0))
  }

  /** Indexes a record that is kept, unless a newer one of its key is indexed. */
  #apply(found: Found): Promise<void> | undefined {
    this.#keep(found.segment, found.offset + found.bytes)
    if (isMark(found)) return undefined
    if (kindOf(found.kind) === RecordKind.erasure) this.#erasures.push(found)
    const others = this.#index.places(found.token)
    if (others.length > 0) return this.#applyBeside(found, others)
    const { hi, lo } = found.token
    this.#index.directory.insert(hi, lo, found.segment, found.offset)
    return undefined
  }

  async #applyBeside(found: Found, others: readonly Place[]): Promise<void> {
    const { hi, lo } = found.token
    const { directory } = this.#index
    const { name } = await this.#head(found, undefined)
    for (const place of others) {
      if (name === undefined) break
      const other = await this.#head(place, name)
      const isKeyUnknown = other.verdict === 'rotten-head' || other.verdict === 'unreadable'
      if (!isKeyUnknown && !other.isAsked) continue
      if (isKeyUnknown || other.sequence < found.sequence) {
        directory.replace(hi, lo, place.segment, place.offset, found.segment, found.offset)
      }
      return
    }
    directory.insert(hi, lo, found.segment, found.offset)
  }

  async #head({ segment, offset }: Place, name: KeyName | undefined): Promise<Reading> {
    return this.#reader.read({ segment, offset, name, isHeadOnly: true })
  }
}

/**
 * The unbroken run above S, to the end of its last whole batch. After an earlier start that was cut
 * short there are copies of the same records with the same sequences; any one of them will do.
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
    // A mark at the end is not needed: this start writes a new one.
    if (!isContinued(found.kind) && !isMark(found)) whole = run.length
  }
  const isCutShort = run.length > 0 && isContinued((run.at(-1) as Found).kind)
  return { accepted: run.slice(0, whole), droppedOfBatch: isCutShort ? run.length - whole : 0 }
}
