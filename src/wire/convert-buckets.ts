/** Messages about buckets that are created, to and from protobuf: one entry a kind. */
import type { Reader, Writer } from 'protobufjs/minimal.js'
import { utf8Bytes } from '../base/bytes.ts'
import { OperatingError } from '../base/errors.ts'
import { isGivenName } from '../dynamo/buckets/bucket-names.ts'
import { type BucketTerms, isDurability } from '../dynamo/buckets/bucket-record.ts'
import { idBytes, NEVER_CREATED } from '../dynamo/names.ts'
import { BUCKET_BYTES_MAX, MEMBERS_MAX, REPLICAS_MAX } from '../limits.ts'
import { checkBucket, checkBucketId, checkDeadline, garbled } from './bounds.ts'
import { type CallConverter, plain, wideOf } from './convert-client.ts'
import { createdMessage, createdOf } from './convert-created.ts'
import { idOf } from './convert-ids.ts'
import { everwrite as pb } from './generated/messages.js'
import {
  type BucketCreate,
  type BucketRename,
  type BucketReply,
  Held,
  type PeerBuckets,
  type PeerBucketsReply,
} from './message/bucket.ts'

const HELD: ReadonlySet<number> = new Set<number>(Object.values(Held))

const peerBuckets: CallConverter<'peerBuckets'> = {
  request: {
    encode(message: PeerBuckets, writer: Writer): void {
      checkPeerBuckets(message)
      pb.PeerBuckets.encode(message, writer)
    },
    decode(reader: Reader): PeerBuckets {
      const { digest, news, asked, deadlineMs } = pb.PeerBuckets.decode(reader)
      const told = { digest: wideOf<PeerBuckets['digest']>(digest), news: plain(news) }
      const message = { ...told, asked, deadlineMs }
      checkPeerBuckets(message)
      return message
    },
  },
  reply: {
    encode(reply: PeerBucketsReply, writer: Writer): void {
      pb.PeerBucketsReply.encode(reply, writer)
    },
    decode(reader: Reader): PeerBucketsReply {
      const { news, held } = pb.PeerBucketsReply.decode(reader)
      if (!HELD.has(held ?? 0)) throw garbled(`no name is held in the way ${held}`)
      return { news: plain(news), held: (held ?? 0) as Held }
    },
  },
}

function checkPeerBuckets({ asked, deadlineMs }: PeerBuckets): void {
  checkDeadline(deadlineMs)
  if (utf8Bytes(asked).length > BUCKET_BYTES_MAX) throw garbled('the name is too long for a bucket')
}

const bucketCreate: CallConverter<'bucketCreate'> = {
  request: {
    encode({ terms, deadlineMs }: BucketCreate, writer: Writer): void {
      checkTerms(terms)
      checkDeadline(deadlineMs)
      pb.BucketCreate.encode({ bucket: createdMessage({ ...terms, name: '' }), deadlineMs }, writer)
    },
    decode(reader: Reader): BucketCreate {
      const { bucket, deadlineMs } = pb.BucketCreate.decode(reader)
      const { name: _, ...terms } = createdOf(bucket)
      checkTerms(terms)
      checkDeadline(deadlineMs)
      return { terms, deadlineMs }
    },
  },
  reply: replyConverter('BucketCreateReply'),
}

const bucketRename: CallConverter<'bucketRename'> = {
  request: {
    encode(asked: BucketRename, writer: Writer): void {
      checkRename(asked)
      pb.BucketRename.encode(asked, writer)
    },
    decode(reader: Reader): BucketRename {
      const { from, to, deadlineMs } = pb.BucketRename.decode(reader)
      const asked = { from, to, deadlineMs }
      checkRename(asked)
      return asked
    },
  },
  reply: replyConverter('BucketRenameReply'),
}

function checkRename({ from, to, deadlineMs }: BucketRename): void {
  checkBucket(utf8Bytes(from))
  checkGivenName(to)
  checkDeadline(deadlineMs)
}

function checkTerms(terms: BucketTerms): void {
  const { creation, createdAs, policy, n, r, w, durability, deadlineMs } = terms
  checkGivenName(createdAs)
  if (creation === NEVER_CREATED) throw garbled('the id of a bucket that is created is not zero')
  checkNumber('n', n, REPLICAS_MAX)
  checkBucketId({ creation, policy, n })
  checkNumber('r', r, n)
  checkNumber('w', w, n)
  if (!isDurability(durability)) throw garbled(`no bucket has the durability ${String(durability)}`)
  checkDeadline(deadlineMs)
}

function checkNumber(which: string, count: number, max: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= max) return
  throw new OperatingError('quorum-wrong', `${which} of the bucket is ${count}: give 1 to ${max}`)
}

function checkGivenName(name: string): void {
  if (isGivenName(name)) return
  throw new OperatingError(
    'bucket-wrong',
    `no bucket can be called ${JSON.stringify(name.slice(0, BUCKET_BYTES_MAX))}: give 1 to 238` +
      ' bytes that do not end in # and sixteen digits',
  )
}

function replyConverter(
  name: 'BucketCreateReply' | 'BucketRenameReply',
): CallConverter<'bucketCreate'>['reply'] {
  return {
    encode({ bucket, shown, untold }: BucketReply, writer: Writer): void {
      const ids = untold.map(idBytes)
      pb[name].encode({ bucket: createdMessage(bucket), shown, untold: ids }, writer)
    },
    decode(reader: Reader): BucketReply {
      const { bucket, shown, untold } = pb[name].decode(reader)
      const ids = untold ?? []
      if (ids.length > MEMBERS_MAX) throw garbled(`${ids.length} members are too many`)
      return { bucket: createdOf(bucket), shown: shown ?? '', untold: ids.map(idOf) }
    },
  }
}

export const BUCKET_CONVERTERS: {
  readonly [K in 'peerBuckets' | 'bucketCreate' | 'bucketRename']: CallConverter<K>
} = { peerBuckets, bucketCreate, bucketRename }
