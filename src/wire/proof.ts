/**
 * The proofs by which the two sides of a connection show each other that they know a secret.
 *
 * The secret is the cluster key between peers, the token between a client and a node, and that of
 * the invitation between a joiner and the node that issued it. A proof
 * is an HMAC of all that was agreed: the bodies of Hello and Welcome, byte by byte, which hold the
 * nonces, the formats and the settings of both sides. So it is valid for this connection only. It
 * includes the side, so it cannot be sent back to its maker. Its key is derived from the secret for
 * this one purpose: no other digest under the secret is a valid proof.
 *
 * The proofs do not detect an attacker who relays all frames between two sides; that needs
 * encryption.
 *
 * Why not: the secret itself as the key. HMAC fills a short key up with zeros, so a token and the
 * same token with a zero byte behind it would be one.
 *
 * These strings are on the wire, in digested form: protocol/README.md gives them byte by byte.
 */
import { assert } from '../base/assert.ts'
import { utf8Bytes, writeU32 } from '../base/bytes.ts'
import { hmacSha256 } from '../native/hmac.ts'
import type { Side } from './framed-connection.ts'
import type { Role } from './message/session.ts'

export const NONCE_BYTES = 16
const CLUSTER_KEY_BYTES = 16

const KEY_LABELS: Readonly<Record<Role, Uint8Array>> = {
  peer: utf8Bytes('everwrite peer proof key'),
  client: utf8Bytes('everwrite client proof key'),
  joiner: utf8Bytes('everwrite joiner proof key'),
}
export const SIDE_BYTES: Readonly<Record<Side, number>> = { acceptor: 1, connector: 2 }

/** The key of the proofs, from the secret of this role: cluster key, token, or invitation's. */
export function proofKeyOf(role: Role, secret: Uint8Array): Uint8Array {
  assert(role !== 'peer' || secret.length === CLUSTER_KEY_BYTES, 'a cluster key has 16 bytes')
  return hmacSha256(KEY_LABELS[role], [secret])
}

/** The proof that `side` sends, after these bodies of Hello and Welcome. */
export function proofOf(
  side: Side,
  proofKey: Uint8Array,
  hello: Uint8Array,
  welcome: Uint8Array,
): Uint8Array {
  const head = new Uint8Array(5)
  head[0] = SIDE_BYTES[side]
  writeU32(head, 1, hello.length)
  return hmacSha256(proofKey, [head, hello, welcome])
}
