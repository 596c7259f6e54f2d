/** Counts the copies of one attempt of a write, as its coordinator does while it lives. */
import type { Start } from '../../../src/dynamo/names.ts'
import { countApart, type Holder } from '../../../src/dynamo/quorum/holders.ts'
import type { Member } from './member.ts'

/** W. */
const NEEDED = 2

export class Attempt {
  readonly value: number
  readonly #coordinator: Member
  readonly #start: Start
  readonly #holders: Holder[] = []

  constructor(value: number, coordinator: Member) {
    this.value = value
    this.#coordinator = coordinator
    this.#start = coordinator.start
  }

  /** A copy on `keeper` for `owner` is durable. Whether the write is acknowledged now. */
  onHeld(keeper: number, owner: number): boolean {
    this.#holders.push({ on: `m${keeper}`, willBeOn: `m${owner}` })
    const isAlive = this.#coordinator.start === this.#start
    return isAlive && countApart(this.#holders) >= NEEDED
  }
}
