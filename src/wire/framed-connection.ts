/**
 * A connection that sends and receives frames; the handshake and the session use it in turn.
 *
 * It gathers the frames of a turn into one write, stops reading from or drops a slow reader, ends a
 * connection on which a frame stops half-way, sends the goodbye, and reports its end once. It does
 * not know of calls.
 *
 * Why not: let both sides stop reading while their own bytes wait. Each would wait for the other
 * for ever. Only the side that accepted pauses; the side that connected always reads.
 */
import { type ErrorCode, OperatingError } from '../base/errors.ts'
import { GOODBYE_MS_MAX, OUTGOING_BYTES_PAUSE, PROGRESS_BYTES_MIN, PROGRESS_MS } from '../limits.ts'
import type { Timer } from '../world/clock.ts'
import { addressLabel, type Address, type Connection } from '../world/network.ts'
import type { World } from '../world/world.ts'
import { type Body, encodeControl } from './convert.ts'
import { type Frame, FrameReader } from './frame.ts'
import { FrameWriter } from './frame-writer.ts'
import { CONTROL_KINDS, FLAG_MORE } from './message/session.ts'

/** The parts of the world that the wire uses. */
export type WireWorld = Pick<World, 'clock' | 'entropy' | 'trace'>

export type Side = 'connector' | 'acceptor'

/** Callbacks of a framed connection: the handshake's first, then the session's. */
export interface FrameEvents {
  /** The frame object is reused for the next frame; only its body may be kept. */
  onFrame(frame: Frame): void
  /** The system has taken `left` of all bytes sent so far; called at the end of each turn too. */
  onLeft(left: number): void
  /**
   * `PROGRESS_MS` have passed since the last check. Returns whether to check again; may end the
   * connection.
   */
  onProgressCheck(): boolean
  /** The connection has ended: called once, last, and never within a method of this class. */
  onEnd(reason: OperatingError): void
}

const SENTENCES: Readonly<Partial<Record<ErrorCode, string>>> = {
  'frame-magic': 'the bytes are no frame: check that both sides speak this protocol on this port',
  'frame-format': 'the frame has another format than 1: upgrade the older side',
  'frame-checksum': 'a frame has a wrong checksum: connect again; if it recurs, check the network',
  'frame-too-long': 'a frame is longer than is allowed at this point: send the message in chunks',
  'frame-reserved': 'reserved bits of a frame are set: send zero',
}

export class FramedConnection {
  readonly side: Side
  readonly world: WireWorld
  /** The highest call of the other side that was taken: told in the goodbye. */
  lastTaken: () => number = () => 0
  readonly #connection: Connection
  readonly #reader: FrameReader
  readonly #writer: FrameWriter
  #events: FrameEvents
  #isEnded = false
  #isFlushDue = false
  #isPaused = false
  readonly #flush: () => void
  /** Runs only while a half frame or unsent bytes must make progress. */
  #progressTimer: Timer | undefined
  /** Closes a connection that was ended and does not close by itself. */
  #closeTimer: Timer | undefined
  #bytesReceived = 0
  #bytesWritten = 0
  /** When the chunk came that is being read, and the first bytes of the frame. */
  #chunkMs = 0
  #arrivedMs = 0
  /** The counts at the last check of progress. */
  #frameThen = 0
  #receivedThen = 0
  #wasHalfThen = false

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
      onSent: () => this.#onSent(),
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

  /** Bytes sent so far, those that wait for the end of the turn left out. */
  get bytesSent(): number {
    return this.#bytesWritten
  }

  /** Bytes that the system has taken so far. */
  get bytesLeft(): number {
    return this.#bytesWritten - this.#connection.unsentBytes
  }

  /** Bytes received so far. */
  get bytesReceived(): number {
    return this.#bytesReceived
  }

  /** When the first bytes of the frame that is being handled came: an instant of the clock. */
  get arrivedMs(): number {
    return this.#arrivedMs
  }

  /** After the handshake: bodies may be longer from the next frame on, and `events` are called. */
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

