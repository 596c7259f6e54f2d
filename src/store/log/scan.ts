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
import type { PlaceIndexes } from './place-indexes.ts'
import { NO_TAG, type Location, tagOf } from './location.ts'
import { RecordKind } from './record-kinds.ts'
import {
  type NamedReading,
  PREFIX_ALONE,
  type Reading,
  type RecordReader,
  WHOLE,
} from './record-reader.ts'

/** Entries of the index that one page takes at once, unless one token alone has more. */
const BATCH_MIN = 16
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
  readonly index: KeyIndex
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
  readonly #indexes: PlaceIndexes
  readonly #reader: RecordReader

  constructor(indexes: PlaceIndexes, reader: RecordReader) {
    this.#indexes = indexes
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
    const entries = found.map(({ token, reading: { copy, digest } }) => ({
      token,
      ...copy,
      digest,
    }))
    return { entries, next }
  }

  async #page(query: ScanQuery, isOfPrefixes: boolean): Promise<Page> {
    const index = this.#indexes.find(query.place)
    if (index === undefined) return { found: [], next: undefined }
    const tag = query.bucket === undefined ? NO_TAG : tagOf(query.bucket.name)
    const page: Filling = { index, query, tag, isOfPrefixes, found: [], bytes: 0, read: 0 }
    const { found } = page
    const batch = Math.min(BATCH_MAX, Math.max(BATCH_MIN, query.keysMax))
    let from = query.from
    for (let lookedAt = 0; lookedAt < LOOKED_AT_MAX; lookedAt += batch) {
      const tokens = byToken(index.page(from, batch))
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
    if (entries.every(({ location }) => isOfOther(location, tag))) return true
    page.read += 1
    const isFirst = found.length === 0
    const left = isFirst ? WHOLE : Math.max(0, query.bytesMax - page.bytes)
    const objectBytesMax = page.isOfPrefixes ? PREFIX_ALONE : left
    const [only, ...others] = entries as readonly [Indexed, ...Indexed[]]
    const readings =
      others.length === 0
        ? await this.#readOne(page.index, token, only.location, objectBytesMax)
        : await readAll(page.index, token, objectBytesMax)
    if (!areRead(readings, token, query.bucket)) {
      if (compareU64(token, query.from) > 0) return false
      throw new OperatingError('record-rotten', 'a copy in this range has rotted')
    }
    const wanted = readings.filter(isPresent).filter(({ copy }) => isIn(copy, query.bucket))
    const bytes = wanted.reduce((sum, reading) => sum + bytesOf(reading, page.isOfPrefixes), 0)
    if (!isFirst && wanted.length > 0 && page.bytes + bytes > query.bytesMax) return false
    for (const reading of wanted) found.push({ token, reading })
    page.bytes += bytes
    return true
  }

  /** The token's only record; read anew where its segment was removed since the page was made. */
  async #readOne(
    index: KeyIndex,
    token: Token,
    { segment, offset }: Location,
    objectBytesMax: number,
  ): Promise<readonly Reading[]> {
    const reading = await this.#reader.read({ segment, offset, copy: undefined, objectBytesMax })
    return reading.verdict === 'gone' ? readAll(index, token, objectBytesMax) : [reading]
  }
}

/** The newest record of each key of one token, and all records whose key is unknown. */
async function readAll(
  index: KeyIndex,
  token: Token,
  objectBytesMax: number,
): Promise<readonly Reading[]> {
  const newest: NamedReading[] = []
  const unnamed: Reading[] = []
  for (const { reading } of await index.readings(token, undefined, objectBytesMax)) {
    if (!isNamed(reading)) {
      unnamed.push(reading)
      continue
    }
    const at = newest.findIndex(({ copy }) => isSameKey(copy, reading.copy))
    if (at === -1) newest.push(reading)
    else if ((newest[at] as Reading).sequence < reading.sequence) newest[at] = reading
  }
  return [...newest, ...unnamed]
}

function isSameKey(a: NamedReading['copy'], b: NamedReading['copy']): boolean {
  return (
    equalBytes(a.name.key, b.name.key) &&
    isIn(a, { name: b.name.bucket, creation: b.bucketId.creation })
  )
}

/** Whether the copy is of this bucket, if one is asked for. */
function isIn({ name, bucketId }: NamedReading['copy'], bucket: ScanQuery['bucket']): boolean {
  if (bucket === undefined) return true
  return equalBytes(name.bucket, bucket.name) && bucketId.creation === bucket.creation
}

function copiesOf({ found, next }: Page): ScanPage {
  const entries = found.map(({ token, reading }) => {
    const { copy, note, object, digest } = reading
    return { token, ...copy, note, object, digest }
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
function isOfOther(location: Location, tag: number): boolean {
  return tag !== NO_TAG && location.tag !== NO_TAG && location.tag !== tag
}

/** Also where less was read: an object that is too long for the page counts whole. */
function bytesOf(
  { copy: { name }, object, objectBytes }: NamedReading,
  isOfPrefixes: boolean,
): number {
  return name.bucket.length + name.key.length + (isOfPrefixes ? object.length : objectBytes)
}

/** Whether each record is sound, or is rotten and certainly of another bucket. */
function areRead(readings: readonly Reading[], token: Token, bucket: ScanQuery['bucket']): boolean {
  return readings.every(({ verdict, copy }) => {
    if (verdict === 'sound') return true
    if (copy === undefined || isIn(copy, bucket)) return false
    return equalU64(tokenOf(copy.name.bucket, copy.name.key), token)
  })
}

function isNamed(reading: Reading): reading is NamedReading {
  return reading.copy !== undefined
}

function isPresent(reading: Reading): reading is NamedReading {
  return reading.verdict === 'sound' && reading.kind === RecordKind.object && isNamed(reading)
}
