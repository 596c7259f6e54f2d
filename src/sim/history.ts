/**
 * What clients asked and what they were told: all that a checker may judge by.
 *
 * A write is known by the number that is its value; a read by the numbers that it showed. A write
 * *follows* the values that were shown to its client by the gets whose contexts it gave. Dots and
 * contexts are nowhere in here: they are the thing under test.
 */
import { assert } from '../base/assert.ts'

export type WriteOutcome = 'open' | 'ok' | 'refused' | 'in-doubt'

export interface WriteEvent {
  readonly id: number
  readonly key: string
  readonly isDelete: boolean
  /** It replaced what its coordinator saw, beside what its client was shown. */
  readonly replacesSeen: boolean
  /** Writes whose values its client had been shown, and whose contexts it gave. */
  readonly follows: readonly number[]
  /** Deletes among which are those whose tombstones it had been told of, without their numbers. */
  readonly mayFollow: readonly number[]
  readonly startedMs: number
  outcome: WriteOutcome
  endedMs: number
  code: string
  /** More than one attempt may have reached a coordinator: an earlier one may surface once. */
  wasRetried: boolean
}

export interface ReadEvent {
  readonly key: string
  readonly startedMs: number
  readonly endedMs: number
  /** Undefined where the read failed. */
  readonly shown: readonly number[] | undefined
  readonly code: string
}

export class History {
  readonly writes: WriteEvent[] = []
  readonly reads: ReadEvent[] = []
  /** What must never be, seen while it ran. */
  readonly violations: string[] = []
  acknowledged = 0
  /** Writes asked for and not yet answered. */
  open = 0
  /** Told of the next write that begins, once: for a fault that is to meet it. */
  onNextWrite: (() => void) | undefined
  readonly #deletes = new Map<string, readonly number[]>()

  begin(event: Omit<WriteEvent, 'id' | 'outcome' | 'endedMs' | 'code' | 'wasRetried'>): WriteEvent {
    const write: WriteEvent = {
      ...event,
      id: this.writes.length,
      outcome: 'open',
      endedMs: Number.NaN,
      code: '',
      wasRetried: false,
    }
    this.writes.push(write)
    this.open += 1
    const told = this.onNextWrite
    this.onNextWrite = undefined
    told?.()
    if (write.isDelete) this.#deletes.set(write.key, [...this.deletesOf(write.key), write.id])
    return write
  }

  end(write: WriteEvent, outcome: Exclude<WriteOutcome, 'open'>, nowMs: number, code = ''): void {
    assert(write.outcome === 'open', 'a write ends once')
    this.open -= 1
    write.outcome = outcome
    write.endedMs = nowMs
    write.code = code
    if (outcome === 'ok') this.acknowledged += 1
  }

  /** Deletes of `key` that a tombstone seen by now may be of. */
  deletesOf(key: string): readonly number[] {
    return this.#deletes.get(key) ?? []
  }

  /** Notes a read, and objects to values that nobody wrote under this key, or that were refused. */
  read(event: ReadEvent): void {
    this.reads.push(event)
    for (const id of event.shown ?? []) {
      const write = this.writes[id]
      if (write === undefined || write.key !== event.key || write.isDelete) {
        this.violations.push(`phantom: ${event.key} showed ${id}, which nobody wrote there`)
      } else if (write.outcome === 'refused') {
        this.violations.push(
          `refused and seen: ${event.key} showed ${id}, refused as ${write.code}`,
        )
      }
    }
  }
}

/** The value of a write: its number, and bytes that tell whether they are its own. */
export function valueOf(id: number, bytes: number): string {
  const head = `${id} `
  return head + String.fromCharCode(97 + (id % 26)).repeat(Math.max(0, bytes - head.length))
}

/** The number of the write that `value` is of; -1 where it is of none. */
export function idOf(value: string): number {
  const match = /^(\d+) (([a-z])\3*)?$/.exec(value)
  if (match === null) return -1
  const id = Number(match[1])
  return match[3] === undefined || match[3].charCodeAt(0) === 97 + (id % 26) ? id : -1
}
