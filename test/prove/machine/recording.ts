/**
 * Records the operations of clients on real machines as a history that the simulator's checkers
 * can judge.
 *
 * Keys are numbers, each write has its own value length and request id, and failures are counted.
 */
import { History, NO_WRITE, valueOf, type WriteOutcome } from '../../../src/sim/history/history.ts'
import { keyOf, nameOf } from './judge.ts'

export { NO_WRITE }

export interface WriteRow {
  readonly key: number
  readonly isDelete: boolean
  readonly replacesSeen: boolean
  readonly follows: readonly number[]
  /** Deletes of the key below this number may be what tombstones seen stand for; 0: none seen. */
  readonly deletesBelow: number
}

export interface ReadRow {
  readonly key: number
  readonly startedMs: number
  readonly endedMs: number
  readonly shown: readonly number[]
}

export class Recording {
  readonly history = new History()
  /** Writes by what became of them. */
  readonly outcomes = { ok: 0, refused: 0, 'in-doubt': 0 }
  /** Failed operations by code. */
  readonly failures = new Map<string, number>()

  /** Violations seen during the run. */
  get violations(): string[] {
    return this.history.violations
  }

  get writes(): number {
    return this.history.writes.length
  }

  get reads(): number {
    return this.history.reads.length
  }

  get acknowledged(): number {
    return this.outcomes.ok
  }

  /** The number of the write that begins. */
  begin(row: WriteRow, startedMs: number): number {
    return this.history.begin({ ...row, key: nameOf(row.key), startedMs })
  }

  end(
    write: number,
    outcome: Exclude<WriteOutcome, 'open'>,
    wasRetried: boolean,
    nowMs: number,
    code = '',
  ): void {
    if (wasRetried) this.history.markRetried(write)
    this.history.end(write, outcome, nowMs, code)
    this.outcomes[outcome] += 1
    if (code !== '') this.#count(code)
  }

  read(row: ReadRow): void {
    this.history.read({ ...row, key: nameOf(row.key), code: '' })
  }

  /** A read that failed shows nothing, and is only counted. */
  readFailed(code: string): void {
    this.#count(code)
  }

  writeAt(write: number): Pick<WriteRow, 'key' | 'isDelete'> {
    const { keys, writes } = this.history
    return { key: keyOf(keys.at(writes.key(write))), isDelete: writes.isDelete(write) }
  }

  /** The number of the write whose value these bytes are, to the last; `NO_WRITE` for others. */
  writeOf(value: string): number {
    const write = Number.parseInt(value, 10)
    if (!(write >= 0 && write < this.writes)) return NO_WRITE
    return value === textOf(write) ? write : NO_WRITE
  }

  #count(code: string): void {
    this.failures.set(code, (this.failures.get(code) ?? 0) + 1)
  }
}

const VALUE_BYTES_MIN = 8
const VALUE_BYTES_SPREAD = 160

/** What the write of this number writes: its length too is its own. */
export function textOf(write: number): string {
  const spread = Math.imul(write, 0x9e37_79b1) >>> 16
  return valueOf(write, VALUE_BYTES_MIN + (spread % VALUE_BYTES_SPREAD))
}
