/**
 * The runs of the proof: a large cluster for half an hour, a stalled one for a day, one that is cut
 * in two and heals. Each returns what was measured.
 */
import { MemberState } from '../../../src/dynamo/membership/member-record.ts'
import { median } from '../../support/median.ts'
import { changeWeight, die, join, pause, remove, repeat, starve } from './disturbances.ts'
import type { Faults } from './connections.ts'
import type { NodeId } from '../../../src/dynamo/names.ts'
import type { DeathTime } from './findings.ts'
import { GossipCluster } from './gossip-cluster.ts'
import type { SimulatedMember } from './simulated-member.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
/** Until the first probes and exchanges are over. */
const WARM_UP_MS = 10 * SECOND
/** In a large cluster no stop of less than 5 s makes a member dead. */
const PAUSE_MS_MAX = 4_900
/** While much is sent, the bytes of one message of so many are counted. */
const SAMPLED = 16

export interface CalmRun {
  readonly members: number
  /** Bytes that a node sends in a second, while nothing changes and while much does. */
  readonly steadyBytes: number
  readonly busyBytes: number
  readonly spreadMs: readonly number[]
  readonly openSpreads: number
  readonly deaths: readonly DeathTime[]
  readonly openDeaths: number
  readonly falseDeaths: number
  readonly firstFalse: string
  readonly falseSuspicions: number
  readonly differing: number
}

export interface CalmOptions {
  readonly seed: number
  readonly members: number
  readonly steadyMs: number
  readonly busyMs: number
}

/** No connection is stalled: first nothing changes, then there is a change every few seconds. */
export function runCalm({ seed, members, steadyMs, busyMs }: CalmOptions): CalmRun {
  const joins = Math.ceil(busyMs / MINUTE)
  const cluster = new GossipCluster({ seed, members, joiners: joins })
  const { findings } = cluster
  cluster.run(WARM_UP_MS)
  const steadyBytes = bytesRate(cluster, steadyMs)
  cluster.sampled = SAMPLED
  const until = cluster.now + busyMs
  repeat(cluster, 10 * SECOND, until, () => changeWeight(cluster))
  repeat(cluster, MINUTE, until, () => join(cluster))
  repeat(cluster, 3 * MINUTE, until, () => remove(cluster))
  repeat(cluster, 40 * SECOND, until, () => pause(cluster, PAUSE_MS_MAX))
  repeat(cluster, 4 * MINUTE, until, () => die(cluster, 'closed', 3 * MINUTE))
  repeat(cluster, 5 * MINUTE, until, () => die(cluster, 'silent', 3 * MINUTE))
  const busyBytes = bytesRate(cluster, busyMs)
  cluster.run(3 * MINUTE)
  return {
    ...{ members, steadyBytes, busyBytes },
    spreadMs: findings.spreadMs,
    openSpreads: findings.openSpreads,
    deaths: findings.deaths,
    openDeaths: findings.openDeaths + findings.missedDeaths,
    falseDeaths: findings.falseDeaths,
    firstFalse: findings.firstFalse,
    falseSuspicions: findings.falseSuspicions,
    differing: findings.differing(),
  }
}

export type StalledRun = Omit<CalmRun, 'steadyBytes' | 'differing'> & {
  readonly hours: number
  readonly wronglyDead: number
}

export interface StalledOptions extends Faults {
  readonly seed: number
  readonly members: number
  readonly hours: number
  readonly pauseMsMax?: number
  /** Links ask for signs of life. */
  readonly isAsking?: boolean
  /** One member is starved all the time. */
  readonly isOneStarved?: boolean
}

/**
 * Part of the connections are stalled at any time, and some processes stop or starve. Periods do
 * not coincide: what an operator says at a node that dies the same instant is lost.
 */
