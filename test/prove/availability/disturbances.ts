/**
 * The faults of the proof `availability`: each of one node, two seconds long, one after another.
 */
import type { Prng } from '../../../src/base/prng.ts'
import type { Caretaker } from '../machine/caretaker.ts'
import { sleep } from '../machine/faults.ts'
import { CUT_IN, CUT_OFF, CUT_OUT, type End, filter, hold } from '../machine/held-faults.ts'
import type { Nodes } from '../machine/nodes.ts'
import { slowDown } from './slow-disk.ts'

/** `cut in`: the node gets no packets; `cut out`: it sends none; `cut off`: both. */
export const KINDS = ['kill', 'pause', 'cut off', 'cut in', 'cut out', 'slow disk'] as const

export type Kind = (typeof KINDS)[number]

/** A fault that has ended, by the clock of `performance.now`. */
export interface Disturbance {
  readonly kind: Kind
  readonly node: number
  readonly beganMs: number
  readonly endedMs: number
  /** False where no process stopped, no packet was dropped or no call on a file took longer. */
  readonly isEffective: boolean
}

export interface Ground {
  readonly nodes: Nodes
  readonly caretaker: Caretaker
  /** The namespace of each node. */
  readonly namespaces: readonly string[]
  /** The control file of each node's disk. */
  readonly controls: readonly string[]
}

const FAULT_MS = 2_000
const GAP_MS = 2_500

/** Each kind `times` times, in random order, each time at a random node. */
export async function disturb(
  ground: Ground,
  kinds: readonly Kind[],
  times: number,
  prng: Prng,
  say: (line: string) => void,
): Promise<readonly Disturbance[]> {
  const all: Disturbance[] = []
  for (let round = 0; round < times; round++) {
    const left = [...kinds]
    while (left.length > 0) {
      const kind = prng.pick(left)
      left.splice(left.indexOf(kind), 1)
      all.push(await disturbOnce(ground, kind, prng.below(ground.nodes.size)))
      await sleep(GAP_MS)
    }
    say(`${round + 1} of ${times} faults of each kind`)
  }
  return all
}

async function disturbOnce(ground: Ground, kind: Kind, node: number): Promise<Disturbance> {
  const beganMs = performance.now()
  const end = await begin(ground, kind, node)
  await sleep(Math.max(0, beganMs + FAULT_MS - performance.now()))
  const isEffective = await end()
  return { kind, node, beganMs, endedMs: performance.now(), isEffective }
}

async function begin(ground: Ground, kind: Kind, node: number): Promise<End> {
  const { nodes, caretaker, namespaces, controls } = ground
  const namespace = namespaces[node] as string
  switch (kind) {
    case 'kill':
      return kill(nodes, node)
    case 'pause':
      return hold(caretaker, nodes, node)
    case 'cut off':
      return filter(caretaker, namespace, CUT_OFF)
    case 'cut in':
      return filter(caretaker, namespace, CUT_IN)
    case 'cut out':
      return filter(caretaker, namespace, CUT_OUT)
    case 'slow disk':
      return slowDown(controls[node] as string)
  }
}

async function kill(nodes: Nodes, node: number): Promise<End> {
  await nodes.kill(node)
  return () => nodes.start(node)
}
