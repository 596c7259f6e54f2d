/**
 * Brings hints home: to each member that is connected, in token order, until none is left for it
 * (Dynamo 4.6).
 *
 * Hints are found in the log, also after a restart, so a delivery needs no request to begin. A
 * page of them is read, and made durable here. A batch of it is sent in one message to each member
 * that must hold it, whose answer says of each hint that it is durable there, or why it was
 * refused; then each hint is removed that has accepted nothing meanwhile. No one waits for the
 * removal: a hint that a crash brings back is delivered once more. The next batch is sent when all
 * of this one has been answered, and after a rest: the member's answers pace the delivery
 * (`delivery-pace.ts`), and so does the latency of clients' requests (`pacing.ts`).
 *
 * A delivery that fails begins again after a pause, for as long as there are hints. A hint that its
 * member refuses for what it has of the key (a copy that has rotted) stays, and the others go on.
 * Where a hint has rotted, all hints at its token are dropped: nothing can be got from it.
 */
import { isFailure, perform } from '../../base/deliver.ts'
import type { ErrorCode, OperatingError } from '../../base/errors.ts'
import { targetsOf } from '../../dynamo/handoff/delivery.ts'
import { DeliveryPace } from '../../dynamo/handoff/delivery-pace.ts'
import type { NodeId, Place } from '../../dynamo/names.ts'
import { FIRST_TOKEN } from '../../dynamo/ring/partition.ts'
import { decodeObject } from '../../dynamo/version/object-bytes.ts'
import { DELIVERIES_MAX, DELIVERY_BYTES_MAX, DELIVERY_KEYS_MAX } from '../../limits.ts'
import { type Token, tokenOf } from '../../native/digest.ts'
import { hintBytes } from '../../wire/bounds.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import type { Trace } from '../../world/trace.ts'
import type { PeerCalls } from '../cluster/peer-calls.ts'
import type { Topology } from '../cluster/topology.ts'
import { placementOfCopy } from '../coordinator/quorums.ts'
import type { Counters } from '../counters.ts'
import type { Hints, HintsPage, HintToDeliver } from '../replica/hints.ts'
import type { HintRefusals, HintsHome, HintToTake } from '../replica/hints-home.ts'
import { isAllDurable } from '../replica/durable.ts'
import type { Replica } from '../replica/replica.ts'
import { isRot } from '../replica/rot.ts'
import type { Pacing } from './pacing.ts'

/** How often members with hints are looked for. */
const LOOK_MS = 250
/** After a delivery that failed. */
const AGAIN_MS = 1_000
/** For one page: members may be slow after an outage. */
const PAGE_MS_MAX = 5_000

/** One walk over the hints for a member. */
interface Pass {
  readonly pace: DeliveryPace
  /** A hint was refused for what its member has of that key. */
  hasKept: boolean
}

/** The key cannot be taken now; the hints for other keys can. */
const OF_THE_KEY: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['record-rotten', 'object-too-large'])

export interface CourierDependencies {
  readonly clock: Clock
  readonly trace: Trace
  readonly topology: Topology
  readonly peers: PeerCalls
  readonly replica: Replica
  readonly hints: Hints
  readonly hintsHome: HintsHome
  readonly counters: Counters
  readonly pacing: Pacing
  /** False while it is not known whether the hints for it are too old. */
  readonly mayDeliver: (member: NodeId) => boolean
}

export class Courier {
  readonly #node: CourierDependencies
  /** Members whose hints are under way, or rest after a failure. */
  readonly #busy = new Set<Place>()
  #delivering = 0
  #timer: Timer | undefined
  #isStopped = false

  constructor(dependencies: CourierDependencies) {
    this.#node = dependencies
  }

  begin(): void {
    this.#timer = this.#node.clock.after(LOOK_MS, () => {
      this.#look()
      this.begin()
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #look(): void {
    for (const { place } of this.#node.hints.places) {
      if (this.#delivering >= DELIVERIES_MAX) return
      if (this.#busy.has(place) || !this.#isReachable(place)) continue
      this.#busy.add(place)
      this.#delivering += 1
      void this.#deliverAll(place).then((isDone) => {
        this.#delivering -= 1
        if (isDone) this.#busy.delete(place)
        else this.#node.clock.after(AGAIN_MS, () => this.#busy.delete(place))
      })
    }
  }

