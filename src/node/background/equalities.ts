/**
 * What comparisons with the other owners have found of each partition: the last sum that both had,
 * and since when they differ.
 *
 * An exchange begins with the sums of all partitions that both members own. A partition that the
 * other owner does not name in its answer had the same sum there, not before the question was
 * asked: so the instant of the question is kept. It is known for this node's own comparisons alone.
 *
 *     N ─► partition 0: owner, owner, … │ partition 1: owner, owner, … │ …
 *                       each: sum, found equal at, differs since
 *
 * Invariant: its memory is bounded by partitions and owners. Other owners begin anew.
 */
import { type U64, u64 } from '../../base/u64.ts'
import type { NodeId } from '../../dynamo/names.ts'
import type { Branch, BranchSum } from '../../dynamo/repair/branches.ts'
import type { StagedLists } from '../../dynamo/ring/staged-lists.ts'
import type { Topology } from '../cluster/topology.ts'

/** A sum that two members or more had, and an instant from which on this was found. */
export interface EqualSum {
  readonly sum: U64
  readonly foundMs: number
}

/** What was found of a partition with one other owner. */
export interface Compared {
  readonly node: NodeId
  /** The last sum that both had; undefined: none was found. */
  readonly equal: EqualSum | undefined
  /** Undefined: the last comparison found no difference, or there was none. */
  readonly differsSinceMs: number | undefined
}

/** Of the owners of all partitions, for one N: a column has N places for each partition. */
interface Columns {
  readonly sumHi: Uint32Array
  readonly sumLo: Uint32Array
  /** Not a number: never. */
  readonly foundMs: Float64Array
  readonly differsSinceMs: Float64Array
}

export class Equalities {
  readonly #topology: Pick<Topology, 'lists' | 'self'>
  readonly #byN = new Map<number, Columns>()
  #lists: StagedLists
  /** Called after each comparison. */
  onCompared: () => void = () => undefined

  constructor(topology: Pick<Topology, 'lists' | 'self'>) {
    this.#topology = topology
    this.#lists = topology.lists
  }

  /**
   * A member was sent the sums of partitions at `askedMs`, for buckets with this N, and has
   * answered which of them differ there.
   */
  compared(
    { node, n }: { readonly node: NodeId; readonly n: number },
    sums: readonly BranchSum[],
    differing: ReadonlySet<Branch>,
    askedMs: number,
  ): void {
    const columns = this.#columnsOf(n)
    for (const { branch: partition, sum } of sums) {
      const at = this.#placeOf(n, partition, node)
      if (at === undefined) continue
      if (differing.has(partition)) {
        if (Number.isNaN(columns.differsSinceMs[at])) columns.differsSinceMs[at] = askedMs
        continue
      }
      columns.differsSinceMs[at] = Number.NaN
      columns.foundMs[at] = askedMs
      columns.sumHi[at] = sum.hi
      columns.sumLo[at] = sum.lo
    }
    this.onCompared()
  }

  /** The other owners of a partition in order of preference. */
  of(n: number, partition: number): readonly Compared[] {
    const columns = this.#columnsOf(n)
    const { lists, self } = this.#topology
    const others = lists.ofPartition(partition, n).ownerIds.filter((owner) => owner !== self.id)
    return others.map((node) => {
      const at = this.#placeOf(n, partition, node) as number
      const foundMs = columns.foundMs[at] as number
      const differsSinceMs = columns.differsSinceMs[at] as number
      const sum = u64(columns.sumHi[at] as number, columns.sumLo[at] as number)
      return {
        node,
        equal: Number.isNaN(foundMs) ? undefined : { sum, foundMs },
        differsSinceMs: Number.isNaN(differsSinceMs) ? undefined : differsSinceMs,
      }
    })
  }

  #placeOf(n: number, partition: number, node: NodeId): number | undefined {
    const owner = this.#topology.lists.ofPartition(partition, n).ownerIds.indexOf(node)
    return owner === -1 ? undefined : partition * n + owner
  }

  #columnsOf(n: number): Columns {
    const { lists } = this.#topology
    if (lists !== this.#lists) this.#byN.clear()
    this.#lists = lists
    let columns = this.#byN.get(n)
    if (columns === undefined) {
      const places = lists.ring.partitionCount * n
      columns = {
        sumHi: new Uint32Array(places),
        sumLo: new Uint32Array(places),
        foundMs: new Float64Array(places).fill(Number.NaN),
        differsSinceMs: new Float64Array(places).fill(Number.NaN),
      }
      this.#byN.set(n, columns)
    }
    return columns
  }
}

/**
 * The sum that the node had in common with every other owner when it compared last, and the oldest
 * instant of these. Undefined where an owner differs, was never compared, or had another sum. Where
 * there is no other owner, nothing is found: undefined too.
 */
export function equalAtAll(others: readonly Compared[]): EqualSum | undefined {
  const first = others[0]?.equal
  if (first === undefined) return undefined
  let { foundMs } = first
  for (const { equal, differsSinceMs } of others) {
    if (equal === undefined || differsSinceMs !== undefined) return undefined
    if (equal.sum.hi !== first.sum.hi || equal.sum.lo !== first.sum.lo) return undefined
    foundMs = Math.min(foundMs, equal.foundMs)
  }
  return { sum: first.sum, foundMs }
}
