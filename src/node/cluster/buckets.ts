/**
 * Carries the buckets that were created (`dynamo/buckets/`) into the world: their file, their
 * messages, and the names that clients find them by.
 *
 *     an operator's command, what other members tell ─► set ─► file ─► served ─► news
 *
 * What is new goes to each connected member at once. Members that connect compare digests, and so
 * does each with one at random every 30 s.
 *
 * A name that something was put under already is not given to a new bucket: those values would be
 * hidden by it. All members that can be asked are asked. What one that cannot be asked holds under
 * the name, it tells when it hears of the bucket.
 *
 * Invariant: nothing is served or told before it is durable here.
 */
import { readU32, utf8Bytes } from '../../base/bytes.ts'
import { isFailure } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import { equalU64 } from '../../base/u64.ts'
import { recordsBytes, recordsOfBytes } from '../../dynamo/buckets/bucket-bytes.ts'
import type { BucketRecord } from '../../dynamo/buckets/bucket-record.ts'
import { type BucketsDigest, BucketSet, bucketsDigestOf } from '../../dynamo/buckets/bucket-set.ts'
import type { NodeId } from '../../dynamo/names.ts'
import type { Engine } from '../../store/engine.ts'
import { writeBuckets } from '../../store/buckets.ts'
import { Held } from '../../wire/message/bucket.ts'
import type { Reply, Request } from '../../wire/message/table.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import type { Directory } from '../../world/disk.ts'
import type { Entropy } from '../../world/entropy.ts'
import type { Trace } from '../../world/trace.ts'
import { KeptFile } from '../replica/kept-file.ts'
import { holdsNeverCreated } from '../replica/name-pages.ts'
import { HiddenKeys } from './hidden-keys.ts'
import { type Known, NewsSpread } from './news-spread.ts'
import type { PeerCalls } from './peer-calls.ts'
import type { Rings } from './rings.ts'
import type { Topology } from './topology.ts'

/** How often buckets are compared with one other member. */
const COMPARE_MS = 30_000
/** A member has so long to take news. */
const TELL_MS_MAX = 5_000

export interface BucketsOptions {
  /** All that the directory has; undefined: it has no such file yet. */
  readonly buckets: readonly BucketRecord[] | undefined
  /** Undefined if the engine is not durable. */
  readonly directory: Directory | undefined
  readonly engine: Pick<Engine, 'digests' | 'places'>
  readonly topology: Topology
  readonly rings: Pick<Rings, 'use' | 'onUsed'>
  readonly peers: Pick<PeerCalls, 'tellBuckets' | 'connected' | 'isConnected'>
  readonly clock: Clock
  readonly entropy: Entropy
  readonly trace: Trace
}

export class Buckets {
  readonly #node: BucketsOptions
  readonly #set: BucketSet
  readonly #file: KeptFile
  readonly #spread: NewsSpread<BucketsDigest>
  /** What is durable. */
  #known: Known<BucketsDigest>
  readonly #hidden: HiddenKeys
  #timer: Timer | undefined
  #isStopped = false
  /** Called with the reason why this node must end. */
  onFailed: (reason: OperatingError) => void = () => undefined

