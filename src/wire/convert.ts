/**
 * Encode messages as protobuf bytes and decode them; only the `convert` files know protobuf.
 *
 * A decoded request keeps every bound of `bounds.ts`. Fields that this build does not know are
 * skipped, so that nodes of two versions can talk during a rolling upgrade; a field that must not
 * be skipped needs a new kind or format.
 *
 * Byte strings in a decoded message are views of the received bytes and keep all of them alive. A
 * caller that keeps one longer than its request copies it: the engine into its log, the client
 * before it returns a value.
 *
 * No message has a 64-bit integer: protobufjs writes a `bigint` as 0 and reads a `Long`.
 *
 * Why not: a hand-written coder for the frequent kinds. Measured (bench/wire.bench.ts): protobufjs
 * with a reused writer takes 0.2 µs for a put of 1 KiB, 0.1 µs more than by hand; a new buffer for
 * each message would cost 1.7 µs, which the scratch buffer below saves.
 */
import protobuf from 'protobufjs/minimal.js'
import { BrokenBelief } from '../base/assert.ts'
import { EMPTY_BYTES } from '../base/bytes.ts'
import { ERROR_KINDS, errorCodeOf, isOperatingError, OperatingError } from '../base/errors.ts'
import {
  ANSWER_FIELDS_MAX,
  FRAME_BODY_BYTES_MAX,
  PEER_FIELDS_MAX,
  REQUEST_FIELDS_MAX,
  SENTENCE_CHARS_MAX,
} from '../limits.ts'
import { checkMessageLength, garbled } from './bounds.ts'
import { BUCKET_CONVERTERS } from './convert-buckets.ts'
import { CLIENT_CONVERTERS, type Converter, type CallConverter } from './convert-client.ts'
import { CLUSTER_CONVERTERS } from './convert-cluster.ts'
import { COPIES_CONVERTERS } from './convert-copies.ts'
import { EXCHANGE_CONVERTERS } from './convert-exchanges.ts'
import { GOSSIP_CONVERTERS } from './convert-gossip.ts'
import { HANDSHAKE_CONVERTERS } from './convert-handshake.ts'
import { HINT_CONVERTERS } from './convert-hints.ts'
import { JOIN_CONVERTERS } from './convert-join.ts'
import { KEY_CONVERTERS } from './convert-keys.ts'
import { MOVE_CONVERTERS } from './convert-moves.ts'
import { PEER_CONVERTERS } from './convert-peer.ts'
import { ROUND_CONVERTERS } from './convert-rounds.ts'
import { STATUS_CONVERTERS } from './convert-status.ts'
import { TRANSFER_CONVERTERS } from './convert-transfer.ts'
import { TREE_CONVERTERS } from './convert-trees.ts'
import { everwrite as pb } from './generated/messages.js'
import { failure } from './convert-failure.ts'
import type { Failure, Goodbye, Hello, Identity, Welcome } from './message/session.ts'
import { fieldsOf, REPLY_FIELDS, REQUEST_FIELDS, RING_FIELD } from './convert-fields.ts'
import { type Reply, type Request, type RequestKind, SENDERS } from './message/table.ts'
import { PartedWriter } from './convert-parts.ts'

/** A message as bytes. */
export interface Body {
  /** The message is the first `length` of these bytes, unless it is in parts. */
  readonly bytes: Uint8Array
  /** Of the whole message. */
  readonly length: number
  /** Of a message with long byte strings, longer than a frame: its bytes one after another. */
  readonly parts: readonly Uint8Array[] | undefined
}

export interface Credit {
  readonly bytes: number
  readonly isAnswer: boolean
}

/** Announces a message in chunks. */
export interface Length {
  /** Of the message. */
  readonly kind: number
  readonly bytes: number
}

/** Messages up to this length are encoded into one buffer, one after another. */
const SCRATCH_BYTES: number = FRAME_BODY_BYTES_MAX
const scratch = new Uint8Array(SCRATCH_BYTES)
const writer = new protobuf.Writer()

/**
 * Bounds the fields of a message, as two bytes can be a field, which costs a hundred in memory; and
 * refuses known fields of a wrong type.
 */
class BoundedReader extends protobuf.Reader {
  fieldsLeft = 0
  /** Fields from 1 up to this one are known. */
  known = 0
  /** What the answer says of the ring. */
  ring: number | undefined

