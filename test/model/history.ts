/**
 * Draws one history of a key and judges it.
 *
 * Three clients get and put with contexts new and old, none, or several; repeat a put through
 * another coordinator, and replace what they repeated; delete. Between their acts messages arrive
 * late, twice or never, disks sync, nodes crash with some of their tail lost, hints are made and
 * handed off, copies move away and come back. A seed decides it all, so every history can be told
 * again.
 *
 * Two flavours, by seed: in one machines are destroyed, or copies rot, any number of times; in the
 * other copies move between nodes. Not both, because a move onto a node that already is a holder
 * leaves one disk where two held the write, which the ring's rule (N distinct machines) excludes.
 * In either the ring may change its owners: hints for former owners go to all present ones.
 */
import { Prng } from '../../src/base/prng.ts'
import type { Context } from '../../src/dynamo/version/context.ts'
import { type VersionedObject } from '../../src/dynamo/version/object.ts'
import { Attempt } from './attempt.ts'
import { Client } from './client.ts'
import { Cluster, type ModelPut } from './cluster.ts'
import type { Spot } from './handoff.ts'
import { type ModelNode, NODES, OWN, OWNERS, placeFor } from './node.ts'
import { drawOptions } from './options.ts'
import { type Finding, Oracle, requestOf, VALUES_MAX, valuesIn } from './oracle.ts'
import type { Rules } from './rules.ts'
import { tell } from './story.ts'
import { equalObjects } from '../support/versions.ts'

const CLIENTS = 3
const STEPS_MIN = 8
const STEPS_MAX = 44
const HINT_TRIES = 4

/** The acts and their weights. */
const ACTS = ['get', 'put', 'retry', 'deliver', 'sync', 'crash', 'hand-off', 'exchange', 'upset']
const PUT = ACTS.indexOf('put')
const WEIGHTS = [18, 20, 5, 24, 12, 5, 8, 5, 7]
/** Each act's weight is multiplied by one of these in a history: uneven weights find more. */
const TEMPERS = [0, 1, 1, 1, 4]

/** Runs the history of `seed`; tells it into `story` where one is given. */
export function runHistory(seed: number, rules: Rules, story?: string[]): Finding | undefined {
  return new History(seed, rules, story).run()
}

class History {
  readonly #prng: Prng
  readonly #oracle: Oracle
  readonly #cluster: Cluster
  readonly #clients: readonly Client[]
  readonly #mayMove: boolean
  readonly #weights: readonly number[]
  readonly #weightsTotal: number
  /** How likely the coordinator reaches an owner, and how likely it asks a fallback. */
  readonly #reach: number
  readonly #hinting: number
  /** How likely a put is acknowledged before anything else happens. */
  readonly #promptness: number
  /** Where a copy that was sent away last is still kept, perhaps. */
  #leaving: Spot | undefined
  #isSpent = false
  /** Of a get. */
  #finding: Finding | undefined

