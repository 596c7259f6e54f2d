/**
 * The engine `memory`: keeps copies in memory alone, and restarts empty.
 *
 * For caches, for tests, and as the simplest implementation of the contract in `engine.ts`. After
 * a restart, a node on it counts as one whose disk was emptied.
 *
 * Keys stand in token order in many short lists, chosen by the token's first bits, so that adding
 * one moves few others.
 */
import { assert } from '../../base/assert.ts'
import { equalBytes } from '../../base/bytes.ts'
import { compareU64, u64 } from '../../base/u64.ts'
import type { KeyName } from '../../dynamo/names.ts'
import type { Digest, Token } from '../../native/digest.ts'
import type {
  Capabilities,
  DigestPage,
  Engine,
  EngineReport,
  Entry,
  ScanPage,
  ScanQuery,
  Stored,
} from '../engine.ts'

const LIST_BITS = 12
const LISTS = 2 ** LIST_BITS

interface Kept extends Stored {
  readonly prefixBytes: number
  readonly token: Token
  readonly name: KeyName
}

const DONE: Promise<void> = Promise.resolve()

export class MemoryEngine implements Engine {
  readonly capabilities: Capabilities = { isDurable: false }
  readonly failed: Promise<never> = new Promise(() => undefined)
  /** Each in token order. */
  readonly #lists: Kept[][] = Array.from({ length: LISTS }, () => [])
  #sequence = 0
  #keys = 0
  #bytes = 0

  get(token: Token, name: KeyName): Stored | undefined {
    const kept = this.#find(token, name)
    if (kept === undefined) return undefined
    return { note: kept.note.slice(), object: kept.object.slice(), digest: kept.digest }
  }

  digest(token: Token, name: KeyName): Digest | undefined {
    return this.#find(token, name)?.digest
  }

  append(entries: readonly Entry[]): number {
    assert(entries.length > 0, 'something is appended')
    for (const entry of entries) {
      this.#sequence += 1
      this.#forget(entry.token, entry.name)
      if (entry.kind === 'object') this.#keep(entry)
    }
    return this.#sequence
  }

  synced(sequence: number): Promise<void> {
    assert(sequence <= this.#sequence, 'only what was appended can be waited for')
    return DONE
  }

  async scan(query: ScanQuery): Promise<ScanPage> {
    return this.#copies(query, ({ object }) => object.length)
  }

  async prefixes(query: ScanQuery): Promise<ScanPage> {
    return this.#copies(query, ({ prefixBytes }) => prefixBytes)
  }

  /** A page of copies, with as many bytes of each object. */
  #copies(query: ScanQuery, sizeOf: (kept: Kept) => number): ScanPage {
    const { found, next } = this.#page(query, sizeOf)
    const entries = found.map((kept) => {
      const { token, name, note, object, digest } = kept
      return { token, name, note: note.slice(), object: object.slice(0, sizeOf(kept)), digest }
    })
    return { entries, next }
  }

  async digests(query: ScanQuery): Promise<DigestPage> {
    const { found, next } = this.#page(query, () => 0)
    return { entries: found.map(({ token, name, digest }) => ({ token, name, digest })), next }
  }

  #page(
    query: ScanQuery,
    sizeOf: (kept: Kept) => number,
  ): { readonly found: readonly Kept[]; readonly next: Token | undefined } {
    const found: Kept[] = []
    let bytes = 0
    for (let index = listOf(query.from); index <= listOf(query.to); index++) {
      const list = this.#lists[index] as Kept[]
      for (let at = lowerBound(list, query.from); at < list.length; ) {
        const { token } = list[at] as Kept
        if (compareU64(token, query.to) > 0) break
        const end = endOf(list, at)
        const wanted = list.slice(at, end).filter(({ name }) => {
          return query.bucket === undefined || equalBytes(query.bucket, name.bucket)
        })
        const size = wanted.reduce((sum, kept) => sum + nameBytes(kept) + sizeOf(kept), 0)
        const isFull = found.length >= query.keysMax || bytes + size > query.bytesMax
        if (isFull && found.length > 0 && wanted.length > 0) return { found, next: token }
        found.push(...wanted)
        bytes += size
        at = end
      }
    }
    return { found, next: undefined }
  }

  report(): EngineReport {
    return {
      keys: this.#keys,
      bytes: this.#bytes,
      appends: this.#sequence,
      durableSequence: 0,
      durableKeys: 0,
      unsyncedBytes: 0,
    }
  }

  async close(): Promise<void> {
    for (const list of this.#lists) list.length = 0
  }

  #find(token: Token, name: KeyName): Kept | undefined {
    const list = this.#lists[listOf(token)] as Kept[]
    const index = indexOf(list, token, name)
    return index === -1 ? undefined : list[index]
  }

  #forget(token: Token, name: KeyName): void {
    const list = this.#lists[listOf(token)] as Kept[]
    const index = indexOf(list, token, name)
    if (index === -1) return
    this.#bytes -= bytesOf(list[index] as Kept)
    this.#keys -= 1
    list.splice(index, 1)
  }

  #keep(entry: Extract<Entry, { kind: 'object' }>): void {
    const kept: Kept = {
      token: u64(entry.token.hi, entry.token.lo),
      name: { bucket: entry.name.bucket.slice(), key: entry.name.key.slice() },
      note: entry.note.slice(),
      object: entry.object.slice(),
      prefixBytes: entry.prefixBytes,
      digest: entry.digest,
    }
    const list = this.#lists[listOf(kept.token)] as Kept[]
    list.splice(lowerBound(list, kept.token), 0, kept)
    this.#bytes += bytesOf(kept)
    this.#keys += 1
  }
}

function bytesOf(kept: Kept): number {
  return nameBytes(kept) + kept.note.length + kept.object.length
}

function nameBytes({ name }: Kept): number {
  return name.bucket.length + name.key.length
}

/** The index behind the last entry with the token of `list[at]`. */
function endOf(list: readonly Kept[], at: number): number {
  const { token } = list[at] as Kept
  let end = at + 1
  while (end < list.length && compareU64((list[end] as Kept).token, token) === 0) end += 1
  return end
}

function listOf(token: Token): number {
  return token.hi >>> (32 - LIST_BITS)
}

/** The index of the first entry whose token is not below. */
function lowerBound(list: readonly Kept[], token: Token): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareU64((list[middle] as Kept).token, token) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** The index of this key, or -1. */
function indexOf(list: readonly Kept[], token: Token, name: KeyName): number {
  for (let i = lowerBound(list, token); i < list.length; i++) {
    const kept = list[i] as Kept
    if (compareU64(kept.token, token) !== 0) return -1
    if (equalBytes(kept.name.key, name.key) && equalBytes(kept.name.bucket, name.bucket)) return i
  }
  return -1
}
