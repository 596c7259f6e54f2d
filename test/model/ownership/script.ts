/**
 * Steps of which the beginnings of histories are made: a table that takes effect, a move that is
 * done, a few random acts of one kind.
 */
import type { Prng } from '../../../src/base/prng.ts'
import type { Clients } from './clients.ts'
import type { Cluster } from './cluster.ts'
import type { Member } from './member.ts'
import { bit, hasBit } from './tables.ts'

/** What happens in a turn, and how often, in all of 100. */
export interface Turn {
  readonly tell: number
  readonly sync: number
  readonly step: number
  readonly deliver: number
  readonly put: number
  readonly get: number
  readonly crash: number
}

export const NO_TURN: Turn = { tell: 0, sync: 0, step: 0, deliver: 0, put: 0, get: 0, crash: 0 }
export const RACED: Turn = { ...NO_TURN, tell: 35, sync: 18, step: 20, put: 9, get: 9, crash: 9 }
export const NAMED_DEAD: Turn = {
  ...NO_TURN,
  tell: 15,
  sync: 10,
  step: 40,
  put: 17,
  get: 16,
  crash: 2,
}
export const EMPTIED: Turn = { ...NO_TURN, deliver: 38, sync: 6, step: 14, put: 21, get: 21 }
export const RESTATED: Turn = {
  ...NO_TURN,
  deliver: 45,
  tell: 14,
  sync: 17,
  step: 8,
  put: 8,
  get: 8,
}
/** More steps than a move takes. */
export const STEPS_MAX = 12

export class Script {
  readonly #cluster: Cluster
  readonly #prng: Prng
  readonly #clients: Clients

  constructor(cluster: Cluster, clients: Clients) {
    this.#cluster = cluster
    this.#prng = cluster.prng
    this.#clients = clients
  }

  upWithout(without: Member): Member[] {
    return this.#cluster.members.filter((one) => this.#cluster.isUp(one.index) && one !== without)
  }

  tellDurably(from: Member, to: Member): void {
    this.#cluster.sync(from)
    this.#cluster.news.tellAtOnce(from, to)
    this.#cluster.sync(to)
  }

  /** One owner has to give its place to another member; such a share hears so. */
  beginMove(share: number): Member {
    const at = this.anyUp()
    const { owners } = at.memory.stage
    const leaver = this.#prng.pick(owners)
    this.replace(at, bit(leaver), 0)
    this.settleAt(at, 1)
    this.hear(at, share)
    const member = this.#cluster.member(leaver)
    this.#cluster.news.tellAtOnce(at, member)
    return member
  }

