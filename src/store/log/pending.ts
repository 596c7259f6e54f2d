/**
 * Keep the records that are appended and not yet durable, in the order of the log.
 *
 * An append encodes its record here, at the place that it will have in the file. Until the group
 * commit has synced it, readers find it here; the group commit writes these very bytes.
 *
 * Memory comes in chunks. A chunk belongs to one segment and is used again when all of it is
 * durable; the newest one is kept, and goes on filling through many small groups.
 *
 * Invariant: bytes of a chunk below `filled` do not change while it is in the list.
 */
import { assert } from '../../base/assert.ts'
import { Spares } from '../../base/spares.ts'

const CHUNK_BYTES_MAX = 1024 * 1024
const SPARES_MAX = 8

export interface Chunk {
  readonly segment: number
  /** Where bytes[0] stands in the segment. */
  readonly base: number
  readonly bytes: Uint8Array
  filled: number
}

export interface Part {
  readonly position: number
  readonly bytes: Uint8Array
}

export class Pending {
  readonly #chunkBytes: number
  /** Ascending by (segment, base). */
  readonly #chunks: Chunk[] = []
  readonly #spares: Spares<Uint8Array>

  constructor(segmentBytes: number) {
    const bytes = Math.min(CHUNK_BYTES_MAX, segmentBytes)
    this.#chunkBytes = bytes
    this.#spares = new Spares(SPARES_MAX, () => new Uint8Array(bytes))
  }

  /** The chunk in which `bytes` at this place, the end of the log, are to be written. */
  chunkAt(segment: number, offset: number, bytes: number): Chunk {
    const last = this.#chunks.at(-1)
    if (last !== undefined && last.segment === segment) {
      assert(last.base + last.filled === offset, 'records follow one another')
      if (last.filled + bytes <= last.bytes.length) return last
    }
    const chunk = { segment, base: offset, bytes: this.#memory(bytes), filled: 0 }
    this.#chunks.push(chunk)
    return chunk
  }

  /** The chunk with the record at this place; undefined if the record is in the file. */
  find(segment: number, offset: number): Chunk | undefined {
    const chunks = this.#chunks
    if (chunks.length === 0 || isBefore(segment, offset, chunks[0] as Chunk)) return undefined
    let low = 0
    let high = chunks.length
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if (isBefore(segment, offset, chunks[middle] as Chunk)) high = middle
      else low = middle
    }
    const chunk = chunks[low] as Chunk
    if (chunk.segment !== segment || offset >= chunk.base + chunk.filled) return undefined
    return chunk
  }

  /** The bytes from `from` to `to` of a segment, as they are to be written. */
  parts(segment: number, from: number, to: number): readonly Part[] {
    const parts: Part[] = []
    for (const chunk of this.#chunks) {
      if (chunk.segment !== segment) continue
      const first = Math.max(from, chunk.base)
      const end = Math.min(to, chunk.base + chunk.filled)
      if (first >= end) continue
      const bytes = chunk.bytes.subarray(first - chunk.base, end - chunk.base)
      parts.push({ position: first, bytes })
    }
    return parts
  }

  /** Frees the chunks before this place: their records are durable, and read from the files. */
  release(segment: number, offset: number): void {
    while (this.#chunks.length > 1) {
      const first = this.#chunks[0] as Chunk
      const isDurable =
        first.segment < segment ||
        (first.segment === segment && first.base + first.filled <= offset)
      if (!isDurable) return
      this.#chunks.shift()
      if (first.bytes.length === this.#chunkBytes) this.#spares.giveBack(first.bytes)
    }
  }

  #memory(bytes: number): Uint8Array {
    return bytes > this.#chunkBytes ? new Uint8Array(bytes) : this.#spares.take()
  }
}

function isBefore(segment: number, offset: number, chunk: Chunk): boolean {
  return segment < chunk.segment || (segment === chunk.segment && offset < chunk.base)
}
