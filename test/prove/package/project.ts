/**
 * An empty project outside of the checkout, and the programs that are run in it.
 *
 * What npm tells the scripts of a checkout is kept from them, and all of `EVERWRITE_…`: a user's
 * shell has neither.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { until } from '../command/running.ts'

export interface Ended {
  readonly code: number | null
  readonly output: string
}

interface RunOptions {
  readonly folder: string
  /** Where programs are looked for: the caller's PATH unless told. */
  readonly path?: string
  readonly env?: Readonly<Record<string, string>>
}

const STEP_MS_MAX = 600_000

function environment({ path, env }: RunOptions): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(?:npm_|EVERWRITE_)/.test(name))
  return { ...Object.fromEntries(own), ...(path === undefined ? {} : { PATH: path }), ...env }
}

function start(argv: readonly string[], options: RunOptions): ChildProcess {
  const [program, ...args] = argv
  // In a group of its own, so that a program and all that it started can be ended together.
  return spawn(program as string, args, {
    cwd: options.folder,
    env: environment(options),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Runs a program to its end, or ends it when that takes too long. */
export function run(argv: readonly string[], options: RunOptions): Promise<Ended> {
  const child = start(argv, options)
  const chunks: string[] = []
  child.stdout?.on('data', (chunk) => chunks.push(String(chunk)))
  child.stderr?.on('data', (chunk) => chunks.push(String(chunk)))
  const limit = setTimeout(() => endGroup(child, 'SIGKILL'), STEP_MS_MAX)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(limit)
      resolve({ code, output: chunks.join('') })
    })
  })
}

function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null) return
  process.kill(-child.pid, signal)
}

/** `npx everwrite dev` in a project, until `stop`. */
export class DevNodes {
  readonly seeds: string
  readonly #child: ChildProcess
  readonly #exit: Promise<unknown>
  #output = ''

  private constructor(child: ChildProcess, portBase: number) {
    this.seeds = `127.0.0.1:${portBase}`
    this.#child = child
    child.stdout?.on('data', (chunk) => (this.#output += String(chunk)))
    child.stderr?.on('data', (chunk) => (this.#output += String(chunk)))
    this.#exit = new Promise((resolve) => child.once('close', resolve))
  }

  /** Resolves when three nodes are ready. */
  static async start(options: RunOptions, portBase: number): Promise<DevNodes> {
    const argv = ['npx', '--no', 'everwrite', 'dev', '--port-base', String(portBase)]
    const env = { EVERWRITE_SEGMENT_BYTES: String(1024 * 1024) }
    const nodes = new DevNodes(start(argv, { ...options, env }), portBase)
    try {
      await until(
        () => {
          if (nodes.#child.exitCode !== null) throw new Error(`it ended: ${nodes.#output}`)
          return /ready[^]*everwrite status/.test(nodes.#output)
        },
        () => `the nodes are not ready: ${nodes.#output}`,
      )
    } catch (error) {
      await nodes.stop()
      throw error
    }
    return nodes
  }

  /** Stops them as ctrl-C does. */
  async stop(): Promise<void> {
    endGroup(this.#child, 'SIGINT')
    await this.#exit
  }
}

/** Makes an empty project that lets the package run its install script, where npm asks for that. */
export function makeProject(folder: string, tarball: string): string {
  mkdirSync(folder)
  const content = { private: true, type: 'module', allowScripts: { [`file:${tarball}`]: true } }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(content))
  return folder
}

/** A folder that stands for a machine with Node.js alone: node, npm, npx and a shell. */
export function makeBarePath(folder: string): string {
  mkdirSync(folder)
  for (const program of ['node', 'npm', 'npx', 'sh', 'env']) {
    const found = (process.env['PATH'] ?? '')
      .split(delimiter)
      .map((place) => join(place, program))
      .find((path) => existsSync(path))
    const own = program === 'node' ? process.execPath : join(dirname(process.execPath), program)
    const path = existsSync(own) ? own : found
    if (path !== undefined) symlinkSync(path, join(folder, program))
  }
  return folder
}
