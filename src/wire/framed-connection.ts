/**
 * One connection as frames: what the handshake and the session have in common.
 *
 * A line gathers what is sent in a turn, holds back or cuts off a reader that is too slow, gives up
 * on a frame that does not go on, says goodbye, and tells its end once. It knows nothing of calls.
 *
 * Why not: let both sides stop reading while their own bytes wait. Each would wait for the other
 * for ever. Only the side that accepted pauses; the side that connected always reads.
 */
import { type ErrorCode, OperatingError } from '../base/errors.ts'
import {
  GOODBYE_MS_MAX,
  OUTGOING_BYTES_PAUSE,
  OUTGOING_BYTES_PER_CONNECTION_MAX,
  PROGRESS_BYTES_MIN,
  PROGRESS_MS,
} from '../limits.ts'
import type { Timer } from '../world/clock.ts'
import { addressLabel, type Address, type Connection } from '../world/network.ts'
import type { World } from '../world/world.ts'
import { type Body, encodeControl } from './convert.ts'
import { type Frame, FrameReader } from './frame.ts'
import { FrameWriter } from './frame-writer.ts'
import { CONTROL_KINDS, FLAG_MORE } from './message/session.ts'

/** What the wire asks of the world. */
export type WireWorld = Pick<World, 'clock' | 'entropy' | 'trace'>

export type Side = 'connector' | 'acceptor'

/** Who listens to a line: the handshake first, then the session. */
export interface FrameEvents {
  /** The frame is the reader's own object: nothing of it but the body may be kept. */
  onFrame(frame: Frame): void
  /** Written bytes have left, or credit may have come: more can be sent. */
  onRoom(): void
  /**
   * Some `PROGRESS_MS` have passed. Returns whether to look again; throws nothing, but may end the
   * line.
   */
  onProgressCheck(): boolean
  /** Once, nothing after it, and never within a call. */
  onEnd(reason: OperatingError): void
}

const SENTENCES: Readonly<Partial<Record<ErrorCode, string>>> = {
  'frame-magic': 'these bytes are no frame: does this port speak the protocol you speak?',
  'frame-format': 'the frame is of another format: the formats spoken are in hello and welcome',
  'frame-checksum': 'a frame arrived garbled: connect again; if it recurs, suspect the network',
  'frame-too-long': 'a frame is longer than may be sent at this point: send it in chunks',
  'frame-reserved': 'reserved bits of a frame are set: the sender is newer than the format agreed',
}

export class FramedConnection {
  readonly side: Side
  readonly world: WireWorld
  readonly #connection: Connection
  readonly #reader: FrameReader
  readonly #writer: FrameWriter
  #events: FrameEvents
  #isEnded = false
  #isFlushDue = false
  #isPaused = false
  readonly #flush: () => void
  /** Looks for standstill; armed only while something could stand still. */
  #watch: Timer | undefined
  /** Closes what was ended and does not close. */
  #farewell: Timer | undefined
  #bytesReceived = 0
  #bytesWritten = 0
  /** What was there when the watch was armed: frames and bytes read, bytes that had left. */
  #frameThen = 0
  #receivedThen = 0
  #wasHalfThen = false
  #leftThen = 0
  #wasSlowThen = false

