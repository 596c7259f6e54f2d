/**
 * No promised write is lost, and nothing that was replaced comes back.
 *
 * After faults have stopped and the replicas are equal, every acknowledged value is among the
 * siblings of its key, or a chain of puts leads from it to one that is, each made after a get that
 * returned the value to that client (design 1). One walk backwards from what is there marks all
 * that is accounted for: linear in the history.
 *
 * A put that replaced what its coordinator saw follows what nobody but the coordinator knows. Such
 * a put accounts for writes to its key that had begun when it ended.
 */
import type { History, WriteEvent } from '../history.ts'

/** What stands under a key in the end: numbers of writes, tombstones among them. */
export type Final = ReadonlyMap<string, readonly number[]>

/** Everything that is wrong, in sentences; none where all is well. */
export function checkDurability(history: History, final: Final): readonly string[] {
  const found: string[] = []
  const replaced = new Set<number>()
  const accounted = new Set<number>()
  const seenPuts = new Map<string, number>()
  const walk: number[] = []
  for (const [key, ids] of final) {
    for (const id of ids) {
      const write = history.writes[id]
      if (write === undefined || write.key !== key) found.push(`phantom: ${key} holds ${id}`)
      else if (write.outcome === 'refused') found.push(`refused and kept: ${key} holds ${id}`)
      walk.push(id)
    }
  }
  for (const id of walk) markReplaced(history, id, replaced)
  for (let id = walk.pop(); id !== undefined; id = walk.pop()) {
    const write = history.writes[id]
    if (write === undefined || accounted.has(id)) continue
    accounted.add(id)
    if (write.replacesSeen) noteSeenPut(seenPuts, write)
    walk.push(...write.follows, ...write.mayFollow)
  }
  for (const write of history.writes) {
    if (write.outcome !== 'ok' || accounted.has(write.id)) continue
    if (write.startedMs <= (seenPuts.get(write.key) ?? -1)) continue
    found.push(
      `lost: ${write.key} no longer holds ${write.id}, acknowledged at ${write.endedMs} ms`,
    )
  }
  for (const [key, ids] of final) {
    for (const id of ids) {
      if (!replaced.has(id) || history.writes[id]?.wasRetried !== false) continue
      found.push(`came back: ${key} holds ${id}, which a later put had replaced`)
    }
  }
  return found
}

/**
 * Marks what the write, which is there or was shown, has surely replaced. A delete that it may have
 * followed proves nothing: it may never have been applied.
 */
function markReplaced(history: History, id: number, replaced: Set<number>): void {
  const walk = [id]
  for (let next = walk.pop(); next !== undefined; next = walk.pop()) {
    for (const earlier of history.writes[next]?.follows ?? []) {
      if (replaced.has(earlier)) continue
      replaced.add(earlier)
      walk.push(earlier)
    }
  }
}

/** Writes begun before the last such put ended may have been seen, and replaced, by it. */
function noteSeenPut(seenPuts: Map<string, number>, write: WriteEvent): void {
  const ended = Number.isNaN(write.endedMs) ? Number.POSITIVE_INFINITY : write.endedMs
  seenPuts.set(write.key, Math.max(seenPuts.get(write.key) ?? -1, ended))
}
