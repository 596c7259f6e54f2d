/**
 * The proofs by which two nodes show each other that they know the cluster key.
 *
 * Each side has sent a nonce of 16 random bytes. A proof is a keyed digest of everything that the
 * handshake agreed on, both nonces included, so it is valid for this connection only. It includes
 * the side, so it cannot be sent back to its maker. Its key is derived from the cluster key for
 * this one purpose: no other digest under the cluster key is a valid proof.
 *
 * The proofs do not detect an attacker who relays all frames between two nodes; that needs
 * encryption.
 *
 * These strings are on the wire, in digested form: protocol/README.md gives them byte by byte.
 */
import { assert } from '../base/assert.ts'
import { joinBytes, utf8Bytes, writeU16, writeU32 } from '../base/bytes.ts'
import { sipHash128Into } from '../native/digest.ts'
import type { Side } from './framed-connection.ts'

export const PROOF_BYTES = 16
export const NONCE_BYTES = 16
export const CLUSTER_KEY_BYTES = 16

const KEY_LABEL: Uint8Array = utf8Bytes('everwrite peer proof key 1')
const PROOF_LABEL: Uint8Array = utf8Bytes('everwrite peer proof 1')
const SIDE_BYTES: Readonly<Record<Side, number>> = { acceptor: 1, connector: 2 }

/** Everything that the handshake agreed on, known to both sides. */
export interface Agreement {
  readonly formatMin: number
  readonly formatMax: number
  readonly format: number
  readonly cluster: string
  /** 8 bytes each. */
  readonly connectorNode: Uint8Array
  readonly acceptorNode: Uint8Array
  /** 16 bytes each. */
  readonly connectorNonce: Uint8Array
  readonly acceptorNonce: Uint8Array
}

/** The key of the proofs. */
export function proofKeyOf(clusterKey: Uint8Array): Uint8Array {
  assert(clusterKey.length === CLUSTER_KEY_BYTES, 'a cluster key has 16 bytes')
  return digestUnder(clusterKey, KEY_LABEL)
}

/** The proof that `side` sends. */
export function proofOf(side: Side, agreement: Agreement, proofKey: Uint8Array): Uint8Array {
  const { formatMin, formatMax, format } = agreement
  const cluster = utf8Bytes(agreement.cluster)
  const numbers = new Uint8Array(15)
  numbers[0] = SIDE_BYTES[side]
  writeU32(numbers, 1, formatMin)
  writeU32(numbers, 5, formatMax)
  writeU32(numbers, 9, format)
  writeU16(numbers, 13, cluster.length)
  const { connectorNode, acceptorNode, connectorNonce, acceptorNonce } = agreement
  const nodes = [connectorNode, acceptorNode, connectorNonce, acceptorNonce]
  return digestUnder(proofKey, joinBytes([PROOF_LABEL, numbers, cluster, ...nodes]))
}

function digestUnder(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  const digest = new Uint8Array(PROOF_BYTES)
  sipHash128Into(key, bytes, 0, bytes.length, digest, 0)
  return digest
}
