/** Draws what stays the same in one history of the model. */
import { Prng } from '../../src/base/prng.ts'
import { NODES, OWNERS } from './node.ts'

export interface ModelOptions {
  /** The machine of each node. */
  readonly machines: readonly string[]
  /** W. */
  readonly needed: number
  /** The owners are the same all the time. */
  readonly isRingFixed: boolean
  /** Nodes remember the requests that they wrote. */
  readonly remembers: boolean
  /** Where a disk would be lost, only the copy with the last write is. */
  readonly rots: boolean
}

/** W, as often as it is worth it. */
const NEEDED = [1, 2, 2, 2, 3]

/** From a stream of its own. Owners are on machines of their own; fallbacks may share one. */
export function drawOptions(seed: number): ModelOptions {
  const prng = Prng.of(seed, 'machines')
  const machines = ['m0', 'm1', 'm2', 'm3', 'm4']
  for (let node = OWNERS; node < NODES; node++) {
    if (prng.chance(0.5)) machines[node] = machines[prng.below(node)] as string
  }
  return {
    machines,
    needed: prng.pick(NEEDED),
    isRingFixed: prng.chance(0.6),
    remembers: prng.chance(0.5),
    rots: prng.chance(0.3),
  }
}
