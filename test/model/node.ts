/**
 * A node of the model: copies of one key in memory, on disk, and the log's tail between them.
 *
 * A node may have several copies of the key: its own, and a hint for each owner. What it appends
 * is in memory at once and durable at the next sync; a crash keeps the disk and any records of the
 * tail, in any choice, and draws a new start.
 */
import { nodeId, type NodeId, type Start, startId } from '../../src/dynamo/names.ts'
import type { Dot } from '../../src/dynamo/version/dot.ts'
import type { Note } from '../../src/dynamo/version/note.ts'
import type { VersionedObject } from '../../src/dynamo/version/object.ts'

export const OWNERS = 3
export const NODES = 5
/** The own copy and one hint for each owner. */
export const PLACES: number = 1 + OWNERS
export const OWN = 0

export interface Copy {
  readonly object: VersionedObject
  readonly note: Note | undefined
}

/** The machine that a copy is on, and the one that it will be on, when its hint is delivered. */
export interface Holder {
  readonly on: number
  readonly willBeOn: number
}

/** One write on its way to W holders. */
export interface Attempt {
  readonly value: number
  /** Of every durable copy. */
  readonly holders: Holder[]
}

/** A copy on its way to its owner, as sent, so that later changes of the place are noticed. */
export interface Handoff {
  readonly from: number
  readonly place: number
  readonly sent: VersionedObject
  /** How often the copy had been accepted for when it was sent. */
  readonly accepted: number
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
  readonly machine: number
  readonly id: NodeId
  start: Start
  counter = 0
  readonly copies: (Copy | undefined)[] = [undefined, undefined, undefined, undefined]
  /** How often each place was written or acknowledged for; never goes back. */
  readonly accepted: number[] = [0, 0, 0, 0]
  /** The dots of requests that were written here, at whatever place; in memory alone. */
  readonly remembered: Map<string, Dot> = new Map()
  #durable: (Copy | undefined)[] = [undefined, undefined, undefined, undefined]
  #tail: Appended[] = []
  #starts = 0

  constructor(index: number, machine: number) {
    this.index = index
    this.machine = machine
    this.id = IDS[index] as NodeId
    this.start = startName(index, 0)
  }

  get tailLength(): number {
    return this.#tail.length
  }

  /** Which owner the copy at `place` stands for. */
  ownerAt(place: number): number {
    return place === OWN ? this.index : place - 1
  }

  append(record: Appended): void {
    apply(record, this.copies)
    this.accepted[record.place]! += 1
    if (record.voided !== undefined) this.accepted[record.voided]! += 1
    this.#tail.push(record)
  }

  /** Makes the tail durable; returns it, for its acknowledgements. */
  sync(): readonly Appended[] {
    const synced = this.#tail
    for (const record of synced) apply(record, this.#durable)
    this.#tail = []
    return synced
  }

  /** Keeps the disk and those records of the tail that `isKept` names; returns them. */
  crash(isKept: (index: number) => boolean, isStartKept: boolean): readonly Appended[] {
    const saved = this.#tail.filter((_, index) => isKept(index))
    for (const record of saved) apply(record, this.#durable)
    this.#tail = []
    this.copies.splice(0, PLACES, ...this.#durable)
    this.#forgetMemory()
    if (isStartKept) this.counter = this.#highestCounter()
    else this.drawStart()
    return saved
  }

  /** An empty disk in place of the old one. */
  loseDisk(): void {
    this.#tail = []
    this.#durable = [undefined, undefined, undefined, undefined]
    this.copies.fill(undefined)
    this.#forgetMemory()
    this.drawStart()
  }

  /** One copy has rotted; the process goes on, and gives dots of a new start. */
  rot(place: number): void {
    this.#tail = this.#tail.filter((record) => record.place !== place)
    this.#durable[place] = undefined
    this.copies[place] = undefined
    this.accepted[place]! += 1
    this.drawStart()
  }

  /** What was sent before a crash was another copy. */
  #forgetMemory(): void {
    this.remembered.clear()
    for (let place = 0; place < PLACES; place++) this.accepted[place]! += 1
  }

  drawStart(): void {
    this.#starts += 1
    this.start = startName(this.index, this.#starts)
    this.counter = 0
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

function apply(record: Appended, copies: (Copy | undefined)[]): void {
  copies[record.place] = record.copy
  if (record.voided !== undefined) copies[record.voided] = undefined
}

const IDS: readonly NodeId[] = Array.from({ length: NODES }, (_, i) =>
  nodeId(`a${i}`.padEnd(16, '0')),
)

const STARTS: readonly Start[] = Array.from({ length: NODES * 64 }, (_, i) =>
  startId((Math.imul(i + 1, 0x9e37_79b1) >>> 0).toString(16).padEnd(16, 'c')),
)

/** Starts in no order, as random ones are; each differs from all others. */
function startName(node: number, count: number): Start {
  return STARTS[node * 64 + (count % 64)] as Start
}
