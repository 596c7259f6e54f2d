/**
 * A session: the gets of one user see that user's puts, and never go back, at whichever nodes.
 *
 * Its buckets send with each get the receipts of what they have put and read of the key. So a get
 * may ask one owner (`r: 1`) and is not stale: it is answered with a state that has all that, or
 * fails with `receipt-unmet`. Where the session does not know all any more, the get asks the
 * bucket's R owners at least. Scans have no part in this.
 *
 * `toString` and `client.session(text)` carry a session from one process to another, in a cookie
 * for example. Two processes that go on with one text do not see each other's puts.
 */
import type { Bucket } from './bucket.ts'
import type { BucketOptions } from './bucket-options.ts'
import type { SessionReceipts } from './session-receipts.ts'

type MakeBucket = <T>(name?: string, options?: BucketOptions<T>) => Bucket<T>

export class Session {
  readonly #receipts: SessionReceipts
  readonly #bucket: MakeBucket

  /** For the library itself: programs get sessions from `client.session`. */
  constructor(receipts: SessionReceipts, bucket: MakeBucket) {
    this.#receipts = receipts
    this.#bucket = bucket
  }

  /** As `client.bucket`, with the guarantees of this session. */
  bucket(name?: string): Bucket<string>
  bucket<T = string>(name: string | undefined, options: BucketOptions<T>): Bucket<T>
  bucket<T>(name?: string, options?: BucketOptions<T>): Bucket<T> {
    return this.#bucket(name, options)
  }

  /** The session as text of letters, digits, `-` and `_`: of at most 1 KiB, 1,366 characters. */
  toString(): string {
    return this.#receipts.toString()
  }

  toJSON(): string {
    return this.toString()
  }
}
