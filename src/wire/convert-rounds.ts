/** Rounds, and what they let go of, between members, to and from protobuf. */
import type { Reader, Writer } from 'protobufjs/minimal.js'
import { joinBytes, U48_MAX } from '../base/bytes.ts'
import { ID_BYTES, idBytes, type NodeId, nodeIdOf, type Start, startIdOf } from '../dynamo/names.ts'
import { type Floor, NO_FLOOR } from '../dynamo/repair/floor.ts'
import {
  floorBytes,
  floorOfBytes,
  startsBytes,
  startsOfBytes,
} from '../dynamo/repair/floor-bytes.ts'
import { NO_ROUND, type RoundFloor } from '../dynamo/repair/round.ts'
import { type Range, Context } from '../dynamo/version/context.ts'
import { contextBytes, readContext, writeContext } from '../dynamo/version/context-bytes.ts'
import { MEMBERS_MAX, TREE_KEYS_MAX } from '../limits.ts'
import { checkBucketId, checkDeadline, checkName, garbled } from './bounds.ts'
import { type CallConverter, plain, wideOf } from './convert-client.ts'
import { bucketIdMessage, bucketIdOf, countOfWide, idOf, wideOfCount } from './convert-ids.ts'
import type { Digest } from '../native/digest.ts'
import { everwrite as pb } from './generated/messages.js'
import {
  type PeerKey,
  type PeerObjects,
  type PeerObjectsReply,
  type PeerOpenRound,
  type PeerOpenRoundReply,
  type PeerRanges,
  type PeerRangesReply,
  type PeerRounds,
  type PeerRoundsReply,
  type PeerStepRound,
  type PeerStepRoundReply,
  RoundStep,
} from './message/peer.ts'

type Maybe<T> = T | null | undefined

const RANGE_BYTES: number = contextBytes(1, 0)

const peerObjects: CallConverter<'peerObjects'> = {
  request: {
    encode(asked: PeerObjects, writer: Writer): void {
      checkKeys(asked.keys)
      const keys = asked.keys.map(keyMessage)
      pb.PeerObjects.encode({ ...asked, keys }, writer)
    },
    decode(reader: Reader): PeerObjects {
      const { ring, keys, deadlineMs } = pb.PeerObjects.decode(reader)
      const asked = { ring: wideOf(ring), keys: (keys ?? []).map(keyOf), deadlineMs } as PeerObjects
      checkDeadline(deadlineMs)
      checkKeys(asked.keys)
      return asked
    },
  },
  reply: {
    bytesOf: ({ objects }) => objects.reduce((sum, one) => sum + (one?.length ?? 0), 0),
    encode({ round, objects }: PeerObjectsReply, writer: Writer): void {
      const messages = objects.map((object) => ({ object: object ?? null }))
      pb.PeerObjectsReply.encode({ round, objects: messages }, writer)
    },
    decode(reader: Reader): PeerObjectsReply {
      const { round, objects } = pb.PeerObjectsReply.decode(reader)
      checkCount('objects', objects?.length, TREE_KEYS_MAX)
      const found = (objects ?? []).map(({ object }) => {
        return object === null || object === undefined || object.length === 0 ? undefined : object
      })
      return { round, objects: found }
    },
  },
}

const peerRounds: CallConverter<'peerRounds'> = {
  request: {
    encode(asked: PeerRounds, writer: Writer): void {
      pb.PeerRounds.encode({ ...asked }, writer)
    },
    decode(reader: Reader): PeerRounds {
      const { ring, known, withClosing, deadlineMs } = pb.PeerRounds.decode(reader)
      checkDeadline(deadlineMs)
      return { ring: wideOf(ring), known, withClosing, deadlineMs }
    },
  },
  reply: {
    bytesOf: ({ adopted, closing }) => 14 * (adopted.floor.size + closing.size),
    encode(told: PeerRoundsReply, writer: Writer): void {
      const { start, adopted, closing, durable, ...rest } = told
      const message = {
        ...rest,
        start: idBytes(start),
        adopted: floorMessage(adopted),
        closing: floorBytes(closing),
        durable: wideOfCount(durable),
      }
      pb.PeerRoundsReply.encode(message, writer)
    },
    decode(reader: Reader): PeerRoundsReply {
      const message = pb.PeerRoundsReply.decode(reader)
      const { start, isWhole, adopted, highest, closed, closing, durable, knowsClosed } = message
      return {
        start: startOf(start),
        isWhole,
        adopted: floorOf(adopted),
        highest,
        closed,
        closing: vectorOf(closing),
        durable: countOf(durable),
        knowsClosed,
      }
    },
  },
}