  /** A member that is none any more has its hints taken by the present owners. */
  #isReachable(place: Place): boolean {
    const { topology, peers, mayDeliver } = this.#node
    const member = topology.present.find(({ id }) => id === place)
    if (member === undefined) return topology.otherOwners().every(mayDeliver)
    return peers.isConnected(member.id) && mayDeliver(member.id)
  }

  /** Page after page; false where a hint is left. */
  async #deliverAll(place: Place): Promise<boolean> {
    const pass = { pace: new DeliveryPace(), hasKept: false }
    let from: Token | undefined
    do {
      const page = await this.#page(place, from)
      if (page === undefined || !(await this.#deliverPage(page.hints, pass))) return false
      from = page.next
    } while (from !== undefined)
    return !pass.hasKept
  }

  async #page(place: Place, from: Token | undefined): Promise<HintsPage | undefined> {
    const bounds = { keysMax: DELIVERY_KEYS_MAX, bytesMax: DELIVERY_BYTES_MAX }
    try {
      return await this.#node.hints.page(place, from, bounds)
    } catch (error) {
      if (isRot(error) && !this.#isStopped) this.#drop(place, from ?? FIRST_TOKEN)
      return undefined
    }
  }

  /** A disk that does not take it now is asked again with the next delivery. */
  #drop(place: Place, token: Token): void {
    perform(
      () => this.#node.hints.dropAt(place, token),
      () => undefined,
    )
  }

  async #deliverPage(page: readonly HintToDeliver[], pass: Pass): Promise<boolean> {
    const isDone =
      (await isAllDurable(this.#node.replica)) && (await this.#deliverBatches(page, pass))
    for (const { copy } of page) this.#node.hints.end(copy)
    return isDone
  }

  async #deliverBatches(page: readonly HintToDeliver[], pass: Pass): Promise<boolean> {
    for (let at = 0; at < page.length; ) {
      const batch = batchOf(page, at, pass.pace.batchMax)
      // Meanwhile this disk may have turned out to be an old one.
      if (!batch.every(({ copy }) => this.#isReachable(copy.place))) return false
      if (!(await this.#deliverPaced(batch, pass))) return false
      at += batch.length
    }
    return true
  }

  /** Delivers a batch, and rests as long as its pace says. */
  async #deliverPaced(batch: readonly HintToDeliver[], pass: Pass): Promise<boolean> {
    const { clock, pacing } = this.#node
    const began = clock.now()
    if (!(await this.#deliverBatch(batch, pass))) return false
    const tookMs = clock.now() - began
    const restMs = pass.pace.onBatch(tookMs, pacing.restMs(tookMs))
    await new Promise<void>((resolve) => void clock.after(restMs, resolve))
    return !this.#isStopped
  }

  /**
   * Sends hints, and removes those that may go. False where one could not be delivered, and so the
   * next ones cannot.
   */
  async #deliverBatch(batch: readonly HintToDeliver[], pass: Pass): Promise<boolean> {
    const codes = await this.#refusalsOf(batch)
    if (this.#isStopped) return false
    const delivered = batch.filter((_, i) => codes[i]?.length === 0)
    if (delivered.length < batch.length) pass.hasKept = true
    for (const { copy } of delivered) this.#onDelivered(copy.place)
    const areRemoved = await Promise.all(delivered.map((hint) => this.#remove(hint)))
    const canGoOn = codes.flat().every((code) => OF_THE_KEY.has(code))
    return canGoOn && !areRemoved.includes(false) && !this.#isStopped
  }

  #onDelivered(place: Place): void {
    const { counters, hints, trace } = this.#node
    counters.hintsDelivered += 1
    hints.onDelivered(place)
    trace.record('hint-delivered', { node: place })
  }

  /** For each hint, why members that must hold it have not taken it; none where all have. */
  async #refusalsOf(batch: readonly HintToDeliver[]): Promise<readonly (readonly ErrorCode[])[]> {
    const codes: ErrorCode[][] = batch.map(() => [])
    const sent = [...this.#byTarget(batch)].map(async ([node, indexes]) => {
      const hints = indexes.map((i) => hintOf(batch[i] as HintToDeliver))
      const refusals = await this.#send(node, hints)
      for (const [at, i] of indexes.entries()) {
        const code = isFailure(refusals) ? refusals.code : refusals[at]
        if (code !== undefined) codes[i]?.push(code)
      }
    })
    await Promise.all(sent)
    return codes
  }

  /** The members that must hold hints of the batch, and where those are in it. */
  #byTarget(batch: readonly HintToDeliver[]): ReadonlyMap<NodeId, readonly number[]> {
    const { topology } = this.#node
    const byTarget = new Map<NodeId, number[]>()
    for (const [i, { copy }] of batch.entries()) {
      const { owners } = placementOfCopy(topology, copy)
      for (const node of targetsOf(copy.place, owners)) {
        const indexes = byTarget.get(node)
        if (indexes === undefined) byTarget.set(node, [i])
        else indexes.push(i)
      }
    }
    return byTarget
  }

  #send(node: NodeId, hints: readonly HintToTake[]): Promise<HintRefusals | OperatingError> {
    const { topology, peers, hintsHome, clock } = this.#node
    const deadline = clock.now() + PAGE_MS_MAX
    return new Promise((resolve) => {
      if (node === topology.self.id) return hintsHome.take({ hints, deadline }, resolve)
      const copies = hints.map(({ name, bucketId }) => {
        return { token: tokenOf(name.bucket, name.key), bucketId }
      })
      const terms = { ring: topology.digestOfKeys(copies), deadline }
      return peers.bringHome(node, hints, terms, resolve)
    })
  }

  /** False where the disk did not take the removal. */
  #remove({ copy, object, delivery }: HintToDeliver): Promise<boolean> {
    return new Promise((resolve) => {
      perform(
        () => this.#node.replica.removeHint(copy, decodeObject(object), delivery),
        (sequence) => resolve(!isFailure(sequence)),
      )
    })
  }
}

/** The hints of a page from `at` on that go in one message: at least one. */
function batchOf(
  page: readonly HintToDeliver[],
  at: number,
  hintsMax: number,
): readonly HintToDeliver[] {
  let end = at
  let bytes = 0
  while (end < page.length && end - at < hintsMax) {
    const { copy, object } = page[end] as HintToDeliver
    bytes += hintBytes({ name: copy.name, object })
    if (end > at && bytes > DELIVERY_BYTES_MAX) break
    end += 1
  }
  return page.slice(at, end)
}

function hintOf({ copy: { name, bucketId }, object }: HintToDeliver): HintToTake {
  return { name, bucketId, object }
}
