/**
 * A whole cluster in a simulated world: real nodes, with the real store and the real addon.
 *
 * Machines 1 to `nodes` run one node each; clients live on machines from 1,001 on. Everything that
 * a node keeps is on its simulated disk, so a crash, a restart or an emptied disk has the effects
 * that it has on a real machine.
 */
import { assert } from '../../base/assert.ts'
import { utf8Text } from '../../base/bytes.ts'
import { type Client, connectTo } from '../../client/client.ts'
import type { ConnectOptions } from '../../client/options.ts'
import type { BucketConfig, Config } from '../../config.ts'
import { DEFAULTS } from '../../config.ts'
import { MemberState } from '../../dynamo/membership/member-record.ts'
import type { KeyName, NodeId } from '../../dynamo/names.ts'
import { preferenceListOf } from '../../dynamo/ring/preference-list.ts'
import type { Ring, RingDigest } from '../../dynamo/ring/ring.ts'
import { StagedLists } from '../../dynamo/ring/staged-lists.ts'
import { firstStages, type Stages } from '../../dynamo/ring/stages.ts'
import { tokenOf } from '../../native/digest.ts'
import { memberIdOf, ringOf } from '../../node/cluster/topology.ts'
import { type RunningNode, startNode } from '../../node/node.ts'
import type { World } from '../../world/world.ts'
import { Renewals } from './renewals.ts'
import type { SimWorld } from '../world.ts'
import { type MadeBucket, MadeBuckets } from './made-buckets.ts'

export interface ClusterOptions {
  /** Nodes, 1 to 99. */
  readonly nodes: number
  /** That its members state, at most `nodes`; by default one each. */
  readonly machines?: number
  readonly partitions?: number
  /** Of each member, 1 by default: one with 0 owns nothing at first. */
  readonly weights?: readonly number[]
  readonly quorums?: { readonly n: number; readonly r: number; readonly w: number }
  readonly buckets?: readonly BucketConfig[]
  /** Created at run time, by `made.begin`. */
  readonly created?: readonly MadeBucket[]
  /** `log` unless told. */
  readonly engine?: Config['engine']
  /** Small ones make rare paths common; so do small windows and little memory. */
  readonly segmentBytes?: number
  readonly hintBytes?: number
  /** False: a node whose disk was emptied ends. */
  readonly mayRebuild?: boolean
  readonly deadlineMs?: number
  readonly hedgeMs?: number
  /** See `Config`. */
  readonly exchangeMs?: number
  readonly latencyTargetMs?: number
  readonly roundMs?: number
  readonly rememberMs?: number
  readonly cleanMs?: number
  readonly callsMax?: number
  readonly messageBytes?: number
  readonly windowBytes?: number
  readonly connectionsMax?: number
}

const CLIENT_PORT = 7400
const PEER_PORT = 7500
const FIRST_CLIENT = 1001
export const CLUSTER = 'simulated'
const SEGMENT_BYTES = 64 * 1024
const RESTART_MS_MAX = 600_000

export class Cluster {
  readonly world: SimWorld
  readonly size: number
  readonly #options: ClusterOptions
  readonly #key: Uint8Array
  readonly #running = new Map<number, RunningNode>()
  readonly made: MadeBuckets
  /**
   * Called when a node has ended by itself because its disk failed. Its process still exists and is
   * to be killed or crashed; without a callback it stays so.
   */
  onFailed: ((machine: number, error: unknown) => void) | undefined
  readonly renewals: Renewals = new Renewals()
  #clients = 0

  constructor(world: SimWorld, options: ClusterOptions) {
    assert(options.nodes >= 1 && options.nodes < 100, 'a simulated cluster is small')
    this.world = world
    this.size = options.nodes
    this.#options = options
    this.#key = world.prng('cluster key').fill(new Uint8Array(16))
    this.made = new MadeBuckets(this, options.created ?? [])
  }

  /** True where the end of a node is the end of its copies. */
  get isVolatile(): boolean {
    return this.#options.engine === 'memory'
  }

  /** The machines that nodes run on. */
  get machines(): readonly number[] {
    return Array.from({ length: this.size }, (_, i) => i + 1)
  }

  get clusterKey(): Uint8Array {
    return this.#key
  }

  /** Where clients reach the nodes. */
  get seeds(): readonly string[] {
    return this.machines.map((machine) => `${this.world.hostOf(machine)}:${CLIENT_PORT}`)
  }

