/**
 * Where a node lets others in: one listener for clients, one for peers.
 *
 * Each accepted connection must finish a handshake before it may ask anything; what it asks then
 * goes to `dispatch.ts`. Connections are counted and bounded; a refused one is told why.
 *
 * Invariant: peers' messages never arrive through the clients' door, nor the other way round.
 */
import { isOperatingError, OperatingError } from '../../base/errors.ts'
import type { Config } from '../../config.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { type AcceptOptions, acceptSession } from '../../wire/handshake.ts'
import type { Role } from '../../wire/message/session.ts'
import type { Session } from '../../wire/session.ts'
import { reject } from '../../wire/reject.ts'
import { type Address, addressLabel, type Connection, type Listener } from '../../world/network.ts'
import type { World } from '../../world/world.ts'
import type { Dispatch } from './dispatch.ts'
import type { Topology } from '../cluster/topology.ts'

export class SessionListener {
  readonly #role: Role
  readonly #config: Config
  readonly #world: World
  readonly #topology: Topology
  readonly #dispatch: Dispatch
  readonly #sessions = new Set<Session>()
  #connections = 0
  #isClosed = false
  #listener: Listener | undefined

  constructor(role: Role, config: Config, world: World, topology: Topology, dispatch: Dispatch) {
    this.#role = role
    this.#config = config
    this.#world = world
    this.#topology = topology
    this.#dispatch = dispatch
  }

  get connections(): number {
    return this.#connections
  }

  /** Those that are inside. */
  get sessions(): Iterable<Session> {
    return this.#sessions
  }

  /** Fails with `address-taken`. */
  async open(address: Address): Promise<Address> {
    this.#listener = await this.#world.network.listen(address, (connection) => {
      void this.#accept(connection)
    })
    const { address: actual } = this.#listener
    this.#world.trace.record('listening', { for: this.#role, at: addressLabel(actual) })
    return actual
  }

  /** Lets nobody in any more, and says goodbye to those inside. */
  async close(): Promise<void> {
    this.#isClosed = true
    const listening = this.#listener?.close()
    for (const session of this.#sessions) {
      session.end(stopping())
    }
    this.#sessions.clear()
    await listening
  }

  /** Who is let in: members to the peers' door, whoever has the token to the clients'. */
  #terms(): AcceptOptions {
    const { cluster, clusterKey, clientToken: token } = this.#config
    const { ring, self } = this.#topology
    if (this.#role === 'client') return { role: 'client', cluster, node: self.id, token }
    const isMember = (id: NodeId): boolean => ring.member(id) !== undefined && id !== self.id
    const admit = (id: NodeId) => (isMember(id) ? undefined : 'not-a-member')
    return { role: 'peer', cluster, node: self.id, clusterKey, admit }
  }

  async #accept(connection: Connection): Promise<void> {
    if (this.#connections >= this.#config.connectionsMax) {
      const code = 'too-many-connections'
      this.#world.trace.record('connection-refused', { for: this.#role, code })
      const sentence = 'this node has too many connections; try another, or again later'
      reject(connection, this.#world, new OperatingError(code, sentence))
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
      session = await acceptSession(connection, this.#world, this.#terms(), {
        onCall: (call) => {
          if (this.#isClosed) throw stopping()
          this.#dispatch.onCall(call, this.#role)
        },
        onEnd: leave,
      })
      // A handshake that was under way when the door closed comes to its end after it.
      if (this.#isClosed) session.end(stopping())
      else if (isCounted) this.#sessions.add(session)
    } catch (error) {
      // The handshake has told the other side, and the trace, why.
      leave()
      if (!isOperatingError(error)) throw error
    }
  }
}

function stopping(): OperatingError {
  return new OperatingError('node-stopping', 'this node is stopping; ask another')
}
