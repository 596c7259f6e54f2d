/**
 * The addon's rivals: the same functions in plain TypeScript, over `node:crypto` where it has them.
 *
 * Tests compare results with them, benches compare times. They are written from the descriptions of
 * the formats and not from the C++, so that a misreading would have to be made twice; and as one
 * would write them for speed, so that beating them means something.
 */
import { createHash } from 'node:crypto'
import { FRAME_SUMMARY_WORDS, FRAME_WORDS, FrameFault } from '../../../src/native/frame-scanner.ts'

/** A stream of 32-bit numbers from a seed (xorshift32, Marsaglia 2003). */
export class Random {
  readonly seed: number
  #state: number

  constructor(seed: number) {
    this.seed = seed
    this.#state = seed >>> 0 || 1
  }

  word(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x >>> 0
    return this.#state
  }

  /** A whole number below `bound`. */
  below(bound: number): number {
    return Math.floor((this.word() / 0x1_0000_0000) * bound)
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i++) bytes[i] = this.word() >>> 11
    return bytes
  }
}

export function md5Plain(bytes: Uint8Array): Uint8Array {
  return createHash('md5').update(bytes).digest()
}

/** The token by `node:crypto`: hi and lo. */
export function tokenPlain(bucket: Uint8Array, key: Uint8Array): readonly [number, number] {
  const length = Uint8Array.of(bucket.length & 0xff, bucket.length >>> 8)
  const digest = createHash('md5').update(length).update(bucket).update(key).digest()
  return [digest.readUInt32BE(0), digest.readUInt32BE(4)]
}

/** crcTables[256 · k + b]: byte b followed by k zero bytes. */
const crcTables: Int32Array = (() => {
  const tables = new Int32Array(4 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    tables[byte] = crc
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256] as number
    tables[at] = (before >>> 8) ^ (tables[before & 0xff] as number)
  }
  return tables
})()

/** CRC-32C by tables, four bytes a turn. */
export function crc32cPlain(bytes: Uint8Array, start: number, length: number): number {
  const t = crcTables
  const end = start + length
  let crc = -1
  let at = start
  for (; at + 4 <= end; at += 4) {
    crc ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    crc =
      (t[768 + (crc & 0xff)] as number) ^
      (t[512 + ((crc >>> 8) & 0xff)] as number) ^
      (t[256 + ((crc >>> 16) & 0xff)] as number) ^
      (t[crc >>> 24] as number)
  }
  for (; at < end; at++) {
    crc = (crc >>> 8) ^ (t[(crc ^ (bytes[at] as number)) & 0xff] as number)
  }
  return ~crc >>> 0
}

const MASK = 0xffff_ffff_ffff_ffffn
const rotate = (x: bigint, by: bigint): bigint => ((x << by) | (x >> (64n - by))) & MASK

/** SipHash-2-4 of 8 or 16 bytes, from the paper, in BigInt. */
export function sipHashPlain(key: Uint8Array, bytes: Uint8Array, size: 8 | 16): Uint8Array {
  const word = (from: Uint8Array, at: number, length: number): bigint => {
    let value = 0n
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(from[at + i] as number)
    return value
  }
  const k0 = word(key, 0, 8)
  const k1 = word(key, 8, 8)
  let v0 = k0 ^ 0x736f6d6570736575n
  let v1 = k1 ^ 0x646f72616e646f6dn ^ (size === 16 ? 0xeen : 0n)
  let v2 = k0 ^ 0x6c7967656e657261n
  let v3 = k1 ^ 0x7465646279746573n
  const rounds = (count: number): void => {
    for (let i = 0; i < count; i++) {
      v0 = (v0 + v1) & MASK
      v1 = rotate(v1, 13n) ^ v0
      v0 = rotate(v0, 32n)
      v2 = (v2 + v3) & MASK
      v3 = rotate(v3, 16n) ^ v2
      v0 = (v0 + v3) & MASK
      v3 = rotate(v3, 21n) ^ v0
      v2 = (v2 + v1) & MASK
      v1 = rotate(v1, 17n) ^ v2
      v2 = rotate(v2, 32n)
    }
  }
  const take = (m: bigint): void => {
    v3 ^= m
    rounds(2)
    v0 ^= m
  }
  const whole = bytes.length - (bytes.length % 8)
  for (let at = 0; at < whole; at += 8) take(word(bytes, at, 8))
  take((BigInt(bytes.length & 0xff) << 56n) | word(bytes, whole, bytes.length - whole))
  const out = Buffer.alloc(size)
  v2 ^= size === 16 ? 0xeen : 0xffn
  rounds(4)
  out.writeBigUInt64LE(v0 ^ v1 ^ v2 ^ v3, 0)
  if (size === 8) return out
  v1 ^= 0xddn
  rounds(4)
  out.writeBigUInt64LE(v0 ^ v1 ^ v2 ^ v3, 8)
  return out
}

/** Reads one varint of `body` at `at`: [value, next], or undefined. */
function varint(body: Uint8Array, at: number): readonly [number, number] | undefined {
  let value = 0
  for (let i = 0; i < 10 && at + i < body.length; i++) {
    const byte = body[at + i] as number
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return [value, at + i + 1]
  }
  return undefined
}

