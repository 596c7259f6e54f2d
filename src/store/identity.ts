/**
 * Whose data is in a directory: cluster, engine and node id, written once.
 *
 * Lines of text, so that a person who finds the directory can read them:
 *
 *   everwrite data 1
 *   cluster "prod"
 *   engine "log"
 *   node 0123456789abcdef
 *   crc32c 89abcdef
 *
 * The names are JSON strings; the last line checks all bytes before it. Every later format
 * keeps the first line's shape, so that an older program can tell newer data from rotten.
 *
 * Invariant: the file is never changed, and data of another cluster, of another engine or of a
 * newer format is never written to.
 */
import { utf8Bytes, utf8TextExact } from '../base/bytes.ts'
import { OperatingError } from '../base/errors.ts'
import { isId, type NodeId, nodeId } from '../dynamo/names.ts'
import { crc32c } from '../native/digest.ts'
import type { Directory } from '../world/disk.ts'
import { createWhole, IDENTITY_NAME, readFully, segmentNumbers } from './files.ts'

/** The format of a whole data directory: this file, the segments, the records. */
const FORMAT = 1
const IDENTITY_BYTES_MAX = 4096

export interface Identity {
  readonly cluster: string
  readonly node: NodeId
  /** True where the directory was empty and has just been made this node's. */
  readonly isNew: boolean
}

export interface IdentityOptions {
  /** The cluster and the engine that this process is configured for. */
  readonly cluster: string
  readonly engine: string
  /** Draws the id of a node that is new. */
  readonly newNodeId: () => NodeId
}

/**
 * The identity of the data, made where the directory is new. Fails with `data-foreign`,
 * `data-newer`, `data-rotten`, or `data-locked` where another process is at work here.
 */
export async function openIdentity(
  directory: Directory,
  options: IdentityOptions,
): Promise<Identity> {
  const lock = await directory.lock()
  try {
    const names = await directory.list()
    if (names.includes(IDENTITY_NAME)) return await readIdentity(directory, options)
    if ((await segmentNumbers(directory)).length > 0) {
      throw rotten(directory, 'is missing, and there are segments')
    }
    return await writeIdentity(directory, options)
  } finally {
    await lock.unlock()
  }
}

async function writeIdentity(directory: Directory, options: IdentityOptions): Promise<Identity> {
  const { cluster, engine } = options
  const node = options.newNodeId()
  const bytes = utf8Bytes(identityText(cluster, engine, node))
  const file = await createWhole(directory, IDENTITY_NAME, (created) => created.write(0, bytes))
  await file.close()
  return { cluster, node, isNew: true }
}

/** The whole file, its check with it. */
export function identityText(cluster: string, engine: string, node: NodeId): string {
  const names = `cluster ${JSON.stringify(cluster)}\nengine ${JSON.stringify(engine)}\n`
  const checked = `everwrite data ${FORMAT}\n${names}node ${node}\n`
  return `${checked}crc32c ${checkOf(checked)}\n`
}

function checkOf(text: string): string {
  const bytes = utf8Bytes(text)
  return crc32c(bytes, 0, bytes.length).toString(16).padStart(8, '0')
}

async function readIdentity(
  directory: Directory,
  { cluster, engine }: IdentityOptions,
): Promise<Identity> {
  const bytes = new Uint8Array(IDENTITY_BYTES_MAX)
  const file = await directory.open(IDENTITY_NAME)
  let count: number
  try {
    count = await readFully(file, 0, bytes, 0, IDENTITY_BYTES_MAX)
  } finally {
    await file.close()
  }
  const text = utf8TextExact(bytes.subarray(0, count))
  const format = /^everwrite data (\d{1,9})\n/.exec(text ?? '')?.[1]
  if (text === undefined || format === undefined) throw rotten(directory, 'cannot be read')
  if (Number(format) > FORMAT) {
    throw new OperatingError(
      'data-newer',
      `${directory.path} holds data of format ${format}; this program knows format ${FORMAT}:` +
        ' start the newer program. Nothing was changed.',
    )
  }
  const found = parse(text)
  if (found === undefined) throw rotten(directory, 'is garbled')
  if (found.cluster !== cluster) {
    throw new OperatingError(
      'data-foreign',
      `${directory.path} belongs to cluster ${JSON.stringify(found.cluster)}, not to` +
        ` ${JSON.stringify(cluster)}: name that cluster, or choose another directory.` +
        ' Nothing was changed.',
    )
  }
  if (found.engine !== engine) {
    throw new OperatingError(
      'data-foreign',
      `${directory.path} was written by the engine ${JSON.stringify(found.engine)}, not by` +
        ` ${JSON.stringify(engine)}: name that engine, or choose another directory.` +
        ' Nothing was changed.',
    )
  }
  return { cluster, node: found.node, isNew: false }
}

interface Parsed {
  readonly cluster: string
  readonly engine: string
  readonly node: NodeId
}

const LINES =
  /^(everwrite data 1\ncluster (".*")\nengine (".*")\nnode (.*)\n)crc32c ([0-9a-f]{8})\n$/

function parse(text: string): Parsed | undefined {
  const [, checked = '', cluster = '', engine = '', node = '', check] = LINES.exec(text) ?? []
  if (check === undefined || checkOf(checked) !== check || !isId(node)) return undefined
  return { cluster: JSON.parse(cluster), engine: JSON.parse(engine), node: nodeId(node) }
}

function rotten(directory: Directory, what: string): OperatingError {
  return new OperatingError(
    'data-rotten',
    `the file ${IDENTITY_NAME} in ${directory.path} ${what}: restore it from a backup, or give` +
      ' this node an empty directory and let its peers rebuild it. Nothing was changed.',
  )
}
