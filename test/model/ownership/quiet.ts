/**
 * The end of a history: cuts heal, messages arrive or are lost, and members do what they can until
 * one table is in effect everywhere, its moves are done, and the owners hold all.
 */
import { valuesIn } from '../oracle.ts'
import { OWN, placeFor } from '../node.ts'
import type { Cluster } from './cluster.ts'
import { type Member, MEMBERS } from './member.ts'
import { compareStages, hasBit } from './tables.ts'

const PASSES_MAX = 24
const DELIVERIES_MAX = 200

/** Whether all is settled within so many passes. */
export function quiet(cluster: Cluster): boolean {
  cluster.story?.push('-- quiet')
  cluster.side = 0
  if (cluster.prng.chance(0.5)) cluster.messages.length = 0
  while (cluster.messages.length > 0) cluster.deliverAny(false)
  const members = cluster.members.filter(({ index }) => cluster.isUp(index))
  for (let pass = 0; pass < PASSES_MAX; pass++) {
    spread(cluster, members)
    if (isSettled(cluster, members)) return true
    if (pass % 3 === 0) replaceDown(cluster, members, pass > 0)
    work(cluster)
  }
  return false
}

/** All tell all, and what they hear is durable. */
function spread(cluster: Cluster, members: readonly Member[]): void {
  for (const from of members) {
    cluster.sync(from)
    for (const to of members) cluster.news.tellAtOnce(from, to)
  }
  for (const member of members) cluster.sync(member)
}

/**
 * The operator says that those that are down are gone, and gives their places to others. A table
 * that does not take effect, or whose moves do not end, since a member lost its disk meanwhile, is
 * committed again.
 */
function replaceDown(cluster: Cluster, members: readonly Member[], isLate: boolean): void {
  const [first] = members as [Member]
  for (const { index } of cluster.members) {
    const isDown = hasBit(cluster.down, index)
    if (isDown && !hasBit(first.memory.gone, index)) cluster.news.remove(first, index)
  }
  const { adopted, stage } = first.memory
  const isMoverLost = members.some((member) => {
    const isMoving = member.index === stage.leaver || member.index === stage.filler
    return isMoving && !member.isOnDiskOf(stage.table)
  })
  const isStuck = isLate && (adopted !== stage.table || isMoverLost)
  if (!isStuck && adopted.owners.every((owner) => cluster.isUp(owner))) return
  const owners = adopted.owners.filter((owner) => cluster.isUp(owner))
  for (const { index } of members) {
    if (owners.length < adopted.owners.length && !owners.includes(index)) owners.push(index)
  }
  cluster.news.commit(first, owners, 0)
}

/** Each member does what it can: moves, gifts, hints and exchanges. */
function work(cluster: Cluster): void {
  const members = cluster.members.filter(({ index }) => cluster.isUp(index))
  for (const member of members) {
    cluster.moves.step(member)
    deliverAll(cluster)
  }
  for (const member of members) {
    cluster.handoffs.give(member)
    for (let owner = 0; owner < MEMBERS; owner++) cluster.handoffs.deliverHint(member, owner)
    deliverAll(cluster)
  }
  for (const member of members) {
    const { stage, isWhole } = member.memory
    if (!hasBit(stage.ownersMask, member.index)) continue
    for (const [place, owner] of stage.owners.entries()) {
      const isEqual = member.object(OWN) === cluster.member(owner).object(OWN)
      if (!isWhole || !isEqual) cluster.moves.ask(member, place)
    }
    deliverAll(cluster)
  }
}

/** Each message arrives, and what it brings is durable. */
function deliverAll(cluster: Cluster): void {
  const { messages } = cluster
  for (let left = DELIVERIES_MAX; left > 0 && messages.length > 0; left--) {
    const { from, to } = messages[messages.length - 1]!
    if (!cluster.canReach(from, to)) {
      messages.pop()
      continue
    }
    cluster.deliver(messages.length - 1, false)
    cluster.sync(cluster.member(to))
  }
}

function isSettled(cluster: Cluster, members: readonly Member[]): boolean {
  const [first] = members as [Member]
  const { stage } = first.memory
  if (stage.filler >= 0 || first.memory.adopted !== stage.table) return false
  const values = (owner: number): number => {
    const object = cluster.member(owner).object(OWN)
    return object === undefined ? 0 : valuesIn(object)
  }
  const expected = values(stage.owners[0] as number)
  if (stage.owners.some((owner) => !cluster.isUp(owner) || values(owner) !== expected)) return false
  return members.every((member) => {
    const { copies, stage: itsStage, adopted } = member.memory
    if (compareStages(itsStage, stage) !== 0 || adopted !== stage.table) return false
    if (itsStage.ownersMask !== stage.ownersMask) return false
    const isOwner = hasBit(stage.ownersMask, member.index)
    if (isOwner && !member.memory.isWhole) return false
    for (let owner = 0; owner < MEMBERS; owner++) {
      if (copies[placeFor(owner)] !== undefined) return false
    }
    return isOwner || copies[OWN] === undefined
  })
}
