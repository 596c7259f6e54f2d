/**
 * Read the keys of a token range in order, a page at a time: whole copies, or digests alone.
 *
 * A page looks at a bounded number of entries, whatever it finds, so it may come back short or
 * empty and still say where to go on. Keys that change meanwhile are given as they were or as they
 * are. A page ends before a rotten record, and none begins with one: a key that is left out
 * unnoticed would count as absent here.
 *
 * The index has a byte of each record's bucket, so a scan of one bucket reads of every other one
 * about 1 record in 255.
 */
import { OperatingError } from '../../base/errors.ts'
import { equalBytes } from '../../base/bytes.ts'
import { compareU64, equalU64, nextU64 } from '../../base/u64.ts'
import { type Token, tokenOf } from '../../native/digest.ts'
import type { DigestPage, ScanPage, ScanQuery } from '../engine.ts'
import type { Indexed, KeyIndex } from './key-index.ts'
import { NO_TAG, type Place, tagOf } from './place.ts'
import { RecordKind } from './record-kinds.ts'
import {
  type NamedReading,
  PREFIX_ALONE,
  type Reading,
  type RecordReader,
  WHOLE,
} from './record-reader.ts'

/** Entries of the index that one page takes at once, unless one token alone has more. */
const BATCH_MIN = 64
const BATCH_MAX = 1024
/** Entries that one page looks at, and tokens whose records it reads. */
const LOOKED_AT_MAX = 16 * BATCH_MAX
const READ_MAX = 1024

interface Page {
  readonly found: readonly { readonly token: Token; readonly reading: NamedReading }[]
  readonly next: Token | undefined
}

/** A page while it is made. */
interface Filling {
  readonly query: ScanQuery
  /** Of the query's bucket; `NO_TAG` where it asks for all. */
  readonly tag: number
  /** Whether the page takes the prefix of each object and not all of it. */
  readonly isOfPrefixes: boolean
  readonly found: Page['found'][number][]
  bytes: number
  read: number
}

export class Scanner {
  readonly #index: KeyIndex
  readonly #reader: RecordReader

  constructor(index: KeyIndex, reader: RecordReader) {
    this.#index = index
    this.#reader = reader
  }

