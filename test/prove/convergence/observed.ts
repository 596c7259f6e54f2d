/**
 * What a node's observer tells, and how a proof asks for it.
 *
 * The socket is a file, so a node that is cut off from the network answers too.
 */
import { rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { sleep } from '../machine/faults.ts'

export interface Observed {
  /** The sum of each partition, of all buckets with three replicas; absent until all is read. */
  readonly roots?: readonly string[] | undefined
  /** How long the trees took to be built. */
  readonly builtMs?: number | undefined
  /** The longest time meanwhile in which the node answered nothing. */
  readonly builtPauseMs?: number | undefined
  /** Sent on connections that the node opened, heartbeats and handshakes left out. */
  readonly askedBytes: number
  /** The same on connections that others opened, by their host. */
  readonly answeredBytes: Readonly<Record<string, number>>
}

export const SOCKET_VARIABLE = 'OBSERVER_SOCKET'
export const OBSERVED_N = 3
/** Of 256 partitions, the default. */
export const PARTITION_BITS = 8

const OBSERVER = new URL('observer.js', import.meta.url).href

function socketOf(root: string, node: number): string {
  return join(root, `observer-${node}`)
}

/** Put before the command of a node that is to be observed. */
export function observedAs(root: string, node: number): readonly string[] {
  return ['env', `NODE_OPTIONS=--import=${OBSERVER}`, `${SOCKET_VARIABLE}=${socketOf(root, node)}`]
}

/** Of nodes that were started with `observedAs` below this root. */
export class Observers {
  readonly #root: string
  readonly #hosts: readonly string[]

  constructor(root: string, hosts: readonly string[]) {
    this.#root = root
    this.#hosts = hosts
  }

  /** Before a node starts: its last process may have left its socket. */
  forget(node: number): void {
    rmSync(socketOf(this.#root, node), { force: true })
  }

  /** Undefined where the node does not run. */
  async ask(node: number): Promise<Observed | undefined> {
    const socket = createConnection(socketOf(this.#root, node))
    socket.setEncoding('utf8')
    let text = ''
    try {
      for await (const chunk of socket) text += chunk as string
      return JSON.parse(text) as Observed
    } catch {
      return undefined
    }
  }

  all(): Promise<readonly (Observed | undefined)[]> {
    return Promise.all(this.#hosts.map((_, node) => this.ask(node)))
  }

  /** The roots of a node; undefined where it does not run, or still reads its copies. */
  async rootsOf(node: number): Promise<readonly string[] | undefined> {
    return (await this.ask(node))?.roots
  }

  /** In how many partitions some two nodes differ; undefined where a node does not know. */
  async differing(): Promise<number | undefined> {
    const all = await Promise.all(this.#hosts.map((_, node) => this.rootsOf(node)))
    const [first, ...others] = all
    if (first === undefined || others.includes(undefined)) return undefined
    return first.filter((root, at) => others.some((roots) => roots?.[at] !== root)).length
  }

  /** Milliseconds until all roots are equal; undefined where they are not at `untilMs`. */
  async untilEqual(untilMs: number, everyMs: number): Promise<number | undefined> {
    const began = performance.now()
    while (performance.now() < untilMs) {
      if ((await this.differing()) === 0) return performance.now() - began
      await sleep(everyMs)
    }
    return undefined
  }

  /** Bytes of all questions that each node has asked of the others, and of their answers. */
  async exchangedBytes(): Promise<readonly number[]> {
    const all = await this.all()
    return this.#hosts.map((host, node) =>
      all.reduce(
        (bytes, one) => bytes + (one?.answeredBytes[host] ?? 0),
        all[node]?.askedBytes ?? 0,
      ),
    )
  }
}
