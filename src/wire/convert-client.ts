/**
 * Clients' requests and their answers, to and from protobuf: one entry for each kind.
 *
 * `convert.ts` passes the reader or writer. `encode` and `decode` check the same bounds, those of
 * `bounds.ts`.
 */
import type { Reader, Writer } from 'protobufjs/minimal.js'
import { EMPTY_BYTES } from '../base/bytes.ts'
import { type U64, u64 } from '../base/u64.ts'
import { idBytes } from '../dynamo/names.ts'
import {
  BUCKET_RECORDS_MAX,
  BUCKETS_MAX,
  COPIES_PER_PUT_MAX,
  MEMBERS_MAX,
  PARTITIONS_MAX,
  REPLICAS_MAX,
  SCAN_PAGE_KEYS_MAX,
} from '../limits.ts'
import {
  checkBucket,
  checkContexts,
  checkCursor,
  checkDeadline,
  checkName,
  checkQuorum,
  checkReceipts,
  checkRequestId,
  checkValue,
  garbled,
} from './bounds.ts'
import { createdMessage, createdOf } from './convert-created.ts'
import { idOf } from './convert-ids.ts'
import { everwrite as pb } from './generated/messages.js'
import type {
  Get,
  GetReply,
  Put,
  PutReply,
  Scan,
  ScanReply,
  Topology,
  TopologyBucket,
} from './message/client.ts'
import type { Achieved } from './message/parts.ts'
import type { Reply, Request, RequestKind } from './message/table.ts'

/** Encodes and decodes one kind of message. */
export interface Converter<Message> {
  /** How many bytes the message has at least, if it may have long byte strings. */
  bytesOf?(message: Message): number
  /** Appends to `writer`; throws an `OperatingError` if the message breaks a bound. */
  encode(message: Message, writer: Writer): void
  /** Reads to the reader's end. Byte strings are views of the bytes read. */
  decode(reader: Reader): Message
}

export type CallConverter<K extends RequestKind> = {
  readonly request: Converter<Request<K>>
  readonly reply: Converter<Reply<K>>
}

/** Replaces protobuf's empty byte string, which is a `Buffer`, by a plain one. */
export function plain(bytes: Uint8Array | null | undefined): Uint8Array {
  return bytes === null || bytes === undefined || bytes.length === 0 ? EMPTY_BYTES : bytes
}

export function wideOf<T extends U64>(wide: pb.Wide.$Properties | null | undefined): T {
  return u64(wide?.hi ?? 0, wide?.lo ?? 0)
}

/** The values of a list in which each is a message of its own, so that an empty one counts. */
function valuesOf(values: readonly pb.Value.$Properties[] | null | undefined): Uint8Array[] {
  const plainValues: Uint8Array[] = []
  for (const { value } of values ?? []) plainValues.push(plain(value))
  return plainValues
}

const get: CallConverter<'get'> = {
  request: {
    encode(get: Get, writer: Writer): void {
      checkGet(get)
      const { bucket, key } = get.name
      const { r, deadlineMs, strict, monotonic } = get
      const receipts = get.receipts as Uint8Array[]
      pb.Get.encode({ bucket, key, r, deadlineMs, strict, monotonic, receipts }, writer)
    },
    decode(reader: Reader): Get {
      const { bucket, key, r, deadlineMs, strict, monotonic, receipts } = pb.Get.decode(reader)
      const name = { bucket: plain(bucket), key: plain(key) }
      const get: Get = { name, r, deadlineMs, strict, monotonic, receipts }
      checkGet(get)
      return get
    },
  },
  reply: {
    bytesOf: ({ siblings }) => siblings.reduce((sum, value) => sum + value.length, 0),
    encode(reply: GetReply, writer: Writer): void {
      // By name: to take the other fields as a rest, and to spread it, takes several times as long.
      const { context, tombstones, hasMore, answered, needed, receipt } = reply
      const siblings = reply.siblings.map((value) => ({ value }))
      const counts = { siblings, context, tombstones, hasMore, answered, needed, receipt }
      pb.GetReply.encode(counts, writer)
    },
    decode(reader: Reader): GetReply {
      const { siblings, context, tombstones, hasMore, answered, needed, receipt } =
        pb.GetReply.decode(reader)
      return {
        siblings: valuesOf(siblings),
        context: plain(context),
        tombstones,
        hasMore,
        answered,
        needed,
        receipt: plain(receipt),
      }
    },
  },
}

