/**
 * Whose data is in a directory, and under which placement it was written.
 *
 * Lines of text, so that a person who finds the directory can read them:
 *
 *   everwrite data 4
 *   cluster "prod"
 *   engine "log"
 *   node 0123456789abcdef
 *   directory fedcba9876543210
 *   placement {"partitions":256,"members":[{"name":"node-1",…}],"n":3,"buckets":{}}
 *   crc32c 89abcdef
 *
 * The names are JSON strings; the last line checks all bytes before it. The id of the directory is
 * random: a member whose disk was emptied has its old id and another directory. Every later format
 * keeps the first line's shape, so that an older program can tell newer data from rotten.
 *
 * Invariant: data of another cluster, engine, member, number of partitions or N, or of another
 * format, is never written to. The file changes only when buckets are named that it does not know,
 * or have another N and no records; it is then replaced as a whole.
 *
 * The members of the placement are those of the cluster's first ring. The configuration makes them
 * once: it may list others later, which changes nothing here. A node that has joined was told them.
 */
import { utf8Bytes } from '../base/bytes.ts'
import { OperatingError } from '../base/errors.ts'
import { isId, type NodeId, nodeId } from '../dynamo/names.ts'
import {
  type BucketChange,
  bucketChanges,
  parsePlacement,
  type Placement,
  ringDifferencesOf,
} from '../dynamo/ring/placement.ts'
import { PLACEMENT_BYTES_MAX } from '../limits.ts'
import type { Directory } from '../world/disk.ts'
import {
  checkOf,
  createWhole,
  IDENTITY_NAME,
  readText,
  replaceWhole,
  segmentNumbers,
} from './files.ts'
import { NO_ROUNDS, type RoundsState, writeRounds } from './rounds.ts'
import { NEW_STANDING, type Standing, writeStanding } from './standing.ts'

/** The format of a whole data directory: this file, the segments, the records. */
const FORMAT = 4
/** Where the programs that read older formats are found. */
const OLDER = 'a build of Everwrite 0.1.0 from before 2026-11-28'
const IDENTITY_BYTES_MAX: number = PLACEMENT_BYTES_MAX

export interface Identity {
  readonly cluster: string
  readonly engine: string
  readonly node: NodeId
  readonly placement: Placement
  /** 16 hexadecimal digits, drawn when the directory became this node's. */
  readonly directory: string
}

/** What this process is configured for. */
export type Configured = Omit<Identity, 'directory'>

export interface OpenedIdentity {
  /** The id of the directory. */
  readonly id: string
  /**
   * Buckets with another N than the file says. Where they have no records here, `acceptBuckets`
   * writes it down; else the node must not start.
   */
  readonly changes: readonly BucketChange[]
  /** Under which the data is written: the members of the file, all else as configured. */
  readonly placement: Placement
}

/** What a new directory begins with. */
export interface Beginning {
  readonly standing: Standing
  readonly rounds: RoundsState
}

const OF_FIRST_MEMBERS: Beginning = { standing: NEW_STANDING, rounds: NO_ROUNDS }

/**
 * Of a node that joins while others are at work: it takes no write before another member has told
 * it which are too late.
 */
export const OF_JOINERS: Beginning = {
  standing: { ...NEW_STANDING, state: 'rebuilding' },
  rounds: { ...NO_ROUNDS, knowsClosed: false },
}

/**
 * Takes the directory for this node; a new one gets the id `newId`. Fails with
 * `data-foreign`, `data-newer`, `data-older`, `data-rotten`, `ring-changed`, or `data-locked` where
 * another process is at work here; nothing is then changed.
 */
export async function openIdentity(
  directory: Directory,
  configured: Configured,
  newId: string,
  beginning: Beginning = OF_FIRST_MEMBERS,
): Promise<OpenedIdentity> {
  const lock = await directory.lock()
  try {
    const names = await directory.list()
    if (!names.includes(IDENTITY_NAME)) {
      if ((await segmentNumbers(directory)).length > 0) {
        throw rotten(directory, 'is missing, and there are segments')
      }
      await writeStanding(directory, beginning.standing)
      await writeRounds(directory, beginning.rounds)
      await write(directory, { ...configured, directory: newId }, createWhole)
      return { id: newId, changes: [], placement: configured.placement }
    }
    const identity = await readIdentity(directory, configured)
    const { placement } = identity
    const buckets = { ...placement.buckets, ...configured.placement.buckets }
    const changes = bucketChanges(placement, configured.placement)
    if (
      changes.length === 0 &&
      Object.keys(buckets).length > Object.keys(placement.buckets).length
    ) {
      await write(directory, { ...identity, placement: { ...placement, buckets } }, replaceWhole)
    }
    const { members } = placement
    return { id: identity.directory, changes, placement: { ...configured.placement, members } }
  } finally {
    await lock.unlock()
  }
}

