/**
 * The ring of the model: tables of owners, and the stages in which one takes effect (docs/design.md
 * 3.5).
 *
 * The model has one partition, so a table is a set of three owners. It begins from a *base*: the
 * owners at the time when it took effect. From there one owner at a time moves: the *leaver* gives
 * its place to the *filler*. A *stage* is a table that is in effect, and how many moves are done.
 * Stages are in one order, so two members that meet know which of theirs is newer.
 *
 * Sets of members are bit masks.
 */

import type { OwnershipRules } from './rules.ts'

export interface Table {
  readonly number: number
  readonly hash: number
  /** The owners that it leads to, each once, in no order. */
  readonly owners: readonly number[]
  /** Members that its operator knew, and those of them that it named as dead. */
  readonly members: number
  readonly without: number
  /** Those that have to adopt it: the others, without those that were gone. */
  readonly needed: number
  /** Members that it knew to be on another disk than their first. */
  readonly renewed: number
}

export interface Stage {
  readonly table: Table
  readonly done: number
  /** Moves that are done of this table and all before it: how often its owners have changed. */
  readonly moved: number
  /** The owners now, by place: a filler gets the place of its leaver. */
  readonly owners: readonly number[]
  readonly ownersMask: number
  /** Of the present move; -1 after the last. */
  readonly leaver: number
  readonly filler: number
  /**
   * Who said that the last move is done has seen all of the place handed over: the filler's copy is
   * as whole as it was then.
   */
  readonly isFilled: boolean
}

export function bit(member: number): number {
  return 1 << member
}

export function hasBit(mask: number, member: number): boolean {
  return ((mask >>> member) & 1) === 1
}

export function countBits(mask: number): number {
  let count = 0
  for (let left = mask; left !== 0; left &= left - 1) count += 1
  return count
}

export function maskOf(members: readonly number[]): number {
  let mask = 0
  for (const member of members) mask |= bit(member)
  return mask
}

/** Above zero where `a` wins. */
export function compareTables(a: Table, b: Table): number {
  return a.number - b.number || a.hash - b.hash
}

/** Above zero where `a` is newer. */
export function compareStages(a: Stage, b: Stage): number {
  return a === b ? 0 : compareTables(a.table, b.table) || a.done - b.done
}

export function newerStage(a: Stage, b: Stage): Stage {
  return compareStages(a, b) >= 0 ? a : b
}

/** The table has taken effect from the owners of this stage. */
export function firstStage(
  table: Table,
  { owners, moved }: Pick<Stage, 'owners' | 'moved'>,
): Stage {
  return stageOf(table, { done: 0, moved }, owners, false)
}

/** The present move is done. */
export function nextStage(stage: Stage, isFilled: boolean): Stage {
  const { table, done, moved, owners, leaver, filler } = stage
  const next = owners.map((owner) => (owner === leaver ? filler : owner))
  return stageOf(table, { done: done + 1, moved: moved + 1 }, next, isFilled)
}

/** The first owner that has to leave gives its place to the first that is missing. */
function stageOf(
  table: Table,
  counts: Pick<Stage, 'done' | 'moved'>,
  owners: readonly number[],
  isFilled: boolean,
): Stage {
  const leaver = owners.find((owner) => !table.owners.includes(owner)) ?? -1
  const filler = table.owners.find((owner) => !owners.includes(owner)) ?? -1
  return { table, ...counts, owners, ownersMask: maskOf(owners), leaver, filler, isFilled }
}

/** Whether this owner counts: its table's operator did not name it as dead. */
export function isCounted(stage: Stage, member: number): boolean {
  return hasBit(stage.ownersMask & ~stage.table.without, member)
}

/**
 * What a request names: the same owners in the same places, that have changed as often, and the
 * same of them count.
 */
export function isSameOwners(
  a: Stage,
  b: Stage,
  { isReturnUnnamed, isDeadUnnamed }: Pick<OwnershipRules, 'isReturnUnnamed' | 'isDeadUnnamed'>,
): boolean {
  if (a === b) return true
  if (a.moved !== b.moved && !isReturnUnnamed) return false
  if (a.owners.some((owner, place) => owner !== b.owners[place])) return false
  return isDeadUnnamed || ((a.table.without ^ b.table.without) & a.ownersMask) === 0
}

export function tellTable({ number, hash, owners, without }: Table): string {
  const dead = without === 0 ? '' : ` without ${tellMembers(without)}`
  return `t${number}.${hash % 1000}(${owners.join('')}${dead})`
}

export function tellStage({ table, owners, filler, leaver }: Stage): string {
  const move = filler < 0 ? '' : `, ${leaver}>${filler}`
  return `${tellTable(table)}:${owners.join('')}${move}`
}

function tellMembers(mask: number): string {
  let told = ''
  for (let member = 0; mask >>> member !== 0; member++) if (hasBit(mask, member)) told += member
  return told
}
