/**
 * One conversation between two programs: many calls at once, each answered in its own time.
 *
 * Either side of a session between peers may call; each numbers its own calls, and an answer
 * carries the number of its call. What goes wrong with one message costs that call; what makes the
 * stream unbelievable costs the session, which says goodbye and tells why.
 *
 * When a session ends, every call in flight is answered `connection-lost`: in doubt, because the
 * request may have arrived. Who only read may call it refused.
 */
import { isOperatingError, type OperatingError } from '../base/errors.ts'
import type { NodeId } from '../dynamo/names.ts'
import type { Address } from '../world/network.ts'
import { Answerer } from './answerer.ts'
import { Asker } from './asker.ts'
import type { Answer, CallHandle, IncomingCall } from './call.ts'
import { ChunkReceiver } from './chunk-receiver.ts'
import { ChunkSender } from './chunk-sender.ts'
import { decodeControl, encodeControl, errorOf } from './convert.ts'
import type { Frame } from './frame.ts'
import type { Line, LineEvents } from './line.ts'
import {
  CONTROL_KINDS,
  FAILURE_KIND,
  REPLY,
  type Request,
  type RequestKind,
  type Role,
} from './message.ts'

export type { Answer, CallHandle, IncomingCall, IncomingCallOf, KeyedKind } from './call.ts'

/** What the owner of a session does with it. */
export interface SessionEvents {
  /** A call to be answered. May throw an `OperatingError`, which then is the answer. */
  onCall(call: IncomingCall, session: Session): void
  /** Once, after every call in flight has been answered; nothing after it. */
  onEnd(reason: OperatingError, session: Session): void
}

/** What the handshake has found out. */
export interface SessionFacts {
  /** What this connection is for. */
  readonly role: Role
  readonly cluster: string
  /** The other side, where it is a node. */
  readonly node: NodeId | undefined
}

/** The first kind of a request. */
const REQUEST = 16

export class Session implements LineEvents {
  readonly role: Role
  readonly cluster: string
  readonly node: NodeId | undefined
  readonly #line: Line
  readonly #events: SessionEvents
  readonly #sender: ChunkSender
  readonly #receiver: ChunkReceiver
  readonly #asker: Asker
  readonly #answerer: Answerer

  /** `firstCallId` is for tests of what happens after the last number. */
  constructor(line: Line, facts: SessionFacts, events: SessionEvents, firstCallId?: number) {
    this.role = facts.role
    this.cluster = facts.cluster
    this.node = facts.node
    this.#line = line
    this.#events = events
    this.#sender = new ChunkSender(line)
    this.#receiver = new ChunkReceiver((callId, ofAnswer, bytes) => {
      line.send(CONTROL_KINDS.credit, callId, encodeControl('credit', { bytes, ofAnswer }))
    })
    this.#asker = new Asker(line, this.#sender, this.#receiver, firstCallId)
    const onCall = (call: IncomingCall): void => events.onCall(call, this)
    this.#answerer = new Answerer(line, facts.role, this.#sender, this.#receiver, onCall)
  }

  get remote(): Address {
    return this.#line.remote
  }

  get isEnded(): boolean {
    return this.#line.isEnded
  }

  /** Calls of ours that wait for an answer, forgotten ones included. */
  get callsInFlight(): number {
    return this.#asker.inFlight
  }

  /** Calls of theirs that wait for ours. */
  get callsToAnswer(): number {
    return this.#answerer.unanswered
  }

  /** Bytes that wait to be sent. */
  get waitingBytes(): number {
    return this.#sender.waitingBytes
  }

  /**
   * Asks the other side. `onAnswer` is called once, and never within this call: with the reply, or
   * with the error that the other side, this side or the connection's end came to. Byte strings in
   * a reply are views of what came: copy what is kept.
   */
  call<K extends RequestKind>(
    kind: K,
    request: Request<K>,
    onAnswer: (answer: Answer<K>) => void,
  ): CallHandle {
    return this.#asker.call(kind, request, onAnswer)
  }

  /** Says why, lets what was sent leave, and ends. */
  end(reason: OperatingError): void {
    this.#line.end(reason)
  }

  /** Ends at once. */
  drop(reason: OperatingError): void {
    this.#line.drop(reason)
  }

  onFrame(frame: Frame): void {
    const { kind } = frame
    if (kind >= REQUEST && kind < REPLY) this.#answerer.onFrame(frame)
    else if (kind >= REPLY && kind <= FAILURE_KIND) this.#asker.onFrame(frame)
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
    this.#asker.onEnd(reason)
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
