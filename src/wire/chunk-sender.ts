/**
 * Sent messages: a short one in one frame, long ones in chunks that take turns, within credit.
 *
 *     call 7   |MORE 256 KiB|            |MORE 256 KiB|            |last|
 *     call 9                |MORE 256 KiB|            |last|
 *
 * A sender may send `CREDIT_BYTES_MAX` of each message before the receiver grants more, so a
 * receiver bounds its memory by its grants. At most `WINDOW_BYTES` of chunks wait in the connection
 * at once: a short answer never waits behind more than that.
 *
 * Invariant: a message that was begun is sent to its end. The receiver could read half a message as
 * a whole one, because protobuf bytes cut after any field are a valid message.
 */
import type { OperatingError } from '../base/errors.ts'
import {
  CHUNK_BYTES_MAX,
  CREDIT_BYTES_MAX,
  MESSAGE_STALL_MS_MAX,
  OUTGOING_BYTES_PER_CONNECTION_MAX,
  PROGRESS_MS,
} from '../limits.ts'
import { type Body, encodeControl } from './convert.ts'
import type { FramedConnection } from './framed-connection.ts'
import { FAILURE_KIND, FLAG_MORE, REPLY } from './message/session.ts'

/** A partly sent message. */
interface Outgoing {
  readonly kind: number
  readonly callId: number
  readonly bytes: Uint8Array
  readonly length: number
  sent: number
  /** Bytes that may be sent before the receiver grants more. */
  credit: number
  isReady: boolean
}

/** No further chunk is sent while so many bytes wait in the connection. */
const WINDOW_BYTES: number = 2 * CHUNK_BYTES_MAX
const IDLE_CHECKS_MAX: number = MESSAGE_STALL_MS_MAX / PROGRESS_MS

/** The key of a message in chunks: a request and an answer may have the same call id. */
export function chunkKey(callId: number, isAnswer: boolean): number {
  return 2 * callId + (isAnswer ? 1 : 0)
}

export class ChunkSender {
  readonly #connection: FramedConnection
  readonly #messages = new Map<number, Outgoing>()
  /** Messages with credit, in turn. */
  readonly #ready: Outgoing[] = []
  /** Bytes of messages in chunks that were not sent yet. */
  #heldBytes = 0
  /** For checks of progress: bytes sent in chunks, now and at the last check; idle checks. */
  #sentBytes = 0
  #sentAtCheck = 0
  #idleChecks = 0

  constructor(connection: FramedConnection) {
    this.#connection = connection
  }

  /** Bytes that wait, here and in the connection. */
  get waitingBytes(): number {
    return this.#heldBytes + this.#connection.waitingBytes
  }

  /** Whether so many bytes wait that no new call should be begun. */
  get isFull(): boolean {
    return this.waitingBytes >= OUTGOING_BYTES_PER_CONNECTION_MAX / 2
  }

  /** Sends a request, or an answer (kinds of 64 and above). */
  send(kind: number, callId: number, body: Body): void {
    if (body.length <= CHUNK_BYTES_MAX) {
      this.#connection.send(kind, callId, body)
      return
    }
    if (this.#connection.isEnded) return
    const { bytes, length } = body
    const credit = CREDIT_BYTES_MAX
    const message = { kind, callId, bytes, length, sent: 0, credit, isReady: true }
    this.#messages.set(chunkKey(callId, kind >= REPLY), message)
    this.#ready.push(message)
    this.#heldBytes += length
    this.pump()
    if (this.waitingBytes > OUTGOING_BYTES_PER_CONNECTION_MAX) {
      this.#connection.cutSlowReader(this.waitingBytes)
    } else {
      this.#connection.watch()
    }
  }

  /** Answers an incoming call with an error. */
  fail(callId: number, { code, message, certainty }: OperatingError): void {
    this.#connection.send(
      FAILURE_KIND,
      callId,
      encodeControl('failure', { code, message, certainty }),
    )
  }

  /** Adds credit to a message; credit for a message that has ended is ignored. */
  grant(callId: number, isAnswer: boolean, bytes: number): void {
    const message = this.#messages.get(chunkKey(callId, isAnswer))
    if (message === undefined) return
    message.credit += bytes
    if (!message.isReady) {
      message.isReady = true
      this.#ready.push(message)
    }
    this.pump()
  }

  /** Sends chunks as far as credit and the window allow. */
  pump(): void {
    while (this.#connection.waitingBytes < WINDOW_BYTES && !this.#connection.isEnded) {
      const message = this.#ready.shift()
      if (message === undefined) return
      this.#sendChunk(message)
    }
  }

  /** Called every `PROGRESS_MS`; 'stalled' if no chunk could be sent for too long. */
  checkProgress(): 'idle' | 'moving' | 'stalled' {
    if (this.#heldBytes === 0) return 'idle'
    this.#idleChecks = this.#sentBytes === this.#sentAtCheck ? this.#idleChecks + 1 : 0
    this.#sentAtCheck = this.#sentBytes
    return this.#idleChecks > IDLE_CHECKS_MAX ? 'stalled' : 'moving'
  }

  #sendChunk(message: Outgoing): void {
    const { kind, callId, bytes, length, sent, credit } = message
    const chunk = Math.min(CHUNK_BYTES_MAX, length - sent, credit)
    const isLast = sent + chunk === length
    this.#connection.sendPart(kind, isLast ? 0 : FLAG_MORE, callId, bytes, sent, chunk)
    message.sent += chunk
    message.credit -= chunk
    this.#heldBytes -= chunk
    this.#sentBytes += chunk
    if (isLast) {
      this.#messages.delete(chunkKey(callId, kind >= REPLY))
      return
    }
    message.isReady = message.credit > 0
    if (message.isReady) this.#ready.push(message)
  }
}
