/**
 * Judges a recording by the simulator's own checkers: nothing acknowledged is lost or wrong.
 *
 * Keys have nothing to do with each other, so each is judged for itself: its rows become a history
 * that lives as long as its judgement. Linear in the recording, and small whatever its length.
 */
import { checkCausality } from '../../src/sim/checkers/causality.ts'
import { checkDurability } from '../../src/sim/checkers/durability.ts'
import { History } from '../../src/sim/history.ts'
import type { Recording } from './recording.ts'

/** Numbers of the writes that stand under each key in the end, tombstones among them. */
export type Finals = ReadonlyMap<number, readonly number[]>

/** Sentences, the first so many; there may be more. */
export interface Judgement {
  readonly count: number
  readonly lost: number
  readonly sentences: readonly string[]
}

const SENTENCES_MAX = 20

export function judge(recording: Recording, finals: Finals, keys: number): Judgement {
  const found = [...recording.violations]
  const writes = grouped(recording.writes, keys, (write) => recording.keyOfWrite(write))
  const reads = grouped(recording.reads, keys, (read) => recording.keyOfRead(read))
  for (let key = 0; key < keys; key++) {
    const { history, numberOf } = historyOf(recording, key, writes.of(key), reads.of(key))
    found.push(...history.violations, ...checkCausality(history))
    const final = finals.get(key)
    if (final === undefined) {
      if (history.acknowledged > 0) found.push(`unread: nothing is known of ${nameOf(key)}`)
      continue
    }
    found.push(...checkDurability(history, new Map([[nameOf(key), final.map(numberOf)]])))
  }
  const lost = found.filter((sentence) => sentence.startsWith('lost')).length
  return { count: found.length, lost, sentences: found.slice(0, SENTENCES_MAX) }
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
    if (row.outcome !== 'open') history.end(event, row.outcome, row.endedMs, row.code)
  }
  for (const read of reads) {
    const { startedMs, endedMs, shown } = recording.readAt(read)
    history.read({ key: nameOf(key), startedMs, endedMs, shown: shown.map(numberOf), code: '' })
  }
  return { history, numberOf }
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