  constructor(seed: number, rules: Rules, story: string[] | undefined) {
    this.#prng = Prng.of(seed, 'versions')
    const options = drawOptions(seed)
    this.#oracle = new Oracle(options.needed)
    this.#cluster = new Cluster(rules, this.#oracle, story, options)
    this.#clients = Array.from({ length: CLIENTS }, () => new Client())
    this.#mayMove = this.#prng.chance(0.5)
    this.#weights = WEIGHTS.map((weight, i) =>
      i === PUT ? weight : weight * this.#prng.pick(TEMPERS),
    )
    this.#weightsTotal = this.#weights.reduce((sum, weight) => sum + weight)
    this.#reach = this.#prng.unit()
    this.#hinting = this.#prng.unit()
    this.#promptness = this.#prng.pick([0, 0.4, 0.8])
  }

  run(): Finding | undefined {
    const steps = this.#prng.between(STEPS_MIN, STEPS_MAX)
    for (let step = 0; step < steps; step++) {
      this.#step()
      if (this.#finding !== undefined) return this.#finding
    }
    if (this.#prng.chance(0.3)) for (const node of this.#cluster.nodes) this.#crash(node)

    if (this.#prng.chance(0.3)) this.#deliverHints()
    // Fewer than W: nearly all that was acknowledged must survive it.
    const losses = this.#mayMove ? 0 : this.#prng.below(this.#cluster.needed)
    for (let lost = 0; lost < losses; lost++) this.#lose()

    const left = this.#prng.shuffled(this.#cluster.copiesLeft(this.#prng.chance(0.75)))
    const final = this.#mergeAll(left)
    this.#cluster.say(() => `in the end ${final === undefined ? 'nothing' : tell(final)}`)
    const finding = this.#oracle.judge(final)
    if (finding !== undefined) return finding
    if (this.#isSpent) return { fault: 'start-spent', value: -1 }
    const again = this.#mergeAll(left.reverse())
    const isSame = final === undefined || again === undefined || equalObjects(final, again)
    return isSame ? undefined : { fault: 'order', value: -1 }
  }

  #mergeAll(objects: readonly VersionedObject[]): VersionedObject | undefined {
    return objects.length === 0 ? undefined : objects.reduce(this.#cluster.rules.merge)
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
        return this.#crash(this.#unsyncedNode())
      case 'hand-off':
        return this.#handOff()
      case 'exchange':
        return this.#exchange()
      default:
        return this.#upset()
    }
  }

  #anyNode(): ModelNode {
    return this.#cluster.nodes[this.#prng.below(NODES)] as ModelNode
  }

  /** Of three nodes the one with most that is not synced. */
  #unsyncedNode(): ModelNode {
    const nodes = [this.#anyNode(), this.#anyNode(), this.#anyNode()]
    return nodes.reduce((most, node) => (node.tailLength > most.tailLength ? node : most))
  }

  /** Some gets ask R owners; others read any copies, because quorums do not matter to versions. */
  #get(): void {
    const client = this.#prng.pick(this.#clients)
    const object = this.#prng.chance(0.3) ? this.#readAtR() : this.#readAnywhere()
    if (object === undefined) return
    this.#cluster.say(() => `client ${this.#clients.indexOf(client)} gets ${tell(object)}`)
    const { context } = object
    client.onAnswer({ shown: valuesIn(object), context, repeated: 0 })
    if (this.#prng.chance(0.3)) this.#cluster.send(this.#anyOwner().index, OWN, object)
  }

  /** Some nodes are away, and the others are asked in any order, owners first or not. */
  #readAtR(): VersionedObject | undefined {
    const order = this.#prng.shuffled(ALL_NODES).slice(0, this.#prng.between(OWNERS, NODES))
    const read = this.#cluster.readAtR(order)
    const mustShow = read !== undefined && this.#cluster.isRingFixed && !this.#mayMove
    if (mustShow) this.#finding = this.#oracle.judgeGet(read.object)
    if (this.#finding !== undefined) this.#cluster.say(() => `a get of a${order.join(', a')}`)
    return read?.object
  }

  /** Up to three copies, wherever they are. */
  #readAnywhere(): VersionedObject | undefined {
    let read: VersionedObject | undefined
    for (let copies = this.#prng.between(1, 3); copies > 0; copies--) {
      const node = this.#anyNode()
      const copy = node.copies[this.#prng.chance(0.6) ? OWN : this.#anyHintOf(node)]
      if (copy === undefined) continue
      read = read === undefined ? copy.object : this.#cluster.rules.merge(read, copy.object)
    }
    return read
  }

  #anyOwner(): ModelNode {
    return this.#cluster.nodes[this.#prng.pick(this.#cluster.owners)] as ModelNode
  }

  /** The place of a hint for another node: for an owner, or where owners change for any member. */
  #anyHintOf(node: ModelNode): number {
    const isAny = !this.#cluster.isRingFixed && this.#prng.chance(0.5)
    const member = isAny ? this.#prng.below(NODES) : this.#prng.pick(this.#cluster.owners)
    return placeFor(member === node.index ? (member + 1) % OWNERS : member)
  }

  #put(): void {
    if (this.#oracle.count >= VALUES_MAX) return
    const client = this.#prng.pick(this.#clients)
    const { shown, context, repeated } = client.recall(this.#prng)
    const value = this.#oracle.onPut(shown, repeated)
    const put = { value, isRepeat: false, isDelete: this.#prng.chance(0.15), seen: context }
    this.#cluster.say(
      () => `client ${this.#clients.indexOf(client)} puts v${value}, saw ${shown.toString(2)}`,
    )
    client.onPut(put)
    this.#attempt(client, put, shown)
  }

  #retry(): void {
    const client = this.#prng.pick(this.#clients)
    const put = client.repeat(this.#prng)
    if (put === undefined) return
    this.#cluster.say(() => `v${put.value} is tried again`)
    this.#oracle.onRetry(put.value)
    this.#attempt(client, put, 0)
  }

  /** Some node coordinates: an owner on its copy, a fallback on a hint. */
  #attempt(client: Client, put: ModelPut, shown: number): void {
    const { node, place } = this.#coordinatorOf(put)
    const skipped = this.#prng.chance(0.5) ? this.#prng.below(3) : 0
    let outcome = this.#cluster.coordinate(node, place, put, skipped)
    if (outcome.kind === 'start-spent') {
      this.#isSpent = true
      node.drawStart()
      outcome = this.#cluster.coordinate(node, place, put, skipped)
    }
    if (outcome.kind === 'refused' || outcome.kind === 'start-spent') return

    const attempt = new Attempt(put.value, this.#oracle.lossCount)
    const held = node.copies[place]
    const copy = outcome.kind === 'written' ? outcome : held
    if (copy === undefined) throw new Error('an attempt that was applied before left a copy')
    const record = { place, copy: { object: copy.object, note: copy.note }, attempt }
    this.#cluster.append(node, record, outcome.kind !== 'written')
    const { rules } = this.#cluster
    // By name: a spread takes an eighth of all time.
    const { seen, isRepeat } = put
    const request = { seen, isRepeat, requestId: requestOf(put.value) }
    const context = rules.coveredBy(request, outcome)
    let sent = copy.object
    if (outcome.kind === 'written' && this.#prng.chance(0.4)) sent = rules.deltaOf(outcome, context)
    if (outcome.kind === 'written' || put.isRepeat) this.#answer(client, put, { shown, context })
    const before = this.#cluster.messages.length
    this.#replicate(node, place, sent, attempt)
    if (!this.#prng.chance(this.#promptness)) return
    this.#cluster.sync(node)
    this.#cluster.deliverSince(before)
  }

  /**
   * Any node; often the place that a copy is leaving, and for a repeat the node that wrote last,
   * which may remember it.
   */
  #coordinatorOf({ isRepeat }: ModelPut): Spot {
    const leaving = this.#leaving
    this.#leaving = undefined
    if (leaving !== undefined && this.#prng.chance(0.3)) return leaving
    const { lastWritten } = this.#cluster
    const isKnown = isRepeat && lastWritten !== undefined && this.#prng.chance(0.5)
    const node = isKnown ? lastWritten[0] : this.#anyNode()
    return { node, place: this.#placeOn(node) }
  }

  /** An owner writes its own copy, nearly always; a fallback the hint for an owner. */
  #placeOn(node: ModelNode): number {
    const { isRingFixed, owners, rules } = this.#cluster
    const mayWriteOwn = owners.includes(node.index) || rules.isFallbackItsOwnOwner
    // Where owners change, one may just have been a fallback.
    const isOwn = mayWriteOwn && this.#prng.chance(isRingFixed ? 0.9 : 0.6)
    return isOwn ? OWN : this.#anyHintOf(node)
  }

  /** The answer to a put carries what the client now knows: what it saw, and its own write. */
  #answer(client: Client, put: ModelPut, rest: { shown: number; context: Context }): void {
    const { value, isRepeat } = put
    if (!this.#prng.chance(isRepeat ? 0.7 : 0.3)) return
    const shown = rest.shown | (1 << value)
    const repeated = isRepeat ? 1 << value : 0
    client.onAnswer({ shown, context: rest.context, repeated })
  }

  #replicate(from: ModelNode, place: number, object: VersionedObject, attempt: Attempt): void {
    for (const owner of this.#cluster.owners) {
      const isOwnCopy = owner === from.index && place === OWN
      if (!isOwnCopy && this.#prng.chance(this.#reach)) {
        this.#cluster.send(owner, OWN, object, { attempt })
      }
      if (!isOwnCopy && this.#prng.chance(this.#hinting)) {
        const fallback = this.#prng.chance(0.85)
          ? this.#prng.between(OWNERS, NODES - 1)
          : this.#prng.below(NODES)
        if (fallback !== owner) this.#cluster.send(fallback, placeFor(owner), object, { attempt })
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
    this.#cluster.crash(node, (index) => (chance === 0 ? index < first : this.#prng.chance(chance)))
  }

  #handOff(): void {
    const { handoffs } = this.#cluster
    const hint = this.#anyHint()
    this.#leaving = hint
    if (this.#prng.chance(0.4)) handoffs.deliverAtOnce(hint.node, hint.place)
    else this.#often(() => handoffs.deliver(hint.node, hint.place))
  }

  /** A hint that is there, if a few tries find one. */
  #anyHint(): Spot {
    let tries = 0
    for (;;) {
      const node = this.#anyNode()
      const place = this.#anyHintOf(node)
      tries += 1
      if (node.copies[place] !== undefined || tries === HINT_TRIES) return { node, place }
    }
  }

  /** What this sends often arrives at once, and is not answered yet. */
  #often(send: () => void): void {
    const before = this.#cluster.messages.length
    send()
    if (this.#prng.chance(0.5)) this.#cluster.deliverSince(before)
  }

  #deliverHints(): void {
    const { handoffs, nodes } = this.#cluster
    for (const node of nodes) {
      for (const [place, copy] of node.copies.entries()) {
        if (copy !== undefined) handoffs.deliverAtOnce(node, place)
      }
    }
  }

  /** Two owners compare: what one holds is sent to the other. An emptied one reads the others. */
  #exchange(): void {
    const { losses, nodes, owners } = this.#cluster
    const emptied = nodes.find(({ index, isWhole }) => !isWhole && owners.includes(index))
    if (emptied !== undefined && this.#prng.chance(0.7)) {
      losses.rebuild(emptied, this.#prng.shuffled(nodes))
      return
    }
    const copy = this.#anyOwner().copies[OWN]
    if (copy !== undefined) this.#cluster.send(this.#anyOwner().index, OWN, copy.object)
  }

  #upset(): void {
    if (!this.#cluster.isRingFixed && this.#prng.chance(0.4)) {
      this.#cluster.changeOwner(this.#prng.below(OWNERS), this.#prng.below(NODES))
    } else if (this.#mayMove) {
      this.#move()
    } else if (this.#prng.chance(0.5)) {
      this.#lose()
    }
  }

  #move(): void {
    const { handoffs, owners } = this.#cluster
    const hint = this.#anyHint()
    if (this.#prng.chance(0.3)) {
      this.#leaving = hint
      handoffs.readdress(hint.node, hint.place, this.#anyHintOf(hint.node))
      return
    }
    if (this.#prng.chance(0.3)) {
      handoffs.giveBack(this.#prng.chance(0.5))
      return
    }
    const from = this.#prng.chance(0.6) ? { node: this.#anyNode(), place: OWN } : hint
    const to = this.#anyNode()
    const isOwn = owners.includes(to.index) && this.#prng.chance(0.8)
    const target = { node: to, place: isOwn ? OWN : this.#anyHintOf(to) }
    if (this.#prng.chance(0.5)) handoffs.moveAway(from, target)
    else this.#often(() => handoffs.giveTo(from, target))
  }

  #lose(): void {
    const { losses, lastWritten, nodes, rots } = this.#cluster
    if (!rots) losses.burn(this.#anyNode())
    else if (lastWritten !== undefined) losses.rot(...lastWritten, this.#prng.shuffled(nodes))
  }
}

const ALL_NODES: readonly number[] = Array.from({ length: NODES }, (_, i) => i)
