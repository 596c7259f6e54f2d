/** Questions where a key is, of clients and of members, to and from protobuf. */
import type { Reader, Writer } from 'protobufjs/minimal.js'
import { readU32, U32_MAX, writeU32 } from '../base/bytes.ts'
import { ERROR_KINDS, errorCodeOf } from '../base/errors.ts'
import { ID_BYTES, idBytes, nodeIdOf, type Policy } from '../dynamo/names.ts'
import { floorBytes, floorOfBytes } from '../dynamo/repair/floor-bytes.ts'
import type { ComparedWith, KeyStanding } from '../dynamo/repair/key-standing.ts'
import { MEMBERS_MAX, REPLICAS_MAX, SENTENCE_CHARS_MAX } from '../limits.ts'
import {
  checkBucketId,
  checkDeadline,
  checkName,
  checkPolicy,
  checkReceipt,
  garbled,
} from './bounds.ts'
import { type CallConverter, plain, wideOf } from './convert-client.ts'
import { bucketIdMessage, bucketIdOf, idFieldOf, idOf, idOfField } from './convert-ids.ts'
import { everwrite as pb } from './generated/messages.js'
import type { Explain, ExplainedNode, ExplainReply } from './message/client.ts'
import type { OutlinedCopy } from './message/parts.ts'
import type { PeerCopies, PeerCopiesReply } from './message/peer.ts'

type Maybe<T> = T | null | undefined

/** Another owner, and two times. */
const COMPARED_BYTES: number = ID_BYTES + 8
/** In the place of milliseconds: never, or not. Longer times count as one less. */
const NO_MS = U32_MAX

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
    encode({ token, partition, nodes, n, policy }: ExplainReply, writer: Writer): void {
      checkCount('members', nodes.length)
      const told = nodes.map(nodeMessageOf)
      pb.ExplainReply.encode({ token, partition, nodes: told, n, policy }, writer)
    },
    decode(reader: Reader): ExplainReply {
      const { token, partition, nodes, n, policy } = pb.ExplainReply.decode(reader)
      checkCount('members', nodes?.length)
      checkPolicy(policy)
      const told = (nodes ?? []).map(nodeOf)
      return { token: wideOf(token), partition, nodes: told, n, policy: policy as Policy }
    },
  },
}

function checkExplain({ name, deadlineMs, receipt }: Explain): void {
  checkName(name)
  checkDeadline(deadlineMs)
  checkReceipt(receipt)
}

/** By default of a list with one entry for each member at most. */
function checkCount(what: string, count = 0, max: number = MEMBERS_MAX): void {
  if (count > max) throw garbled(`the answer lists ${count} ${what}`)
}

function nodeMessageOf(node: ExplainedNode): pb.ExplainedNode.$Properties {
  const { failure } = node
  return {
    node: idBytes(node.node),
    isOwner: node.isOwner,
    failure: failure === undefined ? 0 : ERROR_KINDS[failure].number,
    copies: node.copies.map(({ place, outline, digest }) => {
      return { forMember: idFieldOf(place), outline, digest }
    }),
    coversReceipt: node.coversReceipt,
    standing: node.standing === undefined ? null : standingMessageOf(node.standing),
  }
}

function nodeOf(message: pb.ExplainedNode.$Properties): ExplainedNode {
  const { node, isOwner, failure, copies, coversReceipt, standing } = message
  return {
    node: idOf(node),
    isOwner: isOwner ?? false,
    failure: (failure ?? 0) === 0 ? undefined : errorCodeOf(failure ?? 0),
    copies: (copies ?? []).map(({ forMember, outline, digest }) => {
      return copyOf(forMember, outline, digest)
    }),
    coversReceipt: coversReceipt ?? false,
    standing: standing === null || standing === undefined ? undefined : standingOf(standing),
  }
}

function copyOf(
  place: Maybe<Uint8Array>,
  outline: Maybe<Uint8Array>,
  digest: Maybe<pb.Wide.$Properties>,
): OutlinedCopy {
  return { place: idOfField(place), outline: plain(outline), digest: wideOf(digest) }
}

function standingMessageOf(standing: KeyStanding): pb.KeyStanding.$Properties {
  const { obstacle, floor, root, compared, ...rest } = standing
  return {
    ...rest,
    obstacle: obstacle.slice(0, SENTENCE_CHARS_MAX),
    floor: floorBytes(floor),
    root: root ?? null,
    compared: bytesOfCompared(compared),
  }
}

function standingOf(message: pb.KeyStanding.$Properties): KeyStanding {
  const { round, roundAgeMs, roundMs, obstacle, isRemembered, root } = message
  const floor = floorOfBytes(plain(message.floor))
  if (floor === undefined) throw garbled('a floor has too many starts, or in another order')
  return {
    round: round ?? 0,
    roundAgeMs: roundAgeMs ?? 0,
    roundMs: roundMs ?? 0,
    obstacle: (obstacle ?? '').slice(0, SENTENCE_CHARS_MAX),
    floor,
    isRemembered: isRemembered ?? false,
    root: root === null || root === undefined ? undefined : wideOf(root),
    compared: comparedOf(plain(message.compared)),
  }
}

function bytesOfCompared(compared: readonly ComparedWith[]): Uint8Array {
  const bytes = new Uint8Array(COMPARED_BYTES * compared.length)
  for (const [i, { node, equalMs, differsMs }] of compared.entries()) {
    bytes.set(idBytes(node), COMPARED_BYTES * i)
    writeMs(bytes, COMPARED_BYTES * i + ID_BYTES, equalMs)
    writeMs(bytes, COMPARED_BYTES * i + ID_BYTES + 4, differsMs)
  }
  return bytes
}

function comparedOf(bytes: Uint8Array): readonly ComparedWith[] {
  const count = bytes.length / COMPARED_BYTES
  if (!Number.isInteger(count)) throw garbled('the comparisons are cut')
  checkCount('other owners', count, REPLICAS_MAX)
  return Array.from({ length: count }, (_, i) => {
    const at = COMPARED_BYTES * i
    return {
      node: nodeIdOf(bytes, at),
      equalMs: readMs(bytes, at + ID_BYTES),
      differsMs: readMs(bytes, at + ID_BYTES + 4),
    }
  })
}

function writeMs(bytes: Uint8Array, at: number, ms: number | undefined): void {
  writeU32(bytes, at, ms === undefined ? NO_MS : Math.min(ms, NO_MS - 1))
}

function readMs(bytes: Uint8Array, at: number): number | undefined {
  const ms = readU32(bytes, at)
  return ms === NO_MS ? undefined : ms
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
    encode({ copies, standing }: PeerCopiesReply, writer: Writer): void {
      const messages = copies.map(({ place, ...copy }) => ({ place: idFieldOf(place), ...copy }))
      pb.PeerCopiesReply.encode({ copies: messages, standing: standingMessageOf(standing) }, writer)
    },
    decode(reader: Reader): PeerCopiesReply {
      const { copies, standing } = pb.PeerCopiesReply.decode(reader)
      checkCount('copies of a key', copies?.length)
      const told = (copies ?? []).map(({ place, outline, digest }) => {
        return copyOf(place, outline, digest)
      })
      return { copies: told, standing: standingOf(standing ?? {}) }
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
