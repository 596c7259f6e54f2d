/** What the other nodes say of one member, as a process that asks them tells it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { sleep } from '../machine/faults.ts'
import { prefixOf } from '../machine/namespaces.ts'
import type { Change } from './watcher.ts'

const WAIT_MS_MAX = 30_000

export class Watched {
  readonly #child: ChildProcess
  readonly #watchers: readonly string[]
  readonly #changes: Change[] = []
  #wake: (() => void) | undefined

  /** `watchers`: the names of nodes, with their addresses, that are asked from the namespace. */
  constructor(hub: string, member: string, watchers: ReadonlyMap<string, string>) {
    this.#watchers = [...watchers.keys()]
    const path = fileURLToPath(new URL('watcher.js', import.meta.url))
    const asked = [...watchers].map(([name, address]) => `${name}=${address}`)
    const [command, ...args] = [...prefixOf(hub), process.execPath, path] as const
    this.#child = spawn(command, [...args, member, ...asked], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.#changes.push(JSON.parse(line))
      this.#wake?.()
    })
  }

  /** Everything that was said. */
  get changes(): readonly Change[] {
    return this.#changes
  }

  /**
   * When all came to say so, after `since`: of each the first time that it did. Throws where they
   * do not in time.
   */
  async until(isSo: (change: Change) => boolean, since: number): Promise<number> {
    const giveUp = Date.now() + WAIT_MS_MAX
    for (;;) {
      const first = this.#watchers.map((node) => this.#firstOf(node, isSo, since))
      if (first.every((at) => at !== undefined)) return Math.max(...first)
      if (Date.now() > giveUp) throw new Error('not all nodes said so in time')
      await Promise.race([sleep(100), new Promise<void>((resolve) => (this.#wake = resolve))])
    }
  }

  #firstOf(node: string, isSo: (change: Change) => boolean, since: number): number | undefined {
    const own = this.#changes.filter((change) => change.node === node)
    const before = own.findLast(({ at }) => at <= since)
    if (before !== undefined && isSo(before)) return since
    return own.find((change) => change.at > since && isSo(change))?.at
  }

  end(): void {
    this.#child.stdin?.end()
  }
}
