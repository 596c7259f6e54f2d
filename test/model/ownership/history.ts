/**
 * Draws one history of a key whose owners change, and judges it.
 *
 * Operators commit tables, at times two from one parent, or across a cut; owners move there and
 * back; members join, leave and crash; one disk is lost; messages are late, doubled and lost, while
 * clients get and put. In the end all cuts heal, everything arrives, and members do what they can
 * until all is settled.
 */
import { Prng } from '../../../src/base/prng.ts'
import { OWN, placeFor } from '../node.ts'
import { told } from '../story.ts'
import { Clients, type Habits } from './clients.ts'
import { Cluster } from './cluster.ts'
import { type Finding, Judge } from './judge.ts'
import { LostDisk, mayGo } from './lost-disk.ts'
import { type Member, MEMBERS } from './member.ts'
import { type Opening, Openings } from './openings.ts'
import { quiet } from './quiet.ts'
import type { OwnershipRules } from './rules.ts'
import { bit, compareTables, hasBit } from './tables.ts'

/** The acts and their usual weights. */
const ACTS = {
  get: 14,
  put: 14,
  resend: 4,
  deliver: 20,
  sync: 8,
  crash: 3,
  tell: 8,
  step: 30,
  give: 8,
  commit: 7,
  cut: 4,
  destroy: 2,
  join: 2,
  leave: 3,
} as const
type Act = keyof typeof ACTS
const ACT_NAMES = Object.keys(ACTS) as readonly Act[]
/** Each weight is multiplied by one of these in a history: uneven weights find more. */
const TEMPERS = [0.3, 1, 1, 3]
const OWNERS = 3
const OPENINGS: readonly Opening[] = [
  'none',
  'none',
  'none',
  'raced',
  'raced',
  'raced-lower',
  'named-dead',
  'named-dead',
  'stranded',
  'emptied',
  'restated',
  'hinted',
]

/** What may happen in a history. */
export type Event =
  | 'moved'
  | 'turned'
  | 'raced'
  | 'forced'
  | 'crashed'
  | 'dropped'
  | 'lostDisk'
  | 'left'

export interface OwnershipOutcome {
  readonly finding: Finding | undefined
  readonly had: Readonly<Record<Event, boolean>>
  readonly reads: number
}

/** Runs the history of `seed`; tells it into `story` where one is given. */
export function runOwnership(
  seed: number,
  rules: OwnershipRules,
  story?: string[],
): OwnershipOutcome {
  return new OwnershipHistory(seed, rules, story).run()
}

class OwnershipHistory {
  readonly #prng: Prng
  readonly #cluster: Cluster
  readonly #judge = new Judge()
  readonly #clients: Clients
  readonly #openings: Openings
  readonly #weights: readonly number[]
  readonly #weightsTotal: number
  readonly #lostDisk: LostDisk
  readonly #mayCut: boolean
  #hasLeft = false

