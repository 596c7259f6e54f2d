/**
 * Signs the contexts that clients carry, and verifies them when they come back.
 *
 * A client may return only a context that it was given for that key: with an invented range and a
 * huge counter one put would replace all later writes. So a context is signed. It is not encrypted:
 * applications treat it as opaque, and people can read it.
 *
 *     u8 format | u32 key id | 8 bytes tag of the cluster
 *     u64 digest of bucket, its creation id and key
 *     u16 ranges | u16 requests | both (context-bytes.ts) | 16 bytes keyed digest of all before
 *
 * The tag is a keyed digest of the cluster's name. It tells clusters apart that have one name and
 * different keys, or one key and different names, before the signature is verified: that of another
 * cluster would look forged. The tag proves nothing.
 *
 * Verification checks in this order: the shape (garbled), the signing key (unknown here, perhaps
 * known to another node), the tag (other cluster), the signature (forged), the key of the data
 * (foreign). Ranges are decoded only after the signature is verified.
 *
 * Invariants:
 *   - Empty bytes are the empty context, of a put that saw nothing.
 *   - The first cluster key signs, all of them verify: a key verifies everywhere before it signs.
 *   - Signing, naming and tagging use keys derived from the cluster key for that one use, so that
 *     no other use of the cluster key makes a signature.
 *
 * Source: Aumasson, Bernstein, "SipHash: a fast short-input PRF" (2012): a keyed digest that serves
 * as a MAC for short messages between holders of one secret.
 */