  /** Requires: called in the turn in which the connection was handed out. */
  constructor(
    connection: Connection,
    side: Side,
    world: WireWorld,
    bodyBytesMax: number,
    events: FrameEvents,
  ) {
    this.side = side
    this.world = world
    this.#connection = connection
    this.#events = events
    this.#reader = new FrameReader(bodyBytesMax, (frame) => this.#onFrame(frame))
    this.#writer = new FrameWriter((bytes) => {
      this.#bytesWritten += bytes.length
      connection.write(bytes)
    })
    this.#flush = () => this.flush()
    connection.listen({
      onData: (chunk) => this.#onData(chunk),
      onDrain: () => this.#onDrain(),
      onClose: (error) => this.#onClose(error),
    })
  }

  get remote(): Address {
    return this.#connection.remote
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Bytes that wait here or in the connection. */
  get waitingBytes(): number {
    return this.#writer.gatheredBytes + this.#connection.unsentBytes
  }

  /** Bytes received so far. */
  get bytesReceived(): number {
    return this.#bytesReceived
  }

  /** Hands the line on: from the next frame on, bodies may be longer and others listen. */
  open(bodyBytesMax: number, events: FrameEvents): void {
    this.#reader.raiseBodyBytesMax(bodyBytesMax)
    this.#events = events
  }

  send(kind: number, callId: number, body: Body): void {
    this.sendPart(kind, 0, callId, body.bytes, 0, body.length)
  }

  /** Sends a frame whose body is a copy of bytes[start, start + length). */
  sendPart(
    kind: number,
    flags: number,
    callId: number,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): void {
    if (this.#isEnded) return
    this.#writer.add(kind, flags, callId, bytes, start, length)
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    this.world.clock.soon(this.#flush)
  }

  /** Writes what was gathered without waiting for the end of the turn. */
  flush(): void {
    this.#isFlushDue = false
    if (this.#isEnded) return
    this.#writer.flush()
    const unsent = this.#connection.unsentBytes
    if (unsent > OUTGOING_BYTES_PER_CONNECTION_MAX) {
      this.cutSlowReader(unsent)
    } else if (unsent > OUTGOING_BYTES_PAUSE) {
      if (this.side === 'acceptor' && !this.#isPaused) {
        this.#isPaused = true
        this.#connection.pause()
      }
      this.watch()
    }
  }

  /** Makes sure that `onProgressCheck` will be called. */
  watch(): void {
    if (this.#watch !== undefined || this.#isEnded) return
    this.#rememberProgress()
    this.#watch = this.world.clock.after(PROGRESS_MS, () => this.#checkProgress())
  }

  /** Says goodbye, lets what was written leave, and ends. */
  end(reason: OperatingError): void {
    if (this.#isEnded) return
    const { code, message, certainty } = reason
    const body = encodeControl('goodbye', { code, message, certainty })
    this.#writer.add(CONTROL_KINDS.goodbye, 0, 0, body.bytes, 0, body.length)
    this.#writer.flush()
    this.#connection.end()
    // The only way to be rid of one who never reads.
    this.#farewell = this.world.clock.after(GOODBYE_MS_MAX, () => this.#connection.destroy())
    this.#over(reason)
  }

  /** The same where the stream can no longer be read. */
  breakOff(code: ErrorCode, sentence?: string): void {
    if (this.#isEnded) return
    this.world.trace.record('stream-broken', { remote: addressLabel(this.remote), code })
    this.end(new OperatingError(code, sentence ?? SENTENCES[code] ?? code))
  }

  /** Drops a connection whose other side takes too little: a goodbye would only wait as well. */
  cutSlowReader(waitingBytes: number): void {
    if (this.#isEnded) return
    this.world.trace.record('slow-reader-cut', { remote: addressLabel(this.remote), waitingBytes })
    this.drop(
      new OperatingError(
        'reader-too-slow',
        'the other side reads too slowly: its bytes were dropped',
      ),
    )
  }

  /** Closes at once, without a word. */
  drop(reason: OperatingError): void {
    if (this.#isEnded) return
    this.#connection.destroy()
    this.#over(reason)
  }

  #over(reason: OperatingError): void {
    this.#isEnded = true
    this.#reader.stop()
    this.#watch?.cancel()
    this.world.clock.soon(() => this.#events.onEnd(reason))
  }

  #onFrame(frame: Frame): void {
    if ((frame.flags & ~FLAG_MORE) !== 0) this.breakOff('frame-reserved')
    else this.#events.onFrame(frame)
  }

  #onData(chunk: Uint8Array): void {
    if (this.#isEnded) return
    this.#bytesReceived += chunk.length
    const fault = this.#reader.feed(chunk)
    if (fault !== undefined) this.breakOff(fault)
    else if (this.#reader.carriedBytes > 0) this.watch()
  }

  #onDrain(): void {
    if (this.#isEnded) return
    if (this.#isPaused) {
      this.#isPaused = false
      this.#connection.resume()
    }
    this.#events.onRoom()
  }

  #onClose(error: Error | undefined): void {
    this.#farewell?.cancel()
    if (this.#isEnded) return
    this.#isEnded = true
    this.#reader.stop()
    this.#watch?.cancel()
    const where = addressLabel(this.remote)
    const how = error === undefined ? 'was ended by the other side' : `broke: ${error.message}`
    this.#events.onEnd(
      new OperatingError('connection-lost', `the connection to ${where} ${how}`, { cause: error }),
    )
  }

  #rememberProgress(): void {
    this.#frameThen = this.#reader.framesRead
    this.#receivedThen = this.#bytesReceived
    this.#wasHalfThen = this.#reader.carriedBytes > 0
    this.#leftThen = this.#bytesWritten - this.#connection.unsentBytes
    this.#wasSlowThen = this.#connection.unsentBytes > OUTGOING_BYTES_PAUSE
  }

  #checkProgress(): void {
    this.#watch = undefined
    const isHalf = this.#reader.carriedBytes > 0
    const received = this.#bytesReceived - this.#receivedThen
    const isSameFrame = this.#wasHalfThen && this.#reader.framesRead === this.#frameThen
    if (isHalf && isSameFrame && received < PROGRESS_BYTES_MIN && !this.#isPaused) {
      this.breakOff('frame-late', 'a frame was begun and did not go on: send frames whole')
      return
    }
    const unsent = this.#connection.unsentBytes
    const isSlow = unsent > OUTGOING_BYTES_PAUSE
    const left = this.#bytesWritten - unsent - this.#leftThen
    if (isSlow && this.#wasSlowThen && left < PROGRESS_BYTES_MIN) {
      this.cutSlowReader(unsent)
      return
    }
    const isWatched = this.#events.onProgressCheck()
    if (isHalf || isSlow || isWatched) this.watch()
  }
}
