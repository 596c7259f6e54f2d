/**
 * Small simulated clusters for tests of the node: real nodes and clients, a simulated world.
 */
import { firstKeyAlone, WITHOUT_DATA } from '../../../src/wire/handshake-steps.ts'
import type { OperatingError } from '../../../src/base/errors.ts'
import { isOperatingError } from '../../../src/base/errors.ts'
import { utf8Bytes } from '../../../src/base/bytes.ts'
import { type Client, connectTo } from '../../../src/client/client.ts'
import { DEFAULT_BUCKET, type KeyName } from '../../../src/dynamo/names.ts'
import { Cluster, type ClusterOptions } from '../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../src/sim/index.ts'
import type { DiskOptions } from '../../../src/sim/disk/disk.ts'
import { connectSession } from '../../../src/wire/handshake.ts'
import type { Put } from '../../../src/wire/message/client.ts'
import type { Reply, Request, RequestKind } from '../../../src/wire/message/table.ts'
import type { Answer, Session } from '../../../src/wire/session.ts'

export interface SceneOptions extends Partial<ClusterOptions> {
  readonly seed?: number
  readonly disk?: Partial<DiskOptions>
}

export class Scene {
  readonly world: SimWorld
  readonly cluster: Cluster

  constructor(world: SimWorld, cluster: Cluster) {
    this.world = world
    this.cluster = cluster
  }

  static async open(options: SceneOptions = {}): Promise<Scene> {
    const { seed = 1, disk = {}, ...rest } = options
    const world = new SimWorld({ seed, disk })
    const cluster = new Cluster(world, { nodes: 3, ...rest })
    await cluster.startAll()
    return new Scene(world, cluster)
  }

  /** Lets virtual time pass until the promise has a result. */
  run<Value>(promise: Promise<Value>): Promise<Value> {
    return this.world.complete(promise, 120_000)
  }

  client(timeout = 5_000): Promise<Client> {
    return this.run(connectTo({ seeds: this.cluster.seeds, timeout }, this.cluster.clientWorld()))
  }

  /** A session with one node alone: its answers are seen as they are. */
  session(machine: number): Promise<NodeSession> {
    return this.run(this.openSession(machine))
  }

  /** The same, without letting time pass. */
  async openSession(machine: number): Promise<NodeSession> {
    const world = this.cluster.clientWorld()
    const { clientListen } = this.cluster.configOf(machine)
    const connection = await world.network.connect(clientListen, 1_000)
    const hello = { role: 'client', cluster: '' } as const
    const events = { onCall: () => undefined, onEnd: () => undefined }
    return new NodeSession(this, await connectSession(connection, world, hello, events))
  }

  /** Asks a node as another member of the ring: as that of machine `other`, if given. */
  async asPeer<K extends RequestKind>(
    machine: number,
    kind: K,
    request: Request<K>,
    other = this.cluster.machines.find((one) => one !== machine) ?? machine,
  ): Promise<Answer<K>> {
    const world = this.cluster.clientWorld()
    const { peerListen, cluster } = this.cluster.configOf(machine)
    const connection = await world.network.connect(peerListen, 1_000)
    const session = await connectSession(
      connection,
      world,
      {
        role: 'peer',
        cluster,
        node: this.cluster.memberOf(other),
        keys: firstKeyAlone(this.cluster.clusterKey),
        standing: WITHOUT_DATA,
      },
      { onCall: () => undefined, onEnd: () => undefined },
    )
    return new Promise((resolve) => {
      session.call(kind, request, resolve)
    })
  }

  /** Numbers of the machines that own `key`, in order of preference, and of those that do not. */
  placeOf(key: string): { readonly owners: readonly number[]; readonly others: readonly number[] } {
    const owners = this.cluster.ownersOf(nameOf(key))
    return { owners, others: this.cluster.machines.filter((one) => !owners.includes(one)) }
  }

  /** A figure of a node's status. */
  figure(machine: number, name: string): number {
    const figures = this.cluster.node(machine)?.status().figures ?? []
    return figures.find((figure) => figure.name === name)?.value ?? Number.NaN
  }

  /** The same, of all nodes that run together. */
  total(name: string): number {
    const running = this.cluster.machines.filter((machine) => this.cluster.node(machine))
    return running.reduce((sum, machine) => sum + this.figure(machine, name), 0)
  }

  /** Waits until every running node sees exactly those that run, as far as the network lets it. */
  async quiet(): Promise<void> {
    await this.world.run(3_000)
  }
}

let requests = 0

export class NodeSession {
  readonly #scene: Scene
  readonly session: Session

  constructor(scene: Scene, session: Session) {
    this.#scene = scene
    this.session = session
  }

  ask<K extends RequestKind>(kind: K, request: Request<K>): Promise<Answer<K>> {
    return this.#scene.run(this.begin(kind, request))
  }

  /** Asks and does not let time pass. */
  begin<K extends RequestKind>(kind: K, request: Request<K>): Promise<Answer<K>> {
    return new Promise((resolve) => {
      this.session.call(kind, request, resolve)
    })
  }

  put(key: string, value: string | undefined, more: Partial<Put> = {}): Promise<Answer<'put'>> {
    return this.ask('put', putOf(key, value, more))
  }

  get(key: string, r = 0): Promise<Answer<'get'>> {
    return this.ask('get', getOf(key, r))
  }

  getMonotonically(key: string, r = 0): Promise<Answer<'get'>> {
    return this.ask('get', {
      name: nameOf(key),
      r,
      deadlineMs: 0,
      strict: false,
      monotonic: true,
      receipts: [],
    })
  }

  getSloppily(key: string, r = 0): Promise<Answer<'get'>> {
    return this.ask('get', {
      name: nameOf(key),
      r,
      deadlineMs: 0,
      strict: false,
      monotonic: false,
      receipts: [],
    })
  }
}

export function nameOf(key: string): KeyName {
  return { bucket: utf8Bytes(DEFAULT_BUCKET), key: utf8Bytes(key) }
}

export function getOf(key: string, r = 0): Request<'get'> {
  return { name: nameOf(key), r, deadlineMs: 0, strict: true, monotonic: false, receipts: [] }
}

export function putOf(key: string, value: string | undefined, more: Partial<Put> = {}): Put {
  requests += 1
  const requestId = new Uint8Array(16)
  new DataView(requestId.buffer).setUint32(0, requests)
  return {
    name: nameOf(key),
    contexts: [],
    value: value === undefined ? undefined : utf8Bytes(value),
    requestId,
    isRepeat: false,
    strict: false,
    w: 0,
    r: 0,
    deadlineMs: 0,
    replace: 'given',
    ...more,
  }
}

export function isReply<K extends RequestKind>(answer: Answer<K>): answer is Reply<K> {
  return !isOperatingError(answer)
}

/** The reply; throws the failure where it is one. */
export function replyOf<K extends RequestKind>(answer: Answer<K>): Reply<K> {
  if (isReply(answer)) return answer
  throw answer as OperatingError
}

/** The code and certainty of a failure, or `ok`. */
export function verdictOf(answer: Answer<RequestKind>): string {
  return isOperatingError(answer) ? `${answer.code} ${answer.certainty}` : 'ok'
}
