/**
 * Record the operations of clients and their results, for the checkers.
 *
 * A write's value is its number; a read's result is a list of these numbers. A write *follows* the
 * values that were shown to its client by the gets whose contexts it gave. The history has no dots
 * and no contexts, because they are under test.
 *
 * Stored in columns, so that ten million operations fit: a write is a row of `writes`, a read a row
 * of `reads`, in the order in which writes began and reads ended.
 */
import { assert } from '../../base/assert.ts'
import { bytes, counts, instants, Lists, Names } from './columns.ts'

export type WriteOutcome = 'open' | 'ok' | 'refused' | 'in-doubt'

/** A write as it begins. */
export interface WriteEvent {
  readonly key: string
  readonly isDelete: boolean
  /**
   * It also replaced the siblings that a get for it returned (`replace: seen`). Requires: that get
   * came before the first attempt, as in our client, so that these writes had begun when it ended.
   */
  readonly replacesSeen: boolean
  /** A node made that get, perhaps long after the client had given up. */
  readonly isReadByNode?: boolean
  /** Writes whose values its client had been shown, and whose contexts it gave. */
  readonly follows: readonly number[]
  /**
   * If its client was shown tombstones, they are of some deletes of the key with numbers below this
   * one; 0 if it was shown none.
   */
  readonly deletesBelow: number
  readonly startedMs: number
}

/** The write of a request id. */
export interface KnownWrite {
  readonly id: number
  readonly isDelete: boolean
}

export interface ReadEvent {
  readonly key: string
  readonly startedMs: number
  readonly endedMs: number
  /** Undefined where the read failed. */
  readonly shown: readonly number[] | undefined
  /** Why it failed. */
  readonly code: string
}

/** Stands for a value that is of no write. */
export const NO_WRITE = -1

const OUTCOMES: readonly WriteOutcome[] = ['open', 'ok', 'refused', 'in-doubt']
const OUTCOME_BITS = 3
const IS_DELETE = 4
const REPLACES_SEEN = 8
const WAS_RETRIED = 16
const READ_BY_NODE = 32

/** The writes, by number. */
export class Writes {
  readonly #keys = counts()
  readonly #flags = bytes()
  readonly #codes = bytes()
  readonly #deletesBelow = counts()
  readonly #started = instants()
  readonly #ended = instants()
  readonly #codeNames: Names
  readonly follows: Lists = new Lists()

  constructor(codeNames: Names) {
    this.#codeNames = codeNames
  }

  get length(): number {
    return this.#keys.length
  }

  add(key: number, event: WriteEvent): number {
    const { isDelete, replacesSeen, isReadByNode } = event
    this.#keys.push(key)
    const seen = (replacesSeen ? REPLACES_SEEN : 0) | (isReadByNode === true ? READ_BY_NODE : 0)
    this.#flags.push((isDelete ? IS_DELETE : 0) | seen)
    this.#codes.push(0)
    this.#deletesBelow.push(event.deletesBelow)
    this.#started.push(event.startedMs)
    this.#ended.push(Number.NaN)
    this.follows.push(event.follows)
    return this.length - 1
  }

  end(id: number, outcome: WriteOutcome, nowMs: number, code: string): void {
    this.#flags.set(id, this.#flags.get(id) | OUTCOMES.indexOf(outcome))
    this.#codes.set(id, this.#codeNames.add(code))
    this.#ended.set(id, nowMs)
  }

  /** After its end: a repeat of it was acknowledged. */
  acknowledge(id: number): void {
    this.#flags.set(id, (this.#flags.get(id) & ~OUTCOME_BITS) | OUTCOMES.indexOf('ok'))
  }

  markRetried(id: number): void {
    this.#flags.set(id, this.#flags.get(id) | WAS_RETRIED)
  }

  /** Whether there is such a write, and of this key. */
  isOf(id: number, key: number | undefined): boolean {
    return id >= 0 && id < this.length && this.#keys.get(id) === key
  }

  /** A number in `history.keys`. */
  key(id: number): number {
    return this.#keys.get(id)
  }

  get deletes(): number {
    return Array.from({ length: this.length }, (_, id) => id).filter((id) => this.isDelete(id))
      .length
  }

