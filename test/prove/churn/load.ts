/** The clients that update sets, in processes of their own, and what they did all together. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Delay, Notes } from './updater.ts'
import type { Ask } from './updating.ts'

export const CLIENTS = 40
const PROCESSES = 2
const PATH = fileURLToPath(new URL('updating.js', import.meta.url))

export class Load {
  readonly #children: readonly ChildProcess[]

  private constructor(children: readonly ChildProcess[]) {
    this.#children = children
  }

  /** Resolves when all clients are connected, and update. */
  static async start(seeds: readonly string[]): Promise<Load> {
    const each = CLIENTS / PROCESSES
    const children = Array.from({ length: PROCESSES }, (_, i) =>
      fork(PATH, [`${i * each}`, `${each}`, ...seeds]),
    )
    await Promise.all(children.map((child) => messageOf(child)))
    return new Load(children)
  }

  /** What was done by now. */
  tell(): Promise<Notes> {
    return this.#ask('tell')
  }

  /** Ends the clients, each after its last update. */
  stop(): Promise<Notes> {
    return this.#ask('stop')
  }

  kill(): void {
    for (const child of this.#children) child.kill('SIGKILL')
  }

  async #ask(ask: Ask): Promise<Notes> {
    const answers = this.#children.map(async (child) => {
      const answer = messageOf(child)
      child.send(ask)
      return (await answer) as Notes
    })
    return (await Promise.all(answers)).reduce(together)
  }
}

function messageOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`clients ended with ${code}`))
    child.once('exit', onExit)
    child.once('message', (message) => {
      child.off('exit', onExit)
      resolve(message)
    })
    if (child.exitCode !== null) onExit(child.exitCode)
  })
}

function together(a: Notes, b: Notes): Notes {
  const failures = { ...a.failures }
  for (const [code, count] of Object.entries(b.failures)) {
    failures[code] = (failures[code] ?? 0) + count
  }
  const longest = (x: Delay, y: Delay): number => y.ms - x.ms
  return {
    acknowledged: { ...a.acknowledged, ...b.acknowledged },
    failures,
    delays: [...a.delays, ...b.delays].sort(longest),
    updates: a.updates + b.updates,
    longestUpdateMs: Math.max(a.longestUpdateMs, b.longestUpdateMs),
    staleGets: a.staleGets + b.staleGets,
  }
}
