/**
 * The clients of the model: they get, put, delete, and try again what they put.
 *
 * A client keeps the contexts of its last gets, and a put may carry an old one or none. Any member
 * coordinates: an owner on its own copy, nearly always, and a fallback on a hint.
 */
import type { Prng } from '../../../src/base/prng.ts'
import { Policy } from '../../../src/dynamo/names.ts'
import { Context } from '../../../src/dynamo/version/context.ts'
import type { VersionedObject } from '../../../src/dynamo/version/object.ts'
import { put as putOn, writeAlone } from '../../../src/dynamo/version/put.ts'
import { NODES, OWN, OWNERS } from '../node.ts'
import { requestOf, valuesIn } from '../oracle.ts'
import { tell } from '../story.ts'
import { Attempt } from './attempt.ts'
import { joined } from '../joined.ts'
import { type Cluster, name } from './cluster.ts'
import type { Judge } from './judge.ts'
import { hintFor, type Member } from './member.ts'

const CLIENTS = 3
const MEMORIES_MAX = 4

/** How the clients of one history behave. */
export interface Habits {
  /** One client, which reads all owners and replaces what it sees: deletes get through. */
  readonly isTidy: boolean
  readonly valuesMax: number
  /** How likely a put is a delete, reaches an owner, and asks a fallback. */
  readonly deleting: number
  readonly reach: number
  readonly hinting: number
}

/** What a get showed: values, and their context. */
interface Memory {
  readonly shown: number
  readonly context: Context
}

interface Request {
  readonly value: number
  readonly bytes: Uint8Array | undefined
  readonly seen: Context
  /** When it was made: after so many acts, and in which round. */
  readonly at: number
  readonly sentIn: number
}

interface Client {
  readonly memories: Memory[]
  readonly requests: Request[]
}

const SAW_NOTHING: Memory = { shown: 0, context: Context.empty }

export class Clients {
  readonly #cluster: Cluster
  readonly #judge: Judge
  readonly #prng: Prng
  readonly #habits: Habits
  /** Draws when an owner is sent the write alone; undefined: no one is. */
  readonly #alone: Prng | undefined
  readonly #clients: readonly Client[]

  constructor(cluster: Cluster, judge: Judge, habits: Habits, alone: Prng | undefined) {
    this.#cluster = cluster
    this.#judge = judge
    this.#prng = cluster.prng
    this.#habits = habits
    this.#alone = alone
    this.#clients = Array.from({ length: CLIENTS }, () => ({ memories: [], requests: [] }))
  }

  get(): void {
    const client = this.#anyClient()
    const object = this.#habits.isTidy ? this.#readOwners() : this.#readSome()
    if (object === undefined) return
    this.#cluster.say(() => `client ${this.#clients.indexOf(client)} gets ${tell(object)}`)
    keep(client.memories, { shown: valuesIn(object), context: object.context })
    if (this.#prng.chance(0.3)) this.#cluster.sendWrite(this.#prng.below(OWNERS), OWN, object)
  }

  put(): void {
    const value = this.#judge.count
    if (value >= this.#habits.valuesMax) return
    const client = this.#anyClient()
    const { shown, context: seen } = this.#recall(client)
    this.#judge.onPut(shown)
    const bytes = this.#prng.chance(this.#habits.deleting) ? undefined : Uint8Array.of(value)
    this.#cluster.say(() => {
      const what = `${bytes === undefined ? '†' : ''}v${value}, saw ${shown.toString(2)}`
      return `client ${this.#clients.indexOf(client)} puts ${what}`
    })
    const { now: at, opened: sentIn } = this.#cluster
    const request = { value, bytes, seen, at, sentIn }
    keep(client.requests, request)
    this.#attempt(request, false)
  }

