/**
 * Rounds: all members open one, close it, its owners cover and adopt it (docs/design.md 3.6).
 *
 * What the opener knows is in `Round`; what a member knows is on its disk. Each step happens alone,
 * between any other two things.
 */
import type { Start } from '../../../src/dynamo/names.ts'
import { type Cluster, name } from './cluster.ts'
import { ENDED, type Floor, hasDot, isUnder, joinFloors } from '../../../src/dynamo/repair/floor.ts'
import { NODES, OWNERS } from '../node.ts'
import { hintFor, type Member, NO_ROUND, type RoundFloor } from './member.ts'
import { isKnownSince, type Naming, namedSince, NOW } from './named.ts'

/** What a member said when the round opened. */
interface Opening {
  readonly start: Start
  readonly counter: number
  readonly naming: Naming
  readonly adopted: RoundFloor
}

/** How often an opener dies at a step; its round is void. */
const OPENER_DEATH_CHANCE = 0.01
const ROUNDS_MAX = 2

export class Round {
  readonly number: number
  made: RoundFloor = NO_ROUND
  phase: 'open' | 'close' | 'cover' = 'open'
  isOver = false
  readonly opened = new Map<Member, Opening>()
  /** Who closed, and the floor that was closed there before. */
  readonly closed = new Map<Member, Floor>()
  readonly covered = new Set<Member>()
  readonly adopted = new Set<Member>()
  /** Exchanges that count, by the index of both owners. */
  readonly #exchanged = new Set<number>()

  constructor(number: number) {
    this.number = number
  }

  get floor(): Floor {
    return this.made.floor
  }

  /** An answer was taken. */
  onExchanged(member: Member, from: number): void {
    if (this.isInStart(member)) this.#exchanged.add(member.index * NODES + from)
  }

  hasExchanged(member: Member, from: Member): boolean {
    return this.#exchanged.has(member.index * NODES + from.index)
  }

  /** The member has not restarted since it opened. */
  isInStart(member: Member): boolean {
    return this.opened.get(member)?.start === member.start
  }
}

export class Rounds {
  readonly #cluster: Cluster
  #open: Round[] = []
  #last = 0

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  get isOpen(): boolean {
    return this.#open.some((round) => !round.isOver)
  }

  /**
   * One step of a round that is open, or of a new one. Whether some owner has adopted it. While it
   * `isCalm` no opener dies.
   */
  step(isCalm = false): boolean {
    const { prng, rules } = this.#cluster
    this.#open = this.#open.filter((round) => !round.isOver)
    const isFree = this.#open.length === 0
    const mayHaveTwo = rules.areRoundsConcurrent && this.#open.length < ROUNDS_MAX
    if (isFree || (mayHaveTwo && prng.chance(0.1))) {
      this.#last += 1
      this.#open.push(new Round(this.#last))
    }
    const round = prng.pick(this.#open)
    this.#stepOf(round, isCalm)
    return round.adopted.size > 0
  }

  #stepOf(round: Round, isCalm: boolean): void {
    const { prng, rules } = this.#cluster
    if (!isCalm && prng.chance(OPENER_DEATH_CHANCE)) return this.#void(round, 'its opener dies')
    if (round.phase === 'open') this.#openAt(round, this.#anyBut(round.opened))
    else if (round.phase === 'close') this.#closeAt(round, this.#anyBut(round.closed))
    const isExchanging = round.phase === 'cover' || rules.isEarlyExchangeCounted
    if (isExchanging && round.phase !== 'open') this.#exchange(round)
    if (round.phase === 'cover') this.#coverAt(round, this.#anyOwner())
  }

