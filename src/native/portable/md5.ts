/**
 * MD5 in TypeScript, and the tokens that are made of it.
 *
 * MD5 is not collision-resistant; here only an even spread matters. Source: RFC 1321. A token is
 * explained in native/token.h.
 */
import { joinBytes, writeU16, writeU32 } from '../../base/bytes.ts'
import { requireCount, requirePart } from './bounds.ts'

const DIGEST_BYTES = 16
const BLOCK_BYTES = 64
const BUCKET_BYTES_MAX = 0xffff

/** The shifts of the four rounds, each used four times in turn. */
const SHIFTS = Uint8Array.of(7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21)
/** RFC 1321, 3.4: the integer part of 2^32 · |sin(i)|, i from 1 to 64. */
const SINES = Uint32Array.from({ length: 64 }, (_, i) => Math.abs(Math.sin(i + 1)) * 2 ** 32)

/** Writes the 16 bytes of MD5(input[start, start + length)) at `outStart`. */
export function md5Into(
  input: Uint8Array,
  start: number,
  length: number,
  out: Uint8Array,
  outStart: number,
): void {
  requirePart(input, start, length)
  requirePart(out, outStart, DIGEST_BYTES)
  const state = digestOf(input.subarray(start, start + length))
  for (let i = 0; i < 4; i++) writeU32(out, outStart + 4 * i, state[i] as number)
}

/** Writes the token of a key in a bucket into out[0] (high half) and out[1] (low half). */
export function tokenInto(bucket: Uint8Array, key: Uint8Array, out: Uint32Array): void {
  requireCount(bucket.length, BUCKET_BYTES_MAX)
  requireCount(2, out.length)
  const length = new Uint8Array(2)
  writeU16(length, 0, bucket.length)
  const state = digestOf(joinBytes([length, bucket, key]))
  out[0] = swapBytes(state[0] as number)
  out[1] = swapBytes(state[1] as number)
}

/** The digest as four words, little-endian. */
function digestOf(message: Uint8Array): Uint32Array {
  // Padding: a one bit, zeros, and the length in bits as eight bytes (RFC 1321, 3.1 and 3.2).
  const padded = new Uint8Array(((message.length + 8) >>> 6) * BLOCK_BYTES + BLOCK_BYTES)
  padded.set(message)
  padded[message.length] = 0x80
  writeU32(padded, padded.length - 8, message.length << 3)
  writeU32(padded, padded.length - 4, message.length >>> 29)
  const state = Uint32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476)
  const words = new Uint32Array(16)
  for (let at = 0; at < padded.length; at += BLOCK_BYTES) {
    readWords(padded, at, words)
    addBlock(state, words)
  }
  return state
}

function readWords(bytes: Uint8Array, at: number, words: Uint32Array): void {
  for (let i = 0; i < 16; i++) {
    const from = at + 4 * i
    words[i] =
      (bytes[from] as number) |
      ((bytes[from + 1] as number) << 8) |
      ((bytes[from + 2] as number) << 16) |
      ((bytes[from + 3] as number) << 24)
  }
}

/** RFC 1321, 3.4: 64 steps over the sixteen words of a block. */
function addBlock(state: Uint32Array, words: Uint32Array): void {
  let a = state[0] as number
  let b = state[1] as number
  let c = state[2] as number
  let d = state[3] as number
  for (let i = 0; i < 64; i++) {
    const round = i >>> 4
    let mix: number
    let word: number
    if (round === 0) {
      mix = (b & c) | (~b & d)
      word = i
    } else if (round === 1) {
      mix = (b & d) | (c & ~d)
      word = 5 * i + 1
    } else if (round === 2) {
      mix = b ^ c ^ d
      word = 3 * i + 5
    } else {
      mix = c ^ (b | ~d)
      word = 7 * i
    }
    const sum = (a + mix + (SINES[i] as number) + (words[word & 15] as number)) | 0
    const shift = SHIFTS[4 * round + (i & 3)] as number
    a = d
    d = c
    c = b
    b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0
  }
  state[0] = (state[0] as number) + a
  state[1] = (state[1] as number) + b
  state[2] = (state[2] as number) + c
  state[3] = (state[3] as number) + d
}

function swapBytes(word: number): number {
  return ((word << 24) | ((word << 8) & 0xff0000) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0
}
