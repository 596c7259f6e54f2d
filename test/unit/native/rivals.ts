/**
 * The addon's rivals: the same functions over `node:crypto`, and records in plain TypeScript.
 *
 * Tests compare results with them and with src/native/portable, benches compare times. They are
 * written from the descriptions of the formats and not from the C++, so that a misreading would
 * have to be made twice; and as one would write them for speed, so that a gain means something.
 */
import { createHash } from 'node:crypto'
import { crc32c } from '../../../src/native/portable/crc32c.ts'
import { sipHash64Into, sipHash128Into } from '../../../src/native/portable/siphash.ts'

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

/** SipHash-2-4 in TypeScript: the 8 or 16 bytes that the reference code prints. */
export function sipHashPlain(key: Uint8Array, bytes: Uint8Array, size: 8 | 16): Uint8Array {
  const out = Buffer.alloc(size)
  if (size === 16) sipHash128Into(key, bytes, 0, bytes.length, out, 0)
  else {
    const halves = new Uint32Array(2)
    sipHash64Into(key, bytes, 0, bytes.length, halves)
    out.writeUInt32LE(halves[1] as number, 0)
    out.writeUInt32LE(halves[0] as number, 4)
  }
  return out
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
  readonly prefixBytes: number
}

/** What `encodeRecord` writes, from the table in native/record.h. */
export function encodeRecordPlain(record: PlainRecord, digestKey: Uint8Array): Uint8Array {
  const { bucket, key, note, body } = record
  const contents = Buffer.concat([bucket, key, note, body])
  const out = Buffer.alloc(Math.ceil((64 + contents.length) / 8) * 8)
  out.write('EWr1', 0, 'latin1')
  out[4] = 2
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
  const split = contents.length - body.length + record.prefixBytes
  out.writeUInt32LE(record.prefixBytes, 48)
  out.writeUInt32LE(crc32c(contents, split, contents.length - split), 52)
  out.writeUInt32LE(crc32c(contents, 0, split), 56)
  out.writeUInt32LE(crc32c(out, 0, 60), 60)
  out.set(contents, 64)
  return out
}
