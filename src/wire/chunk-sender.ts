/**
 * Long messages on their way out: cut into chunks that take turns, as far as credit goes.
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
import { CHUNK_BYTES_MAX, CREDIT_BYTES_MAX } from '../limits.ts'
import type { Line } from './line.ts'
import { FLAG_MORE } from './message.ts'

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

/** Requests and answers are numbered by different sides: one key for both. */
export function chunkKey(callId: number, isAnswer: boolean): number {
  return 2 * callId + (isAnswer ? 1 : 0)
}

export class ChunkSender {
  readonly #line: Line
  readonly #messages = new Map<number, Outgoing>()
  /** Those with credit, in turn. */
  readonly #ready: Outgoing[] = []
  #waitingBytes = 0
  #sentBytes = 0

  constructor(line: Line) {
    this.#line = line
  }

  /** Bytes of messages that were not sent yet. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** Bytes sent so far: whether those that wait go on. */
  get sentBytes(): number {
    return this.#sentBytes
  }

  /** Sends bytes[0, length), taken over, as chunks. */
  add(kind: number, callId: number, isAnswer: boolean, bytes: Uint8Array, length: number): void {
    const credit = CREDIT_BYTES_MAX
    const message = { kind, callId, bytes, length, sent: 0, credit, isReady: true }
    this.#messages.set(chunkKey(callId, isAnswer), message)
    this.#ready.push(message)
    this.#waitingBytes += length
    this.pump()
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
    while (this.#line.waitingBytes < WINDOW_BYTES) {
      const message = this.#ready.shift()
      if (message === undefined) return
      this.#sendChunk(message)
    }
  }

  #sendChunk(message: Outgoing): void {
    const { kind, callId, bytes, length, sent, credit } = message
    const chunk = Math.min(CHUNK_BYTES_MAX, length - sent, credit)
    const isLast = sent + chunk === length
    this.#line.sendPart(kind, isLast ? 0 : FLAG_MORE, callId, bytes, sent, chunk)
    message.sent += chunk
    message.credit -= chunk
    this.#waitingBytes -= chunk
    this.#sentBytes += chunk
    if (isLast) {
      this.#messages.delete(chunkKey(callId, kind >= 64))
      return
    }
    message.isReady = message.credit > 0
    if (message.isReady) this.#ready.push(message)
  }
}
