/**
 * Computes a preference list: the N owners of a partition, then the fallbacks (Dynamo 4.3, 4.6).
 *
 * The row of the partition comes first, as it stands: claim chose it by the rules below. For more
 * owners than it has, a walk goes on clockwise over the rows that follow. It skips members that it
 * has met, and members whose machine or zone is already in the list while others remain. If too few
 * are left, zones repeat first, then machines, never members. So the list has N owners whenever N
 * members have a weight above 0. Fallbacks come in the order of the walk.
 *
 * Invariant: the list depends on the ring and N alone; every node derives the same one. While moves
 * are under way the owners are those of a stage: see staged-lists.ts.
 */
import { assert } from '../../base/assert.ts'
import { REPLICAS_MAX } from '../../limits.ts'
import type { Token } from '../../native/digest.ts'
import type { NodeId } from '../names.ts'
import type { Member, Ring } from './ring.ts'

export interface PreferenceList {
  /** N members, or all that have a weight where those are fewer. */
  readonly owners: readonly Member[]
  /** All other members, in the order in which they replace an owner that is away. */
  readonly fallbacks: readonly Member[]
  /** The same, by identity: every request needs them. */
  readonly ownerIds: readonly NodeId[]
  readonly fallbackIds: readonly NodeId[]
}

/** The preference list of one partition for `n` replicas, 1 to REPLICAS_MAX. */
export function preferenceListOf(ring: Ring, partition: number, n: number): PreferenceList {
  assert(n >= 1 && n <= REPLICAS_MAX, 'replicas are bounded')
  const met = clockwiseFrom(ring, partition)
  const owners = spread(met, n, Math.min(n, ring.width))
  const fallbacks = met.filter((member) => !owners.includes(member))
  return { owners, fallbacks, ownerIds: owners.map(idOf), fallbackIds: fallbacks.map(idOf) }
}

/** The owners alone: as in the list, and sooner found. */
export function ownersOf(ring: Ring, partition: number, n: number): readonly Member[] {
  if (n <= ring.width) return ring.rowOf(partition).slice(0, n)
  return preferenceListOf(ring, partition, n).owners
}

const idOf = ({ id }: Member): NodeId => id

/** Every member once, in the order in which a walk from `partition` meets it. */
export function clockwiseFrom(ring: Ring, partition: number): readonly Member[] {
  const met = new Set<Member>()
  for (let step = 0; step < ring.partitionCount && met.size < ring.members.length; step++) {
    for (const owner of ring.rowOf(partition + step)) met.add(owner)
  }
  // Members that own no partition come last.
  for (const member of ring.members) met.add(member)
  return [...met]
}

/** The first `fixed` of `met`, then others up to `count` on new machines and zones if possible. */
function spread(met: readonly Member[], count: number, fixed: number): readonly Member[] {
  const chosen = met.slice(0, fixed)
  const isNew = (member: Member, what: 'machine' | 'zone'): boolean =>
    chosen.every((other) => other[what] !== member[what])
  const rules: ((member: Member) => boolean)[] = [
    (member) => isNew(member, 'machine') && (member.zone === '' || isNew(member, 'zone')),
    (member) => isNew(member, 'machine'),
    () => true,
  ]
  for (const rule of rules) {
    for (const member of met) {
      if (chosen.length === count) return chosen
      if (member.weight > 0 && !chosen.includes(member) && rule(member)) chosen.push(member)
    }
  }
  return chosen
}

/** Preference lists of one ring, each computed once, since every request needs one. */
export class PreferenceLists {
  readonly ring: Ring
  readonly #byN = new Map<number, (PreferenceList | undefined)[]>()

  constructor(ring: Ring) {
    this.ring = ring
  }

  of(token: Token, n: number): PreferenceList {
    return this.ofPartition(this.ring.partitionOf(token), n)
  }

  ofPartition(partition: number, n: number): PreferenceList {
    let lists = this.#byN.get(n)
    if (lists === undefined) {
      lists = Array.from({ length: this.ring.partitionCount })
      this.#byN.set(n, lists)
    }
    let list = lists[partition]
    if (list === undefined) {
      list = preferenceListOf(this.ring, partition, n)
      lists[partition] = list
    }
    return list
  }
}
