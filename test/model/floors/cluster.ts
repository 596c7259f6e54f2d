/**
 * The members of the model and the messages between them: writes, hints and their way home.
 *
 * One key, three owners, two more members. Exchanges, rounds, and the removal of ranges are in
 * `exchanges.ts`, `rounds.ts` and `ranges.ts`; `history.ts` draws what happens next.
 */
import type { Prng } from '../../../src/base/prng.ts'
import { merge } from '../../../src/dynamo/version/merge.ts'
import type { Note } from '../../../src/dynamo/version/note.ts'
import type { VersionedObject } from '../../../src/dynamo/version/object.ts'
import { joined } from '../joined.ts'
import { tell, told } from '../story.ts'
import type { Attempt } from './attempt.ts'
import { type ExchangeMessage, Exchanges } from './exchanges.ts'
import { type Floor, carries, hasDot, isUnder, NO_FLOOR } from '../../../src/dynamo/repair/floor.ts'
import { without } from './floor.ts'
import { NODES, OWN, OWNERS } from '../node.ts'
import {
  closingOf,
  cloneDisk,
  emptyDisk,
  type Handoff,
  hintFor,
  Member,
  ownerAt,
  NO_ROUND,
  type RoundFloor,
} from './member.ts'
import { Ranges, type RangesMessage } from './ranges.ts'
import { Rounds } from './rounds.ts'
import type { FloorRules } from './rules.ts'

/** More are dropped, as a network may. */
const MESSAGES_MAX = 24
/** In acts; none in most histories, since what is remembered stays. */
const DEADLINES = [0, 0, 0, 5, 20]

interface Write {
  readonly kind: 'write'
  readonly to: number
  readonly place: number
  readonly object: VersionedObject
  readonly attempt?: Attempt | undefined
  readonly handoff?: Handoff | undefined
  /** It arrives after everything else. */
  readonly isSlow?: boolean
}

interface Ack {
  readonly kind: 'ack'
  readonly to: number
  readonly handoff: Handoff
}

/** `sentIn`: the round that had opened last. */
export type Message = (Write | Ack | ExchangeMessage | RangesMessage) & { sentIn?: number }

/** What the model's clients were told. */
export interface Witness {
  onAcknowledged(value: number): void
  /** A key was removed. */
  onReaped(object: VersionedObject): void
  onRangesRemoved(): void
}

export class Cluster {
  readonly members: readonly Member[] = Array.from({ length: NODES }, (_, i) => new Member(i))
  readonly owners: readonly Member[] = this.members.slice(0, OWNERS)
  readonly rules: FloorRules
  readonly prng: Prng
  readonly exchanges: Exchanges
  readonly ranges: Ranges
  readonly rounds: Rounds
  readonly witness: Witness
  readonly messages: Message[] = []
  /** Acts since the history began. */
  now = 0
  /** A request is repeated for so many acts, and remembered for twice as many. */
  readonly deadline: number
  /** The last round that all have opened. */
  opened = 0
  /** How often a write is very late. */
  readonly #slowness: number
  /** The last round that an owner adopted. */
  #adopted = 0
  /** What was sent before all had opened this round has ended. */
  #fence = 0
  /** Lines for people, kept only for a history that is told. */
  readonly #story: string[] | undefined

  constructor(rules: FloorRules, prng: Prng, witness: Witness, story: string[] | undefined) {
    this.rules = rules
    this.prng = prng
    this.witness = witness
    this.#story = story
    this.#slowness = prng.pick([0, 0.1, 0.4])
    this.deadline = prng.pick(DEADLINES)
    this.exchanges = new Exchanges(this)
    this.ranges = new Ranges(this)
    this.rounds = new Rounds(this)
  }

  get rememberedSince(): number {
    return this.now - 2 * this.deadline
  }

  say(line: () => string): void {
    this.#story?.push(line())
  }

  /** What a member goes by: what it adopted, once the record of that is durable. */
  adoptedBy({ disk, memory }: Member): RoundFloor {
    return (this.rules.isFloorCountedUnsynced ? memory : disk).adopted
  }

  floorOf(member: Member): Floor {
    return this.adoptedBy(member).floor
  }

  /**
   * A round opens at least the longest deadline after all have opened the one that was adopted
   * last. Of void rounds nothing is required.
   */
  onOpening(): void {
    this.#fence = this.#adopted
    const kept = this.messages.filter(({ sentIn }) => !this.hasEnded(sentIn ?? 0))
    this.messages.splice(0, this.messages.length, ...kept)
  }

