/**
 * A member of the model of floors: its copies of one key, in memory, on disk, and the log between.
 *
 * What it appends is in memory at once and durable at the next sync. A crash keeps the disk and any
 * batches of the tail. Each process draws a start of its own.
 */
import type { NodeId, Start } from '../../../src/dynamo/names.ts'
import type { Note } from '../../../src/dynamo/version/note.ts'
import type { VersionedObject } from '../../../src/dynamo/version/object.ts'
import { ModelLog } from '../log.ts'
import { ID_OF, OWN, OWNERS, startName } from '../node.ts'
import type { Attempt } from './attempt.ts'
import { NamedStarts } from './named.ts'
import type { Asking } from './ranges.ts'
import { Remembered } from './remembered.ts'
import { type Floor, joinFloors, NO_FLOOR } from '../../../src/dynamo/repair/floor.ts'

/** The own copy, and a hint for each owner. */
export const PLACES: number = 1 + OWNERS

export function hintFor(owner: number): number {
  return 1 + owner
}

/** Whose copy the one at `place` of `member` is, or will be. */
export function ownerAt(member: Member, place: number): number {
  return place === OWN ? member.index : place - 1
}

export interface Copy {
  readonly object: VersionedObject
  readonly note: Note | undefined
}

/** The floor that a round makes. */
export interface RoundFloor {
  readonly number: number
  readonly floor: Floor
  /** The oldest round since which no start was left out. */
  readonly base: number
  readonly leftOut: ReadonlySet<Start>
}

export const NO_ROUND: RoundFloor = {
  number: 0,
  floor: NO_FLOOR,
  base: 0,
  leftOut: new Set(),
}

/** What a log holds. */
export interface Disk {
  readonly copies: (Copy | undefined)[]
  adopted: RoundFloor
  /** Every floor that was closed, without the starts that were left out since. */
  closing: Floor
  /** The round that was closed last, and its base: no older disk is merged from then on. */
  closed: number
  base: number
  /** An owner has covered it, and may adopt it when all have. */
  covered: RoundFloor | undefined
}

/** A hint on its way home. */
export interface Handoff {
  readonly from: Member
  readonly place: number
  readonly sent: VersionedObject
  /** Of the place when it was sent. */
  readonly generation: number
}

export interface Batch {
  readonly apply: (disk: Disk) => void
  /** Which took an object. */
  readonly place?: number
  readonly attempt?: Attempt | undefined
  readonly handoff?: Handoff | undefined
}

export class Member extends ModelLog<Disk, Batch> {
  readonly index: number
  readonly id: NodeId
  start: Start
  counter = 0
  /** An older state of the disk, which may come back. */
  backup: Disk | undefined
  /** Counts what each place has accepted. */
  readonly generations: number[] = [0, 0, 0, 0]
  /** Exchanges whose answer is awaited. */
  readonly pulls = new Set<number>()
  asking: Asking | undefined
  readonly remembered: Remembered = new Remembered()
  readonly named: NamedStarts = new NamedStarts()
  /** The last round that it knows all members to have closed. */
  settled: RoundFloor = NO_ROUND
  #starts = 0

  constructor(index: number) {
    super(emptyDisk(), cloneDisk)
    this.index = index
    this.id = ID_OF[index] as NodeId
    this.start = startName(index, 0)
  }

  /** All have closed the round: every hint that its floor holds has come home by now. */
  onSettled(round: RoundFloor): void {
    if (round.number > this.settled.number) this.settled = round
  }

  object(place: number): VersionedObject | undefined {
    return this.memory.copies[place]?.object
  }

  override append(batch: Batch): void {
    const { place } = batch
    if (place !== undefined) this.named.onReplaced(this.memory.copies[place])
    super.append(batch)
    if (place !== undefined) this.generations[place]! += 1
  }

  override crash(isKept: (index: number) => boolean): void {
    super.crash(isKept)
    this.#restart()
  }

  /** Another disk, or another state of it, is in its place. */
  replaceDisk(disk: Disk): void {
    this.replace(disk)
    this.#restart()
  }

  #restart(): void {
    for (let place = 0; place < PLACES; place++) this.generations[place]! += 1
    this.#starts += 1
    this.start = startName(this.index, this.#starts)
    this.counter = 0
    this.pulls.clear()
    this.asking = undefined
    this.settled = NO_ROUND
    this.remembered.clear()
    this.named.clear()
  }
}

export function emptyDisk(): Disk {
  const copies = [undefined, undefined, undefined, undefined]
  return { copies, adopted: NO_ROUND, closing: NO_FLOOR, closed: 0, base: 0, covered: undefined }
}

export function cloneDisk({ copies, ...rounds }: Disk): Disk {
  return { copies: [...copies], ...rounds }
}

/** Every floor that one of these has closed. */
export function closingOf(disks: readonly Disk[]): Floor {
  return disks.reduce((all, { closing }) => joinFloors(all, closing), NO_FLOOR)
}
