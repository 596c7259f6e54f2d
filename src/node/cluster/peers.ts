/**
 * The connections to the other members: open, use, give up, open again, follow the ring.
 *
 * Each node connects to every other member and asks its questions there; it answers on the
 * connections that others opened to it (`listeners/`). A member whose connection is down is avoided
 * at once: the paper's purely local notion of failure (Dynamo 4.8.3).
 *
 * Invariant: at most one connection, or one attempt, a member at any time.
 */
import { isOperatingError, OperatingError } from '../../base/errors.ts'
import { readU32 } from '../../base/bytes.ts'
import type { Room } from '../../base/room.ts'
import type { Config } from '../../config.ts'
import type { NodeId } from '../../dynamo/names.ts'
import type { Member, Ring } from '../../dynamo/ring/ring.ts'
import { connectSession } from '../../wire/handshake.ts'
import type { PeerStanding } from '../../wire/handshake-steps.ts'
import type { OwnStanding } from './own-standing.ts'
import type { Request, RequestKind } from '../../wire/message/table.ts'
import type { SessionMemory } from '../../wire/session-memory.ts'
import type { Answer, Session } from '../../wire/session.ts'
import type { Timer } from '../../world/clock.ts'
import type { World } from '../../world/world.ts'

/** Between attempts to reach a member that is away: doubled each time, up to the second. */
const RETRY_MS_MIN = 50
const RETRY_MS_MAX = 1_000
/** The same where the member, or this node, has to be configured otherwise first. */
const RECONFIGURED_MS_MAX = 10_000
const CONFIGURED_OTHERWISE: ReadonlySet<string> = new Set([
  'ring-differs',
  'not-a-member',
  'proof-wrong',
  'wrong-cluster',
  'format-unsupported',
  'handshake-expected',
])
const CONNECT_MS_MAX = 2_000

/** How this node introduces itself, and where it connects from. */
export interface PeersOptions {
  readonly world: World
  readonly cluster: Config['cluster']
  readonly clusterKey: Config['clusterKey']
  readonly self: NodeId
  readonly standing: OwnStanding
  /** For the answers of the other members. */
  readonly memory: SessionMemory
}

export class Peers {
  readonly #options: PeersOptions
  readonly #links = new Map<NodeId, PeerLink>()

  /** Connects to no member until it is given a ring. */
  constructor(options: PeersOptions) {
    this.#options = options
  }

  /**
   * Opens links to members that are new in `ring` or have another address, and ends the links to
   * those that are not in it. The other links stay as they are.
   */
  follow(ring: Ring): void {
    for (const [id, link] of this.#links) {
      const member = ring.member(id)
      if (member === undefined || !isSameAddress(member, link.member)) {
        this.#links.delete(id)
        link.close(new OperatingError('not-a-member', 'the ring does not name this address now'))
      }
    }
    for (const member of ring.members) {
      if (member.id === this.#options.self || this.#links.has(member.id)) continue
      const link = new PeerLink(this.#options, member)
      this.#links.set(member.id, link)
      link.open()
    }
  }

  stop(): void {
    for (const link of this.#links.values()) link.close(stopping())
  }

  isConnected(node: NodeId): boolean {
    return this.#links.get(node)?.session !== undefined
  }

  /** Asks `node`; `deliver` is called once, at once with `peer-away` where it is not connected. */
  call<K extends RequestKind>(
    node: NodeId,
    kind: K,
    request: Request<K>,
    deliver: (answer: Answer<K>) => void,
    room?: Room,
  ): void {
    const session = this.#links.get(node)?.session
    if (session === undefined) deliver(peerAway(node))
    else session.call(kind, request, deliver, room)
  }

  /** Sessions with the members that are connected now. */
  get sessions(): Iterable<Session> {
    return [...this.#links.values()].flatMap(({ session }) => session ?? [])
  }

  /** Members that will not connect until something is configured otherwise, each a sentence. */
  get refusals(): readonly string[] {
    return [...this.#links.values()].flatMap(({ member, refusal }) =>
      refusal === undefined ? [] : [`${member.name} does not connect: ${refusal}`],
    )
  }

  /** Every other member, and whether it is connected now. */
  list(): readonly { readonly member: Member; readonly isConnected: boolean }[] {
    return [...this.#links.values()].map(({ member, session }) => ({
      member,
      isConnected: session !== undefined,
    }))
  }
}

function isSameAddress(a: Member, b: Member): boolean {
  return a.host === b.host && a.peerPort === b.peerPort
}

export function notAMember(node: NodeId): OperatingError {
  return new OperatingError(
    'not-a-member',
    `node ${node} is refused: list it as a member, under the same name on all nodes`,
  )
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
  readonly #options: PeersOptions
  #retryMs = RETRY_MS_MIN
  #timer: Timer | undefined
  #isClosed = false
  /** Why the two will not connect until one of them is configured otherwise. */
  refusal: string | undefined
  /** The last reason for being away that was traced, so that each is traced once. */
  #reason: string | undefined

  constructor(options: PeersOptions, member: Member) {
    this.#options = options
    this.member = member
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

  close(reason: OperatingError): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.session?.end(reason)
    this.session = undefined
  }

  async #connect(): Promise<Session> {
    const { world, cluster, clusterKey, self, standing } = this.#options
    const address = { host: this.member.host, port: this.member.peerPort }
    const connection = await world.network.connect(address, CONNECT_MS_MAX)
    const options = {
      role: 'peer',
      cluster,
      node: self,
      clusterKey,
      standing: standing.shown,
      admit: (node: NodeId, theirs: PeerStanding, met: readonly string[]) =>
        node === this.member.id
          ? standing.meet(node, theirs, met)
          : (standing.otherRing(node, theirs) ?? notAMember(node)),
    } as const
    const events = {
      onCall: () => {
        throw new OperatingError(
          'kind-unknown',
          'this connection is for questions of the node that opened it: open another',
        )
      },
      onEnd: (reason: OperatingError | undefined, session: Session) => {
        if (this.session === session) this.#onAway(reason)
      },
    }
    return connectSession(connection, world, options, events, this.#options.memory)
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
    this.refusal = undefined
    this.#options.standing.admitted()
    this.#retryMs = RETRY_MS_MIN
    this.#reason = undefined
    this.#options.world.trace.record('peer-connected', {
      node: this.member.id,
      name: this.member.name,
    })
  }

  #onAway(error: Error | undefined): void {
    this.session = undefined
    if (this.#isClosed) return
    const { clock, entropy, trace } = this.#options.world
    const reason = isOperatingError(error) ? error.code : (error?.message ?? 'closed')
    if (reason !== this.#reason) {
      this.#reason = reason
      trace.record('peer-away', {
        node: this.member.id,
        name: this.member.name,
        reason,
        ...(isOperatingError(error) ? { why: error.message } : {}),
      })
    }
    // Half of the delay is random, so that nodes that lost each other do not retry in step.
    const drawn = readU32(entropy.bytes(4), 0) / 2 ** 32
    const delayMs = this.#retryMs * (0.5 + drawn / 2)
    const isForGood = CONFIGURED_OTHERWISE.has(reason)
    this.refusal = isForGood && error !== undefined ? error.message : undefined
    const longest = isForGood ? RECONFIGURED_MS_MAX : RETRY_MS_MAX
    this.#retryMs = Math.min(2 * this.#retryMs, longest)
    this.#timer = clock.after(delayMs, () => this.open())
  }
}
