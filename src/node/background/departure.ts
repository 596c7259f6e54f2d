/**
 * The end of a member that an operator told to leave: once nothing is here that others need, it
 * says of itself that it is gone, and the node ends. (Dynamo 4.8.1)
 *
 * It goes when it owns and fills nothing, also in a table that is pending; has no copies to give
 * away; and no hints, which leave with their holder otherwise.
 *
 * Source: docs/design.md, donors; test/model/ownership, what it says of members that go.
 */
import { MemberState } from '../../dynamo/membership/member-record.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import { memberLeft } from '../cluster/kept-members.ts'
import type { Membership } from '../cluster/membership.ts'
import type { PeerCalls } from '../cluster/peer-calls.ts'
import type { Rings } from '../cluster/rings.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Hints } from '../replica/hints.ts'
import type { Donor } from './donor.ts'
import { whyMoving } from './why-moving.ts'

const LOOK_MS = 1_000
/** A node that is gone ends after this: the others have heard so. */
const GOODBYE_MS = 500

export interface DepartureDependencies {
  readonly clock: Clock
  readonly topology: Topology
  readonly rings: Rings
  readonly hints: Hints
  readonly membership: Membership
  readonly peers: Pick<PeerCalls, 'gossip' | 'connected'>
  readonly trees: { readonly isBuilt: boolean }
}

export class Departure {
  readonly #node: DepartureDependencies
  readonly #donor: Donor
  #timer: Timer | undefined
  #isStopped = false

  constructor(dependencies: DepartureDependencies, donor: Donor) {
    this.#node = dependencies
    this.#donor = donor
    dependencies.membership.onGone = () => this.#sayGoodbye()
  }

  begin(): void {
    if (this.#isStopped) return
    this.#timer = this.#node.clock.after(LOOK_MS, () => void this.#look().then(() => this.begin()))
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  /** Why it cannot go yet; undefined where it can. */
  get obstacle(): string | undefined {
    const { topology, hints, trees } = this.#node
    const { self, ring } = topology
    if (!trees.isBuilt) return 'it still reads its copies'
    const moving = whyMoving(this.#node, this.#donor)
    if (moving !== undefined) return moving
    if (ring.member(self.id) !== undefined) return 'the ring still has it: plan and commit'
    return hints.places.length > 0 ? 'it has hints for others' : undefined
  }

  async #look(): Promise<void> {
    const { hints, membership, topology } = this.#node
    const { id } = topology.self
    if (membership.recordOf(id)?.state !== MemberState.leaving || this.obstacle !== undefined)
      return
    // A put that is coordinated here may still ask for one.
    hints.close()
    // It fails where the node is stopping.
    await membership.change([id, { state: MemberState.gone }]).catch(() => undefined)
  }

  /** The others hear that it is gone, or will from one that does; then it ends. */
  #sayGoodbye(): void {
    const { clock, membership, peers, topology } = this.#node
    const record = membership.recordOf(topology.self.id)
    if (record === undefined) return
    for (const node of peers.connected) {
      const ping = { kind: 'ping', probe: 0, news: [{ kind: 'record', record }] } as const
      peers.gossip(node, ping, () => undefined)
    }
    clock.after(GOODBYE_MS, () => membership.onFailed(memberLeft(record.name)))
  }
}
