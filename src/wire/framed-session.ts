/**
 * A session over frames: passes each frame to the part that handles its kind.
 *
 *     frames in  --> kinds 1..15    this file        credit, length, cancel, ping, pong, goodbye
 *                --> kinds 16..63   IncomingCalls    requests of the other side
 *                --> kinds 64..127  OutgoingCalls    answers to our requests
 *     frames out <-- ChunkSender, shared by both, as is the ChunkReceiver
 */
import { isOperatingError, OperatingError } from '../base/errors.ts'
import type { Room } from '../base/room.ts'
import type { NodeId } from '../dynamo/names.ts'
import { PEER_SILENCE_MS } from '../limits.ts'
import type { Timer } from '../world/clock.ts'
import type { Address } from '../world/network.ts'
import { IncomingCalls } from './incoming-calls.ts'
import { OutgoingCalls } from './outgoing-calls.ts'
import { ChunkReceiver } from './chunk-receiver.ts'
import { ChunkSender } from './chunk-sender.ts'
import { decodeControl, encodeControl, errorOf } from './convert.ts'
import type { Frame } from './frame.ts'
import type { FramedConnection, FrameEvents } from './framed-connection.ts'
import { CONTROL_KINDS, FAILURE_KIND, REPLY, type Role } from './message/session.ts'
import type { Request, RequestKind } from './message/table.ts'
import type { KeySeal } from './key-seal.ts'
import { type SessionMemory, SessionShares } from './session-memory.ts'
import type {
  Answer,
  CallHandle,
  IncomingCall,
  JoinFacts,
  Session,
  SessionEvents,
  SessionFacts,
} from './session.ts'

/** The first kind of a request. */
const REQUEST = 16

export class FramedSession implements Session, FrameEvents {
  readonly role: Role
  readonly cluster: string
  readonly node: NodeId | undefined
  readonly join: JoinFacts | undefined
  readonly seal: KeySeal | undefined
  readonly #connection: FramedConnection
  readonly #events: SessionEvents
  readonly #sender: ChunkSender
  readonly #receiver: ChunkReceiver
  readonly #outgoing: OutgoingCalls
  readonly #incoming: IncomingCalls
  readonly #memory: SessionShares
  onPong: ((wallMs: number) => void) | undefined
  onRing: ((ring: number) => void) | undefined
  /** The last of our calls that the other side has taken, as its goodbye says. */
  #lastTaken: number | undefined
  #silenceTimer: Timer | undefined

