/**
 * The client of a cluster: one object for all nodes.
 *
 * A client keeps a connection to every node that it uses, knows which nodes own a key, and hides
 * the loss of a node: a call that fails at one node is tried at the next, within its deadline.
 * Read `bucket.ts` for the operations, `calls.ts` for attempts, `pool.ts` for the choice of node.
 */
// For programs whose `lib` is older than `await using`.
/// <reference lib="esnext.disposable" preserve="true" />
import { EMPTY_BYTES, hexOf } from '../base/bytes.ts'
import { DEFAULT_BUCKET } from '../dynamo/names.ts'
import type { Status, Topology } from '../wire/message/client.ts'
import type { World } from '../world/world.ts'
import type { GetResult, Entry } from './get-result.ts'
import { Bucket, type Core, type Key, type Merge } from './bucket.ts'
import {
  type BucketOptions,
  checkBucketOptions,
  type GetOptions,
  type PutOptions,
  type ScanOptions,
  type UpdateOptions,
  type PutResult,
} from './bucket-options.ts'
import {
  askCreate,
  askRename,
  type BucketInfo,
  bucketsOf,
  type ChangedBucket,
  type CreateBucketOptions,
  type RenameBucketOptions,
} from './buckets.ts'
import { Calls } from './calls.ts'
import { Random } from './random.ts'
import { type Codec, text } from './codec.ts'
import { dialer } from './dial.ts'
import { awaitDurable, type DurableOptions } from './durable.ts'
import { type Explanation, explanationOf } from './explanation.ts'
import type { Receipt } from './receipt.ts'
import { optionsCheck } from './check-options.ts'
import { aborted } from './failure.ts'
import type { Dial } from './link.ts'
import { askInvitation, type InviteOptions, type IssuedInvitation } from './invite.ts'
import { linkNamed } from './named.ts'
import { Operator } from './operator.ts'
import {
  type CallOptions,
  type ClientSettings,
  CALL_CHECKS,
  type ConnectOptions,
  settingsOf,
} from './options.ts'
import { Pool } from './pool.ts'
import { askRanges, type NodeRanges, type RangesOptions } from './ranges.ts'
import {
  askRound,
  type NodeRound,
  nodeRoundOf,
  type RoundOptions,
  type RoundProgress,
} from './round.ts'
import { askRepair, type RepairOptions, type RepairProgress } from './repair.ts'
import type { Scan } from './scan.ts'
import { Session } from './session.ts'
import { SessionReceipts } from './session-receipts.ts'

/** The parts of the world that a client uses; no disk among them. */
export type ClientWorld = Pick<World, 'clock' | 'network' | 'entropy' | 'trace'>

/** The members and the ring, as one node knows them. */
export interface ClusterView {
  readonly cluster: string
  /** Digest of the ring, 16 hexadecimal digits: nodes with the same digest place keys alike. */
  readonly ring: string
  readonly partitions: number
  readonly members: readonly {
    readonly id: string
    readonly name: string
    readonly host: string
    readonly clientPort: number
    readonly peerPort: number
    readonly machine: string
    readonly zone: string
  }[]
  /** The first, without a name, applies to all buckets that are not listed. */
  readonly buckets: readonly {
    readonly name: string
    readonly n: number
    readonly r: number
    readonly w: number
  }[]
}

/** The status of one node, as it reports it. */
export interface NodeStatus {
  readonly id: string
  readonly name: string
  readonly version: string
  readonly cluster: string
  readonly peers: readonly {
    readonly id: string
    readonly name: string
    readonly isConnected: boolean
  }[]
  /** Counters and gauges by name. */
  readonly figures: Readonly<Record<string, number>>
  /** Sentences for an operator. */
  readonly warnings: readonly string[]
  /** What is wrong with the node now and needs someone. */
  readonly alarms: readonly string[]
  /** What it keeps for each member that is away, or was. */
  readonly hints: readonly MemberHints[]
  readonly round: NodeRound
  /** Every member that it knows, also those that are gone. */
  readonly members: readonly MemberSeen[]
}

/** A member as one node sees it. */
export interface MemberSeen {
  readonly id: string
  readonly name: string
  readonly state: 'joined' | 'leaving' | 'gone'
  /** As members find out together; `peers` tells which of them the node itself reaches. */
  readonly life: 'alive' | 'suspect' | 'dead'
  /** It is suspected or dead for so long; 0: it is alive. */
  readonly lifeMs: number
}

/** Hints that one node keeps for another member. */
export interface MemberHints {
  readonly id: string
  /** Empty where it is no member any more. */
  readonly name: string
  readonly keys: number
  readonly bytes: number
  /** For so long there have been some without a break, since the node's start at most. */
  readonly keptMs: number
  /** Keys that were delivered, and bytes that were taken, in the last 10 s. */
  readonly deliveredPerSecond: number
  readonly takenBytesPerSecond: number
}

