/** Records, ids, and a few views that talk to each other, for tests of membership. */
import { Prng } from '../../../../src/base/prng.ts'
import { nodeId, type NodeId } from '../../../../src/dynamo/names.ts'
import {
  type MemberFields,
  type MemberRecord,
  MemberState,
  memberRecord,
} from '../../../../src/dynamo/membership/member-record.ts'
import type { Message } from '../../../../src/dynamo/membership/message.ts'
import { OwnRecord } from '../../../../src/dynamo/membership/own-record.ts'
import type { Action } from '../../../../src/dynamo/membership/action.ts'
import { View } from '../../../../src/dynamo/membership/view.ts'
import { member } from '../ring/members.ts'

/** Spread over the buckets, as random ids are. */
export function id(number: number): NodeId {
  const hex = Math.imul(number + 1, 0x9e37_79b1) >>> 0
  return nodeId(`${hex.toString(16).padStart(8, '0')}${number.toString(16).padStart(8, '0')}`)
}

export function fields(number: number, over: Partial<MemberFields> = {}): MemberFields {
  const own = id(number)
  return {
    ...member(number % 1_000),
    id: own,
    state: MemberState.joined,
    version: 1,
    by: own,
    sponsor: own,
    ...over,
  }
}

export function record(number: number, over: Partial<MemberFields> = {}): MemberRecord {
  return memberRecord(fields(number, over))
}

export function records(count: number): readonly MemberRecord[] {
  return Array.from({ length: count }, (_, number) => record(number))
}

export function random(seed = 1): Prng {
  return Prng.of(seed, 'membership')
}

interface Seat {
  view: View
  /** Its clock reads so much more than the table's. */
  aheadMs: number
}

interface Mail {
  readonly from: NodeId
  readonly to: NodeId
  readonly message: Message
}

const STEP_MS = 10

/** Some views around one table: what one sends is there at once, in steps of 10 ms. */
export class Table {
  now = 0
  readonly seats = new Map<NodeId, Seat>()
  /** All that was done beside sending. */
  readonly told: { readonly at: NodeId; readonly action: Action }[] = []
  /** Of these pairs no message arrives. */
  readonly cut = new Set<string>()
  #mail: Mail[] = []
  /** This member stands still: what comes to it waits. */
  #stopped: NodeId | undefined
  #waiting: Mail[] = []

  constructor(count: number) {
    const all = records(count)
    for (const own of all) this.seat(own, all)
  }

  seat(
    own: MemberRecord,
    known: Iterable<MemberRecord>,
    { aheadMs = 0, isJoining = false } = {},
  ): View {
    const view = new View({
      own: new OwnRecord(own),
      records: known,
      random: random().stream(own.id),
      now: this.now + aheadMs,
      isJoining,
    })
    this.seats.set(own.id, { view, aheadMs })
    return view
  }

  view(number: number): View {
    return (this.seats.get(id(number)) as Seat).view
  }

  act(number: number, act: (view: View, now: number) => readonly Action[]): readonly Action[] {
    const seat = this.seats.get(id(number)) as Seat
    return this.#perform(id(number), act(seat.view, this.now + seat.aheadMs))
  }

  run(ms: number): void {
    for (const until = this.now + ms; this.now < until; this.now += STEP_MS) {
      for (const [id, { view, aheadMs }] of this.seats) {
        const now = this.now + aheadMs
        if (now >= view.wakeAt && id !== this.#stopped) this.#perform(id, view.onTick(now))
      }
      const mail = this.#mail
      this.#mail = []
      for (const one of mail) {
        if (this.cut.has(`${one.from} ${one.to}`)) continue
        if (one.to === this.#stopped) this.#waiting.push(one)
        else this.#deliver(one)
      }
    }
  }

  /** All but this member run; then its timers come first, and what waited for it next. */
  stop(number: number, ms: number): void {
    this.#stopped = id(number)
    this.run(ms)
    this.#stopped = undefined
    const { view, aheadMs } = this.seats.get(id(number)) as Seat
    const now = this.now + aheadMs
    if (now >= view.wakeAt) this.#perform(id(number), view.onTick(now))
    for (const one of this.#waiting.splice(0)) this.#deliver(one)
  }

  /** Nothing from or to this member arrives. */
  isolate(number: number): void {
    for (const other of this.seats.keys()) {
      this.cut.add(`${id(number)} ${other}`).add(`${other} ${id(number)}`)
    }
  }

  livesOf(number: number): readonly string[] {
    return [...this.seats.values()].map(({ view }) => view.liveness.lifeOf(id(number)))
  }

  #deliver({ from, to, message }: Mail): void {
    const seat = this.seats.get(to)
    if (seat === undefined) return
    this.#perform(to, seat.view.onMessage(from, message, this.now + seat.aheadMs))
  }

  #perform(from: NodeId, actions: readonly Action[]): readonly Action[] {
    for (const action of actions) {
      if (action.kind === 'send') this.#mail.push({ from, to: action.to, message: action.message })
      else this.told.push({ at: from, action })
    }
    return actions
  }
}
