/**
 * Draws one history of a key under floors, and judges it.
 *
 * Clients get, put, delete and put again through any member; messages are late, doubled and lost;
 * hints are made and come home; rounds step, exchanges run and keys and ranges go in between;
 * members crash, and one disk is emptied, set back, or loses its copy unnoticed. In the end
 * everything arrives, or nothing more, and the owners exchange until they are equal.
 *
 * What was acknowledged must be there, or in the past of what is there or was removed. What has
 * been replaced must not come back. And the owners must be equal. The judge goes by what clients
 * were shown, never by dots.
 */
import { Prng } from '../../../src/base/prng.ts'
import { Context } from '../../../src/dynamo/version/context.ts'
import type { VersionedObject } from '../../../src/dynamo/version/object.ts'
import { put as putOn } from '../../../src/dynamo/version/put.ts'
import { requestOf, VALUES_MAX, valuesIn } from '../oracle.ts'
import { tell } from '../story.ts'
import { Attempt } from './attempt.ts'
import { Cluster, joined, name, told } from './cluster.ts'
import { NODES, OWN, OWNERS } from '../node.ts'
import { cloneDisk, hintFor, type Member } from './member.ts'
import type { FloorRules } from './rules.ts'

export type FloorFault = 'lost' | 'came-back' | 'differ'

export interface FloorOutcome {
  readonly fault: FloorFault | undefined
  /** That it happened to, or -1. */
  readonly value: number
  readonly hasReaped: boolean
  readonly hasRemovedRanges: boolean
}

/** The acts and their usual weights. */
const ACTS = {
  get: 16,
  put: 14,
  repeat: 2,
  deliver: 20,
  sync: 6,
  crash: 4,
  handOff: 4,
  exchange: 3,
  clean: 8,
  backUp: 4,
  destroy: 3,
  rounds: 24,
} as const
type Act = keyof typeof ACTS
const ACT_NAMES = Object.keys(ACTS) as readonly Act[]
/** Each weight is multiplied by one of these in a history: uneven weights find more. */
const TEMPERS = [0.3, 1, 1, 3]

const CLIENTS = 3
const MEMORIES_MAX = 4
const QUIET_PASSES = 4

/** What a get showed: values, and their context. */
interface Memory {
  readonly shown: number
  readonly context: Context
}

interface Request {
  readonly value: number
  readonly bytes: Uint8Array | undefined
  readonly seen: Context
}

interface Client {
  readonly memories: Memory[]
  readonly requests: Request[]
}

const SAW_NOTHING: Memory = { shown: 0, context: Context.empty }

/** Runs the history of `seed`; tells it into `story` where one is given. */
export function runFloors(seed: number, rules: FloorRules, story?: string[]): FloorOutcome {
  return new FloorHistory(seed, rules, story).run()
}

class FloorHistory {
  readonly #prng: Prng
  readonly #cluster: Cluster
  readonly #clients: readonly Client[]
  /** One client, which reads all owners and replaces what it sees: deletes get through. */
  readonly #isTidy: boolean
  readonly #valuesMax: number
  /** How likely a put is a delete, reaches an owner, and asks a fallback. */
  readonly #deleting: number
  readonly #reach: number
  readonly #hinting: number
  readonly #weights: readonly number[]
  readonly #weightsTotal: number
  #mayDestroy: boolean
  /** For each value, all that it follows, however many puts lie between. */
  readonly #follows: number[] = []
  /** Sets of values. */
  #acknowledged = 0
  #repeated = 0
  #reaped = 0
  #hasRemovedRanges = false

  constructor(seed: number, rules: FloorRules, story: string[] | undefined) {
    const prng = Prng.of(seed, 'floors')
    this.#prng = prng
    this.#cluster = new Cluster(
      rules,
      prng,
      {
        onAcknowledged: (value) => (this.#acknowledged |= 1 << value),
        onReaped: (object) => (this.#reaped |= valuesIn(object)),
        onRangesRemoved: () => (this.#hasRemovedRanges = true),
      },
      story,
    )
    this.#mayDestroy = prng.chance(0.5)
    this.#deleting = prng.pick([0.1, 0.4, 0.8])
    this.#isTidy = prng.chance(0.6)
    this.#valuesMax = this.#isTidy ? prng.between(2, 6) : VALUES_MAX
    this.#hinting = this.#isTidy ? prng.pick([0.1, 0.5, 0.9]) : prng.unit()
    this.#reach = this.#isTidy ? prng.pick([0.3, 0.9, 0.9]) : prng.unit()
    this.#weights = ACT_NAMES.map((act) => ACTS[act] * prng.pick(TEMPERS))
    this.#weightsTotal = this.#weights.reduce((sum, weight) => sum + weight)
    this.#clients = Array.from({ length: CLIENTS }, () => ({ memories: [], requests: [] }))
  }

  run(): FloorOutcome {
    for (let left = this.#prng.between(10, this.#isTidy ? 60 : 80); left > 0; left--) this.#act()
    this.#quiet()
    return this.#judge()
  }

  #act(): void {
    switch (this.#drawAct()) {
      case 'get':
        return this.#get()
      case 'put':
        return this.#put()
      case 'repeat':
        return this.#repeat()
      case 'deliver':
        return this.#cluster.deliverAny(this.#prng.chance(0.1))
      case 'sync':
        return this.#cluster.sync(this.#anyMember())
      case 'crash':
        return this.#cluster.crash(this.#anyMember())
      case 'handOff':
        return this.#cluster.handOff(this.#anyMember(), this.#prng.below(OWNERS))
      case 'exchange':
        return this.#exchange()
      case 'clean':
        return this.#clean()
      case 'backUp':
        return this.#backUp(this.#anyMember())
      case 'destroy':
        return this.#destroy()
      case 'rounds':
        return this.#stepRounds()
    }
  }

  #drawAct(): Act {
    let draw = this.#prng.unit() * this.#weightsTotal
    let at = 0
    while (at < ACT_NAMES.length - 1 && draw >= (this.#weights[at] as number)) {
      draw -= this.#weights[at] as number
      at += 1
    }
    return ACT_NAMES[at] as Act
  }

  #anyMember(): Member {
    return this.#cluster.members[this.#prng.below(NODES)] as Member
  }

  #anyOwner(): Member {
    return this.#cluster.members[this.#prng.below(OWNERS)] as Member
  }

