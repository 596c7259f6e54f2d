/**
 * Carries this node's view of the cluster (`dynamo/membership/view.ts`) into the world: its one
 * timer, its messages, the file of records, and the links that follow the members.
 *
 *     timer, gossip of members, links that open or close, loop delay ─► View
 *     View ─► messages over this node's links; records to the file; lives to the trace
 *
 * It also judges which members are avoided: links ask for signs of life, and what comes of that is
 * told to the view's avoidance. An answer may wait to be read while a timer fires late; so a late
 * one gives one more turn before it judges.
 *
 * Invariant: no other member is told of a record before it is durable here. Messages do not wait
 * for the disk: a record that is not durable is left out, and becomes news again once it is.
 */
import { readU32 } from '../../base/bytes.ts'
import { isFailure } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import type { Action } from '../../dynamo/membership/action.ts'
import type { Life } from '../../dynamo/membership/liveness.ts'
import { type MemberRecord, MemberState, sameFacts } from '../../dynamo/membership/member-record.ts'
import type { OperatorChange } from '../../dynamo/membership/members.ts'
import { messageBytes } from '../../dynamo/membership/message-bytes.ts'
import type { Message, News } from '../../dynamo/membership/message.ts'
import type { Random } from '../../dynamo/membership/random.ts'
import { View } from '../../dynamo/membership/view.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { GOSSIP_REPLIES_MAX } from '../../limits.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import type { Entropy } from '../../world/entropy.ts'
import type { Trace } from '../../world/trace.ts'
import type { Counters } from '../counters.ts'
import { type KeptMembers, memberGone } from './kept-members.ts'
import { idTaken } from './sole-process.ts'
import type { PeerCalls } from './peer-calls.ts'
import type { LinkEvents } from './peer-link.ts'

export interface MembershipDependencies {
  readonly records: KeptMembers
  readonly peers: Pick<PeerCalls, 'gossip' | 'end' | 'follow' | 'takeHeard' | 'onSilence'>
  readonly clock: Clock
  readonly entropy: Entropy
  readonly trace: Trace
  readonly counters: Counters
}

/** What a message of another member leads to at once. */
export interface Heard {
  readonly replies: readonly Message[]
  /** Why the connection that it came on ends. */
  readonly lie: OperatingError | undefined
}

/** One member, as this node sees it. */
export interface SeenMember {
  readonly record: MemberRecord
  readonly life: Life
  /** For so long; 0 for a member that is alive. */
  readonly lifeMs: number
}

/** What an operator changes of one member. */
export type MemberChange = readonly [member: NodeId, change: OperatorChange]

/** A timer that fires so late tells that answers may wait to be read. */
const LATE_TIMER_MS = 10

export class Membership implements LinkEvents {
  readonly view: View
  readonly #node: MembershipDependencies
  readonly #random: Random
  /** Records that changed here and are not durable. */
  readonly #unwritten = new Map<NodeId, MemberRecord>()
  /** Since when members are suspected or dead. */
  readonly #since = new Map<NodeId, number>()
  /** Members that are avoided though their connection is open, and since when. */
  readonly #silent = new Map<NodeId, number>()
  #timer: Timer | undefined
  /** It has fired late, and gives one more turn. */
  #isPostponed = false
  #dueAt = Number.POSITIVE_INFINITY
  #isRunning = false
  /** Called when a connection to a member has opened. */
  onMember: (member: NodeId) => void = () => undefined
  /** Called once it is durable that this node is gone: it must end. */
  onGone: () => void = () => undefined
  /** Called with the reason why this node must end. */
  onFailed: (reason: OperatingError) => void = () => undefined

