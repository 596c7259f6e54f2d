/**
 * Run one node as a child process: start it, wait until it is ready, stop it.
 *
 * The child is in a process group of its own, so that ctrl-C reaches this process alone, which
 * stops its children in order. If this process dies, the channel closes and the children stop.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import type { ReadyMessage } from './serve.ts'

export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const LOG_LINES = 8
const LOG_CHARS_MAX = 4_000

export class Child {
  readonly #process: ChildProcess
  readonly #log: string
  readonly #ended: Promise<Ending>
  #isEnded = false

  /** Runs `everwrite` with `argv`; its output is appended to the file `log`. */
  constructor(argv: readonly string[], log: string) {
    const output = openSync(log, 'a', 0o600)
    this.#log = log
    this.#process = spawn(process.execPath, [process.argv[1] as string, ...argv], {
      stdio: ['ignore', output, output, 'ipc'],
      detached: true,
    })
    closeSync(output)
    this.#ended = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null): void => {
        this.#isEnded = true
        resolve({ code, signal })
      }
      this.#process.once('exit', end)
      this.#process.once('error', () => end(null, null))
    })
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Resolves when it has ended. */
  get ended(): Promise<Ending> {
    return this.#ended
  }

  /** Its message when it is ready; undefined if it ended before. */
  ready(): Promise<ReadyMessage | undefined> {
    return new Promise((resolve) => {
      this.#process.once('message', (note) => resolve(note as ReadyMessage))
      void this.#ended.then(() => resolve(undefined))
    })
  }

  /** Asks it to stop, and kills it after `patienceMs`. */
  async stop(patienceMs: number): Promise<Ending> {
    if (!this.#isEnded) this.#process.kill('SIGTERM')
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), patienceMs)
    try {
      return await this.#ended
    } finally {
      clearTimeout(timer)
    }
  }

  kill(): void {
    if (!this.#isEnded) this.#process.kill('SIGKILL')
  }

  /** The end of its output. */
  lastWords(): string {
    const text = readFileSync(this.#log, 'utf8').slice(-LOG_CHARS_MAX).trimEnd()
    return text.split('\n').slice(-LOG_LINES).join('\n')
  }
}
