/**
 * How a data directory stands: whether it holds all that its node acknowledged, and which data
 * directory each other member had when this node last met it.
 *
 *   everwrite standing 1
 *   state rebuilding
 *   lost 12345678
 *   replaces fedcba9876543210
 *   met 0123456789abcdef 4711 00112233445566ff 8899aabbccddeeff
 *   crc32c 89abcdef
 *
 * The state is `new`, `whole` or `rebuilding`. `lost` is what the engine said that it lacks when
 * everything was got back last. `replaces` names the lost directories of this node
 * in whose place this one is; `met` a member, the highest sequence that it was known to hold
 * durably, and its directories as they were met, the last first. The file is replaced as a whole,
 * and durable before anything relies on it.
 */
import { utf8Bytes } from '../base/bytes.ts'
import { OperatingError } from '../base/errors.ts'
import { isId, type NodeId, nodeId } from '../dynamo/names.ts'
import type { Directory } from '../world/disk.ts'
import { checkOf, readText, replaceWhole, STANDING_NAME } from './files.ts'

/**
 * `new`: no other member has said yet whether it knows another directory of this node. `whole`: all
 * that this node acknowledged is here. `rebuilding`: its disk was emptied, set back or damaged, and
 * it has not exchanged with every other owner since.
 */
export type DirectoryState = 'new' | 'whole' | 'rebuilding'

/** What is remembered of a member's data. */
export interface Met {
  /** The ids of its data directories, the last met first. */
  readonly directories: readonly string[]
  /** The highest sequence of the last of them that it has told to be durable. */
  readonly durable: number
}

export interface Standing {
  readonly state: DirectoryState
  /** See `EngineReport`: what was lost, and has been got back from the other owners. */
  readonly lost: string
  /** Ids of lost directories of this node that this one replaces, the last first. */
  readonly replaces: readonly string[]
  readonly met: ReadonlyMap<NodeId, Met>
}

export const NEW_STANDING: Standing = { state: 'new', lost: '', replaces: [], met: new Map() }

const STANDING_BYTES_MAX = 1024 * 1024

export async function writeStanding(directory: Directory, standing: Standing): Promise<void> {
  const { state, lost, replaces, met } = standing
  const lines = [
    'everwrite standing 1',
    `state ${state}`,
    `lost ${lost}`,
    ['replaces', ...replaces].join(' '),
    ...[...met].map(([node, { durable, directories }]) => {
      return ['met', node, durable, ...directories].join(' ')
    }),
  ]
  const checked = `${lines.join('\n')}\n`
  const bytes = utf8Bytes(`${checked}crc32c ${checkOf(checked)}\n`)
  const file = await replaceWhole(directory, STANDING_NAME, (created) => created.write(0, bytes))
  await file.close()
}

/** Fails with `data-rotten` where the file is missing or garbled. */
export async function readStanding(directory: Directory): Promise<Standing> {
  const names = await directory.list()
  const standing = names.includes(STANDING_NAME)
    ? parse(await readText(directory, STANDING_NAME, STANDING_BYTES_MAX))
    : undefined
  if (standing !== undefined) return standing
  throw new OperatingError(
    'data-rotten',
    `the file ${STANDING_NAME} in ${directory.path} is missing or garbled: restore it from a` +
      ' backup, or give this node an empty directory and start it with --rebuild. Nothing was' +
      ' changed.',
  )
}

const TEXT = new RegExp(
  '^(everwrite standing 1\\nstate (new|whole|rebuilding)\\nlost ([0-9a-f]*)\\nreplaces(.*)\\n' +
    '((?:met .*\\n)*))crc32c (.*)\\n$',
)

function parse(text: string | undefined): Standing | undefined {
  const [, checked = '', state = '', lost = '', own = '', lines = '', check] =
    TEXT.exec(text ?? '') ?? []
  if (check === undefined || checkOf(checked) !== check) return undefined
  const replaces = own.split(' ').slice(1)
  const met = new Map<NodeId, Met>()
  for (const line of lines.split('\n').slice(0, -1)) {
    const [, node = '', durable = '', ...directories] = line.split(' ')
    if (!isId(node) || !/^\d{1,15}$/.test(durable) || !directories.every(isId)) return undefined
    met.set(nodeId(node), { directories, durable: Number(durable) })
  }
  return replaces.every(isId) ? { state: state as DirectoryState, lost, replaces, met } : undefined
}
