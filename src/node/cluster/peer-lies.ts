/**
 * Finds what no member says that follows the rules of rounds and of dots (docs/design.md 3.6): the
 * connection to such a member ends.
 *
 * Two things are known for certain. A member that has adopted a round has no earlier one later in
 * the same start: with its floors it loses its start too (`catch-up.ts`). And no one can know a dot
 * of this node's present start that this node has not given.
 *
 * Not judged, since it happens without a lie: a lower round after a restart, whose disk may have
 * been set back; a floor in which the present start has ended, as it was drawn between two steps of
 * that round; dots of earlier starts.
 */
import { OperatingError } from '../../base/errors.ts'
import type { NodeId, Start } from '../../dynamo/names.ts'
import { ENDED, type Floor } from '../../dynamo/repair/floor.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import type { Trace } from '../../world/trace.ts'
import type { Counters } from '../counters.ts'
import type { Replica } from '../replica/replica.ts'

/** The round that a member had adopted, and its start then. */
export interface ToldRound {
  readonly start: Start
  readonly round: number
}

export interface PeerLiesDependencies {
  readonly self: NodeId
  readonly replica: Pick<Replica, 'start' | 'counter' | 'drawNewStart'>
  readonly counters: Counters
  readonly trace: Trace
}

export class PeerLies {
  readonly #node: PeerLiesDependencies
  /** The last that each member told. */
  readonly #told = new Map<NodeId, ToldRound>()

  constructor(dependencies: PeerLiesDependencies) {
    this.#node = dependencies
  }

  /** What a member has told so far. Ask before a question to it, whose answer cannot be lower. */
  toldBy(member: NodeId): ToldRound | undefined {
    return this.#told.get(member)
  }

  /** A member says which round it has adopted; `before`: see `toldBy`. */
  inRound(
    member: NodeId,
    before: ToldRound | undefined,
    told: ToldRound,
  ): OperatingError | undefined {
    if (before?.start === told.start && told.round < before.round) {
      const rounds = `round ${told.round} after round ${before.round}`
      return this.#lie(member, `it has adopted ${rounds}, and has not restarted`)
    }
    const last = this.#told.get(member)
    if (last?.start !== told.start || last.round < told.round) this.#told.set(member, told)
    return undefined
  }

  inFloor(member: NodeId, floor: Floor): OperatingError | undefined {
    const counter = floor.get(this.#node.replica.start) ?? 0
    return counter === ENDED ? undefined : this.#check(member, counter)
  }

  inObject(member: NodeId, { context }: VersionedObject): OperatingError | undefined {
    const { self, replica } = this.#node
    let highest = 0
    for (const { node, start, last } of context.ranges) {
      if (start === replica.start && node === self && last > highest) highest = last
    }
    return this.#check(member, highest)
  }

  #check(member: NodeId, counter: number): OperatingError | undefined {
    const { replica } = this.#node
    if (counter <= replica.counter) return undefined
    const given = `this node has given ${replica.counter} in its present start`
    // Should this process itself have been set back, as a machine can be, no dot is given twice.
    replica.drawNewStart('spent')
    return this.#lie(member, `it knows write ${counter} of this node, and ${given}`)
  }

  #lie(member: NodeId, why: string): OperatingError {
    this.#node.counters.peerLies += 1
    this.#node.trace.record('peer-lies', { member, why })
    return new OperatingError(
      'peer-lies',
      `member ${member} says what cannot be: ${why}; stop it, and see what runs there`,
    )
  }
}