  /** Those that are left name the others as dead, and such a share hears that it is in effect. */
  commitWithout(dead: number, share: number): Member | undefined {
    const left = this.#cluster.members.filter(
      ({ index }) => this.#cluster.isUp(index) && !hasBit(dead, index),
    )
    if (left.length === 0) return undefined
    const at = this.#prng.pick(left)
    this.replace(at, dead, dead)
    this.settleAt(at, 0.95)
    this.hear(at, share)
    return at
  }

  /** Those that have not heard that the table is in effect come to say so, and one more does. */
  settleElsewhere(settled: Member, late: Member): void {
    const others = this.upWithout(settled).filter((one) => one !== late)
    const at = this.#prng.pick(others)
    this.tellDurably(at, late)
    for (const other of [late, ...others]) this.tellDurably(other, at)
  }

  /** Commits a table with other owners in place of these. */
  replace(at: Member, leavers: number, without: number): void {
    const { owners, ownersMask } = at.memory.stage
    const others = this.#prng.shuffled(
      this.#cluster.members.filter(
        ({ index }) => this.#cluster.isUp(index) && !hasBit(ownersMask | leavers, index),
      ),
    )
    const chosen: number[] = []
    for (const owner of owners) {
      const one = hasBit(leavers, owner) ? others.pop()?.index : owner
      if (one !== undefined) chosen.push(one)
    }
    if (chosen.length === owners.length) this.#cluster.news.commit(at, chosen, without)
  }

  /** All that can be reached adopt what the member adopted, and such a share tells it so. */
  settleAt(at: Member, share: number): void {
    for (const member of this.#cluster.members) {
      if (this.#cluster.isUp(member.index)) this.tellDurably(at, member)
    }
    for (const member of this.#cluster.members) {
      if (this.#prng.chance(share)) this.#cluster.news.tellAtOnce(member, at)
    }
  }

  moveThereAndBack(leaver: Member): void {
    const at = this.anyUp()
    const before = at.memory.stage.owners
    this.replace(at, bit(leaver.index), 0)
    this.settleAt(at, 1)
    this.hearAll()
    this.finish(leaver, STEPS_MAX)
    this.hearAll()
    this.#cluster.handoffs.give(leaver)
    for (const { index } of this.#cluster.members) this.#cluster.deliverTo(index, 'carry')
    const { stage } = at.memory
    const filler = stage.owners.find((owner) => !before.includes(owner))
    if (filler === undefined) return
    this.#cluster.news.commit(at, before, 0)
    this.settleAt(at, 1)
    this.hearAll()
    this.finish(this.#cluster.member(filler), STEPS_MAX)
    this.hearAll()
  }

  /** The member takes steps of the move, and what it sends arrives, until it is done. */
  finish(member: Member, steps: number): void {
    const { moves } = this.#cluster
    const { done } = moves
    for (let left = steps; left > 0 && moves.done === done; left--) {
      moves.step(member)
      for (const { index } of this.#cluster.members) this.#cluster.deliverTo(index, 'carry')
      this.#cluster.deliverTo(member.index, 'ack')
    }
  }

  turn(mover: Member, turn: Turn, times: number): void {
    const acts = Object.entries(turn) as [keyof Turn, number][]
    for (let left = times; left > 0; left--) {
      let draw = this.#prng.below(100)
      const drawn = acts.find(([, weight]) => (draw -= weight) < 0)
      this.#act(drawn?.[0] ?? 'step', mover)
    }
  }

  #act(act: keyof Turn, mover: Member): void {
    const prng = this.#prng
    switch (act) {
      case 'tell': {
        const from = prng.chance(0.3) ? mover : this.anyUp()
        const to = prng.chance(0.3) ? mover : this.anyUp()
        return this.#cluster.news.tellAtOnce(from, to)
      }
      case 'sync':
        return this.#cluster.sync(prng.chance(0.3) ? mover : this.anyUp())
      case 'step':
        return this.#step(prng.chance(0.4) ? mover : this.#drawMover())
      case 'deliver':
        return this.#cluster.deliverAny(false)
      case 'put':
        return this.#clients.put()
      case 'get':
        return this.#clients.get()
      case 'crash':
        return this.#cluster.crash(prng.chance(0.7) ? mover : this.anyUp())
    }
  }

  #step(member: Member): void {
    if (!this.#cluster.isUp(member.index)) return
    this.#cluster.moves.step(member)
    for (let times = this.#prng.below(4); times > 0; times--) this.#cluster.deliverHandoff()
  }

  /** A member that has something to do for the move that some member knows. */
  #drawMover(): Member {
    const { owners, filler } = this.anyUp().memory.stage
    return this.#cluster.member(this.#prng.pick(filler < 0 ? owners : [...owners, filler]))
  }

  anyUp(): Member {
    return this.#cluster.anyMember()
  }

  hear(from: Member, share: number): void {
    for (const to of this.#cluster.members) {
      if (this.#prng.chance(share)) this.#cluster.news.tellAtOnce(from, to)
    }
  }

  hearAll(): void {
    for (const from of this.#cluster.members) {
      for (const to of this.#cluster.members) this.#cluster.news.tellAtOnce(from, to)
    }
  }

  syncSome(share: number): void {
    for (const member of this.#cluster.members) {
      if (this.#cluster.isUp(member.index) && this.#prng.chance(share)) this.#cluster.sync(member)
    }
  }
}
