/**
 * What a simulated cluster shows: how long changes take to reach all, deaths that are true and
 * false, and whether all sets are equal.
 */
import type { U64 } from '../../../src/base/u64.ts'
import type { NodeId } from '../../../src/dynamo/names.ts'
import type { Action } from '../../../src/dynamo/membership/action.ts'
import type { View } from '../../../src/dynamo/membership/view.ts'
import type { GossipCluster } from './gossip-cluster.ts'
import type { SimulatedMember } from './simulated-member.ts'

interface Spread {
  readonly beganAt: number
  readonly id: NodeId
  readonly version: number
  /** Members that do not know it. */
  readonly missing: Set<number>
}

interface Death {
  readonly how: string
  readonly diedAt: number
  readonly id: NodeId
  readonly missing: Set<number>
}

export interface DeathTime {
  readonly how: string
  /** Until the first member declared it, and until all had heard. */
  readonly firstMs: number
  readonly allMs: number
}

export class Findings {
  readonly #cluster: GossipCluster
  /** Milliseconds of each change that has reached all. */
  readonly spreadMs: number[] = []
  readonly deaths: DeathTime[] = []
  /** Members that others declared dead though they were alive. */
  falseDeaths = 0
  /** Those of members that starve: they answer late, or not at all. */
  starvedDeaths = 0
  /** A member that is alive becomes a suspect, at one member. */
  falseSuspicions = 0
  /** Members that were dead for long, and some never heard. */
  missedDeaths = 0
  lies = 0
  firstFalse = ''
  readonly #spreads = new Map<NodeId, Spread>()
  readonly #deaths = new Map<NodeId, Death>()
  /** Incarnations that were declared dead while they were: what is heard of them later is old. */
  readonly #trueClaims = new Set<string>()
  readonly #firstMs = new Map<NodeId, number>()

  constructor(cluster: GossipCluster) {
    this.#cluster = cluster
  }

  /** Changes and deaths that have not reached all. */
  get openSpreads(): number {
    return this.#spreads.size
  }

  get openDeaths(): number {
    return this.#deaths.size
  }

  onAction(at: SimulatedMember, action: Action): void {
    if (action.kind === 'record') {
      const spread = this.#spreads.get(action.record.id)
      if (spread !== undefined && action.record.version >= spread.version) {
        this.#reached(spread, at.number)
      }
    } else if (action.kind === 'life') this.#onLife(at, action.id, action.life)
    else if (action.kind === 'lies') this.lies += 1
  }

  /** A change of `id` begins now, at one member; the next change of it needs this one to end. */
  watchSpread(id: NodeId, version: number, from: SimulatedMember): void {
    const missing = new Set(this.#cluster.up.map(({ number }) => number))
    missing.delete(from.number)
    this.#spreads.set(id, { beganAt: this.#cluster.now, id, version, missing })
  }

  /** One of those that were there then knows it anyway. */
  knows(id: NodeId, { number }: SimulatedMember): void {
    const spread = this.#spreads.get(id)
    if (spread !== undefined) this.#reached(spread, number)
  }

  isSpreading(id: NodeId): boolean {
    return this.#spreads.has(id)
  }

  /** A member has died now: nothing waits for it any more. */
  watchDeath(member: SimulatedMember, how: string): void {
    const { record } = member
    this.onStopped(member)
    const missing = new Set(this.#cluster.up.map((one) => one.number))
    this.#deaths.set(record.id, { how, diedAt: this.#cluster.now, id: record.id, missing })
  }

  /** A member was removed and has stopped: nothing waits for it any more. */
  onStopped({ number }: SimulatedMember): void {
    for (const spread of [...this.#spreads.values()]) this.#reached(spread, number)
    for (const death of [...this.#deaths.values()]) this.#heard(death, number)
  }

  /** It starts again; where some have not heard of its death by now, none ever will. */
  onRestarted({ record }: SimulatedMember): void {
    if (this.#deaths.delete(record.id)) this.missedDeaths += 1
    this.#firstMs.delete(record.id)
  }

  /** Members whose records or standings differ from those of most. */
  differing(): number {
    const counts = new Map<string, number>()
    for (const { view } of this.#cluster.up) {
      const sum = sumOf(view as View)
      counts.set(sum, (counts.get(sum) ?? 0) + 1)
    }
    return this.#cluster.up.length - Math.max(...counts.values())
  }

  /** Pairs in which a member holds another one that is up for dead. */
  wronglyDead(): number {
    let wrong = 0
    for (const { view } of this.#cluster.up) {
      for (const { record } of this.#cluster.up) if (view?.standings.isDead(record.id)) wrong += 1
    }
    return wrong
  }

  #onLife(at: SimulatedMember, id: NodeId, life: string): void {
    if (life === 'alive') return
    const subject = this.#cluster.get(id)
    const { now } = this.#cluster
    const claim = `${id} ${at.view?.standings.get(id).incarnation}`
    if (subject.isAway(now)) {
      if (life === 'dead') this.#trueClaims.add(claim)
      const death = this.#deaths.get(id)
      if (life === 'dead' && death !== undefined) this.#heard(death, at.number)
      return
    }
    if (this.#cluster.isCut && at.side !== subject.side) return
    if (life === 'suspect') {
      if (!subject.isStarved && now >= subject.pausedUntil) this.falseSuspicions += 1
    } else if (subject.isStarved && subject.inputsMax < Number.POSITIVE_INFINITY) {
      this.starvedDeaths += 1
      this.#trueClaims.add(claim)
    } else if (!this.#trueClaims.has(claim)) {
      this.falseDeaths += 1
      this.firstFalse ||= `${at.number} of ${subject.number} at ${(now / 1000).toFixed(1)} s`
    }
  }

  #reached(spread: Spread, number: number): void {
    spread.missing.delete(number)
    if (spread.missing.size > 0) return
    this.#spreads.delete(spread.id)
    this.spreadMs.push(this.#cluster.now - spread.beganAt)
  }

  #heard(death: Death, number: number): void {
    const { id, how, diedAt, missing } = death
    const ms = this.#cluster.now - diedAt
    if (!this.#firstMs.has(id)) this.#firstMs.set(id, ms)
    missing.delete(number)
    if (missing.size > 0) return
    this.#deaths.delete(id)
    this.deaths.push({ how, firstMs: this.#firstMs.get(id) ?? ms, allMs: ms })
    this.#firstMs.delete(id)
  }
}

function sumOf({ members, standings }: View): string {
  const text = ({ hi, lo }: U64): string => `${hi}.${lo}`
  return `${text(members.digest.total)} ${text(standings.digest.total)}`
}
