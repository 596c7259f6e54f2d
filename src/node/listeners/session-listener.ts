/**
 * Accepts connections, of clients or of other nodes: one listener for each.
 *
 * A connection must finish a handshake before it may ask anything; its calls then go to
 * `client-requests.ts` or `peer-requests.ts`. Connections are counted and bounded; a refused one is
 * told why.
 *
 * Invariant: calls of clients never arrive on the members' listener, nor the other way round.
 * Invariant: of the processes that have one member's id, one at most has sessions here.
 */
import type { MaybePromise } from '../../base/deliver.ts'
import { isOperatingError, OperatingError } from '../../base/errors.ts'
import type { Config } from '../../config.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { type AcceptOptions, acceptSession } from '../../wire/handshake.ts'
import {
  type JoinersOptions,
  NEVER_MET,
  type PeerOptions,
  type PeerStanding,
  type ProofKeys,
} from '../../wire/handshake-steps.ts'
import type { Port } from '../../wire/message/session.ts'
import type { SessionMemory } from '../../wire/session-memory.ts'
import type { IncomingCall, Session } from '../../wire/session.ts'
import { reject } from '../../wire/reject.ts'
import { type Address, addressLabel, type Connection, type Listener } from '../../world/network.ts'
import type { World } from '../../world/world.ts'
import { memberGone } from '../cluster/kept-members.ts'
import { toldDigest } from './cluster-replies.ts'
import type { Invitations } from '../cluster/invitations.ts'
import type { OwnStanding } from '../cluster/own-standing.ts'
import type { Membership } from '../cluster/membership.ts'
import { nodeStopping, notAMember } from '../cluster/peer-link.ts'
import { idTaken, SoleProcess } from '../cluster/sole-process.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Counters } from '../counters.ts'
import { CallAdmission } from './call-admission.ts'
import type { LoopDelay } from './loop-delay.ts'

export interface ListenerOptions {
  /** Which port it serves. */
  readonly role: Port
  readonly config: Pick<Config, 'clientToken' | 'connectionsMax' | 'deadlineMs' | 'windowBytes'>
  readonly held: ProofKeys
  readonly world: World
  readonly topology: Topology
  readonly standing: OwnStanding
  readonly membership: Pick<Membership, 'has' | 'isGone'>
  readonly invitations: Invitations
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
  readonly #processes: SoleProcess
  #connections = 0
  #isClosed = false
  #listener: Listener | undefined

  constructor(options: ListenerOptions) {
    this.#options = options
    this.#admission = new CallAdmission(options.role, options)
    this.#processes = new SoleProcess(options.world.clock)
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

  /** Members must prove a cluster key, clients the token where one is configured. */
  #terms(onProcess: (processId: string) => void): AcceptOptions {
    const { role, config, topology, standing, held: keys } = this.#options
    const { clientToken: token, deadlineMs, windowBytes } = config
    const { cluster, self } = topology
    const told = { cluster, node: self.id, settings: { deadlineMs, windowBytes } }
    if (role === 'client') return { role: 'client', ...told, token }
    const metOf = (id: NodeId) => standing.metOf(id)
    const admit: PeerOptions['admit'] = (id, theirs) => {
      onProcess(theirs.processId)
      return this.#refusalOf(id, theirs)
    }
    const peer = { ...told, keys, standing: standing.shown, metOf, admit }
    return { role: 'peer', ...peer, joiners: this.#joiners }
  }

  /** Joiners prove an invitation that this node has issued. */
  get #joiners(): JoinersOptions {
    const { invitations, membership } = this.#options
    return {
      secretOf: (invitation) => invitations.secretOf(invitation),
      admit: (id, invitation) =>
        membership.isGone(id) ? memberGone(id) : invitations.refusalOf(invitation, id),
    }
  }

  /** Why a node is refused. One that is gone is not: it is told so, and all else is refused. */
  #refusalOf(id: NodeId, theirs: PeerStanding): MaybePromise<OperatingError | undefined> {
    const { topology, standing, membership } = this.#options
    const { self } = topology
    const { processId } = theirs
    if (membership.isGone(id)) return undefined
    const isCopy = id === self.id && processId !== '' && processId !== standing.shown.processId
    if (isCopy) return idTaken(id)
    if (!membership.has(id) || id === self.id) {
      return standing.otherRing(id, theirs) ?? notAMember(id)
    }
    // First: a process that is refused must not change what is remembered of the member's data.
    const refusal = this.#processes.refusalOf(id, processId)
    const meet = () => standing.meet(id, theirs, NEVER_MET)
    if (refusal instanceof Promise) return refusal.then((reason) => reason ?? meet())
    return refusal ?? meet()
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
    let processId = ''
    let isCounted = true
    const leave = (): void => {
      if (isCounted) this.#connections -= 1
      isCounted = false
      if (session !== undefined) this.#forget(session)
    }
    try {
      const onCall = (call: IncomingCall, from: Session): void => {
        if (this.#isClosed) throw nodeStopping()
        requests.onCall(call, from)
      }
      const onOpen = (opened: Session): void => {
        session = opened
        this.#sessions.add(opened)
        const { node } = opened
        if (opened.role === 'peer' && node !== undefined)
          this.#processes.add(node, processId, opened)
      }
      const { topology } = this.#options
      const ring = (): number => toldDigest(topology).hi
      const own = role === 'client' ? { ring } : {}
      const events = { admission: this.#admission, onOpen, onCall, onEnd: leave, ...own }
      const terms = this.#terms((told) => {
        processId = told
      })
      const opened = await acceptSession(connection, world, terms, events, memory)
      // The handshake may end after this listener was closed.
      if (this.#isClosed) opened.end(nodeStopping())
    } catch (error) {
      // The handshake has told the other side why, and recorded it.
      leave()
      if (!isOperatingError(error)) throw error
    }
  }

  #forget(session: Session): void {
    this.#sessions.delete(session)
    if (session.node !== undefined) this.#processes.remove(session.node, session)
  }
}
