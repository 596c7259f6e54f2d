/**
 * A value vanishes only when a later write had seen it: no read goes behind what is accounted for.
 *
 * Judged on the history alone, for single reads: what a get shows together is what nobody replaced
 * in one another's knowledge. A value and a write that replaced it, shown side by side, say that a
 * replica forgot which came first.
 */
import type { History } from '../history.ts'

export function checkCausality(history: History): readonly string[] {
  const found: string[] = []
  for (const { key, shown, endedMs } of history.reads) {
    if (shown === undefined || shown.length < 2) continue
    const together = new Set(shown)
    if (together.size < shown.length) {
      const retried = shown.every((id) => history.writes[id]?.wasRetried !== false)
      if (!retried) found.push(`twice: ${key} showed one write as two siblings at ${endedMs} ms`)
    }
    for (const id of together) {
      const write = history.writes[id]
      for (const earlier of write?.follows ?? []) {
        if (!together.has(earlier) || history.writes[earlier]?.wasRetried !== false) continue
        found.push(`side by side: ${key} showed ${earlier} beside ${id}, which replaced it`)
      }
    }
  }
  return found
}
