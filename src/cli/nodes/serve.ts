/**
 * `everwrite serve --config FILE`: runs one node until a signal.
 *
 * The first SIGTERM or SIGINT stops it cleanly, a second one at once, after which the next start
 * has more to recover. A node that `everwrite dev` started has a channel to its parent: it sends a
 * message when it is ready, and stops when the parent has gone.
 */
import { accessSync, constants, existsSync } from 'node:fs'
import type { Command } from 'commander'
import { Option } from 'commander'
import { isOperatingError } from '../../base/errors.ts'
import type { Config } from '../../config.ts'
import { addressLabel } from '../../world/network.ts'
import {
  EXIT,
  EXIT_CODES_HELP,
  exitCodeOf,
  print,
  tellFailure,
  tellNotice,
  tellWarning,
} from '../outcome.ts'
import { SCALARS } from '../settings/names.ts'

const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

/** A second signal within this time is the same one, passed on by a parent (npm does that). */
const ECHO_MS = 500

/** The message of a node to the process that started it, once it is ready. */
export interface ReadyMessage {
  readonly everwrite: 'ready'
  readonly clientAddress: string
  readonly peerAddress: string
  readonly warnings: readonly string[]
}

const HELP = `
Every option but --check, --config, --invitation, --join and --log-level is also a setting in the
file, and a variable (EVERWRITE_KEY_FILE); --config and --log-level are variables too. Flags take
precedence over variables, and variables over the file. A file for three nodes:

  cluster = "shop"
  key-file = "cluster.key"       # openssl rand -hex 16 > cluster.key; chmod 600 cluster.key
  data = "data"                  # one directory for each node: give --data where they share a disk

  [[members]]
  name = "node-1"
  host = "10.0.0.1"
  [[members]]
  name = "node-2"
  host = "10.0.0.2"
  [[members]]
  name = "node-3"
  host = "10.0.0.3"

  [[buckets]]                    # buckets that are not named have the defaults n = 3, r = 2, w = 2
  name = "sessions"
  r = 1
  deadline-ms = 500

No two copies of a key are on one machine where there are enough others. Each host is a machine,
unless its members say otherwise (machine = "box-2"); ports are 7400 and 7500, or client-port and
peer-port of the member.

A node that joins has an empty data directory and one [[members]], itself; it needs no key-file: the
cluster key comes with the answer, and is kept in the data directory, mode 0600. The invitation is
from everwrite cluster invite. If the node is a member already, both options have no effect.

Examples:
  $ everwrite serve --config shop.toml --name node-1 --check
  $ everwrite serve --config shop.toml --name node-1
  $ everwrite serve --config four.toml --join 10.0.0.1:7500 --invitation invitation
${EXIT_CODES_HELP}`

type Flags = Readonly<Record<string, string | boolean | undefined>>

export function addServe(program: Command): void {
  const command = program
    .command('serve')
    .description('run one node')
    .addOption(
      new Option('--config <file>', 'the configuration, TOML')
        .env('EVERWRITE_CONFIG')
        .makeOptionMandatory(),
    )
  command
    .option(
      '--join <host:port>',
      'let this new node into a cluster, at the issuer of an invitation',
    )
    .option('--invitation <file>', 'what everwrite cluster invite has printed, mode 0600')
    .option('--check', 'check the configuration and the data directory, and start nothing')
    .addOption(
      new Option('--log-level <level>', 'least weight of the lines of the log, on standard error')
        .choices(LOG_LEVELS)
        .env('EVERWRITE_LOG_LEVEL')
        .default('info'),
    )
  for (const [name, [kind, description]] of Object.entries(SCALARS)) {
    command.option(kind === 'flag' ? `--${name}` : `--${name} <${kind}>`, description)
  }
  command.addHelpText('after', HELP).action(serve)
}

