/**
 * Check that a scan returned every key with an acknowledged value.
 *
 * It was made in quiet before the copies were made equal: some still lack writes or have rotted. In
 * the end a key holds an acknowledged value only if it held that value, or one that it replaced
 * without a write, all the time: so the scan had to return the key.
 */
import type { History } from '../history/history.ts'
import type { Final } from './durability.ts'
import { Findings } from './findings.ts'

/** Which keys, by `bucket/key`, a scan of each bucket returned. */
export type Scanned = ReadonlyMap<string, ReadonlySet<string>>

export function checkScans(history: History, final: Final, scanned: Scanned): readonly string[] {
  const found = new Findings()
  const { writes } = history
  for (const [label, ids] of final) {
    const keys = scanned.get(label.slice(0, label.indexOf('/')))
    if (keys === undefined || keys.has(label)) continue
    const held = ids.find((id) => writes.outcome(id) === 'ok' && !writes.isDelete(id))
    if (held !== undefined) found.say('not scanned', `${label} holds ${held} and was in no page`)
  }
  return found.sentences
}
