/**
 * Check keys of buckets where the last write wins: an acknowledged write is there, or a write that
 * may be later is; and there is never more than one.
 *
 * A write that was answered before another began is not later, where all clocks tell one time. It
 * may be later if it was in doubt, or was sent twice: an attempt may have arrived at any time.
 */
import type { History } from '../history/history.ts'
import { Findings } from './findings.ts'

export interface LastWriteOptions {
  /** Whether a key, by its name, is of such a bucket. */
  readonly isLastOnly: (key: string) => boolean
  /** No node's clock tells another date than the others. */
  readonly areClocksRight: boolean
}

/** Writes of one millisecond at several nodes get times ahead of the clocks, by this at most. */
const AHEAD_MS_MAX = 20

/**
 * Tells for an acknowledged write of such a key whether what stands there may be later; or, where
 * nothing stands, one of the deletes that went for good.
 */
export function outlives(
  { keys, writes }: History,
  standing: readonly number[],
  reaped: ReadonlySet<number>,
  { isLastOnly, areClocksRight }: LastWriteOptions,
): (id: number, key: number) => boolean {
  const byKey = (ends: Iterable<number>): ReadonlyMap<number, number[]> => {
    const all = new Map<number, number[]>()
    for (const end of ends) {
      const others = all.get(writes.key(end))
      if (others === undefined) all.set(writes.key(end), [end])
      else others.push(end)
    }
    return all
  }
  const endsOf = new Map([...byKey(reaped), ...byKey(standing)])
  const mayBeLater = (end: number, id: number): boolean => {
    if (!areClocksRight || writes.outcome(end) !== 'ok' || writes.wasRetried(end)) return true
    return writes.startedMs(id) <= writes.endedMs(end) + AHEAD_MS_MAX
  }
  return (id, key) => {
    if (!isLastOnly(keys.at(key))) return false
    return (endsOf.get(key) ?? []).some((end) => mayBeLater(end, id))
  }
}

/** Keys that were shown with several values, or hold several writes in the end. */
export function checkLastWrites(
  { keys, reads }: History,
  final: ReadonlyMap<string, readonly number[]>,
  { isLastOnly }: LastWriteOptions,
): readonly string[] {
  const found = new Findings()
  const { shown } = reads
  for (let read = 0; read < reads.length; read++) {
    const key = keys.at(reads.key(read))
    const count = shown.to(read) - shown.from(read)
    if (count < 2 || !isLastOnly(key)) continue
    found.say('not one', `${key} showed ${count} values at ${reads.endedMs(read)} ms`)
  }
  for (const [key, ids] of final) {
    if (ids.length < 2 || !isLastOnly(key)) continue
    found.say('not one', `${key} holds ${ids.join(' and ')}`)
  }
  return found.sentences
}
