/** Messages about tables and moves, between members, to and from protobuf. */
import type { Reader, Writer } from 'protobufjs/minimal.js'
import { EMPTY_BYTES } from '../base/bytes.ts'
import { MOVE_PARTITIONS_MAX, PARTITIONS_MAX, REPLICAS_MAX } from '../limits.ts'
import { checkDeadline, garbled } from './bounds.ts'
import { type CallConverter, plain, wideOf } from './convert-client.ts'
import { everwrite as pb } from './generated/messages.js'
import { MoveStep, type PeerMove, type PeerMoveReply } from './message/peer.ts'
import type { PeerRing, PeerRingReply } from './message/peer.ts'

const peerRing: CallConverter<'peerRing'> = {
  request: {
    encode(message: PeerRing, writer: Writer): void {
      pb.PeerRing.encode(message, writer)
    },
    decode(reader: Reader): PeerRing {
      const { digest, news } = pb.PeerRing.decode(reader)
      return { digest: wideOf(digest), news: plain(news ?? EMPTY_BYTES) }
    },
  },
  reply: {
    encode(message: PeerRingReply, writer: Writer): void {
      pb.PeerRingReply.encode(message, writer)
    },
    decode(reader: Reader): PeerRingReply {
      return { news: plain(pb.PeerRingReply.decode(reader).news ?? EMPTY_BYTES) }
    },
  },
}

const STEPS: ReadonlySet<number> = new Set<number>(Object.values(MoveStep))

const peerMove: CallConverter<'peerMove'> = {
  request: {
    encode(asked: PeerMove, writer: Writer): void {
      checkMove(asked)
      pb.PeerMove.encode({ ...asked, partitions: [...asked.partitions] }, writer)
    },
    decode(reader: Reader): PeerMove {
      const { ring, step, n, partitions, attempt, deadlineMs } = pb.PeerMove.decode(reader)
      const asked = {
        ring: wideOf(ring),
        step: step ?? 0,
        n: n ?? 0,
        partitions: partitions ?? [],
        attempt: wideOf(attempt),
        deadlineMs: deadlineMs ?? 0,
      } as PeerMove
      checkMove(asked)
      return asked
    },
  },
  reply: {
    encode(message: PeerMoveReply, writer: Writer): void {
      pb.PeerMoveReply.encode(message, writer)
    },
    decode(reader: Reader): PeerMoveReply {
      const { attempt, isWhole } = pb.PeerMoveReply.decode(reader)
      return { attempt: wideOf(attempt), isWhole: isWhole ?? false }
    },
  },
}

function checkMove({ step, n, partitions, deadlineMs }: PeerMove): void {
  checkDeadline(deadlineMs)
  if (!STEPS.has(step)) throw garbled(`no step of a move is ${step}`)
  if (n < 1 || n > REPLICAS_MAX) throw garbled(`no bucket has ${n} replicas`)
  const count = partitions.length
  if (count < 1 || count > MOVE_PARTITIONS_MAX) throw garbled(`${count} partitions move at once`)
  for (const [i, partition] of partitions.entries()) {
    const isNext = i === 0 || partition > (partitions[i - 1] as number)
    if (partition >= PARTITIONS_MAX || !isNext) throw garbled('partitions come in another order')
  }
}

export const MOVE_CONVERTERS: {
  readonly [K in 'peerRing' | 'peerMove']: CallConverter<K>
} = { peerRing, peerMove }
