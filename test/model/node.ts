/**
 * A node of the model: copies of one key in memory, on disk, and the log's tail between them.
 *
 * A node may have several copies of the key: its own, and a hint for each member. What it appends
 * is in memory at once and durable at the next sync; a crash keeps the disk and any records of the
 * tail, in any choice, and draws a new start.
 */
import type { Delivery } from '../../src/dynamo/handoff/delivery.ts'
import { nodeId, type NodeId, type Start, startId } from '../../src/dynamo/names.ts'
import type { Note } from '../../src/dynamo/version/note.ts'
import type { VersionedObject } from '../../src/dynamo/version/object.ts'
import type { Attempt } from './attempt.ts'
import type { Handoff } from './handoff.ts'
import type { Remembered, Rules } from './rules.ts'

export const OWNERS = 3
export const NODES = 5
export const OWN = 0
/** The most members that a model has. */
const NAMED_MAX = 6
/** The own copy and one hint for each member. */
export const PLACES: number = 1 + NODES

/** Where a node keeps its hint for a member. */
export function placeFor(member: number): number {
  return 1 + member
}

export interface Copy {
  readonly object: VersionedObject
  readonly note: Note | undefined
}

/** A record in the log that no sync has covered yet. */
export interface Appended {
  readonly place: number
  /** Undefined drops the copy. */
  readonly copy: Copy | undefined
  /** Moved in the same batch: this place is voided. */
  readonly voided?: number
  readonly attempt?: Attempt | undefined
  readonly handoff?: Handoff | undefined
}

export class ModelNode {
  readonly index: number
  /** The machine that it is on: others may be on it too. */
  readonly machine: string
  readonly id: NodeId
  start: Start
  counter = 0
  readonly copies: (Copy | undefined)[] = forPlaces()
  /** Of each place the delivery that began last, in this process. */
  readonly deliveries: (Delivery | undefined)[] = forPlaces()
  /** The requests that this process wrote, at whatever place; undefined before the first. */
  remembered: Remembered | undefined
  /** Whether its own copy has all that this node acknowledged. */
  isWhole = true
  readonly #rules: Rules
  #durable: (Copy | undefined)[] = forPlaces()
  #tail: Appended[] = []
  #starts = 0

  constructor(index: number, machine: string, rules: Rules) {
    this.index = index
    this.machine = machine
    this.id = ID_OF[index] as NodeId
    this.start = startName(index, 0)
    this.#rules = rules
  }

  get tailLength(): number {
    return this.#tail.length
  }

  /** Which member the copy at `place` stands for. */
  memberAt(place: number): number {
    return place === OWN ? this.index : place - 1
  }

  append(record: Appended): void {
    apply(record, this.copies)
    this.#tail.push(record)
  }

  /** The place took a write, or saw that it had it already. */
  onAccepted(place: number): void {
    this.deliveries[place]?.onAccepted()
  }

  /** Makes the tail durable; returns it, for its acknowledgements. */
  sync(): readonly Appended[] {
    const synced = this.#tail
    for (const record of synced) apply(record, this.#durable)
    this.#tail = []
    return synced
  }

  /** Keeps the disk and those records of the tail that `isKept` names; returns them. */
  crash(isKept: (index: number) => boolean): readonly Appended[] {
    const saved = this.#tail.filter((_, index) => isKept(index))
    for (const record of saved) apply(record, this.#durable)
    this.#tail = []
    this.copies.splice(0, PLACES, ...this.#durable)
    this.#beginProcess(this.#rules.isStartKept)
    return saved
  }

  /** An empty disk in place of the old one. */
  loseDisk(): void {
    this.#tail = []
    this.#durable.fill(undefined)
    this.copies.fill(undefined)
    this.isWhole = false
    this.#beginProcess(this.#rules.isStartKeptWhenEmptied)
  }

  /** One copy has rotted; the process goes on, and gives dots of a new start. */
  rot(place: number): void {
    this.#tail = this.#tail.filter((record) => record.place !== place)
    this.#durable[place] = undefined
    this.copies[place] = undefined
    if (!this.#rules.isLineKeptWhenMended) this.drawStart()
  }

  drawStart(): void {
    this.#starts += 1
    this.start = startName(this.index, this.#starts)
    this.counter = 0
  }

  #beginProcess(isStartKept: boolean): void {
    this.remembered = undefined
    this.deliveries.fill(undefined)
    if (isStartKept) this.counter = this.#highestCounter()
    else this.drawStart()
  }

  /** What a recovery could know of this start's counters. */
  #highestCounter(): number {
    let highest = 0
    for (const copy of this.copies) {
      for (const range of copy?.object.context.ranges ?? []) {
        if (range.start === this.start) highest = Math.max(highest, range.last)
      }
    }
    return highest
  }
}

/** Nothing at each place. `Array.from` would take several times as long, in each history. */
function forPlaces(): undefined[] {
  return [undefined, undefined, undefined, undefined, undefined, undefined]
}

function apply(record: Appended, copies: (Copy | undefined)[]): void {
  copies[record.place] = record.copy
  if (record.voided !== undefined) copies[record.voided] = undefined
}

/** The ids of the members, by index. */
export const ID_OF: readonly NodeId[] = Array.from({ length: NAMED_MAX }, (_, i) =>
  nodeId(`a${i}`.padEnd(16, '0')),
)

const STARTS: readonly Start[] = Array.from({ length: NAMED_MAX * 64 }, (_, i) =>
  startId((Math.imul(i + 1, 0x9e37_79b1) >>> 0).toString(16).padEnd(16, 'c')),
)

/** Starts in no order, as random ones are; each differs from all others. */
export function startName(node: number, count: number): Start {
  return STARTS[node * 64 + (count % 64)] as Start
}
