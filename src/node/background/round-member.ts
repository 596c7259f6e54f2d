/**
 * This member's part in a round (docs/design.md 3.6).
 *
 * It takes part in one round at a time: until that is adopted or void, or nothing of it was heard
 * for half a minute. Every step must be taken in the start in which the round opened: a restart in
 * between may have lost what the floor promises. A step that is not done yet is asked for again.
 */
import { OperatingError } from '../../base/errors.ts'
import type { NodeId, Place, Start } from '../../dynamo/names.ts'
import { hasDot, isUnder } from '../../dynamo/repair/floor.ts'
import { equalU64 } from '../../base/u64.ts'
import type { RoundFloor } from '../../dynamo/repair/round.ts'
import type { RingDigest } from '../../dynamo/ring/ring.ts'
import { FLOOR_STARTS_MAX } from '../../limits.ts'
import type { Clock } from '../../world/clock.ts'
import { RoundStep } from '../../wire/message/peer.ts'
import type { Reply } from '../../wire/message/table.ts'
import type { OwnStanding } from '../cluster/own-standing.ts'
import type { RoundStepRequest } from '../cluster/peer-calls.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Floors } from '../replica/floors.ts'
import type { Hints } from '../replica/hints.ts'
import type { NamedStarts } from '../replica/named-starts.ts'
import type { Replica } from '../replica/replica.ts'
import type { Trees } from '../replica/trees.ts'
import type { Exchanged } from './repairer.ts'

/** A round is left when nothing of it was heard for so long. */
export const ROUND_SILENCE_MS = 30_000

export interface RoundMemberDependencies {
  readonly clock: Clock
  readonly topology: Topology
  readonly replica: Replica
  readonly hints: Hints
  readonly trees: Trees
  readonly starts: NamedStarts
  readonly floors: Floors
  readonly standing: OwnStanding
  /** The least time from a round that all have opened to the next: messages live no longer. */
  readonly leastMs: number
  /** Why places are on the move; no round is taken part in then. */
  readonly moving: () => string | undefined
  /** Begins exchanges now. */
  readonly exchange: () => void
}

/** The round that this member takes part in. */
interface Part {
  readonly number: number
  /** The owners of all partitions when it opened. */
  readonly ring: RingDigest
  readonly start: Start
  heardAtMs: number
  made: RoundFloor | undefined
  /** Whether the closing floor is durable. */
  isClosed: Promise<boolean>
  /** Since then all are known to have closed. */
  coverAtMs: number | undefined
  /** The start of each member when it opened. */
  starts: ReadonlyMap<NodeId, Start>
  /** Owners that were exchanged with since all had closed. */
  readonly exchanged: Set<NodeId>
}

type StepReply = Reply<'peerStepRound'>

const DONE: StepReply = { isDone: true, waitsFor: [] }

export class RoundMember {
  readonly #node: RoundMemberDependencies
  #part: Part | undefined
  #highest = 0
  /** All had opened the last round that was closed here by then; or this process has begun. */
  #openedAtMs: number

  constructor(dependencies: RoundMemberDependencies) {
    this.#node = dependencies
    this.#openedAtMs = dependencies.clock.now()
  }

  /** The highest round that this member knows of. */
  get highest(): number {
    const { floors } = this.#node
    return Math.max(this.#highest, floors.closed.closed, floors.adopted.number)
  }

  /** Why it cannot take part in another round now: it does in one, or may not yet in the next. */
  get obstacle(): string | undefined {
    return this.#obstacle(Number.POSITIVE_INFINITY)
  }

  /** `last`: the highest round that a member has adopted. Fails with `round-busy`. */
  open(number: number, last: number): Reply<'peerOpenRound'> {
    const { clock, replica, starts, floors } = this.#node
    const obstacle = this.#obstacle(number)
    if (obstacle !== undefined)
      throw new OperatingError('round-busy', `${obstacle}: open one later`)
    const { start, counter } = replica
    this.#highest = number
    this.#part = {
      number,
      ring: this.#node.topology.stages.digest,
      start,
      heardAtMs: clock.now(),
      made: undefined,
      isClosed: Promise.resolve(false),
      coverAtMs: undefined,
      starts: new Map(),
      exchanged: new Set(),
    }
    return { start, counter, ...starts.open(number, last), adopted: floors.adopted.number }
  }

