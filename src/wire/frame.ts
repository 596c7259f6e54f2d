/**
 * Bytes to frames: finds the frames in the chunks that a connection receives.
 *
 * A chunk that begins with a frame is scanned in place, by one native call for all its frames;
 * bodies are views of the chunk and nothing is copied. Only the half frame at its end is carried
 * over, in a buffer of its own.
 *
 * Invariant: memory follows the bytes received, not the length that a header announces: the carry
 * buffer is at most twice as long as the bytes in it.
 * Invariant: after a fault nothing more is read: the start of the next frame is unknown.
 *
 * Why not: search for the next magic after a fault. A client's value may hold any bytes, also a
 * whole frame, and a reader that resynchronises would act on it.
 */
import { assert } from '../base/assert.ts'
import { EMPTY_BYTES } from '../base/bytes.ts'
import type { ErrorCode } from '../base/errors.ts'
import { Spares } from '../base/spares.ts'
import {
  FRAME_HEADER_BYTES,
  FRAME_WORDS,
  FrameFault,
  FrameSummary,
  FrameWord,
  frameSummaryAt,
  frameWords,
  scanFrames,
} from '../native/frame-scanner.ts'

/** One frame. The reader uses the same object for the next frame: read it at once. */
export interface Frame {
  kind: number
  flags: number
  callId: number
  /** The body is bytes[start, start + length): a view that may be kept, and must not be changed. */
  bytes: Uint8Array
  start: number
  length: number
  /** Whether the scan has computed the token of the key in the body. */
  hasToken: boolean
  tokenHi: number
  tokenLo: number
}

/** Frames found by one scan; a chunk with more is scanned again. */
const FRAMES_PER_SCAN = 128

const FAULT_CODES: Readonly<Record<FrameFault, ErrorCode | undefined>> = {
  [FrameFault.none]: undefined,
  [FrameFault.magic]: 'frame-magic',
  [FrameFault.format]: 'frame-format',
  [FrameFault.headerChecksum]: 'frame-checksum',
  [FrameFault.bodyTooLong]: 'frame-too-long',
  [FrameFault.bodyChecksum]: 'frame-checksum',
  [FrameFault.reservedBits]: 'frame-reserved',
}

/** Scans under way at once: one, and those that `onFrame` begins on other connections. */
const SPARE_WORDS_MAX = 4
/** Buffers for the results of a scan, for all readers. */
const spareWords = new Spares(SPARE_WORDS_MAX, () => frameWords(FRAMES_PER_SCAN))
const COUNT_AT = FRAMES_PER_SCAN * FRAME_WORDS + FrameSummary.count

/** The same bytes as a plain Uint8Array: `slice` of a `Buffer` is slower and does not copy. */
function plainBytes(chunk: Uint8Array): Uint8Array {
  return chunk.constructor === Uint8Array
    ? chunk
    : new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)
}

