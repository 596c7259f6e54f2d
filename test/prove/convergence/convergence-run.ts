/** The parts of the proof `convergence`, in the process that can reach all nodes. */
import { Caretaker } from '../machine/caretaker.ts'
import type { Place } from '../machine/nodes.ts'
import { onCluster } from './cluster.ts'
import { cutOff, type CutFigures } from './cut-off.ts'
import { emptied, type EmptiedFigures } from './emptied.ts'
import { oneKey, type OneKeyFigures } from './one-key.ts'

export const PARTS = ['cut', 'key', 'emptied'] as const

export type Part = (typeof PARTS)[number]

/** Plain data: it travels to the process that runs it. */
export interface ConvergencePlan {
  readonly root: string
  /** Without directories: each part has its own. */
  readonly places: readonly Place[]
  readonly namespaces: readonly string[]
  readonly parts: readonly Part[]
  /** Keys that diverge in the cut, those of which one differs, and those of the emptied node. */
  readonly keys: Readonly<Record<Part, number>>
  readonly cutMs: number
}

export interface ConvergenceResult {
  readonly cut?: CutFigures
  readonly key?: OneKeyFigures
  readonly emptied?: EmptiedFigures
}

export async function runConvergence(
  plan: ConvergencePlan,
  say: (line: string) => void,
): Promise<ConvergenceResult> {
  const { parts, keys, cutMs } = plan
  const caretaker = new Caretaker()
  const tools = { caretaker, say }
  const has = (part: Part): boolean => parts.includes(part)
  try {
    const cut = has('cut')
      ? await onCluster('cut', plan, tools, (cluster) => cutOff(cluster, keys.cut, cutMs))
      : undefined
    const key = has('key')
      ? await onCluster('key', plan, tools, (cluster) => oneKey(cluster, keys.key))
      : undefined
    const empty = has('emptied')
      ? await onCluster('emptied', plan, tools, (cluster) => emptied(cluster, keys.emptied))
      : undefined
    return {
      ...(cut === undefined ? {} : { cut }),
      ...(key === undefined ? {} : { key }),
      ...(empty === undefined ? {} : { emptied: empty }),
    }
  } finally {
    await caretaker.end()
  }
}