const peerOpenRound: CallConverter<'peerOpenRound'> = {
  request: {
    encode(asked: PeerOpenRound, writer: Writer): void {
      pb.PeerOpenRound.encode({ ...asked }, writer)
    },
    decode(reader: Reader): PeerOpenRound {
      const { ring, number, last, deadlineMs } = pb.PeerOpenRound.decode(reader)
      checkDeadline(deadlineMs)
      return { ring: wideOf(ring), number, last, deadlineMs }
    },
  },
  reply: {
    bytesOf: ({ named }) => ID_BYTES * named.size,
    encode(opening: PeerOpenRoundReply, writer: Writer): void {
      const { start, counter, named, isNamingKnown, adopted } = opening
      const numbers = { counter: wideOfCount(counter), isNamingKnown, adopted }
      const message = { start: idBytes(start), named: startsBytes(named), ...numbers }
      pb.PeerOpenRoundReply.encode(message, writer)
    },
    decode(reader: Reader): PeerOpenRoundReply {
      const opening = pb.PeerOpenRoundReply.decode(reader)
      const { start, counter, named, isNamingKnown, adopted } = opening
      const numbers = { counter: countOf(counter), isNamingKnown, adopted }
      return { start: startOf(start), named: startsOf(named), ...numbers }
    },
  },
}

const STEPS: ReadonlySet<number> = new Set(Object.values(RoundStep))

const peerStepRound: CallConverter<'peerStepRound'> = {
  request: {
    bytesOf: ({ floor }) => 14 * (floor?.floor.size ?? 0),
    encode(asked: PeerStepRound, writer: Writer): void {
      const { floor, forgotten, starts, ...rest } = asked
      const message = {
        ...rest,
        floor: floor === undefined ? null : floorMessage(floor),
        forgotten: startsBytes(forgotten),
        starts: joinBytes([...starts].flatMap(([node, start]) => [idBytes(node), idBytes(start)])),
      }
      pb.PeerStepRound.encode(message, writer)
    },
    decode(reader: Reader): PeerStepRound {
      const message = pb.PeerStepRound.decode(reader)
      const { ring, number, step, floor, forgotten, starts, deadlineMs } = message
      checkDeadline(deadlineMs)
      if (!STEPS.has(step)) throw garbled(`no step of a round is ${step}`)
      const hasFloor = floor !== null && floor !== undefined
      return {
        ring: wideOf(ring),
        number,
        step: step as RoundStep,
        floor: hasFloor ? floorOf(floor) : undefined,
        forgotten: startsOf(forgotten),
        starts: pairsOf(plain(starts)),
        deadlineMs,
      }
    },
  },
  reply: {
    encode({ isDone, waitsFor }: PeerStepRoundReply, writer: Writer): void {
      pb.PeerStepRoundReply.encode({ isDone, waitsFor: joinBytes(waitsFor.map(idBytes)) }, writer)
    },
    decode(reader: Reader): PeerStepRoundReply {
      const { isDone, waitsFor } = pb.PeerStepRoundReply.decode(reader)
      return { isDone, waitsFor: nodesOf(plain(waitsFor)) }
    },
  },
}

const peerRanges: CallConverter<'peerRanges'> = {
  request: {
    encode(asked: PeerRanges, writer: Writer): void {
      checkCount('keys', asked.keys.length, TREE_KEYS_MAX)
      const keys = asked.keys.map(({ key, digest, ranges }) => {
        return { key: keyMessage(key), digest, ranges: rangesBytes(ranges) }
      })
      const agreed = [...asked.agreed].map(([node, durable]) => {
        return { node: idBytes(node), durable: wideOfCount(durable) }
      })
      pb.PeerRanges.encode({ ...asked, keys, agreed }, writer)
    },
    decode(reader: Reader): PeerRanges {
      const { ring, round, keys, deadlineMs, agreed } = pb.PeerRanges.decode(reader)
      checkDeadline(deadlineMs)
      checkCount('keys', keys?.length, TREE_KEYS_MAX)
      const asked = (keys ?? []).map(({ key, digest, ranges }) => {
        if (key === null || key === undefined) throw garbled('a key is missing')
        return { key: keyOf(key), digest: wideOf<Digest>(digest), ranges: rangesOf(plain(ranges)) }
      })
      return { ring: wideOf(ring), round, keys: asked, agreed: durablesOf(agreed), deadlineMs }
    },
  },
  reply: {
    encode({ round, areAlike, durable }: PeerRangesReply, writer: Writer): void {
      const bytes = Uint8Array.from(areAlike, Number)
      pb.PeerRangesReply.encode({ round, areAlike: bytes, durable: wideOfCount(durable) }, writer)
    },
    decode(reader: Reader): PeerRangesReply {
      const { round, areAlike, durable } = pb.PeerRangesReply.decode(reader)
      checkCount('keys', areAlike?.length, TREE_KEYS_MAX)
      const alike = Array.from(plain(areAlike), (byte) => byte === 1)
      return { round, areAlike: alike, durable: countOf(durable) }
    },
  },
}

