/**
 * The probe of this node: one member each period, directly, then through three helpers.
 *
 *     period 1 s: |─ ping ────── 500 ms ──────|─ ask three helpers ─── to the end ─|─► unanswered
 *                     └─ ack: answered            └─ ack: answered
 *                                                 └─ nack of each: unanswered, at once
 *
 * All times are longer by the factor of the local health. A member whose connection is closed is
 * not pinged; one that is dead already is pinged only.
 *
 * A member that owes an answer to its link has been asked directly already: the 500 ms count from
 * that question, and the probe ends as answered once anything comes from the member.
 *
 * It also probes for others, which ask for help: they get the ack, or a nack after 400 ms.
 *
 * Source: SWIM, 3.1; the nack is of Lifeguard.
 */
import { RELAYS_MAX } from '../../limits.ts'
import type { NodeId } from '../names.ts'

export const PERIOD_MS = 1_000
export const TIMEOUT_MS = 500
export const HELPERS = 3
/** Probes that begin before their time, in each period. */
export const HASTENED_MAX = 4
const NACK_MS = 400
/** Numbers of probes are short varints for a while, and unique for weeks. */
const PROBE_NUMBERS = 2 ** 21

interface Probe {
  readonly target: NodeId
  readonly number: number
  readonly factor: number
  /** It is avoided: anything that comes from it answers. */
  isAvoided: boolean
  stage: 'direct' | 'indirect'
  dueAt: number
  helpers: number
  nacks: number
}

interface Relay {
  readonly sender: NodeId
  readonly probe: number
  dueAt: number
}

/** A probe that was not answered. */
export interface Unanswered {
  readonly target: NodeId
  /** Helpers that said nothing either: this node may be the one that is cut off. */
  readonly silent: number
}

export class Prober {
  #probe: Probe | undefined
  #nextAt: number
  #number = 0
  /** Since then so many were hastened. */
  #hastenedFrom = Number.NEGATIVE_INFINITY
  #hastened = 0
  /** In the order in which they are due. */
  readonly #relays = new Map<number, Relay>()

  constructor(firstAt: number) {
    this.#nextAt = firstAt
  }

  /** When something is due. */
  get dueAt(): number {
    let at = this.#probe === undefined ? this.#nextAt : this.#probe.dueAt
    for (const relay of this.#relays.values()) {
      at = Math.min(at, relay.dueAt)
      break
    }
    return at
  }

  /** Whether the next probe is to begin. */
  isIdle(now: number): boolean {
    return this.#probe === undefined && now >= this.#nextAt
  }

  /**
   * Begins with a probe now that no other is in progress; where one is, right after it. Beyond
   * `HASTENED_MAX` in a period the next one keeps its time.
   */
  hasten(now: number): void {
    if (now >= this.#hastenedFrom + PERIOD_MS) {
      this.#hastenedFrom = now
      this.#hastened = 0
    }
    if (this.#hastened >= HASTENED_MAX) return
    this.#hastened += 1
    this.#nextAt = Math.min(this.#nextAt, now)
  }

  /** No member can be probed. */
  skip(now: number): void {
    this.#nextAt = now + PERIOD_MS
  }

  /**
   * Returns the number of the ping. `askedAt`: when the target was asked directly: now, earlier
   * where it is late, and minus infinity where it cannot be asked.
   */
  begin(target: NodeId, askedAt: number, factor: number, now: number): number {
    const number = this.#nextNumber()
    this.#probe = {
      target,
      number,
      factor,
      isAvoided: askedAt < now,
      stage: 'direct',
      dueAt: Math.max(now, askedAt + TIMEOUT_MS * factor),
      helpers: 0,
      nacks: 0,
    }
    this.#nextAt = now + PERIOD_MS * factor
    return number
  }

  /**
   * A member begins to be late; it was asked at `askedAt`. Returns whether it is being probed: then
   * helpers are due the sooner.
   */
  onLate(id: NodeId, askedAt: number, now: number): boolean {
    const probe = this.#probe
    if (probe?.target !== id) return false
    if (probe.stage === 'direct') {
      probe.isAvoided = true
      probe.dueAt = Math.min(probe.dueAt, Math.max(now, askedAt + TIMEOUT_MS * probe.factor))
    }
    return true
  }

  /** Ends the probe of a member that was avoided, where it `isHeard`. Returns whether it did. */
  endHeard(isHeard: (id: NodeId) => boolean): boolean {
    if (this.#probe?.isAvoided !== true || !isHeard(this.#probe.target)) return false
    this.#probe = undefined
    return true
  }

  /** The target of a direct probe that is late. */
  lateTarget(now: number): NodeId | undefined {
    const probe = this.#probe
    return probe?.stage === 'direct' && now >= probe.dueAt ? probe.target : undefined
  }

  /** So many helpers are asked now. Returns the number of the probe. */
  asking(helpers: number, now: number): number {
    const probe = this.#probe as Probe
    probe.stage = 'indirect'
    probe.helpers = helpers
    const restMs = (PERIOD_MS - TIMEOUT_MS) * probe.factor
    probe.dueAt = helpers === 0 ? now : now + restMs
    return probe.number
  }

  /** The probe that has ended without an answer, once. */
  unanswered(now: number): Unanswered | undefined {
    const probe = this.#probe
    if (probe?.stage !== 'indirect') return undefined
    if (now < probe.dueAt && probe.nacks < probe.helpers) return undefined
    this.#probe = undefined
    return { target: probe.target, silent: probe.helpers - probe.nacks }
  }

  /** Gives up a probe without judging. */
  drop(): void {
    this.#probe = undefined
  }

  /** Returns what an ack answers: a probe of this node, or one for another member. */
  onAck(number: number): 'own' | { readonly sender: NodeId; readonly probe: number } | undefined {
    if (this.#probe?.number === number) {
      this.#probe = undefined
      return 'own'
    }
    const relay = this.#relays.get(number)
    this.#relays.delete(number)
    return relay
  }

  onNack(number: number): void {
    if (this.#probe?.number === number) this.#probe.nacks += 1
  }

  /** Another member asks for help. Returns the number of the ping; undefined without room. */
  onAsk(sender: NodeId, probe: number, now: number): number | undefined {
    if (this.#relays.size >= RELAYS_MAX) return undefined
    const number = this.#nextNumber()
    this.#relays.set(number, { sender, probe, dueAt: now + NACK_MS })
    return number
  }

  /** A probe for another member that is late, one at a time. */
  lateRelay(now: number): { readonly sender: NodeId; readonly probe: number } | undefined {
    for (const [number, relay] of this.#relays) {
      if (now < relay.dueAt) return undefined
      this.#relays.delete(number)
      return relay
    }
    return undefined
  }

  /** This process was stopped for so long: answers may still be unread. */
  delay(ms: number): void {
    if (this.#probe !== undefined) this.#probe.dueAt += ms
    for (const relay of this.#relays.values()) relay.dueAt += ms
  }

  #nextNumber(): number {
    this.#number = (this.#number % PROBE_NUMBERS) + 1
    return this.#number
  }
}
