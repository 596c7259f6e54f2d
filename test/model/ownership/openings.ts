/**
 * Beginnings of histories that lead to what random acts seldom reach.
 *
 * Each brings the cluster close to one difficulty, mostly, and lets a few random acts of the kind
 * that matter there follow. The rest of the history is drawn as always.
 */
import type { Prng } from '../../../src/base/prng.ts'
import type { Clients } from './clients.ts'
import type { Cluster } from './cluster.ts'
import { type Member, MEMBERS } from './member.ts'
import { EMPTIED, NAMED_DEAD, NO_TURN, RACED, RESTATED, Script, STEPS_MAX } from './script.ts'
import { bit, compareTables, hasBit } from './tables.ts'

export type Opening =
  | 'none'
  | 'raced'
  | 'raced-lower'
  | 'named-dead'
  | 'stranded'
  | 'emptied'
  | 'restated'
  | 'hinted'
export class Openings {
  readonly #cluster: Cluster
  readonly #prng: Prng
  readonly #clients: Clients
  readonly #script: Script
  /** The one disk of a history that may be lost. */
  readonly #destroy: (member: Member) => void

  constructor(cluster: Cluster, clients: Clients, destroy: (member: Member) => void) {
    this.#cluster = cluster
    this.#prng = cluster.prng
    this.#clients = clients
    this.#script = new Script(cluster, clients)
    this.#destroy = destroy
  }

  play(opening: Opening): void {
    this.#cluster.story?.push(`-- ${opening}`)
    switch (opening) {
      case 'none':
        return
      case 'raced':
        return this.#race()
      case 'raced-lower':
        return this.#raceLower()
      case 'named-dead':
        return this.#nameDead()
      case 'stranded':
        return this.#strand()
      case 'emptied':
        return this.#emptyLeaver()
      case 'restated':
        return this.#restate()
      case 'hinted':
        return this.#hint()
    }
  }

  /** Tables are committed while an owner moves, and those who adopt them may crash. */
  #race(): void {
    const leaver = this.#script.beginMove(this.#prng.pick([0.5, 1]))
    this.#script.turn(leaver, NO_TURN, this.#prng.below(4))
    if (this.#prng.chance(0.3)) this.#adoptAndMove(leaver)
    for (let tables = this.#prng.between(1, 2); tables > 0; tables--) {
      const at = this.#script.anyUp()
      const owners = this.#cluster.news.drawOwners(at, 0)
      if (owners !== undefined) this.#cluster.news.commit(at, owners, 0)
    }
    this.#script.turn(leaver, RACED, this.#prng.between(6, 24))
  }

  /** The leaver tells a table that it adopted, may forget that in a crash, and ends its move. */
  #adoptAndMove(leaver: Member): void {
    const prng = this.#prng
    const { news } = this.#cluster
    const at = this.#script.anyUp()
    const owners = news.drawOwners(at, 0)
    const { filler } = leaver.memory.stage
    if (owners === undefined || at === leaver || filler < 0) return
    news.commit(at, owners, 0)
    news.tellAtOnce(at, leaver)
    if (prng.chance(0.5)) this.#cluster.sync(leaver)
    news.tellAtOnce(leaver, at)
    this.#cluster.crash(leaver, 0)
    this.#cluster.side = bit(leaver.index)
    this.#script.settleAt(at, 1)
    this.#cluster.side = 0
    this.#script.finish(leaver, STEPS_MAX)
    news.tellAtOnce(leaver, this.#cluster.member(filler))
    news.tellAtOnce(at, leaver)
    this.#clients.putAt(prng.pick([leaver, at]))
    this.#clients.getAt(this.#cluster.member(filler))
  }

