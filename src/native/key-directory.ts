/**
 * The key directory: from a key's token to the location of its newest record, off the JavaScript
 * heap.
 *
 * An entry holds no key, so it costs the same for every key: 18 to 22 bytes, and at most 24 from
 * 100,000 entries on. Entries of one token are adjacent; the caller distinguishes them by their
 * records, which hold the keys. How it works is in native/key_directory.h.
 *
 * A token is two unsigned 32-bit numbers, a location is a segment (below 2^32 - 1) and an offset.
 * There is no iterator: each page starts at a token and shows the directory as it is at the call.
 */
import { addon } from './addon.ts'

/** Words of an entry in a page: token hi, token lo, segment, offset. */
export const DIRECTORY_WORDS: number = addon.directoryWords

export interface KeyDirectory {
  /** Entries held. */
  readonly size: number
  /** Memory held, in bytes. */
  readonly bytes: number

  /** Adds an entry, also if an equal one is there already. */
  insert(hi: number, lo: number, segment: number, offset: number): void

  /** Adds the first `count` entries of `words`, DIRECTORY_WORDS each. */
  insertAll(words: Uint32Array, count: number): void

  /**
   * Writes (segment, offset) of entries with this token into `out`, in the order they came, as many
   * as fit; returns how many. If that is all that fits, there may be more.
   */
  find(hi: number, lo: number, out: Uint32Array): number

  /**
   * Writes (segment, offset) of the only entry of each token into `out`: 2^32 - 1 and 0 where it
   * has none, 2^32 - 1 and 1 where it has several. Tokens stand every `stride` words from `from`
   * on, hi and lo; `words` has one for each two words of `out`.
   */
  soles(words: Uint32Array, from: number, stride: number, out: Uint32Array): void

  /** Points this entry to another location and keeps its order; false if there is none. */
  replace(
    hi: number,
    lo: number,
    segment: number,
    offset: number,
    newSegment: number,
    newOffset: number,
  ): boolean

  /** Removes this entry; false if there is none. */
  remove(hi: number, lo: number, segment: number, offset: number): boolean

  /**
   * Writes entries with token >= (fromHi, fromLo) into `out` in token order, DIRECTORY_WORDS each,
   * as many as fit; returns how many, 0 at the end.
   *
   * All entries of a token are on one page, so the next page begins behind the last token of this
   * one. Only where a token alone overflows the page is it cut: the page is full and of one token.
   */
  page(fromHi: number, fromLo: number, out: Uint32Array): number

  /** Removes all entries and frees their memory at once. */
  clear(): void
}

export const KeyDirectory: new () => KeyDirectory = addon.KeyDirectory as new () => KeyDirectory
