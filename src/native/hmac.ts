/** HMAC-SHA-256, for the proofs of the handshake. */
import { createHmac } from 'node:crypto'

/** The 32 bytes of HMAC-SHA-256 (RFC 2104) under `key` of `parts`, one after another. */
export function hmacSha256(key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  const hmac = createHmac('sha256', key)
  for (const part of parts) hmac.update(part)
  return new Uint8Array(hmac.digest())
}
