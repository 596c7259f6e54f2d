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
  readonly digestStart: number
  readonly voids: number
  readonly policy: number
  readonly n: number
  /** Eight bytes each. */
  readonly place: Uint8Array
  readonly creation: Uint8Array
}

/** The words that `encodeRecord` takes for it. */
export function headOf(record: PlainRecord, digest: { hi: number; lo: number }): Uint32Array {
  const low = (value: number): number => value % 2 ** 32
  const high = (value: number): number => Math.floor(value / 2 ** 32)
  const wordsOf = (bytes: Uint8Array): number[] => {
    const copy = Buffer.from(bytes)
    return [copy.readUInt32LE(0), copy.readUInt32LE(4)]
  }
  const { sequence, synced, voids } = record
  return Uint32Array.of(
    ...[record.kind, 0, 0, 0, 0, 0, record.segment, record.offset],
    ...[sequence, synced, voids].flatMap((value) => [low(value), high(value)]),
    ...[record.policy, record.n, record.prefixBytes, record.digestStart, digest.hi, digest.lo],
    ...wordsOf(record.place),
    ...wordsOf(record.creation),
    0,
  )
}

/** What `encodeRecord` writes, from the table in native/record.h. */
export function encodeRecordPlain(record: PlainRecord, digestKey: Uint8Array): Uint8Array {
  const { bucket, key, note, body } = record
  const contents = Buffer.concat([bucket, key, note, body])
  const out = Buffer.alloc(Math.ceil((92 + contents.length) / 8) * 8)
  out.write('EWr1', 0, 'latin1')
  out[4] = 3
  out[5] = record.kind
  out.writeUInt16LE(bucket.length, 6)
  out.writeUInt16LE(key.length, 8)
  out.writeUInt16LE(note.length, 10)
  out.writeUInt32LE(body.length, 12)
  out.writeUInt32LE(record.segment, 16)
  out.writeUInt32LE(record.offset, 20)
  out.writeUIntLE(record.sequence, 24, 6)
  out.writeUIntLE(record.synced, 30, 6)
  out.writeUIntLE(record.voids, 36, 6)
  out[42] = record.policy
  out[43] = record.n
  const split = contents.length - body.length + record.prefixBytes
  out.writeUInt32LE(record.prefixBytes, 44)
  out.writeUInt32LE(record.digestStart, 48)
  const digest = Buffer.from(sipHashPlain(digestKey, body.subarray(record.digestStart), 8))
  out.writeUInt32LE(digest.readUInt32LE(4), 52)
  out.writeUInt32LE(digest.readUInt32LE(0), 56)
  out.set(record.place, 60)
  out.set(record.creation, 68)
  const names = contents.length - body.length
  out.writeUInt32LE(crc32c(contents, 0, names), 76)
  out.writeUInt32LE(crc32c(contents, names, record.prefixBytes), 80)
  out.writeUInt32LE(crc32c(contents, split, contents.length - split), 84)
  out.writeUInt32LE(crc32c(out, 0, 88), 88)
  out.set(contents, 92)
  return out
}
