/**
 * Requests of operators: about members, tables and moves, from the wire's message to
 * `operations.ts`, and its result to the reply; and for invitations.
 *
 * Where clients on other machines need no token, nothing is changed for them: a stranger could take
 * the cluster apart.
 */
import { OperatingError } from '../../base/errors.ts'
import type { Config } from '../../config.ts'
import { type MemberRecord, MemberState } from '../../dynamo/membership/member-record.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { memberMovesOf, movesDone, NO_MOVES } from '../../dynamo/ring/member-moves.ts'
import { isOutdated } from '../../dynamo/ring/plan.ts'
import { firstStages } from '../../dynamo/ring/stages.ts'
import type { Table } from '../../dynamo/ring/table.ts'
import type { Engine } from '../../store/engine.ts'
import {
  ChangeOf,
  type ClusterChange,
  type ClusterChangeReply,
  type ClusterPauseReply,
  type ClusterPlan,
  type ClusterPlanReply,
  type ClusterStatusReply,
  type ClusterTable,
  PlanAct,
  type StateName,
} from '../../wire/message/cluster.ts'
import { KeyAct } from '../../wire/message/keys.ts'
import type { IncomingCallOf } from '../../wire/session.ts'
import type { Clock } from '../../world/clock.ts'
import type { Donor } from '../background/donor.ts'
import type { Mover } from '../background/mover.ts'
import type { ClusterKeys } from '../cluster/cluster-keys.ts'
import { givenUpSentence } from '../cluster/given-up-sentences.ts'
import { MoveRate } from '../cluster/move-rate.ts'
import { Operations, type OperationsDependencies } from '../cluster/operations.ts'
import type { Planned } from '../cluster/planner.ts'
import type { Counters } from '../counters.ts'
import type { Hints } from '../replica/hints.ts'
import { BucketRequests, type BucketRequestsDependencies } from './bucket-requests.ts'
import type { JoinRequests } from './join-requests.ts'
import { KeyRequests } from './key-requests.ts'
import { OperatorCalls } from './operator-calls.ts'
import { isOpenToStrangers } from './refuse-insecure.ts'

interface OwnDependencies {
  readonly clusterKeys: ClusterKeys
  readonly config: Pick<Config, 'clientListen' | 'clientToken'>
  readonly engine: Pick<Engine, 'report'>
  readonly background: { readonly mover: Mover; readonly donor: Pick<Donor, 'left'> }
  readonly hints: Pick<Hints, 'places'>
  readonly joins: Pick<JoinRequests, 'invite'>
  readonly clock: Clock
  readonly counters: Pick<Counters, 'transferTakenBytes'>
}

export type OperatorRequestsDependencies = OwnDependencies &
  OperationsDependencies &
  BucketRequestsDependencies

const STATE_NAMES = Object.fromEntries(
  Object.entries(MemberState).map(([name, state]) => [state, name]),
) as Readonly<Record<MemberState, StateName>>

export class OperatorRequests {
  readonly buckets: BucketRequests
  readonly #node: OperatorRequestsDependencies
  readonly #operations: Operations
  readonly #keys: KeyRequests
  readonly #calls = new OperatorCalls()
  readonly #rate = new MoveRate()

  constructor(dependencies: OperatorRequestsDependencies) {
    const { rings, clock } = dependencies
    this.#node = dependencies
    this.#operations = new Operations(dependencies)
    this.buckets = new BucketRequests(dependencies, this.#calls)
    this.#keys = new KeyRequests(dependencies)
    rings.onChanged = () => this.#rate.onChanged(rings.view.stages, clock.now())
    rings.onChanged()
  }

  invite(call: IncomingCallOf<'invite'>): void {
    call.answer(this.#node.joins.invite())
  }

  plan(call: IncomingCallOf<'clusterPlan'>): void {
    this.#calls.answer('clusterPlan', call, () => this.#plan(call.request))
  }

  change(call: IncomingCallOf<'clusterChange'>): void {
    this.#calls.answer('clusterChange', call, async () =>
      changeReply(await this.#change(call.request)),
    )
  }

  status(call: IncomingCallOf<'clusterStatus'>): void {
    this.#calls.answer('clusterStatus', call, () => Promise.resolve(this.#status()))
  }

  pause(call: IncomingCallOf<'clusterPause'>): void {
    this.#calls.answer('clusterPause', call, () =>
      Promise.resolve(this.#pause(call.request.pauses)),
    )
  }

  key(call: IncomingCallOf<'clusterKey'>): void {
    this.#calls.answer('clusterKey', call, async () => {
      if (call.request.act !== KeyAct.status) this.#refuseStrangers()
      return await this.#keys.ask(call.request)
    })
  }

