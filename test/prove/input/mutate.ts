/**
 * Seeded damage: from good frames to frames that some sender might send by mistake or on purpose.
 *
 * Two depths. *Sealed* damage changes the message and makes both checksums anew, so that it passes
 * the frames' checks and reaches what reads messages. *Open* damage changes the bytes of the frame
 * as they are, or its header: it nearly always ends the stream.
 */
import { joinBytes } from '../../../src/base/bytes.ts'
import type { Prng } from '../../../src/base/prng.ts'
import { crc32c } from '../../../src/native/digest.ts'
import { FRAME_HEADER_BYTES } from '../../../src/native/frame-scanner.ts'
import { FLAG_MORE } from '../../../src/wire/message/session.ts'
import { frame } from '../../support/raw-client.ts'

/** A frame that is right, in parts. */
export interface Good {
  readonly kind: number
  readonly body: Uint8Array
}

const CHANGES_MAX = 4
const ADDED_BYTES_MAX = 64

type Damage = (bytes: Uint8Array, prng: Prng, other: Uint8Array) => Uint8Array

const flipBit: Damage = (bytes, prng) => {
  const changed = new Uint8Array(bytes)
  const at = prng.below(Math.max(1, bytes.length))
  if (at < changed.length) changed[at] = (changed[at] as number) ^ (1 << prng.below(8))
  return changed
}

const setByte: Damage = (bytes, prng) => {
  const changed = new Uint8Array(bytes)
  const value = prng.pick([0, 1, 0x7f, 0x80, 0xff, prng.below(256)])
  if (bytes.length > 0) changed[prng.below(bytes.length)] = value
  return changed
}

const cutOff: Damage = (bytes, prng) => bytes.subarray(0, prng.below(bytes.length + 1))

const goOn: Damage = (bytes, prng) =>
  joinBytes([bytes, prng.fill(new Uint8Array(1 + prng.below(ADDED_BYTES_MAX)))])

const repeatPart: Damage = (bytes, prng) => {
  const from = prng.below(bytes.length + 1)
  const to = from + prng.below(bytes.length + 1 - from)
  return joinBytes([bytes.subarray(0, to), bytes.subarray(from)])
}

const leaveOut: Damage = (bytes, prng) => {
  const from = prng.below(bytes.length + 1)
  const to = from + prng.below(bytes.length + 1 - from)
  return joinBytes([bytes.subarray(0, from), bytes.subarray(to)])
}

const splice: Damage = (bytes, prng, other) =>
  joinBytes([
    bytes.subarray(0, prng.below(bytes.length + 1)),
    other.subarray(prng.below(other.length + 1)),
  ])

const DAMAGES: readonly Damage[] = [
  ...[flipBit, flipBit, flipBit, setByte, setByte],
  ...[cutOff, goOn, repeatPart, leaveOut, splice],
]

/** A frame whose message is damaged and whose checksums are right. */
export function sealedDamage(good: Good, other: Good, callId: number, prng: Prng): Uint8Array {
  let { body } = good
  for (let i = prng.between(1, CHANGES_MAX); i > 0; i--) {
    body = prng.pick(DAMAGES)(body, prng, other.body)
  }
  const kind = prng.chance(0.05) ? prng.below(128) : good.kind
  const flags = prng.chance(0.03) ? FLAG_MORE : 0
  return frame(kind, callId, body, flags)
}

/** Bytes of a frame, damaged as they are or in their header. */
export function openDamage(good: Good, other: Good, callId: number, prng: Prng): Uint8Array {
  const bytes = frame(good.kind, callId, good.body)
  if (prng.chance(0.5)) {
    return prng.pick(DAMAGES)(new Uint8Array(bytes), prng, frame(other.kind, callId, other.body))
  }
  const lengths = [0, 1, good.body.length + 1, 4096, 2 ** 24, 2 ** 24 + 1, 2 ** 31, 2 ** 32 - 1]
  switch (prng.below(4)) {
    case 0:
      bytes.writeUInt32LE(prng.pick(lengths), 12)
      break
    case 1:
      bytes[prng.below(FRAME_HEADER_BYTES - 4)] = prng.below(256)
      break
    case 2:
      bytes.writeUInt16LE(prng.below(65_536), 4)
      break
    default:
      bytes[3] = prng.below(256)
  }
  bytes.writeUInt32LE(crc32c(bytes, 0, 16), 16)
  return bytes
}
