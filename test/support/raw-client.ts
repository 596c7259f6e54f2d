/**
 * A socket to a real node that sends any bytes and reads the frames of the answers.
 *
 * For tests that break the protocol; tests that keep it use `node-session.ts`.
 */
import { connect, type Socket } from 'node:net'
import { errorCodeOf } from '../../src/base/errors.ts'
import {
  FRAME_HEADER_BYTES,
  FRAME_TRAILER_BYTES,
  writeFrame,
} from '../../src/native/frame-scanner.ts'
import { FRAME_BODY_BYTES_MAX } from '../../src/limits.ts'
import { everwrite as pb } from '../../src/wire/generated/messages.js'
import { FrameReader } from '../../src/wire/frame.ts'
import { CONTROL_KINDS, FAILURE_KIND, FLAG_MORE, FORMAT } from '../../src/wire/message/session.ts'
import type { Address } from '../../src/world/network.ts'

/** A received frame, with a copy of its body. */
export interface GotFrame {
  readonly kind: number
  readonly callId: number
  readonly body: Uint8Array
}

const ANSWER_MS_MAX = 30_000

export function frame(
  kind: number,
  callId: number,
  body: Uint8Array = new Uint8Array(0),
  flags = 0,
): Buffer {
  const bytes = Buffer.alloc(FRAME_HEADER_BYTES + body.length + FRAME_TRAILER_BYTES)
  bytes.set(body, FRAME_HEADER_BYTES)
  writeFrame(bytes, 0, kind, flags, callId, body.length)
  return bytes
}

const NONCE = new Uint8Array(16).fill(5)

/** The first frame of a client's connection, with the fields of `change`. */
export function helloFrame(change: pb.Hello.$Properties = {}, flags = 0, callId = 0): Buffer {
  const formats = { formatMin: FORMAT, formatMax: FORMAT }
  const hello = { ...formats, role: pb.Role.CLIENT, nonce: NONCE, ...change }
  return frame(CONTROL_KINDS.hello, callId, pb.Hello.encode(hello).finish(), flags)
}

/** Announces a message of `bytes` bytes in chunks. */
export function lengthFrame(kind: number, callId: number, bytes: number): Buffer {
  return frame(CONTROL_KINDS.length, callId, pb.Length.encode({ kind, bytes }).finish())
}

/** A frame in one word: the code of a failure or goodbye, 'ready' or 'answered'. */
export function wordOf({ kind, body }: GotFrame): string {
  if (kind === CONTROL_KINDS.goodbye) return errorCodeOf(pb.Goodbye.decode(body).code)
  if (kind === FAILURE_KIND) return errorCodeOf(pb.Failure.decode(body).code)
  return kind === CONTROL_KINDS.ready ? 'ready' : 'answered'
}

export class RawClient {
  readonly socket: Socket
  readonly #frames: GotFrame[] = []
  #isClosed = false
  #wake: (() => void) | undefined

  private constructor(socket: Socket) {
    this.socket = socket
    const reader = new FrameReader(2 ** 24, ({ kind, callId, bytes, start, length }) => {
      this.#frames.push({ kind, callId, body: bytes.slice(start, start + length) })
    })
    socket.on('data', (chunk: Buffer) => {
      reader.feed(chunk)
      this.#wake?.()
    })
    // A reset counts as an end: 'close' follows.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#isClosed = true
      this.#wake?.()
    })
  }

  static connect(address: Address): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ ...address, noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new RawClient(socket))
      })
    })
  }

  /** A client after its handshake. */
  static async greeted(address: Address): Promise<RawClient> {
    const client = await RawClient.connect(address)
    client.send(helloFrame())
    await client.until((got) => got.kind === CONTROL_KINDS.ready)
    return client
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  send(bytes: Uint8Array): void {
    if (!this.#isClosed) this.socket.write(bytes)
  }

  /** The frames received since the last call. */
  take(): GotFrame[] {
    return this.#frames.splice(0)
  }

  /** The next frame that `isWanted`; undefined if the connection ends or time is up. */
  async until(
    isWanted: (got: GotFrame) => boolean,
    limitMs = ANSWER_MS_MAX,
  ): Promise<GotFrame | undefined> {
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      this.#wake?.()
    }, limitMs)
    try {
      for (;;) {
        const at = this.#frames.findIndex(isWanted)
        if (at !== -1) return this.#frames.splice(0, at + 1).at(-1)
        if (this.#isClosed || isLate) return undefined
        await new Promise<void>((resolve) => (this.#wake = resolve))
      }
    } finally {
      clearTimeout(timer)
    }
  }

  /** The answer to call `callId`, or the goodbye, in one word. */
  async word(callId: number): Promise<string> {
    const isTold = (got: GotFrame): boolean =>
      got.kind === CONTROL_KINDS.goodbye || (got.callId === callId && got.kind >= 64)
    const got = await this.until(isTold)
    return got === undefined ? 'closed without a goodbye' : wordOf(got)
  }

  /** Announces a request of any length, and sends it in chunks within its credit. */
  async sendLong(kind: number, callId: number, body: Uint8Array): Promise<void> {
    this.send(lengthFrame(kind, callId, body.length))
    let credit = 0
    for (let at = 0; at < body.length; at += FRAME_BODY_BYTES_MAX) {
      const end = Math.min(at + FRAME_BODY_BYTES_MAX, body.length)
      while (credit < end - at) {
        const got = await this.until((one) => one.kind === CONTROL_KINDS.credit)
        if (got === undefined) return
        credit += pb.Credit.decode(got.body).bytes
      }
      credit -= end - at
      const flags = end < body.length ? FLAG_MORE : 0
      this.send(frame(kind, callId, body.subarray(at, end), flags))
      if (this.socket.writableNeedDrain) await this.#drained()
    }
  }

  close(): void {
    this.socket.destroy()
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      this.socket.once('drain', resolve)
      this.socket.once('close', resolve)
    })
  }
}
