/**
 * Brings hints home: to each member that is connected, in token order, until none is left for it
 * (Dynamo 4.6).
 *
 * Hints are found in the log, also after a restart, so a delivery needs no request to begin. A
 * page of them is read, and made durable here. A batch of it is sent, and acknowledged by each
 * member that must hold it; then each of its hints is removed that has accepted nothing meanwhile.
 * No one waits for the removal: a hint that a crash brings back is delivered once more. The next
 * batch is sent when all of this one has been answered, and after a rest: the member's answers pace
 * the delivery (`delivery-pace.ts`), and so does the latency of clients' requests (`pacing.ts`).
 *
 * A delivery that fails begins again after a pause, for as long as there are hints. A hint that its
 * member refuses for what it has of the key (a copy that has rotted) stays, and the others go on.
 * Where a hint has rotted, all hints at its token are dropped: nothing can be got from it.
 */
import { assert } from '../../base/assert.ts'
import { isFailure, perform } from '../../base/deliver.ts'
import type { ErrorCode, OperatingError } from '../../base/errors.ts'
import { targetsOf } from '../../dynamo/handoff/delivery.ts'
import { DeliveryPace } from '../../dynamo/handoff/delivery-pace.ts'
import { type CopyId, type NodeId, OWN, type Place } from '../../dynamo/names.ts'
import { FIRST_TOKEN } from '../../dynamo/ring/partition.ts'
import { decodeObject } from '../../dynamo/version/object-bytes.ts'
import { DELIVERIES_MAX, DELIVERY_BYTES_MAX, DELIVERY_KEYS_MAX } from '../../limits.ts'
import type { Token } from '../../native/digest.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import type { Trace } from '../../world/trace.ts'
import type { PeerCalls } from '../cluster/peer-calls.ts'
import type { Topology } from '../cluster/topology.ts'
import { placementOf } from '../coordinator/quorums.ts'
import type { Counters } from '../counters.ts'
import type { Hints, HintsPage, HintToDeliver } from '../replica/hints.ts'
import { isAllDurable } from '../replica/all-durable.ts'
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
    const member = topology.ring.member(place)
    if (member === undefined) return topology.otherOwners().every(mayDeliver)
    return peers.isConnected(place) && mayDeliver(member.id)
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
      const batch = page.slice(at, at + pass.pace.batchMax)
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

  /** Sends hints, and removes those that may go. */
  async #deliverBatch(batch: readonly HintToDeliver[], pass: Pass): Promise<boolean> {
    const results = await Promise.all(batch.map((one) => this.#deliver(one, pass)))
    return !results.includes(false) && !this.#isStopped
  }

  /**
   * Sends one hint, and removes it where it may go. False where it could not be delivered, and so
   * the next ones cannot.
   */
  async #deliver(hint: HintToDeliver, pass: Pass): Promise<boolean> {
    const { counters, trace } = this.#node
    const failures = await this.#failuresOf(hint)
    if (this.#isStopped) return false
    if (failures.length > 0) {
      pass.hasKept = true
      return failures.every(({ code }) => OF_THE_KEY.has(code))
    }
    counters.hintsDelivered += 1
    this.#node.hints.onDelivered(hint.copy.place)
    trace.record('hint-delivered', { node: hint.copy.place })
    return this.#remove(hint)
  }

  /** Why members that must hold the hint have not taken it durably; none where all have. */
  async #failuresOf({ copy, object }: HintToDeliver): Promise<readonly OperatingError[]> {
    const { topology } = this.#node
    const { owners } = placementOf(topology, copy.token, copy.name.bucket)
    const targets = targetsOf(copy.place, owners)
    const ends = await Promise.all(targets.map((node) => this.#send(node, copy, object)))
    return ends.filter((end) => end !== undefined)
  }

  #send(node: NodeId, copy: CopyId, object: Uint8Array): Promise<OperatingError | undefined> {
    const { topology, peers, replica, clock } = this.#node
    const own = { ...copy, place: OWN }
    const deadline = clock.now() + PAGE_MS_MAX
    if (node !== topology.self.id) {
      const terms = { ring: topology.ring.digest, deadline, isHome: true }
      return new Promise((resolve) => {
        peers.writeCopy(node, own, object, terms, resolve)
      })
    }
    const decoded = decodeObject(object)
    assert(decoded !== undefined, 'a hint that was read is an object')
    return new Promise((resolve) => {
      perform(
        () => replica.merge(own, decoded, 'home', deadline),
        (sequence) => {
          if (isFailure(sequence)) return resolve(sequence)
          return replica.whenSynced(sequence, resolve)
        },
      )
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
