/**
 * One member of the cluster: the parts, in the order they start and the order they stop.
 *
 *     identity ─► log recovered ─► replica ─► peers sought ─► doors opened ─► ready
 *
 * Nothing is answered before what survived a crash has been read and is durable again. Stopping
 * goes the other way: nobody new is let in, work in progress ends or is told that it does not,
 * the log is synced.
 */
import { OperatingError } from '../base/errors.ts'
import type { Config } from '../config.ts'
import { ContextSeal } from '../dynamo/version/context-seal.ts'
import type { Engine, EngineReport } from '../store/engine.ts'
import { digestKeyOf, openEngine } from './replica/open-engine.ts'
import type { Status } from '../wire/message/client.ts'
import type { Session } from '../wire/session.ts'
import type { Timer } from '../world/clock.ts'
import type { Address } from '../world/network.ts'
import type { World } from '../world/world.ts'
import { Dispatch } from './listeners/dispatch.ts'
import { SessionListener } from './listeners/session-listener.ts'
import { Mender } from './background/mender.ts'
import type { Parts } from './parts.ts'
import { Peers } from './cluster/peers.ts'
import { Replica } from './replica/replica.ts'
import { Counters, type Durable, figuresOf, type Gauges } from './report.ts'
import { idBytes, Topology } from './cluster/topology.ts'
import { VERSION } from '../version.ts'

/** The signing key's id, until keys are rotated. */
const FIRST_KEY_ID = 1
const INSECURE_REMINDER_MS = 60_000
/** How long work in progress may take to end once the node is asked to stop. */
const DRAIN_MS_MAX = 2_000
const DRAIN_STEP_MS = 10

export interface RunningNode {
  /** Where clients and peers really reach it. */
  readonly clientAddress: Address
  readonly peerAddress: Address
  /** What this cluster would not survive, in sentences for the operator. */
  readonly warnings: readonly string[]
  status(): Status
  /** What has a bound, for whoever watches that it is kept. */
  gauges(): Gauges
  /** What a crash at this moment leaves, for whoever compares it with what is then found. */
  readonly durable: Durable
  /**
   * Resolves with the reason when the node has stopped because its disk failed: start it again, so
   * that it reads what the disk kept. Never otherwise.
   */
  readonly failed: Promise<OperatingError>
  /** Ends everything in order; resolves when the data directory is free. */
  stop(): Promise<void>
}

/**
 * Starts a node and resolves when it answers. Fails with what `openEngine` documents, with
 * `address-taken`, or with `bind-insecure`.
 */
export async function startNode(config: Config, world: World): Promise<RunningNode> {
  const node = new Node(config, world)
  await node.start()
  return node
}

class Node implements RunningNode {
  readonly #config: Config
  readonly #world: World
  readonly #topology: Topology
  readonly #counters = new Counters()
  readonly #peers: Peers
  readonly #started: number
  #engine: Engine | undefined
  #replica: Replica | undefined
  #dispatch: Dispatch | undefined
  #clients: SessionListener | undefined
  #peerDoor: SessionListener | undefined
  #reminder: Timer | undefined
  #stopping: Promise<void> | undefined
  #onFailed: (error: OperatingError) => void = () => undefined
  clientAddress: Address
  peerAddress: Address
  readonly failed: Promise<OperatingError>

  constructor(config: Config, world: World) {
    this.#config = config
    this.#world = world
    this.#topology = new Topology(config)
    this.#peers = new Peers(config, world, this.#topology)
    this.#started = world.clock.now()
    this.clientAddress = config.clientListen
    this.peerAddress = config.peerListen
    this.failed = new Promise((resolve) => {
      this.#onFailed = resolve
    })
  }

  get warnings(): readonly string[] {
    return this.#topology.warnings()
  }

