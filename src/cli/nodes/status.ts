/** `everwrite status`: state, figures, alarms and warnings of every node. */
import { styleText } from 'node:util'
import Table from 'cli-table3'
import type { Command } from 'commander'
import { isOperatingError } from '../../base/errors.ts'
import type { Client, ClusterView, NodeStatus } from '../../client/client.ts'
import { EXIT, EXIT_CODES_HELP, print } from '../outcome.ts'
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

const HEAD = [
  'node',
  'address',
  'state',
  'peers',
  'keys',
  'data',
  'gets',
  'puts',
  'get p99',
  'put p99',
]

function plainOf(cluster: ClusterView, rows: readonly MemberRow[]): string {
  const table = new Table({
    head: HEAD,
    style: { head: [], border: [], compact: true },
    colAligns: HEAD.map((_, i) => (i < 3 ? 'left' : 'right')),
  })
  for (const row of rows) table.push(rowOf(row))
  const [others] = cluster.buckets
  const quorums = others === undefined ? '' : `, N=${others.n} R=${others.r} W=${others.w}`
  const title = [
    `cluster ${cluster.cluster}: ${rows.length} nodes`,
    `${cluster.partitions} partitions${quorums}\n`,
  ].join(', ')
  return `${title}${table.toString()}\n${remarksOf(rows).join('')}`
}

function rowOf({ member, status }: MemberRow): string[] {
  const place = [member.name, `${member.host}:${member.clientPort}`]
  if (status === undefined) return [...place, paint('red', 'away'), '', '', '', '', '', '', '']
  const { figures, peers } = status
  const connected = peers.filter((peer) => peer.isConnected).length
  return [
    ...place,
    paint('green', 'up'),
    `${connected}/${peers.length}`,
    countLabel(figures['keys']),
    bytesLabel(figures['bytes']),
    countLabel(figures['gets_total']),
    countLabel(figures['puts_total']),
    millisecondsLabel(figures['get_ms_p99']),
    millisecondsLabel(figures['put_ms_p99']),
  ]
}

/** Each alarm and warning once, with the nodes that said it; and why a node is away. */
function remarksOf(rows: readonly MemberRow[]): string[] {
  const alarms = saidOnce(rows, 'alarms').map((said) => `${paint('red', 'alarm')} ${said}\n`)
  const warnings = saidOnce(rows, 'warnings').map(
    (said) => `${paint('yellow', 'warning')} ${said}\n`,
  )
  const reasons = rows
    .filter((row) => row.status === undefined)
    .map(({ member, reason }) => `${paint('red', 'away')} ${member.name}: ${reason ?? ''}\n`)
  return [...alarms, ...warnings, ...reasons]
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

function countLabel(value: number | undefined): string {
  return value === undefined ? '-' : value.toLocaleString('en')
}

function bytesLabel(value: number | undefined): string {
  if (value === undefined) return '-'
  if (value < 1e6) return `${(value / 1e3).toFixed(1)} kB`
  return value < 1e9 ? `${(value / 1e6).toFixed(1)} MB` : `${(value / 1e9).toFixed(2)} GB`
}

function millisecondsLabel(value: number | undefined): string {
  return value === undefined || value === 0 ? '-' : `${value.toFixed(1)} ms`
}
