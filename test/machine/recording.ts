/**
 * What clients asked and were told, kept in columns: millions of writes fit in memory.
 *
 * The same facts as `src/sim/history.ts`, without an object for each: a write is a row, known by
 * its number, which is also its value and its request id. `judge.ts` makes histories of it, one
 * key at a time, for the checkers of the simulator.
 */
import { valueOf, type WriteOutcome } from '../../src/sim/history.ts'

/** A column of numbers that grows. */
class Column<T extends Float64Array | Uint32Array | Uint8Array> {
  #items: T
  readonly #make: (length: number) => T
  length = 0

  constructor(make: (length: number) => T) {
    this.#make = make
    this.#items = make(1024)
  }

  push(value: number): number {
    if (this.length === this.#items.length) {
      const larger = this.#make(2 * this.length)
      larger.set(this.#items)
      this.#items = larger
    }
    this.#items[this.length] = value
    this.length += 1
    return this.length - 1
  }

  get(index: number): number {
    return this.#items[index] as number
  }

  set(index: number, value: number): void {
    this.#items[index] = value
  }
}

const bytes = (): Column<Uint8Array> => new Column((length) => new Uint8Array(length))
const counts = (): Column<Uint32Array> => new Column((length) => new Uint32Array(length))
const instants = (): Column<Float64Array> => new Column((length) => new Float64Array(length))

/** Lists of numbers, one behind the other. */
class Lists {
  readonly #starts = counts()
  readonly #items = counts()

  push(list: readonly number[]): void {
    this.#starts.push(this.#items.length)
    for (const item of list) this.#items.push(item)
  }

  get(index: number): readonly number[] {
    const from = this.#starts.get(index)
    const isLast = index + 1 === this.#starts.length
    const to = isLast ? this.#items.length : this.#starts.get(index + 1)
    return Array.from({ length: to - from }, (_, i) => this.#items.get(from + i))
  }
}

export interface WriteRow {
  readonly key: number
  readonly isDelete: boolean
  readonly replacesSeen: boolean
  readonly follows: readonly number[]
  /** Deletes of the key below this number may be what tombstones seen stand for; 0: none seen. */
  readonly deletesBelow: number
  readonly startedMs: number
  readonly outcome: WriteOutcome
  readonly endedMs: number
  readonly code: string
  readonly wasRetried: boolean
}

export interface ReadRow {
  readonly key: number
  readonly startedMs: number
  readonly endedMs: number
  readonly shown: readonly number[]
}

const OUTCOMES: readonly WriteOutcome[] = ['open', 'ok', 'refused', 'in-doubt']
const DELETE = 1
const SEEN = 2
const RETRIED = 4

/** What a value that is of no write is taken for. */
export const NO_WRITE = 0xffff_ffff

export class Recording {
  readonly #keys = counts()
  readonly #flags = bytes()
  readonly #outcomes = bytes()
  readonly #codes = bytes()
  readonly #deletesBelow = counts()
  readonly #started = instants()
  readonly #ended = instants()
  readonly #follows = new Lists()
  readonly #readKeys = counts()
  readonly #readStarted = instants()
  readonly #readEnded = instants()
  readonly #shown = new Lists()
  readonly #codeNames: string[] = ['']
  /** Writes by what became of them. */
  readonly outcomes = { ok: 0, refused: 0, 'in-doubt': 0 }
  /** Failed operations by code. */
  readonly failures = new Map<string, number>()
  /** What must never be, seen while it ran. */
  readonly violations: string[] = []

  get writes(): number {
    return this.#keys.length
  }

  get reads(): number {
    return this.#readKeys.length
  }

  get acknowledged(): number {
    return this.outcomes.ok
  }

  /** The number of the write that begins. */
  begin(
    row: Pick<WriteRow, 'key' | 'isDelete' | 'replacesSeen' | 'follows' | 'deletesBelow'>,
    nowMs: number,
  ): number {
    this.#flags.push((row.isDelete ? DELETE : 0) | (row.replacesSeen ? SEEN : 0))
    this.#outcomes.push(0)
    this.#codes.push(0)
    this.#deletesBelow.push(row.deletesBelow)
    this.#started.push(nowMs)
    this.#ended.push(Number.NaN)
    this.#follows.push(row.follows)
    return this.#keys.push(row.key)
  }

  end(
    write: number,
    outcome: Exclude<WriteOutcome, 'open'>,
    wasRetried: boolean,
    nowMs: number,
    code = '',
  ): void {
    this.#outcomes.set(write, OUTCOMES.indexOf(outcome))
    this.#ended.set(write, nowMs)
    if (wasRetried) this.#flags.set(write, this.#flags.get(write) | RETRIED)
    if (code !== '') this.#codes.set(write, this.#codeNumber(code))
    this.outcomes[outcome] += 1
    if (code !== '') this.#count(code)
  }

  read(row: ReadRow): void {
    this.#readKeys.push(row.key)
    this.#readStarted.push(row.startedMs)
    this.#readEnded.push(row.endedMs)
    this.#shown.push(row.shown)
  }

  /** A read that failed shows nothing, and is only counted. */
  readFailed(code: string): void {
    this.#count(code)
  }

  writeAt(write: number): WriteRow {
    const flags = this.#flags.get(write)
    return {
      key: this.#keys.get(write),
      isDelete: (flags & DELETE) !== 0,
      replacesSeen: (flags & SEEN) !== 0,
      wasRetried: (flags & RETRIED) !== 0,
      follows: this.#follows.get(write),
      deletesBelow: this.#deletesBelow.get(write),
      startedMs: this.#started.get(write),
      outcome: OUTCOMES[this.#outcomes.get(write)] as WriteOutcome,
      endedMs: this.#ended.get(write),
      code: this.#codeNames[this.#codes.get(write)] as string,
    }
  }

  keyOfWrite(write: number): number {
    return this.#keys.get(write)
  }

  keyOfRead(read: number): number {
    return this.#readKeys.get(read)
  }

  readAt(read: number): ReadRow {
    return {
      key: this.#readKeys.get(read),
      startedMs: this.#readStarted.get(read),
      endedMs: this.#readEnded.get(read),
      shown: this.#shown.get(read),
    }
  }

  /** The number of the write whose value these bytes are, to the last; `NO_WRITE` for others. */
  writeOf(value: string): number {
    const write = Number.parseInt(value, 10)
    if (!(write >= 0 && write < this.writes)) return NO_WRITE
    return value === textOf(write) ? write : NO_WRITE
  }

  #codeNumber(code: string): number {
    const known = this.#codeNames.indexOf(code)
    return known < 0 ? this.#codeNames.push(code) - 1 : known
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
