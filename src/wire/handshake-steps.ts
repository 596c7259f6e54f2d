/**
 * The steps of a handshake: their options, and the checks that both sides make.
 *
 * `handshake-connector.ts` and `handshake-acceptor.ts` are the two sides; `handshake.ts` runs them.
 * They take one frame after another, each of the awaited kind, and have neither clock nor
 * connection.
 */
import { bytesOfHex, EMPTY_BYTES, equalSecrets, hexOf, U48_MAX } from '../base/bytes.ts'
import { OperatingError } from '../base/errors.ts'
import { ID_BYTES, idBytes, type NodeId, nodeIdOf } from '../dynamo/names.ts'
import { DIRECTORIES_MET_MAX } from '../limits.ts'
import { VERSION } from '../version.ts'
import { garbled } from './bounds.ts'
import { type Control, decodeControl } from './convert.ts'
import type { Frame } from './frame.ts'
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

/** A node that connects to another node, or accepts its connection. */
export interface PeerOptions extends SideOptions {
  readonly role: 'peer'
  readonly cluster: string
  readonly node: NodeId
  /** 16 bytes. */
  readonly clusterKey: Uint8Array
  /** What this node says of its data. */
  readonly standing: PeerStanding
  /** What this node remembers of another one's data. */
  readonly metOf?: (node: NodeId) => Met
  /**
   * Called after the other side's proof was verified: why the node is refused, if so. `met` is what
   * the other remembers of this node's data, if the other accepted the connection.
   */
  readonly admit?: (node: NodeId, theirs: PeerStanding, met: Met) => OperatingError | undefined
}

/** What a node says of its data. */
export interface PeerStanding {
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

/** The steps of one side; an `OperatingError` that they throw refuses the connection. */
export interface Steps {
  /** The frame that must come next. */
  readonly awaited: Step
  begin(send: Send): void
  /** Takes the awaited frame; returns the result of the handshake after the last. */
  take(frame: Frame, send: Send): SessionFacts | undefined
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

/** The secret that both sides must know; undefined where none is configured. */
export function secretOf(
  options: ClientOptions | ServeOptions | PeerOptions,
): Uint8Array | undefined {
  return options.role === 'peer' ? options.clusterKey : options.token
}

export function ownSettings({ settings }: SideOptions): Settings {
  return { ...OWN_SETTINGS, ...settings }
}

const NO_DATA = {
  directory: EMPTY_BYTES,
  replaced: [],
  placement: '',
  met: [],
  durable: 0,
  metDurable: 0,
  isRebuilding: false,
} as const

/** What a node says of itself to a client. */
export function identityForClient({ cluster, node }: ServeOptions): Identity {
  return { cluster, node: idBytes(node), version: VERSION, ...NO_DATA }
}

/** What a node says of itself to a peer, and what it remembers of that. */
export function identityForPeer(options: PeerOptions, met: Met): Identity {
  const { cluster, node, standing } = options
  const { directory, replaced, placement, durable, isRebuilding } = standing
  return {
    cluster,
    node: idBytes(node),
    version: VERSION,
    directory: bytesOfDirectory(directory),
    replaced: replaced.map(bytesOfDirectory),
    placement: placement.length > PLACEMENT_CHARS_MAX ? '' : placement,
    met: met.directories.map(bytesOfDirectory),
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
  const { cluster, node, version, directory, replaced, placement } = identity
  const { met, durable, metDurable, isRebuilding } = identity
  checkCluster(wanted, cluster)
  if (node.length !== ID_BYTES) {
    throw garbled(`the node id has ${node.length} bytes: send ${ID_BYTES}`)
  }
  const standing = {
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
  throw new OperatingError(
    'proof-wrong',
    role === 'peer'
      ? 'the two nodes have different cluster keys: check the address, or give them one key file'
      : 'the node does not know the token: check the address and the token',
  )
}

function bytesOfDirectory(directory: string): Uint8Array {
  return bytesOfHex(directory) ?? EMPTY_BYTES
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
