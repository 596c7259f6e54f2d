/**
 * Computes how many replicas each member should hold: as its weight says, as far as rows allow.
 *
 * A row holds a member at most once, a machine at most once while machines are enough, and a zone
 * likewise. So none of these can hold more than one replica of each partition, and where zones or
 * machines are too few, each of them must hold at least one. Within these bounds the shares are
 * fair: a level is raised for all, each member takes level times weight, and a group that meets its
 * bound takes no more while the level rises for the others. If all members can stay within one of
 * their weights' parts, they do: then a group that must take more spreads it over all its members.
 *
 * Any whole numbers between the rounded shares that add up within the same bounds can be placed:
 * write each member as often as it has replicas, machine by machine and zone by zone, in one line,
 * and cut that after each Q entries. The n pieces, one below the other, are a table: no column has
 * two entries of a group that has at most Q (McNaughton's wrap-around rule, 1959).
 *
 * All numbers are computed in the order of the members' ids, so that every node rounds alike.
 */
import type { Places } from './places.ts'
import type { Member } from './ring.ts'

/** Halvings until the level is exact to the last bits of a number. */
const HALVINGS = 100
/** Shares that differ by less are equal: the least difference of whole weights is above it. */
const ROUNDING = 1e-6

export interface Shares {
  /** By index of the member. */
  readonly exact: Float64Array
  /** The exact share rounded down, and up. */
  readonly least: Int32Array
  readonly most: Int32Array
}

/** A member, or a group of machines or members; what it may hold. */
interface Part {
  readonly least: number
  readonly most: number
  /** Of a member. */
  readonly index: number
  readonly weight: number
  readonly parts: readonly Part[]
}

/** Shares of rows of `n` in 2^bits partitions. Requires: n members have a weight above 0. */
export function sharesOf(
  members: readonly Member[],
  places: Places,
  partitions: number,
  n: number,
): Shares {
  const exact = new Float64Array(members.length)
  const replicas = n * partitions
  const total = members.reduce((sum, { weight }) => sum + weight, 0)
  const near = members.map(({ weight }) => {
    return Math.min(partitions, Math.ceil((replicas * weight) / total - ROUNDING) + 1)
  })
  const all = members.map(() => partitions)
  const tree = treeOf(members, places, partitions, n, near)
  const isNear = capacityOf(tree) >= replicas
  divide(isNear ? tree : treeOf(members, places, partitions, n, all), replicas, exact)
  return {
    exact,
    least: Int32Array.from(exact, (share) => Math.floor(share + ROUNDING)),
    most: Int32Array.from(exact, (share) => Math.ceil(share - ROUNDING)),
  }
}

function treeOf(
  members: readonly Member[],
  places: Places,
  partitions: number,
  n: number,
  most: readonly number[],
): Part {
  const leaves = members.map(({ weight }, index): Part => {
    return { least: 0, most: most[index] as number, index, weight, parts: [] }
  })
  const owning = leaves.filter(({ weight }) => weight > 0)
  const machines = grouped(owning, places.machineOf, places.machines < n, partitions)
  const zones = grouped(machines, places.zoneOf, places.zones < n, partitions)
  return group(zones, 0, Number.POSITIVE_INFINITY)
}

/** Parts of one number together: with one replica of each partition at least, or at most. */
function grouped(
  parts: readonly Part[],
  numberOf: Int32Array,
  areFew: boolean,
  partitions: number,
): readonly Part[] {
  const groups = new Map<number, Part[]>()
  for (const part of parts) {
    const number = numberOf[part.index] as number
    const there = groups.get(number)
    if (there === undefined) groups.set(number, [part])
    else there.push(part)
  }
  return [...groups.values()].map((all) => {
    return areFew ? group(all, partitions, Number.POSITIVE_INFINITY) : group(all, 0, partitions)
  })
}

function group(parts: readonly Part[], least: number, most: number): Part {
  return { least, most, index: (parts[0] as Part).index, weight: 0, parts }
}

/** What a part can take at most; below 0 if some part cannot take what it must. */
function capacityOf({ parts, least, most }: Part): number {
  if (parts.length === 0) return most
  let sum = 0
  for (const part of parts) sum += capacityOf(part)
  return sum < least ? Number.NEGATIVE_INFINITY : Math.min(most, sum)
}

/** What a part takes at a level. */
function taken(part: Part, level: number): number {
  const { parts, least, most, weight } = part
  const wanted = parts.length === 0 ? level * weight : takenByAll(parts, level)
  return Math.min(most, Math.max(least, wanted))
}

function takenByAll(parts: readonly Part[], level: number): number {
  let sum = 0
  for (const part of parts) sum += taken(part, level)
  return sum
}

/** Gives the members below `part` shares that add up to `total`. */
function divide(part: Part, total: number, exact: Float64Array): void {
  const { parts, index } = part
  if (parts.length === 0) {
    exact[index] = total
    return
  }
  const level = levelOf(parts, total)
  for (const one of parts) divide(one, taken(one, level), exact)
}

/** The level at which `parts` take `total` together, or all that they can. */
function levelOf(parts: readonly Part[], total: number): number {
  let low = 0
  let high = 1
  // Weights may be small; a level that is too low after so many doublings cannot be met.
  for (let i = 0; i < HALVINGS && takenByAll(parts, high) < total; i++) high *= 2
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2
    if (takenByAll(parts, middle) < total) low = middle
    else high = middle
  }
  return high
}
