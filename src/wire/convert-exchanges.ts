/** Questions of clients about exchanges between owners, to and from protobuf. */
import type { Reader, Writer } from 'protobufjs/minimal.js'
import { EMPTY_BYTES, readU32, U32_MAX, writeU32 } from '../base/bytes.ts'
import { type U64, u64 } from '../base/u64.ts'
import { idBytes } from '../dynamo/names.ts'
import { ERROR_KINDS, errorCodeOf } from '../base/errors.ts'
import { MEMBERS_MAX, PARTITIONS_MAX, REPLICAS_MAX } from '../limits.ts'
import { checkBucket, checkDeadline, checkRequestId, garbled } from './bounds.ts'
import { type CallConverter, plain } from './convert-client.ts'
import { idOf } from './convert-ids.ts'
import { roundReportOf } from './convert-status.ts'
import { everwrite as pb } from './generated/messages.js'
import type {
  ComparedRange,
  FoundEqual,
  RangeRoot,
  Ranges,
  RangesReply,
  Repair,
  RepairReply,
  TreeRanges,
} from './message/client.ts'

/** Partition, root, equal sum, time. */
const RANGE_BYTES = 24
/** Partition, equal sum, two times. */
const COMPARED_BYTES = 20
/** In the place of milliseconds: never, or not. Longer times count as one less. */
const NO_MS = U32_MAX

const ranges: CallConverter<'ranges'> = {
  request: {
    encode(ranges: Ranges, writer: Writer): void {
      checkDeadline(ranges.deadlineMs)
      pb.Ranges.encode(ranges, writer)
    },
    decode(reader: Reader): Ranges {
      const { untilEqual, withinMs, deadlineMs } = pb.Ranges.decode(reader)
      checkDeadline(deadlineMs)
      return { untilEqual, withinMs, deadlineMs }
    },
  },
  reply: {
    bytesOf: ({ trees }) => trees.reduce((sum, tree) => sum + bytesOfTree(tree), 0),
    encode({ node, trees, ...rest }: RangesReply, writer: Writer): void {
      const message = { ...rest, node: idBytes(node), trees: trees.map(treeMessageOf) }
      pb.RangesReply.encode(message, writer)
    },
    decode(reader: Reader): RangesReply {
      const { node, isWhole, isEqual, round, trees } = pb.RangesReply.decode(reader)
      checkCount('trees', trees?.length, REPLICAS_MAX)
      return { node: idOf(node), isWhole, isEqual, round, trees: (trees ?? []).map(treeOf) }
    },
  },
}

function bytesOfTree({ ranges, others }: TreeRanges): number {
  const compared = others.reduce((sum, other) => sum + other.compared.length, 0)
  return RANGE_BYTES * ranges.length + COMPARED_BYTES * compared
}

function treeMessageOf({ n, ranges, others }: TreeRanges): pb.RangesOfTree.$Properties {
  const messages = others.map(({ node, compared }) => {
    return { node: idBytes(node), compared: bytesOfRows(compared, COMPARED_BYTES, writeCompared) }
  })
  return { n, ranges: bytesOfRows(ranges, RANGE_BYTES, writeRange), others: messages }
}

function treeOf({ n, ranges, others }: pb.RangesOfTree.$Properties): TreeRanges {
  if (n === null || n === undefined || n < 1 || n > REPLICAS_MAX) {
    throw garbled(`no bucket has ${n ?? 0} replicas`)
  }
  checkCount('owners', others?.length, MEMBERS_MAX)
  return {
    n,
    ranges: rowsOf(plain(ranges), RANGE_BYTES, readRange),
    others: (others ?? []).map(({ node, compared }) => {
      return { node: idOf(node), compared: rowsOf(plain(compared), COMPARED_BYTES, readCompared) }
    }),
  }
}

function writeRange(bytes: Uint8Array, at: number, { partition, root, equal }: RangeRoot): void {
  writeU32(bytes, at, partition)
  writeSum(bytes, at + 4, root)
  writeEqual(bytes, at + 12, equal)
}

function readRange(bytes: Uint8Array, at: number): RangeRoot {
  const partition = partitionOf(bytes, at)
  return { partition, root: readSum(bytes, at + 4), equal: readEqual(bytes, at + 12) }
}

function writeCompared(bytes: Uint8Array, at: number, compared: ComparedRange): void {
  const { partition, equal, differsMs } = compared
  writeU32(bytes, at, partition)
  writeEqual(bytes, at + 4, equal)
  writeU32(bytes, at + 16, msFieldOf(differsMs))
}

