/**
 * Makes the cursors of scans, and verifies them when they come back.
 *
 *     u8 format | token, 8 bytes | u64 keyed digest of token and bucket
 *
 * The digest distinguishes a cursor that a page gave from one that was made up, cut or taken from
 * another bucket or cluster: a scan from there would leave out keys without a word. Every node of
 * the cluster has the keys, so any of them continues a scan, also after a rotation.
 */
import { joinBytes, readU32, utf8Bytes, writeU32 } from '../../base/bytes.ts'
import { u64 } from '../../base/u64.ts'
import type { ClusterKey } from '../../dynamo/version/context-seal.ts'
import { sipHash128Into, sipHash64Into, type Token } from '../../native/digest.ts'

/** This number is on the wire, and clients keep it. */
const FORMAT = 1
const TOKEN_AT = 1
const DIGEST_AT = 9
const CURSOR_BYTES = 17
const KEY_BYTES = 16

export class Cursors {
  readonly #label: Uint8Array
  #keys: readonly Uint8Array[] = []
  readonly #digest = new Uint32Array(2)

  constructor(keys: readonly ClusterKey[], cluster: string) {
    this.#label = utf8Bytes(`everwrite cursors of ${cluster}`)
    this.use(keys)
  }

  /** From now on `keys[0]` signs, and all verify. */
  use(keys: readonly ClusterKey[]): void {
    this.#keys = keys.map(({ key: clusterKey }) => {
      const key = new Uint8Array(KEY_BYTES)
      sipHash128Into(clusterKey, this.#label, 0, this.#label.length, key, 0)
      return key
    })
  }

  /** The cursor of a page of this bucket that goes on with `token`. */
  encode(bucket: Uint8Array, token: Token): Uint8Array {
    const cursor = new Uint8Array(CURSOR_BYTES)
    cursor[0] = FORMAT
    writeU32(cursor, TOKEN_AT, token.hi)
    writeU32(cursor, TOKEN_AT + 4, token.lo)
    this.#sign(this.#keys[0] as Uint8Array, bucket, cursor)
    writeU32(cursor, DIGEST_AT, this.#digest[0] as number)
    writeU32(cursor, DIGEST_AT + 4, this.#digest[1] as number)
    return cursor
  }

  /** The token to go on with; undefined if no page of this bucket gave these bytes. */
  decode(bucket: Uint8Array, cursor: Uint8Array): Token | undefined {
    if (cursor.length !== CURSOR_BYTES || cursor[0] !== FORMAT) return undefined
    const isOurs = this.#keys.some((key) => {
      this.#sign(key, bucket, cursor)
      return (
        this.#digest[0] === readU32(cursor, DIGEST_AT) &&
        this.#digest[1] === readU32(cursor, DIGEST_AT + 4)
      )
    })
    return isOurs ? u64(readU32(cursor, TOKEN_AT), readU32(cursor, TOKEN_AT + 4)) : undefined
  }

  /** Leaves the digest of bucket, format and token in `#digest`. */
  #sign(key: Uint8Array, bucket: Uint8Array, cursor: Uint8Array): void {
    const bytes = joinBytes([cursor.subarray(0, DIGEST_AT), bucket])
    sipHash64Into(key, bytes, 0, bytes.length, this.#digest)
  }
}
