/**
 * What operators do with the cluster at this node: change members, plan, commit, take back, watch.
 *
 *     leave, weight, zone, remove ─► records of members, which spread by gossip
 *     plan    ─► the table that these records lead to, and what it costs
 *     commit  ─► that table, if it is still the one that was planned ─► in effect once all adopt it
 *
 * Records change no owner by themselves: they wait for the next commit, which takes all of them.
 */
import { equalU64 } from '../../base/u64.ts'
import { OperatingError } from '../../base/errors.ts'
import { type MemberRecord, MemberState } from '../../dynamo/membership/member-record.ts'
import type { OperatorChange } from '../../dynamo/membership/members.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { isTakenBack } from '../../dynamo/ring/plan.ts'
import type { TableDigest } from '../../dynamo/ring/table.ts'
import type { PeerCalls } from './peer-calls.ts'
import type { MemberChange } from './membership.ts'
import { Planner, type PlannerDependencies, type Planned } from './planner.ts'

export interface OperationsDependencies extends PlannerDependencies {
  readonly peers: Pick<PeerCalls, 'isConnected'>
}

/** Members are named by their names, or by ids. */
export interface PlanTerms {
  readonly splits: boolean
  readonly without: readonly string[]
}

export interface CommitTerms extends PlanTerms {
  /** Also where too little would be left. */
  readonly isForced: boolean
  /** What the plan was made from, and what it led to. */
  readonly parent: TableDigest
  readonly planned: TableDigest
}

export interface AbortTerms extends Pick<PlanTerms, 'without'> {
  /** The table that is taken back. */
  readonly planned: TableDigest
}

export interface LeaveTerms {
  readonly member: string
  /** Gets the weight of the other; empty: none does. */
  readonly successor: string
  readonly isForced: boolean
}

export class Operations {
  readonly #node: OperationsDependencies
  readonly #planner: Planner

  constructor(dependencies: OperationsDependencies) {
    this.#node = dependencies
    this.#planner = new Planner(dependencies)
  }

  /** Throws `member-unknown`, `would-not-survive` or `nothing-to-commit`. */
  plan({ splits, without }: PlanTerms): Planned {
    return this.#planner.plan({ splits, without: this.#deadOf(without) })
  }

  /**
   * Resolves once the table is durable here. Fails with `ring-moved-on`, `peer-away`, and what
   * `plan` throws.
   */
  async commit(terms: CommitTerms): Promise<Planned> {
    const { rings } = this.#node
    const { adopted } = rings.view
    // Its answer was lost: it is asked again.
    const isDone = equalU64(adopted.digest, terms.planned)
    if (!isDone && !equalU64(adopted.digest, terms.parent)) throw this.#movedOn()
    const planned = this.plan(terms)
    if (isDone) return planned
    if (planned.isSame) throw nothingToCommit()
    if (planned.losses.length > 0 && !terms.isForced) throw wouldNotSurvive(planned.losses)
    this.#checkMet(planned.unmet)
    if (!equalU64(planned.table.digest, terms.planned)) throw membersChanged()
    await rings.commit(planned.table)
    return planned
  }

  /**
   * Takes the newest table back where it is not in effect. Returns what members lead to then. Fails
   * with `ring-moved-on` where another is the newest, and with `peer-away`.
   */
  async abort({ without, planned: newest }: AbortTerms): Promise<Planned> {
    const { rings } = this.#node
    const { adopted } = rings.view
    const isNewest = equalU64(adopted.digest, newest)
    // Its answer was lost: it is asked again.
    const isDone = !isNewest && adopted.parent !== undefined && equalU64(adopted.parent, newest)
    const isBack = isDone && isTakenBack(rings.view)
    if (!isNewest && !isBack) throw this.#movedOn()
    if (isNewest && rings.isFrozen) {
      const { table, unmet } = this.#planner.takenBack(this.#deadOf(without))
      this.#checkMet(unmet)
      await rings.commit(table)
    }
    return this.plan({ splits: false, without })
  }

  /** Gives its places away, from the next commit on. Resolves once that is durable here. */
  async leave(terms: LeaveTerms): Promise<MemberRecord> {
    const leaver = this.#presentOf(terms.member)
    return this.#end(leaver, terms, MemberState.leaving)
  }

  /** It does not leave: takes that back. */
  async stay(member: string): Promise<MemberRecord> {
    return this.#change(this.#presentOf(member), { state: MemberState.joined })
  }

  /** It is dead, and no member any more, for good. */
  async remove(terms: LeaveTerms): Promise<MemberRecord> {
    const dead = this.#presentOf(terms.member)
    const { name, id } = dead
    if (this.#isConnected(id) && !terms.isForced) {
      throw new OperatingError(
        'would-not-survive',
        `${name} is alive, and what only it holds would be lost: let it leave` +
          ' (everwrite cluster leave), or insist with --force',
      )
    }
    return this.#end(dead, terms, MemberState.gone)
  }

  setWeight(member: string, weight: number): Promise<MemberRecord> {
    return this.#change(this.#presentOf(member), { weight })
  }

  setZone(member: string, zone: string): Promise<MemberRecord> {
    return this.#change(this.#presentOf(member), { zone })
  }