  constructor(seed: number, rules: OwnershipRules, story: string[] | undefined) {
    const prng = Prng.of(seed, 'ownership')
    this.#prng = prng
    const mayDestroy = prng.chance(0.4)
    this.#mayCut = prng.chance(0.7)
    const joinedFirst = bit(prng.pick([4, 5, 5, 6])) - 1
    this.#cluster = new Cluster(rules, prng, this.#judge, joinedFirst, story)
    this.#clients = new Clients(this.#cluster, drawHabits(prng))
    this.#lostDisk = new LostDisk(this.#cluster, mayDestroy)
    this.#openings = new Openings(this.#cluster, this.#clients, (member) =>
      this.#lostDisk.empty(member),
    )
    this.#weights = ACT_NAMES.map((act) => ACTS[act] * prng.pick(TEMPERS))
    this.#weightsTotal = this.#weights.reduce((sum, weight) => sum + weight)
  }

  run(): OwnershipOutcome {
    if (this.#prng.chance(0.7)) this.#clients.put()
    const opening = this.#prng.pick(OPENINGS)
    if (opening === 'none' && this.#prng.chance(0.7)) this.#commit()
    this.#openings.play(opening)
    for (let left = this.#prng.between(15, 60); left > 0; left--) {
      this.#act()
      if (this.#judge.hasMissed) break
    }
    if (!this.#judge.hasMissed) this.#end()
    const had = this.#had()
    const isSettled = this.#judge.hasMissed || quiet(this.#cluster)
    const cluster = this.#cluster
    const finals = this.#finals()
    cluster.story?.push(`in the end ${finals.map(told).join('  ')}`)
    return {
      finding: this.#judge.verdict(finals, isSettled),
      had,
      reads: this.#judge.reads,
    }
  }

  /** What happened up to now: before all heals, members settle anything. */
  #had(): Readonly<Record<Event, boolean>> {
    const { moves, news, handoffs, crashes } = this.#cluster
    return {
      moved: moves.done > 0,
      turned: moves.turned > 0,
      raced: news.hasRaced,
      forced: news.tables.some(({ without }) => without !== 0),
      crashed: crashes > 0,
      dropped: handoffs.drops > 0,
      lostDisk: this.#lostDisk.isLost,
      left: this.#hasLeft,
    }
  }

  /** Some of what is left to do is done, and then a disk may be lost. */
  #end(): void {
    for (let left = this.#prng.pick([0, 0, 4, 12]); left > 0; left--) {
      this.#give()
      for (let times = 3; times > 0; times--) this.#cluster.deliverHandoff()
    }
    if (this.#prng.chance(0.3)) {
      for (const { index } of this.#cluster.members) {
        if (this.#cluster.isUp(index)) this.#cluster.crash(this.#cluster.member(index))
      }
    }
    if (this.#prng.chance(0.9)) this.#lostDisk.lose()
  }

  /** What the owners hold, by the newest stage that one of them knows. */
  #finals(): readonly ReturnType<Member['object']>[] {
    const { stage } = this.#cluster.anyMember().memory
    return stage.owners.map((owner) => this.#cluster.member(owner).object(OWN))
  }

  #act(): void {
    const prng = this.#prng
    switch (this.#drawAct()) {
      case 'get':
        return this.#clients.get()
      case 'put':
        return this.#clients.put()
      case 'resend':
        return this.#clients.resend()
      case 'deliver':
        return this.#cluster.deliverAny(prng.chance(0.1))
      case 'sync':
        return this.#cluster.sync(this.#cluster.anyMember())
      case 'crash':
        return this.#cluster.crash(this.#cluster.anyMember())
      case 'tell':
        return this.#tell()
      case 'step':
        return this.#step()
      case 'give':
        return this.#give()
      case 'commit':
        return this.#commit()
      case 'cut':
        return this.#cut()
      case 'destroy':
        return this.#lostDisk.lose()
      case 'join':
        return this.#join()
      case 'leave':
        return this.#leave()
    }
  }

  #drawAct(): Act {
    let draw = this.#prng.unit() * this.#weightsTotal
    let at = 0
    while (at < ACT_NAMES.length - 1 && draw >= (this.#weights[at] as number)) {
      draw -= this.#weights[at] as number
      at += 1
    }
    return ACT_NAMES[at] as Act
  }

  // The ring.

  /** A member tells another, or all, what it knows. */
  #tell(): void {
    const from = this.#cluster.anyMember()
    const isToAll = this.#prng.chance(0.3)
    this.#hear(from, isToAll ? 1 : 0.3)
    for (const member of this.#cluster.members) {
      if (this.#prng.chance(0.3)) this.#cluster.sync(member)
    }
  }

  /** Members do what they can for the present move, and what they send arrives, or does not. */
  #step(): void {
    const prng = this.#prng
    for (let steps = prng.between(1, 10); steps > 0; steps--) {
      const member = this.#drawMover()
      if (!this.#cluster.isUp(member.index)) continue
      const { done } = this.#cluster.moves
      this.#stepOf(member)
      if (this.#cluster.moves.done > done) this.#probe(member)
      for (let times = prng.below(5); times > 0; times--) {
        if (prng.chance(0.8)) this.#cluster.deliverHandoff()
        else this.#cluster.deliverAny(prng.chance(0.05))
      }
      if (prng.chance(0.03)) this.#crashOwner()
      if (prng.chance(0.15)) this.#clients.put()
      if (prng.chance(0.05)) this.#clients.resend()
      if (prng.chance(0.15)) this.#clients.get()
    }
  }

  /** A member that has something to do for a move that has begun, mostly; it may not know. */
  #drawMover(): Member {
    const any = this.#cluster.anyMember()
    const { stage } = any.memory
    if (stage.filler < 0 || this.#prng.chance(0.1)) return any
    const isAlone = !any.isDead(stage.leaver) && this.#prng.chance(0.7)
    const index = isAlone ? stage.leaver : this.#prng.pick([...stage.owners, stage.filler])
    const mover = this.#cluster.member(index)
    if (this.#prng.chance(0.3)) this.#cluster.news.tellAtOnce(any, mover)
    return mover
  }

  /** Few know that a move is done: clients of those that know and of others write and read. */
  #probe(member: Member): void {
    if (this.#prng.chance(0.4)) this.#cluster.side = 0
    this.#hear(member, 0.3)
    if (this.#prng.chance(0.15)) this.#cluster.crash(member)
    if (this.#prng.chance(0.15)) this.#crashOwner()
    if (this.#prng.chance(0.15)) this.#commit()
    for (let times = this.#prng.between(0, 2); times > 0; times--) {
      this.#clients.put()
      this.#clients.get()
    }
  }

  #crashOwner(): void {
    const owner = this.#prng.pick(this.#cluster.anyMember().memory.stage.owners)
    if (this.#cluster.isUp(owner)) this.#cluster.crash(this.#cluster.member(owner))
  }

  #stepOf(member: Member): void {
    this.#cluster.moves.step(member)
    if (member.ownerPlace < 0 || member.memory.isWhole) return
    this.#cluster.moves.ask(member, this.#prng.below(OWNERS))
  }

  #give(): void {
    const member = this.#cluster.anyMember()
    // What is sent is durable here.
    this.#cluster.sync(member)
    this.#cluster.handoffs.give(member)
    for (let owner = 0; owner < MEMBERS; owner++) {
      if (member.object(placeFor(owner)) === undefined || this.#prng.chance(0.3)) continue
      this.#cluster.handoffs.deliverHint(member, owner)
    }
  }

  /** A table; at times another at once, from the same parent. */
  #commit(): void {
    this.#commitAt(this.#cluster.anyMember())
    if (this.#prng.chance(0.25)) this.#commitAt(this.#cluster.anyMember())
  }

  #commitAt(member: Member): void {
    const { news } = this.#cluster
    const without = this.#drawWithout(member)
    const owners = news.drawOwners(member, without)
    const { adopted } = member.memory
    if (owners === undefined) return
    if (without === 0 && owners.every((owner) => adopted.owners.includes(owner))) return
    news.commit(member, owners, without)
    this.#hear(member, this.#prng.pick([0.4, 0.7, 1]))
    if (!this.#prng.chance(0.8)) return
    // All adopt it, and some hear that it is in effect.
    for (const from of this.#cluster.members) {
      this.#cluster.sync(from)
      news.tellAtOnce(from, member)
    }
    this.#hear(member, this.#prng.pick([0.3, 0.6, 1]))
  }

  /** Some hear what a member knows. */
  #hear(from: Member, share: number): void {
    for (const to of this.#cluster.members) {
      if (this.#prng.chance(share)) this.#cluster.news.tellAtOnce(from, to)
    }
  }

  /** The other side of a cut, or who is down, or no one. */
  #drawWithout({ index }: Member): number {
    const { side, down, joined } = this.#cluster
    if (down !== 0 && this.#prng.chance(0.6)) return down
    if (side === 0 || this.#prng.chance(0.3)) return 0
    const others = joined & (hasBit(side, index) ? ~side : side)
    return others & ~bit(index)
  }

  // Faults, and members that come and go.

  #cut(): void {
    if (!this.#mayCut) return
    const prng = this.#prng
    const isHealed = this.#cluster.side !== 0 && prng.chance(0.5)
    const { owners } = this.#cluster.anyMember().memory.stage
    const side = prng.chance(0.6) ? bit(prng.pick(owners)) : prng.below(1 << MEMBERS)
    this.#cluster.side = isHealed ? 0 : side
    this.#cluster.story?.push(`-- the cut is ${this.#cluster.side.toString(2)}`)
  }

  #join(): void {
    const { joined } = this.#cluster
    const joiner = this.#cluster.members.find(({ index }) => !hasBit(joined, index))
    if (joiner === undefined) return
    this.#cluster.news.join(this.#cluster.anyMember(), joiner)
  }

  /** A member that owns nothing and holds nothing is gone for good. */
  #leave(): void {
    const { rules } = this.#cluster
    const member = this.#cluster.anyMember()
    const { stage, adopted } = member.memory
    if (!mayGo(this.#cluster)) return
    if (member.ownerPlace >= 0 || member.isFiller || adopted.owners.includes(member.index)) return
    if (stage.table.owners.includes(member.index)) return
    // Others wait for what it said of the table.
    if (compareTables(adopted, stage.table) > 0) return
    this.#cluster.sync(member)
    const { copies } = member.memory
    const hasHints = copies.some((copy, place) => place !== OWN && copy !== undefined)
    if (hasHints && !rules.isGoneWithHints) return
    if (copies[OWN] !== undefined && !rules.isGoneWithCopy) return
    this.#hasLeft = true
    this.#cluster.news.leave(member)
  }
}

function drawHabits(prng: Prng): Habits {
  return {
    valuesMax: prng.between(2, 10),
    reach: prng.pick([0.3, 0.6, 0.9]),
    hinting: prng.pick([0, 0.1, 0.4]),
    prompt: prng.pick([0, 0.5, 0.8, 0.95]),
    replacing: prng.pick([0, 0.3, 0.8]),
  }
}
