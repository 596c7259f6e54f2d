/** `everwrite status`: state, figures, alarms and warnings of every node. */
import { styleText } from 'node:util'
import { type Command, Option } from 'commander'
import type { ClusterView, MemberSeen } from '../../client/client.ts'
import { EXIT, EXIT_CODES_HELP, misuse, print } from '../outcome.ts'
import { bytesLabel, countLabel, durationLabel, millisecondsLabel } from '../labels.ts'
import { tableOf } from '../table.ts'
import {
  withClient,
  addConnectionOptions,
  type ConnectionOptions,
  millisecondsOf,
} from '../cluster-options.ts'
import { askNodes, type MemberRow, withMembers } from './ask-nodes.ts'
import { showRanges } from './ranges.ts'
import { roundLabel } from './round.ts'

interface Options extends ConnectionOptions {
  readonly ranges?: true
  readonly until?: 'equal'
}

/** How long `--until` waits where `--timeout` is not given: some exchanges. */
const UNTIL_MS = 120_000

export function addStatus(program: Command): void {
  addConnectionOptions(program.command('status'))
    .description('show every node: its keys, its latencies, what is wrong and what it warns of')
    .option('--ranges', 'show how the copies of each partition compare with those of other owners')
    .addOption(
      new Option('--until <state>', 'with --ranges: wait until all are so').choices(['equal']),
    )
    .addHelpText(
      'after',
      `
Examples:
  $ everwrite status
  $ everwrite status --json | jq '.nodes[].figures.keys'
  $ everwrite status --ranges --until equal --timeout 60000

keys     copies on this node, hints for other nodes among them; a deleted key counts until its
         tombstone has gone
data     bytes of the log's files; what was replaced or deleted counts, until there is
         compaction, and so does room that is not used yet
free     bytes that the disk has free
gets     since the node started, and so are puts; a retry of a put is not counted
p99      99 of 100 recent requests took less
A node whose requests take longer than 'latency-target' repairs copies more slowly, down to a
twentieth of the full rate, and delivers hints more slowly, down to a fifth, and says so.

rounds   the last round that a node has adopted, the nodes that are behind it, and why the next one
         waits; what is deleted goes for good by rounds

With --ranges, of each node's partitions, those of the same owners and state together:
N        partitions of the buckets with so many copies
with     the other owners
state    equal: when the node compared with each of them last, all had the same root; the oldest
         of these comparisons was so long ago. A write in between does not change that
root     the sum of the digests of the node's own copies; equal copies have equal roots
--until waits for comparisons that begin from now on, by default for two minutes: nodes make them
every few seconds ('exchange-ms'), each minute while hints come home, or at once by 'everwrite
repair'. --json has every partition.
${EXIT_CODES_HELP}
  4  a node says that something is wrong with it: damaged data, a full disk, a rebuild;
     with --until, not all partitions were found equal in time`,
    )
    .action(status)
}