  /** Writes the gathered frames without waiting for the end of the turn. */
  flush(): void {
    this.#isFlushDue = false
    if (this.#isEnded) return
    this.#writer.flush()
    const unsent = this.#connection.unsentBytes
    if (unsent > 0) this.watch()
    if (unsent > OUTGOING_BYTES_PAUSE && this.side === 'acceptor' && !this.#isPaused) {
      this.#isPaused = true
      this.#connection.pause()
    }
    this.#events.onLeft(this.#bytesWritten - unsent)
  }

  /** Starts checks of progress, unless they run already. */
  watch(): void {
    if (this.#progressTimer !== undefined || this.#isEnded) return
    this.#rememberProgress()
    this.#progressTimer = this.world.clock.after(PROGRESS_MS, () => this.#checkProgress())
  }

  /** Sends a goodbye after the bytes that wait, and ends. */
  end(reason: OperatingError): void {
    if (this.#isEnded) return
    const { code, message, certainty } = reason
    const lastTaken = this.lastTaken()
    const body = encodeControl('goodbye', { code, message, certainty, lastTaken })
    this.#writer.add(CONTROL_KINDS.goodbye, 0, 0, body.bytes, 0, body.length)
    this.#writer.flush()
    this.#connection.end()
    // A side that never reads never closes.
    this.#closeTimer = this.world.clock.after(GOODBYE_MS_MAX, () => this.#connection.destroy())
    this.#finish(reason)
  }

  /** Ends a connection whose stream cannot be read further. */
  breakOff(code: ErrorCode, sentence?: string): void {
    if (this.#isEnded) return
    this.world.trace.record('stream-broken', { remote: addressLabel(this.remote), code })
    this.end(new OperatingError(code, sentence ?? SENTENCES[code] ?? code))
  }

  /** Drops a connection whose other side reads too slowly; a goodbye would not leave either. */
  cutSlowReader(waitingBytes: number): void {
    if (this.#isEnded) return
    this.world.trace.record('slow-reader-cut', { remote: addressLabel(this.remote), waitingBytes })
    this.drop(
      new OperatingError(
        'reader-too-slow',
        'the other side reads too slowly: the bytes that waited for it were dropped',
      ),
    )
  }

  /** Closes at once, without a goodbye. */
  drop(reason: OperatingError): void {
    if (this.#isEnded) return
    this.#connection.destroy()
    this.#finish(reason)
  }

  #finish(reason: OperatingError): void {
    this.#isEnded = true
    this.#reader.stop()
    this.#progressTimer?.cancel()
    this.world.clock.soon(() => this.#events.onEnd(reason))
  }

  #onFrame(frame: Frame): void {
    if ((frame.flags & ~FLAG_MORE) !== 0) this.breakOff('frame-reserved')
    else this.#events.onFrame(frame)
    this.#arrivedMs = this.#chunkMs
  }

  #onData(chunk: Uint8Array): void {
    if (this.#isEnded) return
    this.#bytesReceived += chunk.length
    this.#chunkMs = this.world.clock.now()
    if (this.#reader.carriedBytes === 0) this.#arrivedMs = this.#chunkMs
    const fault = this.#reader.feed(chunk)
    if (fault !== undefined) this.breakOff(fault)
    else if (this.#reader.carriedBytes > 0) this.watch()
  }

  #onSent(): void {
    if (this.#isEnded) return
    if (this.#isPaused && this.#connection.unsentBytes <= OUTGOING_BYTES_PAUSE / 2) {
      this.#isPaused = false
      this.#connection.resume()
    }
    this.#events.onLeft(this.bytesLeft)
  }

  #onClose(error: Error | undefined): void {
    this.#closeTimer?.cancel()
    if (this.#isEnded) return
    this.#isEnded = true
    this.#reader.stop()
    this.#progressTimer?.cancel()
    const where = addressLabel(this.remote)
    const how = error === undefined ? 'was closed by the other side' : `broke: ${error.message}`
    this.#events.onEnd(
      new OperatingError('connection-lost', `the connection to ${where} ${how}`, { cause: error }),
    )
  }

  #rememberProgress(): void {
    this.#frameThen = this.#reader.framesRead
    this.#receivedThen = this.#bytesReceived
    this.#wasHalfThen = this.#reader.carriedBytes > 0
  }

  #checkProgress(): void {
    this.#progressTimer = undefined
    const isHalf = this.#reader.carriedBytes > 0
    const received = this.#bytesReceived - this.#receivedThen
    const isSameFrame = this.#wasHalfThen && this.#reader.framesRead === this.#frameThen
    if (isHalf && isSameFrame && received < PROGRESS_BYTES_MIN && !this.#isPaused) {
      this.breakOff('frame-late', 'the rest of a frame did not come in time: send frames whole')
      return
    }
    const isWatched = this.#events.onProgressCheck()
    if (isHalf || isWatched) this.watch()
  }
}
