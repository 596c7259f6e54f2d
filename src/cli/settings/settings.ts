/**
 * Read a file, the environment and flags into a checked `Config`; the later wins.
 *
 * All faults are reported at once, each with its setting. Paths in the file are relative to
 * the file, those in the environment and in flags to the current directory.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import { isOperatingError, OperatingError } from '../../base/errors.ts'
import { type BucketConfig, type Config, DEFAULTS, type MemberConfig } from '../../config.ts'
import { memberIdOf } from '../../node/cluster/topology.ts'
import { loadEngine } from '../engine/engine-module.ts'
import type { NodeId } from '../../dynamo/names.ts'
import type { Joined } from '../../node/cluster/join.ts'
import { IDENTITY_NAME, JOIN_NAME, KEYS_NAME } from '../../store/files.ts'
import { checkSecret, readKeyFile, readTokenFile } from './key-file.ts'
import { addressOf, contradictionsOf } from './faults.ts'
import { SCALARS, type ScalarKind } from './names.ts'
import { type Fault, type Settings, shapeOf } from './shape.ts'

/** No settings of a node: commands that are clients read them; the last, the addon's loader. */
const OTHER_VARIABLES = new Set([
  'EVERWRITE_SEEDS',
  'EVERWRITE_TOKEN',
  'EVERWRITE_CONFIG',
  'EVERWRITE_LOG_LEVEL',
  'EVERWRITE_PREBUILD',
])
const PATHS = ['data', 'key-file', 'client-token-file', 'engine'] as const

/** All faults of a configuration. Its code is that of the first one. */
export class SettingsError extends OperatingError {
  readonly faults: readonly Fault[]

  constructor(faults: readonly Fault[]) {
    const lines = faults.map((fault) => `\n  ${fault.path} ${fault.sentence}`)
    super((faults[0] as Fault).code, `this node cannot be started so:${lines.join('')}`)
    this.faults = faults
  }
}

export interface Sources {
  /** The path of the TOML file. */
  readonly file: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** By the setting's name; text, or true for a flag without a value. */
  readonly flags: Readonly<Record<string, string | boolean | undefined>>
  /** Takes a sentence that is no fault. */
  readonly warn?: (sentence: string) => void
  /** This node is to join, unless its data directory is a member's already. */
  readonly joins?: boolean
}

/** A configuration, and how its node comes into the cluster. */
export interface NodeSettings {
  /** Of a joiner, the id is none as long as it has not been let in. */
  readonly config: Config
  /** It joins, or has joined, by an invitation: it is not of the first list. */
  readonly isJoiner: boolean
  /** 0 where the configuration does not say; the same of the copies of a key. */
  readonly partitions: number
  readonly n: number
  /** It has joined, and the configuration is whole. */
  readonly hasJoined: boolean
}

/** Throws `SettingsError` with every fault: `config-wrong`, `bind-insecure`, `key-file-wrong`. */
export async function readSettings(sources: Sources): Promise<Config> {
  const { config } = await readNodeSettings(sources)
  return config
}