  /** Whether requests and messages that were sent in that round are past their deadline. */
  hasEnded(sentIn: number): boolean {
    return sentIn < this.#fence
  }

  onOpened({ number }: RoundFloor): void {
    this.opened = number
  }

  onAdopted({ number }: RoundFloor): void {
    this.#adopted = Math.max(this.#adopted, number)
  }

  /** Starts that the round left out leave the closing floors too. */
  onAdoptedByAll({ number, leftOut }: RoundFloor): void {
    if (leftOut.size === 0) return
    this.say(() => `round ${number} has left out ${leftOut.size} starts`)
    for (const member of this.members) {
      member.append({
        apply: (disk) => {
          const left = [...disk.closing].filter(([start]) => !leftOut.has(start))
          disk.closing = new Map(left)
        },
      })
    }
  }

  // Copies.

  write(
    member: Member,
    place: number,
    object: VersionedObject | undefined,
    note: Note | undefined,
    cause: { attempt?: Attempt | undefined; handoff?: Handoff | undefined } = {},
  ): void {
    const copy = object === undefined ? undefined : { object, note }
    const { attempt, handoff } = cause
    const apply = (disk: { copies: unknown[] }): void => void (disk.copies[place] = copy)
    member.append({ apply, place, attempt, handoff })
  }

  sync(member: Member): void {
    for (const { place, attempt, handoff } of member.sync()) {
      if (attempt !== undefined && place !== undefined) {
        if (attempt.onHeld(member.index, ownerAt(member, place))) {
          this.say(() => `  v${attempt.value} is acknowledged`)
          this.witness.onAcknowledged(attempt.value)
        }
      }
      if (handoff !== undefined) this.send({ kind: 'ack', to: handoff.from.index, handoff })
    }
  }

  crash(member: Member): void {
    const first = this.prng.below(member.tailLength + 1)
    const chance = this.prng.pick([0, 0, 0.5, 0.9])
    this.say(() => `${name(member)} crashes`)
    member.crash((i) => (chance === 0 ? i < first : this.prng.chance(chance)))
  }

  /** A member loses all that it has, or its copy of the key unnoticed, or what it had of late. */
  destroy(member: Member): void {
    const { prng, rules } = this
    if (prng.chance(0.3)) {
      this.say(() => `${name(member)} loses its copy and does not know it`)
      const disk = cloneDisk(member.disk)
      disk.copies[OWN] = undefined
      member.replaceDisk(disk)
      return
    }
    const others = this.members.filter((one) => one !== member)
    const backup = prng.chance(0.7) ? member.backup : undefined
    // Its dots may be of starts that no floor holds any more.
    const base = Math.max(...others.map((other) => other.disk.base))
    const isTooOld = backup !== undefined && backup.closed < base && !rules.isOldDiskMerged
    const isSetBack = backup !== undefined && !isTooOld
    const told = isSetBack ? 'is set back' : isTooOld ? 'is set back too far' : 'loses its disk'
    this.say(() => `${name(member)} ${told}`)
    const disk = isSetBack ? cloneDisk(backup) : emptyDisk()
    if (!rules.isClosingUnasked) {
      disk.closing = closingOf([disk, ...others.map((other) => other.disk)])
    }
    // What went by asking, since it was replaced, would come back from an old disk of one round.
    if (!rules.isFloorKeptWhenSetBack)
      Object.assign(disk, { adopted: NO_ROUND, covered: undefined })
    if (rules.isFloorKeptWhenEmptied) disk.adopted = member.disk.adopted
    member.replaceDisk(disk)
  }

  /** Removes the key from an owner that may. */
  reap(owner: Member): void {
    const object = owner.object(OWN)
    if (object === undefined || !this.exchanges.isDone(owner, object)) return
    const { ranges } = object.context
    const isRemembered = owner.remembered.liesIn(ranges, this.rememberedSince)
    if (isRemembered && !this.rules.isReapedThoughRemembered) return
    this.witness.onReaped(object)
    this.say(() => `${name(owner)} removes ${tell(object)}`)
    this.write(owner, OWN, undefined, undefined)
  }

  // Messages.

  send(message: Message): void {
    if (this.messages.length >= MESSAGES_MAX) return
    message.sentIn = this.opened
    this.messages.push(message)
  }

