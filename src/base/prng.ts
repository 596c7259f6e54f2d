/**
 * A pseudorandom generator that repeats its numbers, for simulations and tests.
 *
 * A generator begins with a seed and a name. Generators with different names are independent: if
 * one part of a simulation draws more often, the other parts draw the same numbers as before.
 * `stream` derives a further generator.
 *
 * Invariant: the numbers depend on seed and name alone, on every machine and in every release. Only
 * u32 arithmetic is used.
 *
 * Why not the host's entropy: it cannot be repeated. Identities and keys are drawn from entropy;
 * nothing here is secret.
 *
 * Source: sfc32, Chris Doty-Humphrey's Small Fast Counting generator (PractRand); it passes
 * BigCrush, and its counter bounds the period from below by 2^32. Names go in by FNV-1a, spread by
 * the finaliser of MurmurHash3.
 */
import { assert } from './assert.ts'
import { U32_MAX } from './bytes.ts'

/** Rounds after seeding until each bit of the seed has reached each bit of the state. */
const WARM_UP = 12

export class Prng {
  readonly #seed: number
  readonly #name: string
  #a: number
  #b: number
  #c: number
  #counter = 1

  private constructor(seed: number, name: string) {
    assert(Number.isSafeInteger(seed) && seed >= 0, 'a seed is a whole number below 2^53')
    this.#seed = seed
    this.#name = name
    this.#a = spread(seed % 2 ** 32)
    this.#b = spread(Math.floor(seed / 2 ** 32) ^ 0x9e37_79b9)
    this.#c = nameDigest(name)
    for (let i = 0; i < WARM_UP; i++) this.u32()
  }

  static of(seed: number, name = ''): Prng {
    return new Prng(seed, name)
  }

  /** A generator of its own for one more use; drawing from either does not move the other. */
  stream(name: string): Prng {
    return new Prng(this.#seed, `${this.#name}/${name}`)
  }

  /** 0 to 2^32 - 1, each as likely. */
  u32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** At least 0 and below 1, in steps of 2^-32. */
  unit(): number {
    return this.u32() / 2 ** 32
  }

  /**
   * A whole number from 0 to `count` - 1. Uneven by at most `count` in 2^32, which no simulation
   * notices, and always one draw.
   */
  below(count: number): number {
    assert(count >= 1 && count <= U32_MAX, 'there is something to choose from')
    return Math.floor((this.u32() / 2 ** 32) * count)
  }

  /** From `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  /** True with the given probability: never at 0, always at 1. */
  chance(probability: number): boolean {
    return this.u32() < probability * 2 ** 32
  }

  /** Requires: `items` is not empty. */
  pick<T>(items: readonly T[]): T {
    assert(items.length > 0, 'there is something to pick from')
    return items[this.below(items.length)] as T
  }

  /** A copy in random order (Fisher and Yates). */
  shuffled<T>(items: readonly T[]): T[] {
    const mixed = [...items]
    for (let i = mixed.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const held = mixed[i] as T
      mixed[i] = mixed[j] as T
      mixed[j] = held
    }
    return mixed
  }

  /** Fills `bytes` and returns it. */
  fill(bytes: Uint8Array): Uint8Array {
    let word = 0
    for (let i = 0; i < bytes.length; i++) {
      word = i % 4 === 0 ? this.u32() : word >>> 8
      bytes[i] = word
    }
    return bytes
  }
}

function nameDigest(name: string): number {
  let digest = 0x811c_9dc5
  for (let i = 0; i < name.length; i++) {
    digest = Math.imul(digest ^ name.charCodeAt(i), 0x0100_0193)
  }
  return spread(digest)
}

/** Every bit of the word moves about half of the result's. */
function spread(word: number): number {
  word = Math.imul(word ^ (word >>> 16), 0x85eb_ca6b)
  word = Math.imul(word ^ (word >>> 13), 0xc2b2_ae35)
  return word ^ (word >>> 16)
}
