/**
 * SipHash-2-4 in TypeScript, with digests of 64 and of 128 bits, in BigInt.
 *
 * Why not pairs of 32-bit numbers, some ten times as fast: a client digests nothing for each call.
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012, and their reference code
 * for 128 bits.
 */
import { writeU32 } from '../../base/bytes.ts'
import { requireCount, requirePart } from './bounds.ts'

const KEY_BYTES = 16
const MASK = 0xffff_ffff_ffff_ffffn

/** Writes the high half of the digest into out[0], the low half into out[1]. */
export function sipHash64Into(
  key: Uint8Array,
  bytes: Uint8Array,
  start: number,
  length: number,
  out: Uint32Array,
): void {
  requireCount(2, out.length)
  const state = new State(key, 0n)
  state.absorb(bytes, start, length)
  const digest = state.end(0xffn)
  out[0] = Number(digest >> 32n)
  out[1] = Number(digest & 0xffff_ffffn)
}

/** Writes the 16 bytes of the digest at `outStart`. */
export function sipHash128Into(
  key: Uint8Array,
  bytes: Uint8Array,
  start: number,
  length: number,
  out: Uint8Array,
  outStart: number,
): void {
  requirePart(out, outStart, 16)
  const state = new State(key, 0xeen)
  state.absorb(bytes, start, length)
  writeU64(out, outStart, state.end(0xeen))
  writeU64(out, outStart + 8, state.endAgain())
}

class State {
  #v0: bigint
  #v1: bigint
  #v2: bigint
  #v3: bigint

  /** `mark` keeps the digests of the two lengths apart. */
  constructor(key: Uint8Array, mark: bigint) {
    if (key.length !== KEY_BYTES) throw new RangeError(`a key has ${KEY_BYTES} bytes`)
    const k0 = word(key, 0, 8)
    const k1 = word(key, 8, 8)
    // "somepseudorandomlygeneratedbytes", in ASCII.
    this.#v0 = k0 ^ 0x736f6d6570736575n
    this.#v1 = k1 ^ 0x646f72616e646f6dn ^ mark
    this.#v2 = k0 ^ 0x6c7967656e657261n
    this.#v3 = k1 ^ 0x7465646279746573n
  }

  absorb(bytes: Uint8Array, start: number, length: number): void {
    requirePart(bytes, start, length)
    const whole = length - (length % 8)
    for (let at = 0; at < whole; at += 8) this.#take(word(bytes, start + at, 8))
    const rest = word(bytes, start + whole, length - whole)
    this.#take((BigInt(length & 0xff) << 56n) | rest)
  }

  end(mark: bigint): bigint {
    this.#v2 ^= mark
    return this.#finish()
  }

  /** The second half of a digest of 128 bits. */
  endAgain(): bigint {
    this.#v1 ^= 0xddn
    return this.#finish()
  }

  #finish(): bigint {
    this.#rounds(4)
    return this.#v0 ^ this.#v1 ^ this.#v2 ^ this.#v3
  }

  #take(m: bigint): void {
    this.#v3 ^= m
    this.#rounds(2)
    this.#v0 ^= m
  }

  #rounds(count: number): void {
    let [v0, v1, v2, v3] = [this.#v0, this.#v1, this.#v2, this.#v3]
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
    this.#v0 = v0
    this.#v1 = v1
    this.#v2 = v2
    this.#v3 = v3
  }
}

function rotate(x: bigint, by: bigint): bigint {
  return ((x << by) | (x >> (64n - by))) & MASK
}

/** `length` bytes as one little-endian number. */
function word(bytes: Uint8Array, at: number, length: number): bigint {
  let value = 0n
  for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[at + i] as number)
  return value
}

function writeU64(out: Uint8Array, at: number, value: bigint): void {
  writeU32(out, at, Number(value & 0xffff_ffffn))
  writeU32(out, at + 4, Number(value >> 32n))
}
