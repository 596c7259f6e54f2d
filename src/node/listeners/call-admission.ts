/**
 * Which calls a node takes while its event loop is late, and the counts of those that it refuses.
 *
 * A node with few requests in progress takes them however late its loop is: a long message or a
 * machine that others use made it late, and refusing would not help.
 *
 * Calls of clients are refused first: each would make calls to other members. Those of members are
 * taken until a higher delay, so that what their clients were promised ends. Questions about the
 * node itself are always answered: they tell what is wrong. So is gossip: a busy node is not dead.
 */
import { isFailure } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import {
  DEADLINE_MS_MAX,
  LOOP_BURST_MS_MAX,
  LOOP_CALLS_MIN,
  LOOP_DELAY_MS_MAX,
  LOOP_DELAY_PEERS_MS_MAX,
  OVERLOAD_RETRY_MS,
} from '../../limits.ts'
import type { Admission, NotBegun } from '../../wire/admission.ts'
import type { Port } from '../../wire/message/session.ts'
import type { RequestKind } from '../../wire/message/table.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Counters } from '../counters.ts'
import type { LoopDelay } from './loop-delay.ts'

export interface CallAdmissionDependencies {
  readonly topology: Topology
  readonly counters: Counters
  readonly loop: Pick<LoopDelay, 'onCall'>
  /** Requests of clients in progress at this node. */
  readonly coordinator: { readonly inProgress: number }
}

const ALWAYS_TAKEN: ReadonlySet<RequestKind> = new Set<RequestKind>([
  'topology',
  'status',
  'peerGossip',
])

/** What the delay may be, and the failure of a call above it: made once, sent often. */
interface Limits {
  readonly delayMs: number
  readonly burstMsMax: number
  readonly failure: OperatingError
}

const LIMITS: Readonly<Record<Port, Limits>> = {
  client: {
    delayMs: LOOP_DELAY_MS_MAX,
    burstMsMax: LOOP_BURST_MS_MAX,
    failure: late('LOOP_DELAY_MS_MAX', LOOP_DELAY_MS_MAX),
  },
  peer: {
    delayMs: LOOP_DELAY_PEERS_MS_MAX,
    burstMsMax: Number.POSITIVE_INFINITY,
    failure: late('LOOP_DELAY_PEERS_MS_MAX', LOOP_DELAY_PEERS_MS_MAX),
  },
}

export class CallAdmission implements Admission {
  readonly #node: CallAdmissionDependencies
  readonly #role: Port

  /** For calls of clients, or of members. */
  constructor(role: Port, dependencies: CallAdmissionDependencies) {
    this.#role = role
    this.#node = dependencies
  }

  refusalOf(kind: RequestKind): OperatingError | undefined {
    if (ALWAYS_TAKEN.has(kind)) return undefined
    const { counters, loop } = this.#node
    const { delayMs, burstMsMax, failure } = LIMITS[this.#role]
    const { standingMs, burstMs } = loop.onCall()
    if (standingMs <= delayMs && burstMs <= burstMsMax) return undefined
    if (this.#role === 'client' && this.#node.coordinator.inProgress < LOOP_CALLS_MIN)
      return undefined
    if (this.#role === 'client') counters.overloadedLoop += 1
    else counters.overloadedPeersLoop += 1
    counters.countFailure(failure)
    return failure
  }

  deadlineMsOf(bucket: Uint8Array): number {
    const named = this.#node.topology.named.ofName(bucket)
    return isFailure(named) ? DEADLINE_MS_MAX : named.deadlineMs
  }

  onNotBegun(reason: NotBegun): void {
    const { counters } = this.#node
    switch (reason) {
      case 'calls':
        counters.overloadedCalls += 1
        return
      case 'bytes':
        counters.overloadedBytes += 1
        return
      case 'expired':
        counters.expired += 1
    }
  }
}

function late(name: string, value: number): OperatingError {
  const sentence = 'this node is behind with its work; try another, or again later'
  const details = { retryAfterMs: OVERLOAD_RETRY_MS, limit: { name, value } }
  return new OperatingError('overloaded', sentence, { details })
}
