/**
 * Conversations with the other members: open, send, give up, open again.
 *
 * Each node connects to every other member and asks its questions there; it answers on the
 * connections that others opened to it (`listeners/`). A member whose connection is down is avoided
 * at once: the paper's purely local notion of failure (Dynamo 4.8.3).
 *
 * Invariant: at most one connection, or one attempt, a member at any time.
 */
import { isOperatingError, OperatingError } from '../../base/errors.ts'
import { readU32 } from '../../base/bytes.ts'
import type { Config } from '../../config.ts'
import type { NodeId } from '../../dynamo/names.ts'
import type { Member } from '../../dynamo/ring/ring.ts'
import { connectSession } from '../../wire/handshake.ts'
import type { Request, RequestKind } from '../../wire/message/table.ts'
import type { Answer, Session } from '../../wire/session.ts'
import type { Timer } from '../../world/clock.ts'
import type { World } from '../../world/world.ts'
import type { Topology } from './topology.ts'

/** Between attempts to reach a member that is away: doubled each time, up to the second. */
const RETRY_MS_MIN = 50
const RETRY_MS_MAX = 1_000
const CONNECT_MS_MAX = 2_000

export class Peers {
  readonly #links: ReadonlyMap<NodeId, PeerLink>

  constructor(config: Config, world: World, topology: Topology) {
    const others = topology.ring.members.filter((member) => member !== topology.self)
    this.#links = new Map(
      others.map((member) => [member.id, new PeerLink(config, world, topology, member)]),
    )
  }

  start(): void {
    for (const link of this.#links.values()) link.open()
  }

  stop(): void {
    for (const link of this.#links.values()) link.close()
  }

  isConnected(node: NodeId): boolean {
    return this.#links.get(node)?.session !== undefined
  }

  /** Asks `node`; `onAnswer` is called once, at once with `peer-away` where it is not connected. */
  call<K extends RequestKind>(
    node: NodeId,
    kind: K,
    request: Request<K>,
    onAnswer: (answer: Answer<K>) => void,
  ): void {
    const session = this.#links.get(node)?.session
    if (session === undefined) onAnswer(peerAway(node))
    else session.call(kind, request, onAnswer)
  }

  /** Those that are connected now. */
  get sessions(): Iterable<Session> {
    return [...this.#links.values()].flatMap(({ session }) => session ?? [])
  }

  /** Every other member, and whether it is connected now. */
  list(): readonly { readonly member: Member; readonly isConnected: boolean }[] {
    return [...this.#links.values()].map(({ member, session }) => ({
      member,
      isConnected: session !== undefined,
    }))
  }
}

function stopping(): OperatingError {
  return new OperatingError('node-stopping', 'this node is stopping')
}

function peerAway(node: NodeId): OperatingError {
  return new OperatingError('peer-away', `member ${node} is not connected to this node`)
}

class PeerLink {
  readonly member: Member
  session: Session | undefined
  readonly #config: Config
  readonly #world: World
  readonly #topology: Topology
  #retryMs = RETRY_MS_MIN
  #timer: Timer | undefined
  #isClosed = false
  /** The last reason for being away that was traced, so that it is said once. */
  #reason: string | undefined

  constructor(config: Config, world: World, topology: Topology, member: Member) {
    this.member = member
    this.#config = config
    this.#world = world
    this.#topology = topology
  }

  open(): void {
    this.#connect().then(
      (session) => this.#onOpen(session),
      (error: unknown) => {
        if (!isOperatingError(error) && !(error instanceof Error && 'code' in error)) throw error
        this.#onAway(error)
      },
    )
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.session?.end(stopping())
    this.session = undefined
  }

  async #connect(): Promise<Session> {
    const { network } = this.#world
    const address = { host: this.member.host, port: this.member.peerPort }
    const connection = await network.connect(address, CONNECT_MS_MAX)
    const options = {
      role: 'peer',
      cluster: this.#config.cluster,
      node: this.#topology.self.id,
      clusterKey: this.#config.clusterKey,
      admit: (node: NodeId) => (node === this.member.id ? undefined : 'not-a-member'),
    } as const
    return connectSession(connection, this.#world, options, {
      onCall: () => {
        throw new OperatingError('kind-unknown', 'ask on a connection of your own')
      },
      onEnd: (reason, session) => {
        if (this.session === session) this.#onAway(reason)
      },
    })
  }

  #onOpen(session: Session): void {
    if (this.#isClosed) {
      session.end(stopping())
      return
    }
    if (session.isEnded) {
      this.#onAway(undefined)
      return
    }
    this.session = session
    this.#retryMs = RETRY_MS_MIN
    this.#reason = undefined
    this.#world.trace.record('peer-connected', { node: this.member.id, name: this.member.name })
  }

  #onAway(error: Error | undefined): void {
    this.session = undefined
    if (this.#isClosed) return
    const reason = isOperatingError(error) ? error.code : (error?.message ?? 'closed')
    if (reason !== this.#reason) {
      this.#reason = reason
      this.#world.trace.record('peer-away', {
        node: this.member.id,
        name: this.member.name,
        reason,
      })
    }
    // Half of the wait is drawn, so that nodes that lost each other do not meet in step for ever.
    const drawn = readU32(this.#world.entropy.bytes(4), 0) / 2 ** 32
    const delayMs = this.#retryMs * (0.5 + drawn / 2)
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS_MAX)
    this.#timer = this.#world.clock.after(delayMs, () => this.open())
  }
}
