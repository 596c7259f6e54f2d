/**
 * Seals the cluster key for a joiner, under the secret of its invitation.
 *
 *     pad    = HMAC-SHA-256(pad key, joiner's nonce ‖ acceptor's nonce), its first 16 bytes
 *     sealed = cluster key XOR pad
 *     tag    = HMAC-SHA-256(tag key, both nonces ‖ joiner's id ‖ sealed ‖ the rest of the answer)
 *
 * Both keys are derived from the secret, which has 256 random bits, each for this use alone. The
 * nonces are those of the handshake, so a pad serves one connection and one cluster key. The tag
 * covers all that the joiner is told, so that none of it can be changed on the way.
 *
 * These strings are on the wire, in digested form: protocol/README.md gives them byte by byte.
 */
import { assert } from '../base/assert.ts'
import { equalSecrets, joinBytes, utf8Bytes, writeU32 } from '../base/bytes.ts'
import { idBytes, type NodeId } from '../dynamo/names.ts'
import { hmacSha256 } from '../native/hmac.ts'
import type { PeerJoinReply } from './message/join.ts'

export const SEALED_KEY_BYTES = 16
export const SEAL_TAG_BYTES = 32

const PAD_LABEL = utf8Bytes('everwrite join pad key')
const TAG_LABEL = utf8Bytes('everwrite join tag key')

/** What the joiner is told beside the key. */
export type Told = Pick<PeerJoinReply, 'placement' | 'ring' | 'records'>

export class KeySeal {
  readonly #nonces: Uint8Array
  readonly #padKey: Uint8Array
  readonly #tagKey: Uint8Array

  constructor(secret: Uint8Array, joinersNonce: Uint8Array, acceptorsNonce: Uint8Array) {
    this.#nonces = joinBytes([joinersNonce, acceptorsNonce])
    this.#padKey = hmacSha256(PAD_LABEL, [secret])
    this.#tagKey = hmacSha256(TAG_LABEL, [secret])
  }

  /** The answer to the joiner. */
  seal(clusterKey: Uint8Array, joiner: NodeId, told: Told): PeerJoinReply {
    assert(clusterKey.length === SEALED_KEY_BYTES, 'a cluster key has 16 bytes')
    const sealedKey = this.#padded(clusterKey)
    return { ...told, sealedKey, tag: this.#tag(joiner, sealedKey, told) }
  }

  /** The cluster key; undefined where the answer is not from who issued the invitation. */
  open(reply: PeerJoinReply, joiner: NodeId): Uint8Array | undefined {
    const { sealedKey, tag } = reply
    const isRight = equalSecrets(this.#tag(joiner, sealedKey, reply), tag)
    return isRight ? this.#padded(sealedKey) : undefined
  }

  #padded(key: Uint8Array): Uint8Array {
    const pad = hmacSha256(this.#padKey, [this.#nonces])
    return key.map((byte, at) => byte ^ (pad[at] as number))
  }

  #tag(joiner: NodeId, sealedKey: Uint8Array, { placement, ring, records }: Told): Uint8Array {
    const placed = withLength(utf8Bytes(placement))
    const told = [...placed, u32(ring), u32(records.length), ...records.flatMap(withLength)]
    return hmacSha256(this.#tagKey, [this.#nonces, idBytes(joiner), sealedKey, ...told])
  }
}

function withLength(bytes: Uint8Array): readonly Uint8Array[] {
  return [u32(bytes.length), bytes]
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  writeU32(bytes, 0, value)
  return bytes
}
