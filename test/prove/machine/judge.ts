/**
 * Judges a recording with the checkers of the simulator: no acknowledged write is lost or wrong.
 */
import { checkCausality } from '../../../src/sim/checkers/causality.ts'
import { checkDurability } from '../../../src/sim/checkers/durability.ts'
import type { History } from '../../../src/sim/history/history.ts'
import type { Recording } from './recording.ts'

/** Numbers of the writes that stand under each key in the end, tombstones among them. */
export type Finals = ReadonlyMap<number, readonly number[]>

/** Sentences, the first so many; there may be more. */
export interface Judgement {
  readonly count: number
  readonly lost: number
  readonly sentences: readonly string[]
  /** How many there are of each kind: what stands before the colon. */
  readonly kinds: Readonly<Record<string, number>>
  /** All that happened to the first key of which something is wrong. */
  readonly story: readonly string[]
}

const SENTENCES_MAX = 20
const KEY_NAME = /\bkey-\d+\b/

export function judge(recording: Recording, finals: Finals, keys: number): Judgement {
  const { history } = recording
  const final = new Map<string, readonly number[]>()
  for (let key = 0; key < keys; key++) {
    const ids = finals.get(key)
    if (ids !== undefined) final.set(nameOf(key), ids)
  }
  const judged = [...checkCausality(history), ...checkDurability(history, final)]
  const found = [...history.violations, ...judged]
  const kinds: Record<string, number> = {}
  for (const sentence of found) {
    const kind = sentence.split(':', 1)[0] as string
    kinds[kind] = (kinds[kind] ?? 0) + 1
  }
  const name = judged
    .map((sentence) => KEY_NAME.exec(sentence)?.[0])
    .find((one) => one !== undefined)
  const story = name === undefined ? [] : storyOf(history, name, final.get(name))
  const sentences = found.slice(0, SENTENCES_MAX)
  return { count: found.length, lost: kinds['lost'] ?? 0, sentences, kinds, story }
}

export function nameOf(key: number): string {
  return `key-${key}`
}

/** The number of the key that has this name. */
export function keyOf(name: string): number {
  return Number(name.slice('key-'.length))
}

/** Writes and reads of one key in the order of their beginning, one a line. */
function storyOf(
  { keys, writes, reads }: History,
  name: string,
  final: readonly number[] | undefined,
): readonly string[] {
  const key = keys.find(name)
  const lines: (readonly [number, string])[] = []
  const span = (from: number, to: number): string => `${from.toFixed(1)} to ${to.toFixed(1)} ms`
  for (let id = 0; id < writes.length; id++) {
    if (writes.key(id) !== key) continue
    const kind = writes.isDelete(id)
      ? 'delete'
      : writes.replacesSeen(id)
        ? 'put of all seen'
        : 'put'
    const below = writes.deletesBelow(id)
    const deletes = below === 0 ? '' : `, perhaps deletes below ${below}`
    const retried = writes.wasRetried(id) ? ', retried' : ''
    lines.push([
      writes.startedMs(id),
      `${span(writes.startedMs(id), writes.endedMs(id))}: write ${id}, ${kind} after ` +
        `[${writes.follows.of(id).join()}]${deletes}: ` +
        `${writes.outcome(id)}${retried} ${writes.code(id)}`,
    ])
  }
  for (let read = 0; read < reads.length; read++) {
    if (reads.key(read) !== key) continue
    const shown = reads.shown.of(read).join()
    lines.push([
      reads.startedMs(read),
      `${span(reads.startedMs(read), reads.endedMs(read))}: read shows [${shown}]`,
    ])
  }
  lines.sort(([a], [b]) => a - b)
  return [
    `the story of ${name}:`,
    ...lines.map(([, line]) => line),
    `in the end: [${final?.join() ?? 'unknown'}]`,
  ]
}