  override tag(): number {
    this.fieldsLeft -= 1
    if (this.fieldsLeft < 0) throw garbled('the message has too many fields')
    return super.tag()
  }

  /** Called for fields that are unknown, or not of their own type. */
  override skipType(wireType: number, depth?: number, field?: number): this {
    if (depth === 0 && field !== undefined && field >= 1 && field <= this.known) {
      throw garbled(`field ${field} has another wire type than it should`)
    }
    if (depth === 0 && field === RING_FIELD && wireType === 5) {
      this.ring = this.fixed32()
      return this
    }
    return super.skipType(wireType, depth, field) as this
  }
}

/** A field of every answer to a client, whatever its message. */
const RING_TAG: number = (RING_FIELD << 3) | 5

const reader = new BoundedReader(EMPTY_BYTES)

const CALL_CONVERTERS: { readonly [K in RequestKind]: CallConverter<K> } = {
  ...CLIENT_CONVERTERS,
  ...STATUS_CONVERTERS,
  ...PEER_CONVERTERS,
  ...HINT_CONVERTERS,
  ...GOSSIP_CONVERTERS,
  ...MOVE_CONVERTERS,
  ...COPIES_CONVERTERS,
  ...TREE_CONVERTERS,
  ...ROUND_CONVERTERS,
  ...EXCHANGE_CONVERTERS,
  ...JOIN_CONVERTERS,
  ...CLUSTER_CONVERTERS,
  ...BUCKET_CONVERTERS,
  ...TRANSFER_CONVERTERS,
  ...KEY_CONVERTERS,
}

/**
 * The message as bytes: valid until the next message is encoded, or for good if it is longer than
 * the scratch buffer. Throws if the message breaks a bound. Long byte strings of the message become
 * parts of it, and must not change until it is sent.
 */
function encode<Message>(converter: Converter<Message>, message: Message, ring?: number): Body {
  if ((converter.bytesOf?.(message) ?? 0) > SCRATCH_BYTES) {
    return encodeInParts(converter, message, ring)
  }
  writer.buf = scratch
  writer.pos = 0
  encodeInto(writer, converter, message, ring)
  const { buf: bytes, pos: length } = writer
  // A buffer that has grown for a longer message is not kept alive.
  writer.buf = scratch
  checkMessageLength(length)
  return { bytes, length, parts: undefined }
}

function encodeInParts<Message>(
  converter: Converter<Message>,
  message: Message,
  ring: number | undefined,
): Body {
  const parted = new PartedWriter()
  encodeInto(parted, converter, message, ring)
  const { parts } = parted
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  checkMessageLength(length)
  return { bytes: EMPTY_BYTES, length, parts }
}

function encodeInto<Message>(
  to: protobuf.Writer,
  converter: Converter<Message>,
  message: Message,
  ring: number | undefined,
): void {
  converter.encode(message, to)
  if (ring !== undefined) to.uint32(RING_TAG).fixed32(ring)
}

/** Throws only an `OperatingError`, whatever the bytes. */
function decode<Message>(
  converter: Converter<Message>,
  bytes: Uint8Array,
  start: number,
  length: number,
  fieldsMax: number,
  known: number,
): Message {
  reader.buf = bytes
  reader.pos = start
  reader.len = start + length
  reader.fieldsLeft = fieldsMax
  reader.known = known
  reader.ring = undefined
  try {
    return converter.decode(reader)
  } catch (error) {
    if (isOperatingError(error) || error instanceof BrokenBelief) throw error
    throw garbled('the body is no valid message of its kind', error)
  } finally {
    reader.buf = EMPTY_BYTES
  }
}

export function encodeRequest<K extends RequestKind>(kind: K, request: Request<K>): Body {
  return encode(CALL_CONVERTERS[kind].request, request)
}

export function decodeRequest<K extends RequestKind>(
  kind: K,
  bytes: Uint8Array,
  start: number,
  length: number,
): Request<K> {
  const { request } = CALL_CONVERTERS[kind]
  const known = REQUEST_FIELDS[kind]
  const fieldsMax = SENDERS[kind].includes('client') ? REQUEST_FIELDS_MAX : PEER_FIELDS_MAX
  return decode<Request<K>>(request, bytes, start, length, fieldsMax, known)
}

/** `ring`: the first half of the ring's digest, in answers to clients. */
export function encodeReply<K extends RequestKind>(kind: K, reply: Reply<K>, ring?: number): Body {
  return encode(CALL_CONVERTERS[kind].reply, reply, ring)
}

