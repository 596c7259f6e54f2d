/**
 * The connection to one other member: open it, ask for signs of life, open it again when it is
 * lost or silent.
 *
 * A member that is silent (paused, or cut off without a word) is avoided and asked again, as
 * `dynamo/membership/avoidance.ts` judges, and dialled beside: whichever connection answers first
 * is used. A silent one is given up after `SILENT_MS_MAX`, so that what waits on it ends.
 *
 * Invariant: at most one attempt at any time, and none beside a connection that answers.
 */
import { isOperatingError, OperatingError } from '../../base/errors.ts'
import { readU32 } from '../../base/bytes.ts'
import type { Config } from '../../config.ts'
import type { NodeId } from '../../dynamo/names.ts'
import type { Member } from '../../dynamo/ring/ring.ts'
import { connectSession } from '../../wire/handshake.ts'
import type { Met, PeerStanding, ProofKeys } from '../../wire/handshake-steps.ts'
import type { SessionMemory } from '../../wire/session-memory.ts'
import type { Session } from '../../wire/session.ts'
import type { Timer } from '../../world/clock.ts'
import type { World } from '../../world/world.ts'
import { LifeSigns, type LifeSignsEvents } from './life-signs.ts'
import type { OwnStanding } from './own-standing.ts'

/** Between attempts to reach a member that is away: doubled each time, up to the longer one. */
const RETRY_MS_MIN = 50
const RETRY_MS_MAX = 250
/** The same where the member, or this node, has to be configured otherwise first. */
const RECONFIGURED_MS_MAX = 10_000
const CONFIGURED_OTHERWISE: ReadonlySet<string> = new Set([
  'ring-differs',
  'not-a-member',
  'member-gone',
  'node-id-taken',
  'proof-wrong',
  'wrong-cluster',
  'format-unsupported',
  'handshake-expected',
  'peer-lies',
])
const CONNECT_MS_MAX = 2_000
/** A member that was never connected may just be starting, for so long. */
const STARTING_MS = 2_000
/**
 * The same for a member that was connected before: short, because the first packet that gets
 * through after a cut is then a fresh one, and not a repeated one after a second.
 */
const RECONNECT_MS_MAX = 300
/** A member is asked after 400 ms of silence, and with the requests that go to it. */
const SIGNS = { silenceMs: 400, askGapMs: 50 }
const SILENT_MS_MAX = 10_000

/** How this node introduces itself, and where it connects from. */
export interface PeersOptions {
  readonly world: World
  readonly cluster: Config['cluster']
  readonly keys: ProofKeys
  readonly self: NodeId
  readonly standing: OwnStanding
  /** For the answers of the other members. */
  readonly memory: SessionMemory
}

/** Listens to the links to other members, and knows which members are avoided. */
export interface LinkEvents {
  onConnected(member: NodeId): void
  /** The connection was lost, or an attempt failed; told again at each one that fails. */
  onClosed(member: NodeId): void
  /** The member is asked for a sign of life, gives it after so long, or never does on this link. */
  onAsked(member: NodeId): void
  onAnswered(member: NodeId, tookMs: number): void
  onGivenUp(member: NodeId): void
  /** Whether requests go to others rather. */
  isAvoided(member: NodeId): boolean
  /** See `Avoidance`. */
  slownessOf(member: NodeId): number
}

export class PeerLink implements LifeSignsEvents {
  /** Its address does not change. */
  member: Member
  session: Session | undefined
  readonly #options: PeersOptions
  readonly #events: LinkEvents
  #signs: LifeSigns | undefined
  #retryMs = RETRY_MS_MIN
  #timer: Timer | undefined
  #isTrying = false
  #wasConnected = false
  #givingUp: Timer | undefined
  #isClosed = false
  /** Why the two will not connect until one of them is configured otherwise. */
  refusal: string | undefined
  /** The last reason for being away that was traced, so that each is traced once. */
  #reason: string | undefined
  /** While it is not usable: since when. */
  awaySinceMs: number

  constructor(options: PeersOptions, events: LinkEvents, member: Member) {
    this.#options = options
    this.#events = events
    this.member = member
    this.awaySinceMs = options.world.clock.now()
  }

  /** Connected, and not avoided. */
  get isUsable(): boolean {
    return this.session !== undefined && !this.#events.isAvoided(this.member.id)
  }

  /** A request goes out. */
  onCall(): void {
    this.#signs?.onCall()
  }

