/**
 * The nodes of the model and the messages between them.
 *
 * One key, three owners, two more nodes. What a node does with a write or an object is here:
 * coordinating, replicating, syncing, crashing, answering. How copies leave a node is in
 * `handoff.ts`, how they are lost in `losses.ts`. `history.ts` draws what happens next.
 */
import { Policy, type Start } from '../../src/dynamo/names.ts'
import type { Context } from '../../src/dynamo/version/context.ts'
import type { Note } from '../../src/dynamo/version/note.ts'
import type { VersionedObject } from '../../src/dynamo/version/object.ts'
import type { PutOutcome } from '../../src/dynamo/version/put.ts'
import { dotLabel } from '../support/versions.ts'
import type { Attempt } from './attempt.ts'
import { type Handoff, Handoffs } from './handoff.ts'
import { Losses } from './losses.ts'
import { type Appended, type Copy, ModelNode, OWN, OWNERS, PLACES } from './node.ts'
import type { ModelOptions } from './options.ts'
import { type Oracle, requestOf, VALUES_MAX } from './oracle.ts'
import type { Rules } from './rules.ts'
import { tell, where } from './story.ts'

/** More are dropped, as a network may. */
const MESSAGES_MAX = 24

const VALUES: readonly Uint8Array[] = Array.from({ length: VALUES_MAX }, (_, value) =>
  Uint8Array.of(value),
)

/** An object for a place, or the news that a handoff is durable. */
interface Message {
  readonly from: number
  readonly to: number
  readonly place: number
  /** Undefined in the news of a handoff. */
  readonly object: VersionedObject | undefined
  readonly attempt: Attempt | undefined
  readonly handoff: Handoff | undefined
  /** Never sent by production code. */
  readonly note: Note | undefined
}

/** Why an object is sent. */
interface Cause {
  readonly attempt?: Attempt | undefined
  readonly handoff?: Handoff | undefined
  readonly note?: Note | undefined
}

const NO_CAUSE: Cause = {}

export interface ModelPut {
  readonly value: number
  /** Not the first attempt. */
  readonly isRepeat: boolean
  readonly isDelete: boolean
  readonly seen: Context
}

export class Cluster {
  readonly nodes: readonly ModelNode[]
  readonly messages: Message[] = []
  readonly rules: Rules
  readonly handoffs: Handoffs
  readonly losses: Losses
  readonly oracle: Oracle
  /** W. */
  readonly needed: number
  readonly #options: ModelOptions
  /** Lines for people, kept only for a history that is told. */
  readonly #story: string[] | undefined
  /** Notes of dropped copies, for the rule that forgets to drop them too. */
  readonly #ghosts = new Map<number, Note>()
  #owners: readonly number[] = FIRST_OWNERS
  #lastWritten: readonly [ModelNode, number] | undefined

  constructor(rules: Rules, oracle: Oracle, story: string[] | undefined, options: ModelOptions) {
    this.rules = rules
    this.oracle = oracle
    this.needed = options.needed
    this.#story = story
    this.#options = options
    this.nodes = options.machines.map((machine, i) => new ModelNode(i, machine, rules))
    this.handoffs = new Handoffs(this)
    this.losses = new Losses(this)
  }

  /** The nodes that own the key now. */
  get owners(): readonly number[] {
    return this.#owners
  }

  get isRingFixed(): boolean {
    return this.#options.isRingFixed
  }

  get rots(): boolean {
    return this.#options.rots
  }

  /** The copy that took a write last: where rot hits, and where a repeat may come. */
  get lastWritten(): readonly [ModelNode, number] | undefined {
    return this.#lastWritten
  }

  say(line: () => string): void {
    this.#story?.push(line())
  }

  /** Another node owns the key in place of one owner, if it is on a machine of its own. */
  changeOwner(at: number, to: number): void {
    const machine = this.nodes[to]!.machine
    const left = this.#owners.filter((_, i) => i !== at)
    if (left.some((owner) => owner === to || this.nodes[owner]!.machine === machine)) return
    this.#owners = this.#owners.with(at, to)
    this.say(() => `the owners are a${this.#owners.join(', a')}`)
  }