/** The same. */
export async function readNodeSettings(sources: Sources): Promise<NodeSettings> {
  const raw = rawOf(sources)
  const faults: Fault[] = []
  const unknown: string[] = []
  for (const [variable, text] of Object.entries(sources.environment)) {
    if (text === undefined || !variable.startsWith('EVERWRITE_')) continue
    const name = variable.slice('EVERWRITE_'.length).toLowerCase().replaceAll('_', '-')
    const kind = SCALARS[name]?.[0]
    if (kind !== undefined) raw[name] = valueOf(name, text, kind)
    else if (!OTHER_VARIABLES.has(variable)) unknown.push(variable)
  }
  if (unknown.length > 0) sources.warn?.(unknownLabel(unknown))
  for (const [name, given] of Object.entries(sources.flags)) {
    const kind = SCALARS[name]?.[0]
    if (given === undefined || kind === undefined) continue
    raw[name] = typeof given === 'boolean' ? given : valueOf(name, given, kind)
  }
  // A list of one node, as a joiner has it, needs no second word for it.
  raw['name'] ??= onlyNameIn(raw['members'])
  const judged = shapeOf(raw)
  faults.push(...judged.faults)
  if (judged.settings === undefined) throw new SettingsError(faults)
  const given = (name: 'partitions' | 'n'): number =>
    raw[name] === undefined ? 0 : (judged.settings?.[name] ?? 0)
  const { data } = judged.settings
  const has = (name: string): boolean => data !== undefined && existsSync(join(data, name))
  const isJoiner = has(JOIN_NAME) || (sources.joins === true && !has(IDENTITY_NAME))
  const joined = has(JOIN_NAME) ? await joinedAs(judged.settings) : undefined
  const settings =
    joined === undefined ? judged.settings : completed(judged.settings, joined, given)
  const ownKeys = data !== undefined && has(KEYS_NAME) ? join(data, KEYS_NAME) : undefined
  const isKeyed = isJoiner || (ownKeys !== undefined && settings.engine !== 'memory')
  faults.push(...contradictionsOf(settings, isJoiner, isKeyed))
  const secrets = secretsOf(settings, isJoiner ? undefined : settings['key-file'], faults)
  if (ownKeys !== undefined) faults.push(...faultsOfKeys(ownKeys, settings))
  const engine = await engineOf(settings, faults)
  if (faults.length > 0) throw new SettingsError(faults)
  const config = configOf(settings, secrets, engine, joined?.node)
  const [partitions, n] = [given('partitions'), given('n')]
  return { config, isJoiner, partitions, n, hasJoined: joined !== undefined }
}

function onlyNameIn(members: unknown): unknown {
  if (!Array.isArray(members) || members.length !== 1) return undefined
  const [only] = members as readonly unknown[]
  return typeof only === 'object' && only !== null && 'name' in only ? only.name : undefined
}

/** What was written down when this node joined. Fails with `data-foreign` or `data-rotten`. */
async function joinedAs({ data, cluster }: Settings): Promise<Joined | undefined> {
  const { joinedBefore } = await import('../../node/cluster/join.ts')
  const { hostDisk } = await import('../../host/disk.ts')
  return joinedBefore(data ?? '', cluster, { disk: hostDisk })
}

/** What the configuration does not say and every node must have alike comes from the cluster. */
function completed(
  settings: Settings,
  { placement }: Joined,
  given: (name: 'partitions' | 'n') => number,
): Settings {
  const [partitions, n] = [given('partitions'), given('n')]
  return {
    ...settings,
    partitions: partitions === 0 ? placement.partitions : partitions,
    n: n === 0 ? placement.n : n,
  }
}

/** No fault: a platform may set some, as Kubernetes does for a service of this name. */
function unknownLabel(variables: readonly string[]): string {
  const names = variables.toSorted().join(', ')
  return `not a setting, so ignored: ${names}, in the environment`
}

/** The file as it is, its paths made absolute. */
function rawOf({ file }: Sources): Record<string, unknown> {
  const raw = parseFile(file)
  for (const name of PATHS) {
    const given = raw[name]
    if (typeof given === 'string') raw[name] = pathOf(name, given, dirname(file))
  }
  return raw
}

function isPath(name: string): boolean {
  return (PATHS as readonly string[]).includes(name)
}

/** An engine is a path only if it looks like one; the shape checks all others. */
function pathOf(name: string, text: string, directory: string): string {
  return name === 'engine' && !/[./]/.test(text) ? text : resolve(directory, text)
}

function parseFile(file: string): Record<string, unknown> {
  const fail = (sentence: string): never => {
    throw new SettingsError([{ path: file, code: 'config-wrong', sentence }])
  }
  try {
    return parse(readFileSync(file, 'utf8'))
  } catch (error) {
    // The library's message goes on with the lines in question, whatever bytes they have.
    if (error instanceof TomlError) {
      const [what = ''] = error.message.split('\n')
      return fail(`is not TOML: line ${error.line}, column ${error.column}: ${what}`)
    }
    const { code } = error as NodeJS.ErrnoException
    return fail(`cannot be read (${code ?? String(error)}): give the path with --config`)
  }
}

