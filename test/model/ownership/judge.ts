/**
 * Knows what clients were shown and told, and judges reads and what is there in the end.
 *
 * - No acknowledged write is *lost*, whatever was cut, crashed, committed or named as dead, while
 *   one disk at most was destroyed: in the end it is among the siblings, or in their past.
 * - No read of R *misses* a strict write: one that W owners of one stage acknowledged for their own
 *   copies before the read began. That holds across moves, crashes and cuts. It holds while at most
 *   one owner was *harmed*: it lost its disk, or a table that may take effect names it as dead,
 *   though it may live. Two harmed owners may be all that W owners were; then the write comes back
 *   from its donors, as `lost` requires, and not at once.
 *   A write that is acknowledged by hints (a sloppy quorum) is promised to reads only when it has
 *   reached its owners: R owners may all be others than its holders.
 * - All is *settled* in the end: one table everywhere and its moves done, the owners equal, no
 *   donor and no hint left.
 *
 * It goes by values, never by dots, contexts or stages, which are under test.
 */
import type { VersionedObject } from '../../../src/dynamo/version/object.ts'
import { Follows } from '../follows.ts'
import { valuesIn } from '../oracle.ts'
import type { Reading } from './reading.ts'
import { countBits } from './tables.ts'

export type OwnershipFault = 'lost' | 'missed' | 'unsettled'

export interface Finding {
  readonly fault: OwnershipFault
  /** The value that it happened to, or -1. */
  readonly value: number
}

export class Judge {
  readonly follows: Follows = new Follows()
  #acknowledged = 0
  #strict = 0
  /** Members that lost a disk, or were named as dead while they owned the key. */
  #harmed = 0
  #missed = 0
  reads = 0

  get acknowledged(): number {
    return this.#acknowledged
  }

  get strict(): number {
    return this.#strict
  }

  onAcknowledged(value: number): void {
    this.#acknowledged |= 1 << value
  }

  onStrict(value: number): void {
    this.onAcknowledged(value)
    this.#strict |= 1 << value
  }

  onDestroyed(members: number): void {
    this.#harmed |= members
  }

  onNamedDead(members: number): void {
    this.#harmed |= members
  }

  onRead({ owed, read }: Reading): void {
    this.reads += 1
    if (countBits(this.#harmed) > 1) return
    const shown = read === undefined ? 0 : valuesIn(read)
    this.#missed |= owed & ~this.follows.past(shown)
  }

  get hasMissed(): boolean {
    return this.#missed !== 0
  }

  verdict(
    finals: readonly (VersionedObject | undefined)[],
    isSettled: boolean,
  ): Finding | undefined {
    if (this.#missed !== 0) return { fault: 'missed', value: lowest(this.#missed) }
    const present = finals.map((object) => (object === undefined ? 0 : valuesIn(object)))
    const all = present.reduce((sum, values) => sum | values, 0)
    const lost = this.#acknowledged & ~this.follows.past(all)
    if (lost !== 0) return { fault: 'lost', value: lowest(lost) }
    const areEqual = present.every((values) => values === all)
    return areEqual && isSettled ? undefined : { fault: 'unsettled', value: -1 }
  }
}

function lowest(mask: number): number {
  return 31 - Math.clz32(mask & -mask)
}
