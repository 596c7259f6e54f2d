/**
 * The key directory: from a key's token to the place of its newest record, off the JavaScript heap.
 *
 * An entry holds no key, so it costs the same for every key: 18 to 22 bytes, and at most 24 from
 * 100,000 entries on. Entries whose tokens are equal stand side by side, and the caller tells them
 * apart by the record, which holds its key in full. How it works is in native/key_directory.h.
 *
 * A token is two unsigned 32-bit numbers, a place is a segment (below 2^32 - 1) and an offset.
 * Nothing iterates: pages are asked for, each from a token on, and see the directory as it then is.
 */
import { addon } from './addon.ts'

/** Words of an entry in a page: token hi, token lo, segment, offset. */
export const DIRECTORY_WORDS: number = addon.directoryWords

export interface KeyDirectory {
  /** Entries held. */
  readonly size: number
  /** Memory held, in bytes. */
  readonly bytes: number

  /** Adds an entry. Does not look whether it is there: the caller knows, or has two. */
  insert(hi: number, lo: number, segment: number, offset: number): void

  /**
   * Writes (segment, offset) of entries with this token into `out`, in the order they came, as many
   * as fit; returns how many. If that is all that fits, there may be more.
   */
  find(hi: number, lo: number, out: Uint32Array): number

  /** Points that very entry to another place, leaving its order; false if there is none. */
  replace(
    hi: number,
    lo: number,
    segment: number,
    offset: number,
    newSegment: number,
    newOffset: number,
  ): boolean

  /** Takes that very entry out; false if there is none. */
  remove(hi: number, lo: number, segment: number, offset: number): boolean

  /**
   * Writes entries with token >= (fromHi, fromLo) into `out` in token order, DIRECTORY_WORDS each,
   * as many as fit; returns how many, 0 at the end.
   *
   * All entries of a token are on one page, so the next page begins behind the last token of this
   * one. Only where a token alone overflows the page is it cut: the page is full and of one token.
   */
  page(fromHi: number, fromLo: number, out: Uint32Array): number

  /** Takes all entries out and gives the memory back at once. */
  clear(): void
}

export const KeyDirectory: new () => KeyDirectory = addon.KeyDirectory as new () => KeyDirectory
