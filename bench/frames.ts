/** A chunk of frames as the network gives it, for the benches. */
import { FRAME_HEADER_BYTES, FRAME_TRAILER_BYTES, writeFrame } from '../src/native/frame-scanner.ts'
import type { Random } from '../test/unit/native/rivals.ts'

/** Bytes a frame: a body of 100, and 24 around it. */
export const FRAME_BYTES: number = FRAME_HEADER_BYTES + 100 + FRAME_TRAILER_BYTES

/** A put of bucket 'carts' (7 bytes with its tag), a key of 24 (26) and a value of 65 (67). */
function putBody(chance: Random): Uint8Array {
  const key = chance.bytes(24)
  const value = chance.bytes(65)
  const parts = [Buffer.from('\x0a\x05carts'), Buffer.from('\x12\x18'), key]
  return Buffer.concat([...parts, Buffer.from('\x1a\x41'), value])
}

/** `count` frames of 100-byte bodies, one behind the other. */
export function chunkOf(chance: Random, count: number, kind: number): Uint8Array {
  const chunk = new Uint8Array(count * FRAME_BYTES)
  for (let i = 0; i < count; i++) {
    const at = i * FRAME_BYTES
    chunk.set(putBody(chance), at + FRAME_HEADER_BYTES)
    writeFrame(chunk, at, kind, 0, i, 100)
  }
  return chunk
}
