/**
 * Carries this node's view of tables and moves (`dynamo/ring/ring-view.ts`) into the world: its
 * file, its messages, and the owners that requests go by.
 *
 *     news of members, an operator's table, moves that end here ─► view ─► file ─► in force ─► news
 *
 * What is news goes to each connected member at once, and members that connect compare digests of
 * all they know (`news-spread.ts`). So does a member whose request was refused because it named
 * other owners.
 *
 * Where this node becomes an owner and may lack copies, it is not whole from then on: that is
 * durable before the place is.
 *
 * Invariant: nothing is used or told before it is durable here. So a request that names a stage is
 * answered only by a member that will refuse all older ones, also after a crash.
 */
import { OperatingError } from '../../base/errors.ts'
import { equalU64 } from '../../base/u64.ts'
import type { NodeId } from '../../dynamo/names.ts'
import {
  type NewsDigest,
  newsBytes,
  newsDigestOf,
  newsOfBytes,
} from '../../dynamo/ring/ring-news.ts'
import { type KeptRing, RingView } from '../../dynamo/ring/ring-view.ts'
import type { Ring } from '../../dynamo/ring/ring.ts'
import { firstStages, type Stage } from '../../dynamo/ring/stages.ts'
import { compareTables, type Table } from '../../dynamo/ring/table.ts'
import { hasUnfilledPlace } from '../../dynamo/ring/unfilled.ts'
import { writeRing } from '../../store/ring.ts'
import type { Reply, Request } from '../../wire/message/table.ts'
import type { Clock } from '../../world/clock.ts'
import type { Directory } from '../../world/disk.ts'
import type { Trace } from '../../world/trace.ts'
import { KeptFile } from '../replica/kept-file.ts'
import { NewsSpread } from './news-spread.ts'
import type { OwnStanding } from './own-standing.ts'
import type { PeerCalls } from './peer-calls.ts'
import type { Topology } from './topology.ts'

/** A move that has ended. */
export interface EndedMove {
  readonly n: number
  readonly partition: number
  /** What it ends: the stage in force, whose leaver gives its place to the filler. */
  readonly stage: Stage
  /** The new owner has all that the leaver held. */
  readonly isFilled: boolean
}

export interface RingsOptions {
  readonly ring: KeptRing
  readonly standing: Pick<OwnStanding, 'directoryId' | 'lose' | 'remember'>
  /** Undefined if the engine is not durable. */
  readonly directory: Directory | undefined
  readonly topology: Topology
  readonly peers: Pick<PeerCalls, 'tellRing' | 'connected' | 'isConnected'>
  readonly clock: Clock
  readonly trace: Trace
}

export class Rings {
  readonly view: RingView
  readonly #node: RingsOptions
  readonly #file: KeptFile
  readonly #spread: NewsSpread<NewsDigest>
  /** What is durable, as bytes. */
  #news: Uint8Array
  #digest: NewsDigest
  #isStopped = false
  /** Called with the reason why this node must end. */
  onFailed: (reason: OperatingError) => void = () => undefined
  /** Called when other owners are in force, or a newer table was adopted. */
  onChanged: () => void = () => undefined
  /** Called when this node serves other N than before. */
  onUsed: () => void = () => undefined

