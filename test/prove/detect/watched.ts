/** What nodes say of other members, as a process that asks them tells it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { sleep } from '../machine/faults.ts'
import { prefixOf } from '../machine/namespaces.ts'
import type { Change } from './watcher.ts'

const WAIT_MS_MAX = 30_000

/** Who is asked, and of which member. */
type Pair = Pick<Change, 'node' | 'member'>

export class Watched {
  readonly #child: ChildProcess
  readonly #pairs: readonly Pair[]
  readonly #changes: Change[] = []
  #wake: (() => void) | undefined
  #isOver = false

  /**
   * `watchers`: the names of nodes, with their addresses, that are asked from the namespace, each
   * for all these members but itself.
   */
  constructor(hub: string, members: readonly string[], watchers: ReadonlyMap<string, string>) {
    this.#pairs = [...watchers.keys()].flatMap((node) => {
      return members.filter((member) => member !== node).map((member) => ({ node, member }))
    })
    const path = fileURLToPath(new URL('watcher.js', import.meta.url))
    const asked = [...watchers].map(([name, address]) => `${name}=${address}`)
    const [command, ...args] = [...prefixOf(hub), process.execPath, path] as const
    this.#child = spawn(command, [...args, members.join(), ...asked], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.#changes.push(JSON.parse(line))
      this.#wake?.()
    })
    this.#child.on('exit', () => (this.#isOver = true))
  }

  /** Everything that was said. Throws where a node was not asked, or did not answer for long. */
  get changes(): readonly Change[] {
    if (this.#isOver) throw new Error('the process that asks the nodes has ended')
    return this.#changes
  }

  /**
   * When all came to say so of all members, after `since`: of each the first time that it did.
   * Throws where they do not in time.
   */
  async until(isSo: (change: Change) => boolean, since: number): Promise<number> {
    const giveUp = Date.now() + WAIT_MS_MAX
    for (;;) {
      const first = this.#pairs.map((pair) => this.#firstOf(pair, isSo, since))
      if (first.every((at) => at !== undefined)) return Math.max(...first)
      if (Date.now() > giveUp) throw new Error('not all nodes said so in time')
      await Promise.race([sleep(100), new Promise<void>((resolve) => (this.#wake = resolve))])
    }
  }

  #firstOf(pair: Pair, isSo: (change: Change) => boolean, since: number): number | undefined {
    const own = this.#changes.filter(({ node, member }) => {
      return node === pair.node && member === pair.member
    })
    const before = own.findLast(({ at }) => at <= since)
    if (before !== undefined && isSo(before)) return since
    return own.find((change) => change.at > since && isSo(change))?.at
  }

  end(): void {
    this.#child.stdin?.end()
  }
}