async function status(options: Options, command: Command): Promise<void> {
  const { until, ranges } = options
  if (until !== undefined && ranges === undefined) throw misuse('--until needs --ranges')
  if (ranges === true) {
    const isGiven = until === undefined || command.getOptionValueSource('timeout') !== 'default'
    const timeoutMs = isGiven ? millisecondsOf(options.timeout) : UNTIL_MS
    const question = { until, timeoutMs, isJson: options.json === true }
    return withClient(options, (client) => showRanges(client, question))
  }
  return withMembers(options, async (reached) => {
    const { cluster } = reached
    const rows = await askNodes(reached, options)
    if (rows.some((row) => (row.status?.alarms ?? []).length > 0)) process.exitCode = EXIT.attention
    if (rows.some((row) => row.status === undefined)) process.exitCode = EXIT.failed
    if (options.json === true) await print(`${JSON.stringify(jsonOf(cluster, rows))}\n`)
    else await print(plainOf(cluster, rows))
  })
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
export function remarksOf(rows: readonly MemberRow[]): string[] {
  const alarms = saidOnce(rows, 'alarms').map((said) => `${paint('red', 'alarm')} ${said}\n`)
  const warnings = saidOnce(rows, 'warnings').map(
    (said) => `${paint('yellow', 'warning')} ${said}\n`,
  )
  const reasons = rows
    .filter((row) => row.status === undefined)
    .map(({ member, reason }) => `${paint('red', 'away')} ${member.name}: ${reason ?? ''}\n`)
  return [
    ...alarms,
    ...warnings,
    ...reasons,
    ...membersOf(rows),
    ...rows.flatMap(hintsOf),
    ...rows.flatMap(shareOf),
    ...roundsOf(rows),
  ]
}

/** Members that are not simply joined, alive and in the ring, and how the nodes see them. */
function membersOf(rows: readonly MemberRow[]): string[] {
  const inRing = new Set(rows.filter(({ member }) => member.isInRing).map((row) => row.member.id))
  const isNoticed = ({ id, state, life }: MemberSeen): boolean =>
    state !== 'joined' || life !== 'alive' || !inRing.has(id)
  const seen = rows.flatMap(({ status }) => status?.members ?? [])
  const ids = new Set(seen.filter(isNoticed).map(({ id }) => id))
  return [...ids].flatMap((id) => {
    const views = new Map<string, string[]>()
    for (const { member, status } of rows) {
      const one = status?.members.find((other) => other.id === id)
      if (one === undefined || !isNoticed(one)) continue
      const said = seenLabel(one, inRing.has(id))
      views.set(said, [...(views.get(said) ?? []), member.name])
    }
    const name = seen.find((one) => one.id === id)?.name ?? id
    return [...views].map(([said, by]) => `member ${name}: ${said} as ${by.join(', ')} see it\n`)
  })
}

function seenLabel({ state, life, lifeMs }: MemberSeen, isInRing: boolean): string {
  const lives = { alive: 'alive', suspect: 'suspected', dead: 'declared dead' } as const
  const since = life === 'alive' ? '' : ` for ${durationLabel(Math.floor(lifeMs / 1000))}`
  if (state === 'gone') return 'gone'
  const owns = isInRing ? '' : ', without partitions,'
  return `${state}, ${lives[life]}${since}${owns}`
}

/** Where background work yields to requests, how much of it goes on. */
function shareOf({ member, status }: MemberRow): string[] {
  const { background_share: share = 1 } = status?.figures ?? {}
  if (share >= 1) return []
  const percent = Math.round(100 * share)
  return [
    `background ${member.name}: at ${percent} % of its rate: requests are slower than wanted\n`,
  ]
}

/** What a node keeps for members that are away, and how much room it has for that. */
function hintsOf({ member, status }: MemberRow): string[] {
  const { hints = 0, hint_bytes: bytes, hint_bytes_max: max } = status?.figures ?? {}
  if (hints === 0) return []
  const room = `${bytesLabel(bytes)} of ${bytesLabel(max)}`
  return [
    `hints ${member.name}: ${countLabel(hints)} for other members (${room}): everwrite hints\n`,
  ]
}

/** The last round, as the node that adopted it last tells it; and what holds up the next. */
function roundsOf(rows: readonly MemberRow[]): string[] {
  const told = rows.flatMap(({ member, status }) => {
    return status === undefined ? [] : [{ name: member.name, round: status.round }]
  })
  const [last] = told.toSorted((a, b) => b.round.adopted - a.round.adopted)
  if (last === undefined) return []
  const lower = told.filter(({ round }) => round.adopted < last.round.adopted)
  const behind = lower.map(({ name, round }) => `${name} has adopted round ${round.adopted}`)
  const waits = told.filter(({ round }) => round.obstacle !== undefined)
  return [
    `rounds ${roundLabel(last.round)}\n`,
    ...behind.map((sentence) => `rounds ${sentence}\n`),
    ...waits.map(({ name, round }) => `rounds ${name}: the next one: ${round.obstacle ?? ''}\n`),
  ]
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
