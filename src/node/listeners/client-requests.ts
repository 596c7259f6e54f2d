/**
 * Requests of clients: from the wire's message to the coordinator, and its result to the reply.
 *
 * The wire has checked by then that a message is well formed and that its sender may ask it.
 */
import { type Deliver, isFailure, perform } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import { requestIdOf } from '../../dynamo/version/request-id.ts'
import { SCAN_PAGE_BYTES_MAX } from '../../limits.ts'
import type { Reply, RequestKind } from '../../wire/message/table.ts'
import type { IncomingCall, IncomingCallOf } from '../../wire/session.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Coordinator } from '../coordinator/coordinator.ts'
import type { NodeStatus } from '../report.ts'
import type { ClientExplain, ClientGet, ClientPut, ClientScan } from '../requests.ts'
import { statusReply, topologyReply } from './cluster-replies.ts'

export class ClientRequests {
  readonly #coordinator: Coordinator
  readonly #topology: Topology
  readonly #status: () => Promise<NodeStatus>

  constructor(coordinator: Coordinator, topology: Topology, status: () => Promise<NodeStatus>) {
    this.#coordinator = coordinator
    this.#topology = topology
    this.#status = status
  }

  onCall(call: IncomingCall): void {
    switch (call.kind) {
      case 'get':
        return this.#coordinator.get(getOf(call), answering(call))
      case 'put':
        return this.#coordinator.put(putOf(call), answering(call))
      case 'explain':
        return this.#coordinator.explain(explainOf(call), answering(call))
      case 'scan':
        return this.#scan(call)
      case 'topology':
        return call.answer(topologyReply(this.#topology))
      case 'status':
        void this.#status().then((status) => call.answer(statusReply(status)))
        return
      default:
        throw new OperatingError('kind-unknown', `clients may not ask ${call.kind}`)
    }
  }

  /** A page has memory before it is made; an entry that is longer takes what it lacks. */
  #scan(call: IncomingCallOf<'scan'>): void {
    perform(
      () => call.room.reserve(SCAN_PAGE_BYTES_MAX),
      (reserved) => {
        if (isFailure(reserved)) return call.fail(reserved)
        this.#coordinator.scan(scanOf(call), answering(call))
      },
    )
  }
}

/** Answers `call` with the result that is delivered. */
export function answering<K extends RequestKind>(call: IncomingCallOf<K>): Deliver<Reply<K>> {
  return (result) => {
    if (isFailure(result)) call.fail(result)
    else call.answer(result)
  }
}

function getOf({ request, token, deadline, room }: IncomingCallOf<'get'>): ClientGet {
  const { name, r, strict, monotonic, receipts } = request
  return { name, token, r, deadline, strict, monotonic, receipts, room }
}

function putOf({ request, token, deadline }: IncomingCallOf<'put'>): ClientPut {
  // By name: a spread of as many fields takes several times as long.
  const { name, isRepeat, strict, value, contexts, replace, r, w } = request
  const requestId = requestIdOf(request.requestId)
  return {
    name,
    token,
    requestId,
    isRepeat,
    strict,
    value,
    contexts,
    replace,
    r,
    w,
    deadline,
  }
}

function explainOf({ request, token, deadline }: IncomingCallOf<'explain'>): ClientExplain {
  const { name, ownersOnly, receipt } = request
  return { name, token, deadline, ownersOnly, receipt }
}

function scanOf({ request, deadline }: IncomingCallOf<'scan'>): ClientScan {
  const { bucket, cursor, keysMax, withValues, r } = request
  return { bucket, cursor, keysMax, withValues, r, deadline }
}