import { assert } from '../../base/assert.ts'
import {
  EMPTY_BYTES,
  equalBytes,
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
import { type CopyId, idBytes } from '../names.ts'
import { Context } from './context.ts'
import { contextBytes, readContext, writeContext } from './context-bytes.ts'

export interface ClusterKey {
  /** Named in every context that this key signed; a u32. */
  readonly id: number
  /** 16 bytes. */
  readonly key: Uint8Array
}

/** That of the key that a cluster begins with. */
export const FIRST_KEY_ID = 1

/** These numbers are on the wire, and clients keep them. Append only; never reuse. */
const FORMAT = 4
const TAG_AT = 5
const NAME_AT = 13
const RANGES_AT = 21
const REQUESTS_AT = 23
const HEADER_BYTES = 25
const TAG_BYTES = 8
const MAC_BYTES = 16
const KEY_BYTES = 16

export type ContextCode =
  | 'context-garbled'
  | 'context-foreign'
  | 'context-forged'
  | 'context-other-cluster'
  | 'context-key-unknown'
  | 'contexts-too-many'

export type Opened =
  | { readonly kind: 'opened'; readonly context: Context }
  | { readonly kind: 'refused'; readonly code: ContextCode }

/** What a context is sealed for: a key of one bucket, not of another that had its name. */
export type SealedFor = Pick<CopyId, 'name' | 'bucketId'>

interface Subkeys {
  readonly id: number
  readonly signing: Uint8Array
  readonly naming: Uint8Array
  /** Of this cluster, under this key. */
  readonly tag: Uint8Array
}

const NO_CONTEXT: Opened = { kind: 'opened', context: Context.empty }

export class ContextSeal {
  readonly #cluster: Uint8Array
  #keys: readonly Subkeys[] = []
  readonly #name = new Uint32Array(2)
  readonly #mac: Uint8Array = new Uint8Array(MAC_BYTES)

  constructor(keys: readonly ClusterKey[], cluster: string) {
    this.#cluster = utf8Bytes(cluster)
    this.use(keys)
  }

  /** From now on `keys[0]` signs, and all verify. */
  use(keys: readonly ClusterKey[]): void {
    assert(keys.length > 0, 'there is a key to sign with')
    assert(new Set(keys.map(({ id }) => id)).size === keys.length, 'each key has an id of its own')
    this.#keys = keys.map(({ id, key }) => ({
      id,
      signing: derive(key, 'everwrite context signing'),
      naming: derive(key, 'everwrite context naming'),
      tag: digestOf(derive(key, 'everwrite context tag'), this.#cluster).slice(0, TAG_BYTES),
    }))
  }

  seal(of: SealedFor, context: Context): Uint8Array {
    if (context.isEmpty) return EMPTY_BYTES
    assert(context.count <= RANGES_MAX, 'a context that is sealed fits its count')
    const signer = this.#keys[0] as Subkeys
    const { count, requests } = context
    const signed = HEADER_BYTES + contextBytes(count, requests.length)
    const bytes = new Uint8Array(signed + MAC_BYTES)
    bytes[0] = FORMAT
    writeU32(bytes, 1, signer.id)
    bytes.set(signer.tag, TAG_AT)
    this.#nameOf(signer, of)
    writeU32(bytes, NAME_AT, this.#name[0] as number)
    writeU32(bytes, NAME_AT + 4, this.#name[1] as number)
    writeU16(bytes, RANGES_AT, count)
    writeU16(bytes, REQUESTS_AT, requests.length)
    writeContext(context, bytes, HEADER_BYTES)
    sipHash128Into(signer.signing, bytes, 0, signed, bytes, signed)
    return bytes
  }

  open(of: SealedFor, bytes: Uint8Array): Opened {
    if (bytes.length === 0) return NO_CONTEXT
    if (!hasShape(bytes)) return { kind: 'refused', code: 'context-garbled' }
    const keyId = readU32(bytes, 1)
    const signer = this.#keys.find(({ id }) => id === keyId)
    if (signer === undefined) return { kind: 'refused', code: 'context-key-unknown' }
    if (!equalBytes(signer.tag, bytes.subarray(TAG_AT, TAG_AT + TAG_BYTES))) {
      return { kind: 'refused', code: 'context-other-cluster' }
    }

    const signed = bytes.length - MAC_BYTES
    sipHash128Into(signer.signing, bytes, 0, signed, this.#mac, 0)
    if (!equalSecrets(this.#mac, bytes.subarray(signed))) {
      return { kind: 'refused', code: 'context-forged' }
    }
    this.#nameOf(signer, of)
    const isOfThisKey =
      this.#name[0] === readU32(bytes, NAME_AT) && this.#name[1] === readU32(bytes, NAME_AT + 4)
    if (!isOfThisKey) return { kind: 'refused', code: 'context-foreign' }
    const counts = [readU16(bytes, RANGES_AT), readU16(bytes, REQUESTS_AT)] as const
    const context = readContext(bytes, HEADER_BYTES, ...counts)
    if (context === undefined) return { kind: 'refused', code: 'context-garbled' }
    return { kind: 'opened', context }
  }

  /** Joins the contexts of a client that read several replicas; one bad context refuses all. */
  openAll(of: SealedFor, all: readonly Uint8Array[]): Opened {
    if (all.length > CONTEXTS_MAX) return { kind: 'refused', code: 'contexts-too-many' }
    let context = Context.empty
    for (const bytes of all) {
      const opened = this.open(of, bytes)
      if (opened.kind === 'refused') return opened
      context = context.join(opened.context)
    }
    return { kind: 'opened', context }
  }

  /** Leaves the digest of bucket and key in `#name`. */
  #nameOf({ naming }: Subkeys, of: SealedFor): void {
    const named = namedBytes(of)
    sipHash64Into(naming, named, 0, named.length, this.#name)
  }
}

/** Whether the bytes have the length of a context that is not empty. */
function hasShape(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER_BYTES + MAC_BYTES || bytes[0] !== FORMAT) return false
  const listed = contextBytes(readU16(bytes, RANGES_AT), readU16(bytes, REQUESTS_AT))
  return listed > 0 && bytes.length === HEADER_BYTES + listed + MAC_BYTES
}

/** Bucket and key, apart by a length, and the creation id of the bucket. */
export function namedBytes({ name: { bucket, key }, bucketId }: SealedFor): Uint8Array {
  return joinBytes([withLength(bucket), key, idBytes(bucketId.creation)])
}

/** A key of 16 bytes for one use alone. */
export function derive(key: Uint8Array, label: string): Uint8Array {
  assert(key.length === KEY_BYTES, 'a cluster key has 16 bytes')
  return digestOf(key, utf8Bytes(label))
}

/** 16 bytes: as long as a key. */
function digestOf(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  const digest = new Uint8Array(MAC_BYTES)
  sipHash128Into(key, bytes, 0, bytes.length, digest, 0)
  return digest
}

function withLength(bytes: Uint8Array): Uint8Array {
  const counted = new Uint8Array(2 + bytes.length)
  writeU16(counted, 0, bytes.length)
  counted.set(bytes, 2)
  return counted
}
