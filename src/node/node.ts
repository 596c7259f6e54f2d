/**
 * One member of the cluster: makes the workers, gives each what it uses, starts and stops them.
 *
 *     identity ─► log recovered ─► listeners opened ─► peers connected ─► ready
 *
 * No request is answered before the log has been read and is durable again. Stopping goes the other
 * way: no new connections, requests in progress end or fail, the log is synced.
 *
 *     listeners/    messages arrive here: clients', members'        wire types stop here
 *     requests.ts   gets, puts and scans as the node knows them
 *     coordinator/  runs them: owners, R and W, hand on, merge, seal
 *     replica/      this member's own copies, one step at a time on each key
 *     cluster/      the ring in force, the connections and calls to other members
 *     background/   brings hints home, compares trees, mends and rebuilds copies
 *     counters.ts, report.ts   what is counted, and the registry of figures
 */
import type { OperatingError } from '../base/errors.ts'
import type { U64 } from '../base/u64.ts'
import type { Config } from '../config.ts'
import type { Ring } from '../dynamo/ring/ring.ts'
import { requireAddon } from '../native/availability.ts'
import type { Engine, PlaceReport } from '../store/engine.ts'
import type { Timer } from '../world/clock.ts'
import type { KeptRing } from '../dynamo/ring/ring-view.ts'
import type { Address } from '../world/network.ts'
import type { World } from '../world/world.ts'
import { Background, type Moves } from './background/background.ts'
import { Pacing } from './background/pacing.ts'
import { Mender } from './background/mender.ts'
import { Buckets } from './cluster/buckets.ts'
import { ClusterKeys } from './cluster/cluster-keys.ts'
import { Closings, opennessOf } from './cluster/closings.ts'
import { type Introducer, Introducing } from './cluster/introducer.ts'
import { Invitations } from './cluster/invitations.ts'
import { Membership } from './cluster/membership.ts'
import type { OwnStanding } from './cluster/own-standing.ts'
import { PeerCalls } from './cluster/peer-calls.ts'
import { PeerLies } from './cluster/peer-lies.ts'
import { Peers } from './cluster/peers.ts'
import { firstRing, Rings } from './cluster/rings.ts'
import { keptRingOf, Topology } from './cluster/topology.ts'
import type { Coordinator } from './coordinator/coordinator.ts'
import { coordinatorOf } from './coordinator/coordinator-of.ts'
import { Gets } from './coordinator/get.ts'
import { Counters } from './counters.ts'
import { hintBytesOf, memoryOf, pacesOf } from './node-settings.ts'
import { OwnStatus } from './own-status.ts'
import { ClientRequests } from './listeners/client-requests.ts'
import { JoinRequests } from './listeners/join-requests.ts'
import { LoopDelay } from './listeners/loop-delay.ts'
import { OperatorRequests } from './listeners/operator-requests.ts'
import { MoveRequests } from './listeners/move-requests.ts'
import { PeerRequests } from './listeners/peer-requests.ts'
import { RoundRequests } from './listeners/round-requests.ts'
import { refuseInsecure } from './listeners/refuse-insecure.ts'
import { SessionListener } from './listeners/session-listener.ts'
import { TransferRequests } from './listeners/transfer-requests.ts'
import { Hints } from './replica/hints.ts'
import { HintsHome } from './replica/hints-home.ts'
import { openEngine, type OpenedEngine } from './replica/open-engine.ts'
import { Replica } from './replica/replica.ts'
import type { Floors } from './replica/floors.ts'
import { NamedStarts } from './replica/named-starts.ts'
import { Trees } from './replica/trees.ts'
import type { Durable, Gauges, NodeStatus } from './report.ts'

const INSECURE_REMINDER_MS = 60_000
/** How long requests in progress may take to end once the node is asked to stop. */
const DRAIN_MS_MAX = 2_000
const DRAIN_STEP_MS = 10

