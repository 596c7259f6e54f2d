/**
 * Plans the next table: the ring that an operator's changes of members lead to, from the table that
 * was adopted last, and what stands in its way. (Dynamo 4.9)
 */
import type { NodeId } from '../names.ts'
import { type Claim, claim } from './claim.ts'
import type { Member } from './ring.ts'
import { type Table, tableOf } from './table.ts'

export interface PlanOptions {
  /** The newest table, in effect or not. */
  readonly parent: Table
  /** Who is to own: joined members, each with its weight. Some weight is above 0. */
  readonly members: readonly Member[]
  /** Those that have to adopt it, neither gone nor dead, each with its data directory. */
  readonly needed: ReadonlyMap<NodeId, string>
  /** Named as dead. */
  readonly without: readonly NodeId[]
  /** The N of all buckets. */
  readonly ns: Iterable<number>
  /** Partitions double with each; at least those of the parent. */
  readonly bits: number
}

export interface Plan {
  readonly table: Table
  readonly claim: Claim
}

export function planOf({ parent, members, needed, without, ns, bits }: PlanOptions): Plan {
  const sorted = [...new Set(ns)].toSorted((a, b) => a - b)
  const claimed = claim(members, bits, sorted.at(-1) ?? 1, parent.ring)
  const table = tableOf({
    number: parent.number + 1,
    parent: parent.digest,
    ring: claimed.ring,
    ns: sorted,
    without: without.toSorted(),
    needed,
  })
  return { table, claim: claimed }
}
