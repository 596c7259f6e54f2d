/** Messages about who is here, to and from protobuf. */
import type { Reader, Writer } from 'protobufjs/minimal.js'
import { unreachable } from '../base/assert.ts'
import { EMPTY_BYTES } from '../base/bytes.ts'
import { recordOfBytes } from '../dynamo/membership/member-bytes.ts'
import { canonicalBytes, type MemberRecord } from '../dynamo/membership/member-record.ts'
import type { Message, News } from '../dynamo/membership/message.ts'
import { idBytes } from '../dynamo/names.ts'
import { GOSSIP_BYTES_MAX, GOSSIP_REPLIES_MAX } from '../limits.ts'
import { garbled } from './bounds.ts'
import { type CallConverter, plain } from './convert-client.ts'
import { countOfWide, idOf, wideOfCount } from './convert-ids.ts'
import { everwrite as pb } from './generated/messages.js'
import {
  bucketsOf,
  checkCounter,
  idsBytes,
  idsOf,
  marksBytes,
  marksOf,
  standingsBytes,
  standingsOf,
  sumOf,
  sumsBytes,
  sumsOf,
} from './gossip-bytes.ts'
import type { PeerGossip, PeerGossipReply } from './message/peer.ts'

/** These numbers are on the wire. Append only; never reuse. */
const KINDS = {
  ping: 1,
  ack: 2,
  nack: 3,
  ask: 4,
  compare: 5,
  buckets: 6,
  lists: 7,
  fill: 8,
} as const
const NEWS_KINDS = { record: 1, alive: 2, suspect: 3, dead: 4 } as const

type Gossip = pb.Gossip.$Properties
type Bytes = Uint8Array | null | undefined

const peerGossip: CallConverter<'peerGossip'> = {
  request: {
    encode({ message }: PeerGossip, writer: Writer): void {
      pb.PeerGossip.encode({ message: messageOf(message) }, writer)
    },
    decode(reader: Reader): PeerGossip {
      checkLength(reader)
      const { message } = pb.PeerGossip.decode(reader)
      if (message === null || message === undefined) throw garbled('the message is empty')
      return { message: gossipOf(message) }
    },
  },
  reply: {
    encode({ messages }: PeerGossipReply, writer: Writer): void {
      pb.PeerGossipReply.encode({ messages: messages.map(messageOf) }, writer)
    },
    decode(reader: Reader): PeerGossipReply {
      checkLength(reader)
      const { messages } = pb.PeerGossipReply.decode(reader)
      const count = messages?.length ?? 0
      if (count > GOSSIP_REPLIES_MAX) throw garbled(`the answer has ${count} messages`)
      return { messages: (messages ?? []).map(gossipOf) }
    },
  },
}

function checkLength({ len, pos }: Reader): void {
  const bytes = len - pos
  if (bytes > GOSSIP_BYTES_MAX) {
    throw garbled(`gossip has ${bytes} bytes, more than ${GOSSIP_BYTES_MAX}`)
  }
}

function messageOf(message: Message): Gossip {
  const kind = KINDS[message.kind]
  switch (message.kind) {
    case 'ping':
    case 'ack':
      return { kind, probe: message.probe, news: message.news.map(newsMessage) }
    case 'nack':
      return { kind, probe: message.probe }
    case 'ask': {
      const { probe, target, news } = message
      return { kind, probe, target: idBytes(target), news: news.map(newsMessage) }
    }
    case 'compare': {
      const { records, standings } = message
      return { kind, recordSums: sumsBytes([records]), standingSums: sumsBytes([standings]) }
    }
    case 'buckets': {
      const { records, standings } = message
      const [recordSums, standingSums] = [sumsBytes(records), sumsBytes(standings)]
      return { kind, recordSums, standingSums }
    }
    case 'lists':
      return {
        kind,
        recordBuckets: Uint8Array.from(message.recordBuckets),
        marks: marksBytes(message.records),
        standingBuckets: Uint8Array.from(message.standingBuckets),
        standings: standingsBytes(message.standings),
        isCut: message.isCut,
      }
    case 'fill':
      return {
        kind,
        records: message.records.map(canonicalBytes),
        standings: standingsBytes(message.standings),
        wanted: idsBytes(message.wanted),
        isCut: message.isCut,
      }
    default:
      return unreachable(message)
  }
}

function gossipOf(message: Gossip): Message {
  const { kind, probe = 0, isCut } = message
  switch (kind) {
    case KINDS.ping:
      return { kind: 'ping', probe: probe ?? 0, news: allNews(message) }
    case KINDS.ack:
      return { kind: 'ack', probe: probe ?? 0, news: allNews(message) }
    case KINDS.nack:
      return { kind: 'nack', probe: probe ?? 0 }
    case KINDS.ask:
      return {
        kind: 'ask',
        probe: probe ?? 0,
        target: idOf(message.target),
        news: allNews(message),
      }
    case KINDS.compare: {
      const { recordSums, standingSums } = message
      return { kind: 'compare', records: sumOf(recordSums), standings: sumOf(standingSums) }
    }
    case KINDS.buckets: {
      const { recordSums, standingSums } = message
      return { kind: 'buckets', records: sumsOf(recordSums), standings: sumsOf(standingSums) }
    }
    case KINDS.lists:
      return {
        kind: 'lists',
        recordBuckets: bucketsOf(message.recordBuckets),
        records: marksOf(message.marks),
        standingBuckets: bucketsOf(message.standingBuckets),
        standings: standingsOf(message.standings),
        isCut: isCut ?? false,
      }
    case KINDS.fill:
      return {
        kind: 'fill',
        records: (message.records ?? []).map(recordOf),
        standings: standingsOf(message.standings),
        wanted: idsOf(message.wanted),
        isCut: isCut ?? false,
      }
    default:
      throw garbled(`no message about members is of kind ${kind ?? 0}`)
  }
}

function newsMessage(news: News): pb.MemberNews.$Properties {
  const kind = NEWS_KINDS[news.kind]
  if (news.kind === 'record') return { kind, record: canonicalBytes(news.record) }
  const told = { kind, member: idBytes(news.id), incarnation: wideOfCount(news.incarnation) }
  return news.kind === 'alive' ? told : { ...told, by: idBytes(news.by) }
}

function allNews({ news }: Gossip): readonly News[] {
  return (news ?? []).map(newsOf)
}

function newsOf(message: pb.MemberNews.$Properties): News {
  const { kind, record, member, by } = message
  if (kind === NEWS_KINDS.record) return { kind: 'record', record: recordOf(record) }
  const incarnation = checkCounter(countOfWide(message.incarnation))
  const told = { id: idOf(member), incarnation }
  if (kind === NEWS_KINDS.alive) return { kind: 'alive', ...told }
  if (kind === NEWS_KINDS.suspect) return { kind: 'suspect', ...told, by: idOf(by) }
  if (kind === NEWS_KINDS.dead) return { kind: 'dead', ...told, by: idOf(by) }
  throw garbled(`no news is of kind ${kind ?? 0}`)
}

function recordOf(bytes: Bytes): MemberRecord {
  const record = recordOfBytes(plain(bytes ?? EMPTY_BYTES))
  if (record === undefined) throw garbled('the record of a member is not encoded as records are')
  return record
}

export const GOSSIP_CONVERTERS: {
  readonly [K in 'peerGossip']: CallConverter<K>
} = { peerGossip }
