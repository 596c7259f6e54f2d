/**
 * Finds the frames in a chunk from the network, all by one native call.
 *
 * The frame, byte by byte, is in protocol/README.md and native/frame.h. A scan verifies the header
 * before it uses the length in it, and the body before it reports the frame. It describes each
 * frame in eight words of `out`, and the scan in the last four:
 *
 *   out | frame 0 | frame 1 | ... | frame n-1 | count | consumed | needed | fault |
 *
 * Frames of kinds 32..47 are about one key: their body begins with bucket and key, and the scan
 * computes the token. It computes none (hasToken 0) if bucket or key is missing, empty or there
 * twice: a protobuf reader takes the last one, and the token must be of the key that is read.
 */
import { addon } from './addon.ts'

/** Bytes before a body, and bytes behind it. */
export const FRAME_HEADER_BYTES: number = addon.frameHeaderBytes
export const FRAME_TRAILER_BYTES: number = addon.frameTrailerBytes

/** Words that describe a frame; `FrameWord` says which is which. */
export const FRAME_WORDS: number = addon.frameWords

/** Words behind the frames: count, consumed, needed, fault. */
export const FRAME_SUMMARY_WORDS = 4

/** Offsets in the words of one frame. `bodyStart` counts from the start of the chunk. */
export const FrameWord = {
  kind: 0,
  flags: 1,
  callId: 2,
  bodyStart: 3,
  bodyLength: 4,
  tokenHi: 5,
  tokenLo: 6,
  hasToken: 7,
} as const

/** Offsets in the last four words of `out`. */
export const FrameSummary = {
  /** Frames described. */
  count: 0,
  /** Bytes they take, from `start`. */
  consumed: 1,
  /** All bytes of the incomplete frame behind them, if its header is there and true; else 0. */
  needed: 2,
  /** A `FrameFault`. */
  fault: 3,
} as const

/** The fault of the bytes behind the last frame. After any but `none` the stream is lost. */
export const FrameFault = {
  none: 0,
  magic: 1,
  format: 2,
  headerChecksum: 3,
  bodyTooLong: 4,
  bodyChecksum: 5,
  reservedBits: 6,
} as const
export type FrameFault = (typeof FrameFault)[keyof typeof FrameFault]

/** An array with room for `frames` frames and the summary. */
export function frameWords(frames: number): Uint32Array {
  return new Uint32Array(frames * FRAME_WORDS + FRAME_SUMMARY_WORDS)
}

/** The index in `out` of one word of the summary. */
export function frameSummaryAt(out: Uint32Array, word: number): number {
  return out.length - FRAME_SUMMARY_WORDS + word
}

/**
 * Scans chunk[start, end), and returns how many frames are in `out`.
 *
 * Ends at the end of the bytes, at a fault, or when `out` is full: if the count is all that `out`
 * can hold and consumed < end - start, call again from start + consumed.
 * Requires: room for one frame, and bodyBytesMax <= 2^32 - 25.
 */
export const scanFrames: (
  chunk: Uint8Array,
  start: number,
  end: number,
  bodyBytesMax: number,
  out: Uint32Array,
) => number = addon.scanFrames

/**
 * Makes a frame at `at` of a body that lies at `at + FRAME_HEADER_BYTES` already: writes the header
 * before it and the checksum behind it.
 * Requires: kind < 2^8, flags < 2^16, callId < 2^32; room for the trailer behind the body.
 */
export const writeFrame: (
  out: Uint8Array,
  at: number,
  kind: number,
  flags: number,
  callId: number,
  bodyLength: number,
) => void = addon.writeFrame