  constructor(options: RingsOptions) {
    const { ring: kept, standing, topology, peers, clock } = options
    this.#node = options
    this.view = new RingView({ self: topology.self.id, directory: standing.directoryId, kept })
    this.#news = newsBytes(this.view.news)
    this.#digest = newsDigestOf(this.#news)
    topology.usedNs = usedNsOf(kept)
    this.#spread = new NewsSpread({
      known: () => ({ digest: this.#digest, news: this.#news }),
      call: (member, told, deliver) => peers.tellRing(member, told, deliver),
      hear: (news) => this.#hear(news),
      peers,
      clock,
    })
    this.#file = new KeptFile({
      clock,
      write: () => this.#write(),
      of: 'what this node must remember of the ring',
      onFailed: (reason) => this.onFailed(reason),
    })
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#spread.stop()
    await this.#file.close()
  }

  /** The table in effect is under way to a newer one: no move may end. */
  get isFrozen(): boolean {
    return this.view.isFrozen
  }

  onConnected(member: NodeId): void {
    this.#spread.compare(member)
  }

  /** A request to, or of, this member named other owners than are known there. */
  onDiffers(member: NodeId): void {
    this.#spread.compare(member)
  }

  /**
   * Buckets with this N are served from now on. True once that is durable; false where it may not
   * be now, as a newer table is under way, or this node is stopping.
   */
  async use(n: number): Promise<boolean> {
    if (this.#node.topology.usedNs.has(n)) return true
    if (!this.view.use(n)) return false
    return (await this.#save()) && this.#node.topology.usedNs.has(n)
  }

  /** An operator commits a table here. Requires: its parent is the adopted one. */
  async commit(table: Table): Promise<void> {
    this.view.commit(table)
    const { number, ring } = table
    this.#node.trace.record('ring-committed', { number, members: ring.members.length })
    if (await this.#save()) return
    throw new OperatingError('node-stopping', 'this node is stopping; ask another')
  }

  /**
   * Moves of the table in force have ended here. True once that is durable and in force; false
   * where one of them may not end now: this node may know more than is in force.
   */
  async end(moves: readonly EndedMove[]): Promise<boolean> {
    const { stages } = this.view
    const mayEnd = ({ n, partition, stage }: EndedMove): boolean => {
      const { done, table } = stages.of(partition, n)
      return done === stage.done && equalU64(table.digest, stage.table.digest)
    }
    if (this.isFrozen || this.view.isOnOtherDisk || !moves.every(mayEnd)) return false
    for (const { n, partition, stage, isFilled } of moves)
      stages.advance(partition, n, stage.done + 1, isFilled)
    this.#node.trace.record('moves-ended', { count: moves.length, left: stages.left })
    return this.#save()
  }

  /** What another member says, and what it is to be told. Fails with `message-garbled`. */
  hear(from: NodeId | undefined, { digest, news }: Request<'peerRing'>): Reply<'peerRing'> {
    const isSame = equalU64(digest, this.#digest)
    if (!isSame) this.#hear(news)
    if (!isSame && news.length === 0 && from !== undefined) this.#spread.compare(from)
    return { news: isSame ? NO_BYTES : this.#news }
  }

  #hear(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#isStopped) return
    const news = newsOfBytes(bytes, this.view.news)
    if (news === undefined || !this.view.admits(news)) {
      throw new OperatingError('message-garbled', 'news of the ring is not encoded as it should be')
    }
    const before = this.view.adopted
    if (!this.view.mayHear(news) || !this.view.hear(news)) return
    this.#noteGivenWay(before)
    void this.#save()
  }

  /** Two operators committed at once, on one parent: the table that this node had adopted lost. */
  #noteGivenWay({ number, digest }: Table): void {
    const { number: newer, parent } = this.view.adopted
    const isChild = parent !== undefined && equalU64(parent, digest)
    const isSame = equalU64(this.view.adopted.digest, digest)
    if (isSame || isChild || newer > number + 1) return
    this.#node.trace.record('ring-gave-way', { number, to: newer })
  }

  /** True once all that is known now is durable and in force. */
  async #save(): Promise<boolean> {
    if (!(await this.#file.save()) || this.#isStopped) return false
    // With the own adoption durable the table may be in effect: that is kept, too.
    return this.#isSettled() || this.#save()
  }

  #isSettled(): boolean {
    return equalU64(this.#digest, newsDigestOf(newsBytes(this.view.news)))
  }

  async #write(): Promise<void> {
    const { directory, topology, trace, standing } = this.#node
    const { view } = this
    const { adopted } = view
    const kept = { ...view.kept, stages: view.stages.copy() }
    const told = { ...view.news, stages: kept.stages, stated: view.news.stated?.copy() }
    const mayLack = hasUnfilledPlace(topology.self.id, topology.stages, kept.stages)
    if (mayLack) {
      standing.lose('damaged')
      if (!(await standing.remember())) return
    }
    if (directory !== undefined) await writeRing(directory, kept)
    const isNew = compareTables(kept.stages.table, topology.stages.table) > 0
    topology.adopt(kept.stages)
    topology.usedNs = usedNsOf(kept)
    // Exchanges that began meanwhile did not compare the new places.
    if (mayLack) standing.lose('damaged')
    if (isNew) trace.record('ring-in-effect', { number: kept.stages.table.number })
    view.onDurable(adopted)
    // What was heard meanwhile of the same table is durable where it comes from.
    const { seen, stated } = view.adopted === adopted ? view.news : told
    this.#news = newsBytes({ stages: kept.stages, adopted, seen, stated })
    this.#digest = newsDigestOf(this.#news)
    this.onChanged()
    this.#spread.tellAll()
    this.onUsed()
  }
}

const NO_BYTES = new Uint8Array(0)

/** What a member knows at the beginning of a cluster, whose configured buckets have these N. */
export function firstRing(ring: Ring, ns: readonly number[]): KeptRing {
  const stages = firstStages(ring)
  for (const n of ns) stages.use(n)
  return { stages, adopted: stages.table, stated: undefined }
}

/**
 * The N whose buckets a node serves: while a newer table is under way those alone that it has
 * stated (dynamo/ring/ring-view.ts).
 */
function usedNsOf({ stages, stated }: KeptRing): ReadonlySet<number> {
  return new Set((stated ?? stages).ns)
}