function durablesOf(list: Maybe<pb.PeerDurable.$Properties[]>): ReadonlyMap<NodeId, number> {
  checkCount('members', list?.length, MEMBERS_MAX)
  return new Map((list ?? []).map(({ node, durable }) => [idOf(node), countOf(durable)]))
}

function keyMessage({ name, bucketId }: PeerKey): pb.PeerKey.$Properties {
  return { ...name, bucketId: bucketIdMessage(bucketId) }
}

function keyOf(message: pb.PeerKey.$Properties): PeerKey {
  const name = { bucket: plain(message.bucket), key: plain(message.key) }
  const bucketId = bucketIdOf(message.bucketId)
  checkName(name)
  checkBucketId(bucketId)
  return { name, bucketId }
}

function checkKeys(keys: readonly PeerKey[]): void {
  checkCount('keys', keys.length, TREE_KEYS_MAX)
}

function checkCount(what: string, count = 0, max: number): void {
  if (count > max) throw garbled(`the message lists ${count} ${what}, more than ${max}`)
}

function countOf(message: Maybe<pb.Wide.$Properties>): number {
  const count = countOfWide(message)
  if (count > U48_MAX) throw garbled('no counter or sequence is above 2^48 - 1')
  return count
}

function floorMessage({ number, base, floor, leftOut }: RoundFloor) {
  return { number, base, floor: floorBytes(floor), leftOut: startsBytes(leftOut) }
}

function floorOf(message: Maybe<pb.RoundFloor.$Properties>): RoundFloor {
  if (message === null || message === undefined) return NO_ROUND
  return {
    number: message.number ?? 0,
    base: message.base ?? 0,
    floor: vectorOf(message.floor),
    leftOut: startsOf(message.leftOut),
  }
}

function vectorOf(bytes: Maybe<Uint8Array>): Floor {
  if (plain(bytes).length === 0) return NO_FLOOR
  const floor = floorOfBytes(plain(bytes))
  if (floor === undefined) throw garbled('a floor has too many starts, or in another order')
  return floor
}

function startsOf(bytes: Maybe<Uint8Array>): ReadonlySet<Start> {
  const starts = startsOfBytes(plain(bytes))
  if (starts === undefined) throw garbled('there are too many starts, or in another order')
  return starts
}

function startOf(bytes: Maybe<Uint8Array>): Start {
  if (bytes?.length !== ID_BYTES) throw garbled('a start has 8 bytes')
  return startIdOf(bytes)
}

function nodesOf(bytes: Uint8Array): readonly NodeId[] {
  checkCount('members', bytes.length / ID_BYTES, MEMBERS_MAX)
  if (bytes.length % ID_BYTES !== 0) throw garbled('the members are cut')
  return Array.from({ length: bytes.length / ID_BYTES }, (_, i) => nodeIdOf(bytes, ID_BYTES * i))
}

function pairsOf(bytes: Uint8Array): ReadonlyMap<NodeId, Start> {
  const pairBytes = 2 * ID_BYTES
  checkCount('members', bytes.length / pairBytes, MEMBERS_MAX)
  if (bytes.length % pairBytes !== 0) throw garbled('the starts are cut')
  const pairs = new Map<NodeId, Start>()
  for (let at = 0; at < bytes.length; at += pairBytes) {
    pairs.set(nodeIdOf(bytes, at), startIdOf(bytes, at + ID_BYTES))
  }
  return pairs
}

function rangesBytes(ranges: readonly Range[]): Uint8Array {
  const bytes = new Uint8Array(contextBytes(ranges.length, 0))
  writeContext(Context.ofCanonical(ranges), bytes, 0)
  return bytes
}

function rangesOf(bytes: Uint8Array): readonly Range[] {
  const context = readContext(bytes, 0, bytes.length / RANGE_BYTES, 0)
  if (bytes.length % RANGE_BYTES !== 0 || context === undefined) throw garbled('no such ranges')
  return context.ranges
}

export const ROUND_CONVERTERS: {
  readonly [K in
    | 'peerObjects'
    | 'peerRounds'
    | 'peerOpenRound'
    | 'peerStepRound'
    | 'peerRanges']: CallConverter<K>
} = { peerObjects, peerRounds, peerOpenRound, peerStepRound, peerRanges }
