/**
 * How copies leave a member: a leaver fills, a donor gives, a hint is delivered (docs/design.md
 * 3.5).
 *
 * A receiver answers when what it was handed is durable. A donor drops its copy when all owners
 * have it and it has accepted nothing since; a hint goes when its member has it, or all owners
 * where that owns the key no more.
 */
import { Delivery, targetsOf } from '../../../src/dynamo/handoff/delivery.ts'
import { ID_OF, OWN, placeFor } from '../node.ts'
import { told } from '../story.ts'
import { type Cluster, name } from './cluster.ts'
import { ALL_OWNERS, type Disk, type HintDelivery, type Member, onHandedOver } from './member.ts'
import type { Carry, Cause } from './messages.ts'
import { bit, hasBit } from './tables.ts'

export class Handoffs {
  readonly #cluster: Cluster
  /** Copies and hints that members dropped. */
  drops = 0

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** Sends a copy; what is sent is durable here. */
  carry(member: Member, to: number, place: number, cause: Cause): void {
    const { index, memory } = member
    const { stage } = memory
    const object = member.object(place)
    this.#cluster.story?.push(`${name(member)} hands ${told(object)} to a${to} (${cause.kind})`)
    this.#cluster.send({ kind: 'carry', from: index, to, stage, object, cause })
  }

  /** A donor hands over its copy to those owners that have not answered. */
  give(member: Member): void {
    if (!member.isDonor) return
    const { stage } = member.memory
    const { accepted, giving } = member
    if (giving?.stage !== stage || giving.accepted !== accepted) {
      member.giving = { stage, accepted, held: 0 }
    }
    const current = member.giving
    if (current === undefined) return
    for (const owner of stage.owners) {
      if (hasBit(current.held, owner)) continue
      this.carry(member, owner, OWN, { kind: 'give', giving: current })
    }
  }

  /** A hint goes to its member, or to all owners where that is none. */
  deliverHint(member: Member, owner: number): void {
    const place = placeFor(owner)
    if (member.object(place) === undefined) return
    const { rules } = this.#cluster
    const { stage } = member.memory
    const isOwner = hasBit(stage.ownersMask, owner)
    const hint: HintDelivery = { delivery: new Delivery(), awaited: 0 }
    const targets = targetsOf(
      ID_OF[owner]!,
      stage.owners.map((one) => ID_OF[one]!),
    )
    if (!isOwner && rules.isHintKept) return
    const told = !isOwner && rules.isHintDroppedByOne ? targets.slice(0, 1) : targets
    member.deliveries[place] = hint
    for (const id of told) {
      const to = ID_OF.indexOf(id)
      hint.awaited |= bit(to)
      this.carry(member, to, place, { kind: 'hint', place, hint })
    }
  }

  /** A copy arrives. Only an owner takes a gift or a hint, and only the filler what fills it. */
  onCarry(member: Member, carry: Carry): void {
    const { rules } = this.#cluster
    const { object, cause } = carry
    const isFilling = cause.kind === 'fill' || cause.kind === 'cover'
    if (isFilling ? !member.isFiller : !this.#cluster.isOpen(member)) return
    this.#cluster.story?.push(`${name(member)} takes ${told(object)} (${cause.kind})`)
    const isUnsynced = isFilling ? rules.isFillUnsynced : rules.isGiftUnsynced
    const places = isFilling ? placesOf(cause, carry, rules.isMeanwhileKept) : 0
    this.#cluster.merge(member, OWN, object)
    // The mark is not of one batch with the copies, of which a partition has many.
    const apply = (disk: Disk): void => onHandedOver(disk, places)
    member.append({ apply, carry: isUnsynced ? undefined : carry })
    if (isUnsynced) this.onDurable(member, carry)
  }

  onDurable(member: Member, { from, stage, cause }: Carry): void {
    if (cause.kind === 'cover') return this.#cluster.moves.onCovered(member, from, stage)
    this.#cluster.send({ kind: 'ack', from: member.index, to: from, cause })
  }

  onAck(member: Member, from: number, cause: Cause): void {
    switch (cause.kind) {
      case 'cover':
        return
      case 'fill':
        return this.#cluster.moves.onFilled(member, cause.filling, cause.accepted)
      case 'give':
        return this.#onGiven(member, from, cause)
      case 'hint':
        return this.#onDelivered(member, from, cause)
    }
  }

  #onGiven(member: Member, from: number, { giving }: Extract<Cause, { kind: 'give' }>): void {
    const { rules } = this.#cluster
    giving.held |= bit(from)
    const isGrown = giving.accepted !== member.accepted
    if (!member.isDonor || (isGrown && !rules.isGrownCopyDropped)) return
    if (giving !== member.giving && !rules.isGrownCopyDropped) return
    const { ownersMask } = giving.stage
    if ((ownersMask & ~giving.held) !== 0 && !rules.isDroppedByOne) return
    this.drops += 1
    this.#cluster.story?.push(`${name(member)} drops its copy`)
    this.#cluster.write(member, OWN, undefined, undefined)
  }

  #onDelivered(
    member: Member,
    from: number,
    { place, hint }: Extract<Cause, { kind: 'hint' }>,
  ): void {
    const { rules } = this.#cluster
    hint.awaited &= ~bit(from)
    if (hint.awaited !== 0 || member.object(place) === undefined) return
    const mayGo = hint.delivery.mayGo && member.deliveries[place] === hint
    if (!mayGo && !rules.isGrownHintDropped) return
    this.drops += 1
    this.#cluster.story?.push(`${name(member)} drops its hint for a${place - 1}`)
    this.#cluster.write(member, place, undefined, undefined)
  }
}

/** The owners' places of which the filler has all, with this. */
function placesOf(cause: Cause, { from, stage }: Carry, isAnyFill: boolean): number {
  if (cause.kind === 'cover') return bit(stage.owners.indexOf(from))
  return cause.kind === 'fill' && (cause.isWhole || isAnyFill) ? ALL_OWNERS : 0
}
