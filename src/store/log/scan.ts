/**
 * Read the keys of a token range in order, a page at a time: whole copies, or digests alone.
 *
 * A page looks at a bounded number of entries, whatever it finds, so it may come back short or
 * empty and still say where to go on. Keys that change meanwhile are given as they were or as they
 * are. A page ends before a rotten record, and none begins with one: a key that is left out
 * unnoticed would count as absent here.
 */
import { OperatingError } from '../../base/errors.ts'
import { compareU64, equalU64, nextU64, u64 } from '../../base/u64.ts'
import { equalBytes } from '../../base/bytes.ts'
import { type Token, tokenOf } from '../../native/digest.ts'
import { DIRECTORY_WORDS } from '../../native/key-directory.ts'
import type { DigestPage, ScanPage, ScanQuery } from '../engine.ts'
import type { KeyIndex } from './key-index.ts'
import { RecordKind } from './record-kinds.ts'
import type { NamedReading, Reading, RecordReader } from './record-reader.ts'

/** Entries of the directory that one page looks at, unless one token alone has more. */
const LOOKED_AT_MIN = 64
const LOOKED_AT_MAX = 1024

interface Page {
  readonly found: readonly { readonly token: Token; readonly reading: NamedReading }[]
  readonly next: Token | undefined
}

export class Scanner {
  readonly #index: KeyIndex
  readonly #reader: RecordReader

  constructor(index: KeyIndex, reader: RecordReader) {
    this.#index = index
    this.#reader = reader
  }

  async scan(query: ScanQuery): Promise<ScanPage> {
    const { found, next } = await this.#page(query, false)
    const entries = found.map(({ token, reading }) => {
      const { name, note, object, digest } = reading
      return { token, name, note, object, digest }
    })
    return { entries, next }
  }

  async digests(query: ScanQuery): Promise<DigestPage> {
    const { found, next } = await this.#page(query, true)
    const entries = found.map(({ token, reading: { name, digest } }) => ({ token, name, digest }))
    return { entries, next }
  }

  async #page(query: ScanQuery, isHeadOnly: boolean): Promise<Page> {
    const lookedAt = Math.min(LOOKED_AT_MAX, Math.max(LOOKED_AT_MIN, query.keysMax))
    const words = new Uint32Array(lookedAt * DIRECTORY_WORDS)
    const count = this.#index.directory.page(query.from.hi, query.from.lo, words)
    const found: { token: Token; reading: NamedReading }[] = []
    let bytes = 0
    let last: Token | undefined
    for (let i = 0; i < count; i++) {
      const token = tokenAt(words, i)
      if (compareU64(token, query.to) > 0) return { found, next: undefined }
      if (last !== undefined && compareU64(token, last) === 0) continue
      if (found.length >= query.keysMax || bytes >= query.bytesMax) return { found, next: token }
      last = token
      const isOnly = i + 1 === count || compareU64(tokenAt(words, i + 1), token) !== 0
      const readings = isOnly
        ? await this.#readOne(token, wordAt(words, i, 2), wordAt(words, i, 3), isHeadOnly)
        : await this.#readAll(token, isHeadOnly)
      if (!areRead(readings, token, query.bucket)) {
        if (compareU64(token, query.from) > 0) return { found, next: token }
        throw new OperatingError('record-rotten', 'a copy in this range has rotted')
      }
      for (const reading of readings.filter(isPresent)) {
        const { name, object } = reading
        if (query.bucket !== undefined && !equalBytes(query.bucket, name.bucket)) continue
        found.push({ token, reading })
        bytes += name.bucket.length + name.key.length + object.length
      }
    }
    const isEnd = last === undefined || compareU64(last, query.to) >= 0
    return { found, next: isEnd ? undefined : nextU64(last as Token) }
  }

  /** The token's only record; read anew where its segment was removed since the page was made. */
  async #readOne(
    token: Token,
    segment: number,
    offset: number,
    isHeadOnly: boolean,
  ): Promise<readonly Reading[]> {
    const reading = await this.#reader.read({ segment, offset, name: undefined, isHeadOnly })
    return reading.verdict === 'gone' ? this.#readAll(token, isHeadOnly) : [reading]
  }

  /** The newest record of each key of one token, and all records whose key is unknown. */
  async #readAll(token: Token, isHeadOnly: boolean): Promise<readonly Reading[]> {
    const newest: NamedReading[] = []
    const unnamed: Reading[] = []
    for (const { reading } of await this.#index.readings(token, undefined, isHeadOnly)) {
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

function wordAt(words: Uint32Array, index: number, word: number): number {
  return words[index * DIRECTORY_WORDS + word] as number
}

function tokenAt(words: Uint32Array, index: number): Token {
  return u64(wordAt(words, index, 0), wordAt(words, index, 1))
}