export class FrameReader {
  readonly #onFrame: (frame: Frame) => void
  readonly #frame: Frame = {
    kind: 0,
    flags: 0,
    callId: 0,
    bytes: EMPTY_BYTES,
    start: 0,
    length: 0,
    hasToken: false,
    tokenHi: 0,
    tokenLo: 0,
  }
  #bodyBytesMax: number
  /** The first `#carried` bytes of a half frame, in a buffer that no earlier frame is a view of. */
  #carry: Uint8Array = EMPTY_BYTES
  #carried = 0
  /** The length of the half frame, after its header was verified; 0 before. */
  #needed = 0
  #framesRead = 0
  #isStopped = false

  /** `onFrame` is called within `feed`, once for each frame. */
  constructor(bodyBytesMax: number, onFrame: (frame: Frame) => void) {
    this.#bodyBytesMax = bodyBytesMax
    this.#onFrame = onFrame
  }

  /** Bytes held of a half frame. */
  get carriedBytes(): number {
    return this.#carried
  }

  /** Frames read so far; with `carriedBytes` it shows whether a half frame makes progress. */
  get framesRead(): number {
    return this.#framesRead
  }

  /** Allows longer bodies from the next frame on, also in the chunk that is being read. */
  raiseBodyBytesMax(bytes: number): void {
    assert(bytes >= this.#bodyBytesMax, 'the bound grows, so that frames already scanned keep it')
    this.#bodyBytesMax = bytes
  }

  /** Ends reading, also of the rest of the chunk that is being read. */
  stop(): void {
    this.#isStopped = true
    this.#carry = EMPTY_BYTES
    this.#carried = 0
  }

  /**
   * Calls `onFrame` for every frame that `chunk` completes, in order. Bodies are views of the
   * chunk: do not change it. Returns why the stream cannot be read further, if so.
   */
  feed(chunk: Uint8Array): ErrorCode | undefined {
    if (this.#isStopped) return undefined
    const bytes = plainBytes(chunk)
    const words = spareWords.take()
    let at = 0
    let fault: ErrorCode | undefined
    while (this.#carried > 0 && at < bytes.length && fault === undefined) {
      const taken = this.#continue(bytes, at)
      at += taken
      fault = this.#scanCarried(words)
    }
    while (at < bytes.length && fault === undefined && !this.#isStopped) {
      const before = at
      at = this.#scan(bytes, at, bytes.length, words)
      if (at < 0) {
        fault = FAULT_CODES[words[frameSummaryAt(words, FrameSummary.fault)] as FrameFault]
      } else if (at === before) {
        this.#carryOver(bytes, at, words[frameSummaryAt(words, FrameSummary.needed)] as number)
        break
      }
    }
    if (fault !== undefined) this.stop()
    spareWords.giveBack(words)
    return fault
  }

  /**
   * Scans bytes[from, end) and calls `onFrame` for the frames found; returns where the last ended,
   * or -1 at a fault with no frame before it.
   */
  #scan(bytes: Uint8Array, from: number, end: number, words: Uint32Array): number {
    const count = scanFrames(bytes, from, end, this.#bodyBytesMax, words)
    if (count === 0) {
      return words[COUNT_AT + FrameSummary.fault] === FrameFault.none ? from : -1
    }
    const frame = this.#frame
    frame.bytes = bytes
    let at = from
    for (let i = 0; i < count; i++) {
      const word = i * FRAME_WORDS
      frame.kind = words[word + FrameWord.kind] as number
      frame.flags = words[word + FrameWord.flags] as number
      frame.callId = words[word + FrameWord.callId] as number
      frame.start = words[word + FrameWord.bodyStart] as number
      frame.length = words[word + FrameWord.bodyLength] as number
      frame.hasToken = words[word + FrameWord.hasToken] === 1
      frame.tokenHi = words[word + FrameWord.tokenHi] as number
      frame.tokenLo = words[word + FrameWord.tokenLo] as number
      at = frame.start + frame.length + 4
      this.#framesRead += 1
      this.#onFrame(frame)
      if (this.#isStopped) break
    }
    frame.bytes = EMPTY_BYTES
    return at
  }

  /** Keeps the start of a frame that ends in a later chunk. */
  #carryOver(bytes: Uint8Array, from: number, needed: number): void {
    const length = bytes.length - from
    const room = Math.max(2 * length, FRAME_HEADER_BYTES)
    this.#carry = new Uint8Array(needed === 0 ? room : Math.min(needed, room))
    this.#carry.set(from === 0 ? bytes : bytes.subarray(from))
    this.#carried = length
    this.#needed = needed
  }

  /** Adds the missing bytes of the header, or of the frame, from this chunk; returns how many. */
  #continue(bytes: Uint8Array, from: number): number {
    const wanted = this.#needed === 0 ? FRAME_HEADER_BYTES : this.#needed
    const taken = Math.min(wanted - this.#carried, bytes.length - from)
    const length = this.#carried + taken
    if (length > this.#carry.length) {
      const grown = new Uint8Array(Math.min(wanted, 2 * length))
      grown.set(this.#carry.subarray(0, this.#carried))
      this.#carry = grown
    }
    this.#carry.set(bytes.subarray(from, from + taken), this.#carried)
    this.#carried = length
    return taken
  }

  /** Verifies the header of the half frame, or passes the frame on when it is whole. */
  #scanCarried(words: Uint32Array): ErrorCode | undefined {
    if (this.#carried < this.#needed) return undefined
    const whole = this.#carry
    const end = this.#carried
    if (this.#needed === 0) {
      // Only the header is there: also an empty frame still lacks its trailer.
      const at = this.#scan(whole, 0, end, words)
      if (at < 0) return FAULT_CODES[words[COUNT_AT + FrameSummary.fault] as FrameFault]
      this.#needed = words[COUNT_AT + FrameSummary.needed] as number
      return undefined
    }
    this.#carry = EMPTY_BYTES
    this.#carried = 0
    this.#needed = 0
    const at = this.#scan(whole, 0, end, words)
    return at < 0 ? FAULT_CODES[words[COUNT_AT + FrameSummary.fault] as FrameFault] : undefined
  }
}
