/**
 * Seals cluster keys on their way: for a joiner under the secret of its invitation, between peers
 * under the cluster key that both have proved.
 *
 *     block i = HMAC-SHA-256(pad key, both nonces ‖ side ‖ own nonce ‖ i)
 *     sealed  = own nonce ‖ (ring of keys XOR the blocks)
 *     tag     = HMAC-SHA-256(tag key, both nonces ‖ side ‖ length ‖ sealed ‖ what else is told)
 *
 * The pad and tag keys are derived from the secret, each for this use alone. The nonces are those
 * of the handshake, so what is sealed can be opened on its connection only; the own nonce is fresh
 * each time, so no pad serves two rings. The side is that of the sealer, so nothing can be sent
 * back to it. The tag covers all that is told, so that none of it can be changed on the way.
 *
 * A connection has no other encryption: see protocol/README.md for what that leaves open.
 *
 * These strings are on the wire, in digested form: protocol/README.md gives them byte by byte.
 */
import { assert } from '../base/assert.ts'
import { equalSecrets, joinBytes, utf8Bytes, writeU32 } from '../base/bytes.ts'
import { idBytes, type NodeId } from '../dynamo/names.ts'
import { hmacSha256 } from '../native/hmac.ts'
import type { Side } from './framed-connection.ts'
import type { PeerJoinReply } from './message/join.ts'
import type { Sealed } from './message/keys.ts'
import { NONCE_BYTES, SIDE_BYTES } from './proof.ts'

const BLOCK_BYTES = 32

const LABELS = {
  joiner: [utf8Bytes('everwrite join pad key'), utf8Bytes('everwrite join tag key')],
  peer: [utf8Bytes('everwrite peer pad key'), utf8Bytes('everwrite peer tag key')],
} as const

export interface SealOptions {
  readonly role: keyof typeof LABELS
  /** Of the invitation, or the cluster key that was proved. */
  readonly secret: Uint8Array
  /** This one. */
  readonly side: Side
  readonly connectorsNonce: Uint8Array
  readonly acceptorsNonce: Uint8Array
}

export class KeySeal {
  readonly #nonces: Uint8Array
  readonly #side: Side
  readonly #padKey: Uint8Array
  readonly #tagKey: Uint8Array

  constructor({ role, secret, side, connectorsNonce, acceptorsNonce }: SealOptions) {
    const [pad, tag] = LABELS[role]
    this.#nonces = joinBytes([connectorsNonce, acceptorsNonce])
    this.#side = side
    this.#padKey = hmacSha256(pad, [secret])
    this.#tagKey = hmacSha256(tag, [secret])
  }

  /** `nonce`: 16 random bytes, drawn for this. `told`: what goes with it, unsealed. */
  seal(plain: Uint8Array, nonce: Uint8Array, told: readonly Uint8Array[] = []): Sealed {
    assert(nonce.length === NONCE_BYTES, 'a nonce has 16 bytes')
    const sealed = joinBytes([nonce, this.#padded(this.#side, nonce, plain)])
    return { sealed, tag: this.#tag(this.#side, sealed, told) }
  }

  /** Undefined where it was not sealed by the other side of this connection, or was changed. */
  open({ sealed, tag }: Sealed, told: readonly Uint8Array[] = []): Uint8Array | undefined {
    const side = this.#side === 'acceptor' ? 'connector' : 'acceptor'
    const isRight = equalSecrets(this.#tag(side, sealed, told), tag)
    if (!isRight || sealed.length < NONCE_BYTES) return undefined
    return this.#padded(side, sealed.slice(0, NONCE_BYTES), sealed.subarray(NONCE_BYTES))
  }

  #padded(side: Side, nonce: Uint8Array, bytes: Uint8Array): Uint8Array {
    const padded = new Uint8Array(bytes)
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
      const block = hmacSha256(this.#padKey, [...this.#head(side), nonce, u32(at / BLOCK_BYTES)])
      const end = Math.min(bytes.length, at + BLOCK_BYTES)
      for (let i = at; i < end; i++) padded[i] = (bytes[i] as number) ^ (block[i - at] as number)
    }
    return padded
  }

  #tag(side: Side, sealed: Uint8Array, told: readonly Uint8Array[]): Uint8Array {
    return hmacSha256(this.#tagKey, [...this.#head(side), u32(sealed.length), sealed, ...told])
  }

  #head(side: Side): readonly Uint8Array[] {
    return [this.#nonces, Uint8Array.of(SIDE_BYTES[side])]
  }
}

/** What a joiner is told beside the keys, as the tag covers it. */
export function toldToJoiner(
  joiner: NodeId,
  { placement, records }: Pick<PeerJoinReply, 'placement' | 'records'>,
): readonly Uint8Array[] {
  const placed = withLength(utf8Bytes(placement))
  const counted = u32(records.length)
  return [idBytes(joiner), ...placed, counted, ...records.flatMap(withLength)]
}

function withLength(bytes: Uint8Array): readonly Uint8Array[] {
  return [u32(bytes.length), bytes]
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  writeU32(bytes, 0, value)
  return bytes
}
