/**
 * Received chunks: finds memory for announced messages, grants credit, joins chunks to messages.
 *
 * A message in chunks is announced by its length. It gets no credit before there is memory for the
 * whole of it; until then its sender holds it. Its buffer is as long as was announced, and is made
 * when its first chunk comes.
 *
 * A sender that exceeds its credit, or sends other bytes than it announced, loses the connection.
 */
import { EMPTY_BYTES } from '../base/bytes.ts'
import type { ErrorCode } from '../base/errors.ts'
import {
  CALLS_PER_CONNECTION_MAX,
  CREDIT_BYTES_MAX,
  MESSAGE_STALL_MS_MAX,
  PROGRESS_MS,
} from '../limits.ts'
import { chunkKey } from './chunk-sender.ts'
import type { Frame } from './frame.ts'
import { FLAG_MORE, REPLY } from './message/session.ts'

/** A message that was announced. */
interface Incoming {
  readonly kind: number
  readonly callId: number
  /** As announced. */
  readonly length: number
  buffer: Uint8Array
  received: number
  /** Bytes that its sender was allowed to send so far; 0 until there is memory for it. */
  granted: number
}

/** The result of a chunk. */
export type ChunkOutcome =
  | { readonly kind: 'more' }
  /** The message is whole. */
  | { readonly kind: 'whole'; readonly bytes: Uint8Array; readonly length: number }
  /** The sender breaks the protocol: end the connection. */
  | { readonly kind: 'broken'; readonly code: ErrorCode; readonly sentence: string }

const MORE: ChunkOutcome = { kind: 'more' }
const IDLE_CHECKS_MAX: number = MESSAGE_STALL_MS_MAX / PROGRESS_MS

export class ChunkReceiver {
  readonly #grant: (callId: number, isAnswer: boolean, bytes: number) => void
  readonly #messages = new Map<number, Incoming>()
  /** Checks of progress since the last chunk came, of any message: they take turns. */
  #idleChecks = 0

  /** `grant` sends credit to the other side. */
  constructor(grant: (callId: number, isAnswer: boolean, bytes: number) => void) {
    this.#grant = grant
  }

  /** Announced messages that are not whole. */
  get count(): number {
    return this.#messages.size
  }

  /** Bytes received of messages that are not whole. */
  get heldBytes(): number {
    let bytes = 0
    for (const { received } of this.#messages.values()) bytes += received
    return bytes
  }

  /** Whether the frame is a whole message by itself, as nearly all are. */
  isWhole(frame: Frame, isAnswer: boolean): boolean {
    if ((frame.flags & FLAG_MORE) !== 0) return false
    return this.#messages.size === 0 || !this.#messages.has(chunkKey(frame.callId, isAnswer))
  }

  /** Takes the announcement of a message; says what is wrong with it, if so. */
  announce(kind: number, callId: number, length: number): ChunkOutcome {
    const key = chunkKey(callId, kind >= REPLY)
    if (this.#messages.has(key)) return broken('message-garbled', 'a message was announced twice')
    // No chunk could end it.
    if (length === 0) return broken('message-garbled', 'a message of 0 bytes was announced')
    // Each side has at most so many calls in flight, and each call two messages.
    if (this.#messages.size >= 2 * CALLS_PER_CONNECTION_MAX) {
      return broken(
        'overloaded',
        'more messages were begun than calls may be in flight: end some first',
      )
    }
    this.#messages.set(key, {
      kind,
      callId,
      length,
      buffer: EMPTY_BYTES,
      received: 0,
      granted: 0,
    })
    return MORE
  }

  /** There is memory for the announced message: lets its sender begin. */
  accept(callId: number, isAnswer: boolean): void {
    const message = this.#messages.get(chunkKey(callId, isAnswer))
    if (message !== undefined) this.#grantMore(message)
  }

  /** Drops an announced message, of which no more will come; returns whether there was one. */
  drop(callId: number, isAnswer: boolean): boolean {
    return this.#messages.delete(chunkKey(callId, isAnswer))
  }

  /** Takes a frame that is not a whole message. */
  add(frame: Frame, isAnswer: boolean): ChunkOutcome {
    const key = chunkKey(frame.callId, isAnswer)
    const message = this.#messages.get(key)
    if (message === undefined) {
      return broken('credit-overrun', 'a chunk came of a message that was not announced')
    }
    if (message.kind !== frame.kind) {
      return broken('message-garbled', 'two frames of one message have different kinds')
    }
    if (frame.length === 0) return broken('message-garbled', 'a chunk is empty: send none')
    const received = message.received + frame.length
    if (received > message.granted) {
      return broken('credit-overrun', 'the chunks of a message exceed its credit: wait for credit')
    }
    keep(message, frame)
    this.#idleChecks = 0
    const isLast = (frame.flags & FLAG_MORE) === 0
    if (isLast !== (received === message.length)) {
      return broken('message-garbled', 'the chunks of a message have not the length announced')
    }
    if (!isLast) {
      this.#grantMore(message)
      return MORE
    }
    this.#messages.delete(key)
    return { kind: 'whole', bytes: message.buffer, length: received }
  }

  /**
   * Called every `PROGRESS_MS`; returns whether messages have credit and no chunk came for too
   * long: one check, if others wait for their memory.
   */
  isStalled(areOthersWaiting: boolean): boolean {
    const isAwaited = [...this.#messages.values()].some(({ granted }) => granted > 0)
    this.#idleChecks = isAwaited ? this.#idleChecks + 1 : 0
    return this.#idleChecks > (areOthersWaiting ? 1 : IDLE_CHECKS_MAX)
  }

  clear(): void {
    this.#messages.clear()
  }

  /** Grants credit again when half of it is used, so that the sender does not stop. */
  #grantMore(message: Incoming): void {
    const { received, granted, length, callId, kind } = message
    if (granted - received > CREDIT_BYTES_MAX / 2) return
    const bytes = Math.min(received + CREDIT_BYTES_MAX, length) - granted
    if (bytes <= 0) return
    message.granted += bytes
    this.#grant(callId, kind >= REPLY, bytes)
  }
}

/** Appends the frame's body. */
function keep(message: Incoming, { bytes, start, length }: Frame): void {
  const before = message.received
  message.received += length
  if (before === 0) message.buffer = new Uint8Array(message.length)
  message.buffer.set(bytes.subarray(start, start + length), before)
}

function broken(code: ErrorCode, sentence: string): ChunkOutcome {
  return { kind: 'broken', code, sentence }
}
