/**
 * The steps of a handshake: what each side checks and sends; `handshake.ts` runs them.
 *
 * These classes take one frame after another, each of the awaited kind. They have no clock and no
 * connection.
 */
import { assert } from '../base/assert.ts'
import { bytesOfHex, EMPTY_BYTES, equalSecrets, hexOf } from '../base/bytes.ts'
import { OperatingError } from '../base/errors.ts'
import { ID_BYTES, idBytes, type NodeId, nodeIdOf } from '../dynamo/names.ts'
import { type Control, decodeControl } from './convert.ts'
import type { Frame } from './frame.ts'
import type { WireWorld } from './framed-connection.ts'
import { FORMAT, type Hello, type Welcome } from './message/session.ts'
import { type Agreement, NONCE_BYTES, proofKeyOf, proofOf } from './proof.ts'
import type { SessionFacts } from './session.ts'

/** A client that connects to a node. */
export interface ClientOptions {
  readonly role: 'client'
  /** Empty: any cluster. */
  readonly cluster: string
  readonly token?: Uint8Array | undefined
}

/** A node that connects to another node, or accepts its connection. */
export interface PeerOptions {
  readonly role: 'peer'
  readonly cluster: string
  readonly node: NodeId
  /** 16 bytes. */
  readonly clusterKey: Uint8Array
  /** What this node says of its data. */
  readonly standing: PeerStanding
  /** The directories of a node that this one has met, the last first. */
  readonly metOf?: (node: NodeId) => readonly string[]
  /**
   * Called after the other side's proof was verified: why the node is refused, if so. `met` are the
   * directories of this node that the other has met, if the other accepted the connection.
   */
  readonly admit?: (
    node: NodeId,
    theirs: PeerStanding,
    met: readonly string[],
  ) => OperatingError | undefined
}

/** What a node says of its data. */
export interface PeerStanding {
  /** The id of its data directory, 16 hexadecimal digits; empty for a tool, which holds no data. */
  readonly directory: string
  /** Ids of lost directories of the node that this one replaces. */
  readonly replaced: readonly string[]
  /** The placement under which its data is written, as JSON; empty for a tool, or if it is long. */
  readonly placement: string
}

/** A longer placement is not sent: the handshake's first frame has a bound. */
const PLACEMENT_CHARS_MAX = 2048

/** Of a tool that asks as a member does. */
export const WITHOUT_DATA: PeerStanding = { directory: '', replaced: [], placement: '' }

const NO_STANDING = { directory: EMPTY_BYTES, replaced: [], placement: '' } as const

/** A node that accepts a connection from a client. */
export interface ServeOptions {
  readonly role: 'client'
  readonly cluster: string
  readonly node: NodeId
  /** If one is configured, clients must send it. */
  readonly token?: Uint8Array | undefined
}

/** The frames of a handshake. */
type Step = 'hello' | 'welcome' | 'proof' | 'ready'

export type Send = <N extends Step>(name: N, message: Control<N>) => void

/** The steps of one side; an `OperatingError` that they throw refuses the connection. */
export interface Steps {
  /** The frame that must come next. */
  readonly awaited: Step
  begin(send: Send): void
  /** Takes the awaited frame; returns the result of the handshake after the last. */
  take(frame: Frame, send: Send): SessionFacts | undefined
}

export class ConnectorSteps implements Steps {
  awaited: 'welcome' | 'ready' = 'welcome'
  readonly #options: ClientOptions | PeerOptions
  readonly #hello: Hello
  #facts: SessionFacts | undefined

  constructor(world: WireWorld, options: ClientOptions | PeerOptions) {
    this.#options = options
    const isPeer = options.role === 'peer'
    this.#hello = {
      formatMin: FORMAT,
      formatMax: FORMAT,
      cluster: options.cluster,
      node: isPeer ? idBytes(options.node) : EMPTY_BYTES,
      nonce: isPeer ? world.entropy.bytes(NONCE_BYTES) : EMPTY_BYTES,
      token: isPeer ? EMPTY_BYTES : (options.token ?? EMPTY_BYTES),
      ...(isPeer ? shownOf(options.standing) : NO_STANDING),
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
    const node = checkedNodeId(welcome.node)
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
    checkAdmitted(options, node, standingOf(welcome), welcome.met.map(directoryOf))
    send('proof', proofOf('connector', agreement, key))
  }
}

