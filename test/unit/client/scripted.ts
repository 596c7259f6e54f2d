/**
 * A client without a network: tests move the clock by hand and script the nodes.
 *
 * `Stage` holds a clock, a seeded source of bytes and any number of nodes. A node records the
 * requests that it is sent; a test answers each of them, or does not.
 */
import { nodeId, type NodeId } from '../../../src/dynamo/names.ts'
import { u64 } from '../../../src/base/u64.ts'
import { utf8Bytes, writeU16 } from '../../../src/base/bytes.ts'
import { OperatingError, type ErrorCode } from '../../../src/base/errors.ts'
import { type Client, connectTo } from '../../../src/client/client.ts'
import type { Dial, NodeSession } from '../../../src/client/link.ts'
import type { ConnectOptions } from '../../../src/client/options.ts'
import type { GetReply, Put, Topology } from '../../../src/wire/message/client.ts'
import type { RequestKind } from '../../../src/wire/message/table.ts'
import type { Answer, CallHandle } from '../../../src/wire/session.ts'
import type { Clock, Timer } from '../../../src/world/clock.ts'
import { addressLabel } from '../../../src/world/network.ts'

/** Runs the promise callbacks that are due, and those that they cause. */
export async function untilIdle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

/** More than 32 bits. */
export const WALL_MS = 0x0123_4567_89ab

export class StageClock implements Clock {
  #now = 1000
  #timers: { at: number; wake: () => void; isCancelled: boolean }[] = []

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return WALL_MS
  }

  after(delayMs: number, wake: () => void): Timer {
    const timer = { at: this.#now + delayMs, wake, isCancelled: false }
    this.#timers.push(timer)
    return { cancel: () => (timer.isCancelled = true) }
  }

  soon(run: () => void): void {
    queueMicrotask(run)
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.filter((timer) => !timer.isCancelled).length
  }

  /** Moves time on, timer by timer, and runs the promise callbacks of each. */
  async pass(ms: number): Promise<void> {
    const until = this.#now + ms
    for (;;) {
      await untilIdle()
      const due = this.#timers
        .filter((timer) => !timer.isCancelled && timer.at <= until)
        .sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter((timer) => timer !== due)
      this.#now = Math.max(this.#now, due.at)
      due.wake()
    }
    this.#now = until
    await untilIdle()
  }
}

/** One request that a node was sent. */
export interface Asked {
  readonly kind: RequestKind
  readonly request: never
  readonly at: number
  answer(answer: Answer<RequestKind>): void
  fail(code: ErrorCode): void
}

export class StageNode {
  readonly id: NodeId
  readonly name: string
  readonly port: number
  /** Everything but topology, which is answered at once while the node is awake. */
  readonly asked: Asked[] = []
  /** If set, answers each request at once. */
  reply: ((kind: RequestKind, request: never) => Answer<RequestKind> | undefined) | undefined
  /** Bytes that were sent and received on its sessions, beside answers. */
  moved = 0
  /** Bytes that were received on its sessions, beside answers. */
  heard = 0
  readonly sessions: NodeSession[] = []
  /** Requests that were cancelled before their answer. */
  forgotten = 0
  isReachable = true
  isAwake = true
  /** Its connections have no room: each request is refused before it is sent. */
  isFull = false
  /** Every session has ended before the promise of its dial resolves. */
  endsAtOnce = false
  dials = 0
  refusal: OperatingError | undefined
  readonly #stage: Stage
  readonly #ends = new Set<(reason: OperatingError) => void>()

  constructor(stage: Stage, index: number) {
    this.#stage = stage
    this.id = nodeId(`${index + 1}`.repeat(16))
    this.name = `node-${index + 1}`
    this.port = 7400 + index
  }

  get connections(): number {
    return this.#ends.size
  }

