/** Watches from the last delete on how tombstones go: at which node, by which round, and when. */
import { sleep } from '../machine/faults.ts'
import { nameOfNode, type Nodes } from '../machine/nodes.ts'
import { figureOf, statusOf } from './figures.ts'

const LOOK_MS = 500
const TELL_MS = 15_000

export interface Waning {
  /** From the last delete until each node had no deleted leaf; infinite where it kept some. */
  readonly goneMs: readonly number[]
  /** What each node had at the end. */
  readonly leaves: readonly number[]
  readonly hints: readonly number[]
}

interface Look {
  round: number
  goneMs: number
  leaves: number
  hints: number
  reaped: number
}

export async function watchWaning(
  nodes: Nodes,
  sinceMs: number,
  msMax: number,
  say: (line: string) => void,
): Promise<Waning> {
  const looks = nodes.places.map(
    (): Look => ({ round: Number.NaN, goneMs: Number.NaN, leaves: NaN, hints: NaN, reaped: NaN }),
  )
  let toldMs = Number.NEGATIVE_INFINITY
  for (;;) {
    await Promise.all(looks.map((look, node) => lookAt(nodes, node, look, sinceMs, say)))
    const ms = performance.now() - sinceMs
    if (ms > toldMs + TELL_MS) {
      toldMs = ms
      const leaves = looks.map((look) => look.leaves).join(', ')
      const reaped = looks.map((look) => look.reaped).join(', ')
      say(`${seconds(ms)} after the last delete: deleted leaves ${leaves}; reaped ${reaped}`)
    }
    const isOver = looks.every(({ leaves, hints }) => leaves === 0 && hints === 0)
    if (isOver || ms > msMax) break
    await sleep(LOOK_MS)
  }
  return {
    goneMs: looks.map(({ leaves, goneMs }) => (leaves === 0 ? goneMs : Number.POSITIVE_INFINITY)),
    leaves: looks.map(({ leaves }) => leaves),
    hints: looks.map(({ hints }) => hints),
  }
}

async function lookAt(
  nodes: Nodes,
  node: number,
  look: Look,
  sinceMs: number,
  say: (line: string) => void,
): Promise<void> {
  const status = await statusOf(nodes, node)
  if (status === undefined) return
  const ms = performance.now() - sinceMs
  const [round, leaves] = [figureOf(status, 'round'), figureOf(status, 'deleted_leaves')]
  const name = nameOfNode(node)
  if (round !== look.round) say(`${seconds(ms)}: ${name} is at round ${round}`)
  if (leaves === 0 && look.leaves !== 0) {
    look.goneMs = ms
    say(`${seconds(ms)}: ${name} has no deleted leaf any more, at round ${round}`)
  } else if (leaves > 0 && look.leaves === 0) say(`${seconds(ms)}: ${name} has ${leaves} again`)
  look.round = round
  look.leaves = leaves
  look.hints = figureOf(status, 'hints')
  look.reaped = figureOf(status, 'keys_reaped_total')
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
