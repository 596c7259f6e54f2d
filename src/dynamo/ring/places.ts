/**
 * Which members may stand in one row of the ring: distinct machines and zones (Dynamo 4.3, 4.6).
 *
 * A row of n owners is on n machines where there are so many, else on all of them; and in n zones
 * where there are so many, else in all of them. So of n owners, n - machines may repeat a machine,
 * and n - zones a zone, none if that is below 0. The same rule holds for rows that are not full.
 *
 * A member with an empty zone is in a zone of its machine. Zones that have one machine in common
 * count as one: each row has its machines and zones in a tree then, and the search of balance.ts
 * finds the best table. Where there is one machine, with several zones, a member counts as one.
 *
 * Invariant: a row that obeys the rule and is not full can be filled, with members that have a
 * weight.
 */
import type { Member } from './ring.ts'

export class Places {
  /** By index of the member: equal numbers are one machine, or one zone. */
  readonly machineOf: Int32Array
  readonly zoneOf: Int32Array
  readonly machines: number
  readonly zones: number
  /** A machine whose members state several zones, which count as one. */
  readonly machineOfZones: string | undefined

  /** Of members; those without weight count for nothing. */
  constructor(members: readonly Member[]) {
    const named = numbered(members, ({ machine }) => machine)
    const isAlone = named.count === 1 && hasMixed(members)
    const machines = isAlone ? numbered(members, ({ id }) => id) : named
    const zones = new Zones(members, machines.of)
    this.machineOf = machines.of
    this.machines = machines.count
    this.zoneOf = zones.of
    this.zones = zones.count
    this.machineOfZones =
      zones.joinedBy === undefined ? undefined : members[zones.joinedBy]?.machine
  }

  /** How many members of a row of `n` may be on machines, and in zones, of others in the row. */
  repeats(n: number): Repeats {
    return { machines: Math.max(0, n - this.machines), zones: Math.max(0, n - this.zones) }
  }
}

export interface Repeats {
  readonly machines: number
  readonly zones: number
}

type NameOf = (member: Member, index: number) => string

interface Numbered {
  readonly of: Int32Array
  readonly count: number
}

/** A number from 0 upwards for each name that a member with a weight has; -1 for the others. */
function numbered(members: readonly Member[], nameOf: NameOf): Numbered {
  const numbers = new Map<string, number>()
  const of = Int32Array.from(members, (member, i) => {
    if (member.weight === 0) return -1
    const name = nameOf(member, i)
    const number = numbers.get(name) ?? numbers.size
    numbers.set(name, number)
    return number
  })
  return { of, count: numbers.size }
}

/** Whether the members of some machine state different zones. */
function hasMixed(members: readonly Member[]): boolean {
  const zones = new Map<string, string>()
  return members.some(({ machine, zone, weight }) => {
    if (weight === 0) return false
    const other = zones.get(machine) ?? zone
    zones.set(machine, zone)
    return other !== zone
  })
}

/** Numbers zones by the members' names for them; those with one machine in common have one. */
class Zones {
  readonly of: Int32Array
  readonly count: number
  /** A member by which two named zones became one. */
  joinedBy: number | undefined

  constructor(members: readonly Member[], machineOf: Int32Array) {
    // Each machine, and each zone that was joined to another, points to a zone.
    const parents = new Map<string, string>()
    const root = (name: string): string => {
      let at = name
      for (let next = parents.get(at); next !== undefined; next = parents.get(at)) at = next
      return at
    }
    const machineName = (i: number): string => `machine ${machineOf[i]}`
    const zoned = new Set<string>()
    members.forEach(({ weight, zone }, i) => {
      if (weight === 0 || zone === '') return
      const [one, other] = [root(machineName(i)), root(`zone ${zone}`)]
      if (one === other) return
      if (zoned.has(one)) this.joinedBy ??= i
      parents.set(one, other)
      zoned.add(other)
    })
    const zones = numbered(members, (_, i) => root(machineName(i)))
    this.of = zones.of
    this.count = zones.count
  }
}
