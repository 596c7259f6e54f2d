/**
 * Walk through a bucket, page by page, in the order of tokens.
 *
 * A scan is no snapshot: a key that is there all the while is met once; one that comes or goes
 * meanwhile is met or not. While a page is being looked at the next is already on its way. The
 * cursor of a scan that was left half-way starts another one there, in another process if need
 * be: keys of the page that was being looked at then come again.
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

  /** Where another scan can go on: text. Undefined once everything was looked at. */
  get cursor(): string | undefined {
    return this.#isEnded ? undefined : base64urlOf(this.#cursor)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    let coming: Promise<ScanReply> | undefined = this.#fetch(this.#cursor)
    while (coming !== undefined) {
      const page: ScanReply = await coming
      coming = page.cursor.length === 0 ? undefined : this.#fetch(page.cursor)
      // Its failure is met when it is awaited, or by nobody where the loop was left.
      coming?.catch(() => {})
      for (const entry of page.entries) yield this.#read(entry)
      this.#cursor = page.cursor
      this.#isEnded = page.cursor.length === 0
    }
  }
}

function bytesOfCursor(cursor: string): Uint8Array {
  if (!/^[\w-]*$/.test(cursor)) {
    throw unsent('cursor-wrong', 'this is not a cursor: pass on what scan.cursor was, unchanged')
  }
  return bytesOfBase64url(cursor)
}
