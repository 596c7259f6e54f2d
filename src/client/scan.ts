/**
 * Iterate over a bucket, page by page, in the order of tokens.
 *
 * A scan is no snapshot: a key that exists throughout is returned once; a key that is written or
 * deleted meanwhile may be returned or not. The next page is fetched while the program reads this
 * one. The cursor of a scan that was left half-way starts another scan there, also in another
 * process: the keys of the page that was being read are then returned again.
 */
import { base64urlOf, bytesOfBase64url, EMPTY_BYTES } from '../base/bytes.ts'
import type { ScanEntry, ScanReply } from '../wire/message/client.ts'
import { unsent } from './failure.ts'

/** Fetches one page. */
export type Fetch = (cursor: Uint8Array) => Promise<ScanReply>

export class Scan<Item> implements AsyncIterable<Item> {
  readonly #fetch: Fetch
  readonly #read: (entry: ScanEntry) => Item
  #cursor: Uint8Array
  #isEnded = false

  /** For the library itself: programs get scans from `keys` and `entries`. */
  constructor(fetch: Fetch, read: (entry: ScanEntry) => Item, cursor: string | undefined) {
    this.#fetch = fetch
    this.#read = read
    this.#cursor = cursor === undefined ? EMPTY_BYTES : bytesOfCursor(cursor)
  }

  /** Where another scan can continue, as text; undefined once all keys were returned. */
  get cursor(): string | undefined {
    return this.#isEnded ? undefined : base64urlOf(this.#cursor)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    let next: Promise<ScanReply> | undefined = this.#fetch(this.#cursor)
    while (next !== undefined) {
      const page: ScanReply = await next
      next = page.cursor.length === 0 ? undefined : this.#fetch(page.cursor)
      // Its error is thrown when it is awaited; if the loop is left, it is not needed.
      next?.catch(() => {})
      for (const entry of page.entries) yield this.#read(entry)
      this.#cursor = page.cursor
      this.#isEnded = page.cursor.length === 0
    }
  }
}

function bytesOfCursor(cursor: string): Uint8Array {
  if (!/^[\w-]*$/.test(cursor)) {
    throw unsent('cursor-wrong', 'this text is no cursor: pass scan.cursor unchanged')
  }
  return bytesOfBase64url(cursor)
}
