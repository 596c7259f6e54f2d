/**
 * How a member that is behind comes up with the others (docs/design.md 3.6): one whose disk was
 * emptied, set back or damaged, and one that missed the end of a round.
 *
 * It is whole once it has exchanged with every other owner. It adopts the round of the others once
 * it has exchanged with all of them, in one start and at one round; or at once where it has covered
 * that round itself.
 */
import type { NodeId, Start } from '../../dynamo/names.ts'
import type { RoundFloor } from '../../dynamo/repair/round.ts'
import type { Loss, OwnStanding } from '../cluster/own-standing.ts'
import type { RoundsAnswer } from '../cluster/peer-calls.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Floors } from '../replica/floors.ts'
import type { Replica } from '../replica/replica.ts'

export interface CatchUpDependencies {
  readonly topology: Topology
  readonly replica: Replica
  readonly floors: Floors
  readonly standing: OwnStanding
}

export class CatchUp {
  readonly #node: CatchUpDependencies
  /** By owner, the round at which it was exchanged with, in `#start`. */
  readonly #rounds = new Map<NodeId, number>()
  #start: Start | undefined
  /** Members whose disks were lost too, and which have not learned yet what was closed. */
  readonly #ignorant = new Set<NodeId>()
  /** Members that have told how old this disk is, since something was lost. */
  readonly #met = new Set<NodeId>()
  /** How often something was lost. */
  #losses = 0

  constructor(dependencies: CatchUpDependencies) {
    this.#node = dependencies
  }

  /** For `status`: undefined while nothing is to be got back. */
  get sentence(): string | undefined {
    const { standing, topology, floors } = this.#node
    if (standing.state !== 'rebuilding') return undefined
    const names = this.#missing.map((node) => topology.nameOf(node)).join(', ')
    if (names === '') return 'this node takes no writes before another has told it what is too late'
    const closed = floors.knowsClosed ? '' : ', and takes no writes before that'
    return `this node is being rebuilt: it has still to exchange with ${names}${closed}`
  }

  /** How often something was lost: an exchange that began before the last loss does not count. */
  get losses(): number {
    return this.#losses
  }

  /**
   * Whether hints may go to a member. Those of a disk that was set back may be of starts that no
   * floor holds any more, and would bring back what was deleted: that member knows.
   */
  mayDeliver(node: NodeId): boolean {
    return this.#node.standing.state !== 'rebuilding' || this.#met.has(node)
  }

  /** What is here is not all any more: everything is to be asked for again. */
  reset(why: Loss): void {
    this.#losses += 1
    this.#rounds.clear()
    this.#met.clear()
    // In one start a member's round never goes back: that tells the others a liar.
    this.#node.replica.drawNewStart('lost')
    this.#node.floors.lose(why !== 'damaged')
  }

  /** An exchange is about to begin with a member that is so. Fails as the engine does. */
  async meet(node: NodeId, answer: RoundsAnswer): Promise<void> {
    const { floors, standing, topology } = this.#node
    const { adopted, closed, closing } = answer
    if (!answer.knowsClosed) this.#ignorant.add(node)
    // Where no disk is left that knows, there is nothing to know.
    const knowsAny = this.#ignorant.size < topology.present.length - 1
    if (standing.state === 'rebuilding' && (answer.knowsClosed || !knowsAny)) {
      // The floor of that member does not hold all starts any more by which this disk has dots.
      const isTooOld = floors.closed.closed < adopted.base
      if (isTooOld) {
        // What other owners have given goes too.
        this.#rounds.clear()
        await this.#node.replica.dropAll()
      }
      // What was learned says nothing of how old this disk is.
      const reached = isTooOld ? closed : 0
      if (isTooOld || !floors.knowsClosed) await floors.learn(reached, closing)
    }
    this.#met.add(node)
    const { covered } = floors
    if (covered !== undefined && covered.number >= adopted.number) await floors.adopt(adopted)
  }

  /** All that an owner of the round `theirs` carried is durable here. */
  async onExchanged(node: NodeId, theirs: RoundFloor): Promise<void> {
    const { floors, standing, replica } = this.#node
    if (this.#start !== replica.start) this.#rounds.clear()
    this.#start = replica.start
    this.#rounds.set(node, theirs.number)
    if (this.#missing.length > 0) return
    const rounds = new Set(this.#rounds.values())
    if (rounds.size === 1 && theirs.number > floors.adopted.number) await floors.adopt(theirs)
    if (standing.state === 'rebuilding' && floors.knowsClosed) await standing.rebuilt()
  }

  get #missing(): readonly NodeId[] {
    return this.#node.topology.otherOwners().filter((node) => !this.#rounds.has(node))
  }
}
