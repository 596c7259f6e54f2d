/**
 * An operator's changes of members while there are faults: now and then a running node is told
 * another weight of some member, which all must hear of.
 *
 * A weight changes no ring in force, so nothing else of a seed depends on it. A node that ends
 * before it answers may have forgotten the change or not: either is right, if all agree.
 */
import { MemberState } from '../../dynamo/membership/member-record.ts'
import type { Cluster } from '../cluster/cluster.ts'

const EVERY_MS: readonly [number, number] = [100, 2_000]
const WEIGHT_MAX = 9
/** Of each round of chaos: versions of records stay small. */
const CHANGES_MAX = 1_000

export class MemberChanges {
  readonly #cluster: Cluster
  readonly #prng
  /** Rounds so far; what an earlier one had planned is not done in a later one. */
  #round = 0
  #isOver = true
  /** Changes that a node made durable. */
  made = 0

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.#prng = cluster.world.prng('member changes')
  }

  begin(): void {
    this.#isOver = false
    this.#round += 1
    this.#next(this.#round, 0)
  }

  end(): void {
    this.#isOver = true
  }

  #next(round: number, count: number): void {
    if (count >= CHANGES_MAX) return
    this.#cluster.world.after(this.#prng.between(...EVERY_MS), () => {
      if (this.#isOver || round !== this.#round) return
      this.#change()
      this.#next(round, count + 1)
    })
  }

  #change(): void {
    const { machines } = this.#cluster
    const node = this.#cluster.node(this.#prng.pick(machines))
    const member = this.#cluster.memberOf(this.#prng.pick(machines))
    const weight = 1 + this.#prng.below(WEIGHT_MAX)
    const known = node?.membership.recordOf(member)
    if (node === undefined || known === undefined || known.state === MemberState.gone) return
    node.membership.change([member, { weight }]).then(
      () => (this.made += 1),
      // It ends: an operator would ask another node.
      () => undefined,
    )
  }
}
