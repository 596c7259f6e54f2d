/**
 * Check that every request ends: by its deadline during chaos, with success in quiet.
 */
import type { History } from '../history/history.ts'
import { Findings } from './findings.ts'

export interface LivenessBounds {
  /** The deadline that clients gave. */
  readonly deadlineMs: number
  /** How much longer telling them may take. */
  readonly graceMs: number
  /** When the faults stopped. */
  readonly quietMs: number
}

export function checkLiveness(history: History, bounds: LivenessBounds): readonly string[] {
  const found = new Findings()
  const { keys, reads, writes } = history
  const longestMs = bounds.deadlineMs + bounds.graceMs
  for (let id = 0; id < writes.length; id++) {
    const outcome = writes.outcome(id)
    const key = writes.key(id)
    if (outcome === 'open') {
      found.say('no answer', `write ${id} of ${keys.at(key)} never ended`)
      continue
    }
    const tookMs = writes.endedMs(id) - writes.startedMs(id)
    if (tookMs > longestMs) found.say('late', `write ${id} of ${keys.at(key)} took ${tookMs} ms`)
    if (writes.startedMs(id) > bounds.quietMs && outcome !== 'ok') {
      found.say('not live', `write ${id} of ${keys.at(key)} failed in quiet: ${writes.code(id)}`)
    }
  }
  for (let read = 0; read < reads.length; read++) {
    const tookMs = reads.endedMs(read) - reads.startedMs(read)
    if (tookMs > longestMs) {
      found.say('late', `a read of ${keys.at(reads.key(read))} took ${tookMs} ms`)
    }
    if (reads.startedMs(read) > bounds.quietMs && reads.hasFailed(read)) {
      const key = keys.at(reads.key(read))
      found.say('not live', `a read of ${key} failed in quiet: ${reads.code(read)}`)
    }
  }
  return found.sentences
}