export function runStalled(options: StalledOptions): StalledRun {
  const { members, hours, pauseMsMax = PAUSE_MS_MAX, isOneStarved = false } = options
  const joiners = Math.ceil(1.1 * hours)
  const cluster = new GossipCluster({ ...options, joiners })
  const { findings } = cluster
  cluster.run(WARM_UP_MS)
  cluster.sampled = SAMPLED
  const until = cluster.now + hours * HOUR
  if (isOneStarved) starve(cluster, cluster.pickUp(), until)
  repeat(cluster, 2 * MINUTE, until, () => changeWeight(cluster))
  repeat(cluster, 59 * MINUTE + 17 * SECOND, until, () => join(cluster))
  repeat(cluster, 59 * MINUTE + 43 * SECOND, until, () => remove(cluster))
  repeat(cluster, MINUTE, until, () => pause(cluster, pauseMsMax))
  repeat(cluster, 19 * MINUTE, until, () => die(cluster, 'closed', 5 * MINUTE))
  repeat(cluster, 29 * MINUTE, until, () => die(cluster, 'silent', 5 * MINUTE))
  repeat(cluster, 23 * MINUTE, until, () => {
    starve(cluster, cluster.pickUp(), cluster.now + 5 * MINUTE)
  })
  const busyBytes = bytesRate(cluster, hours * HOUR)
  cluster.run(5 * MINUTE)
  return {
    ...{ members, busyBytes, hours },
    spreadMs: findings.spreadMs,
    openSpreads: findings.openSpreads,
    deaths: findings.deaths,
    openDeaths: findings.openDeaths + findings.missedDeaths,
    falseDeaths: findings.falseDeaths,
    firstFalse: findings.firstFalse,
    falseSuspicions: findings.falseSuspicions,
    wronglyDead: findings.wronglyDead(),
  }
}

export interface DisturbedRun {
  /** Of members that run well, at one member each. */
  readonly suspicions: number
  readonly falseDeaths: number
  /** Of starved members, at one member each. */
  readonly starvedDeaths: number
}

/** Of what waits for it, a starved process reads so much each time: just enough on average. */
const STARVED_INPUTS = 12

/** Some processes get little of their processor: they must not accuse the others. */
export function runStarved(
  seed: number,
  members: number,
  starved: number,
  forMs: number,
): DisturbedRun {
  const cluster = new GossipCluster({ seed, members })
  cluster.run(WARM_UP_MS)
  for (const member of cluster.members.slice(0, starved)) {
    starve(cluster, member, cluster.now + forMs, STARVED_INPUTS)
  }
  cluster.run(forMs)
  return disturbedRun(cluster)
}

/** What comes to some members is read late: they must seldom accuse the others. */
export function runSlow(
  seed: number,
  members: number,
  slow: number,
  lagMs: number,
  forMs: number,
): DisturbedRun {
  const cluster = new GossipCluster({ seed, members })
  cluster.run(WARM_UP_MS)
  for (const member of cluster.members.slice(0, slow)) {
    member.isStarved = true
    member.lagMs = lagMs
  }
  cluster.run(forMs)
  return disturbedRun(cluster)
}

/** Each second or two a process stops for some seconds, while some connections are stalled. */
export function runPaused(
  seed: number,
  members: number,
  stalledShare: number,
  forMs: number,
): DisturbedRun {
  const cluster = new GossipCluster({ seed, members, stalledShare })
  cluster.run(WARM_UP_MS)
  repeat(cluster, 1_500, cluster.now + forMs, () => pause(cluster, PAUSE_MS_MAX))
  cluster.run(forMs)
  return disturbedRun(cluster)
}

function disturbedRun({ findings }: GossipCluster): DisturbedRun {
  const { falseSuspicions: suspicions, falseDeaths, starvedDeaths } = findings
  return { suspicions, falseDeaths, starvedDeaths }
}

/** After each silence, until all have heard that the member lives; then for as long again. */
const REST_MS = 2 * SECOND
const SILENCE_MS_MIN = 3 * SECOND
const SILENCE_MS_MAX = 5 * SECOND
const LOOK_MS = 10

/**
 * How long it took each time until all others suspected a member that had stopped: always the same
 * one, since one that has stopped trusts its own senses less for a minute.
 */