async function serve(options: Flags): Promise<void> {
  const { readNodeSettings, readSettings } = await import('../settings/settings.ts')
  const { hostDisk } = await import('../../host/disk.ts')
  const { hostWorld } = await import('../../host/world.ts')
  const { startNode } = await import('../../node/node.ts')
  const { checkRebuild } = await import('../../node/check-data.ts')
  const { joinFirst, joinOptionsOf } = await import('./join.ts')
  const join = joinOptionsOf(textOf(options, 'join'), textOf(options, 'invitation'))
  const warnings: string[] = []
  const sources = {
    file: options['config'] as string,
    environment: process.env,
    flags: flagsOf(options),
    warn: (sentence: string) => {
      tellWarning(sentence)
      warnings.push(sentence)
    },
    joins: join !== undefined,
  }
  const settings = await readNodeSettings(sources)
  let { config } = settings
  if (options['check'] === true) {
    await check(config)
    return
  }
  endOnBrokenBelief()
  goOnWithoutOutput()
  const traceLevel = options['logLevel'] as (typeof LOG_LEVELS)[number]
  const traceFields = { from: config.name }
  if (await joinFirst(settings, join, tellNotice)) {
    config = await readSettings({ ...sources, warn: () => undefined })
  }
  await checkRebuild(config, hostDisk)
  const world = hostWorld({ timersHold: false, keepsMemory: true, traceLevel, traceFields })
  const node = await startNode(config, world)
  stopOnSignal(() => node.stop())
  void node.failed.then((reason) => {
    tellFailure(reason, false)
    // What an operator has let go has not failed: no supervisor shall start it again.
    process.exit(isGone(reason) ? EXIT.done : EXIT.failed)
  })
  for (const warning of node.warnings) tellWarning(warning)
  announce(config, {
    everwrite: 'ready',
    clientAddress: addressLabel(node.clientAddress),
    peerAddress: addressLabel(node.peerAddress),
    warnings: [...warnings, ...node.warnings],
  })
}

function isGone(reason: unknown): boolean {
  return isOperatingError(reason) && reason.code === 'member-gone'
}

function textOf(options: Flags, name: string): string | undefined {
  const value = options[name]
  return typeof value === 'string' ? value : undefined
}

/** Throws what the start would throw before it opens the log and the listeners. */
async function check(config: Config): Promise<void> {
  const { requireAddon } = await import('../../native/availability.ts')
  const { hostDisk } = await import('../../host/disk.ts')
  const { checkIdentity, checkRebuild } = await import('../../node/check-data.ts')
  requireAddon()
  const { name, cluster, directory, engine, clientListen, peerListen } = config
  const place = engine === 'memory' ? 'memory' : directory
  const hasData = engine !== 'memory' && existsSync(directory)
  if (hasData) {
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
    await checkIdentity(config, hostDisk)
    await checkRebuild(config, hostDisk)
  }
  const addresses = `clients at ${addressLabel(clientListen)}, peers at ${addressLabel(peerListen)}`
  const state = hasData || engine === 'memory' ? '' : ', which the start will make'
  await print(
    `${name} of cluster ${cluster} can start: ${addresses}, data in ${place}${state}\n` +
      'The records were not read (everwrite check does), and no port was tried.\n',
  )
}

/** Commander writes `--key-file` as `keyFile`; settings are named as in the file. */
function flagsOf(options: Flags): Flags {
  const camel = (name: string): string =>
    name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
  return Object.fromEntries(Object.keys(SCALARS).map((name) => [name, options[camel(name)]]))
}

function announce(config: Config, note: ReadyMessage): void {
  if (process.send !== undefined) {
    process.send(note)
    return
  }
  process.stdout.write(
    `${config.name} of cluster ${config.cluster} is ready: clients at ${note.clientAddress}, ` +
      `peers at ${note.peerAddress}\n`,
  )
}

function stopOnSignal(stop: () => Promise<void>): void {
  let askedAt: number | undefined
  const ask = (): void => {
    if (askedAt !== undefined) {
      if (performance.now() - askedAt > ECHO_MS) process.exit(EXIT.failed)
      return
    }
    askedAt = performance.now()
    stop().then(
      () => process.exit(EXIT.done),
      (error: unknown) => {
        tellFailure(error, false)
        process.exit(exitCodeOf(error))
      },
    )
  }
  process.on('SIGTERM', ask)
  process.on('SIGINT', ask)
  if (process.send !== undefined) process.on('disconnect', ask)
}

/** Standard output says that the node is ready, and no more: it serves on if none reads it. */
function goOnWithoutOutput(): void {
  process.stdout.removeAllListeners('error')
  process.stdout.on('error', () => {})
}

/** Reports a bug of this program and ends it; the data on the disk is safe. */
function endOnBrokenBelief(): void {
  const end = (error: unknown): void => {
    tellFailure(error, false)
    process.exit(exitCodeOf(error))
  }
  process.on('uncaughtException', end)
  process.on('unhandledRejection', end)
}