  async #end(
    member: MemberRecord,
    { successor: name, isForced }: LeaveTerms,
    state: MemberState,
  ): Promise<MemberRecord> {
    const successor = name === '' ? undefined : this.#successorOf(name, member)
    if (!isForced && member.state !== state) {
      const changed = [{ ...member, state }, ...(successor === undefined ? [] : [successor])]
      // The others cannot count on a member that seems dead.
      const without = state === MemberState.leaving ? this.#declaredDead(member) : []
      const { losses } = this.#planner.plan({ splits: false, without }, changed)
      const uncounted = without.map(({ name: other }) => `${other} seems dead, and does not count`)
      if (losses.length > 0) throw wouldNotSurvive([...losses, ...uncounted])
    }
    const { weight } = member
    const others = successor === undefined ? [] : [[successor.id, { weight }] as const]
    return this.#change(member, { state }, others)
  }

  #declaredDead({ id: leaver }: MemberRecord): readonly MemberRecord[] {
    const { membership } = this.#node
    const { liveness } = membership.view
    return membership.present.filter(({ id }) => id !== leaver && liveness.lifeOf(id) === 'dead')
  }

  /** As it is to be. */
  #successorOf(name: string, { id, weight }: MemberRecord): MemberRecord {
    const found = this.#presentOf(name)
    if (found.id !== id && found.state === MemberState.joined) return { ...found, weight }
    throw new OperatingError(
      'member-unknown',
      `${found.name} cannot take the place: name another member that has joined and does not leave`,
    )
  }

  /** All at once: a command that is refused has changed none of them. */
  async #change(
    { id }: MemberRecord,
    change: OperatorChange,
    others: readonly MemberChange[] = [],
  ): Promise<MemberRecord> {
    const { membership } = this.#node
    const isNews = ([member, asked]: MemberChange): boolean => {
      const known = membership.recordOf(member) as MemberRecord
      const keys = Object.keys(asked) as (keyof OperatorChange)[]
      return keys.some((key) => known[key] !== asked[key])
    }
    const changes = [[id, change] as const, ...others].filter(isNews)
    if (changes.length > 0) await membership.change(...changes)
    return membership.recordOf(id) as MemberRecord
  }

  #isConnected(id: NodeId): boolean {
    const { peers, topology } = this.#node
    return id === topology.self.id || peers.isConnected(id)
  }

  #deadOf(names: readonly string[]): readonly MemberRecord[] {
    return names.map((name) => {
      const found = this.#named(name)
      if (found.id !== this.#node.topology.self.id) return found
      throw new OperatingError(
        'member-unknown',
        `${found.name} is the node that was asked, and so not dead: ask another, or leave it out`,
      )
    })
  }

  /** A member that is not gone. */
  #presentOf(name: string): MemberRecord {
    const found = this.#named(name)
    if (found.state !== MemberState.gone) return found
    throw new OperatingError(
      'member-gone',
      `${found.name} is no member any more, and never will be one: there is nothing to change`,
    )
  }

  /** One that is gone is found where no other has its name. */
  #named(name: string): MemberRecord {
    const all = [...this.#node.membership.view.members.all()]
    const named = all.filter((one) => one.name === name || one.id === name)
    const present = named.filter(({ state }) => state !== MemberState.gone)
    const [found, second] = present.length > 0 ? present : named.slice(0, 1)
    if (found !== undefined && second === undefined) return found
    const joined = this.#node.membership.present.map((one) => one.name)
    throw new OperatingError(
      'member-unknown',
      found === undefined
        ? `no member is named ${name}: the members are ${shortened(joined)}`
        : `several members are named ${name}: give the id of one (everwrite cluster status --json)`,
    )
  }

  #checkMet(unmet: readonly NodeId[]): void {
    if (unmet.length === 0) return
    const names = unmet.map((id) => this.#node.topology.nameOf(id))
    throw new OperatingError(
      'peer-away',
      `this node has never met ${shortened(names)}, and a table waits for all members: commit` +
        ' when it is connected, at another node, or name it as dead (--without)',
    )
  }

  #movedOn(): OperatingError {
    const { number } = this.#node.rings.view.adopted
    return new OperatingError(
      'ring-moved-on',
      `another table was committed since this plan was made; the newest is number ${number}: plan` +
        ' again',
    )
  }
}

/** Sentences are short. */
const NAMES_MAX = 16

function shortened(names: readonly string[]): string {
  const more = names.length > NAMES_MAX ? [`${names.length - NAMES_MAX} more`] : []
  return [...names.slice(0, NAMES_MAX), ...more].join(', ')
}

function membersChanged(): OperatingError {
  return new OperatingError(
    'ring-moved-on',
    'members have changed since this plan was made, and it would be another one now: plan again',
  )
}

function nothingToCommit(): OperatingError {
  return new OperatingError(
    'nothing-to-commit',
    'the ring in effect is what the members lead to already: change one first (everwrite cluster' +
      ' weight, leave, remove, zone), let one join, or add --split',
  )
}

function wouldNotSurvive(losses: readonly string[]): OperatingError {
  return new OperatingError(
    'would-not-survive',
    `too little would be left: ${losses.join('; ')}; add members first, or insist with --force`,
  )
}
