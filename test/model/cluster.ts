/**
 * The nodes of the model and the messages between them.
 *
 * One key, three owners, two more nodes. All that moves an object from copy to copy is here:
 * coordinating, replicating, hinting, handing off, dropping, crashing. `history.ts` draws what
 * happens next.
 */
import { type Start } from '../../src/dynamo/names.ts'
import type { Context } from '../../src/dynamo/version/context.ts'
import type { Note } from '../../src/dynamo/version/note.ts'
import type { VersionedObject } from '../../src/dynamo/version/object.ts'
import type { PutOutcome } from '../../src/dynamo/version/put.ts'
import {
  type Appended,
  type Attempt,
  type Copy,
  type Handoff,
  type Holder,
  ModelNode,
  NODES,
  OWN,
  OWNERS,
} from './node.ts'
import { type Oracle, requestOf, valueOf, VALUES_MAX } from './oracle.ts'
import type { Rules } from './rules.ts'
import { dotLabel } from '../support/versions.ts'

/** More are dropped, as a network may. */
const MESSAGES_MAX = 24

const VALUES: readonly Uint8Array[] = Array.from({ length: VALUES_MAX }, (_, value) =>
  Uint8Array.of(value),
)

/** An object for a place, or the news that a handoff is durable. */
interface Message {
  readonly to: number
  readonly place: number
  readonly object: VersionedObject
  readonly attempt: Attempt | undefined
  readonly handoff: Handoff | undefined
  readonly isHandoffDone: boolean
}

interface Given {
  readonly node: ModelNode
  readonly place: number
  readonly to: ModelNode
  readonly toPlace: number
}

export interface ModelPut {
  readonly value: number
  /** Not the first attempt. */
  readonly isRepeat: boolean
  readonly isDelete: boolean
  readonly seen: Context
}

export interface ModelOptions {
  /** The machine of each node. */
  readonly machines: readonly number[]
  /** Nodes remember the requests that they wrote. */
  readonly remembers: boolean
  /** Where a disk would be lost, only the copy with the last write is. */
  readonly rots: boolean
}

export class Cluster {
  readonly nodes: readonly ModelNode[]
  readonly messages: Message[] = []
  readonly rules: Rules
  readonly #oracle: Oracle
  /** Lines for people, kept only for a history that is told. */
  readonly #story: string[] | undefined
  /** Notes of dropped copies, for the rule that forgets to drop them too. */
  readonly #ghosts = new Map<number, Note>()

  readonly #options: ModelOptions
  #lastGiven: Given | undefined
  #lastWritten: readonly [ModelNode, number] | undefined

  constructor(rules: Rules, oracle: Oracle, story: string[] | undefined, options: ModelOptions) {
    this.rules = rules
    this.#oracle = oracle
    this.#story = story
    this.#options = options
    this.nodes = options.machines.map((machine, i) => new ModelNode(i, machine))
  }

  /** The node that a repeat comes to, where rot may have hit what it remembers. */
  get rottenWriter(): ModelNode | undefined {
    return this.#options.rots ? this.#lastWritten?.[0] : undefined
  }

  say(line: () => string): void {
    this.#story?.push(line())
  }