/** Bucket and key of a body, where fields 1 and 2 open it, hold bytes, and come once. */
function keyOf(body: Uint8Array): readonly [Uint8Array, Uint8Array] | undefined {
  const parts: Uint8Array[] = []
  let at = 0
  while (at < body.length) {
    const tag = varint(body, at)
    if (tag === undefined) return undefined
    const field = Math.floor(tag[0] / 8)
    const isKeyField = field === 1 || field === 2
    if (parts.length < 2 ? tag[0] !== 10 + 8 * parts.length : isKeyField || field === 0) {
      return undefined
    }
    const wire = tag[0] % 8
    at = tag[1]
    if (wire === 0 || wire === 2) {
      const value = varint(body, at)
      if (value === undefined) return undefined
      at = value[1]
      if (wire === 2) {
        if (value[0] > body.length - at) return undefined
        if (parts.length < 2) parts.push(body.subarray(at, at + value[0]))
        at += value[0]
      }
    } else if (wire === 1 || wire === 5) {
      at += wire === 1 ? 8 : 4
      if (at > body.length) return undefined
    } else {
      return undefined
    }
  }
  const [bucket, key] = parts
  if (bucket === undefined || key === undefined) return undefined
  if (bucket.length === 0 || bucket.length > 0xffff || key.length === 0) return undefined
  return [bucket, key]
}

function u32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  )
}

/** The fault of a header of `left` bytes at `at`, those that are there. */
function faultOf(chunk: Uint8Array, at: number, left: number, bodyBytesMax: number): FrameFault {
  if (left >= 2 && (chunk[at] !== 0x45 || chunk[at + 1] !== 0x57)) return FrameFault.magic
  if (left >= 3 && chunk[at + 2] !== 1) return FrameFault.format
  if (left < 20) return FrameFault.none
  if (crc32cPlain(chunk, at, 16) !== u32(chunk, at + 16)) return FrameFault.headerChecksum
  if (chunk[at + 6] !== 0 || chunk[at + 7] !== 0) return FrameFault.reservedBits
  return u32(chunk, at + 12) > bodyBytesMax ? FrameFault.bodyTooLong : FrameFault.none
}

/** What `scanFrames` does, in TypeScript. */
export function scanFramesPlain(
  chunk: Uint8Array,
  start: number,
  end: number,
  bodyBytesMax: number,
  out: Uint32Array,
): number {
  const countMax = Math.floor((out.length - FRAME_SUMMARY_WORDS) / FRAME_WORDS)
  let count = 0
  let at = start
  let needed = 0
  let fault: FrameFault = FrameFault.none
  while (count < countMax && at < end) {
    fault = faultOf(chunk, at, end - at, bodyBytesMax)
    if (fault !== FrameFault.none || end - at < 20) break
    const bodyBytes = u32(chunk, at + 12)
    if (end - at < bodyBytes + 24) {
      needed = bodyBytes + 24
      break
    }
    if (crc32cPlain(chunk, at + 20, bodyBytes) !== u32(chunk, at + 20 + bodyBytes)) {
      fault = FrameFault.bodyChecksum
      break
    }
    const word = count * FRAME_WORDS
    const kind = chunk[at + 3] as number
    out[word] = kind
    out[word + 1] = (chunk[at + 4] as number) | ((chunk[at + 5] as number) << 8)
    out[word + 2] = u32(chunk, at + 8)
    out[word + 3] = at + 20
    out[word + 4] = bodyBytes
    const isKeyed = kind >= 32 && kind < 64
    const key = isKeyed ? keyOf(chunk.subarray(at + 20, at + 20 + bodyBytes)) : undefined
    const token = key === undefined ? undefined : tokenPlain(key[0], key[1])
    out[word + 5] = token?.[0] ?? 0
    out[word + 6] = token?.[1] ?? 0
    out[word + 7] = token === undefined ? 0 : 1
    count += 1
    at += bodyBytes + 24
  }
  out.set([count, at - start, needed, fault], out.length - FRAME_SUMMARY_WORDS)
  return count
}

export interface PlainRecord {
  readonly kind: number
  readonly segment: number
  readonly offset: number
  readonly sequence: number
  readonly synced: number
  readonly bucket: Uint8Array
  readonly key: Uint8Array
  readonly note: Uint8Array
  readonly body: Uint8Array
}

/** What `encodeRecord` writes, from the table in native/record.h. */
export function encodeRecordPlain(record: PlainRecord, digestKey: Uint8Array): Uint8Array {
  const { bucket, key, note, body } = record
  const contents = Buffer.concat([bucket, key, note, body])
  const out = Buffer.alloc(Math.ceil((56 + contents.length) / 8) * 8)
  out.write('EWr1', 0, 'latin1')
  out[4] = 1
  out[5] = record.kind
  out.writeUInt16LE(bucket.length, 6)
  out.writeUInt16LE(key.length, 8)
  out.writeUInt16LE(note.length, 10)
  out.writeUInt32LE(body.length, 12)
  out.writeUInt32LE(record.segment, 16)
  out.writeUInt32LE(record.offset, 20)
  out.writeUIntLE(record.sequence, 24, 6)
  const digest = Buffer.from(sipHashPlain(digestKey, body, 8))
  out.writeUInt32LE(digest.readUInt32LE(4), 32)
  out.writeUInt32LE(digest.readUInt32LE(0), 36)
  out.writeUIntLE(record.synced, 40, 6)
  out.writeUInt32LE(crc32cPlain(contents, 0, contents.length), 48)
  out.writeUInt32LE(crc32cPlain(out, 0, 52), 52)
  out.set(contents, 56)
  return out
}
