/**
 * The files of `everwrite dev`: a key, a configuration, and a folder for each node.
 *
 *     everwrite-data/
 *       cluster.key        made once, mode 0600
 *       everwrite.toml     made once; buckets and defaults in it may be edited
 *       node-1/  node-1.log  node-2/  ...
 *
 * The key and the configuration are written whole: without the key all data would be unreadable.
 * The configuration is an ordinary one, and `serve` runs with it too. The number of nodes is fixed
 * at the first start, because it decides which node has which data.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify, type TomlTable } from 'smol-toml'
import { DEFAULTS } from '../../config.ts'
import { makeDirectory } from '../../host/make-directory.ts'
import { makeKeyFile } from '../settings/key-file.ts'
import { createWhole, writeWhole } from '../whole-file.ts'
import { misuse } from '../outcome.ts'

export interface DevNode {
  readonly name: string
  readonly host: string
  readonly clientPort: number
  readonly peerPort: number
  /** Its data directory. */
  readonly data: string
  /** The file of its output. */
  readonly log: string
}

export interface DevCluster {
  readonly config: string
  readonly isNew: boolean
  readonly nodes: readonly DevNode[]
}

export interface DevWish {
  readonly directory: string
  /** Undefined: as many as there are, or three. */
  readonly nodes: number | undefined
  /** Undefined: as they are, or 7400. Peers have a hundred more. */
  readonly portBase: number | undefined
}

const NODES = 3
const PEER_PORTS_ABOVE: number = DEFAULTS.peerPort - DEFAULTS.clientPort

/** Makes the missing files and reads the others. Throws `input-wrong` if the wish differs. */
export function prepareDev(wish: DevWish): DevCluster {
  const { directory } = wish
  makeDirectory(directory)
  const config = join(directory, 'everwrite.toml')
  const key = join(directory, 'cluster.key')
  if (!existsSync(key)) makeKeyFile(key)
  const isNew = !existsSync(config)
  if (isNew) {
    const { nodes = NODES, portBase = DEFAULTS.clientPort } = wish
    createWhole(config, configOf(nodes, portBase), 0o644)
  }
  const text = readFileSync(config, 'utf8')
  const members = membersOf(parse(text), config)
  if (wish.nodes !== undefined && wish.nodes !== members.length) {
    throw misuse(
      `${directory} holds a cluster of ${members.length} nodes, not ${wish.nodes}: start it with ` +
        `--nodes ${members.length}, or a new one with another --data`,
    )
  }
  if (wish.portBase !== undefined && members[0]?.['client-port'] !== wish.portBase) {
    const base = wish.portBase
    members.forEach((member, i) => Object.assign(member, portsOf(base, i)))
    writeWhole(config, withPorts(text, members, config), 0o644)
  }
  return { config, isNew, nodes: members.map((member) => nodeOf(directory, member)) }
}

/** The arguments that start a node, also by hand. One whose directory is empty is rebuilt. */
export function serveArguments(cluster: DevCluster, node: DevNode): readonly string[] {
  const { name, data } = node
  const isEmpty = !existsSync(data) || readdirSync(data).length === 0
  const rebuild = isEmpty ? ['--rebuild'] : []
  return ['serve', '--config', cluster.config, '--name', name, '--data', data, ...rebuild]
}

function nodeOf(directory: string, member: TomlTable): DevNode {
  const { name, host } = member
  if (typeof name !== 'string') throw misuse(`a member in ${directory}/everwrite.toml has no name`)
  return {
    name,
    host: typeof host === 'string' ? host : '127.0.0.1',
    clientPort: Number(member['client-port'] ?? DEFAULTS.clientPort),
    peerPort: Number(member['peer-port'] ?? DEFAULTS.peerPort),
    data: join(directory, name),
    log: join(directory, `${name}.log`),
  }
}

const PORT = /^(\s*)(client-port|peer-port)(\s*=\s*)\d+/

/** The same text, comments and all, with the ports of `members`. */
function withPorts(text: string, members: readonly TomlTable[], config: string): string {
  let member = -1
  let changed = 0
  const lines = text.split('\n').map((line) => {
    if (/^\s*\[\[members\]\]/.test(line)) member += 1
    const ports = members[member]
    if (ports === undefined) return line
    return line.replace(PORT, (_, space: string, name: string, equals: string) => {
      changed += 1
      return `${space}${name}${equals}${Number(ports[name])}`
    })
  })
  if (changed === 2 * members.length) return lines.join('\n')
  throw misuse(`${config} does not give both ports of each member: change the ports in that file`)
}

const HEADER = `# Made by \`everwrite dev\`. Buckets and defaults may be edited.
# What can be said here: \`everwrite serve --help\`.
`

function configOf(count: number, portBase: number): string {
  const n = Math.min(count, DEFAULTS.n)
  const table = {
    cluster: 'dev',
    'key-file': 'cluster.key',
    n,
    r: Math.min(n, DEFAULTS.r),
    w: Math.min(n, DEFAULTS.w),
    members: Array.from({ length: count }, (_, i) => ({
      name: `node-${i + 1}`,
      host: '127.0.0.1',
      ...portsOf(portBase, i),
    })),
  }
  return HEADER + stringify(table)
}

function portsOf(portBase: number, i: number): Record<string, number> {
  return { 'client-port': portBase + i, 'peer-port': portBase + PEER_PORTS_ABOVE + i }
}

function membersOf(table: TomlTable, config: string): TomlTable[] {
  const { members } = table
  if (Array.isArray(members) && members.length > 0) return members as TomlTable[]
  throw misuse(`${config} names no members: remove it, and everwrite dev makes a new one`)
}
