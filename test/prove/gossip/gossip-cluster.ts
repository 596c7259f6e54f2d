/**
 * A cluster of views over a simulated message network in virtual time; a seed decides everything.
 *
 * It runs `src/dynamo/membership` alone: no store, no wire. What the worker of a node would do is
 * here a few lines: it delivers messages, wakes the view when that is due, and says which
 * connections closed.
 */
import { Prng } from '../../../src/base/prng.ts'
import type { NodeId } from '../../../src/dynamo/names.ts'
import type { MemberRecord } from '../../../src/dynamo/membership/member-record.ts'
import type { OperatorChange } from '../../../src/dynamo/membership/members.ts'
import { messageBytes } from '../../../src/dynamo/membership/message-bytes.ts'
import type { Message } from '../../../src/dynamo/membership/message.ts'
import { OwnRecord } from '../../../src/dynamo/membership/own-record.ts'
import type { Action } from '../../../src/dynamo/membership/action.ts'
import { View } from '../../../src/dynamo/membership/view.ts'
import { Connections, type Faults } from './connections.ts'
import { Findings } from './findings.ts'
import { LifeQuestions } from './life-questions.ts'
import { type Input, recordOf, SimulatedMember } from './simulated-member.ts'
import { Timeline } from './timeline.ts'

/** Header and checksum of a frame, with the tag of its kind. */
const FRAME_BYTES = 28
/** A timer of the event loop is late by up to so much. */
const TIMER_MS = 2
/** A pause that is shorter must not make a member dead. */
export const PAUSE_MS_SHORT = 5_000
/** After a longer one, or a restart, it needs so long to contradict. */
const CONTRADICTION_MS = 10_000

export interface ClusterOptions extends Faults {
  readonly seed: number
  readonly members: number
  /** Members that may join later. */
  readonly joiners?: number
  /** Links ask for signs of life: for small clusters, since each asks each. */
  readonly isAsking?: boolean
}

export class GossipCluster {
  readonly timeline = new Timeline()
  readonly findings: Findings
  readonly prng: Prng
  readonly members: SimulatedMember[] = []
  readonly #byId = new Map<NodeId, SimulatedMember>()
  readonly #connections: Connections
  /** The bytes of one message of so many are counted. */
  sampled = 1
  #messages = 0
  readonly #questions: LifeQuestions | undefined
  #isCut = false

  constructor({ seed, members, joiners = 0, isAsking = false, ...faults }: ClusterOptions) {
    const prng = Prng.of(seed, 'gossip')
    this.prng = prng.stream('scenario')
    this.findings = new Findings(this)
    this.#connections = new Connections(members + joiners, faults, prng.stream('network'))
    if (isAsking) this.#questions = this.#makeQuestions(prng.stream('questions'))
    const records = Array.from({ length: members }, (_, i) => recordOf(i, this.prng))
    for (const record of records) this.#start(this.#add(record), records)
  }

  get now(): number {
    return this.timeline.now
  }

  get up(): readonly SimulatedMember[] {
    return this.members.filter(({ isUp }) => isUp)
  }

  get(id: NodeId): SimulatedMember {
    return this.#byId.get(id) as SimulatedMember
  }

  pickUp(): SimulatedMember {
    return this.prng.pick(this.up.filter((one) => !one.isAway(this.now)))
  }

  run(ms: number): void {
    this.timeline.runUntil(this.now + ms)
  }

  at(at: number, run: () => void): void {
    this.timeline.at(at, run)
  }

  /** An operator's command at `at`. */
  change(at: SimulatedMember, id: NodeId, change: OperatorChange): void {
    this.#input(at, (view, now) => view.change(id, change, now))
  }

  join(sponsor: SimulatedMember): SimulatedMember {
    const record = recordOf(this.members.length, this.prng, sponsor.record)
    const joiner = this.#add(record)
    joiner.side = sponsor.side
    this.#input(sponsor, (view, now) => view.introduce(record, now))
    const known = [sponsor.view?.members.get(sponsor.record.id) as MemberRecord]
    this.#start(joiner, known, true)
    this.#input(joiner, (view, now) => view.onConnected(sponsor.record.id, now))
    return joiner
  }

  /** Its connections close at once, or nothing at all is heard of it any more. */
  kill(member: SimulatedMember, how: 'closed' | 'silent'): void {
    member.view = undefined
    member.start += 1
    member.waiting.length = 0
    if (how === 'silent') return
    const { id } = member.record
    for (const other of this.up) this.#input(other, (view, now) => view.onClosed(id, now))
  }

  /** Starts it again with the records that it had written down. */
  restart(member: SimulatedMember, records: readonly MemberRecord[]): void {
    this.#start(member, records)
    member.awayFrom = this.now
    member.awayUntil = this.now + CONTRADICTION_MS
    this.reconnect(member, this.up)
  }

  /** All that is not connected connects. */
  reconnect(member: SimulatedMember, others: readonly SimulatedMember[]): void {
    const { id } = member.record
    for (const other of others) {
      if (other === member) continue
      this.#input(other, (view, now) => view.onConnected(id, now))
      this.#input(member, (view, now) => view.onConnected(other.record.id, now))
    }
  }