  repeat(): void {
    const { requests } = this.#anyClient()
    if (requests.length === 0) return
    const request = this.#prng.pick(requests)
    if (request.at + this.#cluster.deadline < this.#cluster.now) return
    if (this.#cluster.hasEnded(request.sentIn)) return
    this.#cluster.say(() => `v${request.value} is tried again`)
    this.#attempt(request, true)
  }

  #anyClient(): Client {
    return this.#habits.isTidy ? (this.#clients[0] as Client) : this.#prng.pick(this.#clients)
  }

  #readOwners(): VersionedObject | undefined {
    let read: VersionedObject | undefined
    for (const owner of this.#cluster.owners) read = joined(read, owner.object(OWN))
    return read
  }

  #readSome(): VersionedObject | undefined {
    let read: VersionedObject | undefined
    for (let copies = this.#prng.between(1, 3); copies > 0; copies--) {
      const place = this.#prng.chance(0.7) ? OWN : hintFor(this.#prng.below(OWNERS))
      read = joined(read, this.#prng.pick(this.#cluster.members).object(place))
    }
    return read
  }

  #recall({ memories }: Client): Memory {
    const { isTidy } = this.#habits
    const draw = this.#prng.below(100)
    const newest = memories[memories.length - 1]
    if (newest === undefined || draw < (isTidy ? 3 : 15)) return SAW_NOTHING
    return draw < (isTidy ? 97 : 75) ? newest : this.#prng.pick(memories)
  }

  #attempt(request: Request, isRepeat: boolean): void {
    const member = this.#prng.pick(this.#cluster.members)
    const isOwn = member.index < OWNERS && this.#prng.chance(0.9)
    const owner = isOwn ? member.index : this.#prng.below(OWNERS)
    if (!isOwn && owner === member.index) return
    const place = isOwn ? OWN : hintFor(owner)
    const requestId = requestOf(request.value)
    // It was written here, and its client can be told so.
    if (member.remembered.isReplaced(requestId, place, member.object(place))) return
    this.#write(member, place, request, isRepeat)
  }

  #write(member: Member, place: number, { value, bytes, seen }: Request, isRepeat: boolean): void {
    member.counter += 1 + this.#prng.below(3)
    const requestId = requestOf(value)
    const note = member.memory.copies[place]?.note
    const outcome = putOn(member.object(place), note, {
      policy: Policy.siblings,
      node: member.id,
      start: member.start,
      counter: member.counter,
      requestId,
      isRepeat,
      time: 0,
      value: bytes,
      seen,
    })
    if (outcome.kind !== 'written' && outcome.kind !== 'repeated') return
    const { object } = outcome
    this.#cluster.say(() => `  ${name(member)} at ${place}: ${outcome.kind} ${tell(object)}`)
    if (outcome.kind === 'written') {
      // A hint goes home with what it knows; the own copy stays.
      const isKnown = place === OWN && member.remembered.has(requestId, place)
      if (isRepeat && !isKnown) this.#judge.onWrittenAgain(value)
      member.remembered.add(requestId, { place, dot: outcome.dot, at: this.#cluster.now })
    }
    const noteNow = outcome.kind === 'written' ? outcome.note : note
    const alone = writeAlone({ seen, requestId, isRepeat }, outcome)
    const attempt = new Attempt(value, member)
    this.#cluster.write(member, place, object, noteNow, { attempt })
    for (const { index: to } of this.#cluster.owners) {
      if (to !== member.index || place !== OWN) this.#send(to, object, alone, attempt)
    }
  }

  /**
   * To an owner, and to a fallback that takes a hint for it; or to one of them, or to none. In some
   * histories the whole object, in others the write alone to fallbacks, and now and then to owners.
   */
  #send(to: number, whole: VersionedObject, alone: VersionedObject, attempt: Attempt): void {
    const { reach, hinting } = this.#habits
    const object = this.#alone?.chance(0.2) === true ? alone : whole
    if (this.#prng.chance(reach)) this.#cluster.sendWrite(to, OWN, object, attempt)
    if (!this.#prng.chance(hinting)) return
    const hint = this.#alone === undefined ? whole : alone
    const isFallback = this.#prng.chance(0.85)
    const by = isFallback ? this.#prng.between(OWNERS, NODES - 1) : this.#prng.below(NODES)
    if (by !== to) this.#cluster.sendWrite(by, hintFor(to), hint, attempt)
  }
}

function keep<Item>(list: Item[], item: Item): void {
  list.push(item)
  if (list.length > MEMORIES_MAX) list.shift()
}
