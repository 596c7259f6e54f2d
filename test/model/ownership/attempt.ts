/**
 * Counts the copies of one attempt of a write, as its coordinator does while it lives.
 *
 * An attempt belongs to the stage in which it was sent: only the owners of that stage count.
 */
import type { Start } from '../../../src/dynamo/names.ts'
import { countApart, type Holder } from '../../../src/dynamo/quorum/holders.ts'
import type { VersionedObject } from '../../../src/dynamo/version/object.ts'
import type { Member } from './member.ts'
import { bit, countBits, type Stage } from './tables.ts'

/** W. */
const NEEDED = 2
const MACHINES = ['m0', 'm1', 'm2', 'm3', 'm4', 'm5']

/** `strict`: W owners hold it in their own copies. */
export type Outcome = 'waits' | 'acknowledged' | 'strict'

export class Attempt {
  readonly value: number
  readonly object: VersionedObject
  readonly stage: Stage
  readonly coordinator: Member
  readonly #start: Start
  readonly #holders: Holder[] = []
  /** Owners whose own copies hold it. */
  #owners = 0

  constructor(value: number, object: VersionedObject, coordinator: Member) {
    this.value = value
    this.object = object
    this.coordinator = coordinator
    this.stage = coordinator.memory.stage
    this.#start = coordinator.start
  }

  get isOver(): boolean {
    return this.coordinator.start !== this.#start
  }

  /** A copy on `keeper` for `owner` is durable. */
  onHeld(keeper: number, owner: number): Outcome {
    if (this.isOver) return 'waits'
    const [on, willBeOn] = [MACHINES[keeper] as string, MACHINES[owner] as string]
    if (!this.#holders.some((one) => one.on === on && one.willBeOn === willBeOn)) {
      this.#holders.push({ on, willBeOn })
    }
    if (keeper === owner) this.#owners |= bit(owner)
    if (countBits(this.#owners) >= NEEDED) return 'strict'
    return countApart(this.#holders) >= NEEDED ? 'acknowledged' : 'waits'
  }

  /** A disk was lost: what it had acknowledged does not make a write strict. */
  onLost(keeper: number): void {
    this.#owners &= ~bit(keeper)
  }
}
