/**
 * A session with one node, so that this node coordinates the request and no client retries it.
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

/** The fields of a put beside its key and value; each has a default. */
export type PutTerms = Partial<Omit<Put, 'name' | 'value'>>

export class NodeSession {
  readonly session: Session

  private constructor(session: Session) {
    this.session = session
  }

  /** Rejects with the error of the handshake. */
  static async connect(address: Address, options = CLIENT): Promise<NodeSession> {
    const connection = await world.network.connect(address, CONNECT_MS_MAX)
    const session = await connectSession(connection, world, options, {
      onCall: (call) => call.fail(new OperatingError('kind-unknown', 'a test answers no calls')),
      onEnd: () => undefined,
    })
    return new NodeSession(session)
  }

  /** Rejects with the `OperatingError` that answers the call. */
  ask<K extends RequestKind>(kind: K, request: Request<K>): Promise<Reply<K>> {
    return new Promise((resolve, reject) => {
      this.session.call(kind, request, (answer) => {
        if (isOperatingError(answer)) reject(answer)
        else resolve(answer)
      })
    })
  }

  get(bucket: Uint8Array, key: Uint8Array): Promise<GetReply> {
    const get = {
      name: { bucket, key },
      r: 0,
      deadlineMs: DEADLINE_MS,
      strict: false,
      monotonic: false,
      receipts: [],
    }
    return this.ask('get', get)
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
      isRepeat: false,
      strict: false,
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