  /** All but one member hear of two tables from one parent, and of the lower one last. */
  #raceLower(): void {
    const prng = this.#prng
    const { news } = this.#cluster
    const { stage } = this.#script.anyUp().memory
    const [first, second, last] = prng.shuffled(stage.owners) as [number, number, number]
    const [leaver, late] = [this.#cluster.member(first), this.#cluster.member(last)]
    const others = this.#script.upWithout(late)
    const outside = others.filter(({ index }) => !hasBit(stage.ownersMask, index))
    const [x, v] = prng.shuffled(outside) as [Member, Member | undefined]
    if (v === undefined) return
    this.#script.replace(x, bit(first), 0)
    this.#script.replace(v, bit(second), 0)
    if (compareTables(v.memory.adopted, x.memory.adopted) <= 0) return
    this.#script.tellDurably(x, late)
    this.#script.tellDurably(late, x)
    this.#script.tellDurably(v, late)
    for (const other of others) {
      if (other === x) continue
      this.#script.tellDurably(v, other)
      this.#script.tellDurably(other, late)
    }
    for (const other of others) {
      this.#script.tellDurably(x, other)
      this.#script.tellDurably(other, x)
    }
    news.tellAtOnce(x, leaver)
    const { filler } = leaver.memory.stage
    if (filler < 0 || filler === x.index) return
    this.#script.finish(leaver, STEPS_MAX)
    news.tellAtOnce(leaver, this.#cluster.member(filler))
    this.#script.tellDurably(late, x)
    this.#script.tellDurably(x, late)
    news.tellAtOnce(late, leaver)
    this.#script.hear(late, prng.pick([0, 0.5]))
    this.#clients.putAt(prng.pick([leaver, late]))
    this.#clients.getAt(this.#cluster.member(filler))
    this.#script.turn(late, RACED, prng.between(2, 12))
  }

  /** An owner is named as dead that lives, and that others can reach again. */
  #nameDead(): void {
    const prng = this.#prng
    const isMoving = prng.chance(0.5)
    const dead = isMoving
      ? this.#script.beginMove(0.7)
      : this.#cluster.member(prng.pick(this.#cluster.anyMember().memory.stage.owners))
    if (isMoving && prng.chance(0.5)) this.#script.finish(dead, STEPS_MAX)
    this.#cluster.side = bit(dead.index)
    if (prng.chance(0.5)) this.#script.turn(dead, NAMED_DEAD, prng.below(6))
    const at = this.#script.commitWithout(bit(dead.index), prng.pick([0, 0.3, 0.9]))
    if (prng.chance(0.85)) this.#cluster.side = 0
    if (at !== undefined && prng.chance(0.3)) this.#script.settleElsewhere(at, dead)
    if (at !== undefined && prng.chance(0.4)) this.#fillFromOne(at, dead)
    this.#script.turn(dead, NAMED_DEAD, prng.between(8, 30))
  }

