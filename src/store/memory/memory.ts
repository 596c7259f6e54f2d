/**
 * The engine `memory`: keeps copies in memory alone, and restarts empty.
 *
 * For caches, for tests, and as the simplest implementation of the contract in `engine.ts`. After
 * a restart, a node on it counts as one whose disk was emptied.
 *
 * The keys of each place stand in token order in many short lists, chosen by the token's first
 * bits, so that adding one moves few others.
 */
import { assert } from '../../base/assert.ts'
import { equalBytes } from '../../base/bytes.ts'
import { compareU64, u64 } from '../../base/u64.ts'
import { type CopyId, OWN, type Place } from '../../dynamo/names.ts'
import type { Digest, Token } from '../../native/digest.ts'
import type {
  Capabilities,
  DigestPage,
  Engine,
  EngineReport,
  PlaceReport,
  Entry,
  ScanPage,
  ScanQuery,
  Stored,
} from '../engine.ts'

const LIST_BITS = 12
const LISTS = 2 ** LIST_BITS

interface Kept extends Stored, CopyId {
  readonly prefixBytes: number
}

/** The copies of one place. */
class Shelf {
  /** Each in token order. */
  readonly lists: Kept[][] = Array.from({ length: LISTS }, () => [])
  keys = 0
  bytes = 0
}

const DONE: Promise<void> = Promise.resolve()

export class MemoryEngine implements Engine {
  readonly capabilities: Capabilities = { isDurable: false }
  readonly failed: Promise<never> = new Promise(() => undefined)
  readonly #shelves = new Map<Place, Shelf>([[OWN, new Shelf()]])
  #sequence = 0

  get(copy: CopyId): Stored | undefined {
    const kept = this.#find(copy)
    if (kept === undefined) return undefined
    const { bucketId, note, object, digest } = kept
    return { bucketId, note: note.slice(), object: object.slice(), digest }
  }

  digest(copy: CopyId): Digest | undefined {
    return this.#find(copy)?.digest
  }

  append(entries: readonly Entry[]): number {
    assert(entries.length > 0, 'something is appended')
    for (const entry of entries) {
      this.#sequence += 1
      if (entry.kind === 'drop') this.#drop(entry)
      else this.#forget(entry)
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
      const object = kept.object.slice(0, sizeOf(kept))
      return { ...idOf(kept), note: kept.note.slice(), object, digest: kept.digest }
    })
    return { entries, next }
  }

  async digests(query: ScanQuery): Promise<DigestPage> {
    const { found, next } = this.#page(query, () => 0)
    return { entries: found.map((kept) => ({ ...idOf(kept), digest: kept.digest })), next }
  }

  #page(
    query: ScanQuery,
    sizeOf: (kept: Kept) => number,
  ): { readonly found: readonly Kept[]; readonly next: Token | undefined } {
    const found: Kept[] = []
    const { lists } = this.#shelf(query.place)
    const { bucket } = query
    let bytes = 0
    for (let index = listOf(query.from); index <= listOf(query.to); index++) {
      const list = lists[index] as Kept[]
      for (let at = lowerBound(list, query.from); at < list.length; ) {
        const { token } = list[at] as Kept
        if (compareU64(token, query.to) > 0) break
        const end = endOf(list, at)
        const wanted = list.slice(at, end).filter(({ name, bucketId }) => {
          if (bucket === undefined) return true
          return bucketId.creation === bucket.creation && equalBytes(bucket.name, name.bucket)
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

  places(): readonly PlaceReport[] {
    return [...this.#shelves]
      .filter(([, { keys }]) => keys > 0)
      .map(([place, { keys, bytes }]) => ({ place, keys, bytes }))
  }

  report(): EngineReport {
    const places = this.places()
    return {
      keys: places.reduce((sum, { keys }) => sum + keys, 0),
      bytes: places.reduce((sum, { bytes }) => sum + bytes, 0),
      appends: this.#sequence,
      durableSequence: 0,
      durableKeys: 0,
      unsyncedBytes: 0,
    }
  }

  async close(): Promise<void> {
    this.#shelves.clear()
  }

  #shelf(place: Place): Shelf {
    let shelf = this.#shelves.get(place)
    if (shelf === undefined) {
      shelf = new Shelf()
      this.#shelves.set(place, shelf)
    }
    return shelf
  }

  #find(copy: CopyId): Kept | undefined {
    const list = this.#shelf(copy.place).lists[listOf(copy.token)] as Kept[]
    return list[indexOf(list, copy)]
  }

  #forget(copy: CopyId): void {
    const shelf = this.#shelf(copy.place)
    const list = shelf.lists[listOf(copy.token)] as Kept[]
    const index = indexOf(list, copy)
    if (index >= 0) remove(shelf, list, index, 1)
  }

  #drop({ place, from, to }: Extract<Entry, { kind: 'drop' }>): void {
    const shelf = this.#shelf(place)
    for (let index = listOf(from); index <= listOf(to); index++) {
      const list = shelf.lists[index] as Kept[]
      const at = lowerBound(list, from)
      const count = list.slice(at).filter(({ token }) => compareU64(token, to) <= 0).length
      remove(shelf, list, at, count)
    }
  }

  #keep(entry: Extract<Entry, { kind: 'object' }>): void {
    const shelf = this.#shelf(entry.place)
    const kept: Kept = {
      place: entry.place,
      bucketId: entry.bucketId,
      token: u64(entry.token.hi, entry.token.lo),
      name: { bucket: entry.name.bucket.slice(), key: entry.name.key.slice() },
      note: entry.note.slice(),
      object: entry.object.slice(),
      prefixBytes: entry.prefixBytes,
      digest: entry.digest,
    }
    const list = shelf.lists[listOf(kept.token)] as Kept[]
    list.splice(lowerBound(list, kept.token), 0, kept)
    shelf.bytes += bytesOf(kept)
    shelf.keys += 1
  }
}

function remove(shelf: Shelf, list: Kept[], at: number, count: number): void {
  for (const kept of list.splice(at, count)) shelf.bytes -= bytesOf(kept)
  shelf.keys -= count
}

function idOf({ place, bucketId, token, name }: Kept): CopyId {
  return { place, bucketId, token, name }
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

/** The index of this copy, or -1. */
function indexOf(list: readonly Kept[], { token, name, bucketId }: CopyId): number {
  for (let i = lowerBound(list, token); i < list.length; i++) {
    const kept = list[i] as Kept
    if (compareU64(kept.token, token) !== 0) return -1
    if (kept.bucketId.creation !== bucketId.creation) continue
    if (equalBytes(kept.name.key, name.key) && equalBytes(kept.name.bucket, name.bucket)) return i
  }
  return -1
}
