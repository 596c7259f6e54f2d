/**
 * Check that every read shows only writes of its key that had begun and were not refused, each
 * once, and that the siblings of one get are concurrent.
 *
 * The checker needs the whole history: a value whose write is refused later is as wrong as one that
 * was refused before the read. A value beside a write that replaced it means that a replica forgot
 * the order.
 *
 * Linear in the values shown: each write remembers the last read that showed it.
 */
import type { History } from '../history/history.ts'
import { Findings } from './findings.ts'

export function checkCausality(history: History): readonly string[] {
  const found = new Findings()
  const { shown } = history.reads
  const lastShownBy = new Int32Array(history.writes.length).fill(-1)
  for (let read = 0; read < history.reads.length; read++) {
    const from = shown.from(read)
    const to = shown.to(read)
    for (let i = from; i < to; i++) checkShown(history, found, read, shown.item(i), lastShownBy)
    if (to - from < 2) continue
    for (let i = from; i < to; i++) {
      checkBeside(history, found, read, shown.item(i), lastShownBy)
    }
  }
  return found.sentences
}

/** One value in a read: is it a write's, once, and may it be seen at all? */
function checkShown(
  history: History,
  found: Findings,
  read: number,
  id: number,
  lastShownBy: Int32Array,
): void {
  const { keys, reads, writes } = history
  if (!writes.isOf(id, reads.key(read)) || writes.isDelete(id)) {
    const key = keys.at(reads.key(read))
    found.say('phantom', `${key} showed ${id}, which no client wrote there`)
    return
  }
  if (writes.outcome(id) === 'refused') {
    const key = keys.at(reads.key(read))
    found.say('refused and seen', `${key} showed ${id}, refused as ${writes.code(id)}`)
  }
  if (writes.startedMs(id) > reads.endedMs(read)) {
    const key = keys.at(reads.key(read))
    found.say('early', `${key} showed ${id} before its write began`)
  }
  if (lastShownBy[id] === read && !writes.wasRetried(id)) {
    const key = keys.at(reads.key(read))
    found.say('twice', `${key} showed ${id} as two siblings at ${reads.endedMs(read)} ms`)
  }
  lastShownBy[id] = read
}

/** What the write `id` replaced must not stand beside it. */
function checkBeside(
  { keys, reads, writes }: History,
  found: Findings,
  read: number,
  id: number,
  lastShownBy: Int32Array,
): void {
  if (!writes.isOf(id, reads.key(read))) return
  const { follows } = writes
  for (let i = follows.from(id); i < follows.to(id); i++) {
    const earlier = follows.item(i)
    if (lastShownBy[earlier] !== read || writes.wasRetried(earlier)) continue
    const key = keys.at(reads.key(read))
    found.say('side by side', `${key} showed ${earlier} beside ${id}, which replaced it`)
  }
}