/** How many bytes an answer has at least. */
export function bytesOfReply<K extends RequestKind>(kind: K, reply: Reply<K>): number {
  return CALL_CONVERTERS[kind].reply.bytesOf?.(reply) ?? 0
}

/** What the answer that was decoded last says of the ring: the first half of its digest. */
export function ringTold(): number | undefined {
  return reader.ring
}

export function decodeReply<K extends RequestKind>(
  kind: K,
  bytes: Uint8Array,
  start: number,
  length: number,
): Reply<K> {
  const { reply } = CALL_CONVERTERS[kind]
  const known = REPLY_FIELDS[kind]
  return decode<Reply<K>>(reply, bytes, start, length, ANSWER_FIELDS_MAX, known)
}

const credit: Converter<Credit> = {
  encode: (message, writer) => void pb.Credit.encode(message, writer),
  decode: (reader) => {
    const { bytes, isAnswer } = pb.Credit.decode(reader)
    return { bytes, isAnswer }
  },
}

const length: Converter<Length> = {
  encode: (message, writer) => void pb.Length.encode(message, writer),
  decode: (reader) => {
    const { kind, bytes } = pb.Length.decode(reader)
    return { kind, bytes }
  },
}

const cancel: Converter<undefined> = {
  encode: (_, writer) => void pb.Cancel.encode({}, writer),
  decode: (reader) => void pb.Cancel.decode(reader),
}

const ping: Converter<undefined> = {
  encode: (_, writer) => void pb.Ping.encode({}, writer),
  decode: (reader) => void pb.Ping.decode(reader),
}

/** The sender's wall clock, in milliseconds since 1970. */
const pong: Converter<number> = {
  encode: (wallMs, writer) => void pb.Pong.encode({ wallMs }, writer),
  decode: (reader) => pb.Pong.decode(reader).wallMs,
}

/** Goodbye has no `in_doubt`: its code decides. Code 0 is a normal end. */
const goodbye: Converter<Goodbye> = {
  encode: ({ code, message, lastTaken }, writer) =>
    void pb.Goodbye.encode(
      {
        code: code === 'closed' ? 0 : ERROR_KINDS[code].number,
        message: message.slice(0, SENTENCE_CHARS_MAX),
        lastCall: lastTaken,
      },
      writer,
    ),
  decode: (reader) => {
    const message = pb.Goodbye.decode(reader)
    const code = message.code === 0 ? 'closed' : errorCodeOf(message.code)
    const sentence = message.message.slice(0, SENTENCE_CHARS_MAX)
    const { certainty } = ERROR_KINDS[code]
    return { code, message: sentence, certainty, lastTaken: message.lastCall }
  },
}

/** The messages of the session itself, and the answer `failure`. */
interface Controls {
  hello: Hello
  welcome: Welcome
  proof: Uint8Array
  identity: Identity
  ready: undefined
  credit: Credit
  length: Length
  cancel: undefined
  ping: undefined
  pong: number
  failure: Failure
  goodbye: Goodbye
}

export type ControlName = keyof Controls
export type Control<N extends ControlName> = Controls[N]

const CONTROLS: { readonly [N in ControlName]: Converter<Controls[N]> } = {
  ...HANDSHAKE_CONVERTERS,
  credit,
  length,
  cancel,
  ping,
  pong,
  failure,
  goodbye,
}

const CONTROL_FIELDS = Object.fromEntries(
  Object.keys(CONTROLS).map((name) => [name, fieldsOf(name)]),
) as Readonly<Record<ControlName, number>>

/** `ring`: as in `encodeReply`, of a failure. */
export function encodeControl<N extends ControlName>(
  name: N,
  message: Control<N>,
  ring?: number,
): Body {
  return encode<Control<N>>(CONTROLS[name], message, ring)
}

export function decodeControl<N extends ControlName>(
  name: N,
  bytes: Uint8Array,
  start: number,
  length: number,
): Control<N> {
  const known = CONTROL_FIELDS[name]
  return decode<Control<N>>(CONTROLS[name], bytes, start, length, REQUEST_FIELDS_MAX, known)
}

/** The error that a failure or goodbye describes. */
export function errorOf({ code, message, certainty, details }: Failure): OperatingError {
  return new OperatingError(code, message, { certainty, details })
}
