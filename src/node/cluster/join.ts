/**
 * Lets this node join a cluster: asks the node that issued an invitation to be let in.
 *
 *     empty directory ─► id drawn, durable ─► invitation proved ─► keys durable ─► members durable
 *
 * Each step can be repeated: a node that crashed asks again under the id that it has written down,
 * and the issuer knows it as the joiner that has used the invitation.
 */
import { hexOf } from '../../base/bytes.ts'
import { isOperatingError, OperatingError } from '../../base/errors.ts'
import { type KeyRing, keyRingOfBytes } from '../../dynamo/membership/key-ring.ts'
import { recordOfBytes } from '../../dynamo/membership/member-bytes.ts'
import { parsePlacement } from '../../dynamo/ring/placement.ts'
import { ID_BYTES, type NodeId, nodeId } from '../../dynamo/names.ts'
import { JOIN_NAME, IDENTITY_NAME, segmentNumbers } from '../../store/files.ts'
import { type Joining, type LetIn, readJoining, writeJoining } from '../../store/joining.ts'
import { writeKeyRing } from '../../store/keys.ts'
import { connectSession } from '../../wire/handshake.ts'
import { type Invitation, invitationWrong } from '../../wire/invitation.ts'
import { toldToJoiner } from '../../wire/key-seal.ts'
import type { JoinerFacts, NamedN, PeerJoinReply } from '../../wire/message/join.ts'
import { FORMAT } from '../../wire/message/session.ts'
import type { Answer, Session } from '../../wire/session.ts'
import type { Directory } from '../../world/disk.ts'
import { type Address, addressLabel } from '../../world/network.ts'
import type { World } from '../../world/world.ts'
import { readKeptKeys } from './held-keys.ts'

const CONNECT_MS_MAX = 2_000
/** The issuer's disk must keep this node's record first. */
const ANSWER_MS_MAX = 10_000

export interface JoinTerms {
  /** Of the issuer, for peers. */
  readonly address: Address
  readonly invitation: Invitation
  /** That this node is configured for. */
  readonly cluster: string
  readonly facts: JoinerFacts
  /** That this node is configured for; 0: those of the cluster. */
  readonly partitions: number
  /** The same of the copies of a key in buckets that are not named. */
  readonly n: number
  /** The same of those that are named. */
  readonly buckets: readonly NamedN[]
  /** The data directory. */
  readonly directory: string
}

/** What a start of a node that has joined needs. */
export interface Joined extends LetIn {
  readonly node: NodeId
}

/**
 * What was written down when the node of this directory was let in; undefined where it was not yet.
 * Fails with `data-foreign` or `data-rotten`.
 */
export async function joinedBefore(
  path: string,
  cluster: string,
  { disk }: Pick<World, 'disk'>,
): Promise<Joined | undefined> {
  return joinedIn(await disk.directory(path), cluster)
}

async function joinedIn(directory: Directory, cluster: string): Promise<Joined | undefined> {
  const known = await readJoining(directory)
  if (known !== undefined && known.cluster !== cluster)
    throw otherCluster(directory, known, cluster)
  if (known?.letIn === undefined) return undefined
  // The issuer told them, and they were durable before the rest.
  await readKeptKeys({ cluster, clusterKey: undefined }, directory)
  return { node: known.node, ...known.letIn }
}

/**
 * Resolves once all that a start needs is durable in the data directory. Fails with
 * `invitation-wrong`, `member-gone` and what else the issuer refuses it for, with `not-connected`,
 * `connection-lost`, `deadline-passed`, `data-foreign`, `data-locked` or `data-rotten`: the same
 * call may then be made again.
 */
export async function joinCluster(
  terms: JoinTerms,
  world: Pick<World, 'clock' | 'disk' | 'entropy' | 'network' | 'trace'>,
): Promise<Joined> {
  const { cluster, invitation } = terms
  const directory = await world.disk.directory(terms.directory)
  const lock = await directory.lock()
  try {
    const before = await joinedIn(directory, cluster)
    if (before !== undefined) return before
    checkInvitation(invitation, cluster)
    const { node } = await beginning(directory, cluster, world)
    const { keys, reply } = await ask(terms, node, world)
    const letIn = letInOf(reply, node)
    await writeKeyRing(directory, keys)
    await writeJoining(directory, { cluster, node, letIn })
    return { node, ...letIn }
  } finally {
    await lock.unlock()
  }
}

