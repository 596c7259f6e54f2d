/**
 * What the removal of a deleted key waits for, or that of ranges of a long context (docs/design.md
 * 3.6), as seen from what the members tell of the key.
 *
 * A deleted key goes at each owner by the floor that this owner has adopted. A range goes once all
 * owners carry the same siblings at one round. The members told one after another, so this is for
 * people: nothing is removed by it.
 */
import type { BucketId, NodeId } from '../names.ts'
import { mergeUnder } from '../version/last-write.ts'
import { haveSameSiblings, type VersionedObject } from '../version/object.ts'
import {
  type Floor,
  isDeleted,
  isDone,
  isUnder,
  joinFloors,
  NO_FLOOR,
  replacedRanges,
} from './floor.ts'

/**
 * - `untold`: the owner has not told what it holds.
 * - `hint`: the member keeps a copy for an owner, which must come home.
 * - `exchange`: the owner lacks what others carry, or carries what others know as replaced.
 * - `behind`: the owner has adopted an older round than others.
 * - `round`: the floor that the owner has adopted does not hold what would go: a later round must.
 * - `remembered`: a request that may be repeated has written what would go.
 * - `siblings`: each range has a write that is still a sibling: a put that replaces them must come.
 * - `look`: the owner removes it when it looks next.
 */
export type WaitReason =
  | 'untold'
  | 'hint'
  | 'exchange'
  | 'behind'
  | 'round'
  | 'remembered'
  | 'siblings'
  | 'look'

export interface Wait {
  readonly reason: WaitReason
  /** The owner, or the member that keeps the hint. */
  readonly node: NodeId
}

export interface Removal {
  /** Of the whole key, which is deleted, or of ranges of its context. */
  readonly of: 'key' | 'context'
  readonly waits: readonly Wait[]
}

/** A member, and what it told of the key. */
export interface ToldMember {
  readonly node: NodeId
  readonly isOwner: boolean
  /** Undefined: it has not told. */
  readonly told: ToldCopies | undefined
}

export interface ToldCopies {
  readonly round: number
  /** Of the floor of that round the starts that its copies name. */
  readonly floor: Floor
  readonly own: VersionedObject | undefined
  readonly hints: readonly VersionedObject[]
  readonly isRemembered: boolean
}

interface ToldOwner {
  readonly node: NodeId
  readonly told: ToldCopies
}

/** Undefined where nothing of the key is to go, or no member that told holds any of it. */
export function removalOf(
  members: readonly ToldMember[],
  { n, policy }: Pick<BucketId, 'n' | 'policy'>,
): Removal | undefined {
  const objects = members.flatMap(({ told }) => (told === undefined ? [] : objectsOf(told)))
  const first = objects[0]
  if (first === undefined) return undefined
  const whole = objects.reduce((a, b) => mergeUnder(policy, a, b), first)
  if (isDeleted(whole)) return { of: 'key', waits: keyWaits(members, whole) }
  const isLong = (object: VersionedObject | undefined): boolean =>
    object !== undefined && object.context.count > 2 * n
  if (!members.some(({ isOwner, told }) => isOwner && isLong(told?.own))) return undefined
  return { of: 'context', waits: contextWaits(members, whole, isLong) }
}

function objectsOf({ own, hints }: ToldCopies): readonly VersionedObject[] {
  return own === undefined ? hints : [own, ...hints]
}

function keyWaits(members: readonly ToldMember[], whole: VersionedObject): readonly Wait[] {
  const owners = toldOwners(members)
  const holders = owners.filter(({ told }) => told.own !== undefined)
  const floors = floorsByRound(members)
  const isGoneAt = ({ round }: ToldCopies): boolean =>
    holders.every(({ told }) => told.round < round) || isDone(whole, floors.get(round) ?? NO_FLOOR)
  const ofOwner = ({ node, told }: ToldOwner): readonly Wait[] => {
    const { own, floor, isRemembered } = told
    if (own === undefined) return isGoneAt(told) ? [] : [{ reason: 'exchange', node }]
    if (isDone(own, floor)) return [{ reason: isRemembered ? 'remembered' : 'look', node }]
    const waits: Wait[] = haveSameSiblings(own, whole) ? [] : [{ reason: 'exchange', node }]
    const isLast = owners.every((other) => other.told.round <= told.round)
    waits.push({ reason: isLast ? 'round' : 'behind', node })
    if (isRemembered) waits.push({ reason: 'remembered', node })
    return waits
  }
  return [...untold(members), ...hintWaits(members), ...owners.flatMap(ofOwner)]
}

function contextWaits(
  members: readonly ToldMember[],
  whole: VersionedObject,
  isLong: (object: VersionedObject | undefined) => boolean,
): readonly Wait[] {
  const owners = toldOwners(members)
  const last = Math.max(...owners.map(({ told }) => told.round))
  const ofOwner = ({ node, told }: ToldOwner): readonly Wait[] => {
    const { own, round, isRemembered } = told
    const waits: Wait[] = []
    if (own === undefined || !haveSameSiblings(own, whole)) waits.push({ reason: 'exchange', node })
    if (round < last) waits.push({ reason: 'behind', node })
    if (own === undefined || !isLong(own)) return waits
    const replaced = replacedRanges(own)
    const below = replaced.filter(({ start, last: counter }) => {
      return isUnder(told.floor, { start, counter })
    })
    if (replaced.length === 0) waits.push({ reason: 'siblings', node })
    else if (below.length === 0) waits.push({ reason: 'round', node })
    else if (isRemembered) waits.push({ reason: 'remembered', node })
    return waits
  }
  const waits = [...untold(members), ...owners.flatMap(ofOwner)]
  if (waits.length > 0) return waits
  return owners
    .filter(({ told }) => isLong(told.own))
    .map(({ node }) => ({ reason: 'look', node }) as const)
}

function toldOwners(members: readonly ToldMember[]): readonly ToldOwner[] {
  return members.flatMap(({ node, isOwner, told }) => {
    return isOwner && told !== undefined ? [{ node, told }] : []
  })
}

function untold(members: readonly ToldMember[]): readonly Wait[] {
  const silent = members.filter(({ isOwner, told }) => isOwner && told === undefined)
  return silent.map(({ node }) => ({ reason: 'untold', node }))
}

function hintWaits(members: readonly ToldMember[]): readonly Wait[] {
  const keepers = members.filter(({ told }) => told !== undefined && told.hints.length > 0)
  return keepers.map(({ node }) => ({ reason: 'hint', node }))
}

/** All members of one round have one floor: what each of them tells of it is a part. */
function floorsByRound(members: readonly ToldMember[]): ReadonlyMap<number, Floor> {
  const floors = new Map<number, Floor>()
  for (const { told } of members) {
    if (told === undefined) continue
    floors.set(told.round, joinFloors(floors.get(told.round) ?? NO_FLOOR, told.floor))
  }
  return floors
}
