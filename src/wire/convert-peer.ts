/** Peers' requests and their answers, to and from protobuf: one entry for each kind. */
import type { Reader, Writer } from 'protobufjs/minimal.js'
import { type Durability, isDurability } from '../dynamo/buckets/bucket-record.ts'
import { EMPTY_BYTES } from '../base/bytes.ts'
import type { Token } from '../native/digest.ts'
import { SCAN_PAGE_KEYS_MAX } from '../limits.ts'
import {
  checkBucket,
  checkBucketId,
  checkDeadline,
  checkName,
  checkReplicas,
  garbled,
} from './bounds.ts'
import {
  achievedOf,
  type CallConverter,
  checkWrite,
  holderMessagesOf,
  plain,
  valueOf,
  wideOf,
} from './convert-client.ts'
import { bucketIdMessage, bucketIdOf, idFieldOf, idOfField } from './convert-ids.ts'
import { everwrite as pb } from './generated/messages.js'
import type {
  PeerPut,
  PeerPutReply,
  PeerRange,
  PeerRangeReply,
  PeerRead,
  PeerReadReply,
  PeerWrite,
  PeerWriteReply,
} from './message/peer.ts'

const peerRead: CallConverter<'peerRead'> = {
  request: {
    encode(read: PeerRead, writer: Writer): void {
      checkPeerRequest(read)
      const { name, bucketId, ring, digestOnly, deadlineMs, hints } = read
      const { bucket, key } = name
      const id = bucketIdMessage(bucketId)
      const message = { bucket, key, bucketId: id, ring, digestOnly, deadlineMs, hints }
      pb.PeerRead.encode(message, writer)
    },
    decode(reader: Reader): PeerRead {
      const { bucket, key, bucketId, ring, digestOnly, deadlineMs, hints } =
        pb.PeerRead.decode(reader)
      const name = { bucket: plain(bucket), key: plain(key) }
      const id = bucketIdOf(bucketId)
      const read: PeerRead = {
        name,
        bucketId: id,
        ring: wideOf(ring),
        digestOnly,
        deadlineMs,
        hints,
      }
      checkPeerRequest(read)
      return read
    },
  },
  reply: {
    bytesOf: ({ object }) => object.length,
    encode({ isFound, object, digest }: PeerReadReply, writer: Writer): void {
      pb.PeerReadReply.encode({ isFound, object, digest }, writer)
    },
    decode(reader: Reader): PeerReadReply {
      const { isFound, object, digest } = pb.PeerReadReply.decode(reader)
      return { isFound, object: plain(object), digest: wideOf(digest) }
    },
  },
}

const peerWrite: CallConverter<'peerWrite'> = {
  request: {
    bytesOf: ({ object }) => object.length,
    encode(write: PeerWrite, writer: Writer): void {
      checkPeerRequest(write)
      // By name: a spread of as many fields takes several times as long.
      const { name, bucketId, ring, object, deadlineMs } = write
      const { bucket, key } = name
      const place = idFieldOf(write.place)
      const id = bucketIdMessage(bucketId)
      const durability = checkedDurability(write.durability ?? 0)
      const message = { bucket, key, bucketId: id, ring, object, deadlineMs, place, durability }
      pb.PeerWrite.encode(message, writer)
    },
    decode(reader: Reader): PeerWrite {
      const message = pb.PeerWrite.decode(reader)
      const { bucket, key, bucketId, ring, object, deadlineMs, place, durability } = message
      const write: PeerWrite = {
        name: { bucket: plain(bucket), key: plain(key) },
        bucketId: bucketIdOf(bucketId),
        ring: wideOf(ring),
        object: plain(object),
        deadlineMs,
        place: idOfField(place),
        durability: checkedDurability(durability ?? 0),
      }
      checkPeerRequest(write)
      return write
    },
  },
  reply: {
    encode(reply: PeerWriteReply, writer: Writer): void {
      pb.PeerWriteReply.encode(reply, writer)
    },
    decode(reader: Reader): PeerWriteReply {
      pb.PeerWriteReply.decode(reader)
      return NOTHING
    },
  },
}

