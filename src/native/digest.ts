/**
 * Digests and checksums: MD5 for places on the ring, CRC-32C for frames and records, SipHash for
 * bytes that an adversary may choose.
 *
 * All functions are pure and borrow their arguments for the call. Lengths and positions are in
 * bytes; `out` must have room. A wrong type throws `TypeError`, a part that is not inside its array
 * `RangeError`: both are bugs of the caller. Explained and cited in native/md5.h, token.h, crc32c.h
 * and siphash.h; what each gains is in native/README.md.
 */
import type { Brand } from '../base/brand.ts'
import { type U64, u64 } from '../base/u64.ts'
import { addon } from './addon.ts'

/** A key's place on the ring: the first 64 bits of an MD5. */
export type Token = Brand<U64, 'Token'>

/** Replicas compare copies by it: the SipHash-2-4 of an object under a key of the cluster. */
export type Digest = Brand<U64, 'Digest'>

/** Writes the 16 bytes of MD5(input[start, start + length)) at `outStart`. RFC 1321. */
export const md5Into: (
  input: Uint8Array,
  start: number,
  length: number,
  out: Uint8Array,
  outStart: number,
) => void = addon.md5Into

/**
 * Writes `count` digests of 16 bytes each, side by side over the lanes of the processor.
 * `spans` holds start and length of each message in `input`: 2 · count words at the least.
 */
export const md5Batch: (
  input: Uint8Array,
  spans: Uint32Array,
  count: number,
  out: Uint8Array,
) => void = addon.md5Batch

/**
 * Writes the token, hi then lo, into out[0] and out[1]: the first 64 bits, read big-endian, of
 * MD5(u16le(bucket.length) ‖ bucket ‖ key). The bucket has at most 65,535 bytes.
 */
export const tokenInto: (bucket: Uint8Array, key: Uint8Array, out: Uint32Array) => void =
  addon.tokenInto

/** The addon writes the result of `token` here. */
const words = addon.tokenWords

/** The token of a key in a bucket, as an object: see `tokenInto`. */
export function tokenOf(bucket: Uint8Array, key: Uint8Array): Token {
  addon.token(bucket, key)
  return u64(words[0] as number, words[1] as number)
}

/** The CRC-32C (RFC 3720, B.4) of bytes[start, start + length), unsigned. */
export const crc32c: (bytes: Uint8Array, start: number, length: number) => number = addon.crc32c

/** SipHash-2-4 under a key of 16 bytes: writes the high half into out[0], the low into out[1]. */
export const sipHash64Into: (
  key: Uint8Array,
  bytes: Uint8Array,
  start: number,
  length: number,
  out: Uint32Array,
) => void = addon.sipHash64Into

/** `sipHash64` writes its result here. */
const halves = new Uint32Array(2)

/** The SipHash-2-4 of all of `bytes` under a key of 16 bytes, as an object. */
export function sipHash64<T extends U64>(key: Uint8Array, bytes: Uint8Array): T {
  sipHash64Into(key, bytes, 0, bytes.length, halves)
  return u64(halves[0] as number, halves[1] as number)
}

/** SipHash-2-4-128 under a key of 16 bytes: writes 16 bytes at `outStart`. */
export const sipHash128Into: (
  key: Uint8Array,
  bytes: Uint8Array,
  start: number,
  length: number,
  out: Uint8Array,
  outStart: number,
) => void = addon.sipHash128Into
