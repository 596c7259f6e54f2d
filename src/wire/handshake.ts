/**
 * Who are you, and which format do we speak: before the first request.
 *
 *     client            node            peer                  node
 *       | hello          |                | hello               |
 *       |--------------->|                |-------------------->|
 *       |        welcome |                |    welcome + proof  |
 *       |          ready |                |<--------------------|
 *       |<---------------|                | proof               |
 *                                         |-------------------->|
 *                                         |               ready |
 *                                         |<--------------------|
 *
 * The side that accepted a peer proves first: it tells nothing that the other could use, and the
 * other shows its proof only to a node of the cluster. Until `ready` the frames are short, the
 * bytes few and the time limited, and anything that is not the next step ends the connection with
 * a goodbye that says why.
 *
 * A refusal says no more than it must: whoever fails at proof or token learns just that.
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
import {
  AcceptorSteps,
  type ClientOptions,
  ConnectorSteps,
  type PeerOptions,
  type Send,
  type ServeOptions,
  type Steps,
} from './handshake-steps.ts'
import {
  FramedConnection,
  type FrameEvents,
  type Side,
  type WireWorld,
} from './framed-connection.ts'
import { CONTROL_KINDS } from './message/session.ts'
import type { Session, SessionEvents, SessionFacts } from './session.ts'

/** What this side is where it connected: a client, or a node that speaks to another. */
export type ConnectOptions = ClientOptions | PeerOptions

/** What this side is where it accepted: a node, towards a client or another node. */
export type AcceptOptions = ServeOptions | PeerOptions

/**
 * Begins a session on a connection that this side opened. Rejects with an `OperatingError`; the
 * connection is then closed. Calls may come, and `onEnd`, before the promise's reader runs.
 * Requires: called in the turn in which the connection was handed out.
 */
export function connectSession(
  connection: Connection,
  world: WireWorld,
  options: ConnectOptions,
  events: SessionEvents,
): Promise<Session> {
  return new Promise((resolve, reject) => {
    const steps = new ConnectorSteps(world, options)
    new Handshake(connection, 'connector', world, steps, events, resolve, reject).begin()
  })
}

/** The same on a connection that the other side opened. */
export function acceptSession(
  connection: Connection,
  world: WireWorld,
  options: AcceptOptions,
  events: SessionEvents,
): Promise<Session> {
  return new Promise((resolve, reject) => {
    const steps = new AcceptorSteps(world, options)
    new Handshake(connection, 'acceptor', world, steps, events, resolve, reject).begin()
  })
}

/** Carries either side's steps over a line, within the bounds. */
class Handshake implements FrameEvents {
  readonly #line: FramedConnection
  readonly #steps: Steps
  readonly #sessionEvents: SessionEvents
  readonly #resolve: (session: Session) => void
  readonly #reject: (error: OperatingError) => void
  readonly #send: Send
  readonly #timer: Timer
  #isDone = false

  constructor(
    connection: Connection,
    side: Side,
    world: WireWorld,
    steps: Steps,
    sessionEvents: SessionEvents,
    resolve: (session: Session) => void,
    reject: (error: OperatingError) => void,
  ) {
    this.#line = new FramedConnection(connection, side, world, HANDSHAKE_FRAME_BYTES_MAX, this)
    this.#steps = steps
    this.#sessionEvents = sessionEvents
    this.#resolve = resolve
    this.#reject = reject
    this.#send = (name, message) =>
      this.#line.send(CONTROL_KINDS[name], 0, encodeControl(name, message))
    this.#timer = world.clock.after(HANDSHAKE_MS_MAX, () => this.#onLate())
  }

  begin(): void {
    this.#steps.begin(this.#send)
  }

  onFrame(frame: Frame): void {
    const { kind, bytes, start, length } = frame
    try {
      if (kind === CONTROL_KINDS.goodbye) {
        this.#line.drop(errorOf(decodeControl('goodbye', bytes, start, length)))
        return
      }
      if (kind !== CONTROL_KINDS[this.#steps.awaited]) throw this.#unexpected(kind)
      if (
        this.#line.bytesReceived > HANDSHAKE_CONNECTION_BYTES_MAX &&
        this.#line.side === 'acceptor'
      ) {
        throw new OperatingError('frame-too-long', 'too many bytes before the handshake was done')
      }
      const facts = this.#steps.take(frame, this.#send)
      if (facts !== undefined) this.#open(facts)
    } catch (error) {
      if (!isOperatingError(error)) throw error
      this.#refuse(error)
    }
  }

  onRoom(): void {
    // Nothing waits for room: a handshake is two short frames.
  }

  onProgressCheck(): boolean {
    return false
  }

  onEnd(reason: OperatingError): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#timer.cancel()
    if (reason.code !== 'connection-lost') {
      this.#reject(reason)
      return
    }
    const where = addressLabel(this.#line.remote)
    this.#reject(
      new OperatingError(
        'not-connected',
        `${where} ended the connection before the handshake was done: is it a node, and this the ` +
          'right port?',
        { cause: reason },
      ),
    )
  }

  #open(facts: SessionFacts): void {
    this.#isDone = true
    this.#timer.cancel()
    const session = new FramedSession(this.#line, facts, this.#sessionEvents)
    this.#line.open(FRAME_BODY_BYTES_MAX, session)
    this.#resolve(session)
  }

  #onLate(): void {
    this.#refuse(
      new OperatingError('handshake-late', `the handshake took longer than ${HANDSHAKE_MS_MAX} ms`),
    )
  }

  #refuse(reason: OperatingError): void {
    const remote = addressLabel(this.#line.remote)
    this.#line.world.trace.record('connection-refused', { remote, code: reason.code })
    this.#line.end(reason)
  }

  #unexpected(kind: number): OperatingError {
    return new OperatingError(
      'handshake-expected',
      `a frame of kind ${kind} came before the handshake was done: ${this.#steps.awaited} is next`,
    )
  }
}
