/**
 * How a data directory stands: whether it holds all that its node acknowledged, and which data
 * directory each other member had when this node last met it.
 *
 *   everwrite standing 1
 *   state rebuilding 17
 *   replaces fedcba9876543210
 *   met 0123456789abcdef 00112233445566ff 8899aabbccddeeff
 *   crc32c 89abcdef
 *
 * The state is `new`, `whole` or `rebuilding` with the next partition to be read. `replaces` names
 * the lost directories of this node in whose place this one is; `met` a member, and its directories
 * as they were met, the last first. The file is replaced as a whole, and durable before anything
 * relies on it.
 */
import { utf8Bytes, utf8TextExact } from '../base/bytes.ts'
import { OperatingError } from '../base/errors.ts'
import { isId, type NodeId, nodeId } from '../dynamo/names.ts'
import type { Directory } from '../world/disk.ts'
import { checkOf, readFully, replaceWhole, STANDING_NAME } from './files.ts'

/**
 * `new`: no other member has said yet whether it knows another directory of this node. `whole`: all
 * that this node acknowledged is here. `rebuilding`: its disk was emptied, and partitions from
 * `next` on have not been read from the other owners.
 */
export type DirectoryState =
  | { readonly kind: 'new' }
  | { readonly kind: 'whole' }
  | { readonly kind: 'rebuilding'; readonly next: number }

export interface Standing {
  readonly state: DirectoryState
  /** Ids of lost directories of this node that this one replaces, the last first. */
  readonly replaces: readonly string[]
  /** By member, the ids of its data directories, the last met first. */
  readonly met: ReadonlyMap<NodeId, readonly string[]>
}

export const NEW_STANDING: Standing = { state: { kind: 'new' }, replaces: [], met: new Map() }

const STANDING_BYTES_MAX = 1024 * 1024

export async function writeStanding(directory: Directory, standing: Standing): Promise<void> {
  const { state, replaces, met } = standing
  const label = state.kind === 'rebuilding' ? `rebuilding ${state.next}` : state.kind
  const lines = [
    'everwrite standing 1',
    `state ${label}`,
    ['replaces', ...replaces].join(' '),
    ...[...met].map(([node, its]) => ['met', node, ...its].join(' ')),
  ]
  const checked = `${lines.join('\n')}\n`
  const bytes = utf8Bytes(`${checked}crc32c ${checkOf(checked)}\n`)
  const file = await replaceWhole(directory, STANDING_NAME, (created) => created.write(0, bytes))
  await file.close()
}

/** Fails with `data-rotten` where the file is missing or garbled. */
export async function readStanding(directory: Directory): Promise<Standing> {
  const names = await directory.list()
  const standing = names.includes(STANDING_NAME) ? parse(await read(directory)) : undefined
  if (standing !== undefined) return standing
  throw new OperatingError(
    'data-rotten',
    `the file ${STANDING_NAME} in ${directory.path} is missing or garbled: restore it from a` +
      ' backup, or give this node an empty directory and start it with --rebuild. Nothing was' +
      ' changed.',
  )
}

async function read(directory: Directory): Promise<string | undefined> {
  const bytes = new Uint8Array(STANDING_BYTES_MAX)
  const file = await directory.open(STANDING_NAME)
  try {
    const count = await readFully(file, 0, bytes, 0, STANDING_BYTES_MAX)
    return utf8TextExact(bytes.subarray(0, count))
  } finally {
    await file.close()
  }
}

const TEXT = new RegExp(
  '^(everwrite standing 1\\nstate (new|whole|rebuilding \\d{1,9})\\nreplaces(.*)\\n' +
    '((?:met .*\\n)*))crc32c (.*)\\n$',
)

function parse(text: string | undefined): Standing | undefined {
  const [, checked = '', state = '', own = '', lines = '', check] = TEXT.exec(text ?? '') ?? []
  if (check === undefined || checkOf(checked) !== check) return undefined
  const replaces = own.split(' ').slice(1)
  const met = new Map<NodeId, readonly string[]>()
  for (const line of lines.split('\n').slice(0, -1)) {
    const [, node = '', ...directories] = line.split(' ')
    if (!isId(node) || !directories.every(isId)) return undefined
    met.set(nodeId(node), directories)
  }
  return replaces.every(isId) ? { state: stateOf(state), replaces, met } : undefined
}

function stateOf(label: string): DirectoryState {
  if (label === 'new' || label === 'whole') return { kind: label }
  return { kind: 'rebuilding', next: Number(label.split(' ')[1]) }
}