  /** Whether anything has come since this was called last. */
  takeHeard(): boolean {
    return this.#signs?.takeHeard() === true
  }

  /** How far the member's wall clock is ahead of this node's, if that is known. */
  get clockAheadMs(): number | undefined {
    return this.#signs?.clockAheadMs
  }

  open(): void {
    if (this.#isTrying || this.#isClosed || this.isUsable) return
    this.#isTrying = true
    this.#connect().then(
      (session) => {
        this.#isTrying = false
        this.#onOpen(session)
      },
      (error: unknown) => {
        this.#isTrying = false
        if (!isOperatingError(error) && !(error instanceof Error && 'code' in error)) throw error
        this.#onAway(error)
      },
    )
  }

  close(reason: OperatingError): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.session?.end(reason)
    this.#leave()
  }

  get #isStarting(): boolean {
    if (this.#wasConnected) return false
    return this.#options.world.clock.now() - this.awaySinceMs < STARTING_MS
  }

  async #connect(): Promise<Session> {
    const { world, cluster, keys, self, standing } = this.#options
    const address = { host: this.member.host, port: this.member.peerPort }
    const limitMs = this.#wasConnected ? RECONNECT_MS_MAX : CONNECT_MS_MAX
    const connection = await world.network.connect(address, limitMs)
    const options = {
      role: 'peer',
      cluster,
      node: self,
      keys,
      standing: standing.shown,
      admit: (node: NodeId, theirs: PeerStanding, met: Met) =>
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
        if (this.session !== session) return
        this.#leave()
        this.#onAway(reason)
      },
    }
    return connectSession(connection, world, options, events, this.#options.memory)
  }

  #onOpen(session: Session): void {
    if (this.#isClosed) {
      session.end(nodeStopping())
      return
    }
    if (session.isEnded) {
      this.#onAway(undefined)
      return
    }
    if (this.isUsable) {
      session.end(new OperatingError('closed', 'an earlier connection answers again'))
      return
    }
    const silent = this.session
    this.#leave()
    silent?.drop(new OperatingError('connection-lost', 'the member was silent on it'))
    this.session = session
    this.#wasConnected = true
    this.refusal = undefined
    this.#options.standing.admitted()
    this.#retryMs = RETRY_MS_MIN
    this.#reason = undefined
    this.#options.world.trace.record('peer-connected', {
      node: this.member.id,
      name: this.member.name,
    })
    this.#events.onConnected(this.member.id)
    this.#signs = new LifeSigns(session, this.#options.world.clock, SIGNS, this)
  }

  // Of the signs of life.

  onAsked(): void {
    this.#events.onAsked(this.member.id)
  }

  onAnswered(tookMs: number): void {
    this.#events.onAnswered(this.member.id, tookMs)
  }

  onGivenUp(): void {
    this.#events.onGivenUp(this.member.id)
  }

  #leave(): void {
    if (this.isUsable) this.awaySinceMs = this.#options.world.clock.now()
    this.session = undefined
    this.#signs?.stop()
    this.#signs = undefined
    this.#givingUp?.cancel()
  }

  /** The member, whose connection is open, is avoided from now on; or is heard again. */
  onSilence(isSilent: boolean): void {
    const { session } = this
    if (session === undefined) return
    const { clock, trace } = this.#options.world
    const { id: node, name } = this.member
    trace.record(isSilent ? 'peer-silent' : 'peer-heard', { node, name })
    this.#givingUp?.cancel()
    if (!isSilent) return
    this.awaySinceMs = clock.now()
    this.#givingUp = clock.after(SILENT_MS_MAX, () => {
      session.drop(new OperatingError('connection-lost', `${name} was silent for too long`))
    })
    this.#retryMs = RETRY_MS_MIN
    this.open()
  }

  /** An attempt failed, or the connection was lost: tries again later. */
  #onAway(error: Error | undefined): void {
    if (this.#isClosed) return
    const { clock, entropy, trace } = this.#options.world
    if (this.session === undefined && !this.#isStarting) {
      this.#events.onClosed(this.member.id)
    }
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
    this.#timer?.cancel()
    this.#timer = clock.after(delayMs, () => this.open())
  }
}

export function notAMember(node: NodeId): OperatingError {
  return new OperatingError(
    'not-a-member',
    `node ${node} is refused: no member is known by this id; one that has just joined will be` +
      ' soon, and any other needs an invitation',
  )
}

export function nodeStopping(): OperatingError {
  return new OperatingError('node-stopping', 'this node is stopping; ask another')
}