function checkGet(get: Get): void {
  checkName(get.name)
  checkQuorum('r', get.r)
  checkDeadline(get.deadlineMs)
  checkReceipts(get.receipts)
}

const put: CallConverter<'put'> = {
  request: {
    bytesOf: ({ value }) => value?.length ?? 0,
    encode(put: Put, writer: Writer): void {
      checkPut(put)
      const message: pb.Put.$Properties = {
        bucket: put.name.bucket,
        key: put.name.key,
        contexts: put.contexts as Uint8Array[],
        value: put.value ?? EMPTY_BYTES,
        tombstone: put.value === undefined,
        requestId: put.requestId,
        isRepeat: put.isRepeat,
        w: put.w,
        deadlineMs: put.deadlineMs,
        replace: put.replace === 'seen' ? pb.Replace.SEEN : pb.Replace.GIVEN,
        r: put.r,
        strict: put.strict,
      }
      pb.Put.encode(message, writer)
    },
    decode(reader: Reader): Put {
      const message = pb.Put.decode(reader)
      if (message.replace > 1) throw garbled('replace is neither GIVEN nor SEEN')
      const put: Put = {
        name: { bucket: plain(message.bucket), key: plain(message.key) },
        contexts: message.contexts,
        value: valueOf(message),
        requestId: plain(message.requestId),
        isRepeat: message.isRepeat,
        w: message.w,
        r: message.r,
        deadlineMs: message.deadlineMs,
        replace: message.replace === pb.Replace.SEEN ? 'seen' : 'given',
        strict: message.strict,
      }
      checkPut(put)
      return put
    },
  },
  reply: {
    encode(reply: PutReply, writer: Writer): void {
      const { context, receipt, attempts, answered, needed } = reply
      const holders = holderMessagesOf(reply)
      pb.PutReply.encode({ context, receipt, holders, attempts, answered, needed }, writer)
    },
    decode(reader: Reader): PutReply {
      const message = pb.PutReply.decode(reader)
      const { attempts, answered, needed } = message
      const { context, receipt, holders } = achievedOf(message)
      return { context, receipt, holders, attempts: Math.max(1, attempts), answered, needed }
    },
  },
}

export function holderMessagesOf({ holders }: Achieved): pb.Holder.$Properties[] {
  if (holders.length > COPIES_PER_PUT_MAX) throw garbled(`${holders.length} nodes hold one put`)
  return holders.map(({ node, forOwner }) => ({
    node: idBytes(node),
    forOwner: forOwner === undefined ? EMPTY_BYTES : idBytes(forOwner),
  }))
}

/** What the replies to a put and to a put handed on have alike. */
export function achievedOf(message: {
  context: Uint8Array
  receipt: Uint8Array
  holders?: readonly pb.Holder.$Properties[] | null
}): Achieved {
  const holders = (message.holders ?? []).map(({ node, forOwner }) => {
    return { node: idOf(node), forOwner: plain(forOwner).length === 0 ? undefined : idOf(forOwner) }
  })
  return { context: plain(message.context), receipt: plain(message.receipt), holders }
}

/** The value of a put: undefined for a delete, which carries none. */
export function valueOf(message: {
  value: Uint8Array
  tombstone: boolean
}): Uint8Array | undefined {
  const value = plain(message.value)
  if (message.tombstone && value.length > 0) throw garbled('a delete carries a value')
  return message.tombstone ? undefined : value
}

function checkPut(put: Put): void {
  checkWrite(put)
  checkQuorum('r', put.r)
}

/** The bounds that a client's put and a put handed on have alike. */
export function checkWrite(put: Omit<Put, 'r' | 'replace'>): void {
  checkName(put.name)
  checkContexts(put.contexts)
  if (put.value !== undefined) checkValue(put.value)
  checkRequestId(put.requestId)
  checkQuorum('w', put.w)
  checkDeadline(put.deadlineMs)
}

