/**
 * Scans and writes frames in TypeScript: the same words for the same bytes as native/frame.cc.
 *
 * The frame is drawn in native/frame.h, and protocol/README.md says it in full. These numbers are
 * on the wire. Append only; never reuse.
 */
import { readU16, readU32, writeU16, writeU32 } from '../../base/bytes.ts'
import { requireCount, requirePart } from './bounds.ts'
import { crc32c } from './crc32c.ts'
import { findKey } from './key-fields.ts'
import { tokenInto } from './md5.ts'

const MAGIC = 0x5745 // 'E', 'W'
const FORMAT = 1

export const FRAME_HEADER_BYTES = 20
export const FRAME_TRAILER_BYTES = 4
const FRAME_OVERHEAD_BYTES = FRAME_HEADER_BYTES + FRAME_TRAILER_BYTES
const BODY_BYTES_MAX = 0xffff_ffff - FRAME_OVERHEAD_BYTES

/** Words that describe one frame, and words of the summary behind all of them. */
export const FRAME_WORDS = 8
const SUMMARY_WORDS = 4

/** What is wrong with the bytes behind the last frame: `FrameFault` in frame-scanner.ts. */
const FAULT = {
  none: 0,
  magic: 1,
  format: 2,
  headerChecksum: 3,
  bodyTooLong: 4,
  bodyChecksum: 5,
  reservedBits: 6,
} as const

/** See `scanFrames` in frame-scanner.ts. */
export function scanFrames(
  chunk: Uint8Array,
  start: number,
  end: number,
  bodyBytesMax: number,
  out: Uint32Array,
): number {
  requireCount(end, chunk.length)
  requireCount(start, end)
  requireCount(bodyBytesMax, BODY_BYTES_MAX)
  requireCount(FRAME_WORDS + SUMMARY_WORDS, out.length)
  const countMax = Math.floor((out.length - SUMMARY_WORDS) / FRAME_WORDS)
  let count = 0
  let at = start
  let needed = 0
  let fault: number = FAULT.none
  while (count < countMax && at < end) {
    const left = end - at
    fault = faultOf(chunk, at, left, bodyBytesMax)
    if (fault !== FAULT.none || left < FRAME_HEADER_BYTES) break
    const bodyBytes = readU32(chunk, at + 12)
    const frameBytes = FRAME_OVERHEAD_BYTES + bodyBytes
    if (left < frameBytes) {
      needed = frameBytes
      break
    }
    const bodyStart = at + FRAME_HEADER_BYTES
    if (crc32c(chunk, bodyStart, bodyBytes) !== readU32(chunk, bodyStart + bodyBytes)) {
      fault = FAULT.bodyChecksum
      break
    }
    describe(chunk, at, bodyBytes, out.subarray(count * FRAME_WORDS, (count + 1) * FRAME_WORDS))
    count += 1
    at += frameBytes
  }
  out.set([count, at - start, needed, fault], out.length - SUMMARY_WORDS)
  return count
}

/** The fault of the header at `at`, as far as its first `left` bytes show it. */
function faultOf(chunk: Uint8Array, at: number, left: number, bodyBytesMax: number): number {
  if (left >= 2 && readU16(chunk, at) !== MAGIC) return FAULT.magic
  if (left >= 3 && chunk[at + 2] !== FORMAT) return FAULT.format
  if (left < FRAME_HEADER_BYTES) return FAULT.none
  if (readU32(chunk, at + 16) !== crc32c(chunk, at, 16)) return FAULT.headerChecksum
  if (readU16(chunk, at + 6) !== 0) return FAULT.reservedBits
  return readU32(chunk, at + 12) > bodyBytesMax ? FAULT.bodyTooLong : FAULT.none
}

/** Writes the words of the sound frame at `at`. */
function describe(chunk: Uint8Array, at: number, bodyBytes: number, words: Uint32Array): void {
  const bodyStart = at + FRAME_HEADER_BYTES
  const kind = chunk[at + 3] as number
  words.fill(0)
  words[0] = kind
  words[1] = readU16(chunk, at + 4)
  words[2] = readU32(chunk, at + 8)
  words[3] = bodyStart
  words[4] = bodyBytes
  if (kind < 32 || kind > 47) return
  const found = findKey(chunk.subarray(bodyStart, bodyStart + bodyBytes))
  if (found === undefined) return
  tokenInto(found.bucket, found.key, words.subarray(5, 7))
  words[7] = 1
}

/** See `writeFrame` in frame-scanner.ts. */
export function writeFrame(
  out: Uint8Array,
  at: number,
  kind: number,
  flags: number,
  callId: number,
  bodyLength: number,
): void {
  requireCount(kind, 0xff)
  requireCount(flags, 0xffff)
  requireCount(callId, 0xffff_ffff)
  requireCount(bodyLength, BODY_BYTES_MAX)
  requirePart(out, at, FRAME_OVERHEAD_BYTES + bodyLength)
  writeU16(out, at, MAGIC)
  out[at + 2] = FORMAT
  out[at + 3] = kind
  writeU16(out, at + 4, flags)
  writeU16(out, at + 6, 0)
  writeU32(out, at + 8, callId)
  writeU32(out, at + 12, bodyLength)
  writeU32(out, at + 16, crc32c(out, at, 16))
  const bodyStart = at + FRAME_HEADER_BYTES
  writeU32(out, bodyStart + bodyLength, crc32c(out, bodyStart, bodyLength))
}
