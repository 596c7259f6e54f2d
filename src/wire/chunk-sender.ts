/**
 * Sends messages: short ones in one frame at once, longer ones in chunks as the receiver allows.
 *
 * A long message is announced by its length; its receiver answers with credit, as soon as it has
 * memory for it. Messages in chunks take turns, one chunk each, and no chunk is sent while
 * `WINDOW_BYTES` wait in the connection: a short answer never waits behind more than that.
 *
 * Invariant: a message that was begun is sent to its end, unless either side cancels it. The
 * receiver could read half a message as a whole one, because protobuf bytes cut after any field are
 * a valid message.
 */
import type { OperatingError } from '../base/errors.ts'
import {
  FRAME_BODY_BYTES_MAX,
  MESSAGE_STALL_MS_MAX,
  OUTGOING_BYTES_PER_CONNECTION_MAX,
  PROGRESS_MS,
} from '../limits.ts'
import { type Body, encodeControl } from './convert.ts'
import type { FramedConnection } from './framed-connection.ts'
import { CONTROL_KINDS, FAILURE_KIND, FLAG_MORE, REPLY } from './message/session.ts'

/** What made a message, and has memory for it. */
export interface Sender {
  /** The connection has taken all of it, or it was given up. */
  onSent(): void
}

/** A message that is not wholly sent. */
interface Outgoing {
  readonly kind: number
  readonly callId: number
  readonly parts: readonly Uint8Array[]
  readonly length: number
  readonly sender: Sender
  sent: number
  /** The part from which the next chunk comes, and the bytes of it that were sent. */
  part: number
  partSent: number
  /** Bytes that may be sent before the receiver grants more. */
  credit: number
  isReady: boolean
}

/** A failure as it was encoded. */
interface Failed {
  readonly error: OperatingError
  readonly ring: number | undefined
  readonly body: Body
}

/** No further chunk is sent while so many bytes wait in the connection. */
const WINDOW_BYTES: number = 8 * FRAME_BODY_BYTES_MAX
const IDLE_CHECKS_MAX: number = MESSAGE_STALL_MS_MAX / PROGRESS_MS

/** The key of a message in chunks: a request and an answer may have the same call id. */
export function chunkKey(callId: number, isAnswer: boolean): number {
  return 2 * callId + (isAnswer ? 1 : 0)
}

export class ChunkSender {
  readonly #connection: FramedConnection
  readonly #ring: (() => number) | undefined
  readonly #messages = new Map<number, Outgoing>()
  /** The last failure that was sent. */
  #failed: Failed | undefined
  /** Messages with credit, in turn. */
  #ready: Outgoing[] = []
  /** Bytes of messages in chunks that were not sent yet. */
  #heldBytes = 0
  #idleChecks = 0
  /** Bytes of chunks that the connection has taken so far. */
  #chunkBytes = 0
  /** The counts at the last check of progress; undefined: no message has been checked. */
  #chunkBytesThen: number | undefined
  #leftThen = 0

  /** `ring`: told in failures. */
  constructor(connection: FramedConnection, ring?: () => number) {
    this.#connection = connection
    this.#ring = ring
  }

  /** Bytes that wait, here and in the connection. */
  get waitingBytes(): number {
    return this.#heldBytes + this.#connection.waitingBytes
  }

  /** Whether so many bytes wait that no new call should be begun. */
  get isFull(): boolean {
    return this.waitingBytes >= OUTGOING_BYTES_PER_CONNECTION_MAX
  }