  /** The ring in force on a node that runs; the first ring while none does. */
  get ring(): Ring {
    for (const node of this.#running.values()) return node.ring
    return ringOf(this.configOf(1))
  }

  /** What a request about this key of a bucket with this N names. */
  digestFor({ bucket, key }: KeyName, n: number): RingDigest {
    return this.lists.of(tokenOf(bucket, key), n).digest
  }

  /** What a request about several keys names. */
  digestForAll(names: readonly KeyName[], n: number): RingDigest {
    const { lists } = this
    const partitionOf = ({ bucket, key }: KeyName): number =>
      lists.ring.partitionOf(tokenOf(bucket, key))
    return lists.digestOf(names.map((name) => [partitionOf(name), n]))
  }

  /** The owners of each partition now. */
  get lists(): StagedLists {
    return new StagedLists(this.#stages)
  }

  /** What a request about tables and moves names. */
  get digest(): RingDigest {
    return this.#stages.digest
  }

  /** Those of a node that runs; the first ones while none does. */
  get #stages(): Stages {
    for (const node of this.#running.values()) return node.rings.view.stages
    return firstStages(ringOf(this.configOf(1)))
  }

  /** The machines that own a key, in order of preference. */
  ownersOf({ bucket, key }: KeyName): readonly number[] {
    return this.ownersOfPartition(this.ring.partitionOf(tokenOf(bucket, key)), utf8Text(bucket))
  }

  ownersOfPartition(partition: number, bucket: string): readonly number[] {
    const { owners } = preferenceListOf(this.ring, partition, this.quorumsOf(bucket).n)
    return owners.map(({ name }) => machineOf(name))
  }

  /** Those that are configured, and those that were created. */
  get buckets(): readonly BucketConfig[] {
    return [...this.configOf(1).buckets, ...this.made.there]
  }

  /** The N of all buckets, each once. */
  get ns(): ReadonlySet<number> {
    return new Set([this.configOf(1).defaults.n, ...this.buckets.map(({ n }) => n)])
  }

  quorumsOf(bucket: string): Pick<BucketConfig, 'n' | 'r' | 'w'> {
    return this.buckets.find(({ name }) => name === bucket) ?? this.configOf(1).defaults
  }

  /** Partitions whose owners among `machines` have different sums in their trees, in sentences. */
  unequalRoots(machines: readonly number[]): readonly string[] {
    const unequal: string[] = []
    for (const n of this.ns) {
      for (let partition = 0; partition < this.ring.partitionCount; partition++) {
        const { owners } = preferenceListOf(this.ring, partition, n)
        const compared = owners.map(({ name }) => machineOf(name))
        const living = compared.filter((machine) => machines.includes(machine))
        const roots = living.map((machine) => {
          const root = this.node(machine)?.rootOf(n, partition)
          return root === undefined ? 'unread' : `${root.hi} ${root.lo}`
        })
        if (new Set(roots).size > 1 || roots[0] === 'unread') {
          unequal.push(`roots differ: partition ${partition} of ${n} copies: ${roots.join(', ')}`)
        }
      }
    }
    return unequal
  }

  /**
   * What fails together as the promise counts it: the nodes that state one machine, where there are
   * N of those; else each node alone.
   */
  partOf(machine: number): string {
    const { defaults, buckets } = this.configOf(1)
    const { machines = this.size, created = [] } = this.#options
    const mostN = Math.max(defaults.n, ...[...buckets, ...created].map(({ n }) => n))
    return machines < mostN ? `n${machine}` : this.#statedMachineOf(machine)
  }

  #statedMachineOf(machine: number): string {
    const { machines = this.size } = this.#options
    return `m${((machine - 1) % machines) + 1}`
  }

  /** Whether two owners of some key do not run. */
  get hasTwoOwnersAway(): boolean {
    const names = ['', ...this.buckets.map(({ name }) => name)]
    const isAway = (machine: number): boolean => !this.#running.has(machine)
    if (this.machines.filter(isAway).length < 2) return false
    return Array.from({ length: this.ring.partitionCount }, (_, i) => i).some((partition) =>
      names.some((name) => this.ownersOfPartition(partition, name).filter(isAway).length >= 2),
    )
  }

  /** The id of the member on a machine; where the next one has not joined, of the last. */
  memberOf(machine: number): NodeId {
    return this.renewals.memberOf(machine) ?? this.configOf(machine).id
  }

  /** Some node that runs knows that the member of a machine is no member any more. */
  isGone(machine: number): boolean {
    const id = this.memberOf(machine)
    return [...this.#running.values()].some(({ membership }) => {
      return membership.recordOf(id)?.state === MemberState.gone
    })
  }

  node(machine: number): RunningNode | undefined {
    return this.#running.get(machine)
  }

