/**
 * Gives copies to other logs, and takes theirs, as the records that they are.
 *
 * A pass reads the segments in the order of their numbers, and hands out each record that the key
 * index points to at that moment: none that is replaced, erased or dropped by then. Where two
 * entries share a token one of them may be stale, and the pass leaves both out. It does not find
 * what is appended behind its end, nor what a start has copied to a later segment.
 */
import { OperatingError } from '../../base/errors.ts'
import type { LogPoint } from '../../dynamo/handoff/log-point.ts'
import { TRANSFER_BYTES_MAX, TRANSFER_RECEIVERS_MAX } from '../../limits.ts'
import { DIRECTORY_WORDS } from '../../native/key-directory.ts'
import type { TransferPage, TransferQuery, Transfers } from '../engine.ts'
import { MOVED_WORDS, MovedWord } from '../../native/moved-records.ts'
import { NO_TAG, offsetWord, segmentWord, tagOf } from './location.ts'
import { PageRecords } from './moved-records.ts'
import type { PlaceIndexes } from './place-indexes.ts'
import { SegmentScanner } from './segment-scan.ts'
import type { Retained, Segments } from './segments.ts'
import { TransferPageEvents } from './transfer-page.ts'
import type { Writer } from './writer.ts'

/** Bytes that one page looks at, whatever it finds. */
const LOOKED_AT_MAX: number = 16 * TRANSFER_BYTES_MAX
const ALIGNMENT = 8
const BEGINNING: LogPoint = { segment: 0, offset: 0 }

export interface LogTransfersOptions {
  readonly segments: Segments
  readonly indexes: PlaceIndexes
  readonly writer: Writer
  /** 16 bytes, the cluster's. */
  readonly digestKey: Uint8Array
  readonly onAppended: (count: number) => void
}

export class LogTransfers implements Transfers<PageRecords> {
  readonly #log: LogTransfersOptions
  /** That are not in use: each has memory of its own for what it reads. */
  readonly #scanners: SegmentScanner[] = []

  constructor(options: LogTransfersOptions) {
    this.#log = options
  }

  async read(query: TransferQuery): Promise<TransferPage> {
    const { indexes, writer, digestKey } = this.#log
    const page = new TransferPageEvents(indexes.own, query)
    const end = query.end ?? writer.durableEnd
    const scanner = this.#scanners.pop() ?? new SegmentScanner(digestKey, TRANSFER_BYTES_MAX)
    let next: LogPoint | undefined = query.from ?? BEGINNING
    while (next !== undefined && !page.isFull && page.lookedAt < LOOKED_AT_MAX) {
      next = await this.#scan(scanner, page, next, end)
    }
    if (this.#scanners.length < TRANSFER_RECEIVERS_MAX) this.#scanners.push(scanner)
    return { records: page.records, next, end, rotten: page.rotten }
  }

  /** Scans one segment from there on; where to go on, undefined at the end of the pass. */
  async #scan(
    scanner: SegmentScanner,
    page: TransferPageEvents,
    from: LogPoint,
    end: LogPoint,
  ): Promise<LogPoint | undefined> {
    const { segments } = this.#log
    const segment = segments.from(from.segment)
    if (segment === undefined || segment.number > end.segment) return undefined
    const { number } = segment
    const isLast = number === end.segment
    const bytes = isLast ? Math.min(segment.bytes, end.offset) : segment.bytes
    const wanted = number === from.segment ? from.offset : 0
    const first = Math.min(bytes, Math.ceil(wanted / ALIGNMENT) * ALIGNMENT)
    page.segment = number
    const left = LOOKED_AT_MAX - page.lookedAt
    const isEnough = (at: number): boolean => page.isFull || at - first >= left
    let reached = bytes
    let retained: Retained | undefined
    try {
      retained = await segments.retain(number)
      // It was removed meanwhile: the exchange finds what it had.
      if (retained === undefined) return { segment: number + 1, offset: 0 }
      const part = { from: first, isEnough }
      reached = await scanner.scan({ number, bytes }, retained.file, page, part)
    } catch {
      // Its disk does not give it: so much is missing from the pass.
      page.onDamage()
    } finally {
      retained?.release()
    }
    reached = page.stoppedAt ?? reached
    page.lookedAt += reached - first
    if (reached < bytes) return { segment: number, offset: reached }
    return isLast ? undefined : { segment: number + 1, offset: 0 }
  }

  open(records: Uint8Array): PageRecords | undefined {
    return PageRecords.of(records, this.#log.digestKey)
  }

  absent(records: PageRecords, first: number, end: number): (index: number) => boolean {
    const from = first * MOVED_WORDS + MovedWord.tokenHi
    const tokens = { words: records.words, from, stride: MOVED_WORDS, count: end - first }
    const soles = this.#log.indexes.own.soles(tokens)
    return (index) => soles.isNone(index - first)
  }

  append(records: PageRecords, indexes: readonly number[]): number {
    const { indexes: places, writer } = this.#log
    if (indexes.length === 0) return writer.sequence
    if (places.isBehind) {
      throw new OperatingError('overloaded', 'too much waits for the disk: write more slowly')
    }
    let bytes = 0
    for (const index of indexes) bytes += records.bytesMoved(index)
    writer.reserve(bytes, false)
    const starts = Uint32Array.from(indexes, (index) => records.start(index))
    const offset = writer.addMoved(records.bytes, starts, indexes.length, bytes)
    const words = this.#entriesOf(records, indexes, offset)
    places.own.insertAll(words, indexes.length, bytes)
    this.#log.onAppended(indexes.length)
    return writer.commit()
  }

  #entriesOf(records: PageRecords, indexes: readonly number[], first: number): Uint32Array {
    const { segment } = this.#log.writer
    const words = new Uint32Array(DIRECTORY_WORDS * indexes.length)
    let offset = first
    let at = 0
    let tag = NO_TAG
    let before: number | undefined
    for (const index of indexes) {
      const { hi, lo } = records.tokenAt(index)
      const isSame = before !== undefined && records.haveSameBucket(before, index)
      if (!isSame) tag = tagOf(records.bucketAt(index))
      before = index
      const location = { segment, offset, tag }
      words[at] = hi
      words[at + 1] = lo
      words[at + 2] = segmentWord(location)
      words[at + 3] = offsetWord(location)
      offset += records.bytesMoved(index)
      at += DIRECTORY_WORDS
    }
    return words
  }
}
