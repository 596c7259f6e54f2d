/**
 * The steps of a handshake: their options, and the checks that both sides make.
 *
 * `handshake-connector.ts` and `handshake-acceptor.ts` are the two sides; `handshake.ts` runs them.
 * They take one frame after another, each of the awaited kind, and have neither clock nor
 * connection.
 */
import { bytesOfHex, EMPTY_BYTES, equalSecrets, hexOf, U48_MAX } from '../base/bytes.ts'
import type { MaybePromise } from '../base/deliver.ts'
import { OperatingError } from '../base/errors.ts'
import { ID_BYTES, idBytes, type NodeId, nodeIdOf } from '../dynamo/names.ts'
import { FIRST_KEY_ID } from '../dynamo/version/context-seal.ts'
import { CLUSTER_KEYS_MERGED_MAX, DIRECTORIES_MET_MAX } from '../limits.ts'
import { VERSION } from '../version.ts'
import { garbled } from './bounds.ts'
import { type Control, decodeControl } from './convert.ts'
import type { Frame } from './frame.ts'
import type { InvitationId, ProvedInvitation } from './invitation.ts'
import { FORMAT, type Identity, type Role, type Settings } from './message/session.ts'
import { NONCE_BYTES } from './proof.ts'
import type { SessionFacts } from './session.ts'
import { checkVersion, OWN_SETTINGS } from './settings.ts'

/** What both sides choose. */
interface SideOptions {
  /** What this side tells of itself in place of the numbers of `OWN_SETTINGS`. */
  readonly settings?: Partial<Settings> | undefined
}

/** A client that connects to a node. */
export interface ClientOptions extends SideOptions {
  readonly role: 'client'
  /** Empty: any cluster. */
  readonly cluster: string
  /** 1 to 1,024 bytes. With a token, a node that does not prove that it knows it is refused. */
  readonly token?: Uint8Array | undefined
}

/** The cluster keys that a node can prove. */
export interface ProofKeys {
  /** Their ids, in the order in which they are preferred: the one that signs is the first. */
  readonly offered: readonly number[]
  /** 16 bytes; undefined where the key is unknown here. */
  keyOf(id: number): Uint8Array | undefined
}

/** The first key of a cluster, alone. */
export function firstKeyAlone(key: Uint8Array): ProofKeys {
  return { offered: [FIRST_KEY_ID], keyOf: (id) => (id === FIRST_KEY_ID ? key : undefined) }
}

/** A node that connects to another node, or accepts its connection. */
export interface PeerOptions extends SideOptions {
  readonly role: 'peer'
  readonly cluster: string
  readonly node: NodeId
  readonly keys: ProofKeys
  /** What this node says of its data. */
  readonly standing: PeerStanding
  /** What this node remembers of another one's data. */
  readonly metOf?: (node: NodeId) => Met
  /**
   * Called after the other side's proof was verified: why the node is refused, if so. `met` is what
   * the other remembers of this node's data, if the other accepted the connection. Only a side that
   * accepts may answer later.
   */
  readonly admit?: (
    node: NodeId,
    theirs: PeerStanding,
    met: Met,
  ) => MaybePromise<OperatingError | undefined>
  /** At a side that accepts; without it, every joiner is refused. */
  readonly joiners?: JoinersOptions
}

/** How a node takes joiners. */
export interface JoinersOptions {
  /** The secret of an invitation. Throws `invitation-wrong`. */
  secretOf(invitation: InvitationId): Uint8Array
  /** Called after the joiner's proof was verified: why it is refused, if so. */
  admit(joiner: NodeId, invitation: InvitationId): OperatingError | undefined
}

/** A node that is to become a member, and connects to the node that issued its invitation. */
export interface JoinerOptions extends SideOptions {
  readonly role: 'joiner'
  readonly cluster: string
  /** Drawn at random. */
  readonly node: NodeId
  readonly invitation: ProvedInvitation
}

/** What a node says of itself. */
export interface PeerStanding {
  /** Drawn by its process, 16 hexadecimal digits; empty for a tool, which may have any id. */
  readonly processId: string
  /** The id of its data directory, 16 hexadecimal digits; empty for a tool, which holds no data. */
  readonly directory: string
  /** Ids of lost directories of the node that this one replaces. */
  readonly replaced: readonly string[]
  /** The placement under which its data is written, as JSON; empty for a tool, or if it is long. */
  readonly placement: string
  /** The highest sequence of its log that is durable now; 0 for a tool. */
  readonly durable: number
  /** It knows that its data was lost or set back, and gets it back from the others. */
  readonly isRebuilding: boolean
}