  /** One owner fills the place of a dead one, and clients of both views write and read. */
  #fillFromOne(owner: Member, dead: Member): void {
    const { filler } = owner.memory.stage
    if (filler < 0) return
    const member = this.#cluster.member(filler)
    for (let left = 3; left > 0 && owner.memory.stage.filler === filler; left--) {
      this.#cluster.moves.step(owner)
      this.#cluster.deliverTo(filler, 'carry')
      this.#cluster.moves.step(member)
      this.#clients.putAt(this.#prng.pick([owner, member]))
    }
    this.#clients.getAt(this.#prng.chance(0.5) ? dead : this.#script.anyUp())
  }

  /** Two owners are named as dead that live: what only they hold comes from donors. */
  #strand(): void {
    const prng = this.#prng
    const [a, b] = prng.shuffled(this.#cluster.anyMember().memory.stage.owners) as [number, number]
    const away = bit(a) | bit(b)
    const isBack = prng.chance(0.4)
    if (isBack) this.#script.moveThereAndBack(this.#cluster.member(a))
    this.#cluster.side = prng.chance(0.7) ? away : bit(prng.below(MEMBERS))
    for (let puts = prng.between(1, 3); puts > 0; puts--) {
      const coordinator = prng.chance(0.6) ? prng.pick([a, b]) : prng.below(MEMBERS)
      this.#clients.putAt(this.#cluster.member(coordinator))
    }
    this.#script.syncSome(0.7)
    this.#cluster.side = away
    this.#script.commitWithout(away, 1)
    for (let moves = 2; moves > 0; moves--) this.#coverAll(away)
    if (prng.chance(0.8)) this.#cluster.side = 0
    this.#script.hearAll()
    if (!isBack && prng.chance(0.4)) this.#giveAndCrash([a, b])
    if (!isBack || prng.chance(0.3)) return
    for (let times = 4; times > 0; times--) this.#cluster.deliverTo(a, 'ack')
    if (prng.chance(0.5)) this.#destroy(this.#cluster.member(b))
  }

  /** The owners that are left fill the first place of those that are away. */
  #coverAll(away: number): void {
    for (const member of this.#cluster.members) {
      const { index } = member
      if (hasBit(away, index) || !this.#cluster.isUp(index)) continue
      this.#cluster.moves.step(member)
      for (const { index: to } of this.#cluster.members) this.#cluster.deliverTo(to, 'carry', 1)
    }
    for (const member of this.#cluster.members) {
      if (this.#cluster.isUp(member.index)) this.#cluster.moves.step(member)
      this.#script.hear(member, 1)
    }
  }

  /** These hand over what they hold, and those that take it crash. */
  #giveAndCrash(givers: readonly number[]): void {
    const prng = this.#prng
    const syncing = prng.pick([0, 0.5, 1])
    for (const giver of givers) {
      const member = this.#cluster.member(giver)
      this.#cluster.sync(member)
      this.#cluster.handoffs.give(member)
      for (const { index } of this.#cluster.members) {
        this.#cluster.deliverTo(index, 'carry', syncing)
      }
      for (let times = 3; times > 0; times--) this.#cluster.deliverTo(giver, 'ack')
      this.#cluster.sync(member)
    }
    const keep = prng.pick([0, 0.5])
    for (const member of this.#cluster.members) {
      if (this.#cluster.isUp(member.index)) this.#cluster.crash(member, keep)
    }
  }

  /** The leaver has said that the move is done, and loses its disk before many hear it. */
  #emptyLeaver(): void {
    const leaver = this.#script.beginMove(this.#prng.pick([0.3, 0.7, 1]))
    if (this.#prng.chance(0.7)) this.#clients.put()
    const { filler } = leaver.memory.stage
    this.#script.finish(leaver, STEPS_MAX)
    if (filler >= 0 && this.#prng.chance(0.4))
      this.#cluster.crash(this.#cluster.member(filler), 0.5)
    else this.#destroy(leaver)
    this.#script.turn(leaver, EMPTIED, this.#prng.between(6, 20))
  }

  /** The leaver adopts a table, loses its disk, and what it said of it arrives late. */
  #restate(): void {
    const prng = this.#prng
    const { news } = this.#cluster
    const leaver = this.#script.beginMove(1)
    this.#script.turn(leaver, NO_TURN, prng.below(3))
    const at = this.#script.anyUp()
    const owners = news.drawOwners(at, 0)
    if (owners === undefined || at === leaver) return
    news.commit(at, owners, 0)
    news.tellAtOnce(at, leaver)
    this.#cluster.sync(leaver)
    for (const { index } of this.#cluster.members) news.tell(leaver, index)
    this.#cluster.crash(at, 0)
    this.#destroy(leaver)
    const settler = prng.pick(this.#script.upWithout(leaver))
    if (prng.chance(0.7)) {
      this.#cluster.deliverTo(settler.index, 'news')
      this.#cluster.side = bit(leaver.index)
      this.#script.settleAt(settler, 1)
      this.#cluster.side = 0
      this.#cluster.moves.step(leaver)
      this.#script.settleElsewhere(settler, leaver)
    }
    this.#cluster.moves.step(leaver)
    this.#script.turn(leaver, RESTATED, prng.between(8, 30))
  }

  /** A hint grows while it is delivered. */
  #hint(): void {
    const prng = this.#prng
    const { owners } = this.#cluster.anyMember().memory.stage
    const owner = prng.pick(owners)
    for (let rounds = prng.between(1, 2); rounds > 0; rounds--) {
      this.#cluster.side = bit(owner)
      for (let puts = prng.between(1, 3); puts > 0; puts--) this.#clients.put()
      this.#script.syncSome(0.8)
      this.#cluster.side = 0
      for (const member of this.#cluster.members) {
        if (this.#cluster.isUp(member.index)) this.#cluster.handoffs.deliverHint(member, owner)
      }
      this.#cluster.deliverHandoff()
      this.#cluster.sync(this.#cluster.member(owner))
      this.#cluster.side = prng.chance(0.8) ? bit(owner) : 0
      for (let puts = prng.between(1, 2); puts > 0; puts--) this.#clients.put()
      this.#script.syncSome(0.8)
      this.#cluster.side = 0
      for (let times = prng.below(4); times > 0; times--) this.#cluster.deliverHandoff()
    }
  }
}