  async start(): Promise<void> {
    const { trace } = this.#world
    const { self } = this.#topology
    refuseInsecure(this.#config)
    trace.record('node-starting', { node: self.id, name: self.name })
    this.#engine = await openEngine(this.#config, self.id, this.#world)
    const parts = this.#assemble(this.#engine)
    this.#dispatch = new Dispatch(parts, () => this.status())
    this.#peerDoor = this.#door('peer', this.#dispatch)
    this.#clients = this.#door('client', this.#dispatch)
    try {
      this.peerAddress = await this.#peerDoor.open(this.#config.peerListen)
      this.clientAddress = await this.#clients.open(this.#config.clientListen)
    } catch (error) {
      await this.stop()
      throw error
    }
    void this.#engine.failed.then((error) => this.#fail(error))
    this.#peers.start()
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
    await this.#clients?.close()
    await this.#peerDoor?.close()
    this.#peers.stop()
    this.#replica?.close()
    await this.#engine?.close()
    trace.record('node-stopped', { node: self.id, name: self.name })
  }

  status(): Status {
    const { self, cluster } = this.#topology
    const report = this.#engine?.report() ?? NO_ENGINE
    return {
      node: idBytes(self.id),
      name: self.name,
      version: VERSION,
      cluster,
      peers: this.#peers.list().map(({ member, isConnected }) => ({
        node: idBytes(member.id),
        name: member.name,
        isConnected,
      })),
      figures: [
        ...figuresOf(this.#counters, report, this.#world.clock.now() - this.#started),
        { name: 'client_connections', value: this.#clients?.connections ?? 0 },
        { name: 'calls_in_progress', value: this.#dispatch?.inProgress ?? 0 },
      ],
      warnings: this.warnings,
    }
  }

  gauges(): Gauges {
    const clients = [...(this.#clients?.sessions ?? [])]
    const all = [...clients, ...(this.#peerDoor?.sessions ?? []), ...this.#peers.sessions]
    const most = (of: (session: Session) => number): number => Math.max(0, ...all.map(of))
    const { unsyncedBytes, segmentBytesMax } = this.#engine?.report() ?? NO_ENGINE
    return {
      clientConnections: this.#clients?.connections ?? 0,
      peerConnections: this.#peerDoor?.connections ?? 0,
      clientCalls: clients.reduce((sum, { callsToAnswer }) => sum + callsToAnswer, 0),
      callsOfConnection: most((session) => Math.max(session.callsInFlight, session.callsToAnswer)),
      outgoingBytes: most(({ waitingBytes }) => waitingBytes),
      incomingBytes: most(({ incomingBytes }) => incomingBytes),
      waitersOfKey: this.#replica?.waitersOfKey ?? 0,
      rememberedRequests: this.#replica?.rememberedRequests ?? 0,
      unsyncedBytes,
      segmentBytes: segmentBytesMax,
    }
  }

  get durable(): Durable {
    const { durableSequence, durableKeys } = this.#engine?.report() ?? NO_ENGINE
    return { sequence: durableSequence, keys: durableKeys }
  }

  #assemble(engine: Engine): Parts {
    const config = this.#config
    const { entropy, trace } = this.#world
    const { self } = this.#topology
    const counters = this.#counters
    const replica = new Replica({
      engine,
      node: self.id,
      digestKey: digestKeyOf(config),
      entropy,
      trace,
      counters,
      onRotten: (name, token) => mender.mend(name, token),
    })
    this.#replica = replica
    const parts: Parts = {
      config,
      world: this.#world,
      topology: this.#topology,
      replica,
      peers: this.#peers,
      seal: new ContextSeal([{ id: FIRST_KEY_ID, key: config.clusterKey }], config.cluster),
      counters,
    }
    const mender = new Mender(parts)
    return parts
  }

  /** Once its disk has failed only a new start, which reads it anew, may acknowledge again. */
  async #fail(reason: OperatingError): Promise<void> {
    if (this.#stopping !== undefined) return
    // The last sync may fail as well: that is the same news.
    await this.stop().catch(() => undefined)
    this.#onFailed(reason)
  }

  #door(role: 'client' | 'peer', dispatch: Dispatch): SessionListener {
    return new SessionListener(role, this.#config, this.#world, this.#topology, dispatch)
  }

  /** Lets work in progress end, for a bounded time. */
  async #drain(): Promise<void> {
    const { clock } = this.#world
    const until = clock.now() + DRAIN_MS_MAX
    while ((this.#dispatch?.inProgress ?? 0) > 0 && clock.now() < until) {
      await new Promise<void>((resolve) => clock.after(DRAIN_STEP_MS, resolve))
    }
  }

  #remind(): void {
    this.#world.trace.record('insecure-bind', { at: this.clientAddress.host })
    this.#reminder = this.#world.clock.after(INSECURE_REMINDER_MS, () => this.#remind())
  }
}

const NO_ENGINE: EngineReport = {
  keys: 0,
  bytes: 0,
  segments: 0,
  syncs: 0,
  appends: 0,
  durableSequence: 0,
  durableKeys: 0,
  unsyncedBytes: 0,
  segmentBytesMax: 0,
}

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/

/** A door that strangers can reach, with nothing to keep them out, is refused. */
function refuseInsecure(config: Config): void {
  const isOpen = !LOOPBACK.test(config.clientListen.host) && config.clientToken === undefined
  if (!isOpen || config.isInsecure) return
  throw new OperatingError(
    'bind-insecure',
    `clients could reach ${config.clientListen.host} without a token: set client-token-file, ` +
      'listen on 127.0.0.1, or lift this with --insecure',
  )
}