  configOf(machine: number): Config {
    const host = this.world.hostOf(machine)
    const options = this.#options
    const { n, r, w } = options.quorums ?? DEFAULTS
    return {
      cluster: CLUSTER,
      name: `n${machine}`,
      id: memberIdOf(CLUSTER, `n${machine}`),
      members: this.machines.map((other) => ({
        name: `n${other}`,
        host: this.world.hostOf(other),
        clientPort: CLIENT_PORT,
        peerPort: PEER_PORT,
        machine: this.#statedMachineOf(other),
        zone: '',
        weight: this.#options.weights?.[other - 1] ?? 1,
      })),
      partitions: options.partitions ?? 16,
      defaults: { n: Math.min(n, this.size), r: Math.min(r, this.size), w: Math.min(w, this.size) },
      buckets: options.buckets ?? [],
      clientListen: { host, port: CLIENT_PORT },
      peerListen: { host, port: PEER_PORT },
      clusterKey: this.#key,
      clientToken: undefined,
      isInsecure: false,
      engine: options.engine ?? 'log',
      directory: '/data',
      mayRebuild: options.mayRebuild ?? true,
      segmentBytes: options.segmentBytes ?? SEGMENT_BYTES,
      hintBytes: options.hintBytes,
      deadlineMs: options.deadlineMs ?? 2_000,
      hedgeMs: options.hedgeMs ?? DEFAULTS.hedgeMs,
      forwardMs: DEFAULTS.forwardMs,
      exchangeMs: options.exchangeMs ?? DEFAULTS.exchangeMs,
      latencyTargetMs: options.latencyTargetMs ?? DEFAULTS.latencyTargetMs,
      roundMs: options.roundMs ?? DEFAULTS.roundMs,
      rememberMs: options.rememberMs ?? DEFAULTS.rememberMs,
      cleanMs: options.cleanMs ?? DEFAULTS.cleanMs,
      callsMax: options.callsMax ?? DEFAULTS.callsMax,
      messageBytes: options.messageBytes ?? DEFAULTS.messageBytes,
      windowBytes: options.windowBytes ?? DEFAULTS.windowBytes,
      connectionsMax: options.connectionsMax ?? DEFAULTS.connectionsMax,
    }
  }

  /**
   * Starts a node on a machine that runs none. Resolves when it is ready; rejects if it does not
   * start, and then nothing runs there. If the node is ended meanwhile, the promise stays pending.
   */
  async start(machine: number): Promise<void> {
    const world = this.world.start(machine)
    try {
      const node = await startNode(await this.#configAt(machine, world), world)
      this.#running.set(machine, node)
      void node.failed.then((error) => {
        if (this.#running.get(machine) === node) this.onFailed?.(machine, error)
      })
    } catch (error) {
      this.world.kill(machine)
      throw error
    }
  }

  #configAt(machine: number, world: World): Promise<Config> | Config {
    const config = this.configOf(machine)
    if (!this.renewals.has(machine)) return config
    const issuers = [...this.#running.keys()].map((one) => this.configOf(one).clientListen)
    return this.renewals.configOf(machine, config, issuers, world)
  }

  /** Starts all nodes, and lets time pass until they answer. */
  async startAll(): Promise<void> {
    await this.world.complete(Promise.all(this.machines.map((machine) => this.start(machine))))
    const isWhole = (): boolean =>
      [...this.#running.values()].every((node) => node.status().peers.every((p) => p.isConnected))
    await this.world.runUntil(isWhole, RESTART_MS_MAX)
  }

  /** Takes the power of a machine that runs a node: what was not synced may be gone. */
  crash(machine: number): void {
    this.#running.delete(machine)
    this.world.crash(machine)
  }

  /** Takes its power, and puts an empty disk into it. */
  crashAndWipe(machine: number): void {
    this.crash(machine)
    this.world.wipe(machine)
  }

  /** Ends a node as SIGKILL does: what it wrote is still there. */
  kill(machine: number): void {
    this.#running.delete(machine)
    this.world.kill(machine)
  }

  isRunning(machine: number): boolean {
    return this.world.isRunning(machine)
  }

  /** A process runs and does not answer yet. */
  isStarting(machine: number): boolean {
    return this.world.isRunning(machine) && !this.#running.has(machine)
  }

  /** Stops a node in order. */
  async stop(machine: number): Promise<void> {
    const node = this.#running.get(machine)
    assert(node !== undefined, 'a node runs on the machine')
    await node.stop()
    this.#running.delete(machine)
    this.world.kill(machine)
  }

  /** The world of one more client, on a machine of its own. */
  clientWorld(): World {
    const machine = FIRST_CLIENT + this.#clients
    this.#clients += 1
    return this.world.start(machine)
  }

  /** One more client, on a machine of its own. */
  connect(options: Partial<ConnectOptions> = {}): Promise<Client> {
    return connectTo({ seeds: this.seeds, ...options }, this.clientWorld())
  }

  /** The machines of the clients so far. */
  get clientMachines(): readonly number[] {
    return Array.from({ length: this.#clients }, (_, i) => FIRST_CLIENT + i)
  }
}

/** The machine of a member: its name is `n` and that number. */
function machineOf(name: string): number {
  return Number(name.slice(1))
}
