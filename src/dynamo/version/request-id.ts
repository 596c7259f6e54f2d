/** The name that a client gives to one put through all its attempts. */
import { latin1Of } from '../../base/bytes.ts'

/**
 * Its 16 bytes, one char a byte: it compares and serves as a key of a Map without conversion. For
 * people, `requestLabel`.
 */
export type RequestId = string & { readonly __requestId?: never }

export function requestIdOf(bytes: Uint8Array): RequestId {
  return latin1Of(bytes)
}

export function requestIdBytes(requestId: RequestId): Uint8Array {
  return Uint8Array.from(requestId, (char) => char.charCodeAt(0))
}

/** Of the time with which it begins. */
const TIME_BYTES = 6

/** When its client drew it, by the clock there, in ms since 1970. */
export function drawnAt(requestId: RequestId): number {
  let time = 0
  for (let at = 0; at < TIME_BYTES; at++) time = 256 * time + requestId.charCodeAt(at)
  return time
}

export function requestLabel(requestId: RequestId): string {
  let text = ''
  for (const char of requestId) text += char.charCodeAt(0).toString(16).padStart(2, '0')
  return text
}
