/**
 * Judges a table by its preference lists alone, without any of the code that made it.
 *
 * Whether loads within one of their shares are attainable is decided by counting: member by member,
 * machine by machine and zone by zone, how many replicas each can hold at most.
 */
import { isCheapest } from './cheapest.ts'
import { ownersOf } from '../../../src/dynamo/ring/preference-list.ts'
import type { Member, Ring } from '../../../src/dynamo/ring/ring.ts'

/** Owners of each partition, by id. */
export type Lists = readonly (readonly Member[])[]

export function listsOf(ring: Ring, n: number): Lists {
  return Array.from({ length: ring.partitionCount }, (_, partition) => {
    return ownersOf(ring, partition, n)
  })
}

const zoneOf = ({ zone, machine }: Member): string => (zone === '' ? `of ${machine}` : zone)
const machineOf = ({ machine }: Member): string => machine
const distinct = (all: readonly Member[], of: (member: Member) => string): number =>
  new Set(all.map(of)).size

export function loadsOf(lists: Lists): Map<string, number> {
  const loads = new Map<string, number>()
  for (const list of lists) {
    for (const { id } of list) loads.set(id, (loads.get(id) ?? 0) + 1)
  }
  return loads
}

/** What a list does wrong, if any does. */
export function faultOf(members: readonly Member[], lists: Lists, n: number): string | undefined {
  const owning = members.filter(({ weight }) => weight > 0)
  const count = Math.min(n, owning.length)
  const machines = Math.min(n, distinct(owning, machineOf))
  const zones = Math.min(n, distinct(owning, zoneOf))
  for (const [partition, list] of lists.entries()) {
    const at = `partition ${partition}`
    if (list.length !== count) return `${at} has ${list.length} owners of ${count}`
    if (distinct(list, ({ id }) => id) < count) return `${at} has an owner twice`
    if (list.some(({ weight }) => weight === 0)) return `${at} has an owner without weight`
    if (distinct(list, machineOf) < machines) return `${at} repeats a machine`
    if (distinct(list, zoneOf) < zones) return `${at} repeats a zone`
  }
  return undefined
}

/** The exact share by weight alone of `n` owners. */
function shareOf(members: readonly Member[], { weight }: Member, replicas: number): number {
  return (replicas * weight) / members.reduce((sum, one) => sum + one.weight, 0)
}

/**
 * Whether each member can hold at most its rounded share and `slack` more, with machines and zones
 * as they should be.
 */
export function isAttainable(
  members: readonly Member[],
  partitions: number,
  n: number,
  slack: number,
): boolean {
  const owning = members.filter(({ weight }) => weight > 0)
  const width = Math.min(n, owning.length)
  const replicas = width * partitions
  const most = new Map<Member, number>(
    owning.map((one) => {
      const share = Math.ceil(shareOf(owning, one, replicas) - 1e-7)
      return [one, Math.min(partitions, share + slack)]
    }),
  )
  const areFewMachines = distinct(owning, machineOf) < width
  const areFewZones = distinct(owning, zoneOf) < width
  let total = 0
  for (const zone of new Set(owning.map(zoneOf))) {
    const inZone = owning.filter((one) => zoneOf(one) === zone)
    let ofZone = 0
    for (const machine of new Set(inZone.map(machineOf))) {
      const onMachine = inZone.filter((one) => one.machine === machine)
      const sum = onMachine.reduce((so, one) => so + (most.get(one) as number), 0)
      if (areFewMachines && sum < partitions) return false
      ofZone += areFewMachines ? sum : Math.min(sum, partitions)
    }
    if (areFewZones && ofZone < partitions) return false
    total += areFewZones ? ofZone : Math.min(ofZone, partitions)
  }
  return total >= replicas
}