  isDelete(id: number): boolean {
    return (this.#flags.get(id) & IS_DELETE) !== 0
  }

  isReadByNode(id: number): boolean {
    return (this.#flags.get(id) & READ_BY_NODE) !== 0
  }

  replacesSeen(id: number): boolean {
    return (this.#flags.get(id) & REPLACES_SEEN) !== 0
  }

  /** More than one attempt may have reached a coordinator: an earlier one may surface once. */
  wasRetried(id: number): boolean {
    return (this.#flags.get(id) & WAS_RETRIED) !== 0
  }

  deletesBelow(id: number): number {
    return this.#deletesBelow.get(id)
  }

  outcome(id: number): WriteOutcome {
    return OUTCOMES[this.#flags.get(id) & OUTCOME_BITS] as WriteOutcome
  }

  /** Why it failed; empty where it did not. */
  code(id: number): string {
    return this.#codeNames.at(this.#codes.get(id))
  }

  startedMs(id: number): number {
    return this.#started.get(id)
  }

  /** Not a number while it is open. */
  endedMs(id: number): number {
    return this.#ended.get(id)
  }
}

/** The reads, in the order of their ends. */
export class Reads {
  readonly #keys = counts()
  readonly #codes = bytes()
  readonly #started = instants()
  readonly #ended = instants()
  readonly #codeNames: Names
  /** Numbers of writes, or `NO_WRITE`; of a failed read none. */
  readonly shown: Lists = new Lists()

  constructor(codeNames: Names) {
    this.#codeNames = codeNames
  }

  get length(): number {
    return this.#keys.length
  }

  add(key: number, { startedMs, endedMs, shown, code }: ReadEvent): void {
    assert((shown === undefined) === (code !== ''), 'what failed says why')
    this.#keys.push(key)
    this.#codes.push(this.#codeNames.add(code))
    this.#started.push(startedMs)
    this.#ended.push(endedMs)
    this.shown.push(shown === undefined ? NOTHING : shown.map(wholeOrNone))
  }

  /** A number in `history.keys`. */
  key(read: number): number {
    return this.#keys.get(read)
  }

  hasFailed(read: number): boolean {
    return this.#codes.get(read) !== 0
  }

  /** Why it failed; empty where it did not. */
  code(read: number): string {
    return this.#codeNames.at(this.#codes.get(read))
  }

  startedMs(read: number): number {
    return this.#started.get(read)
  }

  endedMs(read: number): number {
    return this.#ended.get(read)
  }
}

const NOTHING: readonly number[] = []
/** A code takes one byte of a row. */
const CODES_MAX = 256

export class History {
  readonly keys: Names = new Names()
  readonly #codes = new Names()
  readonly writes: Writes = new Writes(this.#codes)
  readonly reads: Reads = new Reads(this.#codes)
  /** What must never be, seen while it ran. */
  readonly violations: string[] = []
  acknowledged = 0
  /** Writes asked for and not yet answered. */
  open = 0
  /** Called once, when the next write begins: for a fault that should hit it. */
  onNextWrite: (() => void) | undefined

  constructor() {
    assert(this.#codes.add('') === 0, 'no code at all comes first')
  }

  /** Notes that a write begins; its number. */
  begin(event: WriteEvent): number {
    const id = this.writes.add(this.keys.add(event.key), event)
    this.open += 1
    const told = this.onNextWrite
    this.onNextWrite = undefined
    told?.()
    return id
  }

  end(id: number, outcome: Exclude<WriteOutcome, 'open'>, nowMs: number, code = ''): void {
    assert(this.writes.outcome(id) === 'open', 'a write ends once')
    this.open -= 1
    this.writes.end(id, outcome, nowMs, code)
    assert(this.#codes.length <= CODES_MAX, 'errors have few codes')
    if (outcome === 'ok') this.acknowledged += 1
  }

  /** A repeat of a write that had ended in doubt, or well, was acknowledged. */
  acknowledge(id: number): void {
    const outcome = this.writes.outcome(id)
    assert(outcome === 'ok' || outcome === 'in-doubt', 'what may have been taken is repeated')
    if (outcome === 'in-doubt') this.acknowledged += 1
    this.writes.acknowledge(id)
  }

  markRetried(id: number): void {
    this.writes.markRetried(id)
  }

  read(event: ReadEvent): void {
    this.reads.add(this.keys.add(event.key), event)
    assert(this.#codes.length <= CODES_MAX, 'errors have few codes')
  }
}

/** Values may be garbled into any number. */
function wholeOrNone(id: number): number {
  return (id | 0) === id ? id : NO_WRITE
}

/** The value of a write: its number, and bytes that tell whether they are its own. */
export function valueOf(id: number, bytes: number): string {
  const head = `${id} `
  return head + String.fromCharCode(97 + (id % 26)).repeat(Math.max(0, bytes - head.length))
}

/** The number of the write that `value` is of; -1 where it is of none. */
export function idOf(value: string): number {
  const space = value.indexOf(' ')
  const id = Number(value.slice(0, space))
  // To make the value again is faster than to look at each of its characters.
  const isNumber = space > 0 && Number.isSafeInteger(id) && id >= 0
  return isNumber && valueOf(id, value.length) === value ? id : NO_WRITE
}
