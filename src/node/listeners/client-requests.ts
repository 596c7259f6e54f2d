/**
 * Requests of clients: from the wire's message to the coordinator, and its result to the reply.
 *
 * The wire has checked by then that a message is well formed and that its sender may ask it.
 */
import { isFailure, perform } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import { requestIdOf } from '../../dynamo/version/request-id.ts'
import { SCAN_PAGE_BYTES_MAX } from '../../limits.ts'
import { bytesOfReply } from '../../wire/convert.ts'
import type { IncomingCall, IncomingCallOf } from '../../wire/session.ts'
import type { Background } from '../background/background.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Coordinator } from '../coordinator/coordinator.ts'
import type { NodeStatus } from '../report.ts'
import type { ClientExplain, ClientGet, ClientPut, ClientRepair, ClientScan } from '../requests.ts'
import { answering } from './answering.ts'
import { statusReply, topologyReply } from './cluster-replies.ts'
import type { OperatorRequests } from './operator-requests.ts'

/** What exchanges with the other owners have found, and those that are asked for. */
type Exchanges = Pick<Background, 'ranges' | 'repairs' | 'roundAsks'>

export class ClientRequests {
  readonly #coordinator: Coordinator
  readonly #topology: Topology
  readonly #status: () => Promise<NodeStatus>
  readonly #exchanges: Exchanges
  readonly #operators: OperatorRequests

  constructor(
    coordinator: Coordinator,
    topology: Topology,
    status: () => Promise<NodeStatus>,
    exchanges: Exchanges,
    operators: OperatorRequests,
  ) {
    this.#coordinator = coordinator
    this.#topology = topology
    this.#status = status
    this.#exchanges = exchanges
    this.#operators = operators
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
      case 'ranges':
        return this.#ranges(call)
      case 'repair':
        return this.#repair(call)
      case 'invite':
        return this.#operators.invite(call)
      case 'clusterPlan':
        return this.#operators.plan(call)
      case 'clusterChange':
        return this.#operators.change(call)
      case 'clusterStatus':
        return this.#operators.status(call)
      case 'clusterPause':
        return this.#operators.pause(call)
      case 'bucketCreate':
        return this.#operators.buckets.create(call)
      case 'bucketRename':
        return this.#operators.buckets.rename(call)
      case 'clusterKey':
        return this.#operators.key(call)
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

  #repair(call: IncomingCallOf<'repair'>): void {
    const { repairs, roundAsks } = this.#exchanges
    if (call.request.opensRound) roundAsks.ask(call.deadline, answering(call))
    else repairs.ask(repairOf(call), answering(call))
  }

  /** The answer has memory before it is encoded: there is a row for each partition and owner. */
  #ranges(call: IncomingCallOf<'ranges'>): void {
    const { request, deadline, room } = call
    const { untilEqual, withinMs } = request
    this.#exchanges.ranges.ask({ untilEqual, withinMs, deadline }, (result) => {
      if (isFailure(result)) return call.fail(result)
      return perform(
        () => room.reserve(bytesOfReply('ranges', result)),
        (reserved) => (isFailure(reserved) ? call.fail(reserved) : call.answer(result)),
      )
    })
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

function repairOf({ request, deadline }: IncomingCallOf<'repair'>): ClientRepair {
  const { run, bucket, from } = request
  return { run, bucket, from, deadline }
}
