/**
 * How long a member is suspected before it is declared dead: the less, the more other members
 * suspect it by their own probes.
 *
 *     least = 3 periods × max(1, log10(members))      longest = 6 × least
 *     after c of k confirmations:  longest - (longest - least) × log(c + 1) / log(k + 1)
 *
 * A member that is alive contradicts within the time that news needs to reach it and come back.
 *
 * Source: Lifeguard (see local-health.ts), dynamic suspicion.
 */
import type { NodeId } from '../names.ts'

/** Independent members, besides the first, whose suspicion shortens the time to the least. */
export const CONFIRMATIONS = 3
const LEAST_PERIODS = 3
const LONGEST = 6

export class Suspicion {
  readonly incarnation: number
  readonly #witnesses: NodeId[]
  readonly #needed: number
  readonly #leastMs: number
  #startedAt: number

  /** `members` that are not gone; `periodMs` of a probe. */
  constructor(incarnation: number, by: NodeId, members: number, periodMs: number, now: number) {
    this.incarnation = incarnation
    this.#witnesses = [by]
    // Neither the suspect nor the first witness can confirm.
    this.#needed = Math.max(0, Math.min(CONFIRMATIONS, members - 2))
    this.#leastMs = LEAST_PERIODS * Math.max(1, Math.log10(members)) * periodMs
    this.#startedAt = now
  }

  get witnesses(): readonly NodeId[] {
    return this.#witnesses
  }

  /** When the suspect is declared dead. */
  get dueAt(): number {
    return this.#startedAt + timeoutMs(this.#leastMs, this.#witnesses.length - 1, this.#needed)
  }

  /** Returns whether `by` is a new witness, and the time shorter. */
  confirm(by: NodeId): boolean {
    if (this.#witnesses.length > this.#needed || this.#witnesses.includes(by)) return false
    this.#witnesses.push(by)
    return true
  }

  /** A time in which this node could hear nothing does not count. */
  delay(ms: number): void {
    this.#startedAt += ms
  }
}

export function timeoutMs(leastMs: number, confirmations: number, needed: number): number {
  if (needed === 0) return leastMs
  const longestMs = LONGEST * leastMs
  const share = Math.log(confirmations + 1) / Math.log(needed + 1)
  return Math.max(leastMs, longestMs - (longestMs - leastMs) * share)
}