  constructor(dependencies: MembershipDependencies) {
    const { records: kept, clock, entropy } = dependencies
    const { own, records, isWritten } = kept
    this.#node = dependencies
    this.#random = randomOf(entropy)
    this.view = new View({ own, records, random: this.#random, now: clock.now() })
    kept.follow(() => this.view.members.all())
    if (!isWritten) this.#unwritten.set(own.id, own.record)
  }

  /** Opens links to the members, and begins to probe them. */
  begin(): void {
    this.#isRunning = true
    this.#node.records.onFailed = (reason) => this.onFailed(reason)
    if (this.#unwritten.size > 0) void this.#save()
    this.#follow()
    this.#setTimer()
  }

  async stop(): Promise<void> {
    this.#isRunning = false
    this.#timer?.cancel()
    await this.#node.records.close()
  }

  /** Whether this is a member, and not gone. */
  has(node: NodeId): boolean {
    return this.view.members.has(node)
  }

  isGone(node: NodeId): boolean {
    return this.view.members.get(node)?.state === MemberState.gone
  }

  recordOf(node: NodeId): MemberRecord | undefined {
    return this.view.members.get(node)
  }

  /** The records of all members but those that are gone. */
  get present(): readonly MemberRecord[] {
    const { members } = this.view
    return [...members.all()].filter(({ id }) => members.has(id))
  }

  /** All records, those of members that are gone among them, in the order of ids. */
  seen(): readonly SeenMember[] {
    const now = this.#node.clock.now()
    const { members, liveness } = this.view
    const records = [...members.all()].toSorted((a, b) => (a.id < b.id ? -1 : 1))
    return records.map((record) => {
      const life = liveness.lifeOf(record.id)
      return { record, life, lifeMs: now - (this.#since.get(record.id) ?? now) }
    })
  }

  /** Members that are suspected, or dead. */
  count(life: Exclude<Life, 'alive'>): number {
    const { liveness } = this.view
    return [...this.#since.keys()].filter((id) => liveness.lifeOf(id) === life).length
  }

  /** Another member, or a node that proved the cluster key, says something. */
  hear(from: NodeId, message: Message): Heard {
    if (!this.#isRunning) return { replies: [], lie: undefined }
    const now = this.#node.clock.now()
    const heard = this.#perform(this.view.onMessage(from, message, now), from)
    this.#heard(from, now)
    return heard
  }

  onConnected(member: NodeId): void {
    if (!this.#isRunning) return
    const now = this.#node.clock.now()
    this.#perform(this.view.onConnected(member, now))
    this.#heard(member, now)
    this.onMember(member)
  }

  /** Call as often as you like: a member that is away closes once. */
  onClosed(member: NodeId): void {
    if (!this.#isRunning || this.view.avoidance.isClosed(member)) return
    this.#silent.delete(member)
    this.#perform(this.view.onClosed(member, this.#node.clock.now()))
  }

  onAsked(member: NodeId): void {
    if (!this.#isRunning || !this.view.members.has(member)) return
    this.view.avoidance.onAsked(member, this.#node.clock.now())
    this.#setTimer()
  }

  /**
   * Of an answer that was late counts the time until it was: a pause of a second must not make the
   * next one unnoticed for four, and a member that has become slow is waited for longer each time.
   */
  onAnswered(member: NodeId, tookMs: number): void {
    const now = this.#node.clock.now()
    const lateMs = now - (this.#silent.get(member) ?? now)
    this.view.avoidance.onAnswered(member, Math.max(0, tookMs - lateMs), now)
    this.#heard(member, now)
  }

  onGivenUp(member: NodeId): void {
    this.view.avoidance.onGivenUp(member)
  }

  isAvoided(member: NodeId): boolean {
    return this.view.avoidance.isAvoided(member)
  }

  slownessOf(member: NodeId): number {
    return this.view.avoidance.slownessOf(member, this.#random)
  }

  onLoopDelay(delayMs: number): void {
    this.view.onLoopDelay(delayMs)
  }

  /**
   * Adds a member whose invitation was proved here. Resolves once that is durable; fails with
   * `members-full`, `member-gone`, `node-id-taken` (its id is a member's with other facts), or
   * `node-stopping`.
   */
  async introduce(record: MemberRecord): Promise<void> {
    const known = this.view.members.get(record.id)
    const full = known === undefined ? this.view.members.whyFull() : undefined
    if (full !== undefined) throw full
    if (known?.state === MemberState.gone) throw memberGone(record.name)
    if (known !== undefined && !sameFacts(known, record)) throw idTaken(record.id)
    await this.#command((now) => this.view.introduce(record, now))
  }

  /** An operator's command. Requires: members. Resolves once all of it is durable, by one write. */
  async change(...changes: readonly MemberChange[]): Promise<void> {
    await this.#command((now) => changes.flatMap((one) => this.view.change(...one, now)))
  }

  async #command(act: (now: number) => readonly Action[]): Promise<void> {
    if (this.#isRunning) {
      this.#perform(act(this.#node.clock.now()))
      if (await this.#node.records.save()) return
    }
    throw new OperatingError('node-stopping', 'this node is stopping; ask another')
  }

  /** Returns those messages to `askedBy` that can go with the answer to it. */
  #perform(actions: readonly Action[], askedBy?: NodeId): Heard {
    let lie: OperatingError | undefined
    let hasRecords = false
    for (const action of actions) {
      if (action.kind === 'record') {
        this.#onRecord(action.record)
        hasRecords = true
      } else if (action.kind === 'life') this.#onLife(action.id, action.life)
      else if (action.kind === 'lies') lie = this.#onLie(action.member, action.why)
    }
    if (hasRecords) {
      void this.#save()
      this.#follow()
    }
    const replies: Message[] = []
    for (const action of actions) {
      if (action.kind !== 'send') continue
      const message = this.#durablePart(action.message)
      this.#count(message)
      if (action.to === askedBy && replies.length < GOSSIP_REPLIES_MAX) replies.push(message)
      else this.#send(action.to, message)
    }
    this.#setTimer()
    return { replies, lie }
  }

  #onRecord(record: MemberRecord): void {
    const { id: node, name, version, state } = record
    this.#unwritten.set(node, record)
    if (state === MemberState.gone) {
      this.#since.delete(node)
      this.#silent.delete(node)
    }
    this.#node.trace.record('member-changed', { node, name, version, state })
  }

  #onLife(node: NodeId, life: Life): void {
    if (life === 'alive') this.#since.delete(node)
    else this.#since.set(node, this.#node.clock.now())
    const { trace } = this.#node
    const fields = { node, name: this.view.members.get(node)?.name ?? '' }
    if (life === 'suspect') trace.record('member-suspected', fields)
    else if (life === 'dead') trace.record('member-dead', fields)
    else trace.record('member-alive', fields)
  }

  #onLie(member: NodeId, why: string): OperatingError {
    const { counters, trace, peers } = this.#node
    counters.peerLies += 1
    trace.record('peer-lies', { member, why })
    const lie = new OperatingError(
      'peer-lies',
      `member ${member} says what cannot be: ${why}; stop it, and see what runs there`,
    )
    peers.end(member, lie)
    return lie
  }

  /** Records that are durable by then become news; a node that is gone ends. */
  async #save(): Promise<void> {
    const saved = [...this.#unwritten]
    if (!(await this.#node.records.save()) || !this.#isRunning) return
    for (const [id, record] of saved) {
      if (this.#unwritten.get(id) !== record) continue
      this.#unwritten.delete(id)
      this.view.news.add({ kind: 'record', record })
    }
    if (!this.view.isMember) this.onGone()
  }

  /** Links go to all members but those that are gone. */
  #follow(): void {
    const { self } = this.view
    this.#node.peers.follow(this.present.filter(({ id }) => id !== self))
  }

  #durablePart(message: Message): Message {
    if (this.#unwritten.size === 0) return message
    if (message.kind === 'fill') {
      const records = message.records.filter(({ id }) => !this.#unwritten.has(id))
      const isCut = message.isCut || records.length < message.records.length
      return { ...message, records, isCut }
    }
    if (!('news' in message)) return message
    const isDurable = (news: News): boolean =>
      news.kind !== 'record' || !this.#unwritten.has(news.record.id)
    return { ...message, news: message.news.filter(isDurable) }
  }

  #count(message: Message): void {
    const { counters } = this.#node
    counters.gossipBytes += messageBytes(message)
    if (message.kind === 'ping' && message.probe > 0) counters.probes += 1
  }

  #send(to: NodeId, message: Message): void {
    const { peers, clock } = this.#node
    peers.gossip(to, message, (answer) => {
      if (isFailure(answer) || !this.#isRunning) return
      for (const reply of answer.messages) {
        this.#perform(this.view.onMessage(to, reply, clock.now()))
      }
      this.#heard(to, clock.now())
    })
  }

  /** One timer, at what the view is due to do next. */
  #setTimer(): void {
    if (!this.#isRunning || !this.view.isMember) return
    // Questions of links come between two calls of the view.
    this.#wakeAt(Math.min(this.view.wakeAt, this.view.avoidance.dueAt))
  }

  #wakeAt(dueAt: number): void {
    const { clock } = this.#node
    if (this.#timer !== undefined && this.#dueAt <= dueAt) return
    this.#timer?.cancel()
    this.#dueAt = dueAt
    this.#timer = clock.after(Math.max(0, dueAt - clock.now()), () => {
      this.#timer = undefined
      this.#onTimer()
    })
  }

  #onTimer(): void {
    if (!this.#isRunning) return
    const now = this.#node.clock.now()
    const isLate = now - this.#dueAt > LATE_TIMER_MS
    this.#isPostponed = isLate && !this.#isPostponed
    if (this.#isPostponed) return this.#wakeAt(now)
    const isJudging = now >= this.view.avoidance.dueAt
    if (isJudging) for (const id of this.#node.peers.takeHeard()) this.#heardBytes(id, now)
    if (now >= this.view.wakeAt || now >= this.view.avoidance.dueAt) {
      this.#perform(this.view.onTick(now))
    } else this.#setTimer()
    if (isJudging) this.#lookForSilent()
  }

  /** Something came that may be half a message. */
  #heardBytes(member: NodeId, now: number): void {
    this.view.avoidance.onHeard(member, now)
    this.#heard(member, now)
  }

  /** The avoidance has heard of this member. */
  #heard(member: NodeId, now: number): void {
    if (!this.#silent.has(member)) return
    this.view.avoidance.onHeard(member, now)
    this.#silent.delete(member)
    this.#node.peers.onSilence(member, false)
  }

  #lookForSilent(): void {
    const { avoidance, members } = this.view
    for (const { id } of members.all()) {
      if (this.#silent.has(id) || !avoidance.isAvoided(id) || avoidance.isClosed(id)) continue
      this.#silent.set(id, this.#node.clock.now())
      this.#node.peers.onSilence(id, true)
    }
  }
}

function randomOf(entropy: Entropy): Random {
  return { below: (count) => readU32(entropy.bytes(4), 0) % count }
}
