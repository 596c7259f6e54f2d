/** Raw frames, for tests that send a session what no correct side sends. */
import { firstKeyAlone, identityOnly, WITHOUT_DATA } from '../../src/wire/handshake-steps.ts'
import { nodeId, type NodeId } from '../../src/dynamo/names.ts'
import {
  FRAME_HEADER_BYTES,
  FRAME_TRAILER_BYTES,
  writeFrame,
} from '../../src/native/frame-scanner.ts'
import type { Admission } from '../../src/wire/admission.ts'
import { encodeControl, type Body } from '../../src/wire/convert.ts'
import { FrameReader } from '../../src/wire/frame.ts'
import { acceptSession, connectSession } from '../../src/wire/handshake.ts'
import type { SessionMemory } from '../../src/wire/session-memory.ts'
import type { AcceptOptions, ConnectOptions } from '../../src/wire/handshake.ts'
import { CONTROL_KINDS, type Hello } from '../../src/wire/message/session.ts'
import { OWN_SETTINGS } from '../../src/wire/settings.ts'
import type { IncomingCall, Session, SessionEvents, SessionFacts } from '../../src/wire/session.ts'
import { type PipeEnd, WirePipeWorld, wirePipe } from './wire-pipe.ts'

export const NODE_A: NodeId = nodeId('aaaaaaaaaaaaaaaa')
export const NODE_B: NodeId = nodeId('bbbbbbbbbbbbbbbb')
export const CLUSTER_KEY: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => i)

export function bytesOf(body: Body): Uint8Array {
  return new Uint8Array(Buffer.concat(body.parts ?? [body.bytes.subarray(0, body.length)]))
}

export function frameOf(
  kind: number,
  callId: number,
  body: Uint8Array = new Uint8Array(0),
  flags = 0,
): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + body.length + FRAME_TRAILER_BYTES)
  frame.set(body, FRAME_HEADER_BYTES)
  writeFrame(frame, 0, kind, flags, callId, body.length)
  return frame
}

/** A received frame, with a copy of its body. */
export interface GotFrame {
  readonly kind: number
  readonly flags: number
  readonly callId: number
  readonly body: Uint8Array
}

/** One end of a pipe that sends and records single frames. */
export class RawEnd {
  readonly frames: GotFrame[] = []
  isClosed = false
  readonly end: PipeEnd

  constructor(end: PipeEnd) {
    this.end = end
    const reader = new FrameReader(2 ** 24, ({ kind, flags, callId, bytes, start, length }) => {
      this.frames.push({ kind, flags, callId, body: bytes.slice(start, start + length) })
    })
    end.listen({
      onData: (chunk) => void reader.feed(chunk),
      onSent: () => undefined,
      onClose: () => {
        this.isClosed = true
      },
    })
  }

  send(kind: number, callId: number, body?: Uint8Array, flags?: number): void {
    this.end.write(frameOf(kind, callId, body, flags))
  }

  /** The frames received since the last call. */
  take(): GotFrame[] {
    return this.frames.splice(0)
  }
}

export const CLIENT: ConnectOptions = { role: 'client', cluster: '' }
export const FOR_CLIENTS: AcceptOptions = { role: 'client', cluster: 'shop', node: NODE_B }
export const PEER_A: ConnectOptions & AcceptOptions = {
  role: 'peer',
  standing: WITHOUT_DATA,
  cluster: 'shop',
  node: NODE_A,
  keys: firstKeyAlone(CLUSTER_KEY),
}
export const PEER_B: ConnectOptions & AcceptOptions = { ...PEER_A, node: NODE_B }

/** What a handshake between a client and a node gives. */
export const FACTS: SessionFacts = {
  role: 'client',
  cluster: 'shop',
  node: undefined,
  settings: { ...OWN_SETTINGS, version: '' },
  ownSettings: OWN_SETTINGS,
}

