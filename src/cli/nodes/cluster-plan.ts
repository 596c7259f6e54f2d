/** `everwrite cluster plan | split | commit | abort`: the next table, and how it takes effect. */
import type { Command } from 'commander'
import { equalU64 } from '../../base/u64.ts'
import type { ClusterPlanReply, ClusterStatusReply } from '../../wire/message/cluster.ts'
import { addConnectionOptions } from '../cluster-options.ts'
import { bytesLabel, countLabel, durationLabel } from '../labels.ts'
import { EXIT, EXIT_CODES_HELP, print } from '../outcome.ts'
import { tableOf } from '../table.ts'
import { type Asked, type AtOptions, withNode } from './ask-members.ts'

interface PlanOptions extends AtOptions {
  readonly split?: true
  readonly without?: readonly string[]
  readonly force?: true
}

/** Between two looks whether a table is in effect. */
const LOOK_MS = 100

export function addPlans(cluster: Command): void {
  addPlanOptions(cluster.command('plan'))
    .option('--split', 'plan with twice as many partitions')
    .description('show what a commit would do now, and change nothing')
    .addHelpText(
      'after',
      `
Examples:
  $ everwrite cluster plan
  $ everwrite cluster plan --without node-3

owns       partitions that the member owns, of all N of buckets together; then: after the moves
moves      replicas that come to another member, of all
bytes      that move, by what the files of the node that was asked take for what it owns
survives   machines that may be lost before copies are, at the worst partition: now, at any step
           of the moves, and at their end
given up   aims that the plan misses, each with a change that would avoid it
too little what would be left: the commit wants --force
Members that are gone, or named by --without, count for nothing: others fill what they had.
${EXIT_CODES_HELP}
  4  too little would be left`,
    )
    .action(plan)
  addPlanOptions(cluster.command('split'))
    .description("plan with twice as many partitions: as 'plan --split'")
    .action((options: PlanOptions) => plan({ ...options, split: true }))
  addCommits(cluster)
}

function addCommits(cluster: Command): void {
  addPlanOptions(cluster.command('commit'))
    .option('--split', 'commit twice as many partitions')
    .option('--force', 'also where too little would be left')
    .description('make the planned table, and wait until all members have adopted it')
    .addHelpText(
      'after',
      `
Examples:
  $ everwrite cluster commit
  $ everwrite cluster commit --without node-3

It plans, shows that, and commits it, at one node: unless another table was committed meanwhile
(ring-moved-on). The table is in effect once all members have adopted it that are neither gone nor
named by --without; then places move. A table that waits is replaced by another commit, or taken
back by 'everwrite cluster abort'. Name only members by --without that will not come back with
what they hold: writes that only they have are lost.
${EXIT_CODES_HELP}
  4  the table is committed, and waits for members; or it gave way to one of another operator`,
    )
    .action(commit)
  addPlanOptions(cluster.command('abort'))
    .description('take back a table that is not in effect yet')
    .addHelpText(
      'after',
      `
Examples:
  $ everwrite cluster abort

A newer table leads to the owners of the one in effect. Moves that have begun are not taken back:
change the members, plan and commit, and they turn round.
${EXIT_CODES_HELP}
  4  the newer table is committed, and waits for members; or it gave way to another one`,
    )
    .action(abort)
}

function addPlanOptions(command: Command): Command {
  return addConnectionOptions(command)
    .option('--at <host:port>', 'the node that plans; by default the first seed that answers')
    .option('--without <name...>', 'members that are dead, by their names or ids')
}

async function plan(options: PlanOptions): Promise<void> {
  await withNode(options, async (node) => {
    const planned = await planAt(node, options)
    if (planned.losses.length > 0) process.exitCode = EXIT.attention
    if (options.json === true) return print(`${JSON.stringify(planned)}\n`)
    const split = options.split === true ? ' --split' : ''
    const names = (options.without ?? []).map((name) => ` ${name}`).join('')
    const without = names === '' ? '' : ` --without${names}`
    const force = planned.losses.length > 0 ? ' --force' : ''
    const same = `commit it: everwrite cluster commit${split}${without}${force}`
    if (!planned.isSame) return print(`${plainOf(planned)}\n\n${same}\n`)
    return print(`${[NOTHING, ...missedBy(planned)].join('\n')}\n`)
  })
}

const NOTHING = 'the ring in effect is what the members lead to: there is nothing to commit'

function planAt({ operator, at, timeout }: Asked, options: PlanOptions): Promise<ClusterPlanReply> {
  return operator.plan({ ...askedOf(options), at, timeout })
}

function askedOf({ split, without = [] }: PlanOptions) {
  return { splits: split === true, without }
}

async function commit(options: PlanOptions): Promise<void> {
  await withNode(options, async (node) => {
    const { operator, at, timeout } = node
    const planned = await planAt(node, options)
    if (options.json !== true && !planned.isSame) await print(`${plainOf(planned)}\n\n`)
    const isForced = options.force === true
    const asked = { ...askedOf(options), isForced, plan: planned, at, timeout }
    const committed = await operator.commit(asked)
    await tellEffect(node, options, committed, 'commit')
  })
}

