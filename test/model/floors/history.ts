/**
 * Draws one history of a key under floors, and judges it.
 *
 * Clients get, put, delete and put again through any member; messages are late, doubled and lost;
 * hints are made and come home; rounds step, exchanges run and keys and ranges go in between;
 * members crash, and one disk is emptied, set back, or loses its copy unnoticed. In the end
 * everything arrives, or nothing more, and the owners exchange until they are equal.
 */
import { Prng } from '../../../src/base/prng.ts'
import { NODES, OWN, OWNERS } from '../node.ts'
import { VALUES_MAX } from '../oracle.ts'
import { Clients, type Habits } from './clients.ts'
import { told } from '../story.ts'
import { Cluster } from './cluster.ts'
import { type FloorOutcome, Judge } from './judge.ts'
import { cloneDisk, type Member } from './member.ts'
import type { FloorRules } from './rules.ts'

/** The acts and their usual weights. */
const ACTS = {
  get: 16,
  put: 14,
  repeat: 2,
  deliver: 20,
  sync: 6,
  crash: 4,
  handOff: 4,
  exchange: 3,
  clean: 8,
  backUp: 4,
  destroy: 3,
  rounds: 24,
} as const
type Act = keyof typeof ACTS
const ACT_NAMES = Object.keys(ACTS) as readonly Act[]
/** Each weight is multiplied by one of these in a history: uneven weights find more. */
const TEMPERS = [0.3, 1, 1, 3]

const QUIET_PASSES = 4
/** Rounds before the acts are drawn. */
const REHEARSED = [0, 0, 1, 1, 2, 4]
const ROUNDS_TO_LEAVE_OUT = 4
/** A round that no one disturbs has ended by then. */
const ROUND_STEPS_MAX = 200

/** Runs the history of `seed`; tells it into `story` where one is given. */
export function runFloors(seed: number, rules: FloorRules, story?: string[]): FloorOutcome {
  return new FloorHistory(seed, rules, story).run()
}

class FloorHistory {
  readonly #prng: Prng
  readonly #cluster: Cluster
  readonly #judge = new Judge()
  readonly #clients: Clients
  readonly #habits: Habits
  readonly #weights: readonly number[]
  readonly #weightsTotal: number
  #mayDestroy: boolean

  constructor(seed: number, rules: FloorRules, story: string[] | undefined) {
    const prng = Prng.of(seed, 'floors')
    this.#prng = prng
    this.#cluster = new Cluster(rules, prng, this.#judge, story)
    this.#mayDestroy = prng.chance(0.5)
    this.#habits = drawHabits(prng)
    const alone = seed % 2 === 0 ? Prng.of(seed, 'alone') : undefined
    this.#clients = new Clients(this.#cluster, this.#judge, this.#habits, alone)
    this.#weights = ACT_NAMES.map((act) => ACTS[act] * prng.pick(TEMPERS))
    this.#weightsTotal = this.#weights.reduce((sum, weight) => sum + weight)
  }

  run(): FloorOutcome {
    this.#rehearse()
    const acts = this.#prng.between(10, this.#habits.isTidy ? 60 : 80)
    for (let left = acts; left > 0; left--) this.#act()
    this.#quiet()
    const finals = this.#cluster.owners.map((owner) => owner.object(OWN))
    this.#cluster.say(() => `in the end ${finals.map(told).join('  ')}`)
    return this.#judge.verdict(finals)
  }

