/** `everwrite status`: state, figures, alarms and warnings of every node. */
import { styleText } from 'node:util'
import type { Command } from 'commander'
import { isOperatingError } from '../../base/errors.ts'
import type { Client, ClusterView, NodeStatus } from '../../client/client.ts'
import { EXIT, EXIT_CODES_HELP, print } from '../outcome.ts'
import { tableOf } from '../table.ts'
import {
  millisecondsOf,
  withClient,
  addConnectionOptions,
  type ConnectionOptions,
} from '../cluster-options.ts'

/** A node that does not answer must not hold up the others' rows. */
const NODE_MS_MAX = 2_000

interface MemberRow {
  readonly member: ClusterView['members'][number]
  /** Undefined where it did not answer. */
  readonly status: NodeStatus | undefined
  readonly reason: string | undefined
}

export function addStatus(program: Command): void {
  addConnectionOptions(program.command('status'))
    .description('show every node: its keys, its latencies, what is wrong and what it warns of')
    .addHelpText(
      'after',
      `
Examples:
  $ everwrite status
  $ everwrite status --json | jq '.nodes[].figures.keys'

keys     copies of keys on this node; a deleted key counts, its tombstone is a copy
data     bytes of the log's files; what was replaced or deleted counts, until there is
         compaction, and so does room that is not used yet
free     bytes that the disk has free
gets     since the node started, and so are puts; a retry of a put is not counted
p99      99 of 100 recent requests took less
${EXIT_CODES_HELP}
  4  a node says that something is wrong with it: damaged data, a full disk, a rebuild`,
    )
    .action(status)
}

async function status(options: ConnectionOptions): Promise<void> {
  const timeout = Math.min(millisecondsOf(options.timeout), NODE_MS_MAX)
  await withClient(options, async (client) => {
    const cluster = await client.topology()
    const rows = await Promise.all(byName(cluster.members).map((one) => ask(client, one, timeout)))
    if (rows.some((row) => (row.status?.alarms ?? []).length > 0)) process.exitCode = EXIT.attention
    if (rows.some((row) => row.status === undefined)) process.exitCode = EXIT.failed
    if (options.json === true) await print(`${JSON.stringify(jsonOf(cluster, rows))}\n`)
    else await print(plainOf(cluster, rows))
  })
}

function byName(members: ClusterView['members']): ClusterView['members'] {
  return members.toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
}

async function ask(
  client: Client,
  member: MemberRow['member'],
  timeout: number,
): Promise<MemberRow> {
  try {
    return { member, status: await client.status(member.name, { timeout }), reason: undefined }
  } catch (error) {
    if (!isOperatingError(error)) throw error
    return { member, status: undefined, reason: error.message }
  }
}

function jsonOf(cluster: ClusterView, rows: readonly MemberRow[]): unknown {
  return {
    cluster: cluster.cluster,
    ring: cluster.ring,
    partitions: cluster.partitions,
    buckets: cluster.buckets,
    nodes: rows.map(({ member, status, reason }) => ({
      ...member,
      isUp: status !== undefined,
      ...(status === undefined ? { reason } : { ...status }),
    })),
  }
}

const STATES = ['node', 'address', 'state', 'peers', 'version', 'up for']
const FIGURES = ['node', 'keys', 'data', 'free', 'gets', 'puts', 'get p99', 'put p99']

/** Two tables: one of all would be wider than 80 columns. */
function plainOf(cluster: ClusterView, rows: readonly MemberRow[]): string {
  const [others] = cluster.buckets
  const quorums = others === undefined ? '' : `, N=${others.n} R=${others.r} W=${others.w}`
  const up = rows.filter((row) => row.status !== undefined)
  const count = rows.length === 1 ? '1 node' : `${rows.length} nodes`
  const running = up.length === rows.length ? '' : `, ${up.length} of them up`
  return [
    `cluster ${cluster.cluster}: ${count}${running}, ${cluster.partitions} partitions${quorums}`,
    tableOf(STATES, 3, rows.map(stateOf)),
    ...(up.length === 0 ? [] : [tableOf(FIGURES, 1, up.map(figuresOf))]),
    remarksOf(rows).join(''),
  ].join('\n\n')
}

