/**
 * `everwrite dev`: runs a cluster of several nodes on this machine until ctrl-C.
 *
 * Each node is a process that runs `everwrite serve`, so that a user can kill one and start it
 * again while the others go on.
 */
import { createServer } from 'node:net'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { OperatingError } from '../../base/errors.ts'
import { Child, type Ending } from './child.ts'
import { type DevCluster, type DevNode, prepareDev, serveArguments } from './dev-files.ts'
import { boundLogs } from './node-log.ts'
import { EXIT, EXIT_CODES_HELP } from '../outcome.ts'
import { countOf } from '../cluster-options.ts'

interface Options {
  readonly nodes?: string
  readonly data: string
  readonly portBase?: string
}

const NODES_MAX = 16
const PORT_BASE_MAX = 65_000
const STOP_MS_MAX = 10_000
/** A second ctrl-C within this time is the same one, passed on by npm. */
const ECHO_MS = 500

export function addDev(program: Command): void {
  program
    .command('dev')
    .option('--nodes <count>', 'how many; fixed with the first start (3)')
    .option('--data <directory>', 'the directory for data, configuration and key', 'everwrite-data')
    .option('--port-base <port>', "the first node's client port; peers have a hundred more (7400)")
    .description('run a cluster of several nodes on this machine')
    .addHelpText(
      'after',
      `
Examples:
  $ everwrite dev                               three nodes, data in ./everwrite-data
  $ everwrite dev --nodes 5 --data five --port-base 7410

The output of each node is in everwrite-data/NODE.log; a file that has grown to 4 MiB is moved to
NODE.log.1. ctrl-C stops all nodes cleanly and keeps their data. Remove the directory to start over.
${EXIT_CODES_HELP}`,
    )
    .action(dev)
}

async function dev(options: Options): Promise<void> {
  const { requireAddon } = await import('../../native/availability.ts')
  requireAddon()
  const { hostDisk } = await import('../../host/disk.ts')
  const { nodes, portBase } = options
  const directory = resolve(options.data)
  // Until this process ends: two of them would write the same files.
  await (await hostDisk.directory(directory)).lock()
  const cluster = prepareDev({
    directory,
    nodes: nodes === undefined ? undefined : countOf('--nodes', nodes, 1, NODES_MAX),
    portBase:
      portBase === undefined ? undefined : countOf('--port-base', portBase, 1, PORT_BASE_MAX),
  })
  await refuseTakenPorts(cluster)
  boundLogs(cluster.nodes.map((node) => node.log))
  const count = cluster.nodes.length === 1 ? 'one node' : `${cluster.nodes.length} nodes`
  process.stdout.write(`everwrite: starting ${count}; their logs are ${directory}/*.log\n`)
  const run = new DevRun(cluster)
  const code = await run.untilEnd()
  process.exit(code)
}

/** Names all taken ports at once; the nodes would name them one by one. */
async function refuseTakenPorts({ nodes }: DevCluster): Promise<void> {
  const taken: string[] = []
  for (const { host, clientPort, peerPort } of nodes) {
    for (const port of [clientPort, peerPort]) {
      if (await isTaken(host, port)) taken.push(`${host}:${port}`)
    }
  }
  if (taken.length === 0) return
  const verb = taken.length === 1 ? 'is' : 'are'
  throw new OperatingError(
    'address-taken',
    `${taken.join(', ')} ${verb} taken by another program (another everwrite dev?): stop it, or ` +
      'choose other ports, such as --port-base 7410',
  )
}

function isTaken(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE'))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(false)))
  })
}

/** Starts, watches and stops the children. */
class DevRun {
  readonly #cluster: DevCluster
  readonly #children: ReadonlyMap<DevNode, Child>
  #stopping: Promise<void> | undefined
  #end: ((code: number) => void) | undefined