/** The greatest number of replicas that a member has above its rounded share. */
export function excessOf(members: readonly Member[], lists: Lists, n: number): number {
  const owning = members.filter(({ weight }) => weight > 0)
  const replicas = Math.min(n, owning.length) * lists.length
  const loads = loadsOf(lists)
  return Math.max(
    ...owning.map((one) => {
      return (loads.get(one.id) ?? 0) - Math.ceil(shareOf(owning, one, replicas) - 1e-7)
    }),
  )
}

export function movesBetween(before: Lists, after: Lists): number {
  let count = 0
  for (const [partition, list] of after.entries()) {
    const was = before[partition] as readonly Member[]
    for (const { id } of list) if (was.every((one) => one.id !== id)) count += 1
  }
  return count
}

/** Whether each load is the share rounded down or up. */
function areRounded(owning: readonly Member[], lists: Lists, width: number): boolean {
  const loads = loadsOf(lists)
  return owning.every((one) => {
    const share = shareOf(owning, one, width * lists.length)
    return Math.abs((loads.get(one.id) ?? 0) - share) < 1
  })
}

/**
 * Moves that no table can do without: members come to hold what they hold in the end, or, if
 * those are all rounded shares, the share rounded down or up.
 */
export function leastMoves(
  members: readonly Member[],
  before: Lists,
  after: Lists,
  n: number,
): number {
  const owning = members.filter(({ weight }) => weight > 0)
  const byId = new Map(owning.map((one) => [one.id, one]))
  const width = Math.min(n, owning.length)
  const replicas = width * before.length
  const kept = new Map<string, number>()
  let gone = 0
  for (const list of before) {
    const now = list.flatMap(({ id }) => byId.get(id) ?? [])
    for (const { id } of now) kept.set(id, (kept.get(id) ?? 0) + 1)
    const machines = Math.min(width, distinct(owning, machineOf))
    const zones = Math.min(width, distinct(owning, zoneOf))
    gone += Math.max(
      width - now.length,
      machines - distinct(now, machineOf),
      zones - distinct(now, zoneOf),
    )
  }
  const isEven = areRounded(owning, after, width)
  const loads = loadsOf(after)
  let gains = 0
  let losses = 0
  for (const one of owning) {
    const share = shareOf(owning, one, replicas)
    const end = loads.get(one.id) ?? 0
    const has = kept.get(one.id) ?? 0
    gains += Math.max(0, (isEven ? Math.floor(share + 1e-7) : end) - has)
    losses += Math.max(0, has - (isEven ? Math.ceil(share - 1e-7) : end))
  }
  const surplus = Math.max(0, [...kept.values()].reduce((a, b) => a + b, 0) - replicas)
  const empty = before.reduce((sum, list) => {
    return sum + width - Math.min(width, list.filter(({ id }) => byId.has(id)).length)
  }, 0)
  return Math.max(gone, gains, empty + losses - surplus)
}

/** Whether no table moves fewer, of those with rounded shares as loads, or else with these. */
export function isLeast(
  members: readonly Member[],
  before: Lists,
  after: Lists,
  n: number,
): boolean {
  const owning = members.filter(({ weight }) => weight > 0)
  const width = Math.min(n, owning.length)
  const machines = Math.min(width, distinct(owning, machineOf))
  const zones = Math.min(width, distinct(owning, zoneOf))
  const isEven = areRounded(owning, after, width)
  const loads = loadsOf(after)
  const spareOf = (one: Member): readonly [up: number, down: number] => {
    const share = shareOf(owning, one, width * before.length)
    const load = loads.get(one.id) ?? 0
    return [Math.ceil(share - 1e-7) - load, load - Math.floor(share + 1e-7)]
  }
  return isCheapest({
    owning,
    before,
    after,
    isList: (list) => distinct(list, machineOf) >= machines && distinct(list, zoneOf) >= zones,
    canTake: (one) => isEven && spareOf(one)[0] > 0,
    canGive: (one) => isEven && spareOf(one)[1] > 0,
  })
}