  /** A coordinator adds the write to its copy. What it did is for the caller to send on. */
  coordinate(node: ModelNode, place: number, put: ModelPut, skipped: number): PutOutcome {
    const copy = node.copies[place]
    const requestId = requestOf(put.value)
    const earlier = node.remembered.get(requestId)
    if (copy !== undefined && earlier !== undefined) {
      if (this.rules.isReplaced(copy.object, requestId, earlier)) {
        return { kind: 'replaced', dot: earlier }
      }
    }
    const note = copy === undefined ? undefined : (copy.note ?? this.#ghostNote(node, place))
    const { start, counter } = this.#number(node, copy, note, skipped)
    const outcome = this.rules.put(copy?.object, note, {
      node: node.id,
      start,
      counter,
      requestId,
      isRepeat: put.isRepeat,
      time: 0,
      value: put.isDelete ? undefined : VALUES[put.value],
      seen: put.seen,
    })
    if (outcome.kind === 'written') {
      if (this.#options.remembers) node.remembered.set(requestId, outcome.dot)
      this.#lastWritten = [node, place]
      this.say(
        () => `  dot ${dotLabel(outcome.dot)}; ${where(node, place)} ${tell(outcome.object)}`,
      )
    }
    return outcome
  }

  /** The start and the next counter, with those shortcuts that rules may take. */
  #number(
    node: ModelNode,
    copy: Copy | undefined,
    note: Note | undefined,
    skipped: number,
  ): { start: Start; counter: number } {
    const rules = this.rules
    const start = rules.isNoteValidAfterRestart && note !== undefined ? note.start : node.start
    if (!rules.isCounterPerKey && start === node.start) {
      node.counter += 1 + skipped
      return { start, counter: node.counter }
    }
    let counter = 1
    for (const range of copy?.object.context.ranges ?? []) {
      if (range.start === start) counter = Math.max(counter, range.last + 1)
    }
    return { start, counter }
  }

  #ghostNote(node: ModelNode, place: number): Note | undefined {
    return this.rules.isNoteKeptOnDrop ? this.#ghosts.get(node.index * 8 + place) : undefined
  }

  append(node: ModelNode, record: Appended): void {
    node.append(record)
    if (this.rules.isAckBeforeSync) this.#acknowledge(node, record)
  }

  send(
    to: number,
    place: number,
    object: VersionedObject,
    rest?: { attempt?: Attempt; handoff?: Handoff },
  ): void {
    if (this.messages.length >= MESSAGES_MAX) return
    const { attempt, handoff } = rest ?? {}
    this.messages.push({ to, place, object, attempt, handoff, isHandoffDone: false })
  }

  /** One message arrives, in no order; a copy of it may be on its way still. */
  deliver(at: number, isCopied: boolean): void {
    const message = this.messages[at] as Message
    if (!isCopied) {
      this.messages[at] = this.messages[this.messages.length - 1] as Message
      this.messages.pop()
    }
    if (message.isHandoffDone) this.#finishHandoff(message)
    else this.#receive(message)
  }

