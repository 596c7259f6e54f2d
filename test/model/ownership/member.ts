/**
 * A member of the model of ownership: its copies of one key, and what it knows of the ring.
 *
 * What it appends is in memory at once and durable at the next sync (`log.ts`). Its process
 * remembers deliveries, moves and questions until it crashes.
 */
import type { Delivery } from '../../../src/dynamo/handoff/delivery.ts'
import type { NodeId, Start } from '../../../src/dynamo/names.ts'
import type { Note } from '../../../src/dynamo/version/note.ts'
import type { VersionedObject } from '../../../src/dynamo/version/object.ts'
import { ModelLog } from '../log.ts'
import { ID_OF, OWN, startName } from '../node.ts'
import { valuesIn } from '../oracle.ts'
import type { Attempt } from './attempt.ts'
import type { Carry } from './messages.ts'
import { bit, hasBit, isCounted, newerStage, type Stage, type Table } from './tables.ts'

export const MEMBERS = 6
/** The places of all owners. */
export const ALL_OWNERS = 0b111
/** At each place: the own copy, and a hint for each member. */
const NOTHING_HELD: readonly undefined[] = Array.from({ length: 1 + MEMBERS }, () => undefined)

export interface Copy {
  readonly object: VersionedObject
  readonly note: Note | undefined
}

/** What a log holds. */
export interface Disk {
  /** The own copy, and a hint for each member. */
  readonly copies: (Copy | undefined)[]
  /** The newest stage that it has heard of. */
  stage: Stage
  /** The table that it adopted, and its stage at that time: what it says of the older moves. */
  adopted: Table
  stated: Stage
  members: number
  gone: number
  /** Members that are known to be on another disk than their first. */
  renewed: number
  /** Its own copy counts towards R. */
  isWhole: boolean
  /** The owners' places with which it has exchanged since it was last not whole. */
  exchanged: number
  /** It lost its disk, and is not whole since. */
  isEmptied: boolean
}

/** A leaver's move. */
export interface Filling {
  readonly stage: Stage
  /** What the filler has durably of the leaver's copy, by the count of what that accepted. */
  covered: number
  isClosed: boolean
}

/** A donor's copy on its way to the owners. */
export interface Giving {
  readonly stage: Stage
  readonly accepted: number
  /** The owners that have it durably. */
  held: number
}

/** A hint on its way. */
export interface HintDelivery {
  readonly delivery: Delivery
  awaited: number
}

export interface Batch {
  readonly apply: (disk: Disk) => void
  readonly attempt?: Attempt | undefined
  /** Whose copy it is or will be, where there is an attempt. */
  readonly owner?: number
  readonly carry?: Carry | undefined
}

/** What a write of a copy is for. */
export interface WriteCause extends Omit<Batch, 'apply'> {
  /** In the same batch. */
  readonly also?: ((disk: Disk) => void) | undefined
}

export class Member extends ModelLog<Disk, Batch> {
  readonly index: number
  readonly id: NodeId
  start: Start
  counter = 0
  /** Counts what the own copy has accepted. */
  accepted = 0
  readonly deliveries: (HintDelivery | undefined)[] = [...NOTHING_HELD]
  filling: Filling | undefined
  giving: Giving | undefined
  /** A filler of a dead leaver's place: the owners that have handed over all. */
  coveredStage: Stage | undefined
  coveredBy = 0
  /** Members that are known to have adopted the table, and the newest stage that they stated. */
  seen = 0
  seenBase: Stage
  /** The open question to the owner in each place; 0 where there is none. */
  readonly questions: number[] = [0, 0, 0]
  #starts = 0

  constructor(index: number, stage: Stage, members: number) {
    super(firstDisk(stage, members, hasBit(stage.ownersMask, index)), cloneDisk)
    this.index = index
    this.id = ID_OF[index] as NodeId
    this.start = startName(index, 0)
    this.seenBase = stage
  }

  object(place: number): VersionedObject | undefined {
    return this.memory.copies[place]?.object
  }

  /** The values in all its copies. */
  get values(): number {
    let values = 0
    for (const copy of this.memory.copies) if (copy !== undefined) values |= valuesIn(copy.object)
    return values
  }