/** What a node remembers of another one's data. */
export interface Met {
  /** The ids of its data directories, the last met first. */
  readonly directories: readonly string[]
  /** The highest sequence of the last of them that it has told to be durable. */
  readonly durable: number
}

export const NEVER_MET: Met = { directories: [], durable: 0 }

/** A longer placement is not sent: the frames of the handshake have a bound. */
const PLACEMENT_CHARS_MAX = 2048

/** Of a tool that asks as a member does. */
export const WITHOUT_DATA: PeerStanding = {
  processId: '',
  directory: '',
  replaced: [],
  placement: '',
  durable: 0,
  isRebuilding: false,
}

/** A node that accepts a connection from a client. */
export interface ServeOptions extends SideOptions {
  readonly role: 'client'
  readonly cluster: string
  readonly node: NodeId
  /** If one is configured, clients must prove that they know it. 1 to 1,024 bytes. */
  readonly token?: Uint8Array | undefined
}

/** The frames of a handshake. */
export type Step = 'hello' | 'welcome' | 'proof' | 'identity' | 'ready'

/** Sends a message; returns a copy of its body. */
export type Send = <N extends Step>(name: N, message: Control<N>) => Uint8Array

/** The last frame was taken, and the other side waits while this one decides. */
export interface Decision {
  /** Why the other side is refused, if so. */
  readonly refusal: Promise<OperatingError | undefined>
  /** To be called with that: sends the last frames, or throws the refusal. */
  end(refusal: OperatingError | undefined): SessionFacts
}

/** The steps of one side; an `OperatingError` that they throw refuses the connection. */
export interface Steps {
  /** The frame that must come next; undefined: none, while this side decides. */
  readonly awaited: Step | undefined
  begin(send: Send): void
  /** Takes the awaited frame; returns the result of the handshake after the last. */
  take(frame: Frame, send: Send): SessionFacts | Decision | undefined
}

/** The two proofs of a handshake: the own one, and the one that the other side must send. */
export interface Proofs {
  readonly own: Uint8Array
  readonly theirs: Uint8Array
}

export function decoded<N extends Step>(name: N, { bytes, start, length }: Frame): Control<N> {
  return decodeControl(name, bytes, start, length)
}

/** A copy of the body, which outlives the frame. */
export function bodyOf({ bytes, start, length }: Frame): Uint8Array {
  return bytes.slice(start, start + length)
}

/**
 * The secret that both sides must know; undefined where none is configured. `key`: the id of the
 * cluster key that peers prove, as Welcome tells it.
 */
export function secretOf(
  options: ClientOptions | ServeOptions | PeerOptions | JoinerOptions,
  key: number,
): Uint8Array | undefined {
  if (options.role === 'joiner') return options.invitation.secret
  if (options.role !== 'peer') return options.token
  return options.keys.keyOf(key || FIRST_KEY_ID) ?? refuseKeys()
}

/** The ids in Hello of the keys that a peer has. The first key alone is not told. */
export function keysTold({ offered }: ProofKeys): readonly number[] {
  return offered.length === 1 && offered[0] === FIRST_KEY_ID ? [] : offered
}

/** Which key both sides prove, as Welcome tells it: the best for this side that both have. */
export function keyChosen({ offered }: ProofKeys, told: readonly number[]): number {
  if (told.length > CLUSTER_KEYS_MERGED_MAX) {
    throw garbled(`${told.length} cluster keys are told: tell at most ${CLUSTER_KEYS_MERGED_MAX}`)
  }
  const theirs = told.length === 0 ? [FIRST_KEY_ID] : told
  const chosen = offered.find((id) => theirs.includes(id)) ?? refuseKeys()
  return chosen === FIRST_KEY_ID ? 0 : chosen
}

function refuseKeys(): never {
  throw new OperatingError(
    'proof-wrong',
    'the two nodes have no cluster key in common: what one has was dropped at the other; copy the' +
      " file keys of another member's data directory to it, or let it join anew",
  )
}

export function ownSettings({ settings }: SideOptions): Settings {
  return { ...OWN_SETTINGS, ...settings }
}

const NO_DATA = {
  processId: EMPTY_BYTES,
  directory: EMPTY_BYTES,
  replaced: [],
  placement: '',
  met: [],
  durable: 0,
  metDurable: 0,
  isRebuilding: false,
} as const