  #receive({ to, place, object, attempt, handoff }: Message): void {
    const node = this.nodes[to] as ModelNode
    const held = node.copies[place]
    const merged = held === undefined ? object : this.rules.merge(held.object, object)
    this.say(() => `${where(node, place)} receives ${tell(object)}: ${tell(merged)}`)
    const isUnchanged = held !== undefined && merged === held.object
    const copy = isUnchanged ? held : { object: merged, note: held?.note }
    const record: Appended = { place, copy, attempt, handoff }
    // Nothing new still waits for the sync: what is held may be only in memory.
    if (isUnchanged && this.rules.isUnchangedAckedAtOnce) this.#acknowledge(node, record)
    else this.append(node, record)
  }

  /**
   * The copy goes only if nothing was accepted for its place since it was sent. What it holds is
   * not enough to compare: the node that made it durable may have sent it back meanwhile.
   */
  #finishHandoff({ to, place, object, handoff }: Message): void {
    const node = this.nodes[to] as ModelNode
    const copy = node.copies[place]
    if (copy === undefined) return
    const { isGrownHintDropped, isHandoffAckKept, merge } = this.rules
    const isTouched = node.accepted[place] !== handoff?.accepted
    const hasGrown = merge(object, copy.object) !== object
    if (isHandoffAckKept ? hasGrown : isTouched && !isGrownHintDropped) return
    this.drop(node, place)
  }

  handOff(node: ModelNode, place: number): void {
    if (place !== OWN) this.giveTo(node, place, this.nodes[node.ownerAt(place)] as ModelNode, OWN)
  }

  /** Sends a copy away for good; it is dropped when the news comes that it is durable there. */
  giveTo(node: ModelNode, place: number, to: ModelNode, toPlace: number): void {
    const copy = node.copies[place]
    if (copy === undefined || to === node) return
    this.say(() => `${where(node, place)} is on its way to ${where(to, toPlace)}`)
    this.#lastGiven = { node, place, to, toPlace }
    const accepted = node.accepted[place] as number
    const handoff = { from: node.index, place, sent: copy.object, accepted }
    this.send(to.index, toPlace, copy.object, { handoff })
    if (this.rules.isSentHintDropped) this.drop(node, place)
  }

  /** The same with nothing in between. */
  handOffAtOnce(node: ModelNode, place: number): void {
    const before = this.messages.length
    this.handOff(node, place)
    if (this.messages.length === before) return
    const owner = this.nodes[node.ownerAt(place)] as ModelNode
    this.deliver(before, false)
    this.sync(owner)
    const last = this.messages.length - 1
    if (this.messages[last]?.isHandoffDone) this.deliver(last, false)
  }

  drop(node: ModelNode, place: number): void {
    const note = node.copies[place]?.note
    if (note !== undefined) this.#ghosts.set(node.index * 8 + place, note)
    this.say(() => `${where(node, place)} is dropped`)
    node.append({ place, copy: undefined })
  }

  /** A copy moves to another node for good: durable there before it is dropped here. */
  moveAway(node: ModelNode, place: number, to: ModelNode, toPlace: number): void {
    const copy = node.copies[place]
    if (copy === undefined || node === to) return
    this.say(() => `${where(node, place)} moves away`)
    this.#receive({
      to: to.index,
      place: toPlace,
      object: copy.object,
      attempt: undefined,
      handoff: undefined,
      isHandoffDone: false,
    })
    this.sync(to)
    this.drop(node, place)
  }

  /** Owners change and change back: the copy that was last given away comes back. */
  giveBack(isAtOnce: boolean): void {
    if (this.#lastGiven === undefined) return
    const { node, place, to, toPlace } = this.#lastGiven
    if (isAtOnce) this.moveAway(to, toPlace, node, place)
    else this.giveTo(to, toPlace, node, place)
  }

  /** A hint is for another owner now: one batch writes the new place and voids the old one. */
  readdress(node: ModelNode, from: number, to: number): void {
    const copy = node.copies[from]
    const held = node.copies[to]
    if (copy === undefined || from === to) return
    this.say(() => `${where(node, from)} is addressed to ${where(node, to)}`)
    const moved =
      held === undefined
        ? copy
        : { object: this.rules.merge(held.object, copy.object), note: held.note }
    if (this.rules.isNoteCopied) node.append({ place: to, copy: moved })
    else node.append({ place: to, copy: moved, voided: from })
    // Before the old place takes anything: a crash may keep that, and not the move.
    if (!this.rules.isMoveUnsynced) this.sync(node)
  }

  sync(node: ModelNode): void {
    if (node.tailLength === 0) return
    this.say(() => `${node.id.slice(0, 2)} syncs ${node.tailLength}`)
    for (const record of node.sync()) {
      this.#onDurable(record)
      this.#acknowledge(node, record)
    }
  }

  crash(node: ModelNode, isKept: (index: number) => boolean): void {
    const { tailLength } = node
    const saved = node.crash(isKept, this.rules.isStartKept)
    this.say(() => `${node.id.slice(0, 2)} crashes, ${saved.length} of ${tailLength} records kept`)
    // A record that was kept may be replaced by a later one that did not know of it: the copy was
    // moved away in between, and that record was not kept. None of the three was acknowledged.
    for (const copy of node.copies) if (copy !== undefined) this.#oracle.onDurable(copy.object)
  }

  /** What rotted comes back from the other owners, before anything is written over it. */
  #mend(node: ModelNode, place: number): void {
    const owner = node.ownerAt(place)
    for (let other = 0; other < OWNERS; other++) {
      const copy = other === owner ? undefined : this.nodes[other]?.copies[OWN]
      if (copy === undefined) continue
      const held = node.copies[place]?.object
      const object = held === undefined ? copy.object : this.rules.merge(held, copy.object)
      node.append({ place, copy: { object, note: undefined } })
    }
  }

  /** The machine of this node burns, with all disks in it; or one copy rots. */
  destroy(node: ModelNode): void {
    if (this.#options.rots) {
      if (this.#lastWritten === undefined) return
      const [writer, place] = this.#lastWritten
      this.say(() => `${where(writer, place)} rots`)
      writer.rot(place)
      this.#mend(writer, place)
    } else {
      for (const each of this.nodes) {
        if (each.machine !== node.machine) continue
        this.say(() => `${each.id.slice(0, 2)} loses its disk`)
        each.loseDisk()
      }
    }
    this.#oracle.onDiskLost()
  }

  #onDurable({ copy }: Appended): void {
    if (copy !== undefined) this.#oracle.onDurable(copy.object)
  }

  #acknowledge(node: ModelNode, { place, attempt, handoff }: Appended): void {
    if (attempt !== undefined) this.#countHolder(attempt, node, node.ownerAt(place))
    if (handoff === undefined || this.messages.length >= MESSAGES_MAX) return
    this.messages.push({
      to: handoff.from,
      place: handoff.place,
      object: handoff.sent,
      attempt: undefined,
      handoff,
      isHandoffDone: true,
    })
  }

  /**
   * Two holders count as two only if they are on two machines, now and after their hints are
   * delivered.
   */
  #countHolder(attempt: Attempt, { index, machine }: ModelNode, owner: number): void {
    const { holders, value } = attempt
    const { isOwnerCountedTwice, isNodeForMachine } = this.rules
    const own: Holder = isNodeForMachine
      ? { on: index, willBeOn: owner }
      : { on: machine, willBeOn: (this.nodes[owner] as ModelNode).machine }
    const isSecond = holders.some(({ on, willBeOn }) => {
      if (on === own.on) return false
      if (isOwnerCountedTwice) return true
      return willBeOn !== own.willBeOn && willBeOn !== own.on && on !== own.willBeOn
    })
    holders.push(own)
    if (!isSecond) return
    this.say(() => `  v${value} is acknowledged`)
    this.#oracle.onAcknowledged(value)
  }

  /** All copies, in memory and in messages, merged in the given order. */
  converge(order: readonly number[], areMessagesLost: boolean): VersionedObject | undefined {
    const left: VersionedObject[] = []
    for (const node of this.nodes) {
      for (const copy of node.copies) if (copy !== undefined) left.push(copy.object)
    }
    if (!areMessagesLost) for (const { object } of this.messages) left.push(object)
    const sequence = order.map((at) => left[at]).filter((object) => object !== undefined)
    return sequence.length === 0 ? undefined : sequence.reduce(this.rules.merge)
  }
}

export function where(node: ModelNode, place: number): string {
  return `${node.id.slice(0, 2)}${place === OWN ? '' : `(hint for a${place - 1})`}`
}

export function tell(object: VersionedObject): string {
  const siblings = object.siblings.map(
    ({ requestId, dots, value }) =>
      `${value === undefined ? '†' : ''}v${valueOf(requestId)}{${dots.map(dotLabel).join(' ')}}`,
  )
  const ranges = object.context.ranges.map(
    (r) => `${dotLabel({ ...r, counter: r.first })}..${r.last}`,
  )
  const requests = object.context.requests.map((request) => `v${valueOf(request)}*`)
  return `[${siblings.join(', ')} | ${[...ranges, ...requests].join(' ')}]`
}

/** Places and nodes that a copy may be at. */
export const LEFT_MAX: number = NODES * (1 + OWNERS) + MESSAGES_MAX
