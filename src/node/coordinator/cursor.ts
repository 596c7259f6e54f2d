/**
 * Makes the cursors of scans, and verifies them when they come back.
 *
 *     u8 format | token, 8 bytes | u64 keyed digest of token and bucket
 *
 * The digest distinguishes a cursor that a page gave from one that was made up, cut or taken from
 * another bucket or cluster: a scan from there would leave out keys without a word. Every node of
 * the cluster has the key, so any of them continues a scan.
 */
import { joinBytes, readU32, utf8Bytes, writeU32 } from '../../base/bytes.ts'
import { u64 } from '../../base/u64.ts'
import { sipHash128Into, sipHash64Into, type Token } from '../../native/digest.ts'

/** This number is on the wire, and clients keep it. */
const FORMAT = 1
const TOKEN_AT = 1
const DIGEST_AT = 9
const CURSOR_BYTES = 17
const KEY_BYTES = 16

export class Cursors {
  readonly #key: Uint8Array = new Uint8Array(KEY_BYTES)
  readonly #digest = new Uint32Array(2)

  /** `clusterKey` has 16 bytes. */
  constructor(clusterKey: Uint8Array, cluster: string) {
    const label = utf8Bytes(`everwrite cursors of ${cluster}`)
    sipHash128Into(clusterKey, label, 0, label.length, this.#key, 0)
  }

  /** The cursor of a page of this bucket that goes on with `token`. */
  encode(bucket: Uint8Array, token: Token): Uint8Array {
    const cursor = new Uint8Array(CURSOR_BYTES)
    cursor[0] = FORMAT
    writeU32(cursor, TOKEN_AT, token.hi)
    writeU32(cursor, TOKEN_AT + 4, token.lo)
    this.#sign(bucket, cursor)
    writeU32(cursor, DIGEST_AT, this.#digest[0] as number)
    writeU32(cursor, DIGEST_AT + 4, this.#digest[1] as number)
    return cursor
  }

  /** The token to go on with; undefined if no page of this bucket gave these bytes. */
  decode(bucket: Uint8Array, cursor: Uint8Array): Token | undefined {
    if (cursor.length !== CURSOR_BYTES || cursor[0] !== FORMAT) return undefined
    this.#sign(bucket, cursor)
    const isOurs =
      this.#digest[0] === readU32(cursor, DIGEST_AT) &&
      this.#digest[1] === readU32(cursor, DIGEST_AT + 4)
    return isOurs ? u64(readU32(cursor, TOKEN_AT), readU32(cursor, TOKEN_AT + 4)) : undefined
  }

  /** Leaves the digest of bucket, format and token in `#digest`. */
  #sign(bucket: Uint8Array, cursor: Uint8Array): void {
    const bytes = joinBytes([cursor.subarray(0, DIGEST_AT), bucket])
    sipHash64Into(this.#key, bytes, 0, bytes.length, this.#digest)
  }
}