  /** Cuts all its connections. */
  drop(reason = new OperatingError('connection-lost', 'cut')): void {
    for (const end of this.#ends) end(reason)
  }

  puts(): Put[] {
    return this.asked.filter(({ kind }) => kind === 'put').map(({ request }) => request as Put)
  }

  openSession(onEnd: (reason: OperatingError) => void): NodeSession {
    const pending = new Set<(answer: Answer<RequestKind>) => void>()
    let isEnded = false
    const end = (reason: OperatingError): void => {
      if (isEnded) return
      isEnded = true
      this.#ends.delete(end)
      const lost = new OperatingError('connection-lost', `cut: ${reason.message}`)
      for (const deliver of pending) deliver(lost)
      pending.clear()
      onEnd(reason)
    }
    this.#ends.add(end)
    if (this.endsAtOnce) end(new OperatingError('connection-lost', 'ended at once'))
    let received = 0
    const isAwake = (): boolean => this.isAwake
    const moved = (): number => this.moved
    const heard = (): number => this.heard
    const session: NodeSession = {
      onPong: undefined,
      onRing: undefined,
      ping: () => {
        if (isAwake()) received += 1
      },
      get bytesReceived() {
        return received + heard()
      },
      get bytesMoved() {
        return received + moved()
      },
      node: this.id,
      get isEnded() {
        return isEnded
      },
      end,
      drop: end,
      call: (kind, request, onAnswer): CallHandle => {
        const deliver = (answer: Answer<RequestKind>): void => {
          received += 1
          if (pending.delete(deliver)) onAnswer(answer)
        }
        pending.add(deliver)
        if (this.isFull) {
          const full = new OperatingError('overloaded', 'the connection is full')
          queueMicrotask(() => deliver(full))
          return { isSent: false, forget: () => pending.delete(deliver) }
        }
        this.#take(kind, request as never, deliver)
        const forget = (): void => {
          if (pending.delete(deliver)) this.forgotten += 1
        }
        return { isSent: true, forget }
      },
    }
    this.sessions.push(session)
    return session
  }

  #take(kind: RequestKind, request: never, deliver: (answer: Answer<RequestKind>) => void): void {
    if (kind === 'topology') this.#stage.topologies += 1
    const scripted =
      kind === 'topology' && this.isAwake ? this.#stage.topology : this.reply?.(kind, request)
    if (scripted !== undefined) {
      queueMicrotask(() => deliver(scripted))
      return
    }
    if (kind === 'topology') return
    const fail = (code: ErrorCode): void => deliver(new OperatingError(code, code))
    this.asked.push({ kind, request, at: this.#stage.clock.now(), answer: deliver, fail })
  }
}

export class Stage {
  readonly clock = new StageClock()
  readonly nodes: readonly StageNode[]
  topology: Topology
  /** Times that a node was asked for it. */
  topologies = 0
  #seed = 1

  constructor(count = 3) {
    this.nodes = Array.from({ length: count }, (_, i) => new StageNode(this, i))
    this.topology = topologyOf(this.nodes)
  }

  readonly dial: Dial = (address, onEnd) => {
    const label = addressLabel(address).replace('localhost', '127.0.0.1')
    const node = this.nodes.find((one) => `127.0.0.1:${one.port}` === label)
    if (node !== undefined) node.dials++
    if (node?.refusal !== undefined) return Promise.reject(node.refusal)
    if (node === undefined || !node.isReachable) {
      return Promise.reject(new OperatingError('not-connected', `${label} is not there`))
    }
    return Promise.resolve(node.openSession(onEnd))
  }

  /** An answer of each node tells another ring. */
  tellRing(ring: number): void {
    for (const { sessions } of this.nodes) for (const { onRing } of sessions) onRing?.(ring)
  }

  /** A client that knows the topology and has dialled every seed. */
  async connect(options: Partial<ConnectOptions> = {}): Promise<Client> {
    const seeds = this.nodes.map((node) => `127.0.0.1:${node.port}`)
    const client = connectTo({ seeds, ...options }, this.world, this.dial)
    client.catch(() => {})
    await untilIdle()
    return client
  }

  get world(): Parameters<typeof connectTo>[1] {
    return {
      clock: this.clock,
      network: undefined as never,
      trace: { record: () => {} },
      entropy: {
        bytes: (count) =>
          Uint8Array.from({ length: count }, () => {
            this.#seed = (Math.imul(this.#seed, 1_103_515_245) + 12_345) >>> 0
            return this.#seed >>> 24
          }),
      },
    }
  }

  /** All requests to any node, in order. */
  get asked(): { readonly node: StageNode; readonly asked: Asked }[] {
    return this.nodes
      .flatMap((node) => node.asked.map((asked) => ({ node, asked })))
      .sort((a, b) => a.asked.at - b.asked.at)
  }
}

/** Partition i belongs to node i mod count; N = 3, and 2 for the bucket `pairs`. */
export function topologyOf(nodes: readonly StageNode[], bits = 4): Topology {
  const owners = new Uint8Array(2 * 2 ** bits)
  for (let i = 0; i < 2 ** bits; i++) writeU16(owners, 2 * i, i % nodes.length)
  return {
    cluster: 'stage',
    ring: u64(1, 2),
    partitionBits: bits,
    members: nodes.map((node) => ({
      node: Buffer.from(node.id, 'hex'),
      name: node.name,
      host: '127.0.0.1',
      clientPort: node.port,
      peerPort: node.port + 100,
      machine: node.name,
      zone: '',
    })),
    owners,
    buckets: [
      { name: '', n: 3, r: 2, w: 2 },
      { name: 'pairs', n: 2, r: 1, w: 1 },
    ],
  }
}

export function foundReply(...values: string[]): GetReply {
  const found = { siblings: values.map(utf8Bytes), context: utf8Bytes('ctx') }
  const counts = { answered: 2, needed: 2, receipt: new Uint8Array(0) }
  return { ...found, tombstones: 0, hasMore: false, ...counts }
}

/** The answer to a put. */
export const WRITTEN = {
  context: new Uint8Array([1]),
  receipt: new Uint8Array([2]),
  holders: [],
  attempts: 1,
  answered: 0,
  needed: 0,
}

/** The node that got the request of `ask`. */
export async function askedFor(
  stage: Stage,
  ask: () => Promise<unknown>,
): Promise<StageNode | undefined> {
  const before = new Map(stage.nodes.map((node) => [node, node.asked.length]))
  ask().catch(() => {})
  await untilIdle()
  return stage.nodes.find((node) => node.asked.length > (before.get(node) as number))
}

/** Marks a rejection as handled, so that a test may look at it later. */
export function later<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}
