/**
 * The bulk transfer from one member: brings the copies of many partitions in the order of its disk,
 * in one pass over its log (Dynamo 6.2).
 *
 *     partitions wanted ─► pages, one asked for while the one before is taken ─► durable ─► kept
 *
 * It brings most, and proves nothing: what was written meanwhile, or was left out, comes by the
 * exchange after it, which alone says that a place is filled. So each copy that came stays,
 * whatever became of the pass.
 *
 * Other partitions may be wanted while it runs. A pass is of those that were wanted as it began,
 * without those that have moved since; new ones have another pass after it.
 */
import { isFailure } from '../../base/deliver.ts'
import { type ErrorCode, OperatingError } from '../../base/errors.ts'
import type { LogPoint } from '../../dynamo/handoff/log-point.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { partitionOf } from '../../dynamo/ring/partition.ts'
import type { RingDigest } from '../../dynamo/ring/ring.ts'
import type { Token } from '../../native/digest.ts'
import type { MovedRecords, Transfers } from '../../store/engine.ts'
import type { KeptTransfer } from '../../store/transfers.ts'
import type { Reply } from '../../wire/message/table.ts'
import type { Clock } from '../../world/clock.ts'
import type { Trace } from '../../world/trace.ts'
import type { PeerCalls, RoundsAnswer } from '../cluster/peer-calls.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Counters } from '../counters.ts'
import type { Floors } from '../replica/floors.ts'
import type { MovedCopies } from '../replica/moved-copies.ts'
import type { Replica } from '../replica/replica.ts'
import { askMember } from './ask-member.ts'
import type { Pacing } from './pacing.ts'

/** Records that one turn of the event loop takes. */
const SLICE_MAX = 128
/** Pages that are not durable when one more is taken. */
const UNSYNCED_PAGES_MAX = 2

export interface TransferDependencies {
  readonly clock: Clock
  readonly trace: Trace
  readonly topology: Topology
  readonly peers: PeerCalls
  readonly replica: Replica
  readonly floors: Floors
  readonly counters: Counters
  readonly pacing: Pacing
  readonly transfers: Transfers
  readonly copies: MovedCopies
  /** False: it waits, since the node stops, a table is pending, or the operator says so. */
  readonly mayGo: () => boolean
  /** A number that no run here has had. */
  readonly nextRun: () => number
  /** What a restart goes on from is another now. */
  readonly onProgress: () => void
}

type Page = Reply<'peerTransfer'>

/** It may not go on now, and asks for the page again. */
const WAITS = 'waits'
/** Why a page was not taken to its end. */
type Untaken = ErrorCode | typeof WAITS

/** A question for a page. */
interface Question {
  readonly partitions: ReadonlySet<number>
  readonly answer: Promise<Page | OperatingError>
}

/** A pass over the log of the member. */
interface Pass {
  /** In order. */
  partitions: ReadonlySet<number>
  /** All records before it have been appended here. */
  next: LogPoint | undefined
  /** All records before it are durable here. */
  kept: LogPoint | undefined
  end: LogPoint | undefined
}

export class Transfer {
  readonly from: NodeId
  readonly n: number
  readonly #node: TransferDependencies
  #bits: number
  #wanted: ReadonlySet<number> = new Set()
  #done: ReadonlySet<number>
  #pass: Pass | undefined
  isRunning = false
  /** From when it begins to ask until it stops. */
  #run = 0
  /** It brings nothing: exchanges bring all that is wanted of this member. */
  #isGivenUp = false
  /** Why it stopped last, until it goes on: then it has taken a page. */
  failure: ErrorCode | undefined

  /** Goes on from what was kept, if so. */
  constructor(node: TransferDependencies, from: NodeId, n: number, kept?: KeptTransfer) {
    this.#node = node
    this.from = from
    this.n = n
    this.#bits = kept?.bits ?? node.topology.ring.bits
    this.#done = new Set(kept?.done)
    const pass = kept?.pass
    if (pass === undefined) return
    const partitions = new Set(pass.partitions)
    this.#pass = { partitions, next: pass.next, kept: pass.next, end: pass.end }
  }