  /** Tests pass a high `firstId` to see the numbers of calls end. */
  constructor(
    connection: FramedConnection,
    facts: SessionFacts,
    events: SessionEvents,
    memory: SessionMemory,
    firstId?: number,
  ) {
    this.role = facts.role
    this.cluster = facts.cluster
    this.node = facts.node
    this.join = facts.join
    this.seal = facts.seal
    this.#connection = connection
    this.#events = events
    this.#sender = new ChunkSender(connection, events.ring)
    this.#receiver = new ChunkReceiver((callId, isAnswer, bytes) => {
      connection.send(CONTROL_KINDS.credit, callId, encodeControl('credit', { bytes, isAnswer }))
    })
    const shares = new SessionShares(memory)
    this.#memory = shares
    const { role } = facts
    this.#outgoing = new OutgoingCalls(connection, this.#sender, this.#receiver, shares, firstId)
    this.#outgoing.onRing = (ring) => this.onRing?.(ring)
    const onCall = (call: IncomingCall): void => events.onCall(call, this)
    this.#incoming = new IncomingCalls(
      connection,
      role,
      this.#sender,
      this.#receiver,
      shares,
      onCall,
      events.ring,
      events.admission,
    )
    connection.lastTaken = () => this.#incoming.highestId
    if (role === 'peer' && connection.side === 'acceptor') this.#watchSilence(0, 0)
  }

  get remote(): Address {
    return this.#connection.remote
  }

  get isEnded(): boolean {
    return this.#connection.isEnded
  }

  get callsInFlight(): number {
    return this.#outgoing.inFlight
  }

  get callsToAnswer(): number {
    return this.#incoming.unanswered
  }

  get callsBegun(): number {
    return this.#incoming.begun
  }

  get waitingBytes(): number {
    return this.#sender.waitingBytes
  }

  get incomingBytes(): number {
    return this.#receiver.heldBytes
  }

  call<K extends RequestKind>(
    kind: K,
    request: Request<K>,
    onAnswer: (answer: Answer<K>) => void,
    room?: Room,
  ): CallHandle {
    return this.#outgoing.call(kind, request, onAnswer, room)
  }

  get bytesReceived(): number {
    return this.#connection.bytesReceived
  }

  get bytesMoved(): number {
    return this.#connection.bytesReceived + this.#connection.bytesLeft
  }

  ping(): void {
    this.#connection.send(CONTROL_KINDS.ping, 0, encodeControl('ping', undefined))
  }

  end(reason: OperatingError): void {
    this.#connection.end(reason)
  }

  drop(reason: OperatingError): void {
    this.#connection.drop(reason)
  }

  onFrame(frame: Frame): void {
    const { kind } = frame
    if (kind >= REQUEST && kind < REPLY) this.#incoming.onFrame(frame)
    else if (kind >= REPLY && kind <= FAILURE_KIND) this.#outgoing.onFrame(frame)
    else this.#onControlFrame(frame)
  }

  onLeft(left: number): void {
    this.#memory.onLeft(this.#connection.bytesSent, left)
    this.#sender.pump()
  }

  onProgressCheck(): boolean {
    // Between nodes a call ends by its deadline, and the connection is shared by many.
    const areOthersWaiting = this.role !== 'peer' && this.#memory.isWanted
    const sending = this.#sender.checkProgress(areOthersWaiting)
    if (this.#receiver.isStalled(areOthersWaiting)) {
      const sentence = 'the next chunk of a message did not come in time: send all its chunks'
      this.#connection.breakOff('frame-late', sentence)
    } else if (sending === 'stalled') {
      this.#connection.cutSlowReader(this.waitingBytes)
    }
    return sending === 'moving' || this.#receiver.count > 0
  }

  onEnd(reason: OperatingError): void {
    this.#silenceTimer?.cancel()
    this.#receiver.clear()
    this.#outgoing.onEnd(reason, this.#lastTaken)
    this.#memory.close()
    this.#events.onEnd(reason, this)
  }

  /** A node that dialled sends pings. A silent one's messages keep no memory from others. */
  #watchSilence(receivedThen: number, silentChecks: number): void {
    this.#silenceTimer = this.#connection.world.clock.after(PEER_SILENCE_MS, () => {
      const received = this.#connection.bytesReceived
      const checks = received === receivedThen ? silentChecks + 1 : 0
      if (checks < 2 || !this.#memory.isWanted) {
        this.#watchSilence(received, checks)
        return
      }
      const sentence = 'the other node is silent, and others wait for the memory of its messages'
      this.#connection.drop(new OperatingError('connection-lost', sentence))
    })
  }

  #onControlFrame({ kind, callId, bytes, start, length }: Frame): void {
    try {
      if (kind === CONTROL_KINDS.credit) {
        const credit = decodeControl('credit', bytes, start, length)
        this.#sender.grant(callId, credit.isAnswer, credit.bytes)
      } else if (kind === CONTROL_KINDS.length) {
        const announced = decodeControl('length', bytes, start, length)
        if (announced.kind >= REPLY) this.#outgoing.onLength(callId, announced)
        else this.#incoming.onLength(callId, announced)
      } else if (kind === CONTROL_KINDS.cancel) {
        this.#incoming.onCancel(callId)
      } else if (kind === CONTROL_KINDS.ping) {
        const wallMs = this.#connection.world.clock.wallTime()
        this.#connection.send(CONTROL_KINDS.pong, 0, encodeControl('pong', wallMs))
      } else if (kind === CONTROL_KINDS.pong) {
        this.onPong?.(decodeControl('pong', bytes, start, length))
      } else if (kind === CONTROL_KINDS.goodbye) {
        const goodbye = decodeControl('goodbye', bytes, start, length)
        this.#lastTaken = goodbye.lastTaken
        this.#connection.drop(errorOf(goodbye))
      } else {
        this.#connection.breakOff(
          'kind-unknown',
          `frames of kind ${kind} are not allowed after the handshake`,
        )
      }
    } catch (error) {
      if (!isOperatingError(error)) throw error
      this.#connection.breakOff(error.code, error.message)
    }
  }
}
