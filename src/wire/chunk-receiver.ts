/**
 * Received chunks: joins them to messages and grants credit for more.
 *
 * Invariant: memory follows bytes received. A message's buffer is at most twice as long as its
 * received bytes; all messages together hold at most `INCOMING_BYTES_PER_CONNECTION_MAX` of them.
 *
 * A message that is too long, or finds too many partly received ones, is refused at once. Its other
 * chunks are dropped, and still granted credit, because a sender cannot end a message early. A
 * sender that exceeds its credit loses the connection.
 */
import { EMPTY_BYTES } from '../base/bytes.ts'
import type { ErrorCode } from '../base/errors.ts'
import {
  CALLS_PER_CONNECTION_MAX,
  CREDIT_BYTES_MAX,
  INCOMING_BYTES_PER_CONNECTION_MAX,
  MESSAGE_BYTES_MAX,
  MESSAGE_STALL_MS_MAX,
  PROGRESS_MS,
} from '../limits.ts'
import { chunkKey } from './chunk-sender.ts'
import type { Frame } from './frame.ts'
import { FLAG_MORE } from './message/session.ts'

/** A partly received message. */
interface Incoming {
  readonly kind: number
  buffer: Uint8Array
  received: number
  /** Bytes that its sender was allowed to send so far. */
  granted: number
  /** Refused or not wanted: its chunks are dropped. */
  isDropped: boolean
  /** Checks of progress since the last chunk came. */
  idleChecks: number
}

/** The result of adding a chunk. */
export type ChunkOutcome =
  /** More chunks follow, or a dropped message has ended. */
  | { readonly kind: 'nothing' }
  /** The message is whole. */
  | { readonly kind: 'whole'; readonly bytes: Uint8Array; readonly length: number }
  /** The message is refused; returned once for a message. */
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly sentence: string }
  /** The sender breaks the protocol: end the connection. */
  | { readonly kind: 'broken'; readonly code: ErrorCode; readonly sentence: string }

const NOTHING: ChunkOutcome = { kind: 'nothing' }
const TOO_LONG: ChunkOutcome = {
  kind: 'refused',
  code: 'message-too-long',
  sentence: `a message has at most ${MESSAGE_BYTES_MAX} bytes in all its chunks: send less at once`,
}
const TOO_MUCH: ChunkOutcome = {
  kind: 'refused',
  code: 'overloaded',
  sentence: 'too many partly received messages on this connection: try again later',
}
const IDLE_CHECKS_MAX: number = MESSAGE_STALL_MS_MAX / PROGRESS_MS

export class ChunkReceiver {
  readonly #grant: (callId: number, isAnswer: boolean, bytes: number) => void
  readonly #messages = new Map<number, Incoming>()
  #heldBytes = 0

  /** `grant` sends credit to the other side. */
  constructor(grant: (callId: number, isAnswer: boolean, bytes: number) => void) {
    this.#grant = grant
  }

  /** Partly received messages. */
  get count(): number {
    return this.#messages.size
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Whether the frame is a whole message by itself, as nearly all are. */
  isWhole(frame: Frame, isAnswer: boolean): boolean {
    if ((frame.flags & FLAG_MORE) !== 0) return false
    return this.#messages.size === 0 || !this.#messages.has(chunkKey(frame.callId, isAnswer))
  }

  /** Takes a frame that is not a whole message. If it is not wanted, its chunks are dropped. */
  add(frame: Frame, isAnswer: boolean, isWanted: boolean): ChunkOutcome {
    const key = chunkKey(frame.callId, isAnswer)
    let message = this.#messages.get(key)
    if (message === undefined) {
      // Each side has at most so many calls in flight, and each call two messages.
      if (this.#messages.size >= 2 * CALLS_PER_CONNECTION_MAX) {
        return broken(
          'overloaded',
          'more messages were begun than calls may be in flight: end some first',
        )
      }
      message = newMessage(frame.kind, isWanted)
      this.#messages.set(key, message)
    } else if (message.kind !== frame.kind) {
      return broken('message-garbled', 'two chunks of one message have different kinds')
    }
    message.received += frame.length
    message.idleChecks = 0
    if (message.received > message.granted) {
      return broken('credit-overrun', 'the chunks of a message exceed its credit: wait for credit')
    }
    const isLast = (frame.flags & FLAG_MORE) === 0
    const refusal = message.isDropped ? undefined : this.#keep(message, frame)
    if (isLast) {
      this.#messages.delete(key)
      if (!message.isDropped) this.#heldBytes -= message.received
    } else {
      this.#grantMore(message, frame.callId, isAnswer)
    }
    if (refusal !== undefined) return refusal
    if (!isLast || message.isDropped) return NOTHING
    return { kind: 'whole', bytes: message.buffer, length: message.received }
  }

  /** Called every `PROGRESS_MS`; returns whether a message made no progress for too long. */
  isStalled(): boolean {
    for (const message of this.#messages.values()) {
      message.idleChecks += 1
      if (message.idleChecks > IDLE_CHECKS_MAX) return true
    }
    return false
  }

  clear(): void {
    this.#messages.clear()
    this.#heldBytes = 0
  }

  /** Appends the frame's body, or drops the message and returns why. */
  #keep(message: Incoming, frame: Frame): ChunkOutcome | undefined {
    const before = message.received - frame.length
    const isTooLong = message.received > MESSAGE_BYTES_MAX
    // A new message may use only half of the room, so that those begun before it can end.
    const room = INCOMING_BYTES_PER_CONNECTION_MAX / (before === 0 ? 2 : 1)
    if (isTooLong || this.#heldBytes + frame.length > room) {
      this.#heldBytes -= before
      message.buffer = EMPTY_BYTES
      message.isDropped = true
      return isTooLong ? TOO_LONG : TOO_MUCH
    }
    this.#heldBytes += frame.length
    if (message.received > message.buffer.length) {
      const grown = new Uint8Array(Math.min(2 * message.received, MESSAGE_BYTES_MAX))
      grown.set(message.buffer.subarray(0, before))
      message.buffer = grown
    }
    const { bytes, start, length } = frame
    message.buffer.set(bytes.subarray(start, start + length), before)
    return undefined
  }

  /** Grants credit again when half of it is used, so that the sender does not stop. */
  #grantMore(message: Incoming, callId: number, isAnswer: boolean): void {
    const left = message.granted - message.received
    if (left > CREDIT_BYTES_MAX / 2) return
    const bytes = CREDIT_BYTES_MAX - left
    message.granted += bytes
    this.#grant(callId, isAnswer, bytes)
  }
}

function newMessage(kind: number, isWanted: boolean): Incoming {
  return {
    kind,
    buffer: EMPTY_BYTES,
    received: 0,
    granted: CREDIT_BYTES_MAX,
    isDropped: !isWanted,
    idleChecks: 0,
  }
}

function broken(code: ErrorCode, sentence: string): ChunkOutcome {
  return { kind: 'broken', code, sentence }
}
