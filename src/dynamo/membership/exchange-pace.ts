/**
 * When the sets are compared, and with which member: every 30 s with one at random, and soon with
 * one that has connected or whose last message was cut; never twice within a second.
 *
 * Why not with each member that connects: when a cluster of 2,000 heals, each node connects to a
 * thousand others at once, and one comparison finds what a thousand would.
 */
import type { NodeId } from '../names.ts'
import type { Random } from './random.ts'

export const EXCHANGE_MS = 30_000
export const EXCHANGE_GAP_MS = 1_000

export class ExchangePace {
  #dueAt: number
  #with: NodeId | undefined
  #lastAt = Number.NEGATIVE_INFINITY

  /** Nodes that started together compare at different times. */
  constructor(random: Random, now: number) {
    this.#dueAt = now + random.below(EXCHANGE_MS)
  }

  get dueAt(): number {
    return this.#dueAt
  }

  soon(peer: NodeId, now: number): void {
    this.#with ??= peer
    this.#dueAt = Math.min(this.#dueAt, Math.max(now, this.#lastAt + EXCHANGE_GAP_MS))
  }

  /** Begins one now. Returns the member that it was asked for with; undefined if any will do. */
  begin(now: number): NodeId | undefined {
    const peer = this.#with
    this.#with = undefined
    this.#lastAt = now
    this.#dueAt = now + EXCHANGE_MS
    return peer
  }
}
