/**
 * The rivals of the native Merkle tree: the same tree in TypeScript, and one of digests of digests.
 *
 * The proof and the bench compare times with them, so they are written for speed: typed arrays, no
 * BigInt, 64-bit numbers as two halves. Tests compare results with a slower model.
 */
import { createHash } from 'node:crypto'

const LEVELS = 5
const LEAF_BITS = 20
const LEAVES = 2 ** LEAF_BITS
const CHILDREN = 16

/** Sums on the levels above one, and so the index of its first sum. */
function sumsAbove(level: number): number {
  return (16 ** level - 1) / 15
}

const FIRST = Int32Array.from({ length: LEVELS + 1 }, (_, level) => sumsAbove(level))
const SUMS = sumsAbove(LEVELS + 1)

/** Calls `visit` with each prefix that has children: bits, prefix. */
export function eachBranch(visit: (bits: number, prefix: number) => void): void {
  for (let bits = 0; bits < LEAF_BITS; bits += 4) {
    for (let prefix = 0; prefix < 2 ** bits; prefix++) visit(bits, prefix)
  }
}

/** The same sums as the native tree. */
export class PlainMerkleTree {
  /** The halves of all sums, level after level. */
  readonly #high = new Int32Array(SUMS)
  readonly #low = new Int32Array(SUMS)
  readonly #key: Int32Array
  /** The digest last computed: hi, lo. */
  readonly #digest = new Int32Array(2)

  constructor(key: Uint8Array) {
    this.#key = new Int32Array(key.slice().buffer)
  }

  addAll(words: Uint32Array, count: number): void {
    const [high, low, digest] = [this.#high, this.#low, this.#digest]
    for (let at = 0; at < 4 * count; at += 4) {
      const token = words[at] as number
      sipHashOf16(this.#key, words, at, digest)
      const [digestHigh, digestLow] = [digest[0] as number, digest[1] as number]
      for (let level = 0; level <= LEVELS; level++) {
        const prefix = level === 0 ? 0 : token >>> (32 - 4 * level)
        const index = (FIRST[level] as number) + prefix
        const sum = ((low[index] as number) + digestLow) | 0
        low[index] = sum
        high[index] = ((high[index] as number) + digestHigh + carry(sum, digestLow)) | 0
      }
    }
  }

  /** As the native one; `bits` is a multiple of four. */
  sumsBelow(bits: number, prefix: number, out: Uint32Array): void {
    const first = sumsAbove(bits / 4 + 1) + CHILDREN * prefix
    for (let i = 0; i < CHILDREN; i++) {
      out[2 * i] = this.#high[first + i] as number
      out[2 * i + 1] = this.#low[first + i] as number
    }
  }
}

/** 1 if an addition that gave `sum` has overflowed 32 bits, and `part` was added. */
function carry(sum: number, part: number): number {
  return sum >>> 0 < part >>> 0 ? 1 : 0
}

/** SipHash-2-4 of four words: two words to digest, then one for the length, then four rounds. */
function sipHashOf16(key: Int32Array, words: Uint32Array, at: number, out: Int32Array): void {
  const [k0, k1] = [key[0] as number, key[1] as number]
  const [k2, k3] = [key[2] as number, key[3] as number]
  // "somepseudorandomlygeneratedbytes", in ASCII.
  let [low0, high0] = [k0 ^ 0x70736575, k1 ^ 0x736f6d65]
  let [low1, high1] = [k2 ^ 0x6e646f6d, k3 ^ 0x646f7261]
  let [low2, high2] = [k0 ^ 0x6e657261, k1 ^ 0x6c796765]
  let [low3, high3] = [k2 ^ 0x79746573, k3 ^ 0x74656462]
  for (let step = 0; step < 5; step++) {
    const low = step < 2 ? (words[at + 2 * step] as number) | 0 : 0
    const high = step < 2 ? (words[at + 2 * step + 1] as number) | 0 : step === 2 ? 16 << 24 : 0
    if (step === 3) low2 ^= 0xff
    low3 ^= low
    high3 ^= high
    for (let round = 0; round < 2; round++) {
      low0 = (low0 + low1) | 0
      high0 = (high0 + high1 + carry(low0, low1)) | 0
      let turned = (low1 << 13) | (high1 >>> 19)
      high1 = ((high1 << 13) | (low1 >>> 19)) ^ high0
      low1 = turned ^ low0
      low2 = (low2 + low3) | 0
      high2 = (high2 + high3 + carry(low2, low3)) | 0
      turned = (low3 << 16) | (high3 >>> 16)
      high3 = ((high3 << 16) | (low3 >>> 16)) ^ high2
      low3 = turned ^ low2
      // A rotation by 32 bits swaps the halves: of v0 here, and of v2 at the end.
      turned = (high0 + low3) | 0
      high0 = (low0 + high3 + carry(turned, low3)) | 0
      low0 = turned
      turned = (low3 << 21) | (high3 >>> 11)
      high3 = ((high3 << 21) | (low3 >>> 11)) ^ high0
      low3 = turned ^ low0
      low2 = (low2 + low1) | 0
      high2 = (high2 + high1 + carry(low2, low1)) | 0
      turned = (low1 << 17) | (high1 >>> 15)
      high1 = ((high1 << 17) | (low1 >>> 15)) ^ high2
      low1 = turned ^ low2
      turned = low2
      low2 = high2
      high2 = turned
    }
    low0 ^= low
    high0 ^= high
  }
  out[0] = high0 ^ high1 ^ high2 ^ high3
  out[1] = low0 ^ low1 ^ low2 ^ low3
}

const MD5_BYTES = 16

/**
 * The root of a tree of MD5 digests: a leaf is the exclusive or of those of its entries, and a
 * branch the digest of its 16 children.
 */
export function rootOfDigests(words: Uint32Array, count: number): Buffer {
  const entries = Buffer.from(words.buffer, words.byteOffset, words.byteLength)
  let level = Buffer.alloc(LEAVES * MD5_BYTES)
  for (let i = 0; i < count; i++) {
    const digest = createHash('md5')
      .update(entries.subarray(16 * i, 16 * i + 16))
      .digest()
    const leaf = ((words[4 * i] as number) >>> (32 - LEAF_BITS)) * MD5_BYTES
    for (let at = 0; at < MD5_BYTES; at++) {
      level[leaf + at] = (level[leaf + at] as number) ^ (digest[at] as number)
    }
  }
  while (level.length > MD5_BYTES) {
    const above = Buffer.alloc(level.length / CHILDREN)
    for (let at = 0; at < above.length; at += MD5_BYTES) {
      const children = level.subarray(CHILDREN * at, CHILDREN * (at + MD5_BYTES))
      createHash('md5').update(children).digest().copy(above, at)
    }
    level = above
  }
  return level
}
