/**
 * Read a whole log, and judge it. Changes no file: a check of a data directory uses it as well as a
 * start does.
 */
import { OperatingError } from '../../base/errors.ts'
import type { Directory } from '../../world/disk.ts'
import type { Trace } from '../../world/trace.ts'
import { plainFile, readFully, segmentName, segmentNumbers, unfinishedNumbers } from '../files.ts'
import type { OwnDigests } from '../engine.ts'
import type { Judgement } from './judgement.ts'
import { Pending } from './pending.ts'
import { PlaceIndexes } from './place-indexes.ts'
import { RecordReader } from './record-reader.ts'
import { Recovery } from './recovery.ts'
import { readSegmentHeader, SEGMENT_HEADER_BYTES } from './segment.ts'
import { SegmentScanner } from './segment-scan.ts'
import type { Segments } from './segments.ts'

export interface ReadLogOptions {
  readonly directory: Directory
  readonly trace: Trace
  readonly digestKey: Uint8Array
  readonly segmentBytes: number
  readonly ownDigests?: OwnDigests | undefined
}

export interface ReadLog {
  readonly indexes: PlaceIndexes
  readonly reader: RecordReader
  readonly pending: Pending
  readonly judgement: Judgement
  /** Records read and found sound. */
  readonly records: number
}

/**
 * Adds all segments to `segments`, and reads their records. Fails with `data-foreign`,
 * `data-newer` or `data-rotten`, before any record is read. Requires: the directory is locked.
 */
export async function readLog(options: ReadLogOptions, segments: Segments): Promise<ReadLog> {
  const { directory, digestKey, segmentBytes, trace, ownDigests } = options
  const sizes = new Map<number, number | undefined>()
  for (const number of await segmentNumbers(directory)) {
    sizes.set(number, await openSegment(directory, number, digestKey, segments))
  }
  const pending = new Pending(segmentBytes)
  const reader = new RecordReader(segments, pending, trace)
  const indexes = new PlaceIndexes(reader)
  const unfinished = await unfinishedNumbers(directory)
  const recovery = new Recovery(indexes, reader, trace, unfinished, ownDigests)
  const scanner = new SegmentScanner(digestKey)
  for (const segment of segments.list()) {
    const { number } = segment
    await segments.using(number, (file) => recovery.scan(segment, file, sizes.get(number), scanner))
  }
  const judgement = await recovery.complete()
  return { indexes, reader, pending, judgement, records: recovery.records }
}

/** Adds the segment. Returns the size that its header states; undefined if that has rotted. */
async function openSegment(
  directory: Directory,
  number: number,
  digestKey: Uint8Array,
  segments: Segments,
): Promise<number | undefined> {
  const name = segmentName(number)
  const file = await plainFile(directory, name, segments.openFile(name))
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES)
  let count: number
  try {
    const size = await file.size()
    count = await readFully(file, 0, bytes, 0, SEGMENT_HEADER_BYTES)
    segments.add({ number, file, bytes: size })
  } catch (error) {
    await file.close().catch(() => {})
    throw error
  }
  const header = readSegmentHeader(bytes.subarray(0, count), number, digestKey)
  if (header.verdict === 'newer') {
    throw new OperatingError(
      'data-newer',
      `${name} in ${directory.path} was written by a newer program: start that one. Nothing was` +
        ' changed.',
    )
  }
  if (header.verdict === 'foreign') {
    throw new OperatingError(
      'data-foreign',
      `${name} in ${directory.path} was written under another cluster key: give that key, or` +
        ' choose another directory. Nothing was changed.',
    )
  }
  return header.verdict === 'sound' ? header.bytes : undefined
}
