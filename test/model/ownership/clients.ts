/**
 * The clients of the model: they get and put through any member.
 *
 * An owner coordinates on its own copy, nearly always; another member on a hint. A coordinator goes
 * by the stage that it knows.
 */
import type { Prng } from '../../../src/base/prng.ts'
import { Policy } from '../../../src/dynamo/names.ts'
import { Context } from '../../../src/dynamo/version/context.ts'
import type { VersionedObject } from '../../../src/dynamo/version/object.ts'
import { put as putOn } from '../../../src/dynamo/version/put.ts'
import { joined } from '../joined.ts'
import { OWN, placeFor } from '../node.ts'
import { requestOf, valuesIn } from '../oracle.ts'
import { tell } from '../story.ts'
import { Attempt } from './attempt.ts'
import { type Cluster, name } from './cluster.ts'
import { type Member, MEMBERS } from './member.ts'
import type { Message } from './messages.ts'
import { Reading } from './reading.ts'
import { hasBit } from './tables.ts'

/** How the clients of one history behave. */
export interface Habits {
  readonly valuesMax: number
  /** How likely a write is sent to an owner, and to a fallback for it. */
  readonly reach: number
  readonly hinting: number
  /** How likely what a client sends arrives at once. */
  readonly prompt: number
  /** How likely a put replaces what its client saw. */
  readonly replacing: number
}

interface Memory {
  readonly shown: number
  readonly context: Context
}

/** How likely a hint is taken for an owner that is away. */
const AWAY = 0.7
const SAW_NOTHING: Memory = { shown: 0, context: Context.empty }

export class Clients {
  readonly #cluster: Cluster
  readonly #prng: Prng
  readonly #habits: Habits
  #memory: Memory = SAW_NOTHING

  constructor(cluster: Cluster, habits: Habits) {
    this.#cluster = cluster
    this.#prng = cluster.prng
    this.#habits = habits
  }

  /** A read of R through any member. */
  get(): void {
    this.getAt(this.#cluster.anyMember())
  }

  getAt(member: Member): void {
    const { judge } = this.#cluster
    const reading = new Reading(member, judge.strict)
    const { stage } = member.memory
    this.#cluster.story?.push(`${name(member)} reads from ${stage.owners.join('')}`)
    const from = member.index
    const asked = this.#prng.shuffled(stage.owners)
    if (stage.filler >= 0 && this.#cluster.rules.isFillerRead) asked.unshift(stage.filler)
    for (const to of asked) this.#send({ kind: 'read', from, to, stage, reading })
  }

  /** A client sees some copies: a sloppy read. */
  peek(): void {
    let read: VersionedObject | undefined
    for (let copies = this.#prng.between(1, 3); copies > 0; copies--) {
      read = joined(read, this.#cluster.anyMember().object(OWN))
    }
    if (read === undefined) return
    this.#memory = { shown: valuesIn(read), context: read.context }
  }

  put(): void {
    this.putAt(this.#drawCoordinator())
  }

  putAt(coordinator: Member): void {
    const { judge } = this.#cluster
    const value = judge.follows.count
    if (value >= this.#habits.valuesMax || !this.#cluster.isUp(coordinator.index)) return
    if (this.#prng.chance(0.6)) this.peek()
    const isReplacing = this.#prng.chance(this.#habits.replacing)
    const { shown, context } = isReplacing ? this.#memory : SAW_NOTHING
    judge.follows.add(shown)
    this.#write(coordinator, value, context)
  }

  /** An owner of the stage that some member knows, or any member. */
  #drawCoordinator(): Member {
    const any = this.#cluster.anyMember()
    if (this.#prng.chance(0.1)) return any
    const owner = this.#prng.pick(any.memory.stage.owners)
    return this.#cluster.isUp(owner) ? this.#cluster.member(owner) : any
  }

  #write(member: Member, value: number, seen: Context): void {
    const { stage } = member.memory
    const isOwner = this.#cluster.isOpen(member)
    const owner = isOwner ? member.index : this.#prng.pick(stage.owners)
    if (!isOwner && owner === member.index) return
    const place = isOwner ? OWN : placeFor(owner)
    const note = member.memory.copies[place]?.note
    member.counter += 1
    const outcome = putOn(member.object(place), note, {
      policy: Policy.siblings,
      node: member.id,
      start: member.start,
      counter: member.counter,
      requestId: requestOf(value),
      isRepeat: false,
      time: 0,
      value: Uint8Array.of(value),
      seen,
    })
    if (outcome.kind !== 'written') return
    const { object } = outcome
    this.#cluster.story?.push(`v${value} at ${name(member)}, place ${place}: ${tell(object)}`)
    const attempt = new Attempt(value, object, member)
    this.#cluster.attempts.push(attempt)
    this.#cluster.write(member, place, object, outcome.note, { attempt, owner })
    if (this.#prng.chance(this.#habits.prompt)) this.#cluster.sync(member)
    this.#spread(member, object, attempt)
  }

  /** A coordinator that has heard of a newer stage sends a write again, and counts anew. */
  resend(): void {
    const { attempts } = this.#cluster
    if (attempts.length === 0) return
    const before = this.#prng.pick(attempts)
    const { coordinator: member, object, value } = before
    if (before.isOver || before.stage === member.memory.stage) return
    if (!this.#cluster.isUp(member.index)) return
    this.#cluster.story?.push(`${name(member)} sends v${value} again`)
    const isCountedOn = this.#cluster.rules.isCountedOn
    const attempt = isCountedOn ? before : new Attempt(value, object, member)
    if (!isCountedOn) attempts.push(attempt)
    if (this.#cluster.isOpen(member)) {
      this.#cluster.merge(member, OWN, object, { attempt, owner: member.index })
      if (this.#prng.chance(this.#habits.prompt)) this.#cluster.sync(member)
    }
    this.#spread(member, object, attempt)
  }

  /** To owners, to the filler, and to fallbacks that take hints for owners. */
  #spread(member: Member, object: VersionedObject, attempt: Attempt): void {
    const { reach, hinting } = this.#habits
    const { stage } = member.memory
    const from = member.index
    const owners = this.#prng.shuffled(stage.owners)
    if (stage.filler >= 0) owners.push(stage.filler)
    for (const to of owners) {
      if (to !== from && this.#prng.chance(reach)) {
        this.#send({ kind: 'write', from, to, stage, place: OWN, object, attempt })
      }
      const isAway = !this.#cluster.canReach(from, to)
      if (to === stage.filler || !this.#prng.chance(isAway ? AWAY : hinting)) continue
      const fallback = this.#drawFallback(member)
      if (hasBit(stage.ownersMask, fallback) || !this.#cluster.isUp(fallback)) continue
      const place = placeFor(to)
      this.#send({ kind: 'write', from, to: fallback, stage, place, object, attempt })
    }
  }

  /** The first behind the owners that can be reached, nearly always. */
  #drawFallback({ index, memory }: Member): number {
    if (this.#prng.chance(0.3)) return this.#prng.below(MEMBERS)
    const { ownersMask } = memory.stage
    const isFree = (one: Member): boolean =>
      !hasBit(ownersMask, one.index) && this.#cluster.canReach(index, one.index)
    return this.#cluster.members.find(isFree)?.index ?? index
  }

  #send(message: Message): void {
    const { from, to } = message
    const isPrompt = this.#prng.chance(this.#habits.prompt) && this.#cluster.canReach(from, to)
    if (!isPrompt) return this.#cluster.send(message)
    this.#cluster.receive(message)
    if (this.#prng.chance(this.#habits.prompt)) this.#cluster.sync(this.#cluster.member(to))
  }
}
