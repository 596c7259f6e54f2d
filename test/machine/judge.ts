/**
 * Judges a recording by the simulator's own checkers: nothing acknowledged is lost or wrong.
 *
 * Keys have nothing to do with each other, so each is judged for itself: its rows become a history
 * that lives as long as its judgement. Linear in the recording, and small whatever its length.
 */
import { checkCausality } from '../../src/sim/checkers/causality.ts'
import { checkDurability } from '../../src/sim/checkers/durability.ts'
import { History } from '../../src/sim/history.ts'
import type { Recording, WriteRow } from './recording.ts'

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

export function judge(recording: Recording, finals: Finals, keys: number): Judgement {
  const found = [...recording.violations]
  let story: readonly string[] = []
  const writes = grouped(recording.writes, keys, (write) => recording.keyOfWrite(write))
  const reads = grouped(recording.reads, keys, (read) => recording.keyOfRead(read))
  for (let key = 0; key < keys; key++) {
    const before = found.length
    const { history, numberOf } = historyOf(recording, key, writes.of(key), reads.of(key))
    found.push(...history.violations, ...checkCausality(history))
    const final = finals.get(key)
    if (final === undefined) {
      if (history.acknowledged > 0) found.push(`unread: nothing is known of ${nameOf(key)}`)
      continue
    }
    found.push(...checkDurability(history, new Map([[nameOf(key), final.map(numberOf)]])))
    if (found.length > before && story.length === 0) {
      story = storyOf(history, nameOf(key), final.map(numberOf))
    }
  }
  const kinds: Record<string, number> = {}
  for (const sentence of found) {
    const kind = sentence.split(':', 1)[0] as string
    kinds[kind] = (kinds[kind] ?? 0) + 1
  }
  const sentences = found.slice(0, SENTENCES_MAX)
  return { count: found.length, lost: kinds['lost'] ?? 0, sentences, kinds, story }
}

export function nameOf(key: number): string {
  return `key-${key}`
}

/** The rows of one key, as a history in which they are numbered from zero. */
function historyOf(
  recording: Recording,
  key: number,
  writes: Uint32Array,
  reads: Uint32Array,
): { readonly history: History; readonly numberOf: (write: number) => number } {
  const history = new History()
  const numbers = new Map<number, number>()
  writes.forEach((write, number) => numbers.set(write, number))
  const numberOf = (write: number): number => numbers.get(write) ?? -1
  const deletes: number[] = []
  for (const write of writes) {
    const row = recording.writeAt(write)
    const { isDelete, replacesSeen, startedMs, deletesBelow } = row
    const event = history.begin({
      key: nameOf(key),
      isDelete,
      replacesSeen,
      startedMs,
      follows: row.follows.map(numberOf),
      mayFollow: deletes.filter((one) => one < deletesBelow).map(numberOf),
    })
    if (isDelete) deletes.push(write)
    event.wasRetried = row.wasRetried
    if (row.outcome !== 'open') history.end(event, row.outcome, endOf(row), row.code)
  }
  for (const read of reads) {
    const { startedMs, endedMs, shown } = recording.readAt(read)
    history.read({ key: nameOf(key), startedMs, endedMs, shown: shown.map(numberOf), code: '' })
  }
  return { history, numberOf }
}

/**
 * When the last attempt of a write may have been carried out, at the latest. One that was given up
 * may reach its coordinator at any later time (a cut ends, a paused node goes on), and if it
 * replaces all that is seen, it then replaces what is there by then.
 */
function endOf({ outcome, replacesSeen, wasRetried, endedMs }: WriteRow): number {
  const isOpenEnded = replacesSeen && (wasRetried || outcome === 'in-doubt')
  return isOpenEnded ? Number.POSITIVE_INFINITY : endedMs
}

/** Writes and reads of one key in the order of their beginning, one a line. */
function storyOf(history: History, name: string, final: readonly number[]): readonly string[] {
  const lines: (readonly [number, string])[] = []
  const span = (from: number, to: number): string => `${from.toFixed(1)} to ${to.toFixed(1)} ms`
  for (const write of history.writes) {
    const kind = write.isDelete ? 'delete' : write.replacesSeen ? 'put of all seen' : 'put'
    const deletes =
      write.mayFollow.length === 0 ? '' : `, perhaps deletes ${write.mayFollow.join()}`
    const retried = write.wasRetried ? ', retried' : ''
    lines.push([
      write.startedMs,
      `${span(write.startedMs, write.endedMs)}: write ${write.id}, ${kind} after ` +
        `[${write.follows.join()}]${deletes}: ${write.outcome}${retried} ${write.code}`,
    ])
  }
  for (const { startedMs, endedMs, shown } of history.reads) {
    lines.push([startedMs, `${span(startedMs, endedMs)}: read shows [${shown?.join() ?? ''}]`])
  }
  lines.sort(([a], [b]) => a - b)
  return [
    `the story of ${name}:`,
    ...lines.map(([, line]) => line),
    `in the end: [${final.join()}]`,
  ]
}

/** Rows by key, each key's in their order: a counting sort. */
function grouped(
  rows: number,
  keys: number,
  keyOf: (row: number) => number,
): { of(key: number): Uint32Array } {
  const starts = new Uint32Array(keys + 1)
  for (let row = 0; row < rows; row++) {
    const above = keyOf(row) + 1
    starts[above] = (starts[above] as number) + 1
  }
  for (let key = 0; key < keys; key++) {
    starts[key + 1] = (starts[key + 1] as number) + (starts[key] as number)
  }
  const next = starts.slice()
  const order = new Uint32Array(rows)
  for (let row = 0; row < rows; row++) {
    const key = keyOf(row)
    const at = next[key] as number
    order[at] = row
    next[key] = at + 1
  }
  return { of: (key) => order.subarray(starts[key], starts[key + 1]) }
}
