/**
 * Draws one history of a key and judges it.
 *
 * Three clients get and put with contexts new and old, none, or several; repeat a put through
 * another coordinator, and replace what they repeated; delete. Between their acts messages arrive
 * late, twice or never, disks sync, nodes crash with some of their tail lost, hints are made and
 * handed off, copies move away and come back. A seed decides it all, so every history can be told
 * again.
 *
 * Two flavours, by seed: in one a machine may be destroyed, or a copy rot (once: fewer than W), in
 * the other copies move between nodes. Not both, because a move onto a node that already is a
 * holder leaves one disk where two held the write, which the ring's rule (N distinct machines)
 * excludes.
 */
import { Prng } from '../../src/base/prng.ts'
import { Context } from '../../src/dynamo/version/context.ts'
import { type VersionedObject } from '../../src/dynamo/version/object.ts'
import { Cluster, LEFT_MAX, type ModelOptions, type ModelPut, tell } from './cluster.ts'
import { type Attempt, type ModelNode, NODES, OWN, OWNERS } from './node.ts'
import { type Finding, Oracle, requestOf, VALUES_MAX, valuesIn } from './oracle.ts'
import type { Rules } from './rules.ts'
import { equalObjects } from '../support/versions.ts'

const CLIENTS = 3
const STEPS_MIN = 8
const STEPS_MAX = 44
const MEMORIES_MAX = 4
const REQUESTS_MAX = 4

/** The acts and their weights. */
const ACTS = ['get', 'put', 'retry', 'deliver', 'sync', 'crash', 'hand-off', 'exchange', 'upset']
const PUT = ACTS.indexOf('put')
const WEIGHTS = [18, 20, 4, 26, 12, 5, 7, 3, 5]
/** Each act's weight is multiplied by one of these in a history: uneven weights find more. */
const TEMPERS = [0, 1, 1, 1, 4]

/** The result of a get: the values and their context. */
interface Memory {
  readonly shown: number
  readonly context: Context
  /** The requests to a repeat of which this was the answer. */
  readonly repeated: number
}

interface Client {
  readonly memories: Memory[]
  /** Requests that may be retried, their contexts unchanged. */
  readonly requests: ModelPut[]
}

/** Runs the history of `seed`; tells it into `story` where one is given. */
export function runHistory(seed: number, rules: Rules, story?: string[]): Finding | undefined {
  return new History(seed, rules, story).run()
}

class History {
  readonly #prng: Prng
  readonly #oracle = new Oracle()
  readonly #cluster: Cluster
  readonly #clients: readonly Client[]
  readonly #mayMove: boolean
  readonly #weights: readonly number[]
  readonly #weightsTotal: number
  /** How likely the coordinator reaches an owner, and how likely it asks a fallback. */
  readonly #reach: number
  readonly #hinting: number
  #mayLoseDisk: boolean
  #isSpent = false

