/**
 * Knows what clients were shown and told, and judges what is there in the end.
 *
 * What was acknowledged must be there, or in the past of what is there or was removed. What has
 * been replaced must not come back. And the owners must be equal. It goes by values, never by dots.
 * Values are numbered from 0; a set of them is a bit mask.
 */
import type { VersionedObject } from '../../../src/dynamo/version/object.ts'
import { Follows } from '../follows.ts'
import { valuesIn } from '../oracle.ts'
import type { Witness } from './cluster.ts'

export type FloorFault = 'lost' | 'came-back' | 'differ'

export interface FloorOutcome {
  readonly fault: FloorFault | undefined
  /** That it happened to, or -1. */
  readonly value: number
  readonly hasReaped: boolean
  readonly hasRemovedRanges: boolean
}

export class Judge implements Witness {
  readonly #follows = new Follows()
  #acknowledged = 0
  #excused = 0
  #reaped = 0
  #hasRemovedRanges = false

  /** Values that were written. */
  get count(): number {
    return this.#follows.count
  }

  /** The next value is written by a client that was `shown` these. */
  onPut(shown: number): void {
    this.#follows.add(shown)
  }

  /** It was written a second time where no one knew that it had been written: it may come back. */
  onWrittenAgain(value: number): void {
    this.#excused |= 1 << value
  }

  onAcknowledged(value: number): void {
    this.#acknowledged |= 1 << value
  }

  onReaped(object: VersionedObject): void {
    this.#reaped |= valuesIn(object)
  }

  onRangesRemoved(): void {
    this.#hasRemovedRanges = true
  }

  /** `finals`: what the owners have in the end. */
  verdict(finals: readonly (VersionedObject | undefined)[]): FloorOutcome {
    const [present = 0, ...others] = finals.map((object) => {
      return object === undefined ? 0 : valuesIn(object)
    })
    const lost =
      this.#acknowledged & ~(this.#follows.past(present) | this.#follows.past(this.#reaped))
    if (lost !== 0) return this.#outcome('lost', lost)
    const replaced = this.#follows.behind(present | this.#reaped)
    const back = present & replaced & ~this.#excused
    if (back !== 0) return this.#outcome('came-back', back)
    const areEqual = others.every((values) => values === present)
    return this.#outcome(areEqual ? undefined : 'differ', 0)
  }

  #outcome(fault: FloorFault | undefined, values: number): FloorOutcome {
    return {
      fault,
      value: values === 0 ? -1 : 31 - Math.clz32(values & -values),
      hasReaped: this.#reaped !== 0,
      hasRemovedRanges: this.#hasRemovedRanges,
    }
  }
}