/** What a node says of itself to a client or a joiner, and a joiner to a node. */
export function identityOnly({ cluster, node }: Named): Identity {
  return { cluster, node: idBytes(node), version: VERSION, ...NO_DATA }
}

type Named = Pick<ServeOptions, 'cluster' | 'node'>

/** What a node says of itself to a peer, and what it remembers of that. */
export function identityForPeer(options: PeerOptions, met: Met): Identity {
  const { cluster, node, standing } = options
  const { processId, directory, replaced, placement, durable, isRebuilding } = standing
  return {
    cluster,
    node: idBytes(node),
    version: VERSION,
    processId: bytesOfDigits(processId),
    directory: bytesOfDigits(directory),
    replaced: replaced.map(bytesOfDigits),
    placement: placement.length > PLACEMENT_CHARS_MAX ? '' : placement,
    met: met.directories.map(bytesOfDigits),
    durable,
    metDurable: met.durable,
    isRebuilding,
  }
}

/** Who the other side says that it is. */
export interface Peer {
  readonly node: NodeId
  readonly standing: PeerStanding
  readonly met: Met
}

/** Checks an identity; an empty `wanted` is any cluster. */
export function peerOf(wanted: string, identity: Identity): Peer {
  const { cluster, node, version, processId, directory, replaced, placement } = identity
  const { met, durable, metDurable, isRebuilding } = identity
  checkCluster(wanted, cluster)
  if (node.length !== ID_BYTES) {
    throw garbled(`the node id has ${node.length} bytes: send ${ID_BYTES}`)
  }
  if (processId.length > 0 && processId.length !== ID_BYTES) {
    throw garbled(`the number of a process has ${processId.length} bytes: send ${ID_BYTES}`)
  }
  const standing = {
    processId: hexOf(processId),
    directory: directory.length === 0 ? '' : directoryOf(directory),
    replaced: directoriesOf(replaced),
    placement,
    durable,
    isRebuilding,
  }
  if (Math.max(durable, metDurable) > U48_MAX) {
    throw garbled('no log has a sequence above 2^48 - 1')
  }
  checkVersion(version)
  const known = { directories: directoriesOf(met), durable: metDurable }
  return { node: nodeIdOf(node), standing, met: known }
}

export function checkNonce(nonce: Uint8Array): void {
  if (nonce.length === NONCE_BYTES) return
  throw garbled(`the nonce has ${nonce.length} bytes: send ${NONCE_BYTES}`)
}

/** An empty `own` is any cluster. */
export function checkCluster(own: string, theirs: string): void {
  if (own === theirs || own === '') return
  throw new OperatingError(
    'wrong-cluster',
    `one side belongs to cluster ${JSON.stringify(own.slice(0, 100))}, the other to ` +
      `${JSON.stringify(theirs.slice(0, 100))}: check the address and the cluster's name`,
  )
}

/** A node that checks a client's proof has `token-wrong`; each other check has `proof-wrong`. */
export function checkProof(
  shown: Uint8Array,
  expected: Uint8Array,
  role: Role,
  from: 'client' | 'node',
): void {
  if (equalSecrets(expected, shown)) return
  if (from === 'client') {
    throw new OperatingError('token-wrong', 'the token is wrong: use the token of this cluster')
  }
  throw new OperatingError('proof-wrong', DIFFERENT[role])
}

const DIFFERENT: Readonly<Record<Role, string>> = {
  peer: 'the two nodes have different cluster keys: check the address, or give them one key file',
  client: 'the node does not know the token: check the address and the token',
  joiner:
    'the two nodes have different secrets of the invitation: check the address, and join at the' +
    ' node that issued the invitation',
}

function bytesOfDigits(digits: string): Uint8Array {
  return bytesOfHex(digits) ?? EMPTY_BYTES
}

function directoriesOf(ids: readonly Uint8Array[]): readonly string[] {
  if (ids.length <= DIRECTORIES_MET_MAX) return ids.map(directoryOf)
  throw garbled(`${ids.length} directories are told: tell at most ${DIRECTORIES_MET_MAX}`)
}

function directoryOf(bytes: Uint8Array): string {
  if (bytes.length === ID_BYTES) return hexOf(bytes)
  throw garbled(`the id of a data directory has ${bytes.length} bytes: send ${ID_BYTES}`)
}

export function formatUnsupported(min: number, max: number): OperatingError {
  return new OperatingError(
    'format-unsupported',
    `the other side offers formats ${min} to ${max} and this side has ${FORMAT}: upgrade the older`,
  )
}
