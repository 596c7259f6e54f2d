/**
 * Tells how the copies of each partition that this node owns compare with those of the other
 * owners, at once or when all are equal.
 *
 * Nothing is asked of another member: what exchanges have found is told (`equalities.ts`). A caller
 * that waits gets the state at its deadline, whatever that is.
 */
import type { Deliver } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { EXCHANGE_WAITERS_MAX, OVERLOAD_RETRY_MS } from '../../limits.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import { nodeStopping } from '../cluster/peer-link.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Floors } from '../replica/floors.ts'
import type { Trees } from '../replica/trees.ts'
import type {
  ClientRanges,
  ComparedRange,
  FoundEqual,
  RangeRoot,
  RangesResult,
  TreeRanges,
} from '../requests.ts'
import { type Compared, type Equalities, equalAtAll, type EqualSum } from './equalities.ts'

export interface RangesDependencies {
  readonly clock: Clock
  readonly topology: Topology
  readonly trees: Pick<Trees, 'isBuilt' | 'sum'>
  readonly equalities: Equalities
  readonly isWhole: () => boolean
  readonly floors: Pick<Floors, 'adopted'>
}

/** A caller that waits until all was found equal at `sinceMs` or later. */
interface Waiter {
  readonly sinceMs: number
  readonly timer: Timer
  readonly deliver: Deliver<RangesResult>
}

export class Ranges {
  readonly #node: RangesDependencies
  readonly #waiters = new Set<Waiter>()

  constructor(dependencies: RangesDependencies) {
    this.#node = dependencies
    dependencies.equalities.onCompared = () => this.#onCompared()
  }

  /** Throws `replica-rebuilding` or `overloaded`. */
  ask({ untilEqual, withinMs, deadline }: ClientRanges, deliver: Deliver<RangesResult>): void {
    const { clock, trees, isWhole } = this.#node
    if (!trees.isBuilt || (untilEqual && !isWhole())) throw rebuilding()
    if (!untilEqual) return deliver(this.#result(Number.NEGATIVE_INFINITY))
    const now = clock.now()
    const sinceMs = now - withinMs
    if (this.#oldestEqual() >= sinceMs) return deliver(this.#result(sinceMs))
    if (this.#waiters.size >= EXCHANGE_WAITERS_MAX) throw tooManyWait()
    const onLate = (): void => this.#end(waiter)
    const timer = clock.after(Math.max(0, deadline - now), onLate)
    const waiter: Waiter = { sinceMs, timer, deliver }
    this.#waiters.add(waiter)
    return undefined
  }

  stop(): void {
    for (const { timer, deliver } of this.#waiters) {
      timer.cancel()
      deliver(nodeStopping())
    }
    this.#waiters.clear()
  }

  #onCompared(): void {
    if (this.#waiters.size === 0) return
    const oldest = this.#oldestEqual()
    for (const waiter of this.#waiters) if (oldest >= waiter.sinceMs) this.#end(waiter)
  }

  #end(waiter: Waiter): void {
    waiter.timer.cancel()
    this.#waiters.delete(waiter)
    waiter.deliver(this.#result(waiter.sinceMs))
  }

  /** All partitions were found equal at all owners since then; infinitely long ago if not. */
  #oldestEqual(): number {
    const { equalities } = this.#node
    let oldest = Number.POSITIVE_INFINITY
    for (const [n, partition] of this.#owned()) {
      const others = equalities.of(n, partition)
      if (others.length === 0) continue
      oldest = Math.min(oldest, equalAtAll(others)?.foundMs ?? Number.NEGATIVE_INFINITY)
    }
    return oldest
  }

  #result(sinceMs: number): RangesResult {
    const { clock, topology, isWhole, floors } = this.#node
    const round = floors.adopted.number
    const now = clock.now()
    const trees = new Map<number, { ranges: RangeRoot[]; others: Map<NodeId, ComparedRange[]> }>()
    let isEqual = true
    for (const [n, partition] of this.#owned()) {
      let tree = trees.get(n)
      if (tree === undefined) trees.set(n, (tree = { ranges: [], others: new Map() }))
      const others = this.#node.equalities.of(n, partition)
      const equal = equalAtAll(others)
      if (others.length > 0) isEqual &&= equal !== undefined && equal.foundMs >= sinceMs
      tree.ranges.push(this.#rootOf(n, partition, aged(equal, now)))
      for (const other of others) {
        const compared = tree.others.get(other.node) ?? []
        tree.others.set(other.node, compared)
        compared.push(rangeOf(partition, other, now))
      }
    }
    const list = [...trees].map(([n, { ranges, others }]): TreeRanges => {
      return { n, ranges, others: [...others].map(([node, compared]) => ({ node, compared })) }
    })
    return { node: topology.self.id, isWhole: isWhole(), isEqual, round, trees: list }
  }

  #rootOf(n: number, partition: number, equal: FoundEqual | undefined): RangeRoot {
    const { topology, trees } = this.#node
    return { partition, root: trees.sum(n, topology.ring.bits, partition), equal }
  }

  /** The partitions that this node owns, of buckets with each N. */
  *#owned(): Iterable<readonly [n: number, partition: number]> {
    const { topology } = this.#node
    const { ring, lists, self } = topology
    for (const n of topology.ns) {
      for (let partition = 0; partition < ring.partitionCount; partition++) {
        if (lists.ofPartition(partition, n).ownerIds.includes(self.id)) yield [n, partition]
      }
    }
  }
}

function rangeOf(
  partition: number,
  { equal, differsSinceMs }: Compared,
  now: number,
): ComparedRange {
  const differsMs = differsSinceMs === undefined ? undefined : msSince(differsSinceMs, now)
  return { partition, equal: aged(equal, now), differsMs }
}

function aged(equal: EqualSum | undefined, now: number): FoundEqual | undefined {
  return equal && { sum: equal.sum, ms: msSince(equal.foundMs, now) }
}

export function msSince(instant: number, now: number): number {
  return Math.floor(Math.max(0, now - instant))
}

/** What a node answers that cannot compare its copies yet. */
export function rebuilding(): OperatingError {
  return new OperatingError(
    'replica-rebuilding',
    'this node still reads its copies, or gets them back from the other owners: ask again when ' +
      '`everwrite status` shows no rebuild, or ask another node',
  )
}

/** Too many requests wait for exchanges at this node. */
export function tooManyWait(): OperatingError {
  return new OperatingError(
    'overloaded',
    `${EXCHANGE_WAITERS_MAX} requests wait for exchanges at this node: wait for some of them`,
    { details: { retryAfterMs: OVERLOAD_RETRY_MS } },
  )
}