  #obstacle(number: number): string | undefined {
    const { clock, standing, starts, trees, leastMs } = this.#node
    const part = this.#part
    if (part !== undefined && clock.now() < part.heardAtMs + ROUND_SILENCE_MS) {
      return `this node takes part in round ${part.number}`
    }
    const leftMs = this.#openedAtMs + leastMs - clock.now()
    if (leftMs > 0) {
      const since = this.highest === 0 ? 'its start' : 'the last round or its start'
      const seconds = Math.ceil(leftMs / 1000)
      return `for ${seconds} s more this node waits for messages from before ${since}`
    }
    if (number <= this.highest) return `this node knows of round ${this.highest}`
    if (!standing.isWhole) return 'this node gets back what its disk lost'
    if (!starts.isBuilt || !trees.isBuilt) return 'this node still reads its copies'
    const isMoving = this.#node.moving()
    if (isMoving !== undefined) return isMoving
    if (starts.size > FLOOR_STARTS_MAX) return 'contexts here name too many starts for a floor'
    return undefined
  }

  /** Fails with `round-left`, or as the disk does. */
  async step(request: RoundStepRequest): Promise<StepReply> {
    const { number, step } = request
    if (step === RoundStep.void) return this.#leave(number)
    if (step === RoundStep.adopt && this.#node.floors.adopted.number >= number) {
      return this.#leave(number)
    }
    const part = this.#part
    if (part?.number !== number) throw left(`round ${number} is over here`)
    if (part.start !== this.#node.replica.start)
      throw left('this node has restarted since it opened')
    if (!equalU64(part.ring, this.#node.topology.stages.digest)) {
      throw left('other members own something since it opened')
    }
    part.heardAtMs = this.#node.clock.now()
    switch (step) {
      case RoundStep.agree:
        return this.#agree(part, request)
      case RoundStep.close:
        return this.#close(part, request)
      case RoundStep.cover:
        return this.#cover(part, request)
      default:
        return this.#adopt(part)
    }
  }

  /** Something of what was here when the round opened is lost: the round is void. */
  onLost(): void {
    this.#part = undefined
  }

  #leave(number: number): StepReply {
    if (this.#part?.number === number) this.#part = undefined
    return DONE
  }

  /**
   * All have opened, and none has drawn a new start since: another may have named that one as it
   * opened, and the floor would hold it as ended. Nor has anyone named a start of a member that
   * takes no part: who did knows the member by now, or has it from one that does.
   */
  #agree(part: Part, { starts }: RoundStepRequest): StepReply {
    const other = this.#node.topology.present.find(({ id }) => !starts.has(id))
    if (other === undefined) return this.#inStart(part)
    throw left(`${other.name} has become a member, and the round was opened without it`)
  }

  /**
   * Refuses late writes from now on, syncs, and waits for hints to come home that the floor holds.
   * In this order: what was taken before is durable, and no such hint is taken after the look.
   */
  async #close(part: Part, { floor, forgotten }: RoundStepRequest): Promise<StepReply> {
    const { floors } = this.#node
    if (floor === undefined) throw left('the floor of the round is missing')
    if (part.made === undefined) {
      part.made = floor
      this.#openedAtMs = this.#node.clock.now()
      part.isClosed = floors.close(floor, forgotten)
    }
    if (!(await part.isClosed)) throw left('the disk of this node has failed')
    if (!(await this.#isSynced())) throw left('the disk of this node has failed')
    const places = await this.#placesBelow(floor)
    if (places.length > 0) return { isDone: false, waitsFor: places }
    return this.#inStart(part)
  }

  /** Members for which hints here have a dot at or below the floor. */
  async #placesBelow({ floor }: RoundFloor): Promise<readonly Place[]> {
    const { hints } = this.#node
    const below: Place[] = []
    for (const { place } of hints.places) {
      const isBelow = await hints.some(place, (hint) => hasDot(hint, (dot) => isUnder(floor, dot)))
      if (isBelow) below.push(place)
    }
    return below
  }

  /** Exchanges with each other owner, in the starts in which the round opened. */
  async #cover(part: Part, { starts }: RoundStepRequest): Promise<StepReply> {
    const { clock, floors, topology } = this.#node
    const { made } = part
    if (made === undefined) throw left('this node has not closed the round')
    if (part.coverAtMs === undefined) {
      part.coverAtMs = clock.now()
      part.starts = starts
      floors.settle(made)
      this.#node.exchange()
    }
    if (floors.covered?.number === part.number) return DONE
    const waitsFor = topology.otherOwners().filter((node) => !part.exchanged.has(node))
    if (waitsFor.length > 0) return { isDone: false, waitsFor }
    if (!(await floors.cover(made))) throw left('the disk of this node has failed')
    return this.#inStart(part)
  }

  /** An exchange that began since all had closed was complete. */
  onExchanged({ node, start, beganAtMs }: Exchanged): void {
    const part = this.#part
    if (part?.coverAtMs === undefined || beganAtMs < part.coverAtMs) return
    if (part.starts.get(node) === start) part.exchanged.add(node)
  }

  async #adopt(part: Part): Promise<StepReply> {
    const { floors } = this.#node
    const { covered } = floors
    if (covered?.number !== part.number) throw left('this node has not covered the round')
    if (!(await floors.adopt(covered, part.ring))) throw left('the disk of this node has failed')
    if (this.#part === part) this.#part = undefined
    return DONE
  }

  /** What was done counts only if the node has not drawn a new start meanwhile. */
  #inStart(part: Part): StepReply {
    if (part.start === this.#node.replica.start && this.#part === part) return DONE
    throw left('this node has restarted since the round opened')
  }

  #isSynced(): Promise<boolean> {
    const { replica } = this.#node
    return new Promise((resolve) => {
      replica.whenSynced(replica.lastSequence, (error) => resolve(error === undefined))
    })
  }
}

function left(why: string): OperatingError {
  return new OperatingError('round-left', `${why}: open another round`)
}