  async #plan(asked: ClusterPlan): Promise<ClusterPlanReply> {
    if (asked.act !== PlanAct.plan) this.#refuseStrangers()
    if (asked.act === PlanAct.plan) return this.#planReply(this.#operations.plan(asked))
    const planOf = asked.act === PlanAct.commit ? 'commit' : 'abort'
    const reply = this.#planReply(await this.#operations[planOf](asked))
    const { number, digest: planned } = this.#node.rings.view.adopted
    return { ...reply, number, planned }
  }

  #planReply(planned: Planned): ClusterPlanReply {
    const { topology, rings } = this.#node
    const { table, claim, isSame, losses } = planned
    const nameOf = (id: NodeId): string => topology.nameOf(id)
    return {
      node: topology.self.id,
      number: table.number,
      // The first table has no parent, and is never planned.
      parent: table.parent ?? table.digest,
      planned: table.digest,
      partitionBits: table.ring.bits,
      isPending: rings.isFrozen,
      isSame,
      moves: planned.outlooks.map(({ n, moves, replicas, before, during, after }) => {
        const [now, least, then] = [before.machines, during.machines, after.machines]
        return { n, moves, replicas, before: now, during: least, after: then }
      }),
      bytes: this.#bytesOf(planned),
      movesPerSecond: this.#rate.latest,
      givenUp: claim.givenUp.map((one) => givenUpSentence(one, nameOf)),
      losses,
      members: this.#plannedMembers(planned),
    }
  }

  #plannedMembers({ table, unmet }: Planned): ClusterPlanReply['members'] {
    const now = memberMovesOf(this.#node.rings.view.stages, table.ns)
    const then = memberMovesOf(firstStages(table.ring), table.ns)
    const { needed, without } = table
    return this.#listed((id) => now.has(id) || without.includes(id)).map((record) => {
      const { id } = record
      const [owns, willOwn] = [now.get(id)?.owns ?? 0, then.get(id)?.owns ?? 0]
      const [isUnmet, isDead] = [unmet.includes(id), without.includes(id)]
      const isNeeded = isUnmet || needed.has(id)
      return { ...changeReply(record), owns, willOwn, isNeeded, isUnmet, isDead }
    })
  }

  /** By what this node's places take now, all of which are taken for alike. */
  #bytesOf({ outlooks }: Planned): number {
    const { engine, topology, rings } = this.#node
    const ns = outlooks.map(({ n }) => n)
    const own = memberMovesOf(rings.view.stages, ns).get(topology.self.id)?.owns ?? 0
    const moves = outlooks.reduce((sum, one) => sum + one.moves, 0)
    return own === 0 ? 0 : Math.round((engine.report().bytes / own) * moves)
  }

  #change(asked: ClusterChange): Promise<MemberRecord> {
    this.#refuseStrangers()
    const { what, member, weight, zone } = asked
    switch (what) {
      case ChangeOf.leave:
        return this.#operations.leave(asked)
      case ChangeOf.stay:
        return this.#operations.stay(member)
      case ChangeOf.remove:
        return this.#operations.remove(asked)
      case ChangeOf.weight:
        return this.#operations.setWeight(member, weight)
      default:
        return this.#operations.setZone(member, zone)
    }
  }

  #status(): ClusterStatusReply {
    const { topology, rings, background, clock, peers, hints, counters, membership } = this.#node
    const { stages, adopted, missing } = rings.view
    const { self } = topology
    const moves = memberMovesOf(stages, topology.ns)
    const joined = membership.present.filter(({ state }) => state === MemberState.joined)
    return {
      node: self.id,
      name: topology.nameOf(self.id),
      partitionBits: stages.table.ring.bits,
      inEffect: tableReply(stages.table, joined),
      newest: tableReply(adopted, joined),
      movesLeft: stages.left,
      movesDone: movesDone(stages),
      movesPerSecond: this.#rate.perSecond(clock.now()),
      givesAway: background.donor.left,
      hintedKeys: hints.places.reduce((sum, { keys }) => sum + keys, 0),
      takenBytes: counters.transferTakenBytes,
      isPaused: background.mover.isPaused,
      obstacle: background.mover.obstacle ?? '',
      members: this.#listed((id) => moves.has(id)).map((record) => {
        const { id, machine, host, clientPort } = record
        const isConnected = id === self.id || peers.isConnected(id)
        const isMissing = missing.includes(id)
        const places = { machine, host, clientPort, isConnected, isMissing }
        return { ...changeReply(record), ...places, ...(moves.get(id) ?? NO_MOVES) }
      }),
    }
  }

  #pause(pauses: boolean): ClusterPauseReply {
    this.#refuseStrangers()
    const { topology, background } = this.#node
    background.mover.isPaused = pauses
    return { node: topology.self.id, isPaused: pauses }
  }

  /** All that are not gone, or own something still, by name. */
  #listed(isOwner: (id: NodeId) => boolean): readonly MemberRecord[] {
    const all = [...this.#node.membership.view.members.all()]
    const listed = all.filter(({ id, state }) => state !== MemberState.gone || isOwner(id))
    return listed.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  #refuseStrangers(): void {
    const { config } = this.#node
    if (!isOpenToStrangers(config)) return
    throw new OperatingError(
      'bind-insecure',
      `clients reach ${config.clientListen.host} without a token, so this node takes no changes` +
        ' of the cluster from them: set client-token-file',
    )
  }
}

function tableReply(table: Table, joined: readonly MemberRecord[]): ClusterTable {
  const { number, digest } = table
  return { number, digest, isOutdated: isOutdated(table, joined) }
}

function changeReply({ id, name, state, weight, zone }: MemberRecord): ClusterChangeReply {
  return { node: id, name, state: STATE_NAMES[state], weight, zone }
}
