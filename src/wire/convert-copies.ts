/** Questions where a key is, of clients and of members, to and from protobuf. */
import type { Reader, Writer } from 'protobufjs/minimal.js'
import { ERROR_KINDS, errorCodeOf } from '../base/errors.ts'
import { idBytes } from '../dynamo/names.ts'
import { MEMBERS_MAX } from '../limits.ts'
import { checkBucketId, checkDeadline, checkName, checkReceipt, garbled } from './bounds.ts'
import { type CallConverter, plain, wideOf } from './convert-client.ts'
import { bucketIdMessage, bucketIdOf, idFieldOf, idOf, idOfField } from './convert-ids.ts'
import { everwrite as pb } from './generated/messages.js'
import type { Explain, ExplainedNode, ExplainReply } from './message/client.ts'
import type { OutlinedCopy } from './message/parts.ts'
import type { PeerCopies, PeerCopiesReply } from './message/peer.ts'

const explain: CallConverter<'explain'> = {
  request: {
    encode(explain: Explain, writer: Writer): void {
      checkExplain(explain)
      const { name, deadlineMs, ownersOnly, receipt } = explain
      pb.Explain.encode({ ...name, deadlineMs, ownersOnly, receipt }, writer)
    },
    decode(reader: Reader): Explain {
      const { bucket, key, deadlineMs, ownersOnly, receipt } = pb.Explain.decode(reader)
      const name = { bucket: plain(bucket), key: plain(key) }
      const explain: Explain = { name, deadlineMs, ownersOnly, receipt: plain(receipt) }
      checkExplain(explain)
      return explain
    },
  },
  reply: {
    encode({ token, partition, nodes }: ExplainReply, writer: Writer): void {
      checkCount('members', nodes.length)
      pb.ExplainReply.encode({ token, partition, nodes: nodes.map(nodeMessageOf) }, writer)
    },
    decode(reader: Reader): ExplainReply {
      const { token, partition, nodes } = pb.ExplainReply.decode(reader)
      checkCount('members', nodes?.length)
      return { token: wideOf(token), partition, nodes: (nodes ?? []).map(nodeOf) }
    },
  },
}

function checkExplain({ name, deadlineMs, receipt }: Explain): void {
  checkName(name)
  checkDeadline(deadlineMs)
  checkReceipt(receipt)
}

/** Of a list with one entry for each member at most. */
function checkCount(what: string, count = 0): void {
  if (count > MEMBERS_MAX) throw garbled(`the answer lists ${count} ${what}`)
}

function nodeMessageOf(node: ExplainedNode): pb.ExplainedNode.$Properties {
  const { failure } = node
  return {
    node: idBytes(node.node),
    isOwner: node.isOwner,
    failure: failure === undefined ? 0 : ERROR_KINDS[failure].number,
    copies: node.copies.map(({ place, outline }) => ({ forMember: idFieldOf(place), outline })),
    coversReceipt: node.coversReceipt,
  }
}

function nodeOf(message: pb.ExplainedNode.$Properties): ExplainedNode {
  const { node, isOwner, failure, copies, coversReceipt } = message
  return {
    node: idOf(node),
    isOwner: isOwner ?? false,
    failure: (failure ?? 0) === 0 ? undefined : errorCodeOf(failure ?? 0),
    copies: (copies ?? []).map(({ forMember, outline }) => copyOf(forMember, outline)),
    coversReceipt: coversReceipt ?? false,
  }
}

function copyOf(
  place: Uint8Array | null | undefined,
  outline: Uint8Array | null | undefined,
): OutlinedCopy {
  return { place: idOfField(place), outline: plain(outline) }
}

const peerCopies: CallConverter<'peerCopies'> = {
  request: {
    encode(asked: PeerCopies, writer: Writer): void {
      checkPeerCopies(asked)
      const { name, bucketId, ring, deadlineMs } = asked
      pb.PeerCopies.encode(
        { ...name, bucketId: bucketIdMessage(bucketId), ring, deadlineMs },
        writer,
      )
    },
    decode(reader: Reader): PeerCopies {
      const { bucket, key, bucketId, ring, deadlineMs } = pb.PeerCopies.decode(reader)
      const name = { bucket: plain(bucket), key: plain(key) }
      const asked = { name, bucketId: bucketIdOf(bucketId), ring: wideOf(ring), deadlineMs }
      checkPeerCopies(asked as PeerCopies)
      return asked as PeerCopies
    },
  },
  reply: {
    encode({ copies }: PeerCopiesReply, writer: Writer): void {
      const messages = copies.map(({ place, outline }) => ({ place: idFieldOf(place), outline }))
      pb.PeerCopiesReply.encode({ copies: messages }, writer)
    },
    decode(reader: Reader): PeerCopiesReply {
      const { copies } = pb.PeerCopiesReply.decode(reader)
      checkCount('copies of a key', copies?.length)
      return { copies: (copies ?? []).map(({ place, outline }) => copyOf(place, outline)) }
    },
  },
}

function checkPeerCopies({ name, bucketId, deadlineMs }: PeerCopies): void {
  checkName(name)
  checkBucketId(bucketId)
  checkDeadline(deadlineMs)
}

export const COPIES_CONVERTERS: {
  readonly [K in 'explain' | 'peerCopies']: CallConverter<K>
} = { explain, peerCopies }
