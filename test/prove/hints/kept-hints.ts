/** Asks the nodes how many hints they keep. */
import type { Address } from '../../../src/world/network.ts'
import { NodeSession } from '../../support/node-session.ts'
import { sleep } from '../machine/faults.ts'

const ASK_MS_MAX = 2_000
const LOOK_MS = 100

export class KeptHints {
  readonly #addresses: readonly Address[]
  readonly #sessions = new Map<number, NodeSession>()
  /** The last count of each node, also of one that is away. */
  readonly #counts: number[]

  constructor(addresses: readonly Address[]) {
    this.#addresses = addresses
    this.#counts = addresses.map(() => 0)
  }

  /** By node. One that does not answer still has what it said last. */
  async counts(): Promise<readonly number[]> {
    await this.#askAll()
    return [...this.#counts]
  }

  /** Of one node alone: no other, which may be slow to answer, is waited for. */
  async countOf(node: number): Promise<number> {
    await this.#ask(this.#addresses[node] as Address, node)
    return this.#counts[node] ?? 0
  }

  /** In all nodes; undefined where one does not answer. */
  async total(): Promise<number | undefined> {
    const areKnown = await this.#askAll()
    return areKnown.includes(false) ? undefined : sumOf(this.#counts)
  }

  /** Resolves when the nodes have at most so many left, or at `untilMs`; how many are left. */
  async downTo(count: number, untilMs: number): Promise<number> {
    for (;;) {
      const total = (await this.total()) ?? Number.NaN
      if (total <= count || performance.now() > untilMs) return total
      await sleep(LOOK_MS)
    }
  }

  /** The same for one node; how many are left in all nodes. */
  async nodeDownTo(node: number, count: number, untilMs: number): Promise<number> {
    for (;;) {
      const counts = await this.counts()
      if ((counts[node] ?? 0) <= count || performance.now() > untilMs) return sumOf(counts)
      await sleep(LOOK_MS)
    }
  }

  close(): void {
    for (const session of this.#sessions.values()) session.close()
    this.#sessions.clear()
  }

  #askAll(): Promise<readonly boolean[]> {
    return Promise.all(this.#addresses.map((address, node) => this.#ask(address, node)))
  }

  async #ask(address: Address, node: number): Promise<boolean> {
    try {
      const session = this.#sessions.get(node) ?? (await NodeSession.connect(address))
      this.#sessions.set(node, session)
      const count = await Promise.race([session.figure('hints'), sleep(ASK_MS_MAX)])
      if (count === undefined) return false
      this.#counts[node] = count
      return true
    } catch {
      // A node that is down cannot be asked, whatever the network calls it.
      this.#sessions.delete(node)
      return false
    }
  }
}

export function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0)
}
