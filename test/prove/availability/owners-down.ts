/**
 * Writes to keys of which two of the three owners, or all three, are down for half a minute.
 *
 * The nodes are killed at one instant. From 500 ms after that on, every write must be accepted.
 */
import type { Prng } from '../../../src/base/prng.ts'
import { sleep } from '../machine/faults.ts'
import type { Inspector } from '../machine/inspector.ts'
import type { Nodes } from '../machine/nodes.ts'
import type { Operation, Operations } from './operations.ts'

export interface OwnersDown {
  readonly down: number
  readonly writes: number
  readonly accepted: number
  /** The refused ones, by the code of the failure. */
  readonly codes: Readonly<Record<string, number>>
  /** Of the accepted ones. */
  readonly maxMs: number
  readonly attemptsMax: number
  /** Of those due before the nodes had been down for 500 ms, which no bar is about. */
  readonly early: { readonly writes: number; readonly accepted: number }
}

export interface OwnersDownOptions {
  readonly nodes: Nodes
  readonly inspector: Inspector
  readonly operations: Operations
  readonly keys: readonly number[]
  readonly prng: Prng
  readonly downMs: number
}

const RATE = 100
const DETECTED_MS = 500
const REST_MS = 5_000

/** Kills `down` of the owners of a key drawn at random; they run again afterwards. */
export async function ownersDown(options: OwnersDownOptions, down: 2 | 3): Promise<OwnersDown> {
  const { nodes, inspector, operations, keys, prng, downMs } = options
  const owners = inspector.ownersOf(prng.pick(keys))
  const killed = without(owners, owners.length - down, prng)
  const hit = keys.filter((key) => {
    const own = inspector.ownersOf(key)
    return killed.every((node) => own.includes(node))
  })
  const before = operations.ended.length
  const load = operations.run({ keys: hit, rate: RATE, putShare: 1 })
  await sleep(DETECTED_MS)
  const killedMs = performance.now()
  await Promise.all(killed.map((node) => nodes.kill(node)))
  await sleep(Math.max(0, killedMs + downMs - performance.now()))
  operations.stop()
  await load
  await Promise.all(killed.map((node) => nodes.start(node)))
  await sleep(REST_MS)
  return figuresOf(operations.ended.slice(before), down, killedMs)
}

/** `all` without `count` drawn at random. */
function without(all: readonly number[], count: number, prng: Prng): readonly number[] {
  const left = [...all]
  for (let i = 0; i < count; i++) left.splice(prng.below(left.length), 1)
  return left
}

function figuresOf(writes: readonly Operation[], down: number, killedMs: number): OwnersDown {
  const since = writes.filter(({ dueMs }) => dueMs >= killedMs + DETECTED_MS)
  const early = writes.filter(({ dueMs }) => dueMs >= killedMs && dueMs < killedMs + DETECTED_MS)
  const accepted = since.filter(({ code }) => code === undefined)
  const codes: Record<string, number> = {}
  for (const { code } of since) if (code !== undefined) codes[code] = (codes[code] ?? 0) + 1
  return {
    down,
    writes: since.length,
    accepted: accepted.length,
    codes,
    maxMs: accepted.reduce((most, { tookMs }) => Math.max(most, tookMs), 0),
    attemptsMax: accepted.reduce((most, { attempts }) => Math.max(most, attempts), 0),
    early: {
      writes: early.length,
      accepted: early.filter(({ code }) => code === undefined).length,
    },
  }
}
