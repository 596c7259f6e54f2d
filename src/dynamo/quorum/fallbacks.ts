/**
 * Chooses the fallbacks that stand for owners which cannot serve a request (Dynamo 4.6).
 *
 * A fallback's machine is none of the owners' and none of the other fallbacks'. Where no such
 * machine is left, a fallback on the machine of its own owner is as good: its copy is where it will
 * be. Any other fallback shares a machine with another copy, and its hint may not count.
 *
 *     owners a b c, all away; fallbacks d, and a2 on the machine of a
 *         a2 for a, d for b          c is left: a third machine does not exist
 *
 * Machines that are no owner's are kept for owners that have no fallback on their own machine.
 * Why not give them to the first owners in order: above, d for a and a2 for b share the machine of
 * a, so they count once, although two machines can hold the write.
 *
 * Invariant: the choice is the greatest possible, and depends on its inputs and their order alone.
 */
import type { NodeId } from '../names.ts'
import type { MachineOf } from '../ring/machines.ts'

/** Members behind the owners of a key. */
export interface Fallbacks {
  /** In order of preference. */
  readonly members: readonly NodeId[]
  readonly machineOf: MachineOf
  /** True of a member that is connected and not overloaded. */
  readonly canAsk: (member: NodeId) => boolean
}

/** A fallback, and the owner that it stands for. */
export interface StandIn {
  readonly node: NodeId
  readonly forOwner: NodeId
}

export interface Choice {
  /** All owners of the key, those that serve the request too. */
  readonly owners: readonly NodeId[]
  /** Owners that need a fallback, in order. */
  readonly away: readonly NodeId[]
  /** Fallbacks whose machines are taken. */
  readonly inUse: readonly NodeId[]
  /** True of a fallback that the request may still ask. */
  readonly isFree: (member: NodeId) => boolean
}

/** A fallback for each owner that is away, as far as they are apart from all other copies. */
export function standInsApart(fallbacks: Fallbacks, choice: Choice): readonly StandIn[] {
  const { away } = choice
  const spare = [...spareMembers(fallbacks, choice, away.length)]
  const isEnough = spare.length === away.length
  const besides = away.map((owner) =>
    isEnough ? undefined : memberBeside(owner, fallbacks, choice),
  )
  const needing = besides.filter((member) => member === undefined).length
  /** How many owners with a fallback on their own machine can be given another one. */
  let surplus = Math.max(0, spare.length - needing)
  const chosen: StandIn[] = []
  for (const [i, forOwner] of away.entries()) {
    const beside = besides[i]
    const isSpare = beside === undefined || surplus > 0
    if (beside !== undefined && isSpare) surplus -= 1
    const node = isSpare ? spare.shift() : beside
    if (node !== undefined) chosen.push({ node, forOwner })
  }
  return chosen
}

/**
 * A fallback for each owner that is away: `standInsApart`, then any that is free. Where a put is
 * held by one of the latter it may not count, and is still delivered.
 */
export function standInsFor(fallbacks: Fallbacks, choice: Choice): readonly StandIn[] {
  const chosen = [...standInsApart(fallbacks, choice)]
  const left = choice.away.filter((owner) => chosen.every(({ forOwner }) => forOwner !== owner))
  if (left.length === 0) return chosen
  for (const node of fallbacks.members) {
    const [forOwner] = left
    if (forOwner === undefined) break
    if (chosen.some((one) => one.node === node) || !isReady(node, fallbacks, choice)) continue
    chosen.push({ node, forOwner })
    left.shift()
  }
  return chosen
}

/** One more fallback: on a machine that has no copy yet, else any that is free. */
export function oneMore(fallbacks: Fallbacks, choice: Omit<Choice, 'away'>): NodeId | undefined {
  const [spare] = spareMembers(fallbacks, choice, 1)
  return spare ?? fallbacks.members.find((member) => isReady(member, fallbacks, choice))
}

/** The first `count` members on machines that have no copy, one of each machine. */
function spareMembers(
  fallbacks: Fallbacks,
  choice: Omit<Choice, 'away'>,
  count: number,
): readonly NodeId[] {
  const { members, machineOf } = fallbacks
  const taken = new Set([...choice.owners, ...choice.inUse].map(machineOf))
  const spare: NodeId[] = []
  for (const member of members) {
    if (spare.length === count) break
    if (taken.has(machineOf(member)) || !isReady(member, fallbacks, choice)) continue
    taken.add(machineOf(member))
    spare.push(member)
  }
  return spare
}

/** The first free member on the machine of `owner`. */
function memberBeside(owner: NodeId, fallbacks: Fallbacks, choice: Choice): NodeId | undefined {
  const { members, machineOf } = fallbacks
  const machine = machineOf(owner)
  return members.find(
    (member) => machineOf(member) === machine && isReady(member, fallbacks, choice),
  )
}

function isReady(
  member: NodeId,
  { canAsk }: Fallbacks,
  { isFree }: Pick<Choice, 'isFree'>,
): boolean {
  return isFree(member) && canAsk(member)
}