  async scan(query: ScanQuery): Promise<ScanPage> {
    return copiesOf(await this.#page(query, false))
  }

  async prefixes(query: ScanQuery): Promise<ScanPage> {
    return copiesOf(await this.#page(query, true))
  }

  async digests(query: ScanQuery): Promise<DigestPage> {
    const { found, next } = await this.#page(query, true)
    const entries = found.map(({ token, reading: { name, digest } }) => ({ token, name, digest }))
    return { entries, next }
  }

  async #page(query: ScanQuery, isOfPrefixes: boolean): Promise<Page> {
    const tag = query.bucket === undefined ? NO_TAG : tagOf(query.bucket)
    const page: Filling = { query, tag, isOfPrefixes, found: [], bytes: 0, read: 0 }
    const { found } = page
    const batch = Math.min(BATCH_MAX, Math.max(BATCH_MIN, query.keysMax))
    let from = query.from
    for (let lookedAt = 0; lookedAt < LOOKED_AT_MAX; lookedAt += batch) {
      const tokens = byToken(this.#index.page(from, batch))
      for (const entries of tokens) {
        const { token } = entries[0] as Indexed
        if (compareU64(token, query.to) > 0) return { found, next: undefined }
        if (found.length >= query.keysMax || page.read >= READ_MAX) return { found, next: token }
        if (!(await this.#add(page, token, entries))) return { found, next: token }
      }
      const last = tokens.at(-1)?.[0]?.token
      if (last === undefined || compareU64(last, query.to) >= 0) return { found, next: undefined }
      from = nextU64(last) as Token
    }
    return { found, next: from }
  }

  /**
   * Adds the keys of one token. False where the page ends before it: it has rotted, or would make
   * the page too long.
   */
  async #add(page: Filling, token: Token, entries: readonly Indexed[]): Promise<boolean> {
    const { query, found, tag } = page
    if (entries.every(({ place }) => isOfOther(place, tag))) return true
    page.read += 1
    const isFirst = found.length === 0
    const left = isFirst ? WHOLE : Math.max(0, query.bytesMax - page.bytes)
    const objectBytesMax = page.isOfPrefixes ? PREFIX_ALONE : left
    const [only, ...others] = entries as readonly [Indexed, ...Indexed[]]
    const readings =
      others.length === 0
        ? await this.#readOne(token, only.place, objectBytesMax)
        : await this.#readAll(token, objectBytesMax)
    if (!areRead(readings, token, query.bucket)) {
      if (compareU64(token, query.from) > 0) return false
      throw new OperatingError('record-rotten', 'a copy in this range has rotted')
    }
    const wanted = readings.filter(isPresent).filter(({ name }) => {
      return query.bucket === undefined || equalBytes(query.bucket, name.bucket)
    })
    const bytes = wanted.reduce((sum, reading) => sum + bytesOf(reading, page.isOfPrefixes), 0)
    if (!isFirst && wanted.length > 0 && page.bytes + bytes > query.bytesMax) return false
    for (const reading of wanted) found.push({ token, reading })
    page.bytes += bytes
    return true
  }

  /** The token's only record; read anew where its segment was removed since the page was made. */
  async #readOne(
    token: Token,
    { segment, offset }: Place,
    objectBytesMax: number,
  ): Promise<readonly Reading[]> {
    const reading = await this.#reader.read({ segment, offset, name: undefined, objectBytesMax })
    return reading.verdict === 'gone' ? this.#readAll(token, objectBytesMax) : [reading]
  }

  /** The newest record of each key of one token, and all records whose key is unknown. */
  async #readAll(token: Token, objectBytesMax: number): Promise<readonly Reading[]> {
    const newest: NamedReading[] = []
    const unnamed: Reading[] = []
    for (const { reading } of await this.#index.readings(token, undefined, objectBytesMax)) {
      if (!isNamed(reading)) {
        unnamed.push(reading)
        continue
      }
      const index = newest.findIndex(
        ({ name }) =>
          equalBytes(name.key, reading.name.key) && equalBytes(name.bucket, reading.name.bucket),
      )
      if (index === -1) newest.push(reading)
      else if ((newest[index] as Reading).sequence < reading.sequence) newest[index] = reading
    }
    return [...newest, ...unnamed]
  }
}

function copiesOf({ found, next }: Page): ScanPage {
  const entries = found.map(({ token, reading }) => {
    const { name, note, object, digest } = reading
    return { token, name, note, object, digest }
  })
  return { entries, next }
}

/** The entries of each token together. */
function byToken(entries: readonly Indexed[]): readonly (readonly Indexed[])[] {
  const tokens: Indexed[][] = []
  for (const entry of entries) {
    const last = tokens.at(-1)
    if (last !== undefined && equalU64((last[0] as Indexed).token, entry.token)) last.push(entry)
    else tokens.push([entry])
  }
  return tokens
}

/** Whether the record is certainly of another bucket than those with this tag. */
function isOfOther(place: Place, tag: number): boolean {
  return tag !== NO_TAG && place.tag !== NO_TAG && place.tag !== tag
}

/** Also where less was read: an object that is too long for the page counts whole. */
function bytesOf({ name, object, objectBytes }: NamedReading, isOfPrefixes: boolean): number {
  return name.bucket.length + name.key.length + (isOfPrefixes ? object.length : objectBytes)
}

/** Whether each record is sound, or is rotten and certainly of another bucket. */
function areRead(
  readings: readonly Reading[],
  token: Token,
  bucket: Uint8Array | undefined,
): boolean {
  return readings.every(({ verdict, name }) => {
    if (verdict === 'sound') return true
    if (name === undefined || bucket === undefined || equalBytes(bucket, name.bucket)) return false
    return equalU64(tokenOf(name.bucket, name.key), token)
  })
}

function isNamed(reading: Reading): reading is NamedReading {
  return reading.name !== undefined
}

function isPresent(reading: Reading): reading is NamedReading {
  return reading.verdict === 'sound' && reading.kind === RecordKind.object && isNamed(reading)
}
