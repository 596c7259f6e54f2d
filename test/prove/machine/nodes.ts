/**
 * Runs real nodes for proofs that inject faults: `everwrite serve`, each in a process of its own.
 *
 * Unlike the clusters of `test/support` they may run in namespaces, keep data where a proof says,
 * be killed while they start, and end by themselves: a proof says which ends it expects, and any
 * other end is kept with the node's last output. Processes are ended by their own handles; they
 * stop by themselves when this process ends, however it ends.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'smol-toml'
import { readSettings } from '../../../src/cli/settings/settings.ts'
import type { Config } from '../../../src/config.ts'
import type { Go } from './node-entry.ts'
import { patchedBuild } from '../plants/patched-build.ts'
import { ROOT } from '../plants/place.ts'
import { plantOf } from '../plants/plants.ts'

export interface Place {
  readonly host: string
  readonly clientPort: number
  readonly peerPort: number
  readonly directory: string
  /** Put before the command to enter the node's namespace. */
  readonly prefix?: readonly string[]
}

type Settings = Readonly<Record<string, string | number | boolean>>

export interface NodesOptions {
  /** Where the configuration goes. */
  readonly root: string
  readonly places: readonly Place[]
  /** Members that never run: in their names an inspector may ask. */
  readonly phantoms?: number
  readonly n: number
  readonly w: number
  readonly r: number
  readonly settings?: Settings
  /** The name of a bug to plant in every node. */
  readonly plant?: string | undefined
  /** Processes kept loaded for the next start of each node; 0. */
  readonly spares?: number
}

/** How a process ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly lastWords: string
}

const CLUSTER = 'machine'
const KEY_HEX = '000102030405060708090a0b0c0d0e0f'
/** Long, for a busy machine. */
const READY_MS_MAX = 180_000
const LAST_WORDS_CHARS = 6_000
/** Below the build. */
const ENTRY = 'dist/test/prove/machine/node-entry.js'

/** One process: loaded, then told to serve, then ended. */
class NodeProcess {
  readonly #child: ChildProcess
  readonly ended: Promise<Ended>
  #output = ''
  hasEnded = false

  constructor(prefix: readonly string[], build: string) {
    const [command, ...argv] = [...prefix, process.execPath, join(build, ENTRY)] as const
    this.#child = spawn(command, argv, {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: cleanEnvironment(),
    })
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-LAST_WORDS_CHARS)
    }
    this.#child.stdout?.on('data', keep)
    this.#child.stderr?.on('data', keep)
    this.ended = new Promise((resolve) => {
      this.#child.once('error', (error) => (this.#output += error.message))
      this.#child.once('close', (code, signal) => {
        this.hasEnded = true
        resolve({ code, signal, lastWords: this.#output })
      })
    })
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  /** Resolves true when the node is ready, false when it has ended before. */
  async serve(argv: readonly string[]): Promise<boolean> {
    const ready = new Promise<boolean>((resolve) => {
      this.#child.once('message', () => resolve(true))
    })
    const late = new Promise<never>((_, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`a node is not ready in time:\n${this.#output}`)),
        READY_MS_MAX,
      )
      void Promise.race([ready, this.ended]).then(() => clearTimeout(timer))
    })
    const message: Go = { argv }
    if (!this.hasEnded) this.#child.send(message, () => undefined)
    return Promise.race([ready, this.ended.then(() => false), late])
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.hasEnded) this.#child.kill(signal)
  }
}

export class Nodes {
  readonly size: number
  readonly places: readonly Place[]
  readonly #options: NodesOptions
  readonly #file: string
  readonly #build: string
  readonly #members: readonly object[]
  readonly #running = new Map<number, NodeProcess>()
  readonly #spares = new Map<number, NodeProcess[]>()
  readonly #expected = new Set<NodeProcess>()
  /** Ends that no proof expected. */
  readonly unexpected: { readonly node: number; readonly ended: Ended }[] = []

  constructor(options: NodesOptions) {
    this.#options = options
    this.places = options.places
    this.size = options.places.length
    this.#file = join(options.root, 'everwrite.toml')
    this.#build = options.plant === undefined ? ROOT : patchedBuild(plantOf(options.plant))
    const phantoms = Array.from({ length: options.phantoms ?? 0 }, (_, i) => ({
      name: `phantom-${i}`,
      host: '127.0.0.1',
      'client-port': 1,
      'peer-port': 2,
      machine: `phantom-${i}`,
    }))
    const members = options.places.map(({ host, clientPort, peerPort }, i) => ({
      name: nameOfNode(i),
      host,
      'client-port': clientPort,
      'peer-port': peerPort,
      machine: `machine-${i}`,
    }))
    this.#members = [...members, ...phantoms]
    writeFileSync(join(options.root, 'cluster.key'), `${KEY_HEX}\n`, { mode: 0o600 })
    this.configure({})
  }

