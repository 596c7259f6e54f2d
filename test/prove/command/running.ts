/**
 * Real processes on loopback: start `everwrite dev`, run commands against it, stop it.
 *
 * Ports are sought free, directories are the test's own, and segments are small, so that tests
 * may run side by side and leave little behind.
 */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const COMMAND = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url))
const READY_MS_MAX = 60_000
const END_MS_MAX = 60_000

export interface Result {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The process's own variables, without what would lead the command elsewhere. */
function environment(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('EVERWRITE_'))
  return { ...Object.fromEntries(own), EVERWRITE_SEGMENT_BYTES: String(1024 * 1024), ...more }
}

/** Runs `everwrite` with `argv` to its end. */
export function run(
  argv: readonly string[],
  options: { readonly seeds?: string; readonly input?: string | Uint8Array } = {},
): Promise<Result> {
  const begun = new Begun(argv, options.seeds)
  begun.end(options.input ?? '')
  return begun.result
}

/** A command whose input stays open: it is written to, or sent a signal, while it runs. */
export class Begun {
  /** Resolves when it has ended; rejects, and kills it, if that takes too long. */
  readonly result: Promise<Result>
  readonly #process: ChildProcessWithoutNullStreams
  readonly #output = { stdout: '', stderr: '' }
  #timer: NodeJS.Timeout | undefined
  #onLate: (reason: Error) => void = () => undefined

  constructor(
    argv: readonly string[],
    seeds: string | undefined,
    variables: Readonly<Record<string, string>> = {},
    program: readonly string[] = [],
  ) {
    const given = seeds === undefined ? variables : { ...variables, EVERWRITE_SEEDS: seeds }
    const [file, ...before] = [...program, process.execPath] as const
    const child = spawn(file, [...before, COMMAND, ...argv], { env: environment(given) })
    this.#process = child
    child.stdout.on('data', (chunk) => (this.#output.stdout += String(chunk)))
    child.stderr.on('data', (chunk) => (this.#output.stderr += String(chunk)))
    // A command that ends without reading its input is no fault of the test.
    child.stdin.on('error', () => {})
    this.result = new Promise((resolve, reject) => {
      this.#onLate = reject
      child.once('close', (code) => {
        clearTimeout(this.#timer)
        resolve({ code, ...this.#output })
      })
    })
    this.#mustEnd()
  }

  #mustEnd(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#process.kill('SIGKILL')
      this.#onLate(new Error(`it does not end: ${JSON.stringify(this.#output)}`))
    }, END_MS_MAX)
  }

  /** It is a node: it need not end until it is sent a signal. */
  staysUp(): this {
    clearTimeout(this.#timer)
    return this
  }

  get output(): Readonly<{ stdout: string; stderr: string }> {
    return this.#output
  }

  write(text: string): void {
    this.#process.stdin.write(text)
  }

  end(input: string | Uint8Array): void {
    this.#process.stdin.end(input)
  }

  signal(signal: NodeJS.Signals): void {
    this.#mustEnd()
    this.#process.kill(signal)
  }

  /** Nothing reads its standard output from now on. */
  closeOutput(): void {
    this.#process.stdout.destroy()
  }
}

export class Running {
  readonly portBase: number
  readonly #process: ChildProcess
  readonly #exit: Promise<number | null>
  #output = ''

  private constructor(directory: string, portBase: number, nodes: number | undefined) {
    this.portBase = portBase
    const argv = ['dev', '--data', directory, '--port-base', String(portBase)]
    if (nodes !== undefined) argv.push('--nodes', String(nodes))
    this.#process = spawn(process.execPath, [COMMAND, ...argv], { env: environment({}) })
    this.#process.stdout?.on('data', (chunk) => (this.#output += String(chunk)))
    this.#process.stderr?.on('data', (chunk) => (this.#output += String(chunk)))
    this.#exit = new Promise((resolve) => this.#process.once('close', resolve))
  }

  /** Resolves when the nodes are ready. */
  static async start(
    directory: string,
    portBase?: number,
    nodes: number | undefined = 3,
  ): Promise<Running> {
    const running = new Running(directory, portBase ?? (await freePorts()), nodes)
    await running.says(/ready[^]*everwrite status/)
    return running
  }

  get seeds(): string {
    return `127.0.0.1:${this.portBase}`
  }

  get output(): string {
    return this.#output
  }

  get exit(): Promise<number | null> {
    return this.#exit
  }

  /** Waits until what it said matches. */
  async says(pattern: RegExp): Promise<void> {
    await until(
      () => {
        if (this.#process.exitCode !== null) throw new Error(`it ended: ${this.#output}`)
        return pattern.test(this.#output)
      },
      () => `it did not say ${String(pattern)}: ${this.#output}`,
    )
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** Runs one command against this cluster. */
  run(...argv: readonly string[]): Promise<Result> {
    return run(argv, { seeds: this.seeds })
  }

  /** Stops it as ctrl-C does; the exit code. */
  async stop(): Promise<number | null> {
    this.signal('SIGINT')
    return this.#exit
  }
}

/** Waits until `condition` holds, within bounds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  complaint: () => string,
): Promise<void> {
  const deadline = performance.now() + READY_MS_MAX
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(complaint())
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

/** Whether a process listens on this port. */
export function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(true))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(false)))
  })
}

/** A port from which on, and a hundred above which, a few are free. */
export async function freePorts(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const base = 20_000 + 10 * Math.floor(Math.random() * 1_000)
    const ports = Array.from({ length: 5 }, (_, i) => [base + i, base + 100 + i]).flat()
    const taken = await Promise.all(ports.map(isTaken))
    if (!taken.includes(true)) return base
  }
  throw new Error('no free ports')
}

/** The process that a node's data directory belongs to, as /proc knows it. */
export function nodePid(directory: string, name: string): number {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    let line: string
    try {
      line = readFileSync(`/proc/${entry}/cmdline`, 'utf8')
    } catch {
      continue
    }
    if (line.includes(`${join(directory, name)}\0`) && line.includes('\0serve\0'))
      return Number(entry)
  }
  throw new Error(`no process of ${name}`)
}