  /** A coordinator adds the write to its copy. What it did is for the caller to send on. */
  coordinate(node: ModelNode, place: number, put: ModelPut, skipped: number): PutOutcome {
    const copy = node.copies[place]
    const requestId = requestOf(put.value)
    const dot = node.remembered?.replaced(requestId, copy?.object)
    if (dot !== undefined) return { kind: 'replaced', dot }
    const note = this.#noteOf(node, place)
    const { start, counter } = this.#number(node, copy, note, skipped)
    const outcome = this.rules.put(copy?.object, note, {
      policy: Policy.siblings,
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
      if (this.#options.remembers) {
        node.remembered ??= this.rules.newRemembered()
        node.remembered.add(requestId, outcome.dot)
      }
      this.#lastWritten = [node, place]
      this.say(
        () => `  dot ${dotLabel(outcome.dot)}; ${where(node, place)} ${tell(outcome.object)}`,
      )
    }
    return outcome
  }

  /** The note of the copy; another one where a broken rule says so. */
  #noteOf(node: ModelNode, place: number): Note | undefined {
    const copy = node.copies[place]
    if (copy === undefined) return undefined
    if (copy.note !== undefined) return copy.note
    const { isNoteKeptOnDrop, isNoteForAllPlaces } = this.rules
    if (isNoteKeptOnDrop) return this.#ghosts.get(node.index * PLACES + place)
    if (isNoteForAllPlaces) return node.copies.find((other) => other?.note !== undefined)?.note
    return undefined
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

  /** A place takes a record, or `isUnchanged`, sees that it has it already. */
  append(node: ModelNode, record: Appended, isUnchanged: boolean): void {
    const { rules } = this
    if (!isUnchanged || !rules.isUnchangedNotAccepted) node.onAccepted(record.place)
    // Nothing new still waits for the sync: what is held may be only in memory.
    const isAcked = isUnchanged && rules.isUnchangedAckedAtOnce
    if (!isAcked) node.append(record)
    if (isAcked || rules.isAckBeforeSync) this.#acknowledge(node, record)
    else if (rules.isHandoffAckedUnsynced) this.#answerHandoff(node, record)
  }

  send(to: number, place: number, object: VersionedObject, cause: Cause = NO_CAUSE): void {
    if (this.messages.length >= MESSAGES_MAX) return
    const { attempt, handoff, note } = cause
    this.messages.push({ from: to, to, place, object, attempt, handoff, note })
  }

  /** One message arrives, in no order; a copy of it may be on its way still. */
  deliver(at: number, isCopied: boolean): void {
    const message = this.messages[at] as Message
    if (!isCopied) {
      this.messages[at] = this.messages[this.messages.length - 1] as Message
      this.messages.pop()
    }
    const { from, to, place, object, handoff } = message
    if (object !== undefined) this.receive(this.nodes[to]!, place, object, message)
    else if (handoff !== undefined) this.handoffs.onHeld(handoff, from)
  }

  /** All messages but the first `before` arrive; their receivers sync, and answers are left. */
  deliverSince(before: number): void {
    for (let at = this.messages.length - 1; at >= before; at--) {
      const { to } = this.messages[at]!
      this.deliver(at, false)
      this.sync(this.nodes[to]!)
    }
  }

  receive(node: ModelNode, place: number, object: VersionedObject, cause: Cause = NO_CAUSE): void {
    const { rules } = this
    const held = node.copies[place]
    const merged = held === undefined ? object : rules.merge(held.object, object)
    this.say(() => `${where(node, place)} receives ${tell(object)}: ${tell(merged)}`)
    const isUnchanged = held !== undefined && merged === held.object
    const note = held === undefined && rules.isNoteDelivered ? cause.note : held?.note
    const copy = isUnchanged ? held : { object: merged, note }
    const { attempt, handoff } = cause
    this.append(node, { place, copy, attempt, handoff }, isUnchanged)
  }

  onDropped(node: ModelNode, place: number): void {
    const note = node.copies[place]?.note
    if (note !== undefined) this.#ghosts.set(node.index * PLACES + place, note)
  }

  sync(node: ModelNode): void {
    if (node.tailLength === 0) return
    this.say(() => `${node.id.slice(0, 2)} syncs ${node.tailLength}`)
    for (const record of node.sync()) {
      if (record.copy !== undefined) this.oracle.onDurable(record.copy.object)
      this.#acknowledge(node, record)
    }
  }

  crash(node: ModelNode, isKept: (index: number) => boolean): void {
    const { tailLength } = node
    const saved = node.crash(isKept)
    this.say(() => `${node.id.slice(0, 2)} crashes, ${saved.length} of ${tailLength} records kept`)
    // A record that was kept may be replaced by a later one that did not know of it: the copy was
    // moved away in between, and that record was not kept. None of the three was acknowledged.
    for (const copy of node.copies) if (copy !== undefined) this.oracle.onDurable(copy.object)
  }

  #acknowledge(node: ModelNode, record: Appended): void {
    const { place, attempt } = record
    const member = this.nodes[node.memberAt(place)]!
    if (attempt?.onHeld(node, member, this) === true) {
      this.say(() => `  v${attempt.value} is acknowledged`)
    }
    this.#answerHandoff(node, record)
  }

  #answerHandoff(node: ModelNode, { place, handoff }: Appended): void {
    if (handoff === undefined || this.messages.length >= MESSAGES_MAX) return
    this.messages.push({
      from: node.index,
      to: handoff.node.index,
      place,
      object: undefined,
      attempt: undefined,
      handoff,
      note: undefined,
    })
  }

  /**
   * What a get of R owners answers: undefined where too few of them can. Owners are asked in this
   * order, each once; then the other nodes, whose hints come along and count for nothing.
   */
  readAtR(order: readonly number[]): { object: VersionedObject | undefined } | undefined {
    const { isEmptiedCounted, isFallbackCounted } = this.rules
    const needed = OWNERS - this.needed + 1
    let answered = 0
    let object: VersionedObject | undefined
    for (const index of order) {
      if (answered === needed) break
      const node = this.nodes[index]!
      const isOwner = this.#owners.includes(index)
      if (isOwner && !node.isWhole && !isEmptiedCounted) continue
      if (isOwner || isFallbackCounted) answered += 1
      for (let place = isOwner ? OWN : OWN + 1; place < (isOwner ? OWN + 1 : PLACES); place++) {
        const copy = node.copies[place]
        if (copy === undefined) continue
        object = object === undefined ? copy.object : this.rules.merge(object, copy.object)
      }
    }
    return answered < needed ? undefined : { object }
  }

  /**
   * All copies, in memory and in messages. While the ring is fixed no own copy of another node than
   * an owner is ever read.
   */
  copiesLeft(areMessagesLost: boolean): readonly VersionedObject[] {
    const left: VersionedObject[] = []
    for (const { index, copies } of this.nodes) {
      const isUnread = this.isRingFixed && !this.#owners.includes(index)
      for (let place = isUnread ? OWN + 1 : OWN; place < PLACES; place++) {
        const copy = copies[place]
        if (copy !== undefined) left.push(copy.object)
      }
    }
    if (!areMessagesLost) {
      for (const { object } of this.messages) if (object !== undefined) left.push(object)
    }
    return left
  }
}

const FIRST_OWNERS: readonly number[] = Array.from({ length: OWNERS }, (_, owner) => owner)