async function abort(options: PlanOptions): Promise<void> {
  await withNode(options, async (node) => {
    const { operator, at, timeout } = node
    const { inEffect, newest } = await operator.status({ at, timeout })
    if (equalU64(newest.digest, inEffect.digest)) {
      const sentence = `table ${newest.number} is in effect: there is nothing to take back`
      return print(options.json === true ? '{"isAborted":false}\n' : `${sentence}\n`)
    }
    const asked = { ...askedOf(options), newest: newest.digest, at, timeout }
    const committed = await operator.abort(asked)
    return await tellEffect(node, options, committed, 'abort')
  })
}

/** Waits for the members, as long as --timeout says. */
async function tellEffect(
  { operator, at, timeout }: Asked,
  { json }: PlanOptions,
  committed: Committed,
  again: 'abort' | 'commit',
): Promise<void> {
  const { number } = committed
  const until = performance.now() + timeout
  let status = await operator.status({ at, timeout })
  while (effectOf(committed, status) === 'waits' && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    status = await operator.status({ at, timeout })
  }
  const effect = effectOf(committed, status)
  const isInEffect = effect === 'in effect'
  if (!isInEffect) process.exitCode = EXIT.attention
  const waitsFor = effect === 'waits' ? missingOf(status) : []
  if (json === true) {
    const gaveWayTo = effect === 'gave way' ? status.newest.number : undefined
    return print(`${JSON.stringify({ number, isInEffect, waitsFor, gaveWayTo })}\n`)
  }
  if (isInEffect) {
    const next = again === 'commit' ? '; everwrite cluster status shows its moves' : ''
    return print(`table ${number} is in effect: all members have adopted it${next}\n`)
  }
  if (effect === 'gave way') {
    const other = number === status.newest.number ? 'another table' : 'table'
    return print(
      `table ${number} gave way to ${other} ${status.newest.number}, which was committed at` +
        ' another node: what was asked here may not be in it\n' +
        '(everwrite cluster plan shows what is left to do)\n',
    )
  }
  return print(
    `table ${number} is committed, and takes effect once these have adopted it: ` +
      `${waitsFor.join(', ')}\n(everwrite cluster status shows it; start them, or ${again} ` +
      'once more with --without for those that are dead)\n',
  )
}

export type Committed = Pick<ClusterPlanReply, 'number' | 'planned'>

/** What has become of a table that was committed at this node, as it knows by now. */
export function effectOf(
  { planned }: Committed,
  { inEffect, newest }: Pick<ClusterStatusReply, 'inEffect' | 'newest'>,
): 'in effect' | 'waits' | 'gave way' {
  if (equalU64(inEffect.digest, planned)) return 'in effect'
  return equalU64(newest.digest, planned) ? 'waits' : 'gave way'
}

/** Members that have yet to adopt the newest table. Those that are gone never will. */
export function missingOf({ members }: ClusterStatusReply): readonly string[] {
  return members
    .filter(({ isMissing, state }) => isMissing && state !== 'gone')
    .map(({ name }) => name)
}

const HEAD = ['member', 'state', 'zone', 'weight', 'owns', 'then']

function plainOf(planned: ClusterPlanReply): string {
  const { number, partitionBits, isPending, moves, bytes, members } = planned
  const rows = members.map(({ name, state, zone, weight, owns, willOwn, isDead }) => [
    ...[name, isDead && state !== 'gone' ? 'dead' : state, zone, `${weight}`],
    ...[countLabel(owns), countLabel(willOwn)],
  ])
  const unmet = members.filter(({ isUnmet }) => isUnmet).map(({ name }) => name)
  const needed = members.filter(({ isNeeded }) => isNeeded).map(({ name }) => name)
  const total = moves.reduce((sum, one) => sum + one.moves, 0)
  const estimate = total === 0 ? '' : `about ${bytes === 0 ? 'unknown' : bytesLabel(bytes)}`
  return [
    `table ${number}: ${countLabel(2 ** partitionBits)} partitions` +
      (isPending ? `; it replaces table ${number - 1}, which is not in effect yet` : ''),
    tableOf(HEAD, 3, rows),
    [
      ...moves.map((one) => {
        const of = `${countLabel(one.moves)} of ${countLabel(one.replicas)} replicas`
        return `moves     N=${one.n}: ${of}`
      }),
      ...(estimate === '' ? [] : [`bytes     ${estimate}`, `time      ${timeOf(planned, total)}`]),
      ...moves.map(({ n, before, during, after }) => {
        const [now, least, then] = [before, during, after].map((one) => Math.max(0, one - 1))
        return `survives  N=${n}: ${now} lost machines now, ${least} meanwhile, ${then} then`
      }),
      ...missedBy(planned),
      `waits for ${needed.join(', ')}`,
      ...(unmet.length === 0 ? [] : [`never met ${unmet.join(', ')}: plan at another node`]),
    ].join('\n'),
  ].join('\n\n')
}

function missedBy({ givenUp, losses }: ClusterPlanReply): readonly string[] {
  return [
    ...givenUp.map((sentence) => `given up  ${sentence}`),
    ...losses.map((sentence) => `too little  ${sentence}`),
  ]
}

function timeOf({ movesPerSecond }: ClusterPlanReply, moves: number): string {
  if (movesPerSecond === 0) return 'unknown: this node has seen no moves since it started'
  return `about ${durationLabel(Math.ceil(moves / movesPerSecond))}, as fast as the last moves were`
}
