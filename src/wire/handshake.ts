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
import { bytesOfHex, EMPTY_BYTES, equalSecrets, hexOf } from '../base/bytes.ts'
import { assert } from '../base/assert.ts'
import { type ErrorCode, isOperatingError, OperatingError } from '../base/errors.ts'
import { ID_BYTES, type NodeId } from '../dynamo/names.ts'
import {
  FRAME_BODY_BYTES_MAX,
  HANDSHAKE_CONNECTION_BYTES_MAX,
  HANDSHAKE_FRAME_BYTES_MAX,
  HANDSHAKE_MS_MAX,
} from '../limits.ts'
import type { Timer } from '../world/clock.ts'
import { addressLabel, type Connection } from '../world/network.ts'
import { type ControlName, decodeControl, encodeControl, errorOf } from './convert.ts'
import type { Frame } from './frame.ts'
import { Line, type LineEvents, type Side, type WireWorld } from './line.ts'
import { CONTROL_KINDS, FORMAT, type Hello, type Welcome } from './message.ts'
import { type Agreement, CLUSTER_KEY_BYTES, NONCE_BYTES, proofKeyOf, proofOf } from './proof.ts'
import { Session, type SessionEvents, type SessionFacts } from './session.ts'

/** A client's side of a connection to a node. */
export interface ClientOptions {
  readonly role: 'client'
  /** Empty: whichever cluster answers. */
  readonly cluster: string
  readonly token?: Uint8Array | undefined
}

/** A node's side of a connection to or from another node. */
export interface PeerOptions {
  readonly role: 'peer'
  readonly cluster: string
  readonly node: NodeId
  /** 16 bytes. */
  readonly clusterKey: Uint8Array
  /** Asked once the other side has proved itself: why this member is not let in, if so. */
  readonly admit?: (node: NodeId) => ErrorCode | undefined
}

/** A node's side of a connection from a client. */
export interface ServeOptions {
  readonly role: 'client'
  readonly cluster: string
  readonly node: NodeId
  /** Where one is configured, clients must send it. */
  readonly token?: Uint8Array | undefined
}

export type ConnectOptions = ClientOptions | PeerOptions
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

type Send = <N extends 'hello' | 'welcome' | 'proof' | 'ready'>(
  name: N,
  message: N extends 'hello'
    ? Hello
    : N extends 'welcome'
      ? Welcome
      : N extends 'proof'
        ? Uint8Array
        : undefined,
) => void

/** What one side does at each step. Throws an `OperatingError` to refuse. */
interface Steps {
  /** The frame that must come next. */
  readonly awaited: 'hello' | 'welcome' | 'proof' | 'ready'
  begin(send: Send): void
  /** Takes the awaited frame; returns what was found out where it was the last one. */
  take(frame: Frame, send: Send): SessionFacts | undefined
}

/** Carries either side's steps over a line, within the bounds. */
class Handshake implements LineEvents {
  readonly #line: Line
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
    this.#line = new Line(connection, side, world, HANDSHAKE_FRAME_BYTES_MAX, this)
    this.#steps = steps
    this.#sessionEvents = sessionEvents
    this.#resolve = resolve
    this.#reject = reject
    this.#send = (name, message) =>
      this.#line.send(CONTROL_KINDS[name], 0, encodeControl(name as ControlName, message as never))
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
    const session = new Session(this.#line, facts, this.#sessionEvents)
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
    this.#line.world.trace.note('connection-refused', { remote, code: reason.code })
    this.#line.end(reason)
  }

  #unexpected(kind: number): OperatingError {
    return new OperatingError(
      'handshake-expected',
      `a frame of kind ${kind} came before the handshake was done: ${this.#steps.awaited} is next`,
    )
  }
}

class ConnectorSteps implements Steps {
  awaited: 'welcome' | 'ready' = 'welcome'
  readonly #options: ConnectOptions
  readonly #hello: Hello
  #facts: SessionFacts | undefined

  constructor(world: WireWorld, options: ConnectOptions) {
    this.#options = options
    const isPeer = options.role === 'peer'
    this.#hello = {
      formatMin: FORMAT,
      formatMax: FORMAT,
      cluster: options.cluster,
      node: isPeer ? idBytes(options.node) : EMPTY_BYTES,
      nonce: isPeer ? world.entropy.bytes(NONCE_BYTES) : EMPTY_BYTES,
      token: isPeer ? EMPTY_BYTES : (options.token ?? EMPTY_BYTES),
    }
  }

  begin(send: Send): void {
    send('hello', this.#hello)
  }

  take({ bytes, start, length }: Frame, send: Send): SessionFacts | undefined {
    if (this.awaited === 'ready') {
      decodeControl('ready', bytes, start, length)
      return this.#facts
    }
    this.#takeWelcome(decodeControl('welcome', bytes, start, length), send)
    this.awaited = 'ready'
    return undefined
  }

  #takeWelcome(welcome: Welcome, send: Send): void {
    const options = this.#options
    if (welcome.format !== FORMAT) throw formatUnsupported(welcome.format, welcome.format)
    if (options.role === 'peer' || options.cluster !== '') {
      checkCluster(options.cluster, welcome.cluster)
    }
    const node = nodeIdOf(welcome.node)
    this.#facts = { role: options.role, cluster: welcome.cluster, node }
    if (options.role === 'client') return
    checkNonce(welcome.nonce)
    const hello = this.#hello
    const agreement: Agreement = {
      formatMin: hello.formatMin,
      formatMax: hello.formatMax,
      format: welcome.format,
      cluster: options.cluster,
      connectorNode: hello.node,
      acceptorNode: welcome.node,
      connectorNonce: hello.nonce,
      acceptorNonce: welcome.nonce,
    }
    const key = proofKeyOf(options.clusterKey)
    checkProof(welcome.proof, proofOf('acceptor', agreement, key))
    checkAdmitted(options, node)
    send('proof', proofOf('connector', agreement, key))
  }
}