  /**
   * Sends a request, or an answer (kinds of 64 and above). Its sender hears when it is sent: within
   * this method if it is short.
   */
  send(kind: number, callId: number, body: Body, sender: Sender): void {
    if (body.length <= FRAME_BODY_BYTES_MAX || this.#connection.isEnded) {
      this.#connection.send(kind, callId, body)
      sender.onSent()
      return
    }
    const { bytes, length, parts = [bytes.subarray(0, length)] } = body
    if (this.#messages.size === 0) this.#chunkBytesThen = undefined
    this.#messages.set(chunkKey(callId, kind >= REPLY), {
      kind,
      callId,
      parts,
      length,
      sender,
      sent: 0,
      part: 0,
      partSent: 0,
      credit: 0,
      isReady: false,
    })
    this.#heldBytes += length
    this.#connection.send(
      CONTROL_KINDS.length,
      callId,
      encodeControl('length', { kind, bytes: length }),
    )
    this.#connection.watch()
  }

  /** Answers an incoming call with an error. An overloaded node sends one again and again. */
  fail(callId: number, error: OperatingError): void {
    const ring = this.#ring?.()
    if (this.#failed?.error !== error || this.#failed.ring !== ring) {
      const { bytes, length, parts } = encodeControl('failure', error, ring)
      this.#failed = { error, ring, body: { bytes: bytes.slice(0, length), length, parts } }
    }
    this.#connection.send(FAILURE_KIND, callId, this.#failed.body)
  }

  /** Adds credit to a message; credit for a message that has ended is ignored. */
  grant(callId: number, isAnswer: boolean, bytes: number): void {
    const message = this.#messages.get(chunkKey(callId, isAnswer))
    if (message === undefined) return
    message.credit += bytes
    if (!message.isReady && message.credit > 0) {
      message.isReady = true
      this.#ready.push(message)
    }
    this.pump()
  }

  /** Gives up a message that is not wholly sent; false if there is none. */
  giveUp(callId: number, isAnswer: boolean): boolean {
    const key = chunkKey(callId, isAnswer)
    const message = this.#messages.get(key)
    if (message === undefined) return false
    this.#messages.delete(key)
    this.#heldBytes -= message.length - message.sent
    if (message.isReady) this.#ready = this.#ready.filter((ready) => ready !== message)
    message.sender.onSent()
    return true
  }

  /** Sends chunks as far as credit and the window allow. */
  pump(): void {
    while (this.#connection.waitingBytes < WINDOW_BYTES && !this.#connection.isEnded) {
      const message = this.#ready.shift()
      if (message === undefined) return
      this.#sendChunk(message)
    }
  }

  /**
   * Called every `PROGRESS_MS`; 'stalled' if for `MESSAGE_STALL_MS_MAX` no message moved, although
   * the system took no byte or the receiver gave no credit; after one check if others wait. What
   * else the system takes, pings and short answers, is no progress of messages without credit.
   */
  checkProgress(areOthersWaiting: boolean): 'idle' | 'moving' | 'stalled' {
    const { bytesLeft, waitingBytes } = this.#connection
    const hasLeft = waitingBytes > 0 && bytesLeft !== this.#leftThen
    const isMoving = hasLeft || this.#chunkBytes !== this.#chunkBytesThen
    this.#leftThen = bytesLeft
    this.#chunkBytesThen = this.#chunkBytes
    this.#idleChecks = isMoving ? 0 : this.#idleChecks + 1
    if (this.waitingBytes === 0) {
      this.#idleChecks = 0
      return 'idle'
    }
    return this.#idleChecks > (areOthersWaiting ? 0 : IDLE_CHECKS_MAX) ? 'stalled' : 'moving'
  }

  #sendChunk(message: Outgoing): void {
    const { kind, callId, length, sent, partSent, credit } = message
    const part = message.parts[message.part] as Uint8Array
    const chunk = Math.min(FRAME_BODY_BYTES_MAX, part.length - partSent, credit)
    const isLast = sent + chunk === length
    this.#connection.sendPart(kind, isLast ? 0 : FLAG_MORE, callId, part, partSent, chunk)
    message.sent += chunk
    message.partSent += chunk
    if (message.partSent === part.length) {
      message.part += 1
      message.partSent = 0
    }
    message.credit -= chunk
    this.#heldBytes -= chunk
    this.#chunkBytes += chunk
    if (isLast) {
      this.#messages.delete(chunkKey(callId, kind >= REPLY))
      message.sender.onSent()
      return
    }
    message.isReady = message.credit > 0
    if (message.isReady) this.#ready.push(message)
  }
}
