/**
 * How copies of the model leave a node: hints are delivered, and copies move.
 *
 * A hint goes to the members that `targetsOf` names, and is removed when the last of them answers,
 * if its `Delivery` allows it: both are the production code. A copy that moves goes the same way,
 * to one place. The answers may come late, twice or never.
 */
import { Delivery, targetsOf } from '../../src/dynamo/handoff/delivery.ts'
import type { VersionedObject } from '../../src/dynamo/version/object.ts'
import type { Cluster } from './cluster.ts'
import { ID_OF, type ModelNode, OWN } from './node.ts'
import { where } from './story.ts'

/** A copy on its way to those that must hold it before it goes. */
export interface Handoff {
  readonly node: ModelNode
  readonly place: number
  readonly sent: VersionedObject
  readonly delivery: Delivery
  /** Nodes that have not answered, a bit for each. */
  awaited: number
}

/** A place on a node. */
export interface Spot {
  readonly node: ModelNode
  readonly place: number
}

export class Handoffs {
  readonly #cluster: Cluster
  /** The last copy that was given to another node, and where it went. */
  #lastGiven: { readonly from: Spot; readonly to: Spot } | undefined

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** Sends a hint to all that must hold it. */
  deliver(node: ModelNode, place: number): void {
    if (place === OWN) return
    const { nodes, owners, rules } = this.#cluster
    const member = ID_OF[node.memberAt(place)]!
    const targets = targetsOf(
      member,
      owners.map((owner) => ID_OF[owner]!),
    )
    const told = rules.isDeliveredToOne ? targets.slice(0, 1) : targets
    this.#send(
      { node, place },
      told.map((id) => ({ node: nodes[ID_OF.indexOf(id)]!, place: OWN })),
    )
  }

  /** The same with nothing in between. */
  deliverAtOnce(node: ModelNode, place: number): void {
    const before = this.#cluster.messages.length
    this.deliver(node, place)
    this.#cluster.deliverSince(before)
    this.#cluster.deliverSince(before)
  }

  /** Sends a copy away for good; it is dropped when the news comes that it is durable there. */
  giveTo(from: Spot, to: Spot): void {
    if (from.node === to.node || from.node.copies[from.place] === undefined) return
    this.#send(from, [to])
  }

  #send({ node, place }: Spot, targets: readonly Spot[]): void {
    // What is sent is durable here.
    this.#cluster.sync(node)
    const copy = node.copies[place]
    if (copy === undefined) return
    const [first] = targets
    if (first !== undefined && first.node !== node) {
      this.#lastGiven = { from: { node, place }, to: first }
    }
    const { object: sent, note } = copy
    const delivery = new Delivery()
    const awaited = targets.reduce((bits, target) => bits | (1 << target.node.index), 0)
    const handoff: Handoff = { node, place, sent, delivery, awaited }
    node.deliveries[place] = delivery
    for (const to of targets) {
      this.#cluster.say(() => `${where(node, place)} is on its way to ${where(to.node, to.place)}`)
      this.#cluster.send(to.node.index, to.place, sent, { handoff, note })
    }
    if (this.#cluster.rules.isSentHintDropped) this.drop(node, place)
  }

  /**
   * A target holds the copy durably. After the last one the copy goes, if nothing was accepted for
   * its place since it was sent. The objects are not enough to compare: the node that made it
   * durable may have sent it back meanwhile.
   */
  onHeld(handoff: Handoff, by: number): void {
    const { node, place, sent, delivery } = handoff
    handoff.awaited &= ~(1 << by)
    const copy = node.copies[place]
    if (handoff.awaited !== 0 || copy === undefined) return
    const { isOldDeliveryCounted, isGrownHintDropped, isSameHintDropped, merge } =
      this.#cluster.rules
    const isOutdated = node.deliveries[place] !== delivery
    if (isSameHintDropped) {
      if (merge(sent, copy.object) !== sent) return
    } else {
      if (isOutdated && !isOldDeliveryCounted) return
      if (!delivery.mayGo && !isGrownHintDropped) return
    }
    this.drop(node, place)
  }

  drop(node: ModelNode, place: number): void {
    this.#cluster.onDropped(node, place)
    this.#cluster.say(() => `${where(node, place)} is dropped`)
    node.append({ place, copy: undefined })
  }

  /** A copy moves to another node for good: durable there before it is dropped here. */
  moveAway(from: Spot, to: Spot): void {
    const copy = from.node.copies[from.place]
    if (copy === undefined || from.node === to.node) return
    this.#cluster.say(() => `${where(from.node, from.place)} moves away`)
    this.#cluster.receive(to.node, to.place, copy.object)
    this.#cluster.sync(to.node)
    this.drop(from.node, from.place)
  }

  /** Owners change and change back: the copy that was last given away comes back. */
  giveBack(isAtOnce: boolean): void {
    if (this.#lastGiven === undefined) return
    const { from, to } = this.#lastGiven
    if (isAtOnce) this.moveAway(to, from)
    else this.giveTo(to, from)
  }

  /** A hint is for another member now: one batch writes the new place and voids the old one. */
  readdress(node: ModelNode, from: number, to: number): void {
    const copy = node.copies[from]
    const held = node.copies[to]
    if (copy === undefined || from === to) return
    const { rules } = this.#cluster
    this.#cluster.say(() => `${where(node, from)} is addressed to ${where(node, to)}`)
    const moved =
      held === undefined ? copy : { object: rules.merge(held.object, copy.object), note: held.note }
    if (rules.isNoteCopied) node.append({ place: to, copy: moved })
    else node.append({ place: to, copy: moved, voided: from })
    node.onAccepted(to)
    node.onAccepted(from)
    // Before the old place takes anything: a crash may keep that, and not the move.
    if (!rules.isMoveUnsynced) this.#cluster.sync(node)
  }
}