export function runSilences(seed: number, members: number, times: number): readonly number[] {
  const cluster = new GossipCluster({ seed, members, isAsking: true })
  const { prng } = cluster
  const [victim, ...others] = cluster.members as [SimulatedMember, ...SimulatedMember[]]
  const isSuspectedBy = ({ view }: SimulatedMember): boolean =>
    view?.liveness.lifeOf(victim.record.id) !== 'alive'
  cluster.run(WARM_UP_MS)
  return Array.from({ length: times }, () => {
    cluster.run(REST_MS + prng.between(0, REST_MS))
    const began = cluster.now
    const silenceMs = prng.between(SILENCE_MS_MIN, SILENCE_MS_MAX)
    cluster.pause(victim, silenceMs)
    while (!others.every(isSuspectedBy) && cluster.now - began < silenceMs) cluster.run(LOOK_MS)
    const ms = others.every(isSuspectedBy) ? cluster.now - began : Number.POSITIVE_INFINITY
    cluster.run(silenceMs - (cluster.now - began))
    while (others.some(isSuspectedBy)) cluster.run(LOOK_MS)
    return ms
  })
}

export interface CutRun {
  readonly members: number
  /**
   * From the healing until all sets are equal, none holds another one for dead, and those that were
   * removed on one side are gone; or infinity.
   */
  readonly equalMs: number
}

const CUT_MS = 4 * MINUTE
const HEALED_MS_MAX = 5 * MINUTE

/** Both halves change on their own, partly the same members, and then meet again. */
export function runCut(seed: number, members: number, isClosed: boolean): CutRun {
  const cluster = new GossipCluster({ seed, members, joiners: 8 })
  const { findings } = cluster
  cluster.run(WARM_UP_MS)
  cluster.cut(isClosed)
  const removed = new Set<NodeId>()
  for (let i = 0; i < 20; i++) {
    cluster.at(cluster.now + i * 8 * SECOND, () => changeBothSides(cluster, removed))
  }
  for (let i = 1; i <= 4; i++) cluster.at(cluster.now + i * 30 * SECOND, () => join(cluster))
  cluster.run(CUT_MS)
  cluster.heal()
  const healedAt = cluster.now
  while (cluster.now - healedAt < HEALED_MS_MAX) {
    cluster.run(SECOND)
    const isBack = cluster.up.some(({ view }) => [...removed].some((id) => view?.members.has(id)))
    if (!isBack && findings.differing() === 0 && findings.wronglyDead() === 0) {
      return { members, equalMs: cluster.now - healedAt }
    }
  }
  return { members, equalMs: Number.POSITIVE_INFINITY }
}

/** Operators on both sides give one member different weights, or one of them removes it. */
function changeBothSides(cluster: GossipCluster, removed: Set<NodeId>): void {
  const subject = cluster.prng.pick(cluster.members)
  const isRemoved = cluster.prng.chance(0.1)
  for (const side of [0, 1]) {
    const at = cluster.prng.pick(cluster.up.filter((one) => one.side === side))
    if (at.view?.members.has(subject.record.id) !== true || at === subject) continue
    const weight = 1 + cluster.prng.below(1_000)
    const isHere = isRemoved && side === 0
    if (isHere) removed.add(subject.record.id)
    cluster.change(at, subject.record.id, isHere ? { state: MemberState.gone } : { weight })
  }
}

function bytesRate(cluster: GossipCluster, ms: number): number {
  for (const member of cluster.members) member.sentBytes = 0
  const [from, nodes] = [cluster.now, cluster.up.length]
  cluster.run(ms)
  const sum = cluster.members.reduce((bytes, { sentBytes }) => bytes + sentBytes, 0)
  return (sum * SECOND) / (cluster.now - from) / nodes
}

/** The middle, and the longest, in seconds. */
export function secondsOf(ms: readonly number[]): {
  readonly middle: number
  readonly most: number
} {
  return { middle: median(ms) / SECOND, most: Math.max(0, ...ms) / SECOND }
}
