/**
 * Plans the next table: the ring that an operator's changes of members lead to, from the table that
 * was adopted last, and what stands in its way. (Dynamo 4.9)
 *
 * A table that has not taken effect is replaced by a newer one: by another plan, or by one that
 * leads to the ring in effect, which takes it back.
 */
import { equalU64 } from '../../base/u64.ts'
import type { NodeId } from '../names.ts'
import { type Claim, claim } from './claim.ts'
import type { Member } from './ring.ts'
import type { Stages } from './stages.ts'
import { compareTables, type Table, type TableFields, tableOf } from './table.ts'

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

/**
 * Whether the table would change nothing: it has the owners, and the dead, of the one in effect,
 * and no other is under way. One under way, or whose moves are, may be committed again: for the
 * data directories that members have now.
 */
export function isSamePlan(table: Table, { adopted, stages }: Present): boolean {
  const inEffect = stages.table
  if (compareTables(adopted, inEffect) !== 0) return false
  if (!equalU64(table.ring.digest, inEffect.ring.digest)) return false
  if (stages.left > 0 && lostDisks(inEffect, table.needed).length > 0) return false
  const isKnownDead = (id: NodeId): boolean =>
    inEffect.without.includes(id) || stages.ownerOf(id) === undefined
  return table.without.every(isKnownDead)
}

/** Whether members have joined, left or changed since a table was made. */
export function isOutdated({ ring }: Table, joined: readonly Member[]): boolean {
  const textOf = (members: readonly Member[]): string => {
    const sorted = members.toSorted((a, b) => (a.id < b.id ? -1 : 1))
    return JSON.stringify(
      sorted.map(({ id, weight, zone, machine }) => [id, weight, zone, machine]),
    )
  }
  return textOf(ring.members) !== textOf(joined)
}

/** Members that have another data directory than the table was made for. */
export function lostDisks(
  { needed }: Pick<Table, 'needed'>,
  now: ReadonlyMap<NodeId, string>,
): readonly NodeId[] {
  const isOther = ([id, directory]: [NodeId, string]): boolean =>
    now.has(id) && now.get(id) !== directory
  return [...needed].filter(isOther).map(([id]) => id)
}

/** Of a member: the table that it adopted last, and how far that in effect is. */
export interface Present {
  readonly adopted: Table
  readonly stages: Stages
}

/**
 * Takes the adopted table back: the next one leads to the owners of the ring in effect. It has the
 * partitions of the adopted one, which may take effect meanwhile: they never become fewer.
 */
export function takenBack(
  { adopted, stages }: Present,
  { needed, without, ns }: Pick<TableFields, 'needed' | 'without' | 'ns'>,
): Table {
  const inEffect = stages.table
  return tableOf({
    number: adopted.number + 1,
    parent: adopted.digest,
    ring: inEffect.ring.split(adopted.ring.bits),
    ns: [...new Set([...ns, ...inEffect.ns])].toSorted((a, b) => a - b),
    without: [...new Set([...without, ...inEffect.without])].toSorted(),
    needed,
  })
}

/** Whether the adopted table takes another one back. */
export function isTakenBack({ adopted, stages }: Present): boolean {
  const before = stages.table.ring.split(adopted.ring.bits)
  return equalU64(adopted.ring.digest, before.digest)
}
