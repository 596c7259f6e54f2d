/**
 * Check that no acknowledged write is lost and no replaced value comes back.
 *
 * After faults have stopped and the replicas are equal, every acknowledged value is among the
 * siblings of its key, or a chain of puts leads from it to one that is, each made after a get that
 * returned the value to that client (docs/design.md 1). The checker walks backwards from the final
 * siblings, and from deletes that went for good, and marks the writes that they account for: linear
 * in the history. Where the last write wins, a write that may be later accounts for all others
 * (`last-write.ts`).
 *
 * A put with `replace: seen` replaces siblings that its client was not shown. It accounts for
 * writes to its key that had begun when it ended: its read came before its first attempt, so an
 * attempt that arrives later, even after the client gave up, replaces nothing newer. Where a node
 * reads for it, a put in doubt may have replaced anything: the node may have read at any time.
 */
import { counts } from '../history/columns.ts'
import type { History } from '../history/history.ts'
import { Findings } from './findings.ts'
import { type LastWriteOptions, outlives } from './last-write.ts'

/** What stands under a key in the end: numbers of writes, tombstones among them. */
export type Final = ReadonlyMap<string, readonly number[]>

/**
 * Everything that is wrong, in sentences; none where all is well. `reaped`: tombstones that went
 * for good, since a round had made sure of them. `mayBeLost` is asked of an acknowledged write that
 * nothing accounts for: whether its bucket does not promise it (`unsynced.ts`).
 */
export function checkDurability(
  history: History,
  final: Final,
  reaped: ReadonlySet<number> = new Set(),
  lastWrites: LastWriteOptions = { isLastOnly: () => false, areClocksRight: true },
  mayBeLost: (id: number, key: number) => boolean = () => false,
): readonly string[] {
  const found = new Findings()
  const standing = standingIn(history, final, found)
  const ends = [...standing, ...reaped]
  const { accounted, seenUntil } = account(history, ends)
  const isOutlived = outlives(history, standing, reaped, lastWrites)
  findLost(history, final, found, (id, key) => {
    if (accounted[id] === 1 || isOutlived(id, key)) return true
    if (history.writes.startedMs(id) <= (seenUntil[key] as number)) return true
    return mayBeLost(id, key)
  })
  const replaced = replacedBy(history, ends)
  for (const id of standing) {
    if (replaced[id] === 0 || history.writes.wasRetried(id)) continue
    const key = history.keys.at(history.writes.key(id))
    found.say('came back', `${key} holds ${id}, which a later put had replaced`)
  }
  return found.sentences
}

/** The writes that stand in the end; what must not stand there is told. */
function standingIn(history: History, final: Final, found: Findings): readonly number[] {
  const { keys, writes } = history
  const standing: number[] = []
  for (const [key, ids] of final) {
    const number = keys.find(key)
    for (const id of ids) {
      if (!writes.isOf(id, number)) {
        found.say('phantom', `${key} holds ${id}, which no client wrote there`)
        continue
      }
      if (writes.outcome(id) === 'refused') {
        found.say('refused and kept', `${key} holds ${id}, refused as ${writes.code(id)}`)
      }
      standing.push(id)
    }
  }
  return standing
}

interface Accounted {
  /** 1 for each write that is there, or that a chain leads from to one that is. */
  readonly accounted: Uint8Array
  /** For each key: what had begun by then may have been seen and replaced. */
  readonly seenUntil: Float64Array
}

function account(history: History, standing: readonly number[]): Accounted {
  const { writes } = history
  const { follows } = writes
  const accounted = new Uint8Array(writes.length)
  const seenUntil = new Float64Array(history.keys.length).fill(Number.NEGATIVE_INFINITY)
  const deletes = new Deletes(history)
  const walk = counts()
  for (const id of standing) walk.push(id)
  for (let id = walk.pop(); id !== undefined; id = walk.pop()) {
    if (accounted[id] === 1) continue
    accounted[id] = 1
    const key = writes.key(id)
    if (writes.replacesSeen(id)) {
      seenUntil[key] = Math.max(seenUntil[key] as number, endOf(history, id))
    }
    for (let i = follows.from(id); i < follows.to(id); i++) {
      if (writes.isOf(follows.item(i), key)) walk.push(follows.item(i))
    }
    deletes.take(key, writes.deletesBelow(id), (one) => walk.push(one))
  }
  return { accounted, seenUntil }
}

/** Acknowledged writes that nothing accounts for. */
function findLost(
  { keys, writes }: History,
  final: Final,
  found: Findings,
  isAccounted: (id: number, key: number) => boolean,
): void {
  const isUnread = new Uint8Array(keys.length)
  for (let id = 0; id < writes.length; id++) {
    const key = writes.key(id)
    if (writes.outcome(id) !== 'ok' || isAccounted(id, key)) continue
    const name = keys.at(key)
    if (final.has(name)) {
      found.say('lost', `${name} no longer holds ${id}, acknowledged at ${writes.endedMs(id)} ms`)
    } else if (isUnread[key] === 0) {
      isUnread[key] = 1
      found.say('unread', `${name} was not read in the end`)
    }
  }
}

/**
 * 1 for each write that a final write has certainly replaced. A delete that it may have followed
 * proves nothing, because it may never have been applied.
 */
function replacedBy({ writes }: History, standing: readonly number[]): Uint8Array {
  const { follows } = writes
  const replaced = new Uint8Array(writes.length)
  const walk = counts()
  for (const id of standing) walk.push(id)
  for (let id = walk.pop(); id !== undefined; id = walk.pop()) {
    for (let i = follows.from(id); i < follows.to(id); i++) {
      const earlier = follows.item(i)
      if (!writes.isOf(earlier, writes.key(id)) || replaced[earlier] === 1) continue
      replaced[earlier] = 1
      walk.push(earlier)
    }
  }
  return replaced
}

function endOf({ writes }: History, id: number): number {
  const outcome = writes.outcome(id)
  const goesOn = outcome === 'open' || (outcome === 'in-doubt' && writes.isReadByNode(id))
  return goesOn ? Number.POSITIVE_INFINITY : writes.endedMs(id)
}

/** The deletes of each key, given out from the first on, each once. */
class Deletes {
  /** By key, the last first. */
  readonly #left = new Map<number, number[]>()

  constructor({ writes }: History) {
    for (let id = writes.length - 1; id >= 0; id--) {
      if (!writes.isDelete(id)) continue
      const list = this.#left.get(writes.key(id))
      if (list === undefined) this.#left.set(writes.key(id), [id])
      else list.push(id)
    }
  }

  /** Calls `see` with the deletes of `key` below `below` that were not given out yet. */
  take(key: number, below: number, see: (id: number) => void): void {
    const list = this.#left.get(key) ?? []
    for (let id = list.at(-1); id !== undefined && id < below; id = list.at(-1)) {
      list.pop()
      see(id)
    }
  }
}