  /** The place that the member has as an owner; -1 where it is none. */
  get ownerPlace(): number {
    return this.memory.stage.owners.indexOf(this.index)
  }

  /** It is counted as an owner, and has not closed. */
  get isOpenOwner(): boolean {
    const { stage } = this.memory
    return isCounted(stage, this.index) && !this.isClosed
  }

  get isClosed(): boolean {
    return this.filling?.isClosed === true && this.filling.stage === this.memory.stage
  }

  get isFiller(): boolean {
    return this.memory.stage.filler === this.index
  }

  /** Holds a copy of a key that it does not own, and is not being filled. */
  get isDonor(): boolean {
    return this.object(OWN) !== undefined && this.ownerPlace < 0 && !this.isFiller
  }

  isDead(member: number): boolean {
    const { stage, gone } = this.memory
    return hasBit(stage.table.without | gone, member)
  }

  onAccepted(place: number): void {
    if (place === OWN) this.accepted += 1
    else this.deliveries[place]?.delivery.onAccepted()
  }

  /**
   * Whether a table was made for the disk that the member has. On another one it may have stated
   * something of it before, and ended moves.
   */
  isOnDiskOf(table: Table): boolean {
    return hasBit(table.renewed | ~this.memory.renewed, this.index)
  }

  /** On a disk that it lost it may have ended a move that gave its place away. */
  get mayHaveGiven(): boolean {
    const { stage, adopted } = this.memory
    if (this.isOnDiskOf(stage.table)) return false
    return adopted !== stage.table || !stage.table.owners.includes(this.index)
  }

  /** The table that it adopted counts as adopted by it from now on. */
  seeOwnAdoption(stated: Stage): void {
    this.seeAdoptions(bit(this.index), stated)
  }

  /** These have adopted it; `base` is the newest stage that one of them stated. */
  seeAdoptions(adopters: number, base: Stage): void {
    if (adopters === 0) return
    this.seenBase = this.seen === 0 ? base : newerStage(this.seenBase, base)
    this.seen |= adopters
  }

  /** Another stage: what belongs to the one before has ended. */
  endMoves(): void {
    this.filling = undefined
    this.questions.fill(0)
  }

  /** A new process. */
  restart(): void {
    this.#starts += 1
    this.start = startName(this.index, this.#starts)
    this.counter = 0
    this.accepted += 1
    this.deliveries.fill(undefined)
    this.endMoves()
    this.giving = undefined
    this.coveredStage = undefined
    this.coveredBy = 0
    this.seen = 0
    this.seenBase = this.disk.stated
  }
}

export function firstDisk(stage: Stage, members: number, isWhole: boolean): Disk {
  return {
    copies: [...NOTHING_HELD],
    stage,
    adopted: stage.table,
    stated: stage,
    members,
    gone: 0,
    renewed: 0,
    isWhole,
    exchanged: 0,
    isEmptied: false,
  }
}

export function cloneDisk({ copies, ...ring }: Disk): Disk {
  return { copies: [...copies], ...ring }
}

/** The copy takes part in no read until it has exchanged with the other owners. */
export function forgetWhole(disk: Disk): void {
  disk.isWhole = false
  disk.exchanged = 0
}

/** It has exchanged with the owner in that place. */
export function onExchanged(disk: Disk, place: number, ownPlace: number): void {
  disk.exchanged |= bit(place)
  if ((disk.exchanged | bit(ownPlace)) === ALL_OWNERS) becomeWhole(disk)
}

/** A filler has what an owner held after that had closed, or had refused older stages. */
export function onHandedOver(disk: Disk, places: number): void {
  disk.exchanged |= places
}

/** The filler is an owner now, in that place. */
export function onFilled(disk: Disk, isFilled: boolean, ownPlace: number): void {
  if (!isFilled) disk.exchanged = 0
  else if ((disk.exchanged | bit(ownPlace)) === ALL_OWNERS) becomeWhole(disk)
}

export function becomeWhole(disk: Disk): void {
  disk.isWhole = true
  disk.isEmptied = false
}
