/** `everwrite repair [BUCKET]`: nodes compare their copies now and take what they lack. */
import type { Command } from 'commander'
import { isOperatingError, type OperatingError } from '../../base/errors.ts'
import type { Client, ClusterView } from '../../client/client.ts'
import type { RepairOptions, RepairProgress } from '../../client/repair.ts'
import {
  addConnectionOptions,
  type ConnectionOptions,
  millisecondsOf,
  withClient,
} from '../cluster-options.ts'
import { type EndSignal, Interrupted, onInterruption } from '../interruption.ts'
import { EXIT, exitCodeOf, misuse, print } from '../outcome.ts'
import { progressOf } from '../progress.ts'
import { byName } from './ask-nodes.ts'
import { openRound } from './round.ts'

interface Options extends ConnectionOptions {
  readonly from?: string
  readonly node?: string
  readonly round?: true
}

/** What became of one node's exchanges. */
interface NodeRow {
  readonly name: string
  progress: RepairProgress | undefined
  /** Why it has not told that they are done. */
  failure: OperatingError | undefined
}

/** All nodes together. */
interface Totals {
  readonly members: number
  readonly done: number
  readonly leaves: number
  readonly keys: number
}

const PERCENT = 100

export function addRepair(program: Command): void {
  addConnectionOptions(program.command('repair'))
    .argument('[bucket]', 'only copies of buckets with the N of this one')
    .option('--from <node>', 'take only from this node; by default from all other owners')
    .option('--node <node>', 'the node that takes, or opens the round; by default each, or any')
    .option('--round', 'open a round now: it lets go of deleted keys and of old context')
    .description('compare the copies of all nodes now, and bring back what one of them lacks')
    .addHelpText(
      'after',
      `
Examples:
  $ everwrite repair
  $ everwrite repair carts --from node-2
  $ everwrite repair --round
  $ everwrite status --ranges --until equal

Nodes do the same by themselves every few seconds (exchange-ms). A node asks the other owners one
after another for what it lacks; nothing is sent to one that did not ask. With ctrl-C the command
ends, and the nodes go on. --timeout is for each answer of a node, not for the whole. While requests
of clients take longer than 'latency-target', repair yields to them and takes longer.

With --round a round opens now and not after round-ms; all members take part in it. The command ends
when it was adopted, and says what it waits for where that takes longer than --timeout, by default
150 s: a round opens a minute after the last one was closed and after the start of a node at the
earliest.

Exit codes:
  0  done
  1  a member did not answer, or could not give all: it is named; no round was adopted in time
  2  used wrongly: arguments or options
  3  a node refused: it is being rebuilt, for example
  70  a bug in everwrite: please report it
  129, 130, 143  ended by SIGHUP, SIGINT (ctrl-C) or SIGTERM`,
    )
    .action((bucket: string | undefined, options: Options, command: Command) => {
      const isGiven = command.getOptionValueSource('timeout') !== 'default'
      if (options.round === true) return openRound(bucket, options, isGiven)
      return repair(bucket, options)
    })
}

async function repair(bucket: string | undefined, options: Options): Promise<void> {
  const began = performance.now()
  const aborting = new AbortController()
  const forget = onInterruption((signal) => aborting.abort(signal))
  await withClient(options, async (client) => {
    const rows = rowsOf(await client.topology(), options)
    const timeout = millisecondsOf(options.timeout)
    const { from } = options
    await repairAll(client, rows, { bucket, from, timeout, signal: aborting.signal })
    process.exitCode = exitOf(rows)
    const seconds = (performance.now() - began) / 1000
    if (options.json === true) await print(`${JSON.stringify(jsonOf(rows, seconds))}\n`)
    else await print(plainOf(rows, seconds))
  })
  forget()
}

/** The nodes that take. Throws `input-wrong` where a name is no member's. */
function rowsOf({ members }: ClusterView, { node, from }: Options): readonly NodeRow[] {
  const names = byName(members).map((member) => member.name)
  for (const name of [node, from]) {
    if (name === undefined || names.includes(name)) continue
    throw misuse(`no member is named ${name}: the members are ${names.join(', ')}`)
  }
  if (node !== undefined && node === from) throw misuse('--node and --from are the same node')
  const taking = names.filter((name) => name !== from && (node === undefined || name === node))
  return taking.map((name) => ({ name, progress: undefined, failure: undefined }))
}

