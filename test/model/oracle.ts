/**
 * Records the values that clients were shown, and judges the final siblings by them.
 *
 * The oracle uses neither dots nor contexts, which are under test. A put follows the values that
 * the gets before it returned to that client, and all that those follow. A write is *lost* when it
 * had to survive, is not among the final siblings, and no chain of puts leads from it to one of
 * them. A sibling is *false* when another sibling follows it: its client saw it and replaced it. An
 * earlier attempt of a repeated request may surface all the same, unless the client that replaced
 * the write, or one that the write in its place follows, had its context from the answer to a
 * repeat.
 *
 * Values are numbered from 0 in the order of their first attempt; a set of them is a bit mask.
 */
import type { VersionedObject } from '../../src/dynamo/version/object.ts'

/** As many as a bit mask holds without its sign. */
export const VALUES_MAX = 30

export type Fault = 'lost' | 'false-sibling' | 'twins' | 'order' | 'start-spent'

export interface Finding {
  readonly fault: Fault
  /** The value that it happened to, or -1. */
  readonly value: number
}

/** The request ids of the model: the last char is the number of the value. */
const REQUEST_IDS: readonly string[] = Array.from(
  { length: VALUES_MAX },
  (_, value) => 'request-of-value'.slice(0, 15) + String.fromCharCode(value),
)

export function requestOf(value: number): string {
  return REQUEST_IDS[value] as string
}

export function valueOf(requestId: string): number {
  return requestId.charCodeAt(15)
}

export function valuesIn(object: VersionedObject): number {
  let mask = 0
  for (const { requestId } of object.siblings) mask |= 1 << valueOf(requestId)
  return mask
}

export class Oracle {
  /** For each value, all that it follows, however many puts lie between. */
  readonly #follows: number[] = []
  /** Of those, the ones that the answer to a repeat was used to replace. */
  readonly #ends: number[] = []
  /** Sets of values. */
  #acknowledged = 0
  #durable = 0
  #retried = 0
  #isAnyDiskLost = false

  get count(): number {
    return this.#follows.length
  }

  /**
   * A new put by a client that was shown `shown` by the gets that gave its contexts, and has some
   * of them from the answers to repeats of the requests `repeated`.
   */
  onPut(shown: number, repeated: number): number {
    let follows = shown
    let ends = repeated
    for (let value = 0; value < this.count; value++) {
      if (((shown >>> value) & 1) === 0) continue
      follows |= this.#follows[value] as number
      ends |= this.#ends[value] as number
    }
    this.#follows.push(follows)
    this.#ends.push(ends)
    return this.count - 1
  }

  onRetry(value: number): void {
    this.#retried |= 1 << value
  }

  onAcknowledged(value: number): void {
    this.#acknowledged |= 1 << value
  }

  /** A copy of `object` is on a disk. */
  onDurable(object: VersionedObject): void {
    this.#durable |= valuesIn(object)
  }

  onDiskLost(): void {
    this.#isAnyDiskLost = true
  }

  /** Judges the merge of all copies. */
  judge(object: VersionedObject): Finding | undefined {
    const present = valuesIn(object)
    let accounted = present
    for (let value = 0; value < this.count; value++) {
      if ((present >>> value) & 1) accounted |= this.#follows[value] as number
    }
    // While no disk is lost, one durable copy is enough to survive: more than was promised.
    const owed = this.#isAnyDiskLost ? this.#acknowledged : this.#acknowledged | this.#durable
    const lost = owed & ~accounted
    if (lost !== 0) return { fault: 'lost', value: lowest(lost) }

    let replaced = 0
    let ended = 0
    for (let value = 0; value < this.count; value++) {
      if (((present >>> value) & 1) === 0) continue
      replaced |= this.#follows[value] as number
      ended |= this.#ends[value] as number
    }
    // A retried request may surface again with the dot of another attempt.
    const falsely = present & ((replaced & ~this.#retried) | ended)
    if (falsely !== 0) return { fault: 'false-sibling', value: lowest(falsely) }
    return twinIn(object)
  }
}

function lowest(mask: number): number {
  return 31 - Math.clz32(mask & -mask)
}

function twinIn(object: VersionedObject): Finding | undefined {
  let met = 0
  for (const { requestId } of object.siblings) {
    const bit = 1 << valueOf(requestId)
    if (met & bit) return { fault: 'twins', value: valueOf(requestId) }
    met |= bit
  }
  return undefined
}
