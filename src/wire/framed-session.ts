/**
 * A session over frames: passes each frame to the part that handles its kind.
 *
 *     frames in  --> kinds 1..15    this file        credit, goodbye
 *                --> kinds 16..63   IncomingCalls    requests of the other side
 *                --> kinds 64..127  OutgoingCalls    answers to our requests
 *     frames out <-- ChunkSender, shared by both, as is the ChunkReceiver
 */
import { isOperatingError, type OperatingError } from '../base/errors.ts'
import type { NodeId } from '../dynamo/names.ts'
import type { Address } from '../world/network.ts'
import { IncomingCalls } from './incoming-calls.ts'
import { OutgoingCalls, type CallIds } from './outgoing-calls.ts'
import { ChunkReceiver } from './chunk-receiver.ts'
import { ChunkSender } from './chunk-sender.ts'
import { decodeControl, encodeControl, errorOf } from './convert.ts'
import type { Frame } from './frame.ts'
import type { FramedConnection, FrameEvents } from './framed-connection.ts'
import { CONTROL_KINDS, FAILURE_KIND, REPLY, type Role } from './message/session.ts'
import type { Request, RequestKind } from './message/table.ts'
import type {
  Answer,
  CallHandle,
  IncomingCall,
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
  readonly #connection: FramedConnection
  readonly #events: SessionEvents
  readonly #sender: ChunkSender
  readonly #receiver: ChunkReceiver
  readonly #outgoing: OutgoingCalls
  readonly #incoming: IncomingCalls

  /** Tests pass a short range of `callIds` to see the numbers start again. */
  constructor(
    connection: FramedConnection,
    facts: SessionFacts,
    events: SessionEvents,
    callIds?: CallIds,
  ) {
    this.role = facts.role
    this.cluster = facts.cluster
    this.node = facts.node
    this.#connection = connection
    this.#events = events
    this.#sender = new ChunkSender(connection)
    this.#receiver = new ChunkReceiver((callId, isAnswer, bytes) => {
      connection.send(CONTROL_KINDS.credit, callId, encodeControl('credit', { bytes, isAnswer }))
    })
    this.#outgoing = new OutgoingCalls(connection, this.#sender, this.#receiver, callIds)
    const onCall = (call: IncomingCall): void => events.onCall(call, this)
    this.#incoming = new IncomingCalls(connection, facts.role, this.#sender, this.#receiver, onCall)
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
  ): CallHandle {
    return this.#outgoing.call(kind, request, onAnswer)
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

  onRoom(): void {
    this.#sender.pump()
  }

  onProgressCheck(): boolean {
    const sending = this.#sender.checkProgress()
    if (this.#receiver.isStalled()) {
      const sentence = 'the next chunk of a message did not come in time: send all its chunks'
      this.#connection.breakOff('frame-late', sentence)
    } else if (sending === 'stalled') {
      this.#connection.cutSlowReader(this.waitingBytes)
    }
    return sending === 'moving' || this.#receiver.count > 0
  }

  onEnd(reason: OperatingError): void {
    this.#receiver.clear()
    this.#outgoing.onEnd(reason)
    this.#events.onEnd(reason, this)
  }

  #onControlFrame({ kind, callId, bytes, start, length }: Frame): void {
    try {
      if (kind === CONTROL_KINDS.credit) {
        const credit = decodeControl('credit', bytes, start, length)
        this.#sender.grant(callId, credit.isAnswer, credit.bytes)
      } else if (kind === CONTROL_KINDS.goodbye) {
        this.#connection.drop(errorOf(decodeControl('goodbye', bytes, start, length)))
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
