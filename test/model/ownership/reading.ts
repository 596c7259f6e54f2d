/** Counts the answers to one read of R, as its coordinator does while it lives. */
import type { Start } from '../../../src/dynamo/names.ts'
import type { VersionedObject } from '../../../src/dynamo/version/object.ts'
import { joined } from '../joined.ts'
import type { Member } from './member.ts'
import { bit, countBits, type Stage } from './tables.ts'

/** R. */
const NEEDED = 2

export class Reading {
  readonly coordinator: Member
  readonly stage: Stage
  /** The values that it must not miss: those that W owners held when it began. */
  readonly owed: number
  readonly #start: Start
  #answered = 0
  #isDone = false
  read: VersionedObject | undefined

  constructor(coordinator: Member, owed: number) {
    this.coordinator = coordinator
    this.stage = coordinator.memory.stage
    this.owed = owed
    this.#start = coordinator.start
  }

  /** Whether that ends the read. */
  onAnswer(owner: number, object: VersionedObject | undefined): boolean {
    if (this.#isDone || this.coordinator.start !== this.#start) return false
    this.#answered |= bit(owner)
    this.read = joined(this.read, object)
    this.#isDone = countBits(this.#answered) >= NEEDED
    return this.#isDone
  }
}
