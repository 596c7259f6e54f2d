/** What happens to a simulated cluster: changes, members that join and leave, deaths and pauses. */
import { MemberState } from '../../../src/dynamo/membership/member-record.ts'
import type { GossipCluster } from './gossip-cluster.ts'
import type { SimulatedMember } from './simulated-member.ts'

/** A member of a starved process runs so long, then stops for as long as below. */
const STARVED_RUN_MS = 50
const STARVED_STOP_MS_MIN = 300
const STARVED_STOP_MS_MAX = 1_500
const PAUSE_MS_MIN = 500
/** Of one member: with less between them it could not answer, and two would be a long one. */
const PAUSES_APART_MS = 200

/** Runs `act` every `everyMs` from now on, until `until`. */
export function repeat(
  cluster: GossipCluster,
  everyMs: number,
  until: number,
  act: () => void,
): void {
  const again = (): void => {
    if (cluster.now >= until) return
    act()
    cluster.at(cluster.now + everyMs, again)
  }
  cluster.at(cluster.now + everyMs, again)
}

/** An operator gives a member another weight, at any node. */
export function changeWeight(cluster: GossipCluster): void {
  const [at, subject] = [cluster.pickUp(), cluster.pickUp()]
  const { id } = subject.record
  if (cluster.findings.isSpreading(id)) return
  const known = at.view?.members.get(id)
  if (known === undefined || known.state === MemberState.gone) return
  cluster.findings.watchSpread(id, known.version + 1, at)
  cluster.change(at, id, { weight: 1 + cluster.prng.below(8) })
}

/** A member joins; that it is here must reach all. */
export function join(cluster: GossipCluster): SimulatedMember {
  const sponsor = cluster.pickUp()
  const joiner = cluster.join(sponsor)
  cluster.findings.watchSpread(joiner.record.id, 1, sponsor)
  cluster.findings.knows(joiner.record.id, joiner)
  return joiner
}

/** An operator removes a member, which then stops. */
export function remove(cluster: GossipCluster): void {
  const [at, leaver] = [cluster.pickUp(), cluster.pickUp()]
  const { id } = leaver.record
  if (at === leaver || cluster.findings.isSpreading(id)) return
  const version = (at.view?.members.get(id)?.version ?? 0) + 1
  cluster.findings.watchSpread(id, version, at)
  cluster.change(at, id, { state: MemberState.gone })
  cluster.findings.onStopped(leaver)
  cluster.kill(leaver, 'closed')
}

/** A process is killed, or its machine loses power; after `forMs` it starts again. */
export function die(cluster: GossipCluster, how: 'closed' | 'silent', forMs: number): void {
  const victim = cluster.pickUp()
  const records = [...(victim.view?.members.all() ?? [])]
  cluster.kill(victim, how)
  cluster.findings.watchDeath(victim, how)
  if (forMs === Number.POSITIVE_INFINITY) return
  cluster.at(cluster.now + forMs, () => {
    cluster.findings.onRestarted(victim)
    cluster.restart(victim, records)
  })
}

export function pause(cluster: GossipCluster, msMax: number): void {
  const member = cluster.pickUp()
  if (cluster.now < member.pausedUntil + PAUSES_APART_MS) return
  cluster.pause(member, cluster.prng.between(PAUSE_MS_MIN, msMax))
}

/**
 * The process of a member gets little of its processor until then, and reads so many inputs each
 * time that it runs.
 */
export function starve(
  cluster: GossipCluster,
  member: SimulatedMember,
  until: number,
  inputsMax: number = Number.POSITIVE_INFINITY,
): void {
  if (member.isStarved) return
  member.isStarved = true
  member.inputsMax = inputsMax
  const again = (): void => {
    if (cluster.now >= until || !member.isUp) {
      member.isStarved = false
      member.inputsMax = Number.POSITIVE_INFINITY
      cluster.pause(member, 0)
      return
    }
    const ms = cluster.prng.between(STARVED_STOP_MS_MIN, STARVED_STOP_MS_MAX)
    cluster.pause(member, ms)
    cluster.at(cluster.now + ms + STARVED_RUN_MS, again)
  }
  again()
}
