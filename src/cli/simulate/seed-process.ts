/**
 * Run seeds in child processes, so that a crash costs one seed and nothing else.
 *
 * Invariant: every seed that is given is reported once, even if its process dies.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { unfinished } from '../../sim/seed/report.ts'
import { drawScenario } from '../../sim/scenario.ts'
import type { Job, SeedReport, SeedMessage } from './worker.ts'

/** No seed takes so long on any machine: one that does has an endless loop. */
const SEED_MS_MAX = 1_800_000
/** The end of a process's output. */
const WORDS_CHARS_MAX = 4_000

const PROGRAM = fileURLToPath(new URL('worker.js', import.meta.url))

/** Runs every job once on `workers` processes; each takes the next when it has done one. */
export async function runJobs(
  jobs: Iterable<Job>,
  workers: number,
  onReport: (report: SeedReport) => void | Promise<void>,
): Promise<void> {
  const waiting = jobs[Symbol.iterator]()
  const work = async (): Promise<void> => {
    using worker = new SeedProcess()
    for (let next = waiting.next(); next.done !== true; next = waiting.next()) {
      await onReport(await worker.run(next.value))
    }
  }
  await Promise.all(Array.from({ length: workers }, work))
}

/** One process after another: a new one where the last has died. */
export class SeedProcess implements Disposable {
  #child: ChildProcess | undefined
  #words = ''
  #isLate = false

  /** Requires: no other run is under way. Rejects only where no process can be started. */
  async run(job: Job): Promise<SeedReport> {
    const child = this.#child ?? (await this.#start())
    const told = await this.#next(child, () => child.send(job))
    if (told?.kind === 'report') {
      if (told.isLast) this.#child = undefined
      return told.report
    }
    this.#child = undefined
    const { seed, scenario = drawScenario(seed) } = job
    return { result: unfinished(seed, scenario, this.#ending(child)), cpuMs: 0 }
  }

  /** Ends the process, and what runs in it. */
  [Symbol.dispose](): void {
    this.#child?.kill('SIGKILL')
    this.#child = undefined
  }

  async #start(): Promise<ChildProcess> {
    this.#words = ''
    this.#isLate = false
    const child = fork(PROGRAM, {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    child.stderr?.on('data', (chunk) => {
      this.#words = (this.#words + String(chunk)).slice(-WORDS_CHARS_MAX)
    })
    // Its end shows what went wrong.
    child.on('error', () => {})
    this.#child = child
    const told = await this.#next(child, () => {})
    if (told?.kind === 'ready') return child
    this.#child = undefined
    throw new Error(`a process for seeds does not start: ${this.#ending(child)}\n${this.#words}`)
  }

  /** The end of its output that says what happened. */
  #ending({ exitCode, signalCode }: ChildProcess): string {
    if (this.#isLate) return `process ended: it was still busy after ${SEED_MS_MAX / 1000} s`
    const how = signalCode ?? `exit code ${exitCode}`
    const said = /^.*\b(?:Error|FATAL ERROR)\b.*$/m.exec(this.#words)?.[0]
    return `process ended: ${said === undefined ? how : `${how}, ${said.trim()}`}`
  }
  /** The next message of `child`; undefined if it ends instead. */
  #next(child: ChildProcess, ask: () => void): Promise<SeedMessage | undefined> {
    return new Promise((resolve) => {
      const end = (told: SeedMessage | undefined): void => {
        clearTimeout(timer)
        child.off('message', onMessage)
        child.off('close', onClose)
        resolve(told)
      }
      const onMessage = (told: unknown): void => end(told as SeedMessage)
      const onClose = (): void => end(undefined)
      const onLate = (): void => {
        this.#isLate = true
        child.kill('SIGKILL')
      }
      const timer = setTimeout(onLate, SEED_MS_MAX)
      child.on('message', onMessage)
      child.on('close', onClose)
      if (child.exitCode === null && child.signalCode === null) ask()
      else if (child.stderr?.closed === true) onClose()
    })
  }
}