  constructor(cluster: DevCluster) {
    this.#cluster = cluster
    this.#children = new Map(
      cluster.nodes.map((node) => [node, new Child(serveArguments(cluster, node), node.log)]),
    )
  }

  /** The exit code. */
  untilEnd(): Promise<number> {
    return new Promise((resolve) => {
      this.#end = resolve
      this.#stopOnSignal()
      for (const [node, child] of this.#children) {
        void child.ended.then((ending) => this.#onEnded(node, child, ending))
      }
      // Without a reader there is no terminal that could stop the nodes.
      process.stdout.removeAllListeners('error')
      process.stdout.on('error', () => void this.#stop(EXIT.failed))
      void this.#announce()
    })
  }

  async #announce(): Promise<void> {
    const notes = await Promise.all([...this.#children.values()].map((child) => child.ready()))
    if (this.#stopping !== undefined) return
    const children = [...this.#children]
    const present = children.filter(([, child]) => !isGone(child)).map(([node]) => node)
    if (children.some(([, child], i) => notes[i] === undefined && !isGone(child))) {
      await this.#stop(EXIT.failed)
      return
    }
    const warnings = new Set(notes.flatMap((note) => note?.warnings ?? []))
    process.stdout.write(welcomeOf(present, [...warnings]))
  }

  async #onEnded(node: DevNode, child: Child, { code, signal }: Ending): Promise<void> {
    if (this.#stopping !== undefined) return
    if (isGone(child)) {
      process.stderr.write(`everwrite: ${node.name} is no member any more, and does not run\n`)
      if ([...this.#children.values()].every((one) => one.isEnded)) await this.#stop(EXIT.failed)
      return
    }
    const how = signal === null ? `with exit code ${String(code)}` : `by ${signal}`
    process.stderr.write(`\neverwrite: ${node.name} ended unexpectedly, ${how}.\n`)
    if (code !== null) process.stderr.write(`${indented(child.lastWords())}\n`)
    if ([...this.#children.values()].every((one) => one.isEnded)) {
      await this.#stop(EXIT.failed)
      return
    }
    const count = `${await this.#runningCount()} of ${this.#children.size} nodes run`
    const again = ['npx --no everwrite', ...serveArguments(this.#cluster, node)].join(' ')
    process.stderr.write(
      `everwrite: ${count}. Start ${node.name} again in another terminal:\n  ${again}\n`,
    )
  }

  /** Those that a user started again by hand are among them. */
  async #runningCount(): Promise<number> {
    const running = await Promise.all(
      [...this.#children].map(
        async ([node, child]) => !child.isEnded || isTaken(node.host, node.clientPort),
      ),
    )
    return running.filter(Boolean).length
  }

  #stopOnSignal(): void {
    let askedAt: number | undefined
    const ask = (): void => {
      if (askedAt === undefined) {
        askedAt = performance.now()
        process.stdout.write('\nstopping all nodes\n')
        void this.#stop(EXIT.done)
      } else if (performance.now() - askedAt > ECHO_MS) {
        for (const child of this.#children.values()) child.kill()
      }
    }
    process.on('SIGINT', ask)
    process.on('SIGTERM', ask)
    process.on('SIGHUP', ask)
  }

  /** Stops all nodes, then ends with `code`, or with 3 if one did not stop cleanly. */
  async #stop(code: number): Promise<void> {
    this.#stopping ??= this.#stopChildren(code)
    await this.#stopping
  }

  async #stopChildren(code: number): Promise<void> {
    const running = [...this.#children].filter(([, child]) => !child.isEnded)
    const endings = await Promise.all(running.map(([, child]) => child.stop(STOP_MS_MAX)))
    const unclean = running.filter((_, i) => endings[i]?.code !== 0).map(([node]) => node.name)
    if (unclean.length > 0) {
      process.stderr.write(
        `everwrite: ${unclean.join(', ')} did not stop cleanly: the next start reads the log\n`,
      )
    } else if (code === EXIT.done) {
      process.stdout.write('all nodes have stopped; their data is kept\n')
    }
    this.#end?.(unclean.length > 0 ? EXIT.failed : code)
  }
}

/** It has left the cluster, now or before. */
function isGone(child: Child): boolean {
  return child.isEnded && child.lastWords().includes('(member-gone)')
}

function indented(text: string): string {
  return text.replace(/^/gm, '  | ')
}

function welcomeOf(nodes: readonly DevNode[], warnings: readonly string[]): string {
  const seed = nodes[0] as DevNode
  const width = Math.max(...nodes.map((node) => node.name.length))
  const places = nodes.map(
    ({ name, host, clientPort }) => `  ${name.padEnd(width)}  ${host}:${clientPort}\n`,
  )
  const seeds =
    seed.clientPort === 7400 ? '' : `  export EVERWRITE_SEEDS=${seed.host}:${seed.clientPort}\n`
  const notes = warnings.map((warning) => `note: ${warning}\n`)
  const count = nodes.length === 1 ? 'one node is' : `${nodes.length} nodes are`
  return `everwrite: ${count} ready
${places.join('')}
${notes.join('')}
In another terminal:
${seeds}  npx --no everwrite put carts anna 'tea'
  npx --no everwrite get carts anna
  npx --no everwrite status

Logs: ${nodes.map((node) => node.log).join(' ')}
ctrl-C stops all nodes; the data stays in ${seed.data.slice(0, -seed.name.length - 1)}
`
}
