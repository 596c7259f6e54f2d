/**
 * One node's view of the cluster: the face of this folder for the worker that carries it into the
 * world.
 *
 *     a message, a connection that closed or opened,  ─► View ─► messages to send, records to write
 *     the delay of the event loop, the time                      down, members suspected or dead
 *
 * The worker calls `onTick` at `wakeAt` or a little later; it may call earlier. It sends over peer
 * connections, so `from` is known by the handshake. A member is taken for connected until the
 * worker says that its connection is closed.
 *
 * A tick that is late tells that this process was stopped: what was due meanwhile is judged later,
 * after the messages that still wait to be read.
 */
import type { NodeId } from '../names.ts'
import type { Action } from './action.ts'
import { Avoidance, type Late } from './avoidance.ts'
import * as exchange from './exchange.ts'
import { ExchangePace } from './exchange-pace.ts'
import { Liveness } from './liveness.ts'
import { LATE_MS, LocalHealth, SCORE_MAX } from './local-health.ts'
import { Members, type OperatorChange } from './members.ts'
import { type MemberRecord, MemberState, nextRecord } from './member-record.ts'
import type { Exchanging, Message, News } from './message.ts'
import { NewsQueue } from './news.ts'
import type { OwnRecord } from './own-record.ts'
import { HELPERS, PERIOD_MS, Prober } from './probing.ts'
import { ProbeOrder } from './probe-order.ts'
import type { Random } from './random.ts'
import { type Standing, Standings } from './standings.ts'

/** Members that were dead and connect are asked at once, at most so many in a period. */
const GREETINGS_MAX = 16

export interface ViewOptions {
  readonly own: OwnRecord
  /** All that this node knew before, and the members that introduce it. */
  readonly records: Iterable<MemberRecord>
  readonly random: Random
  readonly now: number
  /** It joins, and knows only the members that introduce it. */
  readonly isJoining?: boolean
}

export class View {
  readonly members = new Members()
  readonly standings = new Standings()
  readonly news = new NewsQueue()
  readonly health = new LocalHealth()
  readonly avoidance = new Avoidance()
  readonly liveness: Liveness
  readonly counts = { lies: 0 }
  readonly #own: OwnRecord
  readonly #prober: Prober
  readonly #order: ProbeOrder
  readonly #pace: ExchangePace
  #greetings = 0
  /**
   * It does not know the others yet, and judges none: it would find no helpers, and take a cluster
   * of two for the whole one.
   */
  #isJoining: boolean
  /** What the present call leads to. */
  #actions: Action[] = []
  #now: number
  #wakeAt: number
  /** When it was last seen that this process had been stopped. */
  #stoppedAt = Number.NEGATIVE_INFINITY

