/**
 * The members of the model and the messages between them: writes, reads, crashes and cuts.
 *
 * A request names the stage of its sender. A receiver with an older stage learns it; one with a
 * newer stage refuses, and sends what it knows. `news.ts` has the tables, `moves.ts` the moves,
 * `handoff.ts` donors and hints, `clients.ts` the clients; `history.ts` draws what happens next.
 */
import type { Prng } from '../../../src/base/prng.ts'
import type { Note } from '../../../src/dynamo/version/note.ts'
import type { VersionedObject } from '../../../src/dynamo/version/object.ts'
import { joined } from '../joined.ts'
import { OWN } from '../node.ts'
import { tell, told } from '../story.ts'
import type { Attempt } from './attempt.ts'
import { Handoffs } from './handoff.ts'
import type { Judge } from './judge.ts'
import { type Disk, forgetWhole, Member, MEMBERS, onFilled, type WriteCause } from './member.ts'
import type { Message, Read, Request, Write } from './messages.ts'
import { Moves } from './moves.ts'
import { NewsOfRing } from './news.ts'
import type { OwnershipRules } from './rules.ts'
import {
  bit,
  compareStages,
  compareTables,
  firstStage,
  hasBit,
  isCounted,
  isSameOwners,
  type Stage,
  type Table,
  tellStage,
} from './tables.ts'

/** More are dropped, as a network may. */
const MESSAGES_MAX = 32

const FIRST_TABLE: Omit<Table, 'members' | 'needed'> = {
  number: 0,
  hash: 0,
  owners: [0, 1, 2],
  without: 0,
  renewed: 0,
}

function isHanded({ kind }: Message): boolean {
  return kind === 'carry' || kind === 'ack' || kind === 'question' || kind === 'answer'
}

export class Cluster {
  readonly rules: OwnershipRules
  readonly prng: Prng
  readonly judge: Judge
  readonly members: readonly Member[]
  readonly news: NewsOfRing
  readonly moves: Moves
  readonly handoffs: Handoffs
  readonly messages: Message[] = []
  readonly attempts: Attempt[] = []
  /** Members on one side of a cut; 0: there is none. */
  side = 0
  /** Members that joined, and those that never run again. */
  joined: number
  down = 0
  /** Crashes of members while a move goes on. */
  crashes = 0
  /** How likely a handed copy is durable before anything else happens. */
  readonly #syncing: number
  /** Lines for people, kept only for a history that is told. */
  readonly story: string[] | undefined

  constructor(
    rules: OwnershipRules,
    prng: Prng,
    judge: Judge,
    joinedFirst: number,
    story: string[] | undefined,
  ) {
    this.rules = rules
    this.prng = prng
    this.judge = judge
    this.joined = joinedFirst
    this.#syncing = prng.pick([0.3, 0.7, 0.9])
    this.story = story
    const table = { ...FIRST_TABLE, members: joinedFirst, needed: joinedFirst }
    const stage = firstStage(table, { owners: table.owners, moved: 0 })
    this.members = Array.from({ length: MEMBERS }, (_, i) => new Member(i, stage, joinedFirst))
    this.news = new NewsOfRing(this, table)
    this.moves = new Moves(this)
    this.handoffs = new Handoffs(this)
  }

  isUp(member: number): boolean {
    return hasBit(this.joined & ~this.down, member)
  }

  canReach(from: number, to: number): boolean {
    return this.isUp(from) && this.isUp(to) && hasBit(this.side, from) === hasBit(this.side, to)
  }

  anyMember(): Member {
    let index = this.prng.below(MEMBERS)
    while (!this.isUp(index)) index = (index + 1) % MEMBERS
    return this.members[index] as Member
  }

  member(index: number): Member {
    return this.members[index] as Member
  }

  // Copies.

  write(
    member: Member,
    place: number,
    object: VersionedObject | undefined,
    note: Note | undefined,
    { also, ...cause }: WriteCause = {},
  ): void {
    const copy = object === undefined ? undefined : { object, note }
    const apply = (disk: Disk): void => {
      disk.copies[place] = copy
      also?.(disk)
    }
    member.append({ ...cause, apply })
    member.onAccepted(place)
  }