  /** From its next start on, each node has these settings beside those of all. */
  configure(settings: Settings): void {
    const { n, r, w } = this.#options
    const fixed = { cluster: CLUSTER, 'key-file': 'cluster.key' }
    const table = { ...fixed, n, r, w, ...this.#options.settings, ...settings }
    writeFileSync(this.#file, stringify({ ...table, members: this.#members }))
  }

  /** As the node itself reads it. */
  config(node: number): Promise<Config> {
    const directory = this.#place(node).directory
    const flags = { name: nameOfNode(node), data: directory }
    return readSettings({ file: this.#file, environment: {}, flags })
  }

  /** `host:port` of each node's client listener. */
  get seeds(): readonly string[] {
    return this.places.map(({ host, clientPort }) => `${host}:${clientPort}`)
  }

  get(node: number): NodeProcess | undefined {
    const running = this.#running.get(node)
    return running?.hasEnded === true ? undefined : running
  }

  pid(node: number): number {
    return this.get(node)?.pid ?? -1
  }

  /**
   * Resolves true when the node is ready; false when it was killed by us before. Rejects where it
   * ended by itself: a node that cannot start is a failure of every proof.
   */
  async start(node: number, flags: readonly string[] = []): Promise<boolean> {
    const { name, directory } = { name: nameOfNode(node), ...this.#place(node) }
    const child = this.#spares.get(node)?.pop() ?? this.#make(node)
    this.#running.set(node, child)
    void child.ended.then((ended) => {
      if (!this.#expected.delete(child)) this.unexpected.push({ node, ended })
    })
    const options = ['--config', this.#file, '--name', name, '--data', directory]
    const argv = ['serve', ...options, ...rebuildOf(directory), ...flags]
    const isReady = await child.serve(argv)
    if (isReady) this.#refill(node)
    const ended = this.unexpected.findLast((one) => one.node === node)
    if (!isReady && ended !== undefined) {
      throw new Error(`${name} could not start: ${wordsOf(ended.ended)}`)
    }
    return isReady
  }

  async startAll(): Promise<void> {
    await Promise.all(this.places.map((_, node) => this.start(node)))
  }

  /** From here on the node may end, however it does. */
  expectEnd(node: number): Promise<Ended | undefined> {
    const child = this.get(node)
    if (child === undefined) return Promise.resolve(undefined)
    this.#expected.add(child)
    return child.ended
  }

  /** SIGKILL: no goodbye, nothing flushed. Resolves when the process is gone. */
  async kill(node: number): Promise<void> {
    const gone = this.expectEnd(node)
    this.get(node)?.signal('SIGKILL')
    await gone
  }

  /** SIGKILL to all within one turn. */
  async killAll(): Promise<void> {
    await Promise.all(this.places.map((_, node) => this.kill(node)))
  }

  signal(node: number, signal: NodeJS.Signals): void {
    this.get(node)?.signal(signal)
  }

  /** Ends whatever runs, spares too. */
  async end(): Promise<void> {
    await this.killAll()
    const spares = [...this.#spares.values()].flat()
    this.#spares.clear()
    for (const spare of spares) spare.signal('SIGKILL')
    await Promise.all(spares.map((spare) => spare.ended))
  }

  #refill(node: number): void {
    const spares = this.#spares.get(node) ?? []
    this.#spares.set(node, spares)
    while (spares.length < (this.#options.spares ?? 0)) spares.unshift(this.#make(node))
  }

  #make(node: number): NodeProcess {
    return new NodeProcess(this.#place(node).prefix ?? [], this.#build)
  }

  #place(node: number): Place {
    const place = this.places[node]
    if (place === undefined) throw new Error(`there is no node ${node}`)
    return place
  }
}

export function nameOfNode(node: number): string {
  return `node-${node}`
}

export function wordsOf({ code, signal, lastWords }: Ended): string {
  return `it ended with ${code ?? signal}:\n${lastWords}`
}

/** This process's environment without settings of everwrite. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(([name]) => !name.startsWith('EVERWRITE_'))
  return Object.fromEntries(entries)
}

/** A disk that a fault destroys is rebuilt from the others, also where the node is killed then. */
function rebuildOf(directory: string): readonly string[] {
  const standing = join(directory, 'standing')
  const isWhole = existsSync(standing) && readFileSync(standing, 'utf8').includes('state whole')
  return isWhole ? [] : ['--rebuild']
}
