/**
 * The types of the addon's exports, and of the part that plain TypeScript implements too.
 *
 * The wrappers in this folder give these functions names, types and documentation.
 */

/** native/addon.cc exports the same number: raise both when a signature changes. */
export const ABI = 8

/** What a client needs, in C++ and, where that cannot be loaded, in TypeScript (`portable/`). */
export interface PortableFunctions {
  readonly md5Into: (
    input: Uint8Array,
    start: number,
    length: number,
    out: Uint8Array,
    outStart: number,
  ) => void
  readonly tokenInto: (bucket: Uint8Array, key: Uint8Array, out: Uint32Array) => void
  /** Writes hi and lo into `tokenWords`, which the callee owns: faster than a third array. */
  readonly token: (bucket: Uint8Array, key: Uint8Array) => void
  readonly tokenWords: Readonly<Uint32Array>
  readonly crc32c: (bytes: Uint8Array, start: number, length: number) => number
  readonly sipHash64Into: (
    key: Uint8Array,
    bytes: Uint8Array,
    start: number,
    length: number,
    out: Uint32Array,
  ) => void
  readonly sipHash128Into: (
    key: Uint8Array,
    bytes: Uint8Array,
    start: number,
    length: number,
    out: Uint8Array,
    outStart: number,
  ) => void

  readonly frameHeaderBytes: number
  readonly frameTrailerBytes: number
  readonly frameWords: number
  readonly scanFrames: (
    chunk: Uint8Array,
    start: number,
    end: number,
    bodyBytesMax: number,
    out: Uint32Array,
  ) => number
  readonly writeFrame: (
    out: Uint8Array,
    at: number,
    kind: number,
    flags: number,
    callId: number,
    bodyLength: number,
  ) => void
}

/** What the compiled module exports. */
export interface Addon extends PortableFunctions {
  readonly abi: number

  /** The variants this processor can run, the one in use first: for tests and benchmarks. */
  readonly md5Lanes: readonly number[]
  readonly crc32cVariants: readonly string[]
  readonly md5Batch: (
    input: Uint8Array,
    spans: Uint32Array,
    count: number,
    out: Uint8Array,
    variant?: number,
  ) => void
  readonly crc32cBy: (variant: number, bytes: Uint8Array, start: number, length: number) => number

  readonly recordHeaderBytes: number
  readonly recordWords: number
  readonly recordScanWords: number
  readonly movedWords: number
  readonly encodeRecord: (
    out: Uint8Array,
    at: number,
    head: Uint32Array,
    bucket: Uint8Array,
    key: Uint8Array,
    note: Uint8Array,
    body: Uint8Array,
  ) => number
  readonly verifyRecord: (
    bytes: Uint8Array,
    start: number,
    end: number,
    segment: number,
    offset: number,
    out: Uint32Array,
  ) => number
  readonly scanRecords: (
    bytes: Uint8Array,
    start: number,
    end: number,
    segment: number,
    baseOffset: number,
    out: Uint32Array,
  ) => number
  readonly scanMoved: (bytes: Uint8Array, key: Uint8Array, out: Uint32Array) => number
  readonly encodeMoved: (
    bytes: Uint8Array,
    starts: Uint32Array,
    count: number,
    out: Uint8Array,
    at: number,
    segment: number,
    offset: number,
    sequence: number,
    synced: number,
  ) => number

  readonly directoryWords: number
  readonly KeyDirectory: new () => unknown

  readonly merkleLeafBits: number
  readonly merkleChildren: number
  readonly merkleEntryWords: number
  readonly MerkleTree: new (key: Uint8Array) => unknown

  /** 1 if the C library can, 0 if it cannot. */
  readonly keepFreedMemory: (bytes: number) => number
  /** 0 taken, 1 held elsewhere, 2 failed. */
  readonly tryLock: (fd: number) => number
  readonly readResident: (
    fd: number,
    position: number,
    into: Uint8Array,
    start: number,
    length: number,
  ) => number
}
