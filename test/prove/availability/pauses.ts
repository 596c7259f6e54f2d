/** The pauses of the machine, as an idle process beside the nodes notices them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Pause } from './idle.ts'

const PROGRAM = fileURLToPath(new URL('idle.js', import.meta.url))

export class Pauses {
  readonly #child: ChildProcess
  readonly #closed: Promise<void>
  readonly #pauses: Pause[] = []

  constructor() {
    this.#child = spawn(process.execPath, [PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'] })
    // Its clock is the system's; that of `performance` began with this process.
    const aheadMs = Number(process.hrtime.bigint()) / 1e6 - performance.now()
    const rows = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream })
    rows.on('line', (row) => {
      const { fromMs, untilMs } = JSON.parse(row) as Pause
      this.#pauses.push({ fromMs: fromMs - aheadMs, untilMs: untilMs - aheadMs })
    })
    this.#closed = new Promise((resolve) => rows.once('close', resolve))
  }

  /** All pauses, by the clock of `performance.now`; the process has ended. */
  async end(): Promise<readonly Pause[]> {
    this.#child.stdin?.end()
    await this.#closed
    return this.#pauses
  }
}
