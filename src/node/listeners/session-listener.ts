/**
 * Accepts connections, of clients or of other members: one listener for each.
 *
 * A connection must finish a handshake before it may ask anything; its calls then go to
 * `client-requests.ts` or `peer-requests.ts`. Connections are counted and bounded; a refused one is
 * told why.
 *
 * Invariant: calls of clients never arrive on the members' listener, nor the other way round.
 */
import { isOperatingError, OperatingError } from '../../base/errors.ts'
import type { Config } from '../../config.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { type AcceptOptions, acceptSession } from '../../wire/handshake.ts'
import { NEVER_MET, type PeerStanding } from '../../wire/handshake-steps.ts'
import type { Role } from '../../wire/message/session.ts'
import type { SessionMemory } from '../../wire/session-memory.ts'
import type { IncomingCall, Session } from '../../wire/session.ts'
import { reject } from '../../wire/reject.ts'
import { type Address, addressLabel, type Connection, type Listener } from '../../world/network.ts'
import type { World } from '../../world/world.ts'
import type { OwnStanding } from '../cluster/own-standing.ts'
import type { Membership } from '../cluster/membership.ts'
import { nodeStopping, notAMember } from '../cluster/peer-link.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Counters } from '../counters.ts'
import { CallAdmission } from './call-admission.ts'
import type { LoopDelay } from './loop-delay.ts'

export interface ListenerOptions {
  /** Of those that connect. */
  readonly role: Role
  readonly config: Pick<
    Config,
    'clusterKey' | 'clientToken' | 'connectionsMax' | 'deadlineMs' | 'windowBytes'
  >
  readonly world: World
  readonly topology: Topology
  readonly standing: OwnStanding
  readonly membership: Pick<Membership, 'has' | 'isGone'>
  /** For the messages of all sessions. */
  readonly memory: SessionMemory
  readonly counters: Counters
  readonly loop: LoopDelay
  readonly coordinator: { readonly inProgress: number }
  /** Answers calls; may throw an `OperatingError`, which then is the answer. */
  readonly requests: { onCall(call: IncomingCall, session: Session): void }
}

export class SessionListener {
  readonly #options: ListenerOptions
  readonly #admission: CallAdmission
  readonly #sessions = new Set<Session>()
  #connections = 0
  #isClosed = false
  #listener: Listener | undefined

  constructor(options: ListenerOptions) {
    this.#options = options
    this.#admission = new CallAdmission(options.role, options)
  }

  /** Connections that were accepted and have not ended, those in a handshake included. */
  get connections(): number {
    return this.#connections
  }

  /** Sessions that have finished their handshake. */
  get sessions(): Iterable<Session> {
    return this.#sessions
  }

  /** Fails with `address-taken`. */
  async open(address: Address): Promise<Address> {
    const { role, world } = this.#options
    this.#listener = await world.network.listen(address, (connection) => {
      void this.#accept(connection)
    })
    const { address: actual } = this.#listener
    world.trace.record('listening', { for: role, at: addressLabel(actual) })
    return actual
  }

  /** Accepts no further connection, and ends every session with a goodbye. */
  async close(): Promise<void> {
    this.#isClosed = true
    const listening = this.#listener?.close()
    for (const session of this.#sessions) session.end(nodeStopping())
    this.#sessions.clear()
    await listening
  }

  /** Members must prove the cluster key, clients the token where one is configured. */
  #terms(): AcceptOptions {
    const { role, config, topology, standing } = this.#options
    const { clusterKey, clientToken: token, deadlineMs, windowBytes } = config
    const { cluster, self } = topology
    const told = { cluster, node: self.id, settings: { deadlineMs, windowBytes } }
    if (role === 'client') return { role: 'client', ...told, token }
    const admit = (id: NodeId, theirs: PeerStanding) => this.#admit(id, theirs)
    const metOf = (id: NodeId) => standing.metOf(id)
    return { role: 'peer', ...told, clusterKey, standing: standing.shown, metOf, admit }
  }

  /** Why a node is refused. One that is gone is not: it is told so, and all else is refused. */
  #admit(id: NodeId, theirs: PeerStanding): OperatingError | undefined {
    const { topology, standing, membership } = this.#options
    if (membership.isGone(id)) return undefined
    const isMember = membership.has(id) && id !== topology.self.id
    if (isMember) return standing.meet(id, theirs, NEVER_MET)
    return standing.otherRing(id, theirs) ?? notAMember(id)
  }

  async #accept(connection: Connection): Promise<void> {
    const { role, config, world, requests, memory } = this.#options
    if (this.#connections >= config.connectionsMax) {
      const code = 'too-many-connections'
      world.trace.record('connection-refused', { for: role, code })
      const sentence = 'this node has too many connections; try another, or again later'
      reject(connection, world, new OperatingError(code, sentence))
      return
    }
    this.#connections += 1
    let session: Session | undefined
    let isCounted = true
    const leave = (): void => {
      if (isCounted) this.#connections -= 1
      isCounted = false
      if (session !== undefined) this.#sessions.delete(session)
    }
    try {
      const onCall = (call: IncomingCall, from: Session): void => {
        if (this.#isClosed) throw nodeStopping()
        requests.onCall(call, from)
      }
      const { topology } = this.#options
      const ring = (): number => topology.ring.digest.hi
      const own = role === 'client' ? { ring } : {}
      const events = { admission: this.#admission, onCall, onEnd: leave, ...own }
      session = await acceptSession(connection, world, this.#terms(), events, memory)
      // The handshake may end after this listener was closed.
      if (this.#isClosed) session.end(nodeStopping())
      else if (isCounted) this.#sessions.add(session)
    } catch (error) {
      // The handshake has told the other side why, and recorded it.
      leave()
      if (!isOperatingError(error)) throw error
    }
  }
}