  /** These are wanted now, and no others. */
  want(partitions: Iterable<number>): void {
    const { bits } = this.#node.topology.ring
    const isSame = bits === this.#bits
    this.#bits = bits
    this.#wanted = new Set(partitions)
    this.#done = isSame ? this.#wantedOf(this.#done) : new Set()
    if (this.#pass === undefined) return
    const left = isSame ? this.#wantedOf(this.#pass.partitions) : new Set<number>()
    if (left.size === 0) this.#pass = undefined
    else if (left.size < this.#pass.partitions.size) this.#pass.partitions = left
  }

  #wantedOf(partitions: ReadonlySet<number>): ReadonlySet<number> {
    return new Set([...partitions].filter((one) => this.#wanted.has(one)))
  }

  /** Whether it has brought what it brings of this partition. */
  has(partition: number): boolean {
    return this.#isGivenUp || this.#done.has(partition)
  }

  get isWanted(): boolean {
    return !this.#isGivenUp && this.#done.size < this.#wanted.size
  }

  get kept(): KeptTransfer {
    const [from, n, bits, done] = [this.from, this.n, this.#bits, sorted(this.#done)]
    const { partitions, kept, end } = this.#pass ?? {}
    if (partitions === undefined || kept === undefined || end === undefined) {
      return { from, n, bits, done, pass: undefined }
    }
    return { from, n, bits, done, pass: { partitions: sorted(partitions), next: kept, end } }
  }

  /** Resolves once nothing is wanted any more, or it cannot go on now. */
  async run(): Promise<void> {
    const { replica } = this.#node
    this.isRunning = true
    // Its answers may bring what is replaced here by then.
    replica.objectsAwaited += 1
    this.#run = this.#node.nextRun()
    this.failure = await this.#takePasses()
    replica.objectsAwaited -= 1
    this.isRunning = false
    // The next answer would be no better.
    if (this.failure === 'message-garbled') this.#isGivenUp = true
  }

  async #takePasses(): Promise<ErrorCode | undefined> {
    const state = await this.#stateOf()
    if (isFailure(state)) return state.code
    // Where a member lacks copies itself, an exchange has to judge what it has.
    if (!state.isWhole) this.#isGivenUp = true
    while (this.isWanted && this.#node.mayGo()) {
      if (this.#pass === undefined) {
        const partitions = new Set([...this.#wanted].filter((one) => !this.#done.has(one)))
        this.#pass = { partitions, next: undefined, kept: undefined, end: undefined }
      }
      const failure = await this.#goOn(this.#pass)
      if (failure !== undefined) return failure
    }
    return undefined
  }

  /** Goes on with a pass to its end. */
  async #goOn(pass: Pass): Promise<ErrorCode | undefined> {
    const work = this.#node.pacing.work()
    const syncs: Promise<ErrorCode | undefined>[] = []
    let question = this.#ask(pass)
    for (;;) {
      work.pause()
      const page = await question.answer
      const unsynced = syncs.length < UNSYNCED_PAGES_MAX ? undefined : await syncs.shift()
      work.resume()
      if (isFailure(page)) return page.code
      if (unsynced !== undefined) return unsynced
      if (!this.#isCurrent(pass)) return undefined
      const { partitions } = question
      pass.end = page.end
      // The next one comes while this one is taken: two are here at most.
      if (page.next !== undefined) question = this.#ask({ ...pass, next: page.next })
      const untaken = await this.#take(page, partitions)
      if (untaken === WAITS) return undefined
      if (untaken !== undefined) return untaken
      this.failure = undefined
      pass.next = page.next
      syncs.push(this.#keep(pass, page))
      if (page.next === undefined) return this.#finish(pass, syncs)
      await work.rest()
    }
  }

  /** It may go on, and its partitions are wanted still. */
  #isCurrent(pass: Pass): boolean {
    return this.#node.mayGo() && this.#pass === pass
  }

  async #finish(
    pass: Pass,
    syncs: readonly Promise<ErrorCode | undefined>[],
  ): Promise<ErrorCode | undefined> {
    const failure = (await Promise.all(syncs)).find((one) => one !== undefined)
    if (failure !== undefined || this.#pass !== pass) return failure
    this.#done = new Set([...this.#done, ...pass.partitions])
    this.#pass = undefined
    this.#node.onProgress()
    const { trace } = this.#node
    trace.record('transfer-ended', { from: this.from, n: this.n, count: pass.partitions.size })
    return undefined
  }

  /** Once the page is durable, a restart goes on behind it. */
  #keep(pass: Pass, { next }: Page): Promise<ErrorCode | undefined> {
    const { replica, onProgress } = this.#node
    return new Promise((resolve) => {
      replica.whenSynced(replica.lastSequence, (error) => {
        if (error === undefined && next !== undefined) {
          pass.kept = next
          onProgress()
        }
        resolve(error?.code)
      })
    })
  }

  async #take(page: Page, asked: ReadonlySet<number>): Promise<Untaken | undefined> {
    const { transfers, counters, trace } = this.#node
    counters.transferTakenBytes += page.records.length
    if (page.rotten > 0) {
      counters.transferRotten += page.rotten
      trace.record('transfer-passed-over', { from: this.from, count: page.rotten })
    }
    if (page.records.length === 0) return undefined
    const records = transfers.open(page.records)
    const failure = records === undefined ? 'message-garbled' : await this.#takeAll(records, asked)
    if (failure === 'message-garbled') this.#end()
    return failure
  }

  async #takeAll(records: MovedRecords, asked: ReadonlySet<number>): Promise<Untaken | undefined> {
    const { clock, copies, mayGo } = this.#node
    const [from, n, bits] = [this.from, this.n, this.#bits]
    const isAsked = (token: Token): boolean => asked.has(partitionOf(token, bits))
    const isWanted = (token: Token): boolean => this.#wanted.has(partitionOf(token, bits))
    for (let first = 0; first < records.count; first += SLICE_MAX) {
      if (!mayGo()) return WAITS
      const end = Math.min(records.count, first + SLICE_MAX)
      const failure = await copies.take({ records, first, end }, { from, n, isAsked, isWanted })
      if (failure !== undefined) return failure
      // Requests have their turn.
      await new Promise<void>((resolve) => clock.soon(resolve))
    }
    return undefined
  }

  #end(): void {
    const sentence = 'a transfer brought what are no records of the copies asked for'
    this.#node.peers.end(this.from, new OperatingError('message-garbled', sentence))
  }

  #ask({ partitions, next, end }: Pass): Question {
    const { clock, peers } = this.#node
    const asked = { n: this.n, partitions: sorted(partitions), from: next, end, run: this.#run }
    const ring = this.#digestOf(asked.partitions)
    const answer = askMember<Page>(clock, ring, (terms, deliver) => {
      peers.transfer(this.from, asked, terms, deliver)
    })
    return { partitions, answer }
  }

  #digestOf(partitions: readonly number[]): RingDigest {
    const { stages } = this.#node.topology
    return stages.digestOf(partitions.map((one) => [one, this.n]))
  }

  #stateOf(): Promise<RoundsAnswer | OperatingError> {
    const { clock, topology, peers, floors } = this.#node
    return askMember<RoundsAnswer>(clock, topology.stages.digest, (terms, deliver) => {
      peers.rounds(this.from, floors.adopted, false, terms, deliver)
    })
  }
}

function sorted(partitions: ReadonlySet<number>): readonly number[] {
  return [...partitions].sort((a, b) => a - b)
}
