/**
 * The handshake: both sides agree on a format, tell their settings, and prove their secret.
 *
 *     client             node            peer                    node
 *       | hello           |                | hello                 |
 *       |---------------->|                |---------------------->|
 *       |         welcome |                |       welcome + proof |
 *       |<----------------|                |<----------------------|
 *       | proof           |                | proof + identity      |
 *       |---------------->|                |---------------------->|
 *       |         proof + |                |      identity + ready |
 *       |identity + ready |                |<----------------------|
 *       |<----------------|
 *
 * A joiner does as a peer does, with the secret of its invitation for the cluster key. Without a
 * token there are no proofs, and welcome, identity and ready come at once. Neither side
 * says who it is before it has verified the other, where a proof is asked for. Until `ready`, the
 * length of a frame, the bytes in all and the time are bounded, and a frame that is not the next
 * step ends the connection with a goodbye that says why. A goodbye before the proofs names no
 * cluster, id or path.
 */
import { isOperatingError, OperatingError } from '../base/errors.ts'
import {
  FRAME_BODY_BYTES_MAX,
  HANDSHAKE_CONNECTION_BYTES_MAX,
  HANDSHAKE_FRAME_BYTES_MAX,
  HANDSHAKE_MS_MAX,
} from '../limits.ts'
import type { Timer } from '../world/clock.ts'
import { addressLabel, type Connection } from '../world/network.ts'
import { FramedSession } from './framed-session.ts'
import { decodeControl, encodeControl, errorOf } from './convert.ts'
import type { Frame } from './frame.ts'
import { AcceptorSteps } from './handshake-acceptor.ts'
import { ConnectorSteps } from './handshake-connector.ts'
import type {
  ClientOptions,
  Decision,
  JoinerOptions,
  PeerOptions,
  Send,
  ServeOptions,
  Steps,
} from './handshake-steps.ts'
import {
  FramedConnection,
  type FrameEvents,
  type Side,
  type WireWorld,
} from './framed-connection.ts'
import { CONTROL_KINDS } from './message/session.ts'
import { type SessionMemory, sessionMemory } from './session-memory.ts'
import type { Session, SessionEvents, SessionFacts } from './session.ts'

/** The side that connects: a client, a peer or a joiner. */
export type ConnectOptions = ClientOptions | PeerOptions | JoinerOptions

/** The side that accepts: a node, from clients, or from peers and joiners. */
export type AcceptOptions = ServeOptions | PeerOptions

/**
 * Does the handshake on a connection that this side opened. Rejects with an `OperatingError` if it
 * fails; the connection is then closed. `onCall` and `onEnd` may be called before the promise's
 * callbacks run. Requires: called in the turn in which the connection was received.
 */
export function connectSession(
  connection: Connection,
  world: WireWorld,
  options: ConnectOptions,
  events: SessionEvents,
  memory: SessionMemory = sessionMemory(),
): Promise<Session> {
  return new Promise((resolve, reject) => {
    const steps = new ConnectorSteps(world, options)
    const session = { events, memory, resolve, reject }
    new Handshake(connection, 'connector', world, steps, session).begin()
  })
}

/** Does the handshake on a connection that the other side opened. */
export function acceptSession(
  connection: Connection,
  world: WireWorld,
  options: AcceptOptions,
  events: SessionEvents,
  memory: SessionMemory = sessionMemory(),
): Promise<Session> {
  return new Promise((resolve, reject) => {
    const steps = new AcceptorSteps(world, options)
    const session = { events, memory, resolve, reject }
    new Handshake(connection, 'acceptor', world, steps, session).begin()
  })
}

/** The session to be opened. */
interface Opening {
  readonly events: SessionEvents
  readonly memory: SessionMemory
  readonly resolve: (session: Session) => void
  readonly reject: (error: OperatingError) => void
}

/** Runs the steps of either side over a connection, within the bounds. */
class Handshake implements FrameEvents {
  readonly #connection: FramedConnection
  readonly #steps: Steps
  readonly #opening: Opening
  readonly #send: Send
  readonly #timer: Timer
  #isDone = false