const scan: CallConverter<'scan'> = {
  request: {
    encode(scan: Scan, writer: Writer): void {
      checkScan(scan)
      pb.Scan.encode(scan, writer)
    },
    decode(reader: Reader): Scan {
      const { bucket, cursor, keysMax, withValues, r, deadlineMs } = pb.Scan.decode(reader)
      const scan: Scan = {
        bucket: plain(bucket),
        cursor: plain(cursor),
        // A client that asks for more gets a full page and a cursor.
        keysMax: Math.min(keysMax, SCAN_PAGE_KEYS_MAX),
        withValues,
        r,
        deadlineMs,
      }
      checkScan(scan)
      return scan
    },
  },
  reply: {
    encode({ entries, cursor }: ScanReply, writer: Writer): void {
      checkCursor(cursor)
      const messages = entries.map(({ siblings, ...entry }) => ({
        ...entry,
        siblings: siblings.map((value) => ({ value })),
      }))
      pb.ScanReply.encode({ entries: messages, cursor }, writer)
    },
    decode(reader: Reader): ScanReply {
      const { entries, cursor } = pb.ScanReply.decode(reader)
      const plainEntries = (entries ?? []).map((entry) => ({
        key: plain(entry.key),
        siblings: valuesOf(entry.siblings),
        context: plain(entry.context),
        hasMore: entry.hasMore ?? false,
      }))
      return { entries: plainEntries, cursor: plain(cursor) }
    },
  },
}

function checkScan(scan: Scan): void {
  checkBucket(scan.bucket)
  checkCursor(scan.cursor)
  checkQuorum('r', scan.r)
  checkDeadline(scan.deadlineMs)
}

const NOTHING = {}

const topology: CallConverter<'topology'> = {
  request: {
    encode(_: Request<'topology'>, writer: Writer): void {
      pb.TopologyQuery.encode(NOTHING, writer)
    },
    decode(reader: Reader): Request<'topology'> {
      pb.TopologyQuery.decode(reader)
      return NOTHING
    },
  },
  reply: {
    encode(topology: Topology, writer: Writer): void {
      checkTopology(topology)
      const { members, buckets } = topology
      const messages = buckets.map(({ created, ...bucket }) => {
        return created === undefined ? bucket : { ...bucket, created: createdMessage(created) }
      })
      pb.Topology.encode({ ...topology, members: [...members], buckets: messages }, writer)
    },
    decode(reader: Reader): Topology {
      const message = pb.Topology.decode(reader)
      const topology: Topology = {
        cluster: message.cluster,
        ring: wideOf(message.ring),
        partitionBits: message.partitionBits,
        members: (message.members ?? []).map((member) => ({
          node: plain(member.node),
          name: member.name ?? '',
          host: member.host ?? '',
          clientPort: member.clientPort ?? 0,
          peerPort: member.peerPort ?? 0,
          machine: member.machine ?? '',
          zone: member.zone ?? '',
        })),
        owners: plain(message.owners),
        buckets: (message.buckets ?? []).map(bucketOf),
      }
      checkTopology(topology)
      return topology
    },
  },
}

function bucketOf({ name, n, r, w, created }: pb.TopologyBucket.$Properties): TopologyBucket {
  const bucket = { name: name ?? '', n: n ?? 0, r: r ?? 0, w: w ?? 0 }
  const isCreated = created !== null && created !== undefined
  return isCreated ? { ...bucket, created: createdOf(created) } : bucket
}

/** Checks that every owner is an index into `members`, among others. */
function checkTopology({ partitionBits, members, owners, buckets }: Topology): void {
  const partitions = 2 ** partitionBits
  if (partitions > PARTITIONS_MAX) throw garbled(`the ring has 2^${partitionBits} partitions`)
  if (members.length > MEMBERS_MAX) throw garbled(`the ring has ${members.length} members`)
  if (buckets.length > 1 + BUCKETS_MAX + BUCKET_RECORDS_MAX)
    throw garbled(`${buckets.length} buckets are described`)
  const width = owners.length / (2 * partitions)
  if (!Number.isInteger(width) || width < 1 || width > REPLICAS_MAX) {
    throw garbled(`${partitions} partitions have ${owners.length / 2} owners`)
  }
  for (let at = 0; at < owners.length; at += 2) {
    const owner = (owners[at] as number) | ((owners[at + 1] as number) << 8)
    if (owner >= members.length) throw garbled(`owner ${at / 2} of the table is no member`)
  }
}

export const CLIENT_CONVERTERS: {
  readonly [K in 'topology' | 'scan' | 'get' | 'put']: CallConverter<K>
} = { topology, scan, get, put }