  /** Some rounds that little disturbs, the last perhaps not to its end: what follows is rarer. */
  #rehearse(): void {
    const rounds = this.#prng.pick(REHEARSED)
    // Of what is written only before many rounds, starts may be left out in the end.
    const putsMax = rounds === ROUNDS_TO_LEAVE_OUT ? 0 : 2
    for (let round = 1; round <= rounds; round++) {
      for (let puts = this.#prng.between(0, round === 1 ? 3 : putsMax); puts > 0; puts--) {
        this.#clients.get()
        this.#clients.put()
        if (this.#prng.chance(0.8)) this.#settle()
        if (this.#prng.chance(0.4)) this.#cluster.crash(this.#anyMember())
      }
      if (this.#prng.chance(0.5)) this.#backUp(this.#anyOwner())
      const isLast = round === rounds
      let steps = isLast && this.#prng.chance(0.7) ? this.#prng.between(5, 60) : ROUND_STEPS_MAX
      for (; steps > 0; steps--) {
        if (this.#cluster.rounds.step(true) && this.#prng.chance(0.2)) this.#clean()
        this.#cluster.deliverAnswer()
        if (this.#prng.chance(0.3)) this.#cluster.deliverAny(false)
        if (this.#prng.chance(0.4)) this.#cluster.sync(this.#anyMember())
        if (!this.#cluster.rounds.isOpen) break
      }
      for (let times = this.#prng.between(1, 3); times > 0; times--) this.#clean()
    }
  }

  /** What was sent arrives, and all of it is durable. */
  #settle(): void {
    for (let left = this.#cluster.messages.length; left > 0; left--) this.#cluster.deliverAny(false)
    for (const member of this.#cluster.members) this.#cluster.sync(member)
  }

  #act(): void {
    this.#cluster.now += 1
    switch (this.#drawAct()) {
      case 'get':
        return this.#clients.get()
      case 'put':
        return this.#clients.put()
      case 'repeat':
        return this.#clients.repeat()
      case 'deliver':
        return this.#cluster.deliverAny(this.#prng.chance(0.1))
      case 'sync':
        return this.#cluster.sync(this.#anyMember())
      case 'crash':
        return this.#cluster.crash(this.#anyMember())
      case 'handOff':
        return this.#cluster.handOff(this.#anyMember(), this.#prng.below(OWNERS))
      case 'exchange':
        return this.#exchange()
      case 'clean':
        return this.#clean()
      case 'backUp':
        return this.#backUp(this.#anyMember())
      case 'destroy':
        return this.#destroy()
      case 'rounds':
        return this.#stepRounds()
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

  #anyMember(): Member {
    return this.#cluster.members[this.#prng.below(NODES)] as Member
  }

  #anyOwner(): Member {
    return this.#cluster.members[this.#prng.below(OWNERS)] as Member
  }

  // Members.

  #exchange(): void {
    const [asking, asked] = this.#prng.shuffled(this.#cluster.owners) as [Member, Member]
    this.#cluster.exchanges.begin(asking, asked, undefined)
  }

  /** Owners remove what they may, and ask what else they may. */
  #clean(): void {
    const { owners } = this.#cluster
    for (const owner of owners) if (this.#prng.chance(0.7)) this.#cluster.reap(owner)
    for (const owner of owners) if (this.#prng.chance(0.5)) this.#cluster.ranges.ask(owner)
    // An exchange is given up.
    if (this.#prng.chance(0.3)) this.#anyOwner().pulls.clear()
    if (!this.#prng.chance(0.6)) return
    for (let answers = 8; answers > 0; answers--) if (!this.#cluster.deliverAnswer()) return
  }

  #backUp(member: Member): void {
    if (member.backup === undefined || this.#prng.chance(0.2))
      member.backup = cloneDisk(member.disk)
  }

  /** Fewer than W. */
  #destroy(): void {
    if (!this.#mayDestroy) return
    this.#mayDestroy = false
    const old = this.#cluster.owners.filter(({ backup }) => backup !== undefined)
    const isOld = old.length > 0 && this.#prng.chance(0.6)
    const any = this.#prng.chance(0.8) ? this.#anyOwner() : this.#anyMember()
    this.#cluster.destroy(isOld ? this.#prng.pick(old) : any)
  }

  #stepRounds(): void {
    for (let steps = this.#prng.between(1, 20); steps > 0; steps--) {
      const adopted = this.#cluster.rounds.step()
      if (adopted && this.#prng.chance(0.5)) this.#clean()
      if (this.#prng.chance(0.7) && this.#cluster.deliverAnswer()) continue
      if (this.#prng.chance(0.3)) this.#cluster.deliverAny(false)
    }
  }

  // The end.

  /** Messages arrive, or are lost; hints come home; owners exchange until they are equal. */
  #quiet(): void {
    const cluster = this.#cluster
    cluster.say(() => '-- quiet')
    // Nothing is remembered any more.
    cluster.now = Number.POSITIVE_INFINITY
    if (this.#prng.chance(0.5)) cluster.messages.length = 0
    while (cluster.messages.length > 0) {
      cluster.deliver(this.#prng.below(cluster.messages.length), false)
    }
    for (let pass = 0; pass < QUIET_PASSES; pass++) {
      for (const member of cluster.members) {
        cluster.sync(member)
        for (let owner = 0; owner < OWNERS; owner++) {
          cluster.handOff(member, owner)
          this.#deliverAll()
        }
      }
      for (const asking of cluster.owners) {
        for (const asked of cluster.owners) {
          if (asking === asked) continue
          asking.pulls.clear()
          cluster.exchanges.begin(asking, asked, undefined)
          this.#deliverAll()
        }
      }
    }
    for (const owner of cluster.owners) cluster.reap(owner)
  }

  #deliverAll(): void {
    const { messages, members } = this.#cluster
    while (messages.length > 0) {
      const { to } = messages[messages.length - 1]!
      this.#cluster.deliver(messages.length - 1, false)
      this.#cluster.sync(members[to] as Member)
    }
  }
}

function drawHabits(prng: Prng): Habits {
  const deleting = prng.pick([0.1, 0.4, 0.8])
  const isTidy = prng.chance(0.6)
  return {
    isTidy,
    deleting,
    valuesMax: isTidy ? prng.between(2, 6) : VALUES_MAX,
    hinting: isTidy ? prng.pick([0.1, 0.5, 0.9]) : prng.unit(),
    reach: isTidy ? prng.pick([0.3, 0.9, 0.9]) : prng.unit(),
  }
}
