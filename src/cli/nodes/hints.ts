/** `everwrite hints`: what each node keeps for members that are away, and how it is delivered. */
import type { Command } from 'commander'
import type { MemberHints } from '../../client/client.ts'
import { addConnectionOptions, type ConnectionOptions } from '../cluster-options.ts'
import { bytesLabel, countLabel, durationLabel } from '../labels.ts'
import { EXIT, EXIT_CODES_HELP, print } from '../outcome.ts'
import { tableOf } from '../table.ts'
import { askNodes, type MemberRow, withMembers } from './ask-nodes.ts'

export function addHints(program: Command): void {
  addConnectionOptions(program.command('hints'))
    .description('show what nodes keep for members that are away, and how fast it goes home')
    .addHelpText(
      'after',
      `
Examples:
  $ everwrite hints
  $ everwrite hints --json | jq '.nodes[].hints'

node     that keeps the hints
for      the member that they are delivered to when it is there
since    there have been some, without a break, since the start of the node at most
rate     keys delivered a second, in the last 10 s
left     until all are delivered, at that rate
space    of the node, for the hints for all members; how long it lasts at the rate at which
         bytes came in the last 10 s
${EXIT_CODES_HELP}`,
    )
    .action(hints)
}

async function hints(options: ConnectionOptions): Promise<void> {
  await withMembers(options, async (reached) => {
    const rows = await askNodes(reached, options)
    if (rows.some(({ status }) => status === undefined)) process.exitCode = EXIT.failed
    if (options.json === true) await print(`${JSON.stringify({ nodes: rows.map(jsonOf) })}\n`)
    else await print(plainOf(rows))
  })
}

function jsonOf({ member, status, reason }: MemberRow): unknown {
  if (status === undefined) return { name: member.name, isUp: false, reason }
  const { hint_bytes: bytes, hint_bytes_max: bytesMax } = status.figures
  return { name: member.name, isUp: true, bytes, bytesMax, hints: status.hints }
}

const HEAD = ['node', 'for', 'keys', 'bytes', 'since', 'rate', 'left']

function plainOf(rows: readonly MemberRow[]): string {
  const cells = rows.flatMap(({ member, status }) => {
    return (status?.hints ?? []).map((one) => [member.name, ...cellsOf(one)])
  })
  const table = cells.length === 0 ? 'no node keeps a hint' : tableOf(HEAD, 2, cells)
  const remarks = rows.flatMap((row) => [...spaceOf(row), ...awayOf(row)])
  return `${[table, ...remarks].join('\n')}\n`
}

function cellsOf({ id, name, keys, bytes, keptMs, deliveredPerSecond }: MemberHints): string[] {
  const leftSeconds = deliveredPerSecond === 0 ? undefined : Math.ceil(keys / deliveredPerSecond)
  return [
    name === '' ? id : name,
    countLabel(keys),
    bytesLabel(bytes),
    durationLabel(Math.floor(keptMs / 1000)),
    deliveredPerSecond === 0 ? '-' : `${deliveredPerSecond.toFixed(1)}/s`,
    leftSeconds === undefined ? '-' : durationLabel(leftSeconds),
  ]
}

function spaceOf({ member, status }: MemberRow): string[] {
  if (status === undefined || status.hints.length === 0) return []
  const { hint_bytes: bytes = 0, hint_bytes_max: bytesMax = 0 } = status.figures
  const perSecond = status.hints.reduce((sum, one) => sum + one.takenBytesPerSecond, 0)
  const seconds = Math.floor(Math.max(0, bytesMax - bytes) / perSecond)
  const lasts = perSecond === 0 ? 'none came' : `lasts ${durationLabel(seconds)}`
  return [`space ${member.name}: ${bytesLabel(bytes)} of ${bytesLabel(bytesMax)}, ${lasts}`]
}

function awayOf({ member, status, reason }: MemberRow): string[] {
  return status === undefined ? [`away ${member.name}: ${reason ?? ''}`] : []
}
