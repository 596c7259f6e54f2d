/**
 * How long a member is suspected before it is declared dead: the less, the more other members
 * suspect it by their own probes.
 *
 *     least = 3 periods × max(1, log10(members))      longest = 6 × least
 *     after c of k confirmations:  longest - (longest - least) × log(c + 1) / log(k + 1)
 *
 * A member that is alive contradicts within the time that news needs to reach it and come back.
 * One that stood still for some seconds may need longer: so anything that comes from the suspect
 * itself lets the time begin anew, and when it is up the suspect is asked a last time.
 *
 * Source: Lifeguard (see local-health.ts), dynamic suspicion.
 */
import type { NodeId } from '../names.ts'
import { PERIOD_MS } from './probing.ts'

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
  /** Until then an answer to the last question is waited for. */
  #lastUntil: number | undefined
  #remindedAt = Number.NEGATIVE_INFINITY

  /** `members` that are not gone. */
  constructor(incarnation: number, by: NodeId, members: number, now: number) {
    this.incarnation = incarnation
    this.#witnesses = [by]
    // Neither the suspect nor the first witness can confirm.
    this.#needed = Math.max(0, Math.min(CONFIRMATIONS, members - 2))
    this.#leastMs = leastMs(members)
    this.#startedAt = now
  }

  get witnesses(): readonly NodeId[] {
    return this.#witnesses
  }

  /** When to call `onDue`. */
  get dueAt(): number {
    if (this.#lastUntil !== undefined) return this.#lastUntil
    return this.#startedAt + timeoutMs(this.#leastMs, this.#witnesses.length - 1, this.#needed)
  }

  /** The time is up: the suspect is asked once more, for `waitMs`; then it is dead. */
  onDue(waitMs: number, now: number): 'ask' | 'dead' {
    if (this.#lastUntil !== undefined) return 'dead'
    this.#lastUntil = now + waitMs
    return 'ask'
  }

  /** Returns whether `by` is a new witness, and the time shorter. */
  confirm(by: NodeId): boolean {
    if (this.#witnesses.length > this.#needed || this.#witnesses.includes(by)) return false
    this.#witnesses.push(by)
    return true
  }

  /**
   * The suspect itself is heard: the time begins anew. Returns whether to remind it of what it must
   * contradict: once a period, should it never do so.
   */
  onHeard(now: number): boolean {
    this.#startedAt = now
    this.#lastUntil = undefined
    if (now - this.#remindedAt < PERIOD_MS) return false
    this.#remindedAt = now
    return true
  }

  /** A time in which this node could hear nothing does not count. */
  delay(ms: number): void {
    this.#startedAt += ms
    if (this.#lastUntil !== undefined) this.#lastUntil += ms
  }
}

/** Of a suspicion that is confirmed as often as counts. */
export function leastMs(members: number): number {
  return LEAST_PERIODS * Math.max(1, Math.log10(members)) * PERIOD_MS
}

export function timeoutMs(least: number, confirmations: number, needed: number): number {
  if (needed === 0) return least
  const longest = LONGEST * least
  const share = Math.log(confirmations + 1) / Math.log(needed + 1)
  return Math.max(least, longest - (longest - least) * share)
}