class AcceptorSteps implements Steps {
  awaited: 'hello' | 'proof' = 'hello'
  readonly #options: AcceptOptions
  readonly #world: WireWorld
  /** What a peer's proof must be, and who it then is. */
  #expected: Uint8Array = EMPTY_BYTES
  #peer: NodeId | undefined

  constructor(world: WireWorld, options: AcceptOptions) {
    this.#world = world
    this.#options = options
  }

  begin(): void {
    // The side that connected speaks first.
  }

  take({ bytes, start, length }: Frame, send: Send): SessionFacts | undefined {
    const options = this.#options
    if (this.awaited === 'proof') {
      assert(options.role === 'peer', 'only peers prove')
      checkProof(decodeControl('proof', bytes, start, length), this.#expected)
      checkAdmitted(options, this.#peer as NodeId)
      send('ready', undefined)
      return { role: 'peer', cluster: options.cluster, node: this.#peer }
    }
    const hello = decodeControl('hello', bytes, start, length)
    if (hello.formatMin > FORMAT || hello.formatMax < FORMAT) {
      throw formatUnsupported(hello.formatMin, hello.formatMax)
    }
    if (options.role === 'client') return this.#welcomeClient(options, hello, send)
    this.#welcomePeer(options, hello, send)
    this.awaited = 'proof'
    return undefined
  }

  #welcomeClient(options: ServeOptions, hello: Hello, send: Send): SessionFacts {
    if (hello.node.length > 0) {
      throw new OperatingError('handshake-expected', 'this port is for clients: use the peer port')
    }
    if (hello.cluster !== '') checkCluster(options.cluster, hello.cluster)
    const { token } = options
    if (token !== undefined && !equalSecrets(token, hello.token)) {
      throw new OperatingError('token-wrong', 'the token is wrong: give the one of this cluster')
    }
    const { cluster } = options
    const node = idBytes(options.node)
    send('welcome', { format: FORMAT, cluster, node, nonce: EMPTY_BYTES, proof: EMPTY_BYTES })
    send('ready', undefined)
    return { role: 'client', cluster, node: undefined }
  }

  #welcomePeer(options: PeerOptions, hello: Hello, send: Send): void {
    if (hello.node.length === 0) {
      throw new OperatingError('handshake-expected', 'this port is for nodes: use the client port')
    }
    checkCluster(options.cluster, hello.cluster)
    checkNonce(hello.nonce)
    this.#peer = nodeIdOf(hello.node)
    const agreement: Agreement = {
      formatMin: hello.formatMin,
      formatMax: hello.formatMax,
      format: FORMAT,
      cluster: options.cluster,
      connectorNode: hello.node,
      acceptorNode: idBytes(options.node),
      connectorNonce: hello.nonce,
      acceptorNonce: this.#world.entropy.bytes(NONCE_BYTES),
    }
    const key = proofKeyOf(options.clusterKey)
    this.#expected = proofOf('connector', agreement, key)
    send('welcome', {
      format: FORMAT,
      cluster: options.cluster,
      node: agreement.acceptorNode,
      nonce: agreement.acceptorNonce,
      proof: proofOf('acceptor', agreement, key),
    })
  }
}

function idBytes(node: NodeId): Uint8Array {
  const bytes = bytesOfHex(node)
  assert(bytes !== undefined && bytes.length === ID_BYTES, 'a node id is 16 hexadecimal digits')
  return bytes
}

function nodeIdOf(bytes: Uint8Array): NodeId {
  if (bytes.length === ID_BYTES) return hexOf(bytes)
  throw new OperatingError('message-garbled', `the node id has ${bytes.length} bytes: give 8`)
}

function checkNonce(nonce: Uint8Array): void {
  if (nonce.length === NONCE_BYTES) return
  throw new OperatingError('message-garbled', `the nonce has ${nonce.length} bytes: give 16`)
}

function checkCluster(own: string, theirs: string): void {
  if (own === theirs) return
  throw new OperatingError(
    'wrong-cluster',
    `one side belongs to cluster ${JSON.stringify(own.slice(0, 100))}, the other to ` +
      `${JSON.stringify(theirs.slice(0, 100))}: check the address and the cluster's name`,
  )
}

function checkProof(shown: Uint8Array, expected: Uint8Array): void {
  if (equalSecrets(expected, shown)) return
  throw new OperatingError('proof-wrong', 'the cluster key is not ours: give both nodes the same')
}

function checkAdmitted(options: PeerOptions, node: NodeId): void {
  assert(options.clusterKey.length === CLUSTER_KEY_BYTES, 'a cluster key has 16 bytes')
  const code = options.admit?.(node)
  if (code === undefined) return
  throw new OperatingError(code, `node ${node} is not let in: give every node its own id and data`)
}

function formatUnsupported(min: number, max: number): OperatingError {
  return new OperatingError(
    'format-unsupported',
    `formats ${min} to ${max} are offered and format ${FORMAT} is spoken here: upgrade the older`,
  )
}
