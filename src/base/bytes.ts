/**
 * Byte strings: compare, join, slice and print them; read and write fixed-width integers.
 *
 * All integers are little-endian. A u48 has six bytes and fits a JavaScript number exactly; so
 * counters and sequences have 48 bits and not 64.
 */
import { assert } from './assert.ts'

export const EMPTY_BYTES: Uint8Array = new Uint8Array(0)
export const U32_MAX = 0xffff_ffff
export const U48_MAX = 2 ** 48 - 1

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function utf8Bytes(text: string): Uint8Array {
  return encoder.encode(text)
}

/** A surrogate without its pair: UTF-8 has no bytes for it, and `utf8Bytes` writes U+FFFD. */
const LONE_SURROGATE = /\p{Surrogate}/u

/** The UTF-8 bytes of `text`, or undefined if it has a surrogate without its pair. */
export function utf8BytesExact(text: string): Uint8Array | undefined {
  return LONE_SURROGATE.test(text) ? undefined : utf8Bytes(text)
}

/** The text of `bytes`, with U+FFFD where they are not UTF-8. */
export function utf8Text(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

/** The text of `bytes`, or undefined if they are not UTF-8. */
export function utf8TextExact(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** From this length on `Buffer.compare` is faster than a loop: 75 times at 1 MiB. */
const LONG_BYTES = 256

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  if (a.length >= LONG_BYTES) return Buffer.compare(a, b) === 0
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Negative, zero or positive, as bytes are ordered; a prefix comes before what it begins. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** Equal in a time that depends on the lengths alone: for secrets. */
export function equalSecrets(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i % b.length] ?? 0)
  return difference === 0
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

export function hexOf(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  let text = ''
  for (let i = start; i < end; i++) text += HEX[bytes[i] as number] as string
  return text
}

/** The bytes of lower- or upper-case `hex`, or undefined if it is not hexadecimal. */
export function bytesOfHex(hex: string): Uint8Array | undefined {
  if (hex.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(hex)) return undefined
  const bytes = new Uint8Array(hex.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

/** One char for each byte: the cheapest exact key of a Map for a byte string. */
export function latin1Of(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i] as number)
  return text
}

/** Text of letters, digits, `-` and `_`. (Uint8Array has it only in newer Node.js.) */
export function base64urlOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url')
}

/** The bytes of `text`. Requires: `text` is base64url, which the caller has checked. */
export function bytesOfBase64url(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64url'))
}

export function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
}

export function readU32(bytes: Uint8Array, at: number): number {
  return (readU16(bytes, at) | (readU16(bytes, at + 2) << 16)) >>> 0
}

export function readU48(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at) + readU16(bytes, at + 4) * 2 ** 32
}

export function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  writeU16(bytes, at, value)
  writeU16(bytes, at + 2, value >>> 16)
}

export function writeU48(bytes: Uint8Array, at: number, value: number): void {
  assert(value >= 0 && value <= U48_MAX, 'a counter fits 48 bits')
  writeU32(bytes, at, (value % 2 ** 32) | 0)
  writeU16(bytes, at + 4, Math.floor(value / 2 ** 32))
}
