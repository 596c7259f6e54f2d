/**
 * Moves places to this member, and away from it: one owner of a partition at a time (Dynamo 6.2).
 *
 *     the leaver lives    transfer ─► exchange ─► it closes ─► exchange ─► it ends the move
 *     it is dead          transfer from one owner ─► an exchange with each ─► the filler ends it
 *     there is none       the same: the cluster has grown to N members
 *     no filler           the leaver just goes; or, where it is dead, the first other owner says so
 *
 * A bulk transfer brings nearly all copies (`transfers.ts`), and proves nothing: the filler then
 * asks for what it lacks as in any exchange, which begins again where a crash ended it. While it
 * fills it is sent nothing and counts for nothing; what was written meanwhile comes by the exchange
 * after the leaver has closed, a moment in which the other owners answer alone. A leaver that lost
 * its disk cannot vouch for what it hands over: then this member is not whole either (`rings.ts`).
 *
 * Source: docs/design.md, moves of places; test/model/ownership.
 */
import { isFailure } from '../../base/deliver.ts'
import type { ErrorCode, OperatingError } from '../../base/errors.ts'
import { equalU64, u64 } from '../../base/u64.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { lostDisks } from '../../dynamo/ring/plan.ts'
import type { RingDigest } from '../../dynamo/ring/ring.ts'
import type { Stage } from '../../dynamo/ring/stages.ts'
import { type AttemptId, MoveStep } from '../../wire/message/peer.ts'
import type { Timer } from '../../world/clock.ts'
import type { Trace } from '../../world/trace.ts'
import type { OwnStanding } from '../cluster/own-standing.ts'
import type { RoundsAnswer, Terms } from '../cluster/peer-calls.ts'
import type { Rings } from '../cluster/rings.ts'
import { askMember } from './ask-member.ts'
import { Exchange, type ExchangeDependencies } from './exchange.ts'
import { Transfers, type TransfersDependencies, type Wanted } from './transfers.ts'

/** Between two looks for moves of this member. */
const LOOK_MS = 250
/** The same after a look by which some have ended: others wait, and news of these is on its way. */
const NEXT_MS = 25
/** Partitions that are closed together: a moment's work, also on a busy node. */
const TOGETHER_MAX = 16

export interface MoverDependencies
  extends ExchangeDependencies,
    Omit<TransfersDependencies, 'mayGo'> {
  readonly rings: Rings
  readonly standing: Pick<OwnStanding, 'metOf'>
  readonly trace: Trace
}

/** Partitions of buckets with one N that move in the same way. */
interface Batch {
  readonly n: number
  readonly partitions: readonly number[]
  /** Moves of each that are done by then. */
  readonly stages: readonly Stage[]
  /** The owner that hands them over; undefined: all others fill this member. */
  readonly from: NodeId | undefined
}

const NO_ATTEMPT: AttemptId = u64(0, 0)

export class Mover {
  readonly #node: MoverDependencies
  readonly #transfers: Transfers
  #timer: Timer | undefined
  #isStopped = false
  /** An operator lets moves to this member wait; those under way end. A restart forgets it. */
  isPaused = false
  /** Why the last move that was tried has not ended; nothing while none is tried. */
  obstacle: string | undefined

  constructor(dependencies: MoverDependencies) {
    this.#node = dependencies
    this.#transfers = new Transfers({ ...dependencies, mayGo: this.#mayGo })
  }

