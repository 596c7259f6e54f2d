/**
 * Runs real nodes as an operator does: by the command, with a configuration and a key file.
 *
 * Each node is `everwrite serve --config FILE --name NAME --data DIRECTORY` in a process of its own
 * and states a machine of its own, so that W copies lie on W machines. A node keeps a channel to
 * this process and stops when it ends, however it ends.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'smol-toml'
import { utf8Bytes } from '../../src/base/bytes.ts'
import type { BucketConfig } from '../../src/config.ts'
import type { Address } from '../../src/world/network.ts'
import { freePorts } from './local-cluster.ts'
import { NodeSession } from './node-session.ts'

export interface ServedOptions {
  readonly nodes: number
  readonly cluster?: string
  /** 32 hexadecimal digits. */
  readonly key?: string
  /** The token that clients must send. */
  readonly token?: string
  /** Settings of all nodes beside those that every cluster needs. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
  /** Buckets that do not have the defaults. */
  readonly buckets?: readonly BucketConfig[]
  /** Where the data of all nodes is; by default in the fresh directory. */
  readonly dataRoot?: string
  /** Whether nodes are started so that they can be asked to collect garbage. */
  readonly isCollecting?: boolean
}

/** The result of a command. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export const CLUSTER_KEY_HEX = '000102030405060708090a0b0c0d0e0f'
const COMMAND = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
const COLLECTING = new URL('./collect.js', import.meta.url).href
const READY_MS_MAX = 60_000
const POLL_MS = 20
const HOST = '127.0.0.1'

interface Member {
  readonly name: string
  readonly host: string
  readonly 'client-port': number
  readonly 'peer-port': number
  readonly machine: string
}

export class ServedCluster {
  /** A fresh directory for the configuration, the key and all data. */
  readonly root: string
  readonly config: string
  readonly members: Member[]
  /** The name of the cluster. */
  readonly name: string
  readonly #token: string | undefined
  readonly #dataRoot: string
  readonly #execArgv: readonly string[]
  readonly #children = new Map<number, ChildProcess>()
  /** Nodes that have a configuration of their own. */
  readonly #added = new Set<number>()

  private constructor(root: string, members: readonly Member[], options: ServedOptions) {
    this.root = root
    this.#token = options.token
    this.#dataRoot = options.dataRoot ?? root
    this.#execArgv = options.isCollecting === true ? ['--expose-gc', '--import', COLLECTING] : []
    this.members = [...members]
    this.config = join(root, 'everwrite.toml')
    const { cluster = 'served', key = CLUSTER_KEY_HEX, token, settings = {}, buckets } = options
    this.name = cluster
    writeFileSync(join(root, 'cluster.key'), `${key}\n`, { mode: 0o600 })
    const secrets: Record<string, string> = { 'key-file': 'cluster.key' }
    if (token !== undefined) {
      writeFileSync(join(root, 'client.token'), `${token}\n`, { mode: 0o600 })
      secrets['client-token-file'] = 'client.token'
    }
    const count = Math.min(3, members.length)
    const quorums = { n: count, r: Math.min(2, count), w: Math.min(2, count) }
    const lists = { buckets: [...(buckets ?? [])], members: [...members] }
    const table = { cluster, ...secrets, ...quorums, ...settings, ...lists }
    writeFileSync(this.config, stringify(table))
  }

  /** Starts all nodes; resolves when each answers and sees the others. */
  static async start(options: ServedOptions): Promise<ServedCluster> {
    const root = mkdtempSync(join(tmpdir(), 'everwrite-'))
    const ports = await freePorts(2 * options.nodes)
    const members = Array.from({ length: options.nodes }, (_, i) => ({
      name: `node-${i + 1}`,
      host: HOST,
      'client-port': ports[2 * i] as number,
      'peer-port': ports[2 * i + 1] as number,
      machine: `machine-${i + 1}`,
    }))
    const cluster = new ServedCluster(root, members, options)
    try {
      await Promise.all(members.map((_, i) => cluster.startNode(i)))
      await Promise.all(members.map((_, i) => cluster.sees(i)))
    } catch (error) {
      await cluster.stop()
      throw error
    }
    return cluster
  }

  /**
   * The configuration of one more node, which knows no member but itself: returns its number. It
   * does not run, and is to join. `settings` of its own.
   */
  async add(settings: ServedOptions['settings'] = {}): Promise<number> {
    const node = this.members.length
    const name = `node-${node + 1}`
    const [client, peer] = (await freePorts(2)) as [number, number]
    const ports = { 'client-port': client, 'peer-port': peer }
    const member = { name, host: HOST, ...ports, machine: `machine-${node + 1}` }
    this.members.push(member)
    const token = this.#token === undefined ? {} : { 'client-token-file': 'client.token' }
    const table = { cluster: this.name, ...token, ...settings, members: [member] }
    writeFileSync(join(this.root, `${name}.toml`), stringify(table))
    this.#added.add(node)
    return node
  }

  /** The arguments of `everwrite` that serve a node. */
  serving(node: number, ...more: readonly string[]): readonly string[] {
    const { name } = this.#member(node)
    const config = this.#added.has(node) ? join(this.root, `${name}.toml`) : this.config
    return ['serve', '--config', config, '--name', name, '--data', this.data(node), ...more]
  }

  get size(): number {
    return this.members.length
  }

  /** What `--seeds` takes: every node. */
  get seeds(): readonly string[] {
    return this.members.map((member) => `${member.host}:${member['client-port']}`)
  }

  clientAddress(node: number): Address {
    return { host: HOST, port: this.#member(node)['client-port'] }
  }

  peerAddress(node: number): Address {
    return { host: HOST, port: this.#member(node)['peer-port'] }
  }

  data(node: number): string {
    return join(this.#dataRoot, this.#member(node).name)
  }

  /** Of the running process; -1 where none runs. */
  pid(node: number): number {
    const child = this.#children.get(node)
    return child === undefined || hasEnded(child) ? -1 : (child.pid ?? -1)
  }

  /** All output of the node. */
  log(node: number): string {
    return readFileSync(this.#logPath(node), 'utf8')
  }

  /** Resolves when the node has printed that it is ready. `more` are further arguments. */
  async startNode(node: number, ...more: readonly string[]): Promise<void> {
    const { name } = this.#member(node)
    const output = openSync(this.#logPath(node), 'a', 0o600)
    const argv = [...this.#execArgv, COMMAND, ...this.serving(node, ...more)]
    const child = spawn(process.execPath, argv, {
      stdio: ['ignore', output, output, 'ipc'],
      env: cleanEnvironment(),
    })
    closeSync(output)
    this.#children.set(node, child)
    await new Promise<void>((resolve, reject) => {
      const fail = (how: string): void => {
        clearTimeout(timer)
        reject(new Error(`${name} ${how}:\n${this.log(node).slice(-2_000)}`))
      }
      const timer = setTimeout(() => fail('is not ready in time'), READY_MS_MAX)
      child.once('exit', (code, signal) => fail(`ended with ${code ?? signal}`))
      child.once('error', (error) => fail(error.message))
      child.once('message', () => {
        clearTimeout(timer)
        child.removeAllListeners('exit')
        resolve()
      })
    })
  }

  /** Resolves when the node is connected to all others. */
  async sees(node: number): Promise<void> {
    const session = await NodeSession.connect(this.clientAddress(node), {
      role: 'client',
      cluster: '',
      ...(this.#token === undefined ? {} : { token: utf8Bytes(this.#token) }),
    })
    const until = performance.now() + READY_MS_MAX
    for (;;) {
      const { peers } = await session.ask('status', {})
      if (peers.every((peer) => peer.isConnected)) break
      if (performance.now() > until) throw new Error(`node ${node} does not find the others`)
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
    session.close()
  }

  /** Resolves when the node has collected its garbage. Requires: `isCollecting`. */
  async collectGarbage(node: number): Promise<void> {
    const child = this.#children.get(node)
    if (child === undefined || hasEnded(child)) return
    const answered = new Promise((resolve) => child.once('message', resolve))
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.send('collect')
    await Promise.race([answered, gone])
  }

  /** SIGKILL: no goodbye, nothing flushed. Resolves when the process is gone. */
  killNode(node: number): Promise<void> {
    return this.#end(node, 'SIGKILL')
  }

  /** An orderly stop. */
  stopNode(node: number): Promise<void> {
    return this.#end(node, 'SIGTERM')
  }

  /** SIGKILL to all within one turn. */
  async killAll(): Promise<void> {
    await Promise.all(this.members.map((_, node) => this.killNode(node)))
  }

  /** Stops what runs and removes all data. */
  async stop(): Promise<void> {
    await Promise.all(this.members.map((_, node) => this.stopNode(node)))
    rmSync(this.root, { recursive: true, force: true })
  }

  async #end(node: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#children.get(node)
    if (child === undefined || hasEnded(child)) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await gone
  }

  #member(node: number): Member {
    const member = this.members[node]
    if (member === undefined) throw new Error(`there is no node ${node}`)
    return member
  }

  #logPath(node: number): string {
    return join(this.root, `${this.#member(node).name}.log`)
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

/** This process's environment without settings of everwrite. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(([name]) => !name.startsWith('EVERWRITE_'))
  return Object.fromEntries(entries)
}

export interface CommandOptions {
  readonly input?: Uint8Array | undefined
  readonly environment?: Readonly<Record<string, string>>
  /** Killed after this. */
  readonly limitMs?: number
}

/** Runs `everwrite` with `argv` to its end. */
export function everwrite(argv: readonly string[], options: CommandOptions = {}): Promise<Ended> {
  const { input, environment = {}, limitMs } = options
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [COMMAND, ...argv], {
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      env: { ...cleanEnvironment(), ...environment },
      ...(limitMs === undefined ? {} : { timeout: limitMs, killSignal: 'SIGKILL' as const }),
    })
    let stdout = ''
    let stderr = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr }))
    // A command that has read enough closes its input.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}