/** Records the events of a session. */
export class RecordedEvents implements SessionEvents {
  readonly calls: IncomingCall[] = []
  readonly ends: string[] = []
  ring?: () => number
  admission?: Admission
  onCall: (call: IncomingCall) => void = (call) => void this.calls.push(call)
  onEnd = (reason: { readonly code: string }): void => void this.ends.push(reason.code)
}

export interface Pair {
  readonly world: WirePipeWorld
  readonly near: Session
  readonly far: Session
  readonly nearEnd: PipeEnd
  readonly farEnd: PipeEnd
  readonly nearEvents: RecordedEvents
  readonly farEvents: RecordedEvents
}

/** Two sessions with each other: `near` connected, `far` accepted. */
export async function sessionPair(
  connect: ConnectOptions = CLIENT,
  accept: AcceptOptions = FOR_CLIENTS,
  nearMemory?: SessionMemory,
  farMemory?: SessionMemory,
  ring?: () => number,
  admission?: Admission,
): Promise<Pair> {
  const world = new WirePipeWorld()
  const [nearEnd, farEnd] = wirePipe(world)
  const nearEvents = new RecordedEvents()
  const farEvents = new RecordedEvents()
  const connecting = connectSession(nearEnd, world, connect, nearEvents, nearMemory)
  if (ring !== undefined) farEvents.ring = ring
  if (admission !== undefined) farEvents.admission = admission
  const accepting = acceptSession(farEnd, world, accept, farEvents, farMemory)
  await world.untilIdle()
  const [near, far] = await Promise.all([connecting, accepting])
  return { world, near, far, nearEnd, farEnd, nearEvents, farEvents }
}

export interface RawPair {
  readonly world: WirePipeWorld
  readonly raw: RawEnd
  readonly session: Session
  readonly events: RecordedEvents
}

/** A raw client after its handshake, and the node's session with it. */
export async function rawClient(memory?: SessionMemory, admission?: Admission): Promise<RawPair> {
  const world = new WirePipeWorld()
  const [nearEnd, farEnd] = wirePipe(world)
  const raw = new RawEnd(nearEnd)
  const events = new RecordedEvents()
  if (admission !== undefined) events.admission = admission
  const accepting = acceptSession(farEnd, world, FOR_CLIENTS, events, memory)
  raw.send(CONTROL_KINDS.hello, 0, helloBytes())
  await world.untilIdle()
  raw.take()
  return { world, raw, session: await accepting, events }
}

/** A raw node after its handshake, and the client's session with it. */
export async function rawNode(memory?: SessionMemory): Promise<RawPair> {
  const world = new WirePipeWorld()
  const [nearEnd, farEnd] = wirePipe(world)
  const raw = new RawEnd(farEnd)
  const events = new RecordedEvents()
  const connecting = connectSession(nearEnd, world, CLIENT, events, memory)
  const welcome = { format: 1, settings: OWN_SETTINGS, nonce: new Uint8Array(0), key: 0 }
  raw.send(CONTROL_KINDS.welcome, 0, bytesOf(encodeControl('welcome', welcome)))
  const identity = identityOnly({ cluster: 'shop', node: NODE_B })
  raw.send(CONTROL_KINDS.identity, 0, bytesOf(encodeControl('identity', identity)))
  raw.send(CONTROL_KINDS.ready, 0)
  await world.untilIdle()
  raw.take()
  return { world, raw, session: await connecting, events }
}

/** The body of a client's Hello, with the fields of `change`. */
export function helloBytes(change: Partial<Hello> = {}): Uint8Array {
  const nonce = new Uint8Array(16).fill(0x11)
  const formats = { formatMin: 1, formatMax: 1 }
  const client = {
    role: 'client',
    nonce,
    settings: OWN_SETTINGS,
    cluster: '',
    version: '',
    invitation: new Uint8Array(0),
    keys: [],
  } as const
  return bytesOf(encodeControl('hello', { ...formats, ...client, ...change }))
}
