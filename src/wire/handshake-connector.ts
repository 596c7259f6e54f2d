/**
 * The steps of the side that connects.
 *
 * A peer or a joiner sees the acceptor's proof before it sends its own, and tells who it is only
 * then. A client proves first: a proof lets its receiver test guesses of a token, and every
 * stranger may connect to a node, while few can make a client connect to them.
 */
import { assert } from '../base/assert.ts'
import { EMPTY_BYTES } from '../base/bytes.ts'
import { OperatingError } from '../base/errors.ts'
import { VERSION } from '../version.ts'
import type { Frame } from './frame.ts'
import type { WireWorld } from './framed-connection.ts'
import { invitationIdBytes } from './invitation.ts'
import { KeySeal } from './key-seal.ts'
import {
  NEVER_MET,
  bodyOf,
  checkNonce,
  checkProof,
  type ClientOptions,
  decoded,
  formatUnsupported,
  identityForPeer,
  identityOnly,
  type JoinerOptions,
  keysTold,
  ownSettings,
  peerOf,
  type PeerOptions,
  type Proofs,
  secretOf,
  type Send,
  type Steps,
} from './handshake-steps.ts'
import { FORMAT, type Identity, type Settings, type Welcome } from './message/session.ts'
import { NONCE_BYTES, proofKeyOf, proofOf } from './proof.ts'
import type { JoinFacts, SessionFacts } from './session.ts'
import { OWN_SETTINGS, settingsTold } from './settings.ts'

export class ConnectorSteps implements Steps {
  awaited: 'welcome' | 'proof' | 'identity' | 'ready' = 'welcome'
  readonly #options: ClientOptions | PeerOptions | JoinerOptions
  readonly #nonce: Uint8Array
  #hello: Uint8Array = EMPTY_BYTES
  #proofs: Proofs = { own: EMPTY_BYTES, theirs: EMPTY_BYTES }
  #theirs: Settings = OWN_SETTINGS
  #facts: SessionFacts | undefined
  /** Of a joiner. */
  #join: JoinFacts | undefined
  /** Of a peer. */
  #seal: KeySeal | undefined

  constructor(world: WireWorld, options: ClientOptions | PeerOptions | JoinerOptions) {
    this.#options = options
    this.#nonce = world.entropy.bytes(NONCE_BYTES)
  }

  begin(send: Send): void {
    const options = this.#options
    const { role, cluster } = options
    this.#hello = send('hello', {
      formatMin: FORMAT,
      formatMax: FORMAT,
      role,
      nonce: this.#nonce,
      settings: ownSettings(this.#options),
      cluster: role === 'client' ? cluster : '',
      version: role === 'client' ? VERSION : '',
      invitation:
        options.role === 'joiner' ? invitationIdBytes(options.invitation.id) : EMPTY_BYTES,
      keys: options.role === 'peer' ? keysTold(options.keys) : [],
    })
  }

  take(frame: Frame, send: Send): SessionFacts | undefined {
    switch (this.awaited) {
      case 'welcome':
        this.#takeWelcome(decoded('welcome', frame), bodyOf(frame), send)
        return undefined
      case 'proof':
        this.#takeProof(decoded('proof', frame), send)
        return undefined
      case 'identity':
        this.#takeIdentity(decoded('identity', frame))
        return undefined
      case 'ready':
        decoded('ready', frame)
        return this.#facts
    }
  }

  #takeWelcome(
    { format, settings, nonce, key: keyId }: Welcome,
    body: Uint8Array,
    send: Send,
  ): void {
    const { role } = this.#options
    if (format !== FORMAT) throw formatUnsupported(format, format)
    const isAsked = nonce.length > 0
    if (isAsked || role !== 'client') checkNonce(nonce)
    this.#theirs = settingsTold(settings)
    const secret = secretOf(this.#options, keyId)
    if (secret === undefined) {
      if (isAsked) throw tokenMissing()
      this.awaited = 'identity'
      return
    }
    if (!isAsked) throw tokenNotAsked()
    if (role !== 'client') this.#take(secret, role, nonce)
    const key = proofKeyOf(role, secret)
    const own = proofOf('connector', key, this.#hello, body)
    this.#proofs = { own, theirs: proofOf('acceptor', key, this.#hello, body) }
    this.awaited = 'proof'
    if (role === 'client') send('proof', own)
  }

  #take(secret: Uint8Array, role: 'peer' | 'joiner', acceptorsNonce: Uint8Array): void {
    const nonces = { connectorsNonce: this.#nonce, acceptorsNonce }
    const seal = new KeySeal({ role, secret, side: 'connector', ...nonces })
    const options = this.#options
    if (options.role === 'joiner') this.#join = { invitation: options.invitation.id, seal }
    else this.#seal = seal
  }

  #takeProof(proof: Uint8Array, send: Send): void {
    const options = this.#options
    checkProof(proof, this.#proofs.theirs, options.role, 'node')
    if (options.role !== 'client') {
      send('proof', this.#proofs.own)
      const isPeer = options.role === 'peer'
      send('identity', isPeer ? identityForPeer(options, NEVER_MET) : identityOnly(options))
    }
    this.awaited = 'identity'
  }

  #takeIdentity(identity: Identity): void {
    const options = this.#options
    const { cluster, version } = identity
    const { node, standing, met } = peerOf(options.cluster, identity)
    if (options.role === 'peer') {
      const refusal = options.admit?.(node, standing, met)
      assert(!(refusal instanceof Promise), 'a side that connects decides at once')
      if (refusal !== undefined) throw refusal
    }
    const settings = { ...this.#theirs, version }
    const facts = { cluster, node, settings, ownSettings: ownSettings(options) }
    this.#facts = { role: options.role, ...facts, join: this.#join, seal: this.#seal }
    this.awaited = 'ready'
  }
}

function tokenMissing(): OperatingError {
  return new OperatingError('token-wrong', 'the node asks for a token: give that of the cluster')
}

function tokenNotAsked(): OperatingError {
  return new OperatingError(
    'token-wrong',
    'the node asks for no token, so it cannot prove that it knows yours: check the address, or ' +
      'leave the token out',
  )
}
