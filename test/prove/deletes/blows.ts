/**
 * The faults of the proof `deletes`: nodes are killed, paused and cut off by turns, and disks lose
 * what they held: one at a time, each only once the one before is whole again.
 */
import { cpSync, existsSync, rmSync } from 'node:fs'
import type { Prng } from '../../../src/base/prng.ts'
import type { Caretaker } from '../machine/caretaker.ts'
import { sleep } from '../machine/faults.ts'
import { CUT_OFF, filter, hold } from '../machine/held-faults.ts'
import { nameOfNode, type Nodes } from '../machine/nodes.ts'
import { type Rebuilt, untilRebuilt } from './figures.ts'

export interface Struck {
  readonly nodes: Nodes
  readonly caretaker: Caretaker
  readonly namespaces: readonly string[]
  readonly say: (line: string) => void
}

const KINDS = ['kill', 'cut', 'pause'] as const
const GAP_MS = 1_500
const LEAST_MS = 400
const SPREAD_MS = 2_000
export const REBUILT_MS_MAX = 120_000

export class Blows {
  readonly #struck: Struck
  readonly #prng: Prng
  readonly #busy = new Set<number>()
  #isOver = false
  /** By kind, those that took effect. */
  readonly counts: Record<(typeof KINDS)[number], number> = { kill: 0, cut: 0, pause: 0 }

  constructor(struck: Struck, prng: Prng) {
    this.#struck = struck
    this.#prng = prng
  }

  end(): void {
    this.#isOver = true
  }

  /** Strikes one node after another until the end; all nodes run then. */
  async run(): Promise<void> {
    this.#isOver = false
    const { nodes } = this.#struck
    for (let blow = 0; !this.#isOver; blow++) {
      await sleep(GAP_MS * (0.5 + this.#prng.unit()))
      const free = nodes.places.map((_, node) => node).filter((node) => !this.#busy.has(node))
      const kind = KINDS[blow % KINDS.length] ?? 'kill'
      if (this.#isOver) return
      if (await this.#strike(kind, this.#prng.pick(free))) this.counts[kind] += 1
    }
  }

  async #strike(kind: (typeof KINDS)[number], node: number): Promise<boolean> {
    const { nodes, caretaker, namespaces } = this.#struck
    const lasting = LEAST_MS + SPREAD_MS * this.#prng.unit()
    this.#busy.add(node)
    try {
      if (kind === 'kill') {
        await nodes.kill(node)
        await sleep(lasting)
        return await nodes.start(node)
      }
      const end =
        kind === 'pause'
          ? await hold(caretaker, nodes, node)
          : await filter(caretaker, namespaces[node] as string, CUT_OFF)
      await sleep(lasting)
      return await end()
    } finally {
      this.#busy.delete(node)
    }
  }

  /** No other fault takes the node meanwhile. */
  async alone<T>(node: number, act: () => Promise<T>): Promise<T> {
    while (this.#busy.has(node)) await sleep(50)
    this.#busy.add(node)
    try {
      return await act()
    } finally {
      this.#busy.delete(node)
    }
  }
}

/** Kills a node, keeps a copy of its directory, and starts it again. */
export async function copyOf({ nodes }: Struck, node: number): Promise<string> {
  const { directory } = await nodes.config(node)
  await nodes.kill(node)
  cpSync(directory, olderOf(directory), { recursive: true })
  await nodes.start(node)
  return olderOf(directory)
}

/** Kills a node and removes its directory; resolves when it got everything back. */
export async function emptyDisk({ nodes, say }: Struck, node: number): Promise<Rebuilt> {
  const { directory } = await nodes.config(node)
  await nodes.kill(node)
  rmSync(directory, { recursive: true })
  await nodes.start(node)
  return told(await untilRebuilt(nodes, node, REBUILT_MS_MAX), node, 'emptied', say)
}

/** Kills a node and puts the older copy in the place of its directory. */
export async function setBackDisk({ nodes, say }: Struck, node: number): Promise<Rebuilt> {
  const { directory } = await nodes.config(node)
  const older = olderOf(directory)
  if (!existsSync(older)) throw new Error('a copy was made before')
  await nodes.kill(node)
  rmSync(directory, { recursive: true })
  cpSync(older, directory, { recursive: true })
  await nodes.start(node)
  return told(await untilRebuilt(nodes, node, REBUILT_MS_MAX), node, 'set back', say)
}

function olderOf(directory: string): string {
  return `${directory}-older`
}

function told(rebuilt: Rebuilt, node: number, how: string, say: Struck['say']): Rebuilt {
  const { isRecognised, ms } = rebuilt
  const knows = isRecognised ? 'knew it' : 'did NOT know it'
  say(`${nameOfNode(node)} was ${how}, ${knows}, and was whole after ${(ms / 1000).toFixed(1)} s`)
  return rebuilt
}
