/**
 * Sees where hints are coming home: exchanges with those members wait meanwhile, since both would
 * bring the same copies. Trees are for what hints cannot mend (Dynamo 4.7).
 *
 * They wait for a bounded time: hints may stay, or come without end.
 */
import type { NodeId } from '../../dynamo/names.ts'
import type { Clock } from '../../world/clock.ts'
import type { Counters } from '../counters.ts'
import type { Hints } from '../replica/hints.ts'

/** Fewer hints are no reason to wait. */
export const HANDOFF_HINTS_MIN = 64
export const HANDOFF_MS_MAX = 60_000

export interface HandoffWatchDependencies {
  readonly clock: Clock
  readonly hints: Pick<Hints, 'places'>
  readonly counters: Pick<Counters, 'hintsReceived'>
}

export class HandoffWatch {
  readonly #node: HandoffWatchDependencies
  /** Of the hints that came home here. */
  #seen = 0
  /** Since when an exchange waits. */
  #sinceMs: number | undefined

  constructor(dependencies: HandoffWatchDependencies) {
    this.#node = dependencies
  }

  /**
   * Of these members those with which an exchange need not wait: none while many hints came home
   * here since the last look; else those for which few are kept here.
   */
  look(members: readonly NodeId[]): readonly NodeId[] {
    const { clock, hints, counters } = this.#node
    const received = counters.hintsReceived - this.#seen
    this.#seen = counters.hintsReceived
    const isKept = ({ keys }: { readonly keys: number }): boolean => keys >= HANDOFF_HINTS_MIN
    const targets = new Set(hints.places.filter(isKept).map(({ place }) => place))
    const free =
      received >= HANDOFF_HINTS_MIN ? [] : members.filter((member) => !targets.has(member))
    const now = clock.now()
    if (free.length < members.length) {
      this.#sinceMs ??= now
      if (now - this.#sinceMs < HANDOFF_MS_MAX) return free
    }
    this.#sinceMs = undefined
    return members
  }
}
