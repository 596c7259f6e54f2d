/**
 * One node, asked directly: what it answers as coordinator, with no client routing around it.
 */
import { isOperatingError, OperatingError } from '../../src/base/errors.ts'
import { hostWorld } from '../../src/host/world.ts'
import { connectSession } from '../../src/wire/handshake.ts'
import type { ConnectOptions } from '../../src/wire/handshake.ts'
import type { GetReply, Put } from '../../src/wire/message/client.ts'
import type { Reply, Request, RequestKind } from '../../src/wire/message/table.ts'
import type { Session } from '../../src/wire/session.ts'
import type { Address } from '../../src/world/network.ts'

const CONNECT_MS_MAX = 5_000
const DEADLINE_MS = 5_000
const CLIENT: ConnectOptions = { role: 'client', cluster: '' }
const world = hostWorld({ traceLevel: 'silent' })

/** What a put says beside its key and value; the rest is the node's own. */
export type PutTerms = Partial<Omit<Put, 'name' | 'value'>>

export class NodeSession {
  readonly session: Session

  private constructor(session: Session) {
    this.session = session
  }

  /** Fails with what the handshake fails with. */
  static async connect(address: Address, options = CLIENT): Promise<NodeSession> {
    const connection = await world.network.connect(address, CONNECT_MS_MAX)
    const session = await connectSession(connection, world, options, {
      onCall: (call) => call.fail(new OperatingError('kind-unknown', 'a test answers no calls')),
      onEnd: () => undefined,
    })
    return new NodeSession(session)
  }

  /** Rejects with the `OperatingError` that the call came to. */
  ask<K extends RequestKind>(kind: K, request: Request<K>): Promise<Reply<K>> {
    return new Promise((resolve, reject) => {
      this.session.call(kind, request, (answer) => {
        if (isOperatingError(answer)) reject(answer)
        else resolve(answer)
      })
    })
  }

  get(bucket: Uint8Array, key: Uint8Array): Promise<GetReply> {
    return this.ask('get', { name: { bucket, key }, r: 0, deadlineMs: DEADLINE_MS })
  }

  put(
    bucket: Uint8Array,
    key: Uint8Array,
    value: Uint8Array | undefined,
    terms: PutTerms = {},
  ): Promise<Reply<'put'>> {
    return this.ask('put', {
      name: { bucket, key },
      value,
      contexts: [],
      requestId: world.entropy.bytes(16),
      w: 0,
      r: 0,
      deadlineMs: DEADLINE_MS,
      replace: 'given',
      ...terms,
    })
  }

  /** One figure of the node's status. */
  async figure(name: string): Promise<number> {
    const { figures } = await this.ask('status', {})
    return figures.find((figure) => figure.name === name)?.value ?? Number.NaN
  }

  close(): void {
    this.session.end(new OperatingError('closed', 'the test is done'))
  }
}