  constructor(seed: number, rules: Rules, story: string[] | undefined) {
    this.#prng = Prng.of(seed, 'versions')
    this.#cluster = new Cluster(rules, this.#oracle, story, drawOptions(seed))
    this.#clients = Array.from({ length: CLIENTS }, () => ({ memories: [], requests: [] }))
    this.#mayMove = this.#prng.chance(0.5)
    this.#mayLoseDisk = !this.#mayMove
    this.#weights = WEIGHTS.map((weight, i) =>
      i === PUT ? weight : weight * this.#prng.pick(TEMPERS),
    )
    this.#weightsTotal = this.#weights.reduce((sum, weight) => sum + weight)
    this.#reach = this.#prng.unit()
    this.#hinting = this.#prng.unit()
  }

  run(): Finding | undefined {
    const steps = this.#prng.between(STEPS_MIN, STEPS_MAX)
    for (let step = 0; step < steps; step++) this.#step()
    if (this.#prng.chance(0.3)) for (const node of this.#cluster.nodes) this.#crash(node)

    if (this.#mayLoseDisk && this.#prng.chance(0.5)) this.#cluster.destroy(this.#anyNode())

    const areMessagesLost = this.#prng.chance(0.75)
    const order = this.#prng.shuffled(ALL_LEFT)
    const final = this.#cluster.converge(order, areMessagesLost)
    if (final === undefined) return undefined
    this.#cluster.say(() => `in the end ${tell(final)}`)
    const finding = this.#oracle.judge(final)
    if (finding !== undefined) return finding
    if (this.#isSpent) return { fault: 'start-spent', value: -1 }
    const again = this.#cluster.converge([...order].reverse(), areMessagesLost)
    const isSame = again !== undefined && equalObjects(final, again)
    return isSame ? undefined : { fault: 'order', value: -1 }
  }

  #step(): void {
    let draw = this.#prng.below(this.#weightsTotal)
    let act = 0
    while (draw >= (this.#weights[act] as number)) {
      draw -= this.#weights[act] as number
      act += 1
    }
    switch (ACTS[act]) {
      case 'get':
        return this.#get()
      case 'put':
        return this.#put()
      case 'retry':
        return this.#retry()
      case 'deliver':
        return this.#deliver()
      case 'sync':
        return this.#cluster.sync(this.#anyNode())
      case 'crash':
        return this.#crash(this.#anyNode())
      case 'hand-off':
        return this.#handOff()
      case 'exchange':
        return this.#exchange()
      default:
        return this.#mayMove ? this.#move() : this.#loseDisk()
    }
  }

  #anyNode(): ModelNode {
    return this.#cluster.nodes[this.#prng.below(NODES)] as ModelNode
  }

  /** Reads up to three copies, wherever they are: quorums do not matter to versions. */
  #get(): void {
    const client = this.#prng.pick(this.#clients)
    let read: VersionedObject | undefined
    for (let copies = this.#prng.between(1, 3); copies > 0; copies--) {
      const copy = this.#anyNode().copies[this.#prng.chance(0.6) ? OWN : this.#anyPlace()]
      if (copy === undefined) continue
      read = read === undefined ? copy.object : this.#cluster.rules.merge(read, copy.object)
    }
    if (read === undefined) return
    const object = read
    this.#cluster.say(() => `client ${this.#clients.indexOf(client)} gets ${tell(object)}`)
    const { context } = object
    remember(client.memories, { shown: valuesIn(object), context, repeated: 0 }, MEMORIES_MAX)
    if (this.#prng.chance(0.3)) this.#cluster.send(this.#prng.below(OWNERS), OWN, object)
  }

  #anyPlace(): number {
    return 1 + this.#prng.below(OWNERS)
  }

  #put(): void {
    if (this.#oracle.count >= VALUES_MAX) return
    const client = this.#prng.pick(this.#clients)
    const { shown, context, repeated } = this.#recall(client)
    const value = this.#oracle.onPut(shown, repeated)
    const put = { value, isRepeat: false, isDelete: this.#prng.chance(0.15), seen: context }
    this.#cluster.say(
      () => `client ${this.#clients.indexOf(client)} puts v${value}, saw ${shown.toString(2)}`,
    )
    remember(client.requests, put, REQUESTS_MAX)
    this.#attempt(client, put, shown)
  }

  /** No context, the newest, any, or two of them together. */
  #recall({ memories }: Client): Memory {
    const draw = this.#prng.below(100)
    const newest = memories[memories.length - 1]
    if (newest === undefined || draw < 15) return SAW_NOTHING
    if (draw < 70) return newest
    const one = this.#prng.pick(memories)
    if (draw < 88) return one
    const other = this.#prng.pick(memories)
    return {
      shown: one.shown | other.shown,
      context: one.context.join(other.context),
      repeated: one.repeated | other.repeated,
    }
  }

  #retry(): void {
    const client = this.#prng.pick(this.#clients)
    if (client.requests.length === 0) return
    const put = { ...this.#prng.pick(client.requests), isRepeat: true }
    this.#cluster.say(() => `v${put.value} is tried again`)
    this.#oracle.onRetry(put.value)
    this.#attempt(client, put, 0)
  }

  /** Some node coordinates: an owner on its copy, a fallback on a hint. */
  #attempt(client: Client, put: ModelPut, shown: number): void {
    const writer = put.isRepeat && !this.#mayMove ? this.#cluster.rottenWriter : undefined
    const node = writer !== undefined && this.#prng.chance(0.7) ? writer : this.#anyNode()
    const place = node.index < OWNERS && this.#prng.chance(0.9) ? OWN : this.#anyPlace()
    const skipped = this.#prng.chance(0.5) ? this.#prng.below(3) : 0
    let outcome = this.#cluster.coordinate(node, place, put, skipped)
    if (outcome.kind === 'start-spent') {
      this.#isSpent = true
      node.drawStart()
      outcome = this.#cluster.coordinate(node, place, put, skipped)
    }
    if (outcome.kind === 'refused' || outcome.kind === 'start-spent') return

    const attempt: Attempt = { value: put.value, holders: [] }
    const held = node.copies[place]
    const copy = outcome.kind === 'written' ? outcome : held
    if (copy === undefined) throw new Error('an attempt that was applied before left a copy')
    this.#cluster.append(node, { place, copy: { object: copy.object, note: copy.note }, attempt })
    const { rules } = this.#cluster
    const context = rules.coveredBy({ ...put, requestId: requestOf(put.value) }, outcome)
    let sent = copy.object
    if (outcome.kind === 'written' && this.#prng.chance(0.4)) sent = rules.deltaOf(outcome, context)
    if (outcome.kind === 'written' || put.isRepeat) this.#answer(client, put, { shown, context })
    this.#replicate(node, place, sent, attempt)
  }

  /** The answer to a put carries what the client now knows: what it saw, and its own write. */
  #answer(client: Client, put: ModelPut, rest: Pick<Memory, 'shown' | 'context'>): void {
    const { value, isRepeat } = put
    if (!this.#prng.chance(isRepeat ? 0.7 : 0.3)) return
    const shown = rest.shown | (1 << value)
    const repeated = isRepeat ? 1 << value : 0
    remember(client.memories, { shown, context: rest.context, repeated }, MEMORIES_MAX)
  }

  #replicate(from: ModelNode, place: number, object: VersionedObject, attempt: Attempt): void {
    for (let owner = 0; owner < OWNERS; owner++) {
      const isOwnCopy = owner === from.index && place === OWN
      if (!isOwnCopy && this.#prng.chance(this.#reach)) {
        this.#cluster.send(owner, OWN, object, { attempt })
      }
      if (!isOwnCopy && this.#prng.chance(this.#hinting)) {
        const fallback = this.#prng.chance(0.85)
          ? this.#prng.between(OWNERS, NODES - 1)
          : this.#prng.below(NODES)
        if (fallback !== owner) this.#cluster.send(fallback, 1 + owner, object, { attempt })
      }
    }
  }

  #deliver(): void {
    const { messages } = this.#cluster
    if (messages.length === 0) return
    const at = this.#prng.below(messages.length)
    this.#cluster.deliver(at, this.#prng.chance(0.1))
  }

  /** Of what was not synced any records are kept: often the first ones, else any. */
  #crash(node: ModelNode): void {
    const first = this.#prng.below(node.tailLength + 1)
    const chance = this.#prng.pick([0, 0.5, 0.9])
    const kept = Array.from({ length: node.tailLength }, (_, index) =>
      chance === 0 ? index < first : this.#prng.chance(chance),
    )
    this.#cluster.crash(node, (index) => kept[index] === true)
  }

  #handOff(): void {
    const node = this.#prng.chance(0.8) ? this.#fallback() : this.#anyNode()
    const place = this.#anyPlace()
    if (this.#prng.chance(0.5)) this.#cluster.handOff(node, place)
    else this.#cluster.handOffAtOnce(node, place)
  }

  #fallback(): ModelNode {
    return this.#cluster.nodes[this.#prng.between(OWNERS, NODES - 1)] as ModelNode
  }

  /** Two owners compare: what one holds is sent to the other. */
  #exchange(): void {
    const copy = this.#cluster.nodes[this.#prng.below(OWNERS)]?.copies[OWN]
    if (copy !== undefined) this.#cluster.send(this.#prng.below(OWNERS), OWN, copy.object)
  }

  #move(): void {
    const node = this.#anyNode()
    if (this.#prng.chance(0.3)) {
      this.#cluster.readdress(node, this.#anyPlace(), this.#anyPlace())
      return
    }
    if (this.#prng.chance(0.3)) {
      this.#cluster.giveBack(this.#prng.chance(0.5))
      return
    }
    const place = this.#prng.chance(0.7) ? OWN : this.#anyPlace()
    const to = this.#anyNode()
    const toPlace = to.index < OWNERS && this.#prng.chance(0.8) ? OWN : this.#anyPlace()
    if (this.#prng.chance(0.5)) this.#cluster.moveAway(node, place, to, toPlace)
    else this.#cluster.giveTo(node, place, to, toPlace)
  }

  #loseDisk(): void {
    if (!this.#mayLoseDisk || this.#prng.chance(0.5)) return
    this.#mayLoseDisk = false
    this.#cluster.destroy(this.#anyNode())
  }
}

/** From a stream of its own. Owners are on machines of their own; fallbacks may share one. */
function drawOptions(seed: number): ModelOptions {
  const prng = Prng.of(seed, 'machines')
  const machines = Array.from({ length: NODES }, (_, node) => node)
  if (prng.chance(0.3)) machines[NODES - 1] = prng.below(NODES - 1)
  return { machines, remembers: prng.chance(0.5), rots: prng.chance(0.3) }
}

const SAW_NOTHING: Memory = { shown: 0, context: Context.empty, repeated: 0 }

const ALL_LEFT: readonly number[] = Array.from({ length: LEFT_MAX }, (_, i) => i)

function remember<T>(list: T[], item: T, max: number): void {
  list.push(item)
  if (list.length > max) list.shift()
}