  sendWrite(to: number, place: number, object: VersionedObject, attempt?: Attempt): void {
    const isSlow = this.prng.chance(this.#slowness)
    this.send({ kind: 'write', to, place, object, attempt, isSlow })
  }

  /** One message arrives, or a copy of it. */
  deliver(at: number, isCopied: boolean): void {
    const message = this.messages[at] as Message
    if (!isCopied) {
      this.messages[at] = this.messages[this.messages.length - 1] as Message
      this.messages.pop()
    }
    const member = this.members[message.to] as Member
    switch (message.kind) {
      case 'write':
        return this.#receive(member, message)
      case 'ack':
        return this.#onHome(member, message.handoff)
      case 'ask':
      case 'answer':
        return this.exchanges.onMessage(member, message)
      default:
        return this.ranges.onMessage(member, message)
    }
  }

  /** A random message, unless it is a slow one. */
  deliverAny(isCopied: boolean): void {
    if (this.messages.length === 0) return
    const at = this.prng.below(this.messages.length)
    const message = this.messages[at] as Message
    if (message.kind === 'write' && message.isSlow === true) return
    this.deliver(at, isCopied)
  }

  /** The first of the messages that no write is. */
  deliverAnswer(): boolean {
    const at = this.messages.findIndex(({ kind }) => kind !== 'write')
    if (at < 0) return false
    this.deliver(at, false)
    return true
  }

  /** A write, a read repair, or a hint: for the holder, or come home. */
  #receive(member: Member, { place, object, attempt, handoff }: Write): void {
    const { rules } = this
    const held = member.object(place)
    const note = member.memory.copies[place]?.note
    const isTaken = place === OWN ? rules.isLateWriteTaken : rules.isLateHintTaken
    if (handoff !== undefined) return this.#receiveHome(member, object, handoff)
    const { closing } = member.disk
    const isLate = (dot: Parameters<typeof carries>[1]): boolean =>
      isUnder(closing, dot) && !carries(held, dot)
    let taken: VersionedObject | undefined = object
    if (!isTaken && hasDot(object, isLate)) {
      this.say(() => `${spot(member, place)} refuses ${tell(object)}: too late`)
      if (!rules.isLateTrimmed) return
      taken = without(object, isLate, rules.isUntakenCovered)
    }
    const merged = joined(held, taken)
    this.say(() => `${spot(member, place)} receives ${tell(object)}: ${told(merged)}`)
    // Refused is not held.
    this.write(member, place, merged, note, { attempt: taken === object ? attempt : undefined })
  }

  /**
   * It was durable, and taken in time: what is dead in it is left out. That is what this copy does
   * not carry below a floor that all have closed: a hint that old has come home before.
   */
  #receiveHome(member: Member, object: VersionedObject, handoff: Handoff): void {
    const { rules } = this
    const held = member.object(OWN)
    const floors = [this.floorOf(member)]
    if (!rules.isHintMergedUntilAdopted) {
      floors.push(member.settled.floor, member.disk.covered?.floor ?? NO_FLOOR)
    }
    const isDead = (dot: Parameters<typeof carries>[1]): boolean =>
      floors.some((floor) => isUnder(floor, dot)) && !carries(held, dot)
    const taken = rules.isHintMergedWhole ? object : without(object, isDead, rules.isUntakenCovered)
    const merged = joined(held, taken)
    this.say(() => `${name(member)} receives the hint ${tell(object)}: ${told(merged)}`)
    this.write(member, OWN, merged, member.memory.copies[OWN]?.note, { handoff })
  }

  // Hints.

  isHandingOff(member: Member, owner: number): boolean {
    return this.messages.some((one) => {
      const handoff = one.kind === 'write' || one.kind === 'ack' ? one.handoff : undefined
      return handoff?.from === member && handoff.place === hintFor(owner)
    })
  }

  handOff(member: Member, owner: number): void {
    const place = hintFor(owner)
    const object = member.object(place)
    if (object === undefined || owner === member.index) return
    const isDurable = member.disk.copies[place]?.object === object
    if (!isDurable && !this.rules.isHintSentUnsynced) return
    const generation = member.generations[place] as number
    const handoff = { from: member, place, sent: object, generation }
    this.send({ kind: 'write', to: owner, place: OWN, object, handoff })
  }

  #onHome(member: Member, { place, sent, generation }: Handoff): void {
    const object = member.object(place)
    if (object === undefined) return
    const isSame = this.rules.isGrownHintDropped
      ? merge(sent, object) === sent
      : member.generations[place] === generation
    if (!isSame) return
    this.say(() => `${spot(member, place)} is dropped`)
    this.write(member, place, undefined, undefined)
  }
}

export function name({ index }: Member): string {
  return `a${index}`
}

function spot(member: Member, place: number): string {
  return `${name(member)}${place === OWN ? '' : `(hint for a${ownerAt(member, place)})`}`
}