export interface RunningNode {
  /** Where clients and peers really reach it. */
  readonly clientAddress: Address
  readonly peerAddress: Address
  /** Losses that this cluster would not survive, in sentences for the operator. */
  readonly warnings: readonly string[]
  /** What is wrong now and needs someone, in sentences. */
  readonly alarms: readonly string[]
  /** The ring in force. */
  readonly ring: Ring
  /** Who is here, as this node sees it, and an operator's changes of that. */
  readonly membership: Membership
  /** The id of its data directory. */
  readonly directoryId: string
  /** All that this node acknowledged is in its data directory. */
  readonly isWhole: boolean
  status(): NodeStatus
  /** Figures that have a bound. */
  gauges(): Gauges
  /** What a power cut at this moment leaves. */
  readonly durable: Durable
  /** The members with hints here. */
  readonly hints: readonly PlaceReport[]
  /** Why no round ends; undefined where the last one was adopted. */
  readonly roundObstacle: string | undefined
  /** The hash tree's sum of a partition, of buckets with this N; undefined until all is read. */
  rootOf(n: number, partition: number): U64 | undefined
  /**
   * Resolves with the reason when the node has stopped because its disk failed: start it again, so
   * that it reads what the disk kept. Never otherwise.
   */
  readonly failed: Promise<OperatingError>
  /** Tables and their moves, and an operator's new ones. */
  readonly rings: Rings
  /** The cluster keys, and an operator's new ones. */
  readonly keys: ClusterKeys
  /** How far this node's own moves are. */
  readonly moves: Moves
  /** Ends everything in order; resolves when the data directory is free. */
  stop(): Promise<void>
}

/**
 * Starts a node and resolves when it answers. Fails with what `openEngine` documents, with
 * `address-taken`, `addon-missing`, or with `bind-insecure`.
 */
export async function startNode(
  config: Config,
  world: World,
  introducer?: Introducer,
): Promise<RunningNode> {
  requireAddon()
  refuseInsecure(config)
  const started = world.clock.now()
  world.trace.record('node-starting', { node: config.id, name: config.name })
  const opened = await openEngine(config, world)
  const ring = opened.ring ?? firstRingOf(config, opened)
  const topology = new Topology(config, ring.stages.copy())
  const hints = new Hints(opened.engine, world.clock, await hintBytesOf(config, opened))
  const node = new Node(config, world, topology, { ...opened, ring, hints, introducer }, started)
  await node.open()
  return node
}

function firstRingOf(config: Config, { placement, members }: OpenedEngine): KeptRing {
  const { buckets, defaults } = config
  const ns = buckets.map(({ n }) => n).filter((n) => n !== defaults.n)
  return firstRing(keptRingOf(config, placement, members.records), ns)
}

/** What was there, or made, before the node. */
interface Opened extends OpenedEngine {
  readonly hints: Hints
  readonly ring: KeptRing
  readonly introducer: Introducer | undefined
}

class Node implements RunningNode {
  readonly #config: Config
  readonly #world: World
  readonly #topology: Topology
  readonly #engine: Engine
  readonly #peers: Peers
  readonly #replica: Replica
  readonly #coordinator: Coordinator
  readonly #clients: SessionListener
  readonly #members: SessionListener
  readonly #status: OwnStatus
  readonly #standing: OwnStanding
  readonly #floors: Floors
  readonly #trees: Trees
  readonly #background: Background
  readonly #hints: Hints
  readonly #fresh = (): Promise<NodeStatus> => this.#status.fresh()
  readonly membership: Membership
  readonly rings: Rings
  readonly #buckets: Buckets
  readonly keys: ClusterKeys
  readonly #closings: Closings
  #reminder: Timer | undefined
  #stopping: Promise<void> | undefined
  #onFailed: (error: OperatingError) => void = () => undefined
  #clientAddress: Address | undefined
  peerAddress: Address
  readonly failed: Promise<OperatingError> = new Promise((resolve) => {
    this.#onFailed = resolve
  })

