/**
 * Gets and puts over one connection, with as little work for each as can be.
 *
 * The generator shares its core with nothing, and must still offer three times of what three nodes
 * can do: so it sends frames itself and reads of an answer only its kind and what the next put
 * needs.
 */
import { hostWorld } from '../../../src/host/world.ts'
import { CALLS_PER_CONNECTION_MAX, FRAME_BODY_BYTES_MAX } from '../../../src/limits.ts'
import { type ErrorCode, errorCodeOf } from '../../../src/base/errors.ts'
import { type Body, decodeReply, encodeControl } from '../../../src/wire/convert.ts'
import { type Frame, FrameReader } from '../../../src/wire/frame.ts'
import { FrameWriter } from '../../../src/wire/frame-writer.ts'
import { CONTROL_KINDS, FAILURE_KIND, REPLY } from '../../../src/wire/message/session.ts'
import { REQUEST_KINDS } from '../../../src/wire/message/table.ts'
import { OWN_SETTINGS } from '../../../src/wire/settings.ts'
import type { Address, Connection } from '../../../src/world/network.ts'

const CONNECT_MS_MAX = 5_000
/** Field 1 of Failure, a varint: its code, always below 128. */
const CODE_TAG = 1 << 3
const PUT_REPLY: number = REQUEST_KINDS.put + REPLY
const NONCE = new Uint8Array(16).fill(1)

/** How a call ended: with a code, or with a result; that of a put has a context. */
export type OnEnd = (failure: ErrorCode | undefined, context: Uint8Array | undefined) => void

export class RawCalls {
  readonly #connection: Connection
  readonly #writer: FrameWriter
  readonly #calls = new Map<number, OnEnd>()
  #callId = 0
  #isFlushDue = false
  #onReady: () => void = () => undefined

  private constructor(connection: Connection) {
    this.#connection = connection
    this.#writer = new FrameWriter((bytes) => connection.write(bytes))
    const reader = new FrameReader(FRAME_BODY_BYTES_MAX, (frame) => this.#onFrame(frame))
    connection.listen({
      onData: (chunk) => void reader.feed(chunk),
      onSent: () => undefined,
      onClose: () => this.#onClose(),
    })
  }

  static async connect(address: Address): Promise<RawCalls> {
    const { network } = hostWorld({ traceLevel: 'silent' })
    const calls = new RawCalls(await network.connect(address, CONNECT_MS_MAX))
    const ready = new Promise<void>((resolve) => {
      calls.#onReady = resolve
    })
    const hello = { formatMin: 1, formatMax: 1, role: 'client', nonce: NONCE, cluster: '' } as const
    const told = { settings: OWN_SETTINGS, version: '', invitation: new Uint8Array(0), keys: [] }
    const body = encodeControl('hello', { ...hello, ...told })
    calls.#send(CONTROL_KINDS.hello, 0, body)
    await ready
    return calls
  }

  get inFlight(): number {
    return this.#calls.size
  }

  /** Whether a node would refuse one more call for the sake of this connection alone. */
  get isFull(): boolean {
    return this.#calls.size >= CALLS_PER_CONNECTION_MAX
  }

  call(kind: 'get' | 'put', body: Body, onEnd: OnEnd): void {
    this.#callId += 1
    this.#calls.set(this.#callId, onEnd)
    this.#send(REQUEST_KINDS[kind], this.#callId, body)
  }

  close(): void {
    this.#connection.destroy()
  }

  #send(kind: number, callId: number, { bytes, length }: Body): void {
    this.#writer.add(kind, 0, callId, bytes, 0, length)
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    setImmediate(() => {
      this.#isFlushDue = false
      this.#writer.flush()
    })
  }

  #onFrame({ kind, callId, bytes, start, length }: Frame): void {
    if (kind === CONTROL_KINDS.ready) this.#onReady()
    const onEnd = this.#calls.get(callId)
    if (onEnd === undefined) return
    this.#calls.delete(callId)
    if (kind === FAILURE_KIND) onEnd(codeIn(bytes, start), undefined)
    else if (kind !== PUT_REPLY) onEnd(undefined, undefined)
    else onEnd(undefined, decodeReply('put', bytes, start, length).context.slice())
  }

  #onClose(): void {
    const calls = [...this.#calls.values()]
    this.#calls.clear()
    for (const onEnd of calls) onEnd('connection-lost', undefined)
  }
}

function codeIn(bytes: Uint8Array, start: number): ErrorCode {
  return bytes[start] === CODE_TAG ? errorCodeOf(bytes[start + 1] as number) : 'internal'
}