  constructor({ own, records, random, now, isJoining = false }: ViewOptions) {
    this.#isJoining = isJoining
    this.#own = own
    for (const record of [own.record, ...records]) this.members.take(record)
    const { members, standings, news, health } = this
    this.liveness = new Liveness({ self: own.id, members, standings, news, health })
    const others = [...members.all()].filter(({ id }) => id !== own.id && members.has(id))
    this.#order = new ProbeOrder(
      others.map(({ id }) => id),
      random,
    )
    this.#prober = new Prober(now + random.below(PERIOD_MS))
    this.#pace = new ExchangePace(random, now)
    this.#now = now
    this.#wakeAt = this.#nextDue()
  }

  get self(): NodeId {
    return this.#own.id
  }

  /** False once an operator removed this node. */
  get isMember(): boolean {
    return this.#own.record.state !== MemberState.gone
  }

  /** When to call `onTick`. */
  get wakeAt(): number {
    return this.#wakeAt
  }

  onTick(now: number): readonly Action[] {
    this.#begin(now)
    if (this.isMember) {
      for (const late of this.avoidance.onTick(now)) this.#onLate(late, now)
      this.#tickProbes(now)
      for (const id of this.liveness.onTick(now)) this.#askLast(id)
      if (now >= this.#pace.dueAt) this.#exchange(now)
    }
    return this.#end()
  }

  /** Messages of members, and of nodes that proved the cluster key and are about to be members. */
  onMessage(from: NodeId, message: Message, now: number): readonly Action[] {
    this.#begin(now)
    const record = this.members.get(from)
    if (record?.state === MemberState.gone) {
      // It learns that it is removed, and that is all it may do.
      this.#send(from, exchange.fill([record], [], []))
    } else {
      this.avoidance.onHeard(from, now)
      this.#answer(from, message, now)
      // An ack to a ping has reminded it already.
      const isReminded = this.liveness.onHeard(from, now) && message.kind !== 'ping'
      if (isReminded) this.#ping(from, 0)
    }
    return this.#end()
  }

  onConnected(peer: NodeId, now: number): readonly Action[] {
    this.#begin(now)
    this.avoidance.onConnected(peer)
    if (this.liveness.lifeOf(peer) !== 'alive' && this.#greetings < GREETINGS_MAX) {
      this.#greetings += 1
      this.#ping(peer, 0)
    }
    if (this.members.has(peer)) this.#pace.soon(peer, now)
    return this.#end()
  }

  /** The member is avoided at once, and probed next: helpers may still reach it. */
  onClosed(peer: NodeId, now: number): readonly Action[] {
    this.#begin(now)
    this.avoidance.onClosed(peer)
    if (this.members.has(peer) && this.liveness.lifeOf(peer) !== 'dead') {
      this.#order.prefer(peer)
      this.#prober.hasten(now)
    }
    return this.#end()
  }

  /**
   * The delay of the event loop that the worker has measured. Time in which this process was
   * stopped does not count; a healthy one gets a period more, in which it reads what has come.
   */
  onLoopDelay(delayMs: number): void {
    this.health.onLoopDelay(delayMs)
    if (delayMs < LATE_MS) return
    const ms = delayMs + (this.health.score < SCORE_MAX ? PERIOD_MS : 0)
    this.#prober.delay(ms)
    this.liveness.delay(ms)
    this.avoidance.delay(delayMs)
    // The tick that was due meanwhile is not to tell of the same stop.
    this.#wakeAt = Math.max(this.#wakeAt, this.#nextDue())
  }

  /** An operator's command at this node: a member that joins, whose invitation was proved here. */
  introduce(record: MemberRecord, now: number): readonly Action[] {
    this.#begin(now)
    this.#takeRecord(record)
    return this.#end()
  }

  /** An operator's command at this node. Requires: a member. */
  change(id: NodeId, change: OperatorChange, now: number): readonly Action[] {
    this.#begin(now)
    const known = this.members.get(id) as MemberRecord
    const record = nextRecord(known, { ...change, by: this.self })
    if (id === this.self) this.#hearOwn(record, this.self)
    else this.#takeRecord(record)
    return this.#end()
  }

  #begin(now: number): void {
    this.#now = now
    this.#actions = []
    const lateMs = now - this.#wakeAt
    // What was due at a stop says nothing of the time after it.
    if (lateMs < 0 || this.#wakeAt <= this.#stoppedAt) return
    if (lateMs >= LATE_MS) this.#stoppedAt = now
    this.onLoopDelay(lateMs)
  }

  #end(): readonly Action[] {
    for (const { id, life } of this.liveness.takeChanges()) {
      this.#actions.push({ kind: 'life', id, life })
    }
    // It could not be done before this call: if it is due already, it is not late.
    this.#wakeAt = Math.max(this.#now, this.#nextDue())
    return this.#actions
  }

  #nextDue(): number {
    return Math.min(this.#prober.dueAt, this.liveness.dueAt, this.avoidance.dueAt, this.#pace.dueAt)
  }

  /** Nothing where there is no message. */
  #send(to: NodeId, message: Message | undefined): void {
    if (message !== undefined) this.#actions.push({ kind: 'send', to, message })
  }

  /** News for a message to `to`; what it is accused of comes first. */
  #newsFor(to: NodeId, first?: News): readonly News[] {
    return this.news.take(this.members.size, this.liveness.accusationOf(to) ?? first)
  }

  #ping(to: NodeId, probe: number): void {
    if (this.avoidance.isClosed(to)) return
    this.#send(to, { kind: 'ping', probe, news: this.#newsFor(to) })
  }

  #tickProbes(now: number): void {
    for (let relay = this.#prober.lateRelay(now); relay; relay = this.#prober.lateRelay(now)) {
      this.#send(relay.sender, { kind: 'nack', probe: relay.probe })
    }
    this.#judge(now)
    if (!this.#prober.isIdle(now)) return
    this.#greetings = 0
    const target = this.#order.next()
    if (target === undefined) {
      this.#prober.skip(now)
      return
    }
    const askedAt = this.avoidance.askedAt(target, now)
    this.#ping(target, this.#prober.begin(target, askedAt, this.health.factor, now))
    this.#judge(now)
  }

  /** Where a member begins to be late, it is probed next by some of those that see it. */
  #onLate({ id, isNew }: Late, now: number): void {
    this.#ping(id, 0)
    if (!isNew || this.liveness.lifeOf(id) === 'dead') return
    if (this.#prober.onLate(id, this.avoidance.askedAt(id, now), now)) return
    if (this.#order.verify(id, this.members.size)) this.#prober.hasten(now)
  }

  /** Asks helpers for a probe that is late, and suspects where it has ended. */
  #judge(now: number): void {
    const isHeard = (id: NodeId): boolean => !this.avoidance.isAvoided(id)
    if (this.#prober.endHeard(isHeard)) this.health.onAnswered()
    const late = this.#prober.lateTarget(now)
    if (late !== undefined) {
      if (this.standings.isDead(late)) this.#prober.drop()
      else this.#askHelpers(late, (helpers) => this.#prober.asking(helpers, now))
    }
    const ended = this.#prober.unanswered(now)
    if (ended === undefined) return
    this.health.onUnanswered(ended.silent)
    if (!this.#isJoining) this.liveness.onUnanswered(ended.target, now)
  }

  /** The time of a suspect is up: a connection that is stalled must not make it dead. */
  #askLast(suspect: NodeId): void {
    this.#ping(suspect, 0)
    this.#askHelpers(suspect, () => 0)
  }

  #askHelpers(target: NodeId, probeFor: (helpers: number) => number): void {
    const helpers = this.#order.some(HELPERS, (id) => id !== target && this.#isFit(id))
    const probe = probeFor(helpers.length)
    for (const helper of helpers) {
      const news = this.#newsFor(helper, this.liveness.accusationOf(target))
      this.#send(helper, { kind: 'ask', probe, target, news })
    }
  }

  /** To be asked for something other than a sign of life. */
  #isFit(id: NodeId): boolean {
    return !this.standings.isDead(id) && !this.avoidance.isClosed(id)
  }

  #answer(from: NodeId, message: Message, now: number): void {
    switch (message.kind) {
      case 'ping': {
        const missed = this.#hearNews(from, message.news, now)
        this.#send(from, { kind: 'ack', probe: message.probe, news: this.#newsFor(from, missed) })
        return
      }
      case 'ack':
        this.#hearNews(from, message.news, now)
        this.#onAck(message.probe)
        return
      case 'nack':
        this.#prober.onNack(message.probe)
        this.#judge(now)
        return
      case 'ask': {
        const missed = this.#hearNews(from, message.news, now)
        if (missed !== undefined) this.#send(from, { kind: 'ack', probe: 0, news: [missed] })
        this.#help(from, message.target, message.probe, now)
        return
      }
      default:
        this.#onExchange(from, message, now)
    }
  }

  #onAck(number: number): void {
    const of = this.#prober.onAck(number)
    if (of === 'own') this.health.onAnswered()
    else if (of !== undefined) {
      this.#send(of.sender, { kind: 'ack', probe: of.probe, news: this.#newsFor(of.sender) })
    }
  }

  #help(sender: NodeId, target: NodeId, probe: number, now: number): void {
    const isReachable = this.members.has(target) && !this.avoidance.isClosed(target)
    const number = isReachable ? this.#prober.onAsk(sender, probe, now) : undefined
    if (number === undefined) this.#send(sender, { kind: 'nack', probe })
    else this.#ping(target, number)
  }

  /** Returns what the sender has missed: that one that it accuses lives. */
  #hearNews(from: NodeId, all: readonly News[], now: number): News | undefined {
    if (all.length === 0 || !this.members.has(from)) return undefined
    let missed: News | undefined
    for (const news of all) {
      if (news.kind === 'record') this.#hearRecord(news.record, from)
      else if (this.#isJoining && news.kind === 'suspect' && news.id !== this.self) continue
      else if (this.liveness.onNews(news, now)) this.#order.verify(news.id, this.members.size)
      else missed ??= this.liveness.contradictionOf(news)
    }
    return missed
  }

  #hearRecord(record: MemberRecord, from: NodeId): void {
    if (!this.members.admits(record)) return
    if (record.id === this.self) {
      this.#hearOwn(record, from)
      return
    }
    const wasMember = this.members.has(record.id)
    if (this.members.takeFrom(record, from) === 'taken') this.#onTaken(record, wasMember)
  }

  #takeRecord(record: MemberRecord): void {
    const wasMember = this.members.has(record.id)
    if (this.members.take(record) === 'taken') this.#onTaken(record, wasMember)
  }

  #onTaken(record: MemberRecord, wasMember: boolean): void {
    const { id } = record
    if (record.state === MemberState.gone) {
      this.#order.remove(id)
      this.liveness.forget(id)
      this.avoidance.forget(id)
    } else if (!wasMember) this.#order.add(id)
    this.news.add({ kind: 'record', record })
    this.#actions.push({ kind: 'record', record })
  }

  #hearOwn(record: MemberRecord, from: NodeId): void {
    const heard = this.#own.onHeard(record, from)
    if (heard.kind === 'older') return
    this.members.take(heard.record)
    this.news.add({ kind: 'record', record: heard.record })
    this.#actions.push({ kind: 'record', record: heard.record })
    if (heard.kind === 'changed' && heard.isLie) {
      this.counts.lies += 1
      const why = 'it made a record of this node, with an address or name that this never had'
      this.#actions.push({ kind: 'lies', member: from, why })
    }
  }

  #exchange(now: number): void {
    const asked = this.#pace.begin(now)
    const isAskedThere = asked !== undefined && !this.avoidance.isClosed(asked)
    const peer = isAskedThere ? asked : this.#order.some(1, (id) => this.#isFit(id))[0]
    if (peer !== undefined) this.#send(peer, exchange.compare(this))
  }

  #onExchange(from: NodeId, message: Exchanging, now: number): void {
    const isFill = message.kind === 'fill'
    const isMember = this.members.has(from)
    if (isFill && isMember) for (const record of message.records) this.#hearRecord(record, from)
    if (isFill || message.kind === 'lists') this.#hearStandings(from, message.standings)
    const answer = exchange.answer(this, message)
    this.#send(from, answer)
    if (!isFill) return
    if (!message.isCut && isMember) this.#isJoining = false
    if (message.isCut || (answer?.kind === 'fill' && answer.isCut)) this.#pace.soon(from, now)
  }

  #hearStandings(from: NodeId, standings: readonly Standing[]): void {
    if (!this.members.has(from)) return
    for (const standing of standings) this.liveness.onStanding(standing, from)
  }
}
