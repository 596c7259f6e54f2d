/**
 * Rounds that operators ask for: one is opened now, if that can be, and each caller is told at its
 * deadline where this node stands.
 *
 * Nothing is remembered of a caller: it asks again until a round is adopted that is above those
 * known before its first question, and so begins the next round where one came to nothing.
 */
import type { Deliver } from '../../base/deliver.ts'
import { EXCHANGE_WAITERS_MAX } from '../../limits.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import { nodeStopping } from '../cluster/peer-link.ts'
import type { Topology } from '../cluster/topology.ts'
import type { RepairResult } from '../requests.ts'
import { tooManyWait } from './ranges.ts'
import type { RoundOpener } from './round-opener.ts'

export interface RoundAsksDependencies {
  readonly clock: Clock
  readonly topology: Topology
  readonly opener: Pick<RoundOpener, 'openNow' | 'state'>
}

const NO_EXCHANGES = { isDone: true, members: 0, done: 0, leaves: 0, keys: 0, unfinished: [] }

export class RoundAsks {
  readonly #node: RoundAsksDependencies
  readonly #waiters = new Map<Timer, Deliver<RepairResult>>()

  constructor(dependencies: RoundAsksDependencies) {
    this.#node = dependencies
  }

  /** `deadline`: an instant of the clock. Throws `overloaded`. */
  ask(deadline: number, deliver: Deliver<RepairResult>): void {
    const { clock, topology, opener } = this.#node
    if (this.#waiters.size >= EXCHANGE_WAITERS_MAX) throw tooManyWait()
    const { highest } = opener.state
    void opener.openNow()
    const timer = clock.after(Math.max(0, deadline - clock.now()), () => {
      this.#waiters.delete(timer)
      deliver({ node: topology.self.id, ...NO_EXCHANGES, round: { ...opener.state, highest } })
    })
    this.#waiters.set(timer, deliver)
  }

  stop(): void {
    for (const [timer, deliver] of this.#waiters) {
      timer.cancel()
      deliver(nodeStopping())
    }
    this.#waiters.clear()
  }
}