/** What is written down; a new directory gets an id. */
async function beginning(
  directory: Directory,
  cluster: string,
  { entropy }: Pick<World, 'entropy'>,
): Promise<Joining> {
  const known = await readJoining(directory)
  if (known !== undefined) return known
  const names = await directory.list()
  if (names.includes(IDENTITY_NAME) || (await segmentNumbers(directory)).length > 0) {
    throw new OperatingError(
      'data-foreign',
      `${directory.path} has the data of a node that has not joined by an invitation (there is no` +
        ` file ${JOIN_NAME}): start it without --join, or join with an empty directory. Nothing` +
        ' was changed.',
    )
  }
  const joining = { cluster, node: nodeId(hexOf(entropy.bytes(ID_BYTES))), letIn: undefined }
  await writeJoining(directory, joining)
  return joining
}

function otherCluster({ path }: Directory, { cluster: its }: Joining, own: string): OperatingError {
  return new OperatingError(
    'data-foreign',
    `${path} belongs to a node of cluster ${JSON.stringify(its)}, not of ${JSON.stringify(own)}:` +
      ' give each node its own directory. Nothing was changed.',
  )
}

function checkInvitation(invitation: Invitation, cluster: string): void {
  if (invitation.cluster === cluster) return
  throw invitationWrong(
    `the invitation is of cluster ${JSON.stringify(invitation.cluster)}, and this node is` +
      ` configured for ${JSON.stringify(cluster)}: ask for one of that, or correct the name`,
  )
}

interface Told {
  readonly keys: KeyRing
  readonly reply: PeerJoinReply
}

async function ask(
  terms: JoinTerms,
  node: NodeId,
  world: Pick<World, 'clock' | 'entropy' | 'network' | 'trace'>,
): Promise<Told> {
  const { address, invitation, cluster, facts, partitions, n, buckets } = terms
  const label = addressLabel(address)
  const connection = await world.network
    .connect(address, CONNECT_MS_MAX)
    .catch((cause: unknown) => {
      if (isOperatingError(cause)) throw cause
      const reason = (cause as { readonly code?: string }).code ?? String(cause)
      const sentence = `${label} cannot be reached (${reason}): give the address for nodes (7500)`
      throw new OperatingError('not-connected', sentence, { cause })
    })
  const options = { role: 'joiner', cluster, node, invitation } as const
  const events = { onCall: () => undefined, onEnd: () => undefined }
  const session = await connectSession(connection, world, options, events).catch(
    (error: unknown) => {
      throw withIssuer(error, terms)
    },
  )
  try {
    const own = { facts, partitions, n, buckets }
    const request = { ...own, format: FORMAT, deadlineMs: ANSWER_MS_MAX }
    const reply = await answerOf(session, request, world)
    const bytes = session.join?.seal.open(reply, toldToJoiner(node, reply))
    const keys = bytes === undefined ? undefined : keyRingOfBytes(bytes)
    if (keys !== undefined) return { keys, reply }
    throw new OperatingError(
      'proof-wrong',
      `what ${label} has answered was changed on the way: nothing of it was taken`,
    )
  } finally {
    session.end(new OperatingError('closed', 'this node was let in, or refused'))
  }
}

/** Fails with `message-garbled`: the issuer says what cannot be. */
function letInOf({ placement: placed, records: encoded }: PeerJoinReply, node: NodeId): LetIn {
  const placement = parsePlacement(placed)
  const records = encoded.flatMap((bytes) => recordOfBytes(bytes) ?? [])
  const isWhole = records.length === encoded.length && records.some(({ id }) => id === node)
  if (placement !== undefined && isWhole) {
    return { placement, records }
  }
  throw new OperatingError(
    'message-garbled',
    'the answer of the issuer cannot be read: report this',
  )
}

function answerOf(
  session: Session,
  request: Parameters<typeof session.call<'peerJoin'>>[1],
  { clock }: Pick<World, 'clock'>,
): Promise<PeerJoinReply> {
  return new Promise((resolve, reject) => {
    const late = clock.after(ANSWER_MS_MAX, () => {
      handle.forget()
      const sentence = 'the node that issued the invitation did not answer in time: join again'
      reject(new OperatingError('deadline-passed', sentence))
    })
    const handle = session.call('peerJoin', request, (answer: Answer<'peerJoin'>) => {
      late.cancel()
      if (isOperatingError(answer)) reject(answer)
      else resolve(answer)
    })
  })
}

/** The other side may not say before its proof who issued the invitation: the invitation does. */
function withIssuer(error: unknown, { address, invitation }: JoinTerms): unknown {
  const isAboutIt = isOperatingError(error) && error.code === 'invitation-wrong'
  const issuer = addressLabel(invitation.address)
  if (!isAboutIt || issuer === addressLabel(address)) return error
  return invitationWrong(
    `${error.message}; it was issued by node ${invitation.issuer} at ${issuer}`,
  )
}