export class AcceptorSteps implements Steps {
  awaited: 'hello' | 'proof' = 'hello'
  readonly #options: ServeOptions | PeerOptions
  readonly #world: WireWorld
  /** The proof that the peer must send, and its id. */
  #expected: Uint8Array = EMPTY_BYTES
  #peer: { readonly node: NodeId; readonly standing: PeerStanding } | undefined

  constructor(world: WireWorld, options: ServeOptions | PeerOptions) {
    this.#world = world
    this.#options = options
  }

  begin(): void {
    // The side that connected sends the first frame.
  }

  take({ bytes, start, length }: Frame, send: Send): SessionFacts | undefined {
    const options = this.#options
    if (this.awaited === 'proof') {
      assert(options.role === 'peer', 'only peers send a proof')
      checkProof(decodeControl('proof', bytes, start, length), this.#expected)
      assert(this.#peer !== undefined, 'a peer says who it is before its proof')
      const { node, standing } = this.#peer
      checkAdmitted(options, node, standing, [])
      send('ready', undefined)
      return { role: 'peer', cluster: options.cluster, node }
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
      throw new OperatingError(
        'handshake-expected',
        'this port is for clients: connect to the peer port',
      )
    }
    if (hello.cluster !== '') checkCluster(options.cluster, hello.cluster)
    const { token } = options
    if (token !== undefined && !equalSecrets(token, hello.token)) {
      throw new OperatingError(
        'token-wrong',
        'the token is missing or wrong: send the token of this cluster',
      )
    }
    const { cluster } = options
    const node = idBytes(options.node)
    const none = { nonce: EMPTY_BYTES, proof: EMPTY_BYTES, met: [], ...NO_STANDING }
    send('welcome', { format: FORMAT, cluster, node, ...none })
    send('ready', undefined)
    return { role: 'client', cluster, node: undefined }
  }

  #welcomePeer(options: PeerOptions, hello: Hello, send: Send): void {
    if (hello.node.length === 0) {
      throw new OperatingError(
        'handshake-expected',
        'this port is for nodes: connect to the client port',
      )
    }
    checkCluster(options.cluster, hello.cluster)
    checkNonce(hello.nonce)
    this.#peer = { node: checkedNodeId(hello.node), standing: standingOf(hello) }
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
      ...shownOf(options.standing),
      met: (options.metOf?.(this.#peer.node) ?? []).map(bytesOfDirectory),
    })
  }
}

function checkedNodeId(bytes: Uint8Array): NodeId {
  if (bytes.length === ID_BYTES) return nodeIdOf(bytes)
  throw new OperatingError(
    'message-garbled',
    `the node id has ${bytes.length} bytes: send ${ID_BYTES}`,
  )
}

function checkNonce(nonce: Uint8Array): void {
  if (nonce.length === NONCE_BYTES) return
  throw new OperatingError(
    'message-garbled',
    `the nonce has ${nonce.length} bytes: send ${NONCE_BYTES}`,
  )
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
  throw new OperatingError(
    'proof-wrong',
    'the two nodes have different cluster keys: give them the same key file',
  )
}

function checkAdmitted(
  options: PeerOptions,
  node: NodeId,
  theirs: PeerStanding,
  met: readonly string[],
): void {
  const refusal = options.admit?.(node, theirs, met)
  if (refusal !== undefined) throw refusal
}

function shownOf({
  directory,
  replaced,
  placement,
}: PeerStanding): Pick<Hello, 'directory' | 'replaced' | 'placement'> {
  return {
    directory: bytesOfDirectory(directory),
    replaced: replaced.map(bytesOfDirectory),
    placement: placement.length > PLACEMENT_CHARS_MAX ? '' : placement,
  }
}

function standingOf({ directory, replaced, placement }: Hello | Welcome): PeerStanding {
  const id = directory.length === 0 ? '' : directoryOf(directory)
  return { directory: id, replaced: replaced.map(directoryOf), placement }
}

function bytesOfDirectory(directory: string): Uint8Array {
  return bytesOfHex(directory) ?? EMPTY_BYTES
}

function directoryOf(bytes: Uint8Array): string {
  if (bytes.length === ID_BYTES) return hexOf(bytes)
  throw new OperatingError(
    'message-garbled',
    `the id of a data directory has ${bytes.length} bytes: send ${ID_BYTES}`,
  )
}

function formatUnsupported(min: number, max: number): OperatingError {
  return new OperatingError(
    'format-unsupported',
    `the other side offers formats ${min} to ${max} and this side has ${FORMAT}: upgrade the older`,
  )
}
