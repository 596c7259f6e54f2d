/** `everwrite cluster status | pause | resume`: the tables, and the moves that follow. */
import type { Command } from 'commander'
import { equalU64 } from '../../base/u64.ts'
import type { ClusterStatusReply } from '../../wire/message/cluster.ts'
import { addConnectionOptions } from '../cluster-options.ts'
import { bytesLabel, countLabel, durationLabel } from '../labels.ts'
import { EXIT, EXIT_CODES_HELP, print } from '../outcome.ts'
import { tableOf } from '../table.ts'
import { askMembers, type AtOptions, type MemberAnswer, withNode } from './ask-members.ts'
import { missingOf } from './cluster-plan.ts'

type Row = MemberAnswer<ClusterStatusReply>

export function addProgress(cluster: Command): void {
  addConnectionOptions(cluster.command('status'))
    .option('--at <host:port>', 'the node to ask first; by default the first seed that answers')
    .description('show the tables, the members, and how far places have moved')
    .addHelpText(
      'after',
      `
Examples:
  $ everwrite cluster status
  $ everwrite cluster status --json

owns     partitions that the member owns, of all N of buckets together; to get and to give are
         those that move
drops    partitions with copies at a member that does not own them: it hands them over to the
         owners, and drops them
The rate is that of the last minute, as the node hears of it that was asked first.
${EXIT_CODES_HELP}
  4  a member does not answer, or a table waits for members`,
    )
    .action(status)
  for (const [name, pauses] of [['pause', true] as const, ['resume', false] as const]) {
    addConnectionOptions(cluster.command(name))
      .option('--at <host:port>', 'one node alone; by default all members')
      .description(pauses ? 'let moves wait, at every member' : 'let moves go on')
      .addHelpText(
        'after',
        `
Examples:
  $ everwrite cluster ${name}

A pause is in the memory of each node: moves to a member that restarts go on. Moves that are under
way end first; copies that are not owned any more are kept, too, until moves go on.
${EXIT_CODES_HELP}
  4  a member does not answer`,
      )
      .action((options: AtOptions) => pause(options, pauses))
  }
}

async function status(options: AtOptions): Promise<void> {
  await withNode(options, async ({ operator, at, timeout }) => {
    const first = await operator.status({ at, timeout })
    const rows = await askMembers(options, first, (to, one, limit) => {
      return to.status({ at: one, timeout: limit })
    })
    const isWaiting = !equalU64(first.newest.digest, first.inEffect.digest)
    if (isWaiting || rows.some(({ answer }) => answer === undefined)) {
      process.exitCode = EXIT.attention
    }
    if (options.json === true) await print(`${JSON.stringify(jsonOf(first, rows))}\n`)
    else await print(plainOf(first, rows))
  })
}

function jsonOf(first: ClusterStatusReply, rows: readonly Row[]): unknown {
  const members = first.members.map((member) => {
    const row = rows.find((one) => one.member.node === member.node)
    const { givesAway, hintedKeys, takenBytes, isPaused, obstacle } = row?.answer ?? {}
    const own = { givesAway, hintedKeys, takenBytes, isPaused, obstacle }
    return { ...member, ...own, reason: row?.reason }
  })
  return { ...first, members }
}

const HEAD = ['member', 'state', 'zone', 'weight', 'owns', 'to get', 'to give', 'drops']

function plainOf(first: ClusterStatusReply, rows: readonly Row[]): string {
  const cells = first.members.map((member) => {
    const { name, state, zone, weight, owns, fills, leaves } = member
    const answer = rows.find((one) => one.member.node === member.node)?.answer
    return [
      ...[name, state, zone, `${weight}`],
      ...[owns, fills, leaves, answer?.givesAway].map(countLabel),
    ]
  })
  const remarks = [...tableRemarks(first), ...rows.flatMap(remarksOf)]
  const parts = [tablesOf(first), tableOf(HEAD, 3, cells), remarks.join('\n')]
  return `${parts.join('\n\n').trimEnd()}\n`
}

function tablesOf(first: ClusterStatusReply): string {
  const { inEffect, partitionBits, movesLeft, movesDone, movesPerSecond } = first
  const all = movesLeft + movesDone
  const partitions = `${countLabel(2 ** partitionBits)} partitions`
  const left = movesPerSecond > 0 ? durationLabel(Math.ceil(movesLeft / movesPerSecond)) : '-'
  const rate = `${movesPerSecond.toFixed(1)} a second, ${left} left`
  const done = `${countLabel(movesDone)} of ${countLabel(all)} moves done`
  const moves = all === 0 ? '' : `, ${done}${movesLeft === 0 ? '' : ` (${rate})`}`
  return `table ${inEffect.number} is in effect: ${partitions}${moves}`
}

function tableRemarks(first: ClusterStatusReply): readonly string[] {
  const { newest } = first
  const of = `members have changed since table ${newest.number} was made`
  const change = newest.isOutdated ? [`plan     ${of}: everwrite cluster plan, then commit`] : []
  return [...waitsOf(first), ...change]
}

function waitsOf(first: ClusterStatusReply): readonly string[] {
  const { inEffect, newest } = first
  if (equalU64(newest.digest, inEffect.digest)) return []
  const missing = missingOf(first)
  if (missing.length === 0) {
    return [`waits    table ${newest.number} needs members that are gone: commit once more`]
  }
  const names = missing.join(', ')
  return [`waits    table ${newest.number} takes effect once these have adopted it: ${names}`]
}

/** Why a member does not move, or does not leave yet. */
function remarksOf({ member, answer, reason }: Row): readonly string[] {
  const { name, state, owns, fills, leaves } = member
  if (answer === undefined) return [`away     ${name}: ${reason ?? ''}`]
  const { isPaused, obstacle, hintedKeys, takenBytes } = answer
  const remarks: string[] = []
  if (isPaused) remarks.push(`paused   ${name}: everwrite cluster resume`)
  if (fills > 0 && takenBytes > 0) {
    remarks.push(`copies   ${name} has taken ${bytesLabel(takenBytes)} since it started`)
  }
  if (fills > 0 && obstacle !== '') remarks.push(`obstacle ${name}: ${obstacle}`)
  if (state !== 'leaving') return remarks
  if (owns > 0 && leaves === 0) remarks.push(`leaves   ${name}: at the next commit`)
  if (hintedKeys > 0 && owns === 0) {
    remarks.push(
      `hints    ${name} keeps ${countLabel(hintedKeys)} copies for members that are away`,
    )
  }
  return remarks
}

async function pause(options: AtOptions, pauses: boolean): Promise<void> {
  await withNode(options, async ({ operator, at, timeout }) => {
    const first = await operator.status({ at, timeout })
    const members = first.members.filter(({ node }) => {
      return options.at === undefined || node === first.node
    })
    const rows = await askMembers(options, { ...first, members }, (to, one, limit) => {
      return to.pause(pauses, { at: one, timeout: limit })
    })
    if (rows.some(({ answer }) => answer === undefined)) process.exitCode = EXIT.attention
    const lines = rows.map(({ member: { name, node }, answer, reason }) => {
      if (options.json === true) {
        return JSON.stringify({ node, name, isPaused: answer?.isPaused, reason })
      }
      if (answer === undefined) return `${name} does not answer: ${reason ?? ''}`
      return `${name}: moves to it ${answer.isPaused ? 'wait' : 'go on'}`
    })
    await print(`${lines.join('\n')}\n`)
  })
}
