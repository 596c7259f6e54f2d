/**
 * Deals the partitions of a first ring, one owner each: by weight, neighbours on distinct machines.
 *
 * Partitions are dealt clockwise. Each goes to the member that is furthest behind its share, among
 * those whose machine (and, while there are enough, whose zone) does not own one of the N - 1
 * partitions before it or, near the end, of those after it past zero. Any N neighbours then lie on
 * N distinct machines, a preference list is the next N owners, and what each member holds is N
 * times what it owns. Loads are multiples of N then: claim.ts makes the lists of this ring even.
 *
 * Where the rules conflict, zones repeat first, then machines. A zone is never kept distinct at
 * the cost of balance, and a member owns two neighbouring partitions only if there is no other.
 *
 * Invariant: the result depends on the set of members, the bits and N alone, not on any order.
 */
import { assert } from '../../base/assert.ts'
import { type Member, Ring } from './ring.ts'

/** Deals 2^bits partitions to `members` so that `n` neighbours are distinct where they can be. */
export function deal(members: readonly Member[], bits: number, n: number): Ring {
  assert(members.length > 0, 'a ring has at least one member')
  const sorted = members.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  const count = 2 ** bits
  const total = sorted.reduce((sum, member) => sum + member.weight, 0)
  const owners = new Uint16Array(count)
  const held = sorted.map(() => 0)
  for (let partition = 0; partition < count; partition++) {
    const near = neighboursOf(owners, partition, n).map((i) => sorted[i] as Member)
    const due = (i: number): number =>
      ((sorted[i] as Member).weight / total) * (partition + 1) - (held[i] as number)
    const chosen = furthestBehind(sorted, near, due)
    owners[partition] = chosen
    held[chosen] = (held[chosen] as number) + 1
  }
  return new Ring(bits, sorted, owners)
}

/** Owners assigned so far within n - 1 partitions of `partition`, in both directions. */
function neighboursOf(owners: Uint16Array, partition: number, n: number): readonly number[] {
  const near = new Set<number>()
  for (let step = 1; step < n; step++) {
    if (partition - step >= 0) near.add(owners[partition - step] as number)
    const after = (partition + step) % owners.length
    if (after < partition) near.add(owners[after] as number)
  }
  return [...near]
}

function furthestBehind(
  members: readonly Member[],
  near: readonly Member[],
  due: (index: number) => number,
): number {
  const rules: ((member: Member) => boolean)[] = [
    (m) => near.every((o) => o.machine !== m.machine && (m.zone === '' || o.zone !== m.zone)),
    (m) => near.every((o) => o.machine !== m.machine),
    (m) => !near.includes(m),
    (m) => near[0] !== m,
    () => true,
  ]
  for (const rule of rules) {
    let best = -1
    members.forEach((member, i) => {
      if (rule(member) && (best === -1 || due(i) > due(best))) best = i
    })
    // A member far beyond its share is worse than a repeated zone.
    if (best !== -1 && due(best) > -near.length - 1) return best
  }
  return members.reduce((best, _, i) => (due(i) > due(best) ? i : best), 0)
}
