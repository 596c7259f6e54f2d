/**
 * Exchanges that operators ask for: each run asks the repairer for exchanges with some members now,
 * and is asked again and again how far it is.
 *
 * The caller draws the id of a run. A request with the id of a run that is known joins it: so an
 * attempt that is repeated, or a question after the deadline of the one before, begins nothing new.
 * Runs wait for each other in the repairer; the last `REPAIRS_MAX` are remembered.
 */
import { latin1Of } from '../../base/bytes.ts'
import type { Deliver } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { EXCHANGE_WAITERS_MAX, OVERLOAD_RETRY_MS, REPAIRS_MAX } from '../../limits.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import { nodeStopping } from '../cluster/peer-link.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Counters } from '../counters.ts'
import type { Trees } from '../replica/trees.ts'
import type { ClientRepair, RepairResult, UnfinishedExchange } from '../requests.ts'
import { rebuilding, tooManyWait } from './ranges.ts'
import type { Repairer } from './repairer.ts'

export interface RepairsDependencies {
  readonly clock: Clock
  readonly topology: Topology
  readonly trees: Pick<Trees, 'isBuilt'>
  readonly counters: Counters
  readonly repairer: Pick<Repairer, 'exchangeNow'>
  readonly isWhole: () => boolean
}

/** What the counters of the node said when a run began, or ended. */
type Counts = Pick<Counters, 'leavesDiffered' | 'keysRepaired'>

interface Run {
  readonly members: readonly NodeId[]
  /** Members that an exchange was tried with. */
  done: number
  readonly unfinished: UnfinishedExchange[]
  /** Undefined: it waits for its turn. */
  began: Counts | undefined
  /** Undefined: it goes on. */
  ended: Counts | undefined
  readonly waiters: Set<Waiter>
}

interface Waiter {
  readonly timer: Timer
  readonly deliver: Deliver<RepairResult>
}

export class Repairs {
  readonly #node: RepairsDependencies
  /** By id, the oldest first. */
  readonly #runs = new Map<string, Run>()

  constructor(dependencies: RepairsDependencies) {
    this.#node = dependencies
  }

  /**
   * Delivers when the run has ended, or at the deadline. Throws `replica-rebuilding`,
   * `ring-differs`, `message-garbled` or `overloaded`.
   */
  ask(ask: ClientRepair, deliver: Deliver<RepairResult>): void {
    const { clock } = this.#node
    const known = this.#runs.get(latin1Of(ask.run))
    if (known?.ended !== undefined) return deliver(this.#resultOf(known))
    const waiting = [...this.#runs.values()].reduce((sum, { waiters }) => sum + waiters.size, 0)
    if (waiting >= EXCHANGE_WAITERS_MAX) throw tooManyWait()
    const run = known ?? this.#begin(ask)
    const onLate = (): void => {
      run.waiters.delete(waiter)
      deliver(this.#resultOf(run))
    }
    const timer = clock.after(Math.max(0, ask.deadline - clock.now()), onLate)
    const waiter: Waiter = { timer, deliver }
    run.waiters.add(waiter)
    return undefined
  }

  stop(): void {
    for (const run of this.#runs.values()) this.#endWaiting(run, nodeStopping())
  }

  #begin({ run: id, bucket, from }: ClientRepair): Run {
    const { topology, trees, isWhole } = this.#node
    if (!trees.isBuilt || !isWhole()) throw rebuilding()
    const named = bucket.length === 0 ? undefined : topology.named.ofName(bucket)
    if (named instanceof OperatingError) throw named
    const n = named?.n
    const others = otherOwners(topology, n)
    if (from !== undefined) checkMember(topology, from)
    const members = others.filter((node) => from === undefined || node === from)
    this.#makeRoom()
    const state = { done: 0, unfinished: [], began: undefined, ended: undefined }
    const run: Run = { members, ...state, waiters: new Set() }
    this.#runs.set(latin1Of(id), run)
    void this.#run(run, n)
    return run
  }

  /** Forgets the oldest run that has ended, if there are as many as may be. */
  #makeRoom(): void {
    if (this.#runs.size < REPAIRS_MAX) return
    const oldest = [...this.#runs].find(([, { ended }]) => ended !== undefined)
    if (oldest === undefined) {
      const sentence = `${REPAIRS_MAX} repairs are in progress at this node: wait for some of them`
      const details = { retryAfterMs: OVERLOAD_RETRY_MS }
      throw new OperatingError('overloaded', sentence, { details })
    }
    this.#runs.delete(oldest[0])
  }

  async #run(run: Run, n: number | undefined): Promise<void> {
    await this.#node.repairer.exchangeNow(run.members, n, {
      onBegin: () => (run.began = this.#counts()),
      onMember: (node, code) => {
        run.done += 1
        if (code !== undefined) run.unfinished.push({ node, code })
      },
    })
    run.ended = this.#counts()
    this.#endWaiting(run, this.#resultOf(run))
  }

  #endWaiting({ waiters }: Run, result: RepairResult | OperatingError): void {
    for (const { timer, deliver } of waiters) {
      timer.cancel()
      deliver(result)
    }
    waiters.clear()
  }

  /** No other exchange is made while a run is: what the counters gained is its own. */
  #resultOf({ members, done, unfinished, began, ended }: Run): RepairResult {
    const now = ended ?? this.#counts()
    const before = began ?? now
    return {
      node: this.#node.topology.self.id,
      isDone: ended !== undefined,
      members: members.length,
      done,
      leaves: now.leavesDiffered - before.leavesDiffered,
      keys: now.keysRepaired - before.keysRepaired,
      unfinished: [...unfinished],
      round: undefined,
    }
  }

  #counts(): Counts {
    const { leavesDiffered, keysRepaired } = this.#node.counters
    return { leavesDiffered, keysRepaired }
  }
}

/** Members that own a partition with this node, of buckets with this N; undefined: with any. */
function otherOwners(topology: Topology, n: number | undefined): readonly NodeId[] {
  const { ring, lists, self } = topology
  const owners = new Set<NodeId>()
  for (const one of n === undefined ? topology.ns : [n]) {
    for (let partition = 0; partition < ring.partitionCount; partition++) {
      const { ownerIds } = lists.ofPartition(partition, one)
      if (ownerIds.includes(self.id)) for (const owner of ownerIds) owners.add(owner)
    }
  }
  return [...topology.stages.owners]
    .map(({ id }) => id)
    .filter((id) => id !== self.id && owners.has(id))
}

function checkMember({ stages, self }: Topology, node: NodeId): void {
  if (node === self.id) {
    const sentence = 'a node makes no exchange with itself: name another member, or none'
    throw new OperatingError('message-garbled', sentence)
  }
  if (stages.ownerOf(node) !== undefined) return
  const sentence = `${node} is no member of the ring of this node: ask for its topology again`
  throw new OperatingError('ring-differs', sentence)
}
