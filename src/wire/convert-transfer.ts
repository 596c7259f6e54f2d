/** Bulk transfers between members, to and from protobuf. */
import type { Reader, Writer } from 'protobufjs/minimal.js'
import type { LogPoint } from '../dynamo/handoff/log-point.ts'
import { bitsOfPartitions, partitionsOfBits } from '../dynamo/ring/partition.ts'
import { PARTITIONS_MAX, REPLICAS_MAX, SEGMENT_BYTES_MAX, TRANSFER_BYTES_MAX } from '../limits.ts'
import { checkDeadline, garbled } from './bounds.ts'
import { type CallConverter, plain, wideOf } from './convert-client.ts'
import { everwrite as pb } from './generated/messages.js'
import type { PeerTransfer, PeerTransferReply } from './message/peer.ts'

type Maybe<T> = T | null | undefined

const peerTransfer: CallConverter<'peerTransfer'> = {
  request: {
    encode(asked: PeerTransfer, writer: Writer): void {
      checkTransfer(asked)
      const { partitions, from, end, ...rest } = asked
      const points = { from: from ?? null, end: end ?? null }
      pb.PeerTransfer.encode(
        { ...rest, partitions: bitsOfPartitions(partitions), ...points },
        writer,
      )
    },
    decode(reader: Reader): PeerTransfer {
      const { ring, n, partitions, from, end, run, deadlineMs } = pb.PeerTransfer.decode(reader)
      const asked = {
        ring: wideOf(ring),
        n: n ?? 0,
        partitions: partitionsIn(plain(partitions)),
        from: pointOf(from),
        end: pointOf(end),
        run: run ?? 0,
        deadlineMs: deadlineMs ?? 0,
      } as PeerTransfer
      checkTransfer(asked)
      return asked
    },
  },
  reply: {
    bytesOf: ({ records }) => records.length,
    encode({ next, ...reply }: PeerTransferReply, writer: Writer): void {
      checkRecords(reply.records)
      pb.PeerTransferReply.encode({ ...reply, next: next ?? null }, writer)
    },
    decode(reader: Reader): PeerTransferReply {
      const { records, next, end, rotten } = pb.PeerTransferReply.decode(reader)
      const found = plain(records)
      checkRecords(found)
      const ended = pointOf(end)
      if (ended === undefined) throw garbled('a transfer does not say where it ends')
      return { records: found, next: pointOf(next), end: ended, rotten: rotten ?? 0 }
    },
  },
}

function partitionsIn(bits: Uint8Array): readonly number[] {
  if (8 * bits.length <= PARTITIONS_MAX) return partitionsOfBits(bits)
  throw garbled('a transfer is of more partitions than a ring has')
}

function checkTransfer({ n, partitions, deadlineMs }: PeerTransfer): void {
  checkDeadline(deadlineMs)
  if (n < 1 || n > REPLICAS_MAX) throw garbled(`no bucket has ${n} replicas`)
  if (partitions.length === 0) throw garbled('a transfer is of no partition')
}

function checkRecords(records: Uint8Array): void {
  if (records.length <= TRANSFER_BYTES_MAX) return
  throw garbled(`one answer brings ${records.length} bytes of records, more than are taken`)
}

function pointOf(point: Maybe<pb.LogPoint.$Properties>): LogPoint | undefined {
  if (point === null || point === undefined) return undefined
  const { segment, offset } = { segment: point.segment ?? 0, offset: point.offset ?? 0 }
  if (offset > SEGMENT_BYTES_MAX) throw garbled(`no segment has a byte ${offset}`)
  return { segment, offset }
}

export const TRANSFER_CONVERTERS: {
  readonly [K in 'peerTransfer']: CallConverter<K>
} = { peerTransfer }
