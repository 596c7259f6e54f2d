/**
 * A segment: one file of the log, its space taken in advance.
 *
 *    0  4  magic 'EWs1'                 16  8  SipHash-64 of bytes 0..15 under the digest key
 *    4  1  format, 2                    24  4  zero
 *    5  3  zero                         28  4  CRC-32C of bytes 0..27
 *    8  4  segment number               32     records (native/record.h), one behind the other,
 *   12  4  bytes taken in advance              then zeros
 *
 * Space is taken by writing zeros and syncing them once, before the segment has its name: a group
 * commit then changes no metadata, and its fdatasync takes half as long (reference figures: 110
 * against 210 µs). Why not fallocate: it leaves the blocks marked unwritten, and turning them into
 * written ones is metadata again.
 *
 * The keyed checksum distinguishes data of another cluster from rot. Every later format changes
 * only the format number in these 32 bytes, so that an older program recognises newer data; the
 * format number covers the records too.
 *
 * Zeros end a segment's records. A record never begins with zeros, so the end is found without a
 * length that could be wrong.
 */
import { assert } from '../../base/assert.ts'
import { readU32, writeU32 } from '../../base/bytes.ts'
import { crc32c, sipHash64Into } from '../../native/digest.ts'
import type { Directory, File } from '../../world/disk.ts'
import { createWhole, segmentName } from '../files.ts'

/** The format that this program writes, and the newest that it reads. */
export const SEGMENT_FORMAT = 3
export const SEGMENT_HEADER_BYTES = 32
/** 'EWs1' in a file, read little-endian. */
const MAGIC = 0x31735745
const ZEROS_BYTES = 1024 * 1024

export interface Segment {
  readonly number: number
  /** The file's present size: what it takes on the disk. */
  bytes: number
}

export interface OpenSegment extends Segment {
  readonly file: File
}

export type HeaderVerdict = 'sound' | 'rotten' | 'newer' | 'foreign'

export function encodeSegmentHeader(
  number: number,
  bytes: number,
  digestKey: Uint8Array,
  format: number = SEGMENT_FORMAT,
): Uint8Array {
  const header = new Uint8Array(SEGMENT_HEADER_BYTES)
  writeU32(header, 0, MAGIC)
  header[4] = format
  writeU32(header, 8, number)
  writeU32(header, 12, bytes)
  const check = new Uint32Array(2)
  sipHash64Into(digestKey, header, 0, 16, check)
  writeU32(header, 16, check[0] as number)
  writeU32(header, 20, check[1] as number)
  writeU32(header, 28, crc32c(header, 0, 28))
  return header
}

/** Judges the header of segment `number`. `bytes` is the size that it states, if it is sound. */
export function readSegmentHeader(
  header: Uint8Array,
  number: number,
  digestKey: Uint8Array,
): { readonly verdict: HeaderVerdict; readonly bytes: number } {
  const verdict = judge(header, number, digestKey)
  return { verdict, bytes: verdict === 'sound' ? readU32(header, 12) : 0 }
}

function judge(header: Uint8Array, number: number, digestKey: Uint8Array): HeaderVerdict {
  if (header.length < SEGMENT_HEADER_BYTES || readU32(header, 0) !== MAGIC) return 'rotten'
  if (readU32(header, 28) !== crc32c(header, 0, 28)) return 'rotten'
  if ((header[4] as number) > SEGMENT_FORMAT) return 'newer'
  const check = new Uint32Array(2)
  sipHash64Into(digestKey, header, 0, 16, check)
  if (readU32(header, 16) !== check[0] || readU32(header, 20) !== check[1]) return 'foreign'
  return readU32(header, 8) === number ? 'sound' : 'rotten'
}

/** Makes a segment of `bytes`, all of it on the disk when this resolves. */
export async function createSegment(
  directory: Directory,
  number: number,
  bytes: number,
  digestKey: Uint8Array,
): Promise<OpenSegment> {
  assert(bytes >= SEGMENT_HEADER_BYTES, 'a segment has room for its header')
  const file = await createWhole(directory, segmentName(number), async (created) => {
    await created.write(0, encodeSegmentHeader(number, bytes, digestKey))
    await writeZeros(created, SEGMENT_HEADER_BYTES, bytes)
  })
  return { number, file, bytes }
}

/** Takes more space for a segment that holds no records yet. */
export async function growSegment(segment: OpenSegment, bytes: number): Promise<void> {
  assert(bytes > segment.bytes, 'a segment grows')
  await writeZeros(segment.file, segment.bytes, bytes)
  await segment.file.sync()
  segment.bytes = bytes
}

/**
 * Synced in pieces: one sync of it all would hold up the group commits beside it for as long as the
 * disk takes for a whole segment.
 */
export async function writeZeros(file: File, from: number, to: number): Promise<void> {
  const zeros = new Uint8Array(Math.min(ZEROS_BYTES, to - from))
  for (let at = from; at < to; at += zeros.length) {
    await file.write(at, zeros.subarray(0, Math.min(zeros.length, to - at)))
    if (to - from > ZEROS_BYTES) await file.sync()
  }
}