async function repairAll(
  client: Client,
  rows: readonly NodeRow[],
  terms: RepairOptions & { readonly signal: AbortSignal },
): Promise<void> {
  const shown = progressOf('repairing', PERCENT, 'keys repaired')
  const all = rows.map(async (row) => {
    const onProgress = (progress: RepairProgress): void => {
      row.progress = progress
      const { members, done, keys } = totalsOf(rows)
      shown.update(Math.floor((PERCENT * done) / Math.max(1, members)), keys)
    }
    row.failure = await failureOf(client.repair(row.name, { ...terms, onProgress }))
  })
  try {
    await Promise.all(all)
  } finally {
    shown.end()
  }
  const { aborted, reason } = terms.signal
  if (aborted) throw interrupted(reason as EndSignal, totalsOf(rows))
  for (const { failure } of rows) {
    if (failure !== undefined && exitCodeOf(failure) === EXIT.usage) throw failure
  }
}

async function failureOf(work: Promise<unknown>): Promise<OperatingError | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    if (isOperatingError(error)) return error
    throw error
  }
}

function interrupted(signal: EndSignal, { members, done, keys }: Totals): Interrupted {
  const far = `${done} of ${members} exchanges were made, and ${counted(keys, 'key')} repaired`
  return new Interrupted(signal, `the repair was interrupted: ${far}; the nodes go on with it`)
}

function totalsOf(rows: readonly NodeRow[]): Totals {
  const sum = (of: (progress: RepairProgress) => number): number =>
    rows.reduce((total, { progress }) => total + (progress === undefined ? 0 : of(progress)), 0)
  return {
    members: sum(({ members }) => members),
    done: sum(({ done, unfinished }) => done - unfinished.length),
    leaves: sum(({ leaves }) => leaves),
    keys: sum(({ keys }) => keys),
  }
}

/** A node that does not answer this command is a member that did not answer. */
const SILENT: ReadonlySet<string> = new Set([
  'not-connected',
  'connection-lost',
  'deadline-passed',
  'node-stopping',
])

function exitOf(rows: readonly NodeRow[]): number {
  if (rows.some(({ failure }) => failure !== undefined && !SILENT.has(failure.code))) {
    return EXIT.failed
  }
  const isShort = rows.some(({ progress, failure }) => {
    return failure !== undefined || (progress?.unfinished.length ?? 0) > 0
  })
  return isShort ? EXIT.memberSilent : EXIT.done
}

function jsonOf(rows: readonly NodeRow[], seconds: number): unknown {
  const nodes = rows.map(({ name, progress, failure }) => {
    const reason = failure && { code: failure.code, message: failure.message }
    return { name, ...progress, ...(reason === undefined ? {} : { reason }) }
  })
  return { nodes, ...totalsOf(rows), seconds }
}

function plainOf(rows: readonly NodeRow[], seconds: number): string {
  const short = rows.flatMap(({ name, progress, failure }) => [
    ...(failure === undefined ? [] : [`${name} did not do it: ${reasonOf(failure)}`]),
    ...(progress?.unfinished ?? []).map((member) => {
      const from = member.name === '' ? member.id : member.name
      return `${name} did not get all from ${from}: ${member.code}`
    }),
  ])
  const { members, done, leaves, keys } = totalsOf(rows)
  const took = `${seconds.toFixed(1)} s`
  const exchanges = `${done} of ${counted(members, 'exchange')} complete`
  const brought = `${counted(keys, 'key')} repaired in ${took}`
  const summary = `${exchanges}, ${leavesLabel(leaves)}, ${brought}`
  return `${[...short, summary].join('\n')}\n`
}

function reasonOf({ message, code }: OperatingError): string {
  return `${message} (${code})`
}

function leavesLabel(leaves: number): string {
  return leaves === 1 ? '1 leaf differed' : `${leaves.toLocaleString('en')} leaves differed`
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`
}