  /** Merges into a copy, which keeps its note. */
  merge(
    member: Member,
    place: number,
    object: VersionedObject | undefined,
    cause: WriteCause = {},
  ): void {
    const held = member.memory.copies[place]
    this.write(member, place, joined(held?.object, object), held?.note, cause)
  }

  sync(member: Member): void {
    if (member.tailLength === 0 && hasBit(member.seen, member.index)) return
    for (const { attempt, owner, carry } of member.sync()) {
      if (attempt !== undefined) this.#onHeld(member, attempt, owner as number)
      if (carry !== undefined) this.handoffs.onDurable(member, carry)
    }
    this.news.onSynced(member)
  }

  #onHeld(member: Member, attempt: Attempt, owner: number): void {
    if (!this.canReach(member.index, attempt.coordinator.index)) return
    const { value } = attempt
    switch (attempt.onHeld(member.index, owner)) {
      case 'waits':
        return
      case 'acknowledged':
        this.story?.push(`  v${value} is acknowledged`)
        return this.judge.onAcknowledged(value)
      case 'strict':
        this.story?.push(`  v${value} is held by W owners`)
        return this.judge.onStrict(value)
    }
  }

  // Members.

  /** The first records of the tail are kept, or each as `keep` says. */
  crash(member: Member, keep: number = this.prng.pick([-1, -1, 0.5, 0.9])): void {
    const { prng } = this
    const first = keep < 0 ? prng.below(member.tailLength + 1) : 0
    if (member.memory.stage.filler >= 0) this.crashes += 1
    this.story?.push(`${name(member)} crashes`)
    member.crash((i) => i < first || prng.chance(keep))
    member.restart()
  }

  /** The disk is lost. The member is down for good, or starts again with what others know. */
  destroy(member: Member, isForGood: boolean): void {
    const { index } = member
    for (const attempt of this.attempts) attempt.onLost(index)
    this.judge.onDestroyed(bit(index))
    this.story?.push(`${name(member)} loses its disk${isForGood ? ' and is down' : ''}`)
    const disk = this.news.diskLearnt(member)
    member.replace(disk)
    member.restart()
    if (isForGood) this.down |= bit(index)
  }

  /** A member hears of a newer stage. */
  advance(member: Member, stage: Stage): void {
    const { index } = member
    this.story?.push(`  ${name(member)} is at ${tellStage(stage)}`)
    const isOwner = hasBit(stage.ownersMask, index)
    const wasFiller = member.isFiller
    const place = stage.owners.indexOf(index)
    const isNewTable = compareTables(stage.table, member.memory.adopted) > 0
    member.append({
      apply: (disk: Disk) => {
        disk.stage = stage
        if (compareTables(stage.table, disk.adopted) > 0) {
          disk.adopted = stage.table
          disk.stated = stage
        }
        if (!isOwner && !this.rules.isWholeKept) forgetWhole(disk)
        else if (isOwner && wasFiller) onFilled(disk, stage.isFilled, place)
        if (isOwner && wasFiller && this.rules.isFilledWhole) disk.isWhole = true
      },
    })
    member.endMoves()
    if (isNewTable) this.news.onAdopted(member)
  }

  // Messages.

  send(message: Message): void {
    if (this.messages.length < MESSAGES_MAX) this.messages.push(message)
  }

  /** One message arrives, or a copy of it. */
  deliver(at: number, isCopied: boolean): void {
    const message = this.messages[at] as Message
    if (!isCopied) {
      this.messages[at] = this.messages[this.messages.length - 1] as Message
      this.messages.pop()
    }
    this.receive(message)
  }

  /** A random message, unless it has to cross a cut: that is late, or lost. */
  deliverAny(isCopied: boolean): void {
    const { messages } = this
    if (messages.length === 0) return
    const at = this.prng.below(messages.length)
    const { from, to } = messages[at] as Message
    if (this.canReach(from, to)) return this.deliver(at, isCopied)
    if (this.isUp(to) && this.prng.chance(0.7)) return
    messages[at] = messages[messages.length - 1] as Message
    messages.pop()
  }

  /** The newest message of a handoff or an exchange arrives, and mostly becomes durable. */
  deliverHandoff(): void {
    let at = this.messages.length - 1
    while (at >= 0 && !isHanded(this.messages[at] as Message)) at -= 1
    if (at < 0) return
    const { from, to } = this.messages[at] as Message
    if (!this.canReach(from, to)) return
    this.deliver(at, this.prng.chance(0.05))
    if (this.prng.chance(this.#syncing)) this.sync(this.member(to))
  }

  /** The newest message of this kind to a member arrives, and what it brings is durable. */
  deliverTo(index: number, wanted: Message['kind'], syncing = this.#syncing): void {
    const at = this.messages.findLastIndex(({ to, kind }) => to === index && kind === wanted)
    if (at < 0 || !this.canReach((this.messages[at] as Message).from, index)) return
    this.deliver(at, false)
    if (this.prng.chance(syncing)) this.sync(this.member(index))
  }

  receive(message: Message): void {
    const member = this.member(message.to)
    if (!this.news.isMember(member, message.from)) return
    switch (message.kind) {
      case 'ack':
        return this.handoffs.onAck(member, message.from, message.cause)
      case 'answer':
        return this.moves.onAnswer(member, message)
      case 'news':
        return this.news.receive(member, message)
      default:
        return this.#receiveRequest(member, message)
    }
  }

  #receiveRequest(member: Member, request: Request): void {
    const order = compareStages(request.stage, member.memory.stage)
    const isSame = this.#isServed(member, request)
    if (order > 0 && !isSame) this.advance(member, request.stage)
    if (order < 0 && !isSame && !this.#isOlderTaken(member, request)) {
      this.story?.push(`${name(member)} refuses ${request.kind} of ${request.from}: older stage`)
      return this.news.tell(member, request.from)
    }
    switch (request.kind) {
      case 'write':
        return this.#receiveWrite(member, request)
      case 'read':
        return this.#receiveRead(member, request)
      case 'question':
        return this.moves.onQuestion(member, request)
      case 'carry':
        return this.handoffs.onCarry(member, request)
    }
  }

  /** Both go by the same owners: the one that is behind learns the rest by news alone. */
  #isServed({ memory }: Member, { kind, stage }: Request): boolean {
    return kind !== 'carry' && isSameOwners(stage, memory.stage, this.rules)
  }

  #isOlderTaken({ index, memory }: Member, { kind, stage }: Request): boolean {
    if (kind !== 'write' && kind !== 'read') return false
    if (!isCounted(stage, index)) return false
    const isOwnerNow = isCounted(memory.stage, index)
    if (kind === 'write' && this.rules.isFormerOwnerWritten && !isOwnerNow) return true
    return this.rules.isOlderStageTaken && isOwnerNow
  }

  #receiveWrite(member: Member, { stage, place, object, attempt }: Write): void {
    const { rules } = this
    const { index } = member
    if (place !== OWN) {
      this.story?.push(`${name(member)} receives a hint for a${place - 1}: ${tell(object)}`)
      return this.merge(member, place, object, { attempt, owner: place - 1 })
    }
    const isFormer = stage !== member.memory.stage && rules.isFormerOwnerWritten
    const isOwner = this.isOpen(member) || isFormer
    if (!isOwner && !member.isFiller) return
    this.story?.push(`${name(member)} receives ${tell(object)}${isOwner ? '' : ', filling'}`)
    const isHeld = isOwner || rules.isFillerWritten
    this.merge(member, OWN, object, isHeld ? { attempt, owner: index } : {})
  }

  /** Whether the member acts as an owner. */
  isOpen(member: Member): boolean {
    const { rules } = this
    if (member.mayHaveGiven && !rules.isEmptiedReopened) return false
    if (member.isOpenOwner) return true
    return rules.isDeadCounted && member.ownerPlace >= 0 && !member.isClosed
  }

  #receiveRead(member: Member, { reading }: Read): void {
    const { rules } = this
    const isFiller = member.isFiller && rules.isFillerRead
    if (!isFiller && (!this.isOpen(member) || !member.memory.isWhole)) return
    if (!this.canReach(member.index, reading.coordinator.index)) return
    const object = member.object(OWN)
    this.story?.push(`${name(member)} answers ${told(object)}`)
    if (!reading.onAnswer(member.index, object)) return
    this.judge.onRead(reading)
  }
}

export function name({ index }: Member): string {
  return `a${index}`
}