  #anyBut(done: ReadonlyMap<Member, unknown>): Member {
    return this.#cluster.prng.pick(this.#cluster.members.filter((member) => !done.has(member)))
  }

  #anyOwner(): Member {
    return this.#cluster.prng.pick(this.#cluster.owners)
  }

  #openAt(round: Round, member: Member): void {
    const { start, counter } = member
    const { adopted } = member.disk
    if (round.opened.size === 0) this.#cluster.onOpening()
    const naming = member.named.open(round.number, member.memory.copies)
    round.opened.set(member, { start, counter, naming, adopted })
    if (round.opened.size < NODES) return
    round.made = this.#floorOf(round)
    round.phase = 'close'
    this.#cluster.onOpened(round.made)
    this.#cluster.say(() => `round ${round.number} is open: ${tellFloor(round.floor)}`)
  }

  /**
   * The live starts with their counters, and all other starts that some member has named since it
   * opened the round that was adopted last. What was sent before that has ended, so no message
   * names another start: those that its floor held are left out, unless a member has restarted.
   */
  #floorOf({ number, opened }: Round): RoundFloor {
    const { rules } = this.#cluster
    const openings = [...opened.values()]
    const live = new Set(openings.map(({ start }) => start))
    const last = openings.reduce(lastAdopted, NO_ROUND)
    const floor = new Map<Start, number>()
    const since = rules.isStartLeftOutAtOnce ? NOW : last.number
    const isKnown = openings.every(({ naming }) => isKnownSince(naming, since))
    for (const { naming } of openings) {
      for (const start of namedSince(naming, since)) if (!live.has(start)) floor.set(start, ENDED)
    }
    const leftOut = new Set<Start>()
    for (const start of last.floor.keys()) {
      if (live.has(start) || floor.has(start)) continue
      if (isKnown || rules.isNamingForgotten) leftOut.add(start)
      else floor.set(start, ENDED)
    }
    for (const { start, counter } of openings) if (counter > 0) floor.set(start, counter)
    const base = leftOut.size > 0 ? number : last.base
    const whole = rules.areAllOthersEnded ? new AllEnded(floor, live) : floor
    return { number, floor: whole, base, leftOut }
  }

  #closeAt(round: Round, member: Member): void {
    const { rules, owners } = this.#cluster
    if (!rules.isRestartOverlooked && !round.isInStart(member)) {
      return this.#void(round, `${name(member)} has restarted`)
    }
    for (const { index: owner } of rules.isClosedWithHints ? [] : owners) {
      const isBelow = hasDot(member.object(hintFor(owner)), (dot) => isUnder(round.floor, dot))
      if (!isBelow) continue
      this.#cluster.sync(member)
      if (!this.#cluster.isHandingOff(member, owner)) this.#cluster.handOff(member, owner)
      return
    }
    const before = member.memory.closing
    member.append({
      apply: (disk) => {
        disk.closing = joinFloors(disk.closing, round.floor)
        disk.closed = round.number
        disk.base = Math.max(disk.base, round.made.base)
      },
    })
    if (!rules.isClosedUnsynced) this.#cluster.sync(member)
    this.#cluster.say(() => `${name(member)} closes round ${round.number}`)
    round.closed.set(member, before)
    if (round.closed.size === NODES) round.phase = 'cover'
  }

  #exchange(round: Round): void {
    const { prng, exchanges, owners, rules } = this.#cluster
    const [asking, asked] = prng.shuffled(owners) as [Member, Member]
    if (round.hasExchanged(asking, asked)) return
    if (!rules.isAskedRestartOverlooked && !round.isInStart(asked)) {
      return this.#void(round, `${name(asked)} has restarted`)
    }
    if (!exchanges.isUnderWay(asking, asked, round)) exchanges.begin(asking, asked, round)
  }

  /** An owner covers, or adopts what all have covered. */
  #coverAt(round: Round, owner: Member): void {
    const { rules, owners, exchanges, prng } = this.#cluster
    if (!round.covered.has(owner)) {
      const others = owners.filter((other) => other !== owner)
      if (!others.every((other) => round.hasExchanged(owner, other))) return
      if (!rules.isOwnerRestartOverlooked && !round.isInStart(owner)) {
        return this.#void(round, `${name(owner)} has restarted`)
      }
      this.#cluster.say(() => `${name(owner)} has covered round ${round.number}`)
      round.covered.add(owner)
      if (!rules.isCoveredForgotten) this.#recordCovered(round, owner)
      return
    }
    const mayAdopt = round.covered.size === OWNERS || rules.isAdoptedEarly
    if (!mayAdopt || round.adopted.has(owner)) return
    round.adopted.add(owner)
    // Who was set back or emptied since it covered has nothing to adopt.
    const hasIt = owner.disk.covered?.number === round.number
    if (hasIt || rules.isCoveredForgotten) exchanges.adopt(owner, round.made)
    if (prng.chance(0.8)) this.#cluster.sync(owner)
    if (round.adopted.size < OWNERS) return
    for (const one of owners) this.#cluster.sync(one)
    round.isOver = true
    this.#cluster.onAdoptedByAll(round.made)
  }

  #recordCovered({ made }: Round, owner: Member): void {
    owner.append({
      apply: (disk) => {
        disk.covered = made
      },
    })
    this.#cluster.sync(owner)
  }

  /** A closing floor stays. */
  #void(round: Round, why: string): void {
    this.#cluster.say(() => `round ${round.number} is void: ${why}`)
    round.isOver = true
    if (!this.#cluster.rules.isClosingDropped) return
    for (const [member, before] of round.closed) {
      member.append({
        apply: (disk) => {
          disk.closing = before
        },
      })
    }
  }
}

function lastAdopted(last: RoundFloor, { adopted }: Opening): RoundFloor {
  return adopted.number > last.number ? adopted : last
}

/** Every start but the live ones has ended: of the rule that is broken so. */
class AllEnded extends Map<Start, number> {
  readonly #live: ReadonlySet<Start>

  constructor(floor: Floor, live: ReadonlySet<Start>) {
    super(floor)
    this.#live = live
  }

  override get(start: Start): number | undefined {
    return super.get(start) ?? (this.#live.has(start) ? undefined : ENDED)
  }
}

function tellFloor(floor: Floor): string {
  const parts = [...floor].map(([start, counter]) => {
    return `${start.slice(0, 4)}:${counter === ENDED ? 'all' : counter}`
  })
  return parts.join(' ')
}
