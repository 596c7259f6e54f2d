/** The steps of the side that accepts. It says who it is only after the proof that it asks for. */
import { assert } from '../base/assert.ts'
import { EMPTY_BYTES } from '../base/bytes.ts'
import { OperatingError } from '../base/errors.ts'
import { garbled } from './bounds.ts'
import type { Frame } from './frame.ts'
import type { WireWorld } from './framed-connection.ts'
import {
  NEVER_MET,
  bodyOf,
  checkCluster,
  checkNonce,
  checkProof,
  decoded,
  formatUnsupported,
  identityForClient,
  identityForPeer,
  ownSettings,
  peerOf,
  type PeerOptions,
  type Proofs,
  secretOf,
  type Send,
  type ServeOptions,
  type Steps,
} from './handshake-steps.ts'
import { FORMAT, type Hello, type Identity, type Role } from './message/session.ts'
import { NONCE_BYTES, proofKeyOf, proofOf } from './proof.ts'
import type { SessionFacts, SessionSettings } from './session.ts'
import { checkVersion, OWN_SETTINGS, settingsTold } from './settings.ts'

export class AcceptorSteps implements Steps {
  awaited: 'hello' | 'proof' | 'identity' = 'hello'
  readonly #options: ServeOptions | PeerOptions
  readonly #world: WireWorld
  #proofs: Proofs = { own: EMPTY_BYTES, theirs: EMPTY_BYTES }
  #theirs: SessionSettings = { ...OWN_SETTINGS, version: '' }
  /** The cluster that a client wants. */
  #wanted = ''

  constructor(world: WireWorld, options: ServeOptions | PeerOptions) {
    this.#world = world
    this.#options = options
  }

  begin(): void {
    // The side that connected sends the first frame.
  }

  take(frame: Frame, send: Send): SessionFacts | undefined {
    switch (this.awaited) {
      case 'hello':
        return this.#takeHello(decoded('hello', frame), bodyOf(frame), send)
      case 'proof':
        return this.#takeProof(decoded('proof', frame), send)
      case 'identity':
        return this.#takeIdentity(decoded('identity', frame), send)
    }
  }

  #takeHello(hello: Hello, body: Uint8Array, send: Send): SessionFacts | undefined {
    const options = this.#options
    const { formatMin, formatMax, role, nonce, version } = hello
    if (formatMin > FORMAT || formatMax < FORMAT) throw formatUnsupported(formatMin, formatMax)
    checkRole(options.role, role)
    checkNonce(nonce)
    checkVersion(version)
    this.#theirs = { ...settingsTold(hello.settings), version }
    this.#wanted = hello.cluster
    const secret = secretOf(options)
    const settings = ownSettings(options)
    if (secret === undefined) {
      send('welcome', { format: FORMAT, settings, nonce: EMPTY_BYTES })
      return this.#admitClient(send)
    }
    const own = this.#world.entropy.bytes(NONCE_BYTES)
    const welcome = send('welcome', { format: FORMAT, settings, nonce: own })
    const key = proofKeyOf(options.role, secret)
    this.#proofs = {
      own: proofOf('acceptor', key, body, welcome),
      theirs: proofOf('connector', key, body, welcome),
    }
    if (options.role === 'peer') send('proof', this.#proofs.own)
    this.awaited = 'proof'
    return undefined
  }

  #takeProof(proof: Uint8Array, send: Send): SessionFacts | undefined {
    const { role } = this.#options
    checkProof(proof, this.#proofs.theirs, role, role === 'peer' ? 'node' : 'client')
    if (role === 'peer') {
      this.awaited = 'identity'
      return undefined
    }
    send('proof', this.#proofs.own)
    return this.#admitClient(send)
  }

  #admitClient(send: Send): SessionFacts {
    const options = this.#options
    assert(options.role === 'client', 'a peer is admitted by its identity')
    const { cluster } = options
    checkCluster(this.#wanted, cluster)
    send('identity', identityForClient(options))
    send('ready', undefined)
    return this.#facts({ node: undefined })
  }

  /** The own identity is sent also to a node that is then refused: it may learn from `met` why. */
  #takeIdentity(identity: Identity, send: Send): SessionFacts {
    const options = this.#options
    assert(options.role === 'peer', 'only peers send an identity')
    const { node, standing } = peerOf(options.cluster, identity)
    send('identity', identityForPeer(options, options.metOf?.(node) ?? NEVER_MET))
    const refusal = options.admit?.(node, standing, NEVER_MET)
    if (refusal !== undefined) throw refusal
    send('ready', undefined)
    this.#theirs = { ...this.#theirs, version: identity.version }
    return this.#facts({ node })
  }

  #facts({ node }: Pick<SessionFacts, 'node'>): SessionFacts {
    const { role, cluster } = this.#options
    const settings = this.#theirs
    return { role, cluster, node, settings, ownSettings: ownSettings(this.#options) }
  }
}

function checkRole(served: Role, role: Role | undefined): void {
  if (role === served) return
  if (role === undefined) throw garbled('the role is unknown: send 1 from a client, 2 from a node')
  throw new OperatingError(
    'handshake-expected',
    served === 'client'
      ? 'this port is for clients: connect to the peer port'
      : 'this port is for nodes: connect to the client port',
  )
}
