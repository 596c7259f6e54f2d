/**
 * A session over a line: gives each frame to who it is for, and ends all of them together.
 *
 *     frames in  --> kinds 1..15    here          goodbye, credit
 *                --> kinds 16..63   IncomingCalls      their calls
 *                --> kinds 64..127  OutgoingCalls         answers to ours
 *     frames out <-- ChunkSender, which both share, as they share the ChunkReceiver
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
  readonly #line: FramedConnection
  readonly #events: SessionEvents
  readonly #sender: ChunkSender
  readonly #receiver: ChunkReceiver
  readonly #outgoing: OutgoingCalls
  readonly #incoming: IncomingCalls

  /** `callIds` are fewer in tests of what happens after the last. */
  constructor(
    line: FramedConnection,
    facts: SessionFacts,
    events: SessionEvents,
    callIds?: CallIds,
  ) {
    this.role = facts.role
    this.cluster = facts.cluster
    this.node = facts.node
    this.#line = line
    this.#events = events
    this.#sender = new ChunkSender(line)
    this.#receiver = new ChunkReceiver((callId, ofAnswer, bytes) => {
      line.send(CONTROL_KINDS.credit, callId, encodeControl('credit', { bytes, ofAnswer }))
    })
    this.#outgoing = new OutgoingCalls(line, this.#sender, this.#receiver, callIds)
    const onCall = (call: IncomingCall): void => events.onCall(call, this)
    this.#incoming = new IncomingCalls(line, facts.role, this.#sender, this.#receiver, onCall)
  }

  get remote(): Address {
    return this.#line.remote
  }

  get isEnded(): boolean {
    return this.#line.isEnded
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
    this.#line.end(reason)
  }

  drop(reason: OperatingError): void {
    this.#line.drop(reason)
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
      const sentence = 'a message was begun and did not go on: send all its chunks'
      this.#line.breakOff('frame-late', sentence)
    } else if (sending === 'stalled') {
      this.#line.cutSlowReader(this.waitingBytes)
    }
    return sending === 'goes-on' || this.#receiver.count > 0
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
        this.#sender.grant(callId, credit.ofAnswer, credit.bytes)
      } else if (kind === CONTROL_KINDS.goodbye) {
        this.#line.drop(errorOf(decodeControl('goodbye', bytes, start, length)))
      } else {
        this.#line.breakOff('kind-unknown', `frames of kind ${kind} have no place in a session`)
      }
    } catch (error) {
      if (!isOperatingError(error)) throw error
      this.#line.breakOff(error.code, error.message)
    }
  }
}
