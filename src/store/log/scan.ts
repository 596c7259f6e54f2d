/**
 * Read the keys of a token range in order, a page at a time: whole copies, or digests alone.
 *
 * A page looks at a bounded number of entries, whatever it finds, so it may come back short or
 * empty and still say where to go on. Keys that change meanwhile are given as they were or as they
 * are. A rotten record is left out (and traced): replicas that are compared find it missing here
 * and repair it.
 */
import { compareU64, nextU64, u64 } from '../../base/u64.ts'
import { equalBytes } from '../../base/bytes.ts'
import type { Token } from '../../native/digest.ts'
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
      for (const reading of readings) {
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
  ): Promise<readonly NamedReading[]> {
    const reading = await this.#reader.read({ segment, offset, name: undefined, isHeadOnly })
    if (reading.verdict === 'gone') return this.#readAll(token, isHeadOnly)
    return isPresent(reading) ? [reading] : []
  }

  /** The keys of one token, each with its newest record. */
  async #readAll(token: Token, isHeadOnly: boolean): Promise<readonly NamedReading[]> {
    const newest: NamedReading[] = []
    for (const { reading } of await this.#index.readings(token, undefined, isHeadOnly)) {
      if (!isNamed(reading)) continue
      const index = newest.findIndex(
        ({ name }) =>
          equalBytes(name.key, reading.name.key) && equalBytes(name.bucket, reading.name.bucket),
      )
      if (index === -1) newest.push(reading)
      else if ((newest[index] as Reading).sequence < reading.sequence) newest[index] = reading
    }
    return newest.filter(isPresent)
  }
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