  constructor(config: Config, world: World, topology: Topology, opened: Opened, startedMs: number) {
    const { engine, standing, floors, directory, hints, members: records } = opened
    const { cluster, hedgeMs, deadlineMs: repairMs, latencyTargetMs } = config
    const [paces, { clock, trace, entropy }] = [pacesOf(config), world]
    const [self, { held }] = [topology.self.id, opened.keys]
    this.#config = config
    this.#world = world
    this.#topology = topology
    this.#engine = engine
    this.#hints = hints
    this.peerAddress = config.peerListen
    this.#standing = standing
    this.#floors = floors
    const [memory, ofPeers] = [memoryOf(config), memoryOf(config)]
    this.#peers = new Peers({ world, cluster, keys: held, self, standing, memory: ofPeers })
    const closings = (this.#closings = new Closings(clock, entropy))
    const trees = (this.#trees = new Trees(engine, held.digestKey, opened.digests))
    const [starts, counters] = [new NamedStarts(engine), new Counters()]
    const replica = (this.#replica = new Replica({
      ...{ engine, clock, trace, entropy, counters, hints, trees, starts, floors, ...paces },
      ...{ node: self, digestKey: held.digestKey },
      isWhole: () => standing.isWhole,
      ...opennessOf(topology, closings, (...place) => rings.view.mayHaveGiven(...place)),
      mend: (copy) => mender.mend(copy),
    }))
    const pacing = new Pacing({ clock, foreground: counters.foreground, latencyTargetMs })
    const lies = new PeerLies({ self, replica, counters, trace })
    const peers = new PeerCalls(this.#peers, clock, lies)
    const shared = { clock, trace, topology, peers, replica, counters, pacing, lies, held }
    const membership = (this.membership = new Membership({ ...shared, entropy, records }))
    const rings = (this.rings = new Rings({ ...opened, topology, peers, clock, trace }))
    const buckets = (this.#buckets = new Buckets({ ...opened, ...shared, rings, entropy }))
    const clusterKeys = (this.keys = new ClusterKeys({ ...shared, ...opened, entropy, membership }))
    const hintsHome = new HintsHome(replica, clock)
    const files = { engine, standing, floors, hints, trees, starts, directory }
    const kept = { ...files, entropy, rings, membership, buckets, hintsHome }
    const background = (this.#background = new Background({ ...shared, ...kept, ...paces }))
    const { member, opener, removal, teller, takings } = background
    const moves = new MoveRequests({ ...shared, ...kept, closings, takings })
    const rounds = new RoundRequests({ ...shared, ...kept, member, removal })
    const gets = new Gets({ clock, trace, self, replica, peers, counters, hedgeMs, repairMs })
    const mender = new Mender({ clock, trace, topology, gets, replica })
    const workers = { ...shared, self, gets, teller, roundHoldup: () => opener.holdup }
    const coordinator = (this.#coordinator = coordinatorOf(config, held, workers))
    const { introducer = new Introducing(membership, self, peers) } = opened
    const joining = { config, introducer, invitations: new Invitations(clock, entropy) }
    const joins = new JoinRequests({ ...shared, ...kept, ...joining })
    const transfers = new TransferRequests({ ...shared, ...kept })
    const answering = { coordinator, rounds, teller, joins, moves, transfers, clusterKeys }
    const operators = new OperatorRequests({ ...shared, ...kept, ...answering, config, background })
    const calls = new ClientRequests(coordinator, topology, this.#fresh, background, operators)
    const requests = new PeerRequests({ ...shared, ...kept, ...answering })
    const loop = new LoopDelay(clock, (delayMs) => this.#onLoopDelay(counters, delayMs))
    const listening = { ...shared, ...kept, ...joining, world, loop, coordinator }
    this.#clients = new SessionListener({ ...listening, role: 'client', requests: calls, memory })
    this.#members = new SessionListener({ ...listening, role: 'peer', requests, memory: ofPeers })
    const sessions = { clients: this.#clients, members: this.#members, peers: this.#peers }
    const figures = { ...sessions, opener, coordinator, memories: [memory, ofPeers], startedMs }
    this.#status = new OwnStatus({ ...shared, ...kept, ...figures, background })
  }

  #onLoopDelay({ loopDelays }: Counters, delayMs: number): void {
    loopDelays.add(delayMs)
    this.membership.onLoopDelay(delayMs)
  }

  /** Opens the listeners and connects to the other members. */
  async open(): Promise<void> {
    const { trace } = this.#world
    const { self } = this.#topology
    try {
      this.peerAddress = await this.#members.open(this.#config.peerListen)
      this.#clientAddress = await this.#clients.open(this.#config.clientListen)
    } catch (error) {
      await this.stop()
      throw error
    }
    void this.#engine.failed.then((error) => this.#fail(error))
    const standing = this.#standing
    standing.onFailed = (reason) => void this.#fail(reason)
    standing.floorsWritten = () => this.#floors.written
    this.#floors.onFailed = (reason) => void this.#fail(reason)
    const { member, repairer } = this.#background
    const { catchUp } = repairer
    standing.onRebuild = (why) => {
      catchUp.reset(why)
      member.onLost()
      if (why !== 'damaged') this.#buckets.onLost()
      repairer.hurry()
    }
    if (standing.state === 'rebuilding') catchUp.reset('damaged')
    if (standing.state === 'rebuilding' && !this.#buckets.isKept) this.#buckets.onLost()
    // No other member could have held what a lost disk held.
    const isAlone = this.membership.view.members.size === 1
    if (isAlone || this.#topology.allProperties().every(({ w }) => w === 1)) standing.admitted()
    if (isAlone && !standing.isWhole) void standing.rebuilt()
    if (isAlone) this.#topology.named.mayLack = false
    this.membership.onFailed = (reason) => void this.#fail(reason)
    this.#peers.events = this.membership
    this.rings.onFailed = (reason) => void this.#fail(reason)
    this.#buckets.onFailed = (reason) => void this.#fail(reason)
    this.keys.onFailed = (reason) => void this.#fail(reason)
    this.membership.onMember = (member) => {
      this.rings.onConnected(member)
      this.#buckets.onConnected(member)
      this.keys.onConnected(member)
    }
    this.#peers.onRingDiffers = (member) => this.rings.onDiffers(member)
    this.#topology.follow(this.membership)
    this.keys.begin()
    this.membership.begin()
    this.#background.begin()
    this.#buckets.begin()
    if (this.#config.isInsecure) this.#remind()
    trace.record('node-ready', { node: self.id, name: self.name })
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    const { trace } = this.#world
    const { self } = this.#topology
    trace.record('node-stopping', { node: self.id })
    this.#reminder?.cancel()
    await this.#drain()
    await this.#clients.close()
    await this.#members.close()
    const transfers = this.#background.stop()
    const kept = [this.membership.stop(), this.rings.stop(), this.#buckets.stop(), this.keys.stop()]
    const members = Promise.all([...kept, transfers])
    this.#closings.stop()
    this.#peers.stop()
    this.#replica.close()
    // The standing is written behind the floors: those must have given up first.
    const floors = this.#floors.stop()
    await this.#standing.close()
    await floors
    await members
    await this.#engine.close()
    trace.record('node-stopped', { node: self.id, name: self.name })
  }

  get clientAddress(): Address {
    return this.#clientAddress ?? this.#config.clientListen
  }

  get warnings(): readonly string[] {
    return this.#status.warnings
  }

  get alarms(): readonly string[] {
    return this.#status.alarms
  }

  get directoryId(): string {
    return this.#standing.directoryId
  }

  get isWhole(): boolean {
    return this.#standing.isWhole
  }

  get hints(): readonly PlaceReport[] {
    return this.#hints.places
  }

  get roundObstacle(): string | undefined {
    return this.#background.opener.holdup
  }

  rootOf(n: number, partition: number): U64 | undefined {
    return this.#trees.isBuilt ? this.#trees.sum(n, this.ring.bits, partition) : undefined
  }

  get ring(): Ring {
    return this.#topology.ring
  }

  get moves(): Moves {
    return this.#background.moves
  }

  status(): NodeStatus {
    return this.#status.now()
  }

  gauges(): Gauges {
    return this.#status.gauges()
  }

  get durable(): Durable {
    const { durableSequence: sequence, durableKeys: keys } = this.#engine.report()
    return { sequence, keys, unsyncedMs: this.#engine.unsyncedMs ?? 0 }
  }

  /** After its disk has failed, only a new start, which reads the log again, may acknowledge. */
  async #fail(reason: OperatingError): Promise<void> {
    if (this.#stopping !== undefined) return
    // The last sync may fail for the same reason.
    await this.stop().catch(() => undefined)
    this.#onFailed(reason)
  }

  /** Lets requests in progress end, for a bounded time. */
  async #drain(): Promise<void> {
    const { clock } = this.#world
    const until = clock.now() + DRAIN_MS_MAX
    while (this.#coordinator.inProgress > 0 && clock.now() < until) {
      await new Promise<void>((resolve) => clock.after(DRAIN_STEP_MS, resolve))
    }
  }

  #remind(): void {
    this.#world.trace.record('insecure-bind', { at: this.clientAddress.host })
    this.#reminder = this.#world.clock.after(INSECURE_REMINDER_MS, () => this.#remind())
  }
}