/** Requires: the directory is this node's and locked, and the changed buckets have no records. */
export function acceptBuckets(
  directory: Directory,
  configured: Configured,
  id: string,
): Promise<void> {
  return write(directory, { ...configured, directory: id }, replaceWhole)
}

/** Reads the identity and changes nothing. Fails as `openIdentity` does. */
export async function readIdentity(
  directory: Directory,
  configured: Configured,
): Promise<Identity> {
  const text = await readText(directory, IDENTITY_NAME, IDENTITY_BYTES_MAX)
  const format = /^everwrite data (\d{1,9})\n/.exec(text ?? '')?.[1]
  if (text === undefined || format === undefined) throw rotten(directory, 'cannot be read')
  if (Number(format) > FORMAT) {
    throw refusal(
      'data-newer',
      `${directory.path} holds data of format ${format}; this program knows format ${FORMAT}:` +
        ' start the newer program',
    )
  }
  if (Number(format) < FORMAT) {
    throw refusal(
      'data-older',
      `${directory.path} holds data of format ${format}; this program reads format ${FORMAT}` +
        ` alone: export the data with ${OLDER}, which reads it, and import it into an empty` +
        ' directory',
    )
  }
  const identity = parse(text)
  if (identity === undefined) throw rotten(directory, 'is garbled')
  refuseForeign(directory, identity, configured)
  refuseOtherPlacement(directory, identity, configured)
  return identity
}

function refuseForeign(directory: Directory, identity: Identity, configured: Configured): void {
  const { cluster, engine, node } = identity
  const { path } = directory
  const [itsCluster, ownCluster] = [JSON.stringify(cluster), JSON.stringify(configured.cluster)]
  if (cluster !== configured.cluster) {
    throw refusal(
      'data-foreign',
      `${path} belongs to cluster ${itsCluster}, not to ${ownCluster}: name that cluster, or` +
        ' choose another directory',
    )
  }
  if (engine !== configured.engine) {
    throw refusal(
      'data-foreign',
      `${path} was written by the engine ${JSON.stringify(engine)}, not by` +
        ` ${JSON.stringify(configured.engine)}: name that engine, or choose another directory`,
    )
  }
  if (node !== configured.node) {
    throw refusal(
      'data-foreign',
      `${path} holds the data of member ${node}; this node is member ${configured.node}: give` +
        ' each node its own directory',
    )
  }
}

function refuseOtherPlacement(
  directory: Directory,
  { placement }: Identity,
  configured: Configured,
): void {
  const { members } = placement
  const differences = ringDifferencesOf(placement, { ...configured.placement, members })
  if (differences.length === 0) return
  throw refusal(
    'ring-changed',
    `${directory.path} was written under another ring (${differences.join('; ')}), and keys would` +
      ' not be found: undo the change, or export the data from the cluster as it was, start a new' +
      ' one in empty directories, and import',
  )
}

async function write(
  directory: Directory,
  identity: Identity,
  how: typeof createWhole,
): Promise<void> {
  const bytes = utf8Bytes(identityText(identity))
  const file = await how(directory, IDENTITY_NAME, (created) => created.write(0, bytes))
  await file.close()
}

/** The whole file, its check with it. */
export function identityText(identity: Identity): string {
  const { cluster, engine, node, directory, placement } = identity
  const lines = [
    `everwrite data ${FORMAT}`,
    `cluster ${JSON.stringify(cluster)}`,
    `engine ${JSON.stringify(engine)}`,
    `node ${node}`,
    `directory ${directory}`,
    `placement ${JSON.stringify(placement)}`,
  ]
  const checked = `${lines.join('\n')}\n`
  return `${checked}crc32c ${checkOf(checked)}\n`
}

const LINES = new RegExp(
  `^(everwrite data ${FORMAT}\\ncluster (".*")\\nengine (".*")\\nnode (.*)\\ndirectory (.*)\\n` +
    'placement ({.*})\\n)crc32c ([0-9a-f]{8})\\n$',
)

function parse(text: string): Identity | undefined {
  const match = LINES.exec(text)
  if (match === null) return undefined
  const [, checked = '', cluster = '', engine = '', node = '', directory = '', placement = ''] =
    match
  const placed = parsePlacement(placement)
  if (checkOf(checked) !== match[7] || !isId(node) || !isId(directory)) return undefined
  if (placed === undefined) return undefined
  return {
    cluster: JSON.parse(cluster),
    engine: JSON.parse(engine),
    node: nodeId(node),
    directory,
    placement: placed,
  }
}

function refusal(
  code: 'data-foreign' | 'data-newer' | 'data-older' | 'ring-changed',
  sentence: string,
): OperatingError {
  return new OperatingError(code, `${sentence}. Nothing was changed.`)
}

function rotten(directory: Directory, what: string): OperatingError {
  return new OperatingError(
    'data-rotten',
    `the file ${IDENTITY_NAME} in ${directory.path} ${what}: restore it from a backup, or give` +
      ' this node an empty directory and start it with --rebuild. Nothing was changed.',
  )
}