function checkedDurability(value: number): Durability {
  if (isDurability(value)) return value
  throw garbled(`no write has the durability ${value}`)
}

const peerPut: CallConverter<'peerPut'> = {
  request: {
    bytesOf: ({ value }) => value?.length ?? 0,
    encode(put: PeerPut, writer: Writer): void {
      checkWrite(put)
      checkBucketId(put.bucketId)
      const { name, bucketId, contexts, value, ...rest } = put
      const message = {
        ...rest,
        ...name,
        bucketId: bucketIdMessage(bucketId),
        contexts: contexts as Uint8Array[],
        value: value ?? EMPTY_BYTES,
        tombstone: value === undefined,
      }
      pb.PeerPut.encode(message, writer)
    },
    decode(reader: Reader): PeerPut {
      const message = pb.PeerPut.decode(reader)
      const put: PeerPut = {
        name: { bucket: plain(message.bucket), key: plain(message.key) },
        bucketId: bucketIdOf(message.bucketId),
        ring: wideOf(message.ring),
        contexts: message.contexts,
        value: valueOf(message),
        requestId: plain(message.requestId),
        isRepeat: message.isRepeat,
        strict: message.strict,
        w: message.w,
        deadlineMs: message.deadlineMs,
      }
      checkWrite(put)
      checkBucketId(put.bucketId)
      return put
    },
  },
  reply: {
    encode(reply: PeerPutReply, writer: Writer): void {
      const { context, receipt } = reply
      pb.PeerPutReply.encode({ context, receipt, holders: holderMessagesOf(reply) }, writer)
    },
    decode(reader: Reader): PeerPutReply {
      return achievedOf(pb.PeerPutReply.decode(reader))
    },
  },
}

const NOTHING = {}

function checkPeerRequest(request: PeerRead | PeerWrite): void {
  checkName(request.name)
  checkBucketId(request.bucketId)
  checkDeadline(request.deadlineMs)
}

const peerRange: CallConverter<'peerRange'> = {
  request: {
    encode(range: PeerRange, writer: Writer): void {
      checkPeerRange(range)
      pb.PeerRange.encode({ ...range, creation: idFieldOf(range.creation) }, writer)
    },
    decode(reader: Reader): PeerRange {
      const message = pb.PeerRange.decode(reader)
      const range: PeerRange = {
        ring: wideOf(message.ring),
        from: wideOf(message.from),
        to: wideOf(message.to),
        bucket: plain(message.bucket),
        creation: idOfField(message.creation),
        n: message.n,
        keysMax: Math.min(message.keysMax, SCAN_PAGE_KEYS_MAX),
        deadlineMs: message.deadlineMs,
        withValues: message.withValues,
      }
      checkPeerRange(range)
      return range
    },
  },
  reply: {
    encode({ entries, next }: PeerRangeReply, writer: Writer): void {
      const named = entries.map((entry) => {
        return { ...entry, bucketId: bucketIdMessage(entry.bucketId) }
      })
      const message = { entries: named, next: next ?? null }
      pb.PeerRangeReply.encode(message, writer)
    },
    decode(reader: Reader): PeerRangeReply {
      const { entries, next } = pb.PeerRangeReply.decode(reader)
      const plainEntries = (entries ?? []).map((entry) => ({
        token: wideOf<Token>(entry.token),
        bucket: plain(entry.bucket),
        key: plain(entry.key),
        bucketId: bucketIdOf(entry.bucketId),
        object: plain(entry.object),
        isOutline: entry.isOutline ?? false,
      }))
      const isLast = next === null || next === undefined
      return { entries: plainEntries, next: isLast ? undefined : wideOf(next) }
    },
  },
}

function checkPeerRange(range: PeerRange): void {
  if (range.bucket.length > 0) checkBucket(range.bucket)
  checkReplicas(range.n)
  checkDeadline(range.deadlineMs)
}

export const PEER_CONVERTERS: {
  readonly [K in 'peerRange' | 'peerRead' | 'peerWrite' | 'peerPut']: CallConverter<K>
} = { peerRange, peerRead, peerWrite, peerPut }
