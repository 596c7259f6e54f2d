/**
 * Read keys in token order, a page at a time.
 *
 * A page is a moment's work: it looks at a bounded number of records, whatever it finds, and may
 * come back with few entries or none and a place to go on from. Keys that change meanwhile are
 * given as they were or as they are. A record that cannot be believed is left out (and traced): who
 * compares copies finds that it is missing here, and repairs it.
 */
import { equalBytes } from '../../base/bytes.ts'
import { compareU64, nextU64, u64 } from '../../base/u64.ts'
import type { Token } from '../../native/digest.ts'
import { DIRECTORY_WORDS } from '../../native/key-directory.ts'
import type { ScanPage, ScanQuery } from '../engine.ts'
import type { KeyIndex } from './key-index.ts'
import { RecordKind } from './record-kinds.ts'
import type { Reading, RecordReader } from './record-reader.ts'

/** Entries of the directory that one page looks at, save where one token alone has more. */
const LOOKED_AT_MIN = 64
const LOOKED_AT_MAX = 1024

type PageEntry = ScanPage['entries'][number]

export async function scanPage(
  places: KeyIndex,
  reader: RecordReader,
  query: ScanQuery,
): Promise<ScanPage> {
  const lookedAt = Math.min(LOOKED_AT_MAX, Math.max(LOOKED_AT_MIN, query.keysMax))
  const words = new Uint32Array(lookedAt * DIRECTORY_WORDS)
  const count = places.directory.page(query.from.hi, query.from.lo, words)
  const entries: PageEntry[] = []
  let bytes = 0
  let last: Token | undefined
  for (let i = 0; i < count; i++) {
    const token = tokenAt(words, i)
    if (compareU64(token, query.to) > 0) return { entries, next: undefined }
    if (last !== undefined && compareU64(token, last) === 0) continue
    if (entries.length >= query.keysMax || bytes >= query.bytesMax) return { entries, next: token }
    last = token
    const isOnly = i + 1 === count || compareU64(tokenAt(words, i + 1), token) !== 0
    const at = { segment: wordAt(words, i, 2), offset: wordAt(words, i, 3) }
    const found = isOnly
      ? present(await read(reader, at.segment, at.offset))
      : await readAll(places, reader, token)
    for (const reading of found) {
      if (reading.name === undefined || isOther(query.bucket, reading.name.bucket)) continue
      const { name, note, object, digest } = reading
      entries.push({ token, name, note, object, digest })
      bytes += name.bucket.length + name.key.length + object.length
    }
  }
  const isEnd = count === 0 || last === undefined || compareU64(last, query.to) >= 0
  return { entries, next: isEnd ? undefined : nextU64(last as Token) }
}

function isOther(wanted: Uint8Array | undefined, bucket: Uint8Array): boolean {
  return wanted !== undefined && !equalBytes(wanted, bucket)
}

async function read(
  reader: RecordReader,
  segment: number,
  offset: number,
): Promise<Reading | undefined> {
  try {
    return await reader.read({ segment, offset, name: undefined, isHeadOnly: false })
  } catch {
    // The disk does not give the bytes: as good as rotten.
    return undefined
  }
}

function present(reading: Reading | undefined): readonly Reading[] {
  if (reading === undefined || reading.rot !== 'none') return []
  return reading.kind === RecordKind.object ? [reading] : []
}

/** The keys of one token, each as its newest record has it. */
async function readAll(
  places: KeyIndex,
  reader: RecordReader,
  token: Token,
): Promise<readonly Reading[]> {
  const newest: Reading[] = []
  for (const { segment, offset } of places.places(token)) {
    const reading = await read(reader, segment, offset)
    const name = reading?.name
    if (reading === undefined || name === undefined) continue
    const index = newest.findIndex(
      (other) =>
        other.name !== undefined &&
        equalBytes(other.name.key, name.key) &&
        equalBytes(other.name.bucket, name.bucket),
    )
    if (index === -1) newest.push(reading)
    else if ((newest[index] as Reading).sequence < reading.sequence) newest[index] = reading
  }
  return newest.filter((reading) => present(reading).length > 0)
}

function wordAt(words: Uint32Array, index: number, word: number): number {
  return words[index * DIRECTORY_WORDS + word] as number
}

function tokenAt(words: Uint32Array, index: number): Token {
  return u64(wordAt(words, index, 0), wordAt(words, index, 1))
}
