/** The steps of the side that accepts. It says who it is only after the proof that it asks for. */
import { assert } from '../base/assert.ts'
import { EMPTY_BYTES } from '../base/bytes.ts'
import type { MaybePromise } from '../base/deliver.ts'
import { OperatingError } from '../base/errors.ts'
import { ID_BYTES, type NodeId } from '../dynamo/names.ts'
import { garbled } from './bounds.ts'
import type { Frame } from './frame.ts'
import type { WireWorld } from './framed-connection.ts'
import {
  NEVER_MET,
  bodyOf,
  checkCluster,
  checkNonce,
  checkProof,
  type Decision,
  decoded,
  formatUnsupported,
  identityForPeer,
  identityOnly,
  keyChosen,
  ownSettings,
  peerOf,
  type PeerOptions,
  type PeerStanding,
  type Proofs,
  secretOf,
  type Send,
  type ServeOptions,
  type Steps,
} from './handshake-steps.ts'
import { invitationIdOf, invitationWrong } from './invitation.ts'
import { KeySeal } from './key-seal.ts'
import { FORMAT, type Hello, type Identity, type Port, type Role } from './message/session.ts'
import { NONCE_BYTES, proofKeyOf, proofOf } from './proof.ts'
import type { JoinFacts, SessionFacts, SessionSettings } from './session.ts'
import { checkVersion, OWN_SETTINGS, settingsTold } from './settings.ts'

export class AcceptorSteps implements Steps {
  awaited: 'hello' | 'proof' | 'identity' | undefined = 'hello'
  readonly #options: ServeOptions | PeerOptions
  readonly #world: WireWorld
  #proofs: Proofs = { own: EMPTY_BYTES, theirs: EMPTY_BYTES }
  #theirs: SessionSettings = { ...OWN_SETTINGS, version: '' }
  #role: Role = 'client'
  /** The cluster that a client wants. */
  #wanted = ''
  /** Of a joiner. */
  #join: JoinFacts | undefined
  /** Of a peer. */
  #seal: KeySeal | undefined

  constructor(world: WireWorld, options: ServeOptions | PeerOptions) {
    this.#world = world
    this.#options = options
  }

  begin(): void {
    // The side that connected sends the first frame.
  }

  take(frame: Frame, send: Send): SessionFacts | Decision | undefined {
    switch (this.awaited) {
      case 'hello':
        return this.#takeHello(decoded('hello', frame), bodyOf(frame), send)
      case 'proof':
        return this.#takeProof(decoded('proof', frame), send)
      default:
        return this.#takeIdentity(decoded('identity', frame), send)
    }
  }

  #takeHello(hello: Hello, body: Uint8Array, send: Send): SessionFacts | undefined {
    const options = this.#options
    const { formatMin, formatMax, role, nonce, version } = hello
    if (formatMin > FORMAT || formatMax < FORMAT) throw formatUnsupported(formatMin, formatMax)
    this.#role = checkedRole(options.role, role)
    checkNonce(nonce)
    checkVersion(version)
    this.#theirs = { ...settingsTold(hello.settings), version }
    this.#wanted = hello.cluster
    const own = this.#world.entropy.bytes(NONCE_BYTES)
    const isPeer = options.role === 'peer' && this.#role === 'peer'
    const key = isPeer ? keyChosen(options.keys, hello.keys) : 0
    const secret =
      this.#role === 'joiner' ? this.#takeInvitation(hello, own) : secretOf(options, key)
    const settings = ownSettings(options)
    if (secret === undefined) {
      send('welcome', { format: FORMAT, settings, nonce: EMPTY_BYTES, key })
      return this.#admitClient(send)
    }
    if (isPeer) this.#seal = sealOf('peer', secret, nonce, own)
    const welcome = send('welcome', { format: FORMAT, settings, nonce: own, key })
    const proofKey = proofKeyOf(this.#role, secret)
    this.#proofs = {
      own: proofOf('acceptor', proofKey, body, welcome),
      theirs: proofOf('connector', proofKey, body, welcome),
    }
    if (this.#role !== 'client') send('proof', this.#proofs.own)
    this.awaited = 'proof'
    return undefined
  }

  /** The secret of the invitation that a joiner is to prove. */
  #takeInvitation({ invitation, nonce }: Hello, own: Uint8Array): Uint8Array {
    const options = this.#options
    if (invitation.length !== ID_BYTES) {
      throw garbled(`the id of an invitation has ${invitation.length} bytes: send ${ID_BYTES}`)
    }
    const joiners = options.role === 'peer' ? options.joiners : undefined
    if (joiners === undefined) throw invitationWrong('this node issues no invitations')
    const id = invitationIdOf(invitation)
    const secret = joiners.secretOf(id)
    this.#join = { invitation: id, seal: sealOf('joiner', secret, nonce, own) }
    return secret
  }

  #takeProof(proof: Uint8Array, send: Send): SessionFacts | undefined {
    checkProof(proof, this.#proofs.theirs, this.#role, this.#role === 'client' ? 'client' : 'node')
    if (this.#role !== 'client') {
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
    send('identity', identityOnly(options))
    return this.#open(undefined, send)
  }

  #takeIdentity(identity: Identity, send: Send): SessionFacts | Decision {
    const options = this.#options
    assert(options.role === 'peer', 'only nodes send an identity')
    const { node, standing } = peerOf(options.cluster, identity)
    this.#theirs = { ...this.#theirs, version: identity.version }
    this.awaited = undefined
    // What is remembered of the other before it is admitted.
    const met = options.metOf?.(node) ?? NEVER_MET
    const isJoiner = this.#join !== undefined
    const own = isJoiner ? identityOnly(options) : identityForPeer(options, met)
    const end = (refusal: OperatingError | undefined): SessionFacts => {
      // A second process would take what is remembered of the first one's data for its own.
      if (refusal?.code !== 'node-id-taken') send('identity', own)
      if (refusal !== undefined) throw refusal
      return this.#open(node, send)
    }
    const refusal = this.#refusalOf(options, node, standing)
    return refusal instanceof Promise ? { refusal, end } : end(refusal)
  }

  #refusalOf(
    { admit, joiners }: PeerOptions,
    node: NodeId,
    standing: PeerStanding,
  ): MaybePromise<OperatingError | undefined> {
    if (this.#join === undefined) return admit?.(node, standing, NEVER_MET)
    return joiners?.admit(node, this.#join.invitation)
  }

  #open(node: SessionFacts['node'], send: Send): SessionFacts {
    send('ready', undefined)
    const { cluster } = this.#options
    const settings = this.#theirs
    const own = ownSettings(this.#options)
    const sealing = { join: this.#join, seal: this.#seal }
    return { role: this.#role, cluster, node, settings, ownSettings: own, ...sealing }
  }
}

function sealOf(
  role: 'peer' | 'joiner',
  secret: Uint8Array,
  connectorsNonce: Uint8Array,
  acceptorsNonce: Uint8Array,
): KeySeal {
  return new KeySeal({ role, secret, side: 'acceptor', connectorsNonce, acceptorsNonce })
}

function checkedRole(port: Port, role: Role | undefined): Role {
  if (role === undefined) {
    throw garbled('the role is unknown: send 1 from a client, 2 from a node, 3 from a joiner')
  }
  if ((role === 'client') === (port === 'client')) return role
  throw new OperatingError(
    'handshake-expected',
    port === 'client'
      ? 'this port is for clients: connect to the peer port'
      : 'this port is for nodes: connect to the client port',
  )
}