  #anyClient(): Client {
    return this.#isTidy ? (this.#clients[0] as Client) : this.#prng.pick(this.#clients)
  }

  // Clients.

  #get(): void {
    const client = this.#anyClient()
    let read: VersionedObject | undefined
    if (this.#isTidy)
      for (const owner of this.#cluster.owners) read = joined(read, owner.object(OWN))
    else {
      for (let copies = this.#prng.between(1, 3); copies > 0; copies--) {
        const place = this.#prng.chance(0.7) ? OWN : hintFor(this.#prng.below(OWNERS))
        read = joined(read, this.#anyMember().object(place))
      }
    }
    if (read === undefined) return
    const object = read
    this.#cluster.say(() => `client ${this.#clients.indexOf(client)} gets ${tell(object)}`)
    keep(client.memories, { shown: valuesIn(read), context: read.context })
    if (this.#prng.chance(0.3)) this.#cluster.sendWrite(this.#prng.below(OWNERS), OWN, read)
  }

  #put(): void {
    const value = this.#follows.length
    if (value >= this.#valuesMax) return
    const client = this.#anyClient()
    const { shown, context: seen } = this.#recall(client)
    this.#follows.push(this.#past(shown))
    const bytes = this.#prng.chance(this.#deleting) ? undefined : Uint8Array.of(value)
    this.#cluster.say(() => {
      const what = `${bytes === undefined ? '†' : ''}v${value}, saw ${shown.toString(2)}`
      return `client ${this.#clients.indexOf(client)} puts ${what}`
    })
    const request = { value, bytes, seen }
    keep(client.requests, request)
    this.#attempt(request)
  }

  #repeat(): void {
    const { requests } = this.#anyClient()
    if (requests.length === 0) return
    const request = this.#prng.pick(requests)
    this.#cluster.say(() => `v${request.value} is tried again`)
    this.#repeated |= 1 << request.value
    this.#attempt(request)
  }

  #recall({ memories }: Client): Memory {
    const draw = this.#prng.below(100)
    const newest = memories[memories.length - 1]
    if (newest === undefined || draw < (this.#isTidy ? 3 : 15)) return SAW_NOTHING
    return draw < (this.#isTidy ? 97 : 75) ? newest : this.#prng.pick(memories)
  }

  /** A member coordinates: an owner on its copy, nearly always, and a fallback on a hint. */
  #attempt({ value, bytes, seen }: Request): void {
    const member = this.#anyMember()
    const isOwn = member.index < OWNERS && this.#prng.chance(0.9)
    const owner = isOwn ? member.index : this.#prng.below(OWNERS)
    if (!isOwn && owner === member.index) return
    const place = isOwn ? OWN : hintFor(owner)
    member.counter += 1 + this.#prng.below(3)
    const note = member.memory.copies[place]?.note
    const outcome = putOn(member.object(place), note, {
      node: member.id,
      start: member.start,
      counter: member.counter,
      requestId: requestOf(value),
      isRepeat: false,
      time: 0,
      value: bytes,
      seen,
    })
    if (outcome.kind !== 'written' && outcome.kind !== 'repeated') return
    const { object } = outcome
    this.#cluster.say(() => `  ${name(member)} at ${place}: ${outcome.kind} ${tell(object)}`)
    const attempt = new Attempt(value, member)
    const noteNow = outcome.kind === 'written' ? outcome.note : note
    this.#cluster.write(member, place, object, noteNow, { attempt })
    for (const { index: to } of this.#cluster.owners) {
      if (to === member.index && isOwn) continue
      if (this.#prng.chance(this.#reach)) this.#cluster.sendWrite(to, OWN, object, attempt)
      if (!this.#prng.chance(this.#hinting)) continue
      const isFallback = this.#prng.chance(0.85)
      const by = isFallback ? this.#prng.between(OWNERS, NODES - 1) : this.#prng.below(NODES)
      if (by !== to) this.#cluster.sendWrite(by, hintFor(to), object, attempt)
    }
  }

  // Members.

  #exchange(): void {
    const [asking, asked] = this.#prng.shuffled(this.#cluster.owners) as [Member, Member]
    this.#cluster.exchanges.begin(asking, asked, undefined)
  }

  /** Owners remove what they may, and ask what else they may. */
  #clean(): void {
    const { owners } = this.#cluster
    for (const owner of owners) if (this.#prng.chance(0.7)) this.#cluster.reap(owner)
    for (const owner of owners) if (this.#prng.chance(0.5)) this.#cluster.ranges.ask(owner)
    // An exchange is given up.
    if (this.#prng.chance(0.3)) this.#anyOwner().pulls.clear()
    if (!this.#prng.chance(0.6)) return
    for (let answers = 8; answers > 0; answers--) if (!this.#cluster.deliverAnswer()) return
  }

  #backUp(member: Member): void {
    if (member.backup === undefined || this.#prng.chance(0.2))
      member.backup = cloneDisk(member.disk)
  }

  /** Fewer than W. */
  #destroy(): void {
    if (!this.#mayDestroy) return
    this.#mayDestroy = false
    this.#cluster.destroy(this.#prng.chance(0.8) ? this.#anyOwner() : this.#anyMember())
  }

  #stepRounds(): void {
    for (let steps = this.#prng.between(1, 20); steps > 0; steps--) {
      const adopted = this.#cluster.rounds.step()
      if (adopted && this.#prng.chance(0.5)) this.#clean()
      if (this.#prng.chance(0.7) && this.#cluster.deliverAnswer()) continue
      if (this.#prng.chance(0.3)) this.#cluster.deliverAny(false)
    }
  }

  // The end.

  /** Messages arrive, or are lost; hints come home; owners exchange until they are equal. */
  #quiet(): void {
    const cluster = this.#cluster
    cluster.say(() => '-- quiet')
    if (this.#prng.chance(0.5)) cluster.messages.length = 0
    while (cluster.messages.length > 0) {
      cluster.deliver(this.#prng.below(cluster.messages.length), false)
    }
    for (let pass = 0; pass < QUIET_PASSES; pass++) {
      for (const member of cluster.members) {
        cluster.sync(member)
        for (let owner = 0; owner < OWNERS; owner++) {
          cluster.handOff(member, owner)
          this.#deliverAll()
        }
      }
      for (const asking of cluster.owners) {
        for (const asked of cluster.owners) {
          if (asking === asked) continue
          asking.pulls.clear()
          cluster.exchanges.begin(asking, asked, undefined)
          this.#deliverAll()
        }
      }
    }
    for (const owner of cluster.owners) cluster.reap(owner)
  }

  #deliverAll(): void {
    const { messages, members } = this.#cluster
    while (messages.length > 0) {
      const { to } = messages[messages.length - 1]!
      this.#cluster.deliver(messages.length - 1, false)
      this.#cluster.sync(members[to] as Member)
    }
  }

  #judge(): FloorOutcome {
    const finals = this.#cluster.owners.map((owner) => owner.object(OWN))
    this.#cluster.say(() => `in the end ${finals.map(told).join('  ')}`)
    const [first] = finals
    const present = first === undefined ? 0 : valuesIn(first)
    const lost = this.#acknowledged & ~(this.#past(present) | this.#past(this.#reaped))
    if (lost !== 0) return this.#outcome('lost', lost)
    let replaced = 0
    for (const [value, follows] of this.#follows.entries()) {
      if ((((present | this.#reaped) >>> value) & 1) === 1) replaced |= follows
    }
    const back = present & replaced & ~this.#repeated
    if (back !== 0) return this.#outcome('came-back', back)
    const areEqual = finals.every((object) => {
      return (object === undefined ? 0 : valuesIn(object)) === present
    })
    return areEqual ? this.#outcome(undefined, 0) : this.#outcome('differ', 0)
  }

  #outcome(fault: FloorFault | undefined, values: number): FloorOutcome {
    return {
      fault,
      value: values === 0 ? -1 : 31 - Math.clz32(values & -values),
      hasReaped: this.#reaped !== 0,
      hasRemovedRanges: this.#hasRemovedRanges,
    }
  }

  /** These values and all that they follow. */
  #past(values: number): number {
    let all = values
    for (const [value, follows] of this.#follows.entries()) {
      if (((values >>> value) & 1) === 1) all |= follows
    }
    return all
  }
}

function keep<Item>(list: Item[], item: Item): void {
  list.push(item)
  if (list.length > MEMORIES_MAX) list.shift()
}