  constructor(options: BucketsOptions) {
    const { buckets = [], rings, peers, clock } = options
    this.#node = options
    this.#set = new BucketSet(buckets)
    this.#hidden = new HiddenKeys(options)
    this.#known = this.#follow()
    this.#file = new KeptFile({
      clock,
      write: () => this.#write(),
      of: 'what this node must remember of the buckets',
      onFailed: (reason) => this.onFailed(reason),
    })
    this.#spread = new NewsSpread({
      known: () => this.#known,
      call: (member, told, deliver) => {
        peers.tellBuckets(member, { ...told, asked: '', deadlineMs: 0 }, (answer) => {
          deliver(answer)
          if (!isFailure(answer)) void this.#compared()
        })
      },
      hear: (news) => this.#take(news),
      peers,
      clock,
    })
    rings.onUsed = () => void this.#useAll()
  }

  begin(): void {
    this.#setTimer()
    void this.#useAll()
    this.#hidden.lookFor(this.#node.topology.named.names)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#spread.stop()
    this.#hidden.stop()
    await this.#file.close()
  }

  /** The directory had a file of them. */
  get isKept(): boolean {
    return this.#node.buckets !== undefined
  }

  /** This node may have known more than its disk has: another member tells it, before it serves. */
  onLost(): void {
    this.#node.topology.named.mayLack = true
    for (const member of this.#node.peers.connected) this.#spread.compare(member)
  }

  onConnected(member: NodeId): void {
    this.#spread.compare(member)
  }

  /** Keys that a bucket hides, in sentences. */
  get alarms(): readonly string[] {
    return this.#hidden.alarms
  }

  /** Those that this node knows. */
  get set(): BucketSet {
    return this.#set
  }

  /** What another member says, and what it is to be told. Fails with `message-garbled`. */
  async hear({ digest, news, asked }: Request<'peerBuckets'>): Promise<Reply<'peerBuckets'>> {
    if (!equalU64(digest, this.#known.digest) && news.length > 0) {
      this.#take(news)
      await this.#file.written
      await this.#useAll()
    }
    const { digest: own, news: all } = this.#known
    const held = asked === '' ? Held.free : await this.heldAt(asked, () => false)
    return { news: equalU64(digest, own) ? NO_BYTES : all, held }
  }

  /** Whether this node has something under a name that no created bucket has. */
  async heldAt(name: string, isLate: () => boolean): Promise<Held> {
    const { topology, engine } = this.#node
    if (topology.named.isConfigured(name)) return Held.configured
    const isEnded = (): boolean => this.#isStopped || isLate()
    const hasRecords = await holdsNeverCreated(engine, utf8Bytes(name), isEnded)
    return hasRecords ? Held.records : Held.free
  }

  /** Resolves with whether the record is durable and served here. */
  async add(record: BucketRecord): Promise<boolean> {
    this.#set.take(record)
    return (await this.#file.save()) && this.#useAll()
  }

  /** Tells each connected member of all, and resolves with those that have it durably. */
  async tellAll(): Promise<ReadonlySet<NodeId>> {
    const { peers, clock } = this.#node
    const told = { ...this.#known, asked: '', deadlineMs: 0 }
    const answers = peers.connected.map((member) => {
      return new Promise<NodeId | undefined>((resolve) => {
        const timer = clock.after(TELL_MS_MAX, () => resolve(undefined))
        peers.tellBuckets(member, told, (answer) => {
          timer.cancel()
          resolve(isFailure(answer) ? undefined : member)
        })
      })
    })
    return new Set((await Promise.all(answers)).flatMap((member) => member ?? []))
  }

  /** Throws `message-garbled`. */
  #take(bytes: Uint8Array): void {
    if (this.#isStopped) return
    const records = recordsOfBytes(bytes)
    if (!records?.every((record) => this.#set.admits(record))) {
      throw new OperatingError(
        'message-garbled',
        'a list of buckets is not encoded as it should be',
      )
    }
    const taken = records.filter((record) => this.#set.take(record) === 'taken')
    if (taken.length === 0) return
    this.#node.trace.record('buckets-heard', { count: taken.length })
    void this.#file.save().then(() => this.#hidden.lookFor(taken.map(({ name }) => name)))
  }

  async #write(): Promise<void> {
    const { directory } = this.#node
    const records = this.#set.all
    if (directory !== undefined) await writeBuckets(directory, records)
    if (equalU64(bucketsDigestOf(records), this.#known.digest)) return
    this.#known = this.#follow(records)
    this.#spread.tellAll()
  }

  #follow(records: readonly BucketRecord[] = this.#set.all): Known<BucketsDigest> {
    this.#node.topology.named.follow(records)
    return { digest: bucketsDigestOf(records), news: recordsBytes(records) }
  }

  /** True where the N of all buckets are served, those of the configuration among them. */
  async #useAll(): Promise<boolean> {
    const { topology, rings } = this.#node
    for (const bucket of topology.allProperties()) {
      if (topology.serves(bucket) || this.#isStopped) continue
      if (!(await rings.use(bucket.n))) return false
    }
    return !this.#isStopped
  }

  /** Another member has told what it knows, or knows the same. */
  async #compared(): Promise<void> {
    await this.#file.written
    this.#node.topology.named.mayLack = false
  }

  #setTimer(): void {
    const { clock, peers, entropy } = this.#node
    this.#timer = clock.after(COMPARE_MS, () => {
      const { connected } = peers
      const member = connected[readU32(entropy.bytes(4), 0) % Math.max(1, connected.length)]
      if (member !== undefined) this.#spread.compare(member)
      this.#setTimer()
    })
  }
}

const NO_BYTES = new Uint8Array(0)