  constructor(
    connection: Connection,
    side: Side,
    world: WireWorld,
    steps: Steps,
    opening: Opening,
  ) {
    this.#connection = new FramedConnection(
      connection,
      side,
      world,
      HANDSHAKE_FRAME_BYTES_MAX,
      this,
    )
    this.#steps = steps
    this.#opening = opening
    this.#send = (name, message) => {
      const body = encodeControl(name, message)
      this.#connection.send(CONTROL_KINDS[name], 0, body)
      return body.bytes.slice(0, body.length)
    }
    this.#timer = world.clock.after(HANDSHAKE_MS_MAX, () => this.#onLate())
  }

  begin(): void {
    this.#steps.begin(this.#send)
  }

  onFrame(frame: Frame): void {
    const { kind, bytes, start, length } = frame
    try {
      if (kind === CONTROL_KINDS.goodbye) {
        this.#connection.drop(errorOf(decodeControl('goodbye', bytes, start, length)))
        return
      }
      const { awaited } = this.#steps
      if (awaited === undefined || kind !== CONTROL_KINDS[awaited]) throw this.#unexpected(kind)
      if (frame.flags !== 0 || frame.callId !== 0) throw reservedSet()
      if (
        this.#connection.bytesReceived > HANDSHAKE_CONNECTION_BYTES_MAX &&
        this.#connection.side === 'acceptor'
      ) {
        throw new OperatingError(
          'frame-too-long',
          'too many bytes came before the end of the handshake',
        )
      }
      const taken = this.#steps.take(frame, this.#send)
      if (taken === undefined) return
      if ('refusal' in taken) this.#awaitDecision(taken)
      else this.#open(taken)
    } catch (error) {
      if (!isOperatingError(error)) throw error
      this.#refuse(error)
    }
  }

  onLeft(): void {
    // A handshake is a few short frames: it never waits for them to leave.
  }

  onProgressCheck(): boolean {
    return false
  }

  onEnd(reason: OperatingError): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#timer.cancel()
    if (reason.code !== 'connection-lost') {
      this.#opening.reject(reason)
      return
    }
    const where = addressLabel(this.#connection.remote)
    this.#opening.reject(
      new OperatingError(
        'not-connected',
        `${where} closed the connection during the handshake: check that it is a node and ` +
          'that the port is right',
        { cause: reason },
      ),
    )
  }

  /** The connection may end meanwhile, by its other side or because it is late. */
  #awaitDecision(decision: Decision): void {
    void decision.refusal.then((refusal) => {
      if (this.#connection.isEnded) return
      try {
        this.#open(decision.end(refusal))
      } catch (error) {
        if (!isOperatingError(error)) throw error
        this.#refuse(error)
      }
    })
  }

  #open(facts: SessionFacts): void {
    this.#isDone = true
    this.#timer.cancel()
    const { events, memory, resolve } = this.#opening
    const session = new FramedSession(this.#connection, facts, events, memory)
    this.#connection.open(FRAME_BODY_BYTES_MAX, session)
    events.onOpen?.(session)
    resolve(session)
  }

  #onLate(): void {
    this.#refuse(
      new OperatingError('handshake-late', `the handshake took longer than ${HANDSHAKE_MS_MAX} ms`),
    )
  }

  #refuse(reason: OperatingError): void {
    const remote = addressLabel(this.#connection.remote)
    this.#connection.world.trace.record('connection-refused', { remote, code: reason.code })
    this.#connection.end(reason)
  }

  #unexpected(kind: number): OperatingError {
    return new OperatingError(
      'handshake-expected',
      `a frame of kind ${kind} came during the handshake: the next step is ` +
        (this.#steps.awaited ?? 'of this side'),
    )
  }
}

function reservedSet(): OperatingError {
  return new OperatingError(
    'frame-reserved',
    'a frame of the handshake has flags or a call id: send it whole, with both 0',
  )
}