const checkTopology = optionsCheck<CallOptions>('topology', CALL_CHECKS)
const checkBuckets = optionsCheck<CallOptions>('buckets', CALL_CHECKS)
const checkExplain = optionsCheck<CallOptions>('explain', CALL_CHECKS)
const checkStatus = optionsCheck<CallOptions>('status', CALL_CHECKS)

/** Connects to a cluster; resolves when one node has answered and its topology is known. */
export async function connectTo(
  options: ConnectOptions,
  world: ClientWorld,
  dial?: Dial,
): Promise<Client> {
  const settings = settingsOf(options)
  const { signal } = options
  if (signal?.aborted === true) throw aborted(signal)
  const client = new Client(settings, world, dial ?? dialer(settings, world))
  try {
    await client.topology({ timeout: settings.connectMs, signal })
    return client
  } catch (error) {
    await client.close()
    throw error
  }
}

export class Client implements AsyncDisposable {
  readonly #core: Core
  readonly #pool: Pool
  readonly #calls: Calls
  readonly #default: Bucket<string>

  /** For the library itself: programs call `connect`. */
  constructor(settings: ClientSettings, world: ClientWorld, dial: Dial) {
    const { clock } = world
    const random = new Random(world.entropy, world.clock)
    this.#pool = new Pool(settings.seeds, { clock, random, dial })
    this.#calls = new Calls(this.#pool, clock, random, settings)
    this.#core = {
      calls: this.#calls,
      pool: this.#pool,
      random,
      timeoutMs: settings.timeoutMs,
      now: () => clock.now(),
      pause: (ms) => new Promise((resolve) => void clock.after(ms, resolve)),
    }
    this.#default = new Bucket(this.#core, DEFAULT_BUCKET, text)
  }

  /** A bucket by name, by default `default`; sends nothing. Values are text by default. */
  bucket(name?: string): Bucket<string>
  bucket<T = string>(name: string | undefined, options: BucketOptions<T>): Bucket<T>
  bucket<T>(name?: string, options?: BucketOptions<T>): Bucket<T> {
    return this.#bucketOf(this.#core, name, options)
  }

  /** A new session, or the one whose text this is; sends nothing. */
  session(text?: string): Session {
    const session = text === undefined ? new SessionReceipts() : SessionReceipts.parse(text)
    const core = { ...this.#core, session }
    return new Session(session, (name, options) => this.#bucketOf(core, name, options))
  }

  #bucketOf<T>(core: Core, name: string = DEFAULT_BUCKET, options?: BucketOptions<T>): Bucket<T> {
    checkBucketOptions(options)
    return new Bucket(core, name, options?.codec ?? (text as unknown as Codec<T>))
  }

  /** `Bucket.get` of the default bucket, as text. */
  get(key: Key, options?: GetOptions): Promise<GetResult<string>> {
    return this.#default.get(key, options)
  }

  /** `Bucket.put` of the default bucket, as text. */
  put(key: Key, value: string, options?: PutOptions): Promise<PutResult> {
    return this.#default.put(key, value, options)
  }

  /** `Bucket.delete` of the default bucket. */
  delete(key: Key, options: PutOptions): Promise<PutResult> {
    return this.#default.delete(key, options)
  }

  /** `Bucket.update` of the default bucket, as text. */
  update(key: Key, merge: Merge<string>, options?: UpdateOptions): Promise<string | undefined> {
    return this.#default.update(key, merge, options)
  }

  /** `Bucket.keys` of the default bucket. */
  keys(options?: ScanOptions): Scan<string> {
    return this.#default.keys(options)
  }

  /** `Bucket.entries` of the default bucket, as text. */
  entries(options?: ScanOptions): Scan<Entry<string>> {
    return this.#default.entries(options)
  }

  /**
   * Waits until `copies` owners of the key hold the write, or all N; resolves with their ids.
   * Throws `not-yet`, and which are missing, when its time is up: the write is not lost by that.
   */
  durable(receipt: Receipt, options?: DurableOptions): Promise<readonly string[]> {
    return awaitDurable(this.#core, receipt, options)
  }

  /** Where a key is: its owners, and what each node holds durably of it. Repairs nothing. */
  async explain(bucket: string, key: Key, options?: CallOptions): Promise<Explanation> {
    checkExplain(options)
    const name = new Bucket(this.#core, bucket, text).nameOf(key)
    const reply = await this.#calls.run(
      {
        kind: 'explain',
        isWrite: false,
        heldBytes: name.key.length,
        request: (deadlineMs) => ({ name, deadlineMs, ownersOnly: false, receipt: EMPTY_BYTES }),
      },
      options,
    )
    return explanationOf(reply, this.#pool.routes?.members ?? [])
  }

  /** Asks a node for the members and the ring; the client routes by them from then on. */
  async topology(options?: CallOptions): Promise<ClusterView> {
    checkTopology(options)
    return viewOf(await this.#askTopology(options))
  }

  async #askTopology(options: CallOptions | undefined): Promise<Topology> {
    const topology = await this.#calls.run(
      { kind: 'topology', isWrite: false, request: () => ({}) },
      options,
    )
    this.#pool.adopt(topology)
    return topology
  }

  /**
   * Creates a bucket with its own N, R and W. A bucket needs no creation to be used; one that is
   * created is told from any other that had its name. Throws `bucket-exists` where something was
   * put under the name already, `buckets-full`, or `quorum-wrong`.
   */
  createBucket(name: string, options?: CreateBucketOptions): Promise<ChangedBucket> {
    return askCreate(this.#core, name, options)
  }

  /**
   * Shows a bucket that was created under another name; its keys stay where they are. `bucket` is
   * its name, or its exact name where two were created under one name at the same time.
   */
  renameBucket(
    bucket: string,
    name: string,
    options?: RenameBucketOptions,
  ): Promise<ChangedBucket> {
    return askRename(this.#core, bucket, name, options)
  }

  /**
   * The buckets that were created or that a configuration names, by name, as one node knows them;
   * the last, without a name, stands for all others.
   */
  async buckets(options?: CallOptions): Promise<readonly BucketInfo[]> {
    checkBuckets(options)
    return bucketsOf(await this.#askTopology(options))
  }

  /** Asks the node of this name, or the seed of this address, or any node, for its status. */
  async status(node?: string, options?: CallOptions): Promise<NodeStatus> {
    checkStatus(options)
    const only = node === undefined ? undefined : linkNamed(this.#pool, 'status', node)
    const status = await this.#calls.run(
      { kind: 'status', isWrite: false, only, request: () => ({}) },
      options,
    )
    return nodeStatusOf(status)
  }

  /**
   * Asks the node that is named, or any node, how the copies of each partition that it owns compare
   * with those of the other owners, as its exchanges with them found. With `until: 'equal'` this
   * resolves when all were found equal after the call began, or else when its time is up; see
   * `isEqual`.
   */
  ranges(options?: RangesOptions): Promise<NodeRanges> {
    return askRanges(this.#core, options)
  }

  /**
   * Has the node of this name compare its copies with those of the other owners now, and take what
   * it lacks. Resolves when it has done or tried that with each: see `unfinished`.
   */
  repair(node: string, options?: RepairOptions): Promise<RepairProgress> {
    return askRepair(this.#core, node, options)
  }

  /**
   * Has the node that is named, or any node, open a round now, as often as is needed: it lets go of
   * deleted keys and of old context. Resolves when one was adopted that opened after the call, or
   * when its time is up: see `isAdopted`.
   */
  round(options?: RoundOptions): Promise<RoundProgress> {
    return askRound(this.#core, options)
  }

  /**
   * Has the node at an address, or any node, issue an invitation: with it one new node may join at
   * that node, within ten minutes.
   */
  invite(options?: InviteOptions): Promise<IssuedInvitation> {
    return askInvitation(this.#core, options)
  }

  /** Plans and changes of who owns what. */
  get operator(): Operator {
    return new Operator(this.#core)
  }

  /**
   * Closes all connections and ends those that are being made; calls in flight or waiting end with
   * `closed`. Waits for no node. May be called twice.
   */
  async close(): Promise<void> {
    this.#calls.close()
    this.#pool.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function viewOf(topology: Topology): ClusterView {
  const { hi, lo } = topology.ring
  return {
    cluster: topology.cluster,
    ring: hi.toString(16).padStart(8, '0') + lo.toString(16).padStart(8, '0'),
    partitions: 2 ** topology.partitionBits,
    members: topology.members.map(({ node, ...member }) => ({ id: hexOf(node), ...member })),
    buckets: topology.buckets.map(({ name, n, r, w }) => ({ name, n, r, w })),
  }
}

function nodeStatusOf(status: Status): NodeStatus {
  return {
    id: hexOf(status.node),
    name: status.name,
    version: status.version,
    cluster: status.cluster,
    peers: status.peers.map(({ node, ...peer }) => ({ id: hexOf(node), ...peer })),
    figures: Object.fromEntries(status.figures.map(({ name, value }) => [name, value])),
    warnings: status.warnings,
    alarms: status.alarms,
    hints: status.hints.map(({ node, ...hints }) => ({ id: hexOf(node), ...hints })),
    round: nodeRoundOf(status.round),
    members: status.members.map(({ node, ...seen }) => ({ id: hexOf(node), ...seen })),
  }
}
