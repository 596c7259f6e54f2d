/**
 * Real nodes on loopback: each a process of its own, with the real disk and the real sockets.
 *
 * Ports are free ones, data lies in a fresh directory below the system's temporary one,
 * and `stop` leaves nothing behind. A process is ended by its own handle and nothing else.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BucketConfig, type Config, DEFAULTS } from '../../src/config.ts'
import { memberIdOf } from '../../src/node/cluster/topology.ts'
import type { Usage, ToNode } from './node-process.ts'

export interface LocalOptions {
  readonly nodes: number
  readonly buckets?: readonly BucketConfig[]
  readonly engine?: 'log' | 'memory'
  /** In place of the defaults. */
  readonly settings?: Partial<
    Pick<Config, 'exchangeMs' | 'latencyTargetMs' | 'roundMs' | 'rememberMs'>
  >
  /** The folder of a patched copy of the build that the nodes run. */
  readonly build?: string
  /** Arguments of Node.js itself, such as a profiler's, for the node of this number. */
  readonly execArgv?: (node: number) => readonly string[]
}

const CLUSTER = 'local'
const READY_MS_MAX = 30_000

export class LocalCluster {
  readonly root: string
  readonly #configs: readonly Config[]
  readonly #options: LocalOptions
  readonly #children = new Map<number, ChildProcess>()

  private constructor(root: string, configs: readonly Config[], options: LocalOptions) {
    this.root = root
    this.#configs = configs
    this.#options = options
  }

  /** Starts all nodes and resolves when each answers clients and sees the others. */
  static async start(options: LocalOptions): Promise<LocalCluster> {
    const root = mkdtempSync(join(tmpdir(), 'everwrite-'))
    const ports = await freePorts(2 * options.nodes)
    const members = Array.from({ length: options.nodes }, (_, i) => ({
      name: `n${i}`,
      host: '127.0.0.1',
      clientPort: ports[2 * i] as number,
      peerPort: ports[2 * i + 1] as number,
      machine: `m${i}`,
      zone: '',
      weight: 1,
    }))
    const clusterKey = new Uint8Array(16).fill(7)
    const configs = members.map((self, i): Config => {
      const {
        n,
        r,
        w,
        partitions,
        segmentBytes,
        deadlineMs,
        hedgeMs,
        forwardMs,
        exchangeMs,
        latencyTargetMs,
        roundMs,
        rememberMs,
        cleanMs,
        callsMax,
        messageBytes,
        windowBytes,
        connectionsMax,
      } = DEFAULTS
      const count = options.nodes
      return {
        cluster: CLUSTER,
        name: self.name,
        id: memberIdOf(CLUSTER, self.name),
        members,
        partitions,
        defaults: { n: Math.min(n, count), r: Math.min(r, count), w: Math.min(w, count) },
        buckets: options.buckets ?? [],
        clientListen: { host: self.host, port: self.clientPort },
        peerListen: { host: self.host, port: self.peerPort },
        clusterKey,
        clientToken: undefined,
        isInsecure: false,
        engine: options.engine ?? 'log',
        mayRebuild: false,
        directory: join(root, `n${i}`),
        segmentBytes,
        hintBytes: undefined,
        deadlineMs,
        hedgeMs,
        forwardMs,
        exchangeMs,
        latencyTargetMs,
        roundMs,
        rememberMs,
        cleanMs,
        callsMax,
        messageBytes,
        windowBytes,
        connectionsMax,
        ...options.settings,
      }
    })
    const cluster = new LocalCluster(root, configs, options)
    await Promise.all(configs.map((_, i) => cluster.startNode(i)))
    return cluster
  }

  get size(): number {
    return this.#configs.length
  }

  config(node: number): Config {
    return this.#configs[node] as Config
  }

  /** `host:port` where each node listens for clients. */
  get seeds(): readonly string[] {
    return this.#configs.map(({ clientListen }) => `${clientListen.host}:${clientListen.port}`)
  }

  pid(node: number): number {
    return this.#children.get(node)?.pid ?? -1
  }

  async startNode(node: number): Promise<void> {
    const { build } = this.#options
    const path =
      build === undefined
        ? fileURLToPath(new URL('node-process.js', import.meta.url))
        : join(build, 'dist/test/support/node-process.js')
    const execArgv = [...(this.#options.execArgv?.(node) ?? [])]
    const child = fork(path, [], { execArgv, serialization: 'advanced' })
    this.#children.set(node, child)
    await ask(child, { ask: 'start', config: this.config(node) }, READY_MS_MAX)
  }

  /** SIGKILL: no goodbye, nothing flushed. Resolves when the process is gone. */
  async killNode(node: number): Promise<void> {
    await this.#end(node, 'SIGKILL')
  }

  /** An orderly stop. */
  async stopNode(node: number): Promise<void> {
    await this.#end(node, 'SIGTERM')
  }

  /** What the node's process has used so far. */
  usage(node: number): Promise<Usage> {
    const child = this.#children.get(node)
    if (child === undefined) throw new Error(`node ${node} does not run`)
    return ask(child, { ask: 'usage' }, READY_MS_MAX) as Promise<Usage>
  }

  /** Stops all nodes in order and removes their data. */
  async stop(): Promise<void> {
    await Promise.all([...this.#children.keys()].map((node) => this.stopNode(node)))
    rmSync(this.root, { recursive: true, force: true })
  }

  async #end(node: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#children.get(node)
    if (child === undefined) return
    this.#children.delete(node)
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await gone
  }
}

function ask(child: ChildProcess, message: ToNode, limitMs: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onMessage = (answer: unknown): void => end(() => resolve(answer))
    const onExit = (code: number | null): void =>
      end(() => reject(new Error(`a node ended while it was asked to ${message.ask}: ${code}`)))
    const timer = setTimeout(
      () => end(() => reject(new Error(`a node did not ${message.ask} in time`))),
      limitMs,
    )
    const end = (act: () => void): void => {
      clearTimeout(timer)
      child.off('message', onMessage)
      child.off('exit', onExit)
      act()
    }
    child.on('message', onMessage)
    child.on('exit', onExit)
    child.send(message)
  })
}

/**
 * Ports that no process listened on a moment ago.
 *
 * They lie below those that systems draw for outgoing connections (from 32,768 on): while a killed
 * node is away none of its others' dials can take its port, or meet itself there.
 */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = randomInt(FIRST_PORT, LAST_PORT)
    if (await isFree(port)) ports.add(port)
  }
  return [...ports]
}

/** Below those of `everwrite dev` in tests, which may run at the same time. */
const FIRST_PORT = 12_000
const LAST_PORT = 20_000

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => resolve(true))
    })
  })
}