function readCompared(bytes: Uint8Array, at: number): ComparedRange {
  const partition = partitionOf(bytes, at)
  return { partition, equal: readEqual(bytes, at + 4), differsMs: msOf(readU32(bytes, at + 16)) }
}

/** 12 bytes: the sum, and the milliseconds since it was found. */
function writeEqual(bytes: Uint8Array, at: number, equal: FoundEqual | undefined): void {
  if (equal !== undefined) writeSum(bytes, at, equal.sum)
  writeU32(bytes, at + 8, msFieldOf(equal?.ms))
}

function readEqual(bytes: Uint8Array, at: number): FoundEqual | undefined {
  const ms = msOf(readU32(bytes, at + 8))
  return ms === undefined ? undefined : { sum: readSum(bytes, at), ms }
}

function writeSum(bytes: Uint8Array, at: number, { hi, lo }: U64): void {
  writeU32(bytes, at, hi)
  writeU32(bytes, at + 4, lo)
}

function readSum(bytes: Uint8Array, at: number): U64 {
  return u64(readU32(bytes, at), readU32(bytes, at + 4))
}

function msFieldOf(ms: number | undefined): number {
  return ms === undefined ? NO_MS : Math.min(ms, NO_MS - 1)
}

function msOf(field: number): number | undefined {
  return field === NO_MS ? undefined : field
}

function partitionOf(bytes: Uint8Array, at: number): number {
  const partition = readU32(bytes, at)
  if (partition < PARTITIONS_MAX) return partition
  throw garbled(`no ring has a partition ${partition}`)
}

function bytesOfRows<Row>(
  rows: readonly Row[],
  rowBytes: number,
  write: (bytes: Uint8Array, at: number, row: Row) => void,
): Uint8Array {
  const bytes = new Uint8Array(rowBytes * rows.length)
  for (const [i, row] of rows.entries()) write(bytes, rowBytes * i, row)
  return bytes
}

function rowsOf<Row>(
  bytes: Uint8Array,
  rowBytes: number,
  read: (bytes: Uint8Array, at: number) => Row,
): readonly Row[] {
  const count = bytes.length / rowBytes
  if (!Number.isInteger(count)) throw garbled('the partitions are cut')
  checkCount('partitions', count, PARTITIONS_MAX)
  return Array.from({ length: count }, (_, i) => read(bytes, rowBytes * i))
}

const repair: CallConverter<'repair'> = {
  request: {
    encode(repair: Repair, writer: Writer): void {
      checkRepair(repair)
      const { bucket, run, deadlineMs, opensRound } = repair
      const from = repair.from === undefined ? EMPTY_BYTES : idBytes(repair.from)
      pb.Repair.encode({ bucket, from, run, deadlineMs, opensRound }, writer)
    },
    decode(reader: Reader): Repair {
      const { bucket, from, run, deadlineMs, opensRound } = pb.Repair.decode(reader)
      const repair: Repair = {
        bucket: plain(bucket),
        from: from.length === 0 ? undefined : idOf(from),
        run: plain(run),
        deadlineMs,
        opensRound,
      }
      checkRepair(repair)
      return repair
    },
  },
  reply: {
    encode({ unfinished, round, ...reply }: RepairReply, writer: Writer): void {
      const failed = unfinished.map(({ node, code }) => {
        return { node: idBytes(node), code: ERROR_KINDS[code].number }
      })
      const message = { ...reply, node: idBytes(reply.node), unfinished: failed }
      pb.RepairReply.encode({ ...message, round: round ?? null }, writer)
    },
    decode(reader: Reader): RepairReply {
      const message = pb.RepairReply.decode(reader)
      const { isDone, members, done, leaves, keys, unfinished } = message
      checkCount('members', unfinished?.length, MEMBERS_MAX)
      const failed = (unfinished ?? []).map((one) => {
        return { node: idOf(one.node), code: errorCodeOf(one.code ?? 0) }
      })
      const hasRound = message.round !== null && message.round !== undefined
      return {
        node: idOf(message.node),
        ...{ isDone, members, done, leaves, keys },
        unfinished: failed,
        round: hasRound ? roundReportOf(message.round) : undefined,
      }
    },
  },
}

function checkRepair({ bucket, run, deadlineMs }: Repair): void {
  if (bucket.length > 0) checkBucket(bucket)
  checkRequestId(run)
  checkDeadline(deadlineMs)
}

function checkCount(what: string, count = 0, max: number): void {
  if (count > max) throw garbled(`the answer lists ${count} ${what}, more than ${max}`)
}

export const EXCHANGE_CONVERTERS: {
  readonly [K in 'ranges' | 'repair']: CallConverter<K>
} = { ranges, repair }
