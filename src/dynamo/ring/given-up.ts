/**
 * Tells which of its aims a table misses, each with one change of members that would help.
 *
 * A load is out of balance where it is more than one above its weight's part of all replicas. The
 * cause is a member, machine or zone whose part is more than one replica of each partition, which
 * it cannot hold; or, where zones or machines are fewer than N, one whose part is less than that.
 */
import type { NodeId } from '../names.ts'
import type { Places } from './places.ts'
import type { Member } from './ring.ts'
import type { Rows } from './rows.ts'

export type Change =
  /** Give the member at most this weight. */
  | { readonly kind: 'weight'; readonly member: NodeId; readonly atMost: number }
  /** Move the member to a machine of its own. */
  | { readonly kind: 'own-machine'; readonly member: NodeId }
  /** Add members of so much weight in this zone. */
  | { readonly kind: 'zone'; readonly zone: string; readonly weight: number }
  /** Add members on so many more machines. */
  | { readonly kind: 'machines'; readonly count: number }
  /** Let all members of the machine state one zone. */
  | { readonly kind: 'one-zone'; readonly machine: string }

export interface GivenUp {
  readonly what: 'moves' | 'balance' | 'zones'
  /** Moves above the least; replicas above the shares; rows in fewer zones than there are. */
  readonly count: number
  /** None where no change of members would help. */
  readonly change: Change | undefined
}

interface Table {
  readonly members: readonly Member[]
  readonly places: Places
  readonly rows: Rows
  readonly moved: number
  readonly movedLeast: number
}

export function givenUpOf(table: Table): readonly GivenUp[] {
  return [...movesGivenUp(table), ...balanceGivenUp(table), ...zonesGivenUp(table)]
}

function movesGivenUp({ moved, movedLeast }: Table): readonly GivenUp[] {
  const count = moved - movedLeast
  return count > 0 ? [{ what: 'moves', count, change: undefined }] : []
}

function balanceGivenUp(table: Table): readonly GivenUp[] {
  const { members, rows } = table
  const total = sumOf(members)
  const count = members.reduce((sum, { weight }, i) => {
    const share = Math.ceil((rows.slots.length * weight) / total) + 1
    return sum + Math.max(0, rows.load(i) - share)
  }, 0)
  return count > 0 ? [{ what: 'balance', count, change: changeOf(table) }] : []
}

function sumOf(members: readonly Member[]): number {
  return members.reduce((sum, { weight }) => sum + weight, 0)
}

/** The change that helps most: the cause that lies deepest comes first. */
function changeOf({ members, places, rows }: Table): Change | undefined {
  const { n } = rows
  const part = sumOf(members) / n
  const heavy = members.filter(({ weight }) => weight > part)
  const heaviest = members.toSorted((a, b) => b.weight - a.weight)[0] as Member
  if (heavy.length > 0) {
    const others = sumOf(members) - sumOf(heavy)
    return n > heavy.length
      ? { kind: 'weight', member: heaviest.id, atMost: others / (n - heavy.length) }
      : undefined
  }
  const onMachines = groupsOf(members, places.machineOf)
  const crowded = onMachines.find((group) => sumOf(group) > part)
  if (places.machines < n) return { kind: 'machines', count: n - places.machines }
  if (crowded !== undefined) {
    const [most] = crowded.toSorted((a, b) => b.weight - a.weight) as [Member]
    return { kind: 'own-machine', member: most.id }
  }
  return zoneChangeOf(groupsOf(members, places.zoneOf), places.zones < n, n)
}

function groupsOf(members: readonly Member[], numberOf: Int32Array): readonly Member[][] {
  const groups: Member[][] = []
  members.forEach((member, i) => {
    const number = numberOf[i] as number
    if (number === -1) return
    groups[number] ??= []
    groups[number].push(member)
  })
  return groups
}

/** The weight that the lightest zone lacks. */
function zoneChangeOf(zones: readonly Member[][], areFew: boolean, n: number): Change {
  const byWeight = zones.toSorted((a, b) => sumOf(a) - sumOf(b))
  const lightest = byWeight[0] as Member[]
  const total = sumOf(zones.flat())
  const lacking = areFew
    ? (total - n * sumOf(lightest)) / (n - 1)
    : n * sumOf(byWeight.at(-1) as Member[]) - total
  const zone = lightest.find((member) => member.zone !== '')?.zone ?? ''
  return { kind: 'zone', zone, weight: Math.ceil(lacking) }
}

function zonesGivenUp({ members, places, rows }: Table): readonly GivenUp[] {
  const { n, partitions, slots } = rows
  const machine = places.machineOfZones
  if (machine === undefined) return []
  const nameOf = ({ zone, machine: own }: Member): string => (zone === '' ? `\0${own}` : zone)
  const names = members.map((member) => nameOf(member))
  const zones = new Set(names.filter((_, i) => (members[i] as Member).weight > 0)).size
  let count = 0
  for (let partition = 0; partition < partitions; partition++) {
    const row = slots.subarray(partition * n, (partition + 1) * n)
    if (new Set(Array.from(row, (i) => names[i])).size < Math.min(n, zones)) count += 1
  }
  return count > 0 ? [{ what: 'zones', count, change: { kind: 'one-zone', machine } }] : []
}
