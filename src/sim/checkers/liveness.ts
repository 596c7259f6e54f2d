/**
 * Every request ends, and soon: during chaos by its deadline, in quiet with success.
 */
import type { History } from '../history.ts'

export interface LivenessBounds {
  /** The deadline that clients gave. */
  readonly deadlineMs: number
  /** How much longer telling them may take. */
  readonly graceMs: number
  /** When the faults stopped. */
  readonly quietMs: number
}

export function checkLiveness(history: History, bounds: LivenessBounds): readonly string[] {
  const found: string[] = []
  const longest = bounds.deadlineMs + bounds.graceMs
  for (const write of history.writes) {
    if (write.outcome === 'open') {
      found.push(`no answer: write ${write.id} of ${write.key} never ended`)
      continue
    }
    const took = write.endedMs - write.startedMs
    if (took > longest) found.push(`late: write ${write.id} took ${took} ms`)
    if (write.startedMs > bounds.quietMs && write.outcome !== 'ok') {
      found.push(`not live: write ${write.id} failed in quiet: ${write.code}`)
    }
  }
  for (const read of history.reads) {
    const took = read.endedMs - read.startedMs
    if (took > longest) found.push(`late: a read of ${read.key} took ${took} ms`)
    if (read.startedMs > bounds.quietMs && read.shown === undefined) {
      found.push(`not live: a read of ${read.key} failed in quiet: ${read.code}`)
    }
  }
  return found
}
