/**
 * Signs the contexts that clients carry, and verifies them when they come back.
 *
 * A client may return only a context that it was given for that key: with an invented range and a
 * huge counter one put would replace all later writes. So a context is signed. It is not encrypted:
 * applications treat it as opaque, and people can read it.
 *
 *     u8 format | u32 key id | u64 digest of cluster, bucket and key
 *     u16 ranges | ranges, 34 bytes each | 16 bytes keyed digest of all before
 *
 * Verification checks in this order: the shape (garbled), the signing key (unknown here, perhaps
 * known to another node), the signature (forged), the key of the data (foreign). Ranges are decoded
 * only after the signature is verified.
 *
 * Invariants:
 *   - Empty bytes are the empty context, of a put that saw nothing.
 *   - The first cluster key signs, all of them verify: a key verifies everywhere before it signs.
 *   - Signing and naming use keys derived from the cluster key for that one use, so that no
 *     other use of the cluster key makes a signature.
 *
 * Source: Aumasson, Bernstein, "SipHash: a fast short-input PRF" (2012): a keyed digest that serves
 * as a MAC for short messages between holders of one secret.
 */
import { assert } from '../../base/assert.ts'
import {
  EMPTY_BYTES,
  equalSecrets,
  joinBytes,
  readU16,
  readU32,
  utf8Bytes,
  writeU16,
  writeU32,
} from '../../base/bytes.ts'
import { CONTEXTS_MAX, RANGES_MAX } from '../../limits.ts'
import { sipHash128Into, sipHash64Into } from '../../native/digest.ts'
import { Context } from './context.ts'
import { RANGE_BYTES, readRanges, writeRanges } from './range-bytes.ts'

export interface ClusterKey {
  /** Named in every context that this key signed; a u32. */
  readonly id: number
  /** 16 bytes. */
  readonly key: Uint8Array
}

/** These numbers are on the wire, and clients keep them. Append only; never reuse. */
const FORMAT = 1
const NAME_AT = 5
const COUNT_AT = 13
const HEADER_BYTES = 15
const MAC_BYTES = 16
const KEY_BYTES = 16

export type ContextCode =
  | 'context-garbled'
  | 'context-foreign'
  | 'context-forged'
  | 'context-key-unknown'
  | 'contexts-too-many'

export type Opened =
  | { readonly kind: 'opened'; readonly context: Context }
  | { readonly kind: 'refused'; readonly code: ContextCode }

interface Subkeys {
  readonly id: number
  readonly signing: Uint8Array
  readonly naming: Uint8Array
}

const NO_CONTEXT: Opened = { kind: 'opened', context: Context.empty }

export class ContextSeal {
  readonly #keys: readonly Subkeys[]
  readonly #cluster: Uint8Array
  readonly #name = new Uint32Array(2)
  readonly #mac: Uint8Array = new Uint8Array(MAC_BYTES)

  /** `keys[0]` signs; all verify. */
  constructor(keys: readonly ClusterKey[], cluster: string) {
    assert(keys.length > 0, 'there is a key to sign with')
    assert(new Set(keys.map(({ id }) => id)).size === keys.length, 'each key has an id of its own')
    this.#keys = keys.map(({ id, key }) => ({
      id,
      signing: derive(key, 'everwrite context signing'),
      naming: derive(key, 'everwrite context naming'),
    }))
    this.#cluster = withLength(utf8Bytes(cluster))
  }

  seal(bucket: Uint8Array, key: Uint8Array, context: Context): Uint8Array {
    if (context.isEmpty) return EMPTY_BYTES
    assert(context.count <= RANGES_MAX, 'a context that is sealed fits its count')
    const signer = this.#keys[0] as Subkeys
    const signed = HEADER_BYTES + context.count * RANGE_BYTES
    const bytes = new Uint8Array(signed + MAC_BYTES)
    bytes[0] = FORMAT
    writeU32(bytes, 1, signer.id)
    this.#nameOf(signer, bucket, key)
    writeU32(bytes, NAME_AT, this.#name[0] as number)
    writeU32(bytes, NAME_AT + 4, this.#name[1] as number)
    writeU16(bytes, COUNT_AT, context.count)
    writeRanges(context, bytes, HEADER_BYTES)
    sipHash128Into(signer.signing, bytes, 0, signed, bytes, signed)
    return bytes
  }

  open(bucket: Uint8Array, key: Uint8Array, bytes: Uint8Array): Opened {
    if (bytes.length === 0) return NO_CONTEXT
    const count = rangeCount(bytes)
    if (count === undefined) return { kind: 'refused', code: 'context-garbled' }
    const keyId = readU32(bytes, 1)
    const signer = this.#keys.find(({ id }) => id === keyId)
    if (signer === undefined) return { kind: 'refused', code: 'context-key-unknown' }

    const signed = bytes.length - MAC_BYTES
    sipHash128Into(signer.signing, bytes, 0, signed, this.#mac, 0)
    if (!equalSecrets(this.#mac, bytes.subarray(signed))) {
      return { kind: 'refused', code: 'context-forged' }
    }
    this.#nameOf(signer, bucket, key)
    const isOfThisKey =
      this.#name[0] === readU32(bytes, NAME_AT) && this.#name[1] === readU32(bytes, NAME_AT + 4)
    if (!isOfThisKey) return { kind: 'refused', code: 'context-foreign' }
    const ranges = readRanges(bytes, HEADER_BYTES, count)
    if (ranges === undefined) return { kind: 'refused', code: 'context-garbled' }
    return { kind: 'opened', context: Context.ofCanonical(ranges) }
  }

  /** Joins the contexts of a client that read several replicas; one bad context refuses all. */
  openAll(bucket: Uint8Array, key: Uint8Array, all: readonly Uint8Array[]): Opened {
    if (all.length > CONTEXTS_MAX) return { kind: 'refused', code: 'contexts-too-many' }
    let context = Context.empty
    for (const bytes of all) {
      const opened = this.open(bucket, key, bytes)
      if (opened.kind === 'refused') return opened
      context = context.join(opened.context)
    }
    return { kind: 'opened', context }
  }

  /** Leaves the digest of cluster, bucket and key in `#name`; lengths keep the three apart. */
  #nameOf({ naming }: Subkeys, bucket: Uint8Array, key: Uint8Array): void {
    const named = joinBytes([this.#cluster, withLength(bucket), key])
    sipHash64Into(naming, named, 0, named.length, this.#name)
  }
}

/** The number of ranges, or undefined if the bytes do not have the shape of a context. */
function rangeCount(bytes: Uint8Array): number | undefined {
  if (bytes.length < HEADER_BYTES + MAC_BYTES || bytes[0] !== FORMAT) return undefined
  const count = readU16(bytes, COUNT_AT)
  if (count === 0 || count > RANGES_MAX) return undefined
  return bytes.length === HEADER_BYTES + count * RANGE_BYTES + MAC_BYTES ? count : undefined
}

function derive(key: Uint8Array, label: string): Uint8Array {
  assert(key.length === KEY_BYTES, 'a cluster key has 16 bytes')
  const derived = new Uint8Array(KEY_BYTES)
  const bytes = utf8Bytes(label)
  sipHash128Into(key, bytes, 0, bytes.length, derived, 0)
  return derived
}

function withLength(bytes: Uint8Array): Uint8Array {
  const counted = new Uint8Array(2 + bytes.length)
  writeU16(counted, 0, bytes.length)
  counted.set(bytes, 2)
  return counted
}