  begin(afterMs: number = LOOK_MS): void {
    if (this.#isStopped) return
    this.#timer = this.#node.clock.after(afterMs, () => {
      void this.#look().then((ended) => this.begin(ended ? NEXT_MS : LOOK_MS))
    })
  }

  /** Resolves when how far transfers are is written. */
  stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    return this.#transfers.stop()
  }

  /** Whether all that a donor holds of these partitions is durable here. */
  async takeFrom(donor: NodeId, scope: Pick<Batch, 'n' | 'partitions'>): Promise<boolean> {
    return (await this.#exchange(donor, scope, false)) === undefined
  }

  /** Whether any move has ended. */
  async #look(): Promise<boolean> {
    const { rings, trees } = this.#node
    if (!this.#mayGo() || !trees.isBuilt) {
      this.obstacle = undefined
      return false
    }
    if (rings.view.isOnOtherDisk) {
      this.obstacle = lostDisk('this node')
      return false
    }
    const own = this.#endAlone()
    if (own.length > 0) await rings.end(own)
    await this.#transfers.want(this.#wanted())
    const batches = this.#batches()
    if (batches.length === 0) this.obstacle = this.#whyLate
    let hasEnded = false
    for (const batch of batches) {
      if (!this.#mayGo()) break
      const why = await this.#move(batch)
      this.obstacle = why ?? this.#whyLate
      hasEnded ||= why === undefined
    }
    return hasEnded
  }

  /** Why a transfer does not go on. */
  get #whyLate(): string | undefined {
    const late = this.#transfers.obstacle
    return late && this.#why(...late)
  }

  /** Moves without a filler, that this member ends. */
  #endAlone(): Parameters<Rings['end']>[0] {
    const self = this.#node.topology.self.id
    return this.#stages(({ leaver, filler, owners, table }) => {
      if (leaver === undefined || filler !== undefined) return false
      const isDead = table.without.includes(leaver)
      return isDead ? owners.find((id) => id !== leaver) === self : leaver === self
    }).map((found) => ({ ...found, isFilled: true }))
  }

  readonly #mayGo = (): boolean => {
    return !this.#isStopped && !this.isPaused && !this.#node.rings.isFrozen
  }

  /** What is to be filled here. */
  get #filled(): readonly Found[] {
    const self = this.#node.topology.self.id
    return this.#stages(({ filler }) => filler === self)
  }

  /** What each member is to bring here. */
  #wanted(): readonly Wanted[] {
    const wanted = new Map<string, { from: NodeId; n: number; partitions: number[] }>()
    for (const { n, partition, stage } of this.#filled) {
      const from = this.#giverOf(stage)
      if (from === undefined) continue
      const one = wanted.get(`${n} ${from}`) ?? { from, n, partitions: [] }
      wanted.set(`${n} ${from}`, one)
      one.partitions.push(partition)
    }
    return [...wanted.values()]
  }

  /** The member of which this one takes a bulk transfer: the leaver, or else the first owner. */
  #giverOf(stage: Stage): NodeId | undefined {
    return leaverOf(stage) ?? [...this.#countingOwners([stage])][0]
  }

  /** What exchanges can fill now, by the owners that hand it over. */
  #batches(): readonly Batch[] {
    const batches = new Map<string, { n: number; from: NodeId | undefined; of: Found[] }>()
    for (const found of this.#filled) {
      const giver = this.#giverOf(found.stage)
      if (giver !== undefined && !this.#transfers.has(giver, found.n, found.partition)) continue
      const from = leaverOf(found.stage)
      const key = `${found.n} ${from}`
      const batch = batches.get(key) ?? { n: found.n, from, of: [] }
      batches.set(key, batch)
      if (batch.of.length < TOGETHER_MAX) batch.of.push(found)
    }
    return [...batches.values()].map(({ n, from, of }) => {
      const partitions = of.map(({ partition }) => partition)
      return { n, from, partitions, stages: of.map(({ stage }) => stage) }
    })
  }

  #stages(isOne: (stage: Stage) => boolean): Found[] {
    const { stages, ring } = this.#node.topology
    const found: Found[] = []
    for (const n of stages.ns) {
      for (let partition = 0; partition < ring.partitionCount; partition++) {
        const stage = stages.of(partition, n)
        if (isOne(stage)) found.push({ n, partition, stage })
      }
    }
    return found
  }

  /** Undefined once it has ended; else why not. */
  #move(batch: Batch): Promise<string | undefined> {
    return batch.from === undefined ? this.#fillFromAll(batch) : this.#takeOver(batch, batch.from)
  }

  async #takeOver(batch: Batch, leaver: NodeId): Promise<string | undefined> {
    const { n, partitions } = batch
    if (this.#hasLostDisk(leaver)) return lostDisk(this.#node.topology.nameOf(leaver))
    const filled = await this.#exchange(leaver, batch, false)
    if (filled !== undefined) return this.#why(leaver, filled)
    const closed = await this.#ask(leaver, batch, MoveStep.close, NO_ATTEMPT)
    if (isFailure(closed)) return this.#why(leaver, closed.code)
    const { attempt } = closed
    const rest = await this.#exchange(leaver, batch, true)
    if (rest !== undefined) {
      await this.#ask(leaver, batch, MoveStep.reopen, attempt)
      return this.#why(leaver, rest)
    }
    const ended = await this.#ask(leaver, batch, MoveStep.end, attempt)
    if (isFailure(ended)) return this.#why(leaver, ended.code)
    this.#node.trace.record('places-taken', { from: leaver, n, count: partitions.length })
    return undefined
  }

  /** It ends no move of this table any more. */
  #hasLostDisk(leaver: NodeId): boolean {
    const { standing, topology } = this.#node
    const [directory] = standing.metOf(leaver).directories
    if (directory === undefined) return false
    return lostDisks(topology.stages.table, new Map([[leaver, directory]])).length > 0
  }

  /** The other owners that count fill this member: then it ends the move. */
  async #fillFromAll(batch: Batch): Promise<string | undefined> {
    const { rings, trace } = this.#node
    const { n, partitions, stages } = batch
    for (const node of this.#countingOwners(stages)) {
      const failure = await this.#exchange(node, batch, false)
      if (failure !== undefined) return this.#why(node, failure)
    }
    const ended = partitions.map((partition, i) => {
      return { n, partition, stage: stages[i] as Stage, isFilled: true }
    })
    if (!(await rings.end(ended))) return 'a newer table is under way'
    trace.record('places-taken', { from: '', n, count: partitions.length })
    return undefined
  }

  #countingOwners(stages: readonly Stage[]): ReadonlySet<NodeId> {
    const counting = new Set<NodeId>()
    for (const { owners, leaver, table } of stages) {
      for (const id of owners) if (id !== leaver && !table.without.includes(id)) counting.add(id)
    }
    return counting
  }

  /** Undefined where all that the other owner carried when this began is durable here. */
  async #exchange(
    node: NodeId,
    { n, partitions }: Pick<Batch, 'n' | 'partitions'>,
    isClosed: boolean,
  ): Promise<ErrorCode | undefined> {
    const { replica } = this.#node
    const own = replica.start
    const digest = this.#digestOf(n, partitions)
    const before = await this.#stateOf(node)
    if (isFailure(before)) return before.code
    const scope = { n, partitions, isClosed }
    const exchange = new Exchange(this.#node, node, before, () => this.#isStopped, scope)
    const failure = await exchange.run(n)
    if (failure !== undefined) return failure
    const after = await this.#stateOf(node)
    if (isFailure(after)) return after.code
    if (after.start !== before.start || replica.start !== own) return 'round-left'
    return equalU64(digest, this.#digestOf(n, partitions)) ? undefined : 'ring-differs'
  }

  #digestOf(n: number, partitions: readonly number[]): RingDigest {
    const { stages } = this.#node.topology
    return stages.digestOf(partitions.map((partition) => [partition, n]))
  }

  #stateOf(node: NodeId): Promise<RoundsAnswer | OperatingError> {
    const { clock, topology, peers, floors } = this.#node
    return askMember<RoundsAnswer>(clock, topology.stages.digest, (terms, deliver) => {
      peers.rounds(node, floors.adopted, false, terms, deliver)
    })
  }

  #ask(node: NodeId, { n, partitions }: Batch, step: MoveStep, attempt: AttemptId) {
    const { clock, peers } = this.#node
    const ring = this.#digestOf(n, partitions)
    return askMember(clock, ring, (terms: Terms, deliver: Parameters<typeof peers.move>[3]) => {
      peers.move(node, { step, n, partitions, attempt }, terms, deliver)
    })
  }

  #why(node: NodeId, code: ErrorCode): string {
    const passes = code === 'ring-differs' ? ', until both know the last moves' : ''
    return `${this.#node.topology.nameOf(node)}: ${code}${passes}`
  }
}

function lostDisk(name: string): string {
  return `${name} lost its disk after the table was made: plan and commit again`
}

/** The owner that hands its place over; undefined where there is none, or none that lives. */
function leaverOf({ leaver, table }: Stage): NodeId | undefined {
  return leaver === undefined || table.without.includes(leaver) ? undefined : leaver
}

interface Found {
  readonly n: number
  readonly partition: number
  readonly stage: Stage
}
