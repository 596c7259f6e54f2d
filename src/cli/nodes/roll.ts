/** `everwrite roll`: restarts the nodes one after another, by the operator's command for each. */
import { spawn } from 'node:child_process'
import type { Command } from 'commander'
import { addConnectionOptions, type ConnectionOptions, countOf } from '../cluster-options.ts'
import { type EndSignal, Interrupted, onInterruption } from '../interruption.ts'
import { countLabel } from '../labels.ts'
import { EXIT, misuse, print } from '../outcome.ts'
import { askNodes, type Member, type MemberRow, type Reached, withMembers } from './ask-nodes.ts'

interface Options extends ConnectionOptions {
  readonly command: string
  readonly nodes?: string
  readonly wait: string
}

const WAIT_SECONDS = 600
const WAIT_SECONDS_MAX = 86_400
/** Between two looks at the cluster. */
const LOOK_MS = 250
/** An uptime is told in whole seconds. */
const UPTIME_ERROR_MS = 1_000

export function addRoll(program: Command): void {
  addConnectionOptions(program.command('roll'))
    .requiredOption('--command <command>', 'restarts the node that $EVERWRITE_NODE names')
    .option('--nodes <name,...>', 'only these, in this order; by default all, by name')
    .option('--wait <seconds>', 'for the cluster, before and after each', String(WAIT_SECONDS))
    .description('restart the nodes one after another, each when the one before has caught up')
    .addHelpText(
      'after',
      `
Examples:
  $ everwrite roll --command 'ssh "$EVERWRITE_HOST" systemctl restart everwrite'
  $ everwrite roll --nodes node-2,node-3 --command 'docker restart "$EVERWRITE_NODE"'

The command runs in a shell, with the node's name in EVERWRITE_NODE and its host in EVERWRITE_HOST;
what it prints goes to standard error. Before each restart, and after the last one, all nodes have
to be up and connected, none may have an alarm, as while it is being rebuilt, and none may keep
hints for another. Where a command fails, or that takes longer than --wait, the roll ends; the nodes
that are left keep running as they are.

Exit codes:
  0  all were restarted, and have caught up
  1  a node did not restart, or the cluster was not as it has to be in time: it says why
  2  used wrongly: arguments or options
  3  the command failed for a node, or no node answers
  70  a bug in everwrite: please report it
  129, 130, 143  ended by SIGHUP, SIGINT (ctrl-C) or SIGTERM`,
    )
    .action(roll)
}

async function roll(options: Options): Promise<void> {
  if (options.command.trim() === '') throw misuse('--command is empty: say how a node is restarted')
  const waitMs = 1_000 * countOf('--wait', options.wait, 1, WAIT_SECONDS_MAX)
  const aborting = new AbortController()
  const forget = onInterruption((signal) => aborting.abort(signal))
  await withMembers(options, async (reached) => {
    const members = chosenOf(reached, options.nodes)
    const watched = new Watched(reached, options, waitMs, aborting.signal)
    await rollAll(members, watched, options)
  })
  forget()
}

/** Throws `input-wrong` where a name is no member's, or given twice. */
function chosenOf({ members: all }: Reached, nodes: string | undefined): readonly Member[] {
  if (nodes === undefined) return all
  const names = nodes.split(',')
  return names.map((name, at) => {
    const member = all.find((one) => one.name === name)
    if (member === undefined) {
      const known = all.map((one) => one.name).join(', ')
      throw misuse(`no member is named ${name}: the members are ${known}`)
    }
    if (names.indexOf(name) !== at) throw misuse(`${name} is named twice: a roll restarts it once`)
    return member
  })
}

async function rollAll(
  members: readonly Member[],
  cluster: Watched,
  { command, json }: Options,
): Promise<void> {
  for (const [at, member] of members.entries()) {
    const left = `${at} of ${members.length} nodes were restarted`
    cluster.progress = left
    const before = await cluster.obstacle()
    if (before !== undefined) return end(`${left}: ${before}`)
    const began = performance.now()
    const code = await restart(command, member)
    if (code !== 0) {
      end(`${left}: the command for ${member.name} ended with exit code ${code}`, EXIT.failed)
      return
    }
    const after = await cluster.obstacle(member, began)
    if (after !== undefined) return end(`${left}, and ${member.name} has not caught up: ${after}`)
    const seconds = (performance.now() - began) / 1_000
    const line = `${member.name} was restarted and has caught up after ${seconds.toFixed(1)} s`
    await print(json === true ? `${JSON.stringify({ name: member.name, seconds })}\n` : `${line}\n`)
  }
}

function end(sentence: string, code: number = EXIT.memberSilent): void {
  process.stderr.write(`everwrite: ${sentence}\n`)
  process.exitCode = code
}

/** Runs the operator's command for a member; its exit code. */
function restart(command: string, { name, host }: Member): Promise<number> {
  const env = { ...process.env, EVERWRITE_NODE: name, EVERWRITE_HOST: host }
  // What it prints must not stand between the lines of this command.
  const child = spawn(command, { shell: true, env, stdio: ['ignore', 2, 2] })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? EXIT.failed))
  })
}

/** The cluster while its nodes are restarted. */
class Watched {
  progress = ''
  readonly #reached: Reached
  readonly #options: ConnectionOptions
  readonly #waitMs: number
  readonly #signal: AbortSignal

  constructor(reached: Reached, options: ConnectionOptions, waitMs: number, signal: AbortSignal) {
    this.#reached = reached
    this.#options = options
    this.#waitMs = waitMs
    this.#signal = signal
  }

  /**
   * Waits until nothing is in the way of the next restart; what still is when time is up. A member
   * that was restarted has to be up for a shorter time than since `beganMs`.
   */
  async obstacle(restarted?: Member, beganMs = 0): Promise<string | undefined> {
    const until = performance.now() + this.#waitMs
    for (;;) {
      const rows = await askNodes(this.#reached, this.#options)
      const sinceMs = performance.now() - beganMs
      const found = restartOf(rows, restarted, sinceMs) ?? obstacleIn(rows)
      if (found === undefined || performance.now() >= until) return found
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
      if (!this.#signal.aborted) continue
      const why = `the roll was interrupted: ${this.progress}, and it waits because ${found}`
      throw new Interrupted(this.#signal.reason as EndSignal, why)
    }
  }
}

/** Why a member does not count as restarted. */
function restartOf(
  rows: readonly MemberRow[],
  restarted: Member | undefined,
  sinceMs: number,
): string | undefined {
  const row = rows.find(({ member }) => member.id === restarted?.id)
  const { uptime_seconds: uptime } = row?.status?.figures ?? {}
  if (uptime === undefined || 1_000 * uptime <= sinceMs + UPTIME_ERROR_MS) return undefined
  return `${row?.member.name} has been up for ${uptime} s: its command did not restart it`
}

/** What the first node says that keeps the next one from being restarted. */
function obstacleIn(rows: readonly MemberRow[]): string | undefined {
  for (const { member, status, reason } of rows) {
    if (status === undefined) return `${member.name} is away: ${reason}`
  }
  for (const { member, status } of rows) {
    if (status === undefined) continue
    const { name } = member
    const [alarm] = status.alarms
    if (alarm !== undefined) return `${name} has an alarm: ${alarm}`
    const away = status.peers.find(({ isConnected }) => !isConnected)
    if (away !== undefined) return `${name} is not connected to ${away.name}`
    const hints = status.hints.find(({ keys }) => keys > 0)
    if (hints !== undefined) {
      return `${name} keeps hints for ${hints.name || hints.id}: ${countLabel(hints.keys)} keys`
    }
  }
  return undefined
}