/** Converts text of the environment or of a flag; the shape checks the result. */
function valueOf(name: string, text: string, kind: ScalarKind): unknown {
  if (kind === 'number') return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
  if (kind === 'flag')
    return text === 'true' || text === '1' ? true : text === 'false' ? false : text
  return isPath(name) ? pathOf(name, text, '.') : text
}

interface Secrets {
  readonly clusterKey: Uint8Array | undefined
  readonly clientToken: Uint8Array | undefined
}

/** The keys that a data directory has are as secret as a key file. */
function faultsOfKeys(path: string, settings: Settings): Fault[] {
  try {
    checkSecret(path, settings['readable-secrets'])
    return []
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error
    return [{ path: 'data', code: 'key-file-wrong', sentence: `is wrong: ${error.message}` }]
  }
}

function secretsOf(settings: Settings, keyFile: string | undefined, faults: Fault[]): Secrets {
  const read = (path: string, from: () => Uint8Array): Uint8Array => {
    try {
      return from()
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error
      faults.push({ path, code: 'key-file-wrong', sentence: `is wrong: ${error.message}` })
      return new Uint8Array(0)
    }
  }
  const tokenFile = settings['client-token-file']
  const mayBeReadable = settings['readable-secrets']
  return {
    clusterKey:
      keyFile === undefined
        ? undefined
        : read('key-file', () => readKeyFile(keyFile, mayBeReadable)),
    clientToken:
      tokenFile === undefined
        ? undefined
        : read('client-token-file', () => readTokenFile(tokenFile, mayBeReadable)),
  }
}

async function engineOf({ engine }: Settings, faults: Fault[]): Promise<Config['engine']> {
  if (engine === 'log' || engine === 'memory') return engine
  try {
    return await loadEngine(engine)
  } catch (error) {
    if (!isOperatingError(error)) throw error
    faults.push({ path: 'engine', code: 'config-wrong', sentence: `is wrong: ${error.message}` })
    return 'log'
  }
}

function configOf(
  settings: Settings,
  secrets: Secrets,
  engine: Config['engine'],
  drawnId: NodeId | undefined,
): Config {
  const { n, r, w } = settings
  const members = settings.members.map(memberOf)
  const own = members.find((member) => member.name === settings.name) as MemberConfig
  return {
    cluster: settings.cluster,
    name: settings.name,
    id: drawnId ?? memberIdOf(settings.cluster, settings.name),
    members,
    partitions: settings.partitions,
    defaults: { n, r, w },
    buckets: settings.buckets.map(
      (bucket): BucketConfig => ({
        name: bucket.name,
        n: bucket.n ?? n,
        r: bucket.r ?? r,
        w: bucket.w ?? w,
        deadlineMs: bucket['deadline-ms'],
      }),
    ),
    clientListen: addressOf(settings['client-listen'] ?? '') ?? {
      host: own.host,
      port: own.clientPort,
    },
    peerListen: addressOf(settings['peer-listen'] ?? '') ?? { host: own.host, port: own.peerPort },
    ...secrets,
    isInsecure: settings.insecure,
    mayRebuild: settings.rebuild,
    engine,
    directory: settings.data ?? '',
    segmentBytes: settings['segment-bytes'],
    hintBytes: settings['hint-bytes'],
    deadlineMs: settings['deadline-ms'],
    latencyTargetMs: settings['latency-target'],
    roundMs: settings['round-ms'],
    rememberMs: DEFAULTS.rememberMs,
    cleanMs: DEFAULTS.cleanMs,
    hedgeMs: settings['hedge-ms'],
    forwardMs: settings['forward-ms'],
    exchangeMs: settings['exchange-ms'],
    callsMax: settings['calls-max'],
    messageBytes: settings['message-bytes'],
    windowBytes: settings['window-bytes'],
    connectionsMax: settings['connections-max'],
  }
}

function memberOf(member: Settings['members'][number]): MemberConfig {
  return {
    name: member.name,
    host: member.host,
    clientPort: member['client-port'],
    peerPort: member['peer-port'],
    // Nodes of one host share a machine unless the configuration says otherwise.
    machine: member.machine ?? member.host,
    zone: member.zone,
    weight: member.weight,
  }
}