function stateOf({ member, status }: MemberRow): string[] {
  const place = [member.name, `${member.host}:${member.clientPort}`]
  if (status === undefined) return [...place, paint('red', 'away'), '', '', '']
  const { figures, peers, version } = status
  const connected = peers.filter((peer) => peer.isConnected).length
  const uptime = durationLabel(figures['uptime_seconds'] ?? 0)
  return [...place, paint('green', 'up'), `${connected}/${peers.length}`, version, uptime]
}

function figuresOf({ member, status }: MemberRow): string[] {
  const figures = status?.figures ?? {}
  return [
    member.name,
    countLabel(figures['keys']),
    bytesLabel(figures['bytes']),
    bytesLabel(figures['free_bytes']),
    countLabel(figures['gets_total']),
    countLabel(figures['puts_first_total']),
    millisecondsLabel(figures['get_ms_p99']),
    millisecondsLabel(figures['put_ms_p99']),
  ]
}

/** Each alarm and warning once, with the nodes that said it; why a node is away; and hints. */
function remarksOf(rows: readonly MemberRow[]): string[] {
  const alarms = saidOnce(rows, 'alarms').map((said) => `${paint('red', 'alarm')} ${said}\n`)
  const warnings = saidOnce(rows, 'warnings').map(
    (said) => `${paint('yellow', 'warning')} ${said}\n`,
  )
  const reasons = rows
    .filter((row) => row.status === undefined)
    .map(({ member, reason }) => `${paint('red', 'away')} ${member.name}: ${reason ?? ''}\n`)
  return [...alarms, ...warnings, ...reasons, ...rows.flatMap(hintsOf)]
}

/** What a node keeps for members that are away, and how much room it has for that. */
function hintsOf({ member, status }: MemberRow): string[] {
  const { hints = 0, hint_bytes: bytes, hint_bytes_max: max } = status?.figures ?? {}
  if (hints === 0) return []
  const room = `${bytesLabel(bytes)} of ${bytesLabel(max)}`
  return [`hints ${member.name}: ${countLabel(hints)} kept for members that are away (${room})\n`]
}

function saidOnce(rows: readonly MemberRow[], what: 'alarms' | 'warnings'): string[] {
  const saidBy = new Map<string, string[]>()
  for (const { member, status } of rows) {
    for (const said of status?.[what] ?? []) {
      saidBy.set(said, [...(saidBy.get(said) ?? []), member.name])
    }
  }
  const up = rows.filter((row) => row.status !== undefined).length
  return [...saidBy].map(([said, names]) => {
    return names.length === up ? said : `${names.join(', ')}: ${said}`
  })
}

function paint(colour: 'red' | 'green' | 'yellow', text: string): string {
  const isColoured = process.stdout.isTTY && process.env['NO_COLOR'] === undefined
  return isColoured ? styleText(colour, text) : text
}

/** At most 7 characters. */
function countLabel(value: number | undefined): string {
  if (value === undefined) return '-'
  return value < 1e6 ? value.toLocaleString('en') : scaled(value, ['M', 'G', 'T'])
}

/** At most 8 characters. */
function bytesLabel(value: number | undefined): string {
  return value === undefined ? '-' : scaled(value * 1e3, ['kB', 'MB', 'GB', 'TB', 'PB'])
}

/** `value` / 10^6 in the first unit; each further unit is a thousand times the one before. */
function scaled(value: number, units: readonly string[]): string {
  let left = value / 1e6
  let unit = 0
  while (left >= 999.95 && unit + 1 < units.length) {
    left /= 1e3
    unit += 1
  }
  return `${left.toFixed(1)} ${units[unit]}`
}

function durationLabel(seconds: number): string {
  const [days, hours] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3_600)]
  const minutes = Math.floor(seconds / 60)
  if (days > 0) return `${days} d ${hours % 24} h`
  if (hours > 0) return `${hours} h ${minutes % 60} min`
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`
}

function millisecondsLabel(value: number | undefined): string {
  return value === undefined || value === 0 ? '-' : `${value.toFixed(1)} ms`
}
