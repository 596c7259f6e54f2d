/**
 * Cut a stream of bytes into lines, plain or compressed.
 *
 * gzip is recognised by its first two bytes, not by the file's name, so standard input may be
 * either.
 */
import { createReadStream, statSync } from 'node:fs'
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { EMPTY_BYTES, joinBytes, utf8TextExact } from '../../base/bytes.ts'
import { MESSAGE_BYTES_MAX } from '../../limits.ts'
import { isOperatingError } from '../../base/errors.ts'
import { misuse } from '../outcome.ts'
import { standardInput } from '../standard-input.ts'

const NEWLINE = 10
const GZIP_MAGIC = [0x1f, 0x8b] as const

export interface Source {
  readonly lines: AsyncIterable<string>
  /** Bytes read from the file so far, before decompression. */
  readonly bytesRead: () => number
  /** Of the file; undefined for standard input. */
  readonly bytesTotal: number | undefined
  /** Stops reading, also where the next line may never come. */
  readonly close: () => void
}

/** The lines of `file`, of standard input where there is none. Throws `input-wrong`. */
export function linesOf(file: string | undefined): Source {
  let bytesRead = 0
  let raw: Readable | undefined
  async function* counted(): AsyncGenerator<Uint8Array> {
    try {
      // Opened only now: a stream that fails without a listener would end the process.
      raw = file === undefined ? standardInput() : createReadStream(file)
      for await (const chunk of raw as AsyncIterable<Uint8Array>) {
        bytesRead += chunk.length
        yield chunk
      }
    } catch (cause) {
      if (isOperatingError(cause)) throw cause
      throw misuse(`${file ?? 'standard input'} cannot be read: ${(cause as Error).message}`, cause)
    }
  }
  return {
    lines: cut(inflated(counted())),
    bytesRead: () => bytesRead,
    bytesTotal: file === undefined ? undefined : statSync(file, { throwIfNoEntry: false })?.size,
    close: () => raw?.destroy(),
  }
}

async function* inflated(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  // A pipe may bring a byte at a time.
  let head: Uint8Array = EMPTY_BYTES
  while (head.length < GZIP_MAGIC.length) {
    const next = await chunks.next()
    if (next.done === true) break
    head = head.length === 0 ? next.value : joinBytes([head, next.value])
  }
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield head
    yield* chunks
  }
  if (head[0] !== GZIP_MAGIC[0] || head[1] !== GZIP_MAGIC[1]) {
    yield* whole()
    return
  }
  const gunzip = createGunzip()
  const compressed = Readable.from(whole(), { objectMode: false })
  compressed.on('error', (error) => gunzip.destroy(error))
  try {
    for await (const chunk of compressed.pipe(gunzip)) yield chunk as Uint8Array
  } catch (cause) {
    if (!(cause as NodeJS.ErrnoException).code?.startsWith('Z_')) throw cause
    throw misuse(`the gzip data is broken: ${(cause as Error).message}`, cause)
  }
}

/** Lines without their ends; an empty one is left out, the last may lack its end. */
export async function* cut(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let begun: Uint8Array[] = []
  let begunBytes = 0
  let lineNumber = 1
  for await (const chunk of chunks) {
    let from = 0
    for (;;) {
      const at = chunk.indexOf(NEWLINE, from)
      if (at === -1) break
      begun.push(chunk.subarray(from, at))
      yield textOf(begun, lineNumber++)
      begun = []
      begunBytes = 0
      from = at + 1
    }
    if (from === chunk.length) continue
    begun.push(chunk.subarray(from))
    begunBytes += chunk.length - from
    if (begunBytes > MESSAGE_BYTES_MAX) {
      throw misuse(`line ${lineNumber} is longer than ${MESSAGE_BYTES_MAX} bytes: no record is`)
    }
  }
  if (begun.length > 0) yield textOf(begun, lineNumber)
}

function textOf(parts: readonly Uint8Array[], lineNumber: number): string {
  const bytes = parts.length === 1 ? (parts[0] as Uint8Array) : joinBytes(parts)
  const text = utf8TextExact(bytes)
  if (text !== undefined) return text
  throw misuse(`line ${lineNumber} is not UTF-8: give bytes as key64 and value64 (base64)`)
}