  /** Stops the process for so long. */
  pause(member: SimulatedMember, ms: number): void {
    const until = this.now + ms
    if (member.pausedUntil < this.now) member.pausedFrom = this.now
    member.pausedUntil = until
    if (ms >= PAUSE_MS_SHORT) {
      member.awayFrom = this.now
      member.awayUntil = until + CONTRADICTION_MS
    }
    this.at(until, () => this.#resume(member))
  }

  /** Members of odd numbers hear none of even ones. */
  cut(isClosed: boolean): void {
    this.#isCut = true
    for (const one of this.members) one.side = one.number % 2
    if (!isClosed) return
    for (const one of this.up) {
      for (const other of this.up) {
        if (one.side === other.side) continue
        this.#input(one, (view, now) => view.onClosed(other.record.id, now))
      }
    }
  }

  heal(): void {
    this.#isCut = false
    const [ones, others] = [0, 1].map((side) => this.up.filter((one) => one.side === side))
    for (const one of ones ?? []) this.reconnect(one, others ?? [])
  }

  get isCut(): boolean {
    return this.#isCut
  }

  #makeQuestions(prng: Prng): LifeQuestions {
    const carrier = {
      now: () => this.now,
      at: (at: number, run: () => void) => this.at(at, run),
      arrival: (from: SimulatedMember, to: SimulatedMember) =>
        this.#isCut && from.side !== to.side
          ? undefined
          : this.#connections.arrival(from.number, to.number, this.now) + to.lagMs,
      input: (member: SimulatedMember, input: Input) => this.#input(member, input),
    }
    return new LifeQuestions(carrier, prng)
  }

  #add(record: MemberRecord): SimulatedMember {
    const member = new SimulatedMember(this.members.length, record)
    this.members.push(member)
    this.#byId.set(record.id, member)
    this.#questions?.add(member)
    return member
  }

  #start(member: SimulatedMember, records: readonly MemberRecord[], isJoining = false): void {
    const own = records.find(({ id }) => id === member.record.id) ?? member.record
    member.view = new View({
      own: new OwnRecord(own),
      records,
      random: this.prng.stream(`view ${member.number} ${member.start}`),
      now: this.now,
      isJoining,
    })
    member.start += 1
    member.wakeAt = Number.POSITIVE_INFINITY
    this.#schedule(member)
  }

  #input(member: SimulatedMember, input: Input): void {
    const { view } = member
    if (view === undefined) return
    if (this.now < member.pausedUntil || member.waiting.length > 0) {
      member.waiting.push(input)
      return
    }
    this.#perform(member, input(view, this.now))
    this.#schedule(member)
  }

  #resume(member: SimulatedMember): void {
    if (!member.isUp || this.now < member.pausedUntil) return
    const { waiting } = member
    member.view?.onLoopDelay(this.now - member.pausedFrom)
    const inputs = waiting.splice(0, Math.min(waiting.length, member.inputsMax))
    const rest = waiting.splice(0)
    // Timers run before what has come is read: the worst order.
    this.#input(member, (view, now) => view.onTick(now))
    for (const input of inputs) this.#input(member, input)
    waiting.push(...rest)
  }

  #schedule(member: SimulatedMember): void {
    const { view, start } = member
    if (view === undefined) return
    // Questions of links come between two calls of the view.
    const dueAt = Math.min(view.wakeAt, view.avoidance.dueAt)
    if (dueAt + TIMER_MS >= member.wakeAt) return
    const at = Math.max(this.now, dueAt) + TIMER_MS * this.prng.unit()
    member.wakeAt = at
    this.at(at, () => {
      if (member.start !== start || member.wakeAt !== at) return
      member.wakeAt = Number.POSITIVE_INFINITY
      if (this.now < member.pausedUntil) return
      const isDue = this.now >= Math.min(view.wakeAt, view.avoidance.dueAt)
      if (isDue) this.#perform(member, view.onTick(this.now))
      this.#schedule(member)
    })
  }

  #perform(member: SimulatedMember, actions: readonly Action[]): void {
    for (const action of actions) {
      if (action.kind === 'send') this.#send(member, action.to, action.message)
      else this.findings.onAction(member, action)
    }
  }

  #send(from: SimulatedMember, id: NodeId, message: Message): void {
    this.#messages += 1
    if (this.#messages % this.sampled === 0) {
      from.sentBytes += this.sampled * (FRAME_BYTES + messageBytes(message))
    }
    from.sentMessages += 1
    const to = this.#byId.get(id) as SimulatedMember
    if (!to.isUp || (this.#isCut && from.side !== to.side)) return
    const { start } = to
    const at = this.#connections.arrival(from.number, to.number, this.now) + to.lagMs
    this.at(at, () => {
      if (to.start !== start || (this.#isCut && from.side !== to.side)) return
      this.#input(to, (view, now) => view.onMessage(from.record.id, message, now))
    })
  }
}
