/** Peers' requests and their answers, to and from protobuf: one entry for each kind. */
import type { Reader, Writer } from 'protobufjs/minimal.js'
import { EMPTY_BYTES } from '../base/bytes.ts'
import type { Token } from '../native/digest.ts'
import { SCAN_PAGE_KEYS_MAX } from '../limits.ts'
import { checkBucket, checkDeadline, checkName } from './bounds.ts'
import { type CallConverter, checkWrite, plain, valueOf, wideOf } from './convert-client.ts'
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
      const { bucket, key } = read.name
      const { ring, digestOnly, deadlineMs } = read
      pb.PeerRead.encode({ bucket, key, ring, digestOnly, deadlineMs }, writer)
    },
    decode(reader: Reader): PeerRead {
      const { bucket, key, ring, digestOnly, deadlineMs } = pb.PeerRead.decode(reader)
      const name = { bucket: plain(bucket), key: plain(key) }
      const read: PeerRead = { name, ring: wideOf(ring), digestOnly, deadlineMs }
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
      const { bucket, key } = write.name
      const { ring, object, deadlineMs } = write
      pb.PeerWrite.encode({ bucket, key, ring, object, deadlineMs }, writer)
    },
    decode(reader: Reader): PeerWrite {
      const { bucket, key, ring, object, deadlineMs } = pb.PeerWrite.decode(reader)
      const name = { bucket: plain(bucket), key: plain(key) }
      const write: PeerWrite = { name, ring: wideOf(ring), object: plain(object), deadlineMs }
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

const peerPut: CallConverter<'peerPut'> = {
  request: {
    bytesOf: ({ value }) => value?.length ?? 0,
    encode(put: PeerPut, writer: Writer): void {
      checkWrite(put)
      const { name, contexts, value, ...rest } = put
      const message = {
        ...rest,
        ...name,
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
        ring: wideOf(message.ring),
        contexts: message.contexts,
        value: valueOf(message),
        requestId: plain(message.requestId),
        isRepeat: message.isRepeat,
        w: message.w,
        deadlineMs: message.deadlineMs,
      }
      checkWrite(put)
      return put
    },
  },
  reply: {
    encode(reply: PeerPutReply, writer: Writer): void {
      pb.PeerPutReply.encode(reply, writer)
    },
    decode(reader: Reader): PeerPutReply {
      return { context: plain(pb.PeerPutReply.decode(reader).context) }
    },
  },
}

const NOTHING = {}

function checkPeerRequest(request: PeerRead | PeerWrite): void {
  checkName(request.name)
  checkDeadline(request.deadlineMs)
}

const peerRange: CallConverter<'peerRange'> = {
  request: {
    encode(range: PeerRange, writer: Writer): void {
      checkPeerRange(range)
      pb.PeerRange.encode(range, writer)
    },
    decode(reader: Reader): PeerRange {
      const message = pb.PeerRange.decode(reader)
      const range: PeerRange = {
        ring: wideOf(message.ring),
        from: wideOf(message.from),
        to: wideOf(message.to),
        bucket: plain(message.bucket),
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
      const message = { entries: [...entries], next: next ?? null }
      pb.PeerRangeReply.encode(message, writer)
    },
    decode(reader: Reader): PeerRangeReply {
      const { entries, next } = pb.PeerRangeReply.decode(reader)
      const plainEntries = (entries ?? []).map(({ token, bucket, key, object, isOutline }) => ({
        token: wideOf<Token>(token),
        bucket: plain(bucket),
        key: plain(key),
        object: plain(object),
        isOutline: isOutline ?? false,
      }))
      const isLast = next === null || next === undefined
      return { entries: plainEntries, next: isLast ? undefined : wideOf(next) }
    },
  },
}

function checkPeerRange(range: PeerRange): void {
  if (range.bucket.length > 0) checkBucket(range.bucket)
  checkDeadline(range.deadlineMs)
}

export const PEER_CONVERTERS: {
  readonly [K in 'peerRange' | 'peerRead' | 'peerWrite' | 'peerPut']: CallConverter<K>
} = { peerRange, peerRead, peerWrite, peerPut }
