/**
 * Messages on their way out: short ones as they are, long ones cut into chunks that take turns, as
 * far as credit goes.
 *
 *     call 7   |MORE 256 KiB|            |MORE 256 KiB|            |last|
 *     call 9                |MORE 256 KiB|            |last|
 *
 * Each message may send `CREDIT_BYTES_MAX` before the receiver has granted more, so what a receiver
 * can be made to hold is bounded by what it grants. Between chunks only a window's worth is left to
 * the connection: a short answer never waits behind more than that.
 *
 * Invariant: a message that was begun is sent to its end. Half a message could be read as a whole
 * one: its bytes are a protobuf message up to any field.
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

/** One message, and how far it has gone. */
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

/** Bytes left to the connection at once. */
const WINDOW_BYTES: number = 2 * CHUNK_BYTES_MAX
const IDLE_CHECKS_MAX: number = MESSAGE_STALL_MS_MAX / PROGRESS_MS

/** Requests and answers are numbered by different sides: one key for both. */
export function chunkKey(callId: number, isAnswer: boolean): number {
  return 2 * callId + (isAnswer ? 1 : 0)
}

export class ChunkSender {
  readonly #line: FramedConnection
  readonly #messages = new Map<number, Outgoing>()
  /** Those with credit, in turn. */
  readonly #ready: Outgoing[] = []
  /** Bytes of messages that were not sent yet. */
  #heldBytes = 0
  /** For standstill: chunk bytes sent, as many at the last check, and checks since they grew. */
  #sentBytes = 0
  #sentThen = 0
  #idleChecks = 0

  constructor(line: FramedConnection) {
    this.#line = line
  }

  /** Bytes that wait, here and in the line. */
  get waitingBytes(): number {
    return this.#heldBytes + this.#line.waitingBytes
  }

  /** Whether so much waits that nothing should be begun that would add to it. */
  get isFull(): boolean {
    return this.waitingBytes >= OUTGOING_BYTES_PER_CONNECTION_MAX / 2
  }

  /** Sends a request, or an answer: those of kind 64 and above. */
  send(kind: number, callId: number, body: Body): void {
    if (body.length <= CHUNK_BYTES_MAX) {
      this.#line.send(kind, callId, body)
      return
    }
    if (this.#line.isEnded) return
    const { bytes, length } = body
    const credit = CREDIT_BYTES_MAX
    const message = { kind, callId, bytes, length, sent: 0, credit, isReady: true }
    this.#messages.set(chunkKey(callId, kind >= REPLY), message)
    this.#ready.push(message)
    this.#heldBytes += length
    this.pump()
    if (this.waitingBytes > OUTGOING_BYTES_PER_CONNECTION_MAX) {
      this.#line.cutSlowReader(this.waitingBytes)
    } else {
      this.#line.watch()
    }
  }

  /** Answers a call of theirs with an error. */
  fail(callId: number, { code, message, certainty }: OperatingError): void {
    this.#line.send(FAILURE_KIND, callId, encodeControl('failure', { code, message, certainty }))
  }

  /** What is granted to a message that has ended is of no use, and no harm. */
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

  /** Sends what credit and the connection's room allow. */
  pump(): void {
    while (this.#line.waitingBytes < WINDOW_BYTES && !this.#line.isEnded) {
      const message = this.#ready.shift()
      if (message === undefined) return
      this.#sendChunk(message)
    }
  }

  /** Some `PROGRESS_MS` have passed; returns whether messages wait, and have for too long. */
  checkProgress(): 'none-waits' | 'goes-on' | 'stalled' {
    if (this.#heldBytes === 0) return 'none-waits'
    this.#idleChecks = this.#sentBytes === this.#sentThen ? this.#idleChecks + 1 : 0
    this.#sentThen = this.#sentBytes
    return this.#idleChecks > IDLE_CHECKS_MAX ? 'stalled' : 'goes-on'
  }

  #sendChunk(message: Outgoing): void {
    const { kind, callId, bytes, length, sent, credit } = message
    const chunk = Math.min(CHUNK_BYTES_MAX, length - sent, credit)
    const isLast = sent + chunk === length
    this.#line.sendPart(kind, isLast ? 0 : FLAG_MORE, callId, bytes, sent, chunk)
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
