/** Hints that come home, to and from protobuf. */
import type { Reader, Writer } from 'protobufjs/minimal.js'
import { ERROR_KINDS, errorCodeOf } from '../base/errors.ts'
import { DELIVERY_BYTES_MAX, DELIVERY_KEYS_MAX } from '../limits.ts'
import { checkBucketId, checkDeadline, checkName, garbled, hintBytes } from './bounds.ts'
import { type CallConverter, plain, wideOf } from './convert-client.ts'
import { bucketIdMessage, bucketIdOf } from './convert-ids.ts'
import { everwrite as pb } from './generated/messages.js'
import type { PeerHint, PeerHints, PeerHintsReply } from './message/peer.ts'

/** In the place of a code. */
const HELD = 0

const peerHints: CallConverter<'peerHints'> = {
  request: {
    bytesOf: ({ hints }) => bytesOf(hints),
    encode(asked: PeerHints, writer: Writer): void {
      checkHints(asked)
      const { ring, deadlineMs } = asked
      pb.PeerHints.encode({ ring, deadlineMs, hints: asked.hints.map(messageOf) }, writer)
    },
    decode(reader: Reader): PeerHints {
      const { ring, hints, deadlineMs } = pb.PeerHints.decode(reader)
      checkCount(hints?.length)
      const asked = {
        ring: wideOf(ring),
        hints: (hints ?? []).map(hintOf),
        deadlineMs,
      } as PeerHints
      checkHints(asked)
      return asked
    },
  },
  reply: {
    encode({ refusals }: PeerHintsReply, writer: Writer): void {
      const codes = refusals.map((code) => (code === undefined ? HELD : ERROR_KINDS[code].number))
      pb.PeerHintsReply.encode({ codes }, writer)
    },
    decode(reader: Reader): PeerHintsReply {
      const { codes } = pb.PeerHintsReply.decode(reader)
      checkCount(codes?.length)
      const refusals = (codes ?? []).map((code) => (code === HELD ? undefined : errorCodeOf(code)))
      return { refusals }
    },
  },
}

function bytesOf(hints: readonly PeerHint[]): number {
  return hints.reduce((sum, hint) => sum + hintBytes(hint), 0)
}

function messageOf({ name, bucketId, object }: PeerHint): pb.PeerHint.$Properties {
  const { bucket, key } = name
  return { bucket, key, bucketId: bucketIdMessage(bucketId), object }
}

function hintOf({ bucket, key, bucketId, object }: pb.PeerHint.$Properties): PeerHint {
  const name = { bucket: plain(bucket), key: plain(key) }
  return { name, bucketId: bucketIdOf(bucketId), object: plain(object) }
}

function checkHints({ hints, deadlineMs }: PeerHints): void {
  checkDeadline(deadlineMs)
  checkCount(hints.length)
  const bytes = bytesOf(hints)
  if (hints.length > 1 && bytes > DELIVERY_BYTES_MAX) {
    throw garbled(`the hints have ${bytes} bytes, more than ${DELIVERY_BYTES_MAX}`)
  }
  for (const { name, bucketId } of hints) {
    checkName(name)
    checkBucketId(bucketId)
  }
}

function checkCount(count = 0): void {
  if (count >= 1 && count <= DELIVERY_KEYS_MAX) return
  throw garbled(`the message is of ${count} hints, not of 1 to ${DELIVERY_KEYS_MAX}`)
}

export const HINT_CONVERTERS: {
  readonly [K in 'peerHints']: CallConverter<K>
} = { peerHints }
