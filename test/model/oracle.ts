/**
 * Records the values that clients were shown, and judges the siblings of gets and of the end.
 *
 * The oracle uses neither dots nor contexts, which are under test. A put follows the values that
 * the gets before it returned to that client, and all that those follow. A write is *lost* when it
 * had to survive, is not among the final siblings, and no chain of puts leads from it to one of
 * them. It had to survive if it was acknowledged, and fewer than W machines were lost since that
 * attempt began; or if it was on a disk, and none was lost since. A get of R owners *misses* a
 * write in the same way, if W owners held it in their own copies at one time. A sibling is *false*
 * when another sibling follows it: its client saw it and replaced it. An earlier attempt of a
 * repeated request may surface all the same, unless the client that replaced the write, or one that
 * the write in its place follows, had its context from the answer to a repeat.
 *
 * Values are numbered from 0 in the order of their first attempt; a set of them is a bit mask.
 */
import type { VersionedObject } from '../../src/dynamo/version/object.ts'

/** As many as a bit mask holds without its sign. */
export const VALUES_MAX = 30

export type Fault = 'lost' | 'missed' | 'false-sibling' | 'twins' | 'order' | 'start-spent'

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
  /** W. */
  readonly #needed: number
  readonly #acknowledged = new Promised()
  readonly #atOwners = new Promised()
  /** Machines that were lost, in order: one may be lost again. */
  readonly #losses: string[] = []
  /** Sets of values. */
  #durable = 0
  #retried = 0

  constructor(needed: number) {
    this.#needed = needed
  }

  get count(): number {
    return this.#follows.length
  }

  get lossCount(): number {
    return this.#losses.length
  }

  /** How often this machine was lost, or a copy on it. */
  lossesOf(machine: string): number {
    let count = 0
    for (const lost of this.#losses) if (lost === machine) count += 1
    return count
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

  /** An attempt that began after so many losses has W copies that count. */
  onAcknowledged(value: number, lossesBefore: number): void {
    this.#acknowledged.add(value, lossesBefore)
  }

  /** An attempt that began after so many losses is held by W owners in their own copies at once. */
  onHeldByOwners(value: number, lossesBefore: number): void {
    this.#atOwners.add(value, lossesBefore)
  }

  /** A copy of `object` is on a disk. */
  onDurable(object: VersionedObject): void {
    this.#durable |= valuesIn(object)
  }

  onMachineLost(machine: string): void {
    this.#losses.push(machine)
    this.#durable = 0
  }

  /** Judges a get that R whole owners answered. */
  judgeGet(object: VersionedObject | undefined): Finding | undefined {
    const owed = this.#atOwners.left(this.#losses, this.#needed)
    const missed = owed & ~this.#accounted(object === undefined ? 0 : valuesIn(object))
    return missed === 0 ? undefined : { fault: 'missed', value: lowest(missed) }
  }

  /** Judges the merge of all copies. */
  judge(object: VersionedObject | undefined): Finding | undefined {
    const present = object === undefined ? 0 : valuesIn(object)
    const owed = this.#acknowledged.left(this.#losses, this.#needed) | this.#durable
    const lost = owed & ~this.#accounted(present)
    if (lost !== 0) return { fault: 'lost', value: lowest(lost) }
    if (object === undefined) return undefined

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

  /** These values, and all that they follow. */
  #accounted(present: number): number {
    let accounted = present
    for (let value = 0; value < this.count; value++) {
      if ((present >>> value) & 1) accounted |= this.#follows[value] as number
    }
    return accounted
  }
}

/** Values that survive as long as fewer than W machines are lost. */
class Promised {
  /** For each value that was promised, how many losses there were before its last attempt. */
  readonly #lossesBefore: (number | undefined)[] = []
  #all = 0

  add(value: number, lossesBefore: number): void {
    this.#all |= 1 << value
    this.#lossesBefore[value] = Math.max(lossesBefore, this.#lossesBefore[value] ?? 0)
  }

  /** The set of values that still have to be there. */
  left(losses: readonly string[], needed: number): number {
    if (losses.length === 0) return this.#all
    let left = 0
    for (const [value, before] of this.#lossesBefore.entries()) {
      if (before === undefined) continue
      if (new Set(losses.slice(before)).size < needed) left |= 1 << value
    }
    return left
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
