/** Check the data directory of a node that is not running. */
import { OperatingError } from '../base/errors.ts'
import type { Config } from '../config.ts'
import { IDENTITY_NAME, STANDING_NAME } from '../store/files.ts'
import { readIdentity } from '../store/identity.ts'
import { MemberState } from '../dynamo/membership/member-record.ts'
import { readMembers } from '../store/members.ts'
import { readStanding } from '../store/standing.ts'
import { checkLog, type LogCheck } from '../store/log/check-log.ts'
import type { World } from '../world/world.ts'
import { readKeptKeys } from './cluster/held-keys.ts'
import { memberGone } from './cluster/kept-members.ts'
import { placementOf } from './replica/open-engine.ts'

export interface DataCheck extends LogCheck {
  readonly directory: string
}

/**
 * Reads everything and changes nothing. Fails with `config-wrong` for another engine than `log`,
 * with `data-missing`, `data-locked`, `data-foreign`, `data-newer`, `data-rotten` or
 * `key-file-wrong`.
 */
export async function checkData(
  config: Config,
  { disk, trace }: Pick<World, 'disk' | 'trace'>,
): Promise<DataCheck> {
  const { engine, segmentBytes } = config
  if (engine !== 'log') {
    const name = typeof engine === 'string' ? engine : engine.name
    throw new OperatingError(
      'config-wrong',
      `only data of the engine log is checked, not of ${name}`,
    )
  }
  const directory = await disk.directory(config.directory)
  if (!(await directory.list()).includes(IDENTITY_NAME)) throw noData(config.directory)
  await readIdentity(directory, configuredOf(config))
  const { digestKey } = (await readKeptKeys(config, directory)).held
  const found = await checkLog({ directory, trace, digestKey, segmentBytes })
  return { directory: directory.path, ...found }
}

/**
 * Reads whose data a directory holds, and changes nothing; one without data is right. Fails with
 * `data-foreign`, `data-newer`, `data-older`, `data-rotten`, `key-file-wrong`, `ring-changed` or
 * `member-gone`.
 */
export async function checkIdentity(config: Config, disk: World['disk']): Promise<void> {
  const directory = await disk.directory(config.directory)
  if (!(await directory.list()).includes(IDENTITY_NAME)) return
  const configured = configuredOf(config)
  await readIdentity(directory, configured)
  await readKeptKeys(config, directory)
  const records = (await readMembers(directory))?.records ?? []
  const own = records.find(({ id }) => id === configured.node)
  if (own?.state === MemberState.gone) throw memberGone(config.name)
}

/**
 * Fails with `config-wrong` where this node is asked to rebuild, and its directory has all that it
 * acknowledged. One in which a rebuild has begun is right, also once that has ended: the command
 * that began it may be repeated by what starts the node again.
 */
export async function checkRebuild(config: Config, disk: World['disk']): Promise<void> {
  const { engine, mayRebuild, name } = config
  if (!mayRebuild || engine === 'memory') return
  const directory = await disk.directory(config.directory)
  if (!(await directory.list()).includes(STANDING_NAME)) return
  const { state, replaces } = await readStanding(directory)
  if (state !== 'whole' || replaces.length > 0) return
  throw new OperatingError(
    'config-wrong',
    `--rebuild (or the setting rebuild) is for an empty directory, and ${directory.path} has all` +
      ` that ${name} acknowledged: start it without. To replace what is there by what the others` +
      ' hold, move it away first',
  )
}

/** What the identity of this member's data says. */
function configuredOf(config: Config): Parameters<typeof readIdentity>[1] {
  const { cluster, id, engine } = config
  return {
    cluster,
    engine: typeof engine === 'string' ? engine : engine.name,
    node: id,
    placement: placementOf(config),
  }
}

export function noData(path: string): OperatingError {
  return new OperatingError('data-missing', `${path} holds no data of a node: name its directory`)
}
