/**
 * What operators ask of a cluster: plans of the next table, changes of members, and how far moves
 * are. Each call is answered by one node as it knows the cluster.
 */
import { u64 } from '../base/u64.ts'
import { addressLabel } from '../world/network.ts'
import type { TableDigest } from '../dynamo/ring/table.ts'
import type {
  ChangeOf,
  ClusterChangeReply,
  ClusterPauseReply,
  ClusterPlan,
  ClusterPlanReply,
  ClusterStatusReply,
} from '../wire/message/cluster.ts'
import { PlanAct } from '../wire/message/cluster.ts'
import { type ClusterKeyReply, KeyAct } from '../wire/message/keys.ts'
import type { Request, RequestKind, Reply } from '../wire/message/table.ts'
import type { Core } from './bucket.ts'
import { unsent } from './failure.ts'
import type { Link } from './link.ts'
import { type CallOptions, parseSeed } from './options.ts'

export interface OperatorOptions extends CallOptions {
  /** The address of a seed or a member, for clients: the node to ask. By default any. */
  readonly at?: string | undefined
}

export interface PlanOptions extends OperatorOptions {
  readonly splits?: boolean
  readonly without?: readonly string[]
}

export interface CommitOptions extends PlanOptions {
  readonly isForced?: boolean
  /** What was planned, at the same node. */
  readonly plan: Pick<ClusterPlanReply, 'parent' | 'planned'>
}

export interface AbortOptions extends PlanOptions {
  /** As the status of the same node tells. */
  readonly newest: TableDigest
}

export interface ChangeOptions extends OperatorOptions {
  readonly successor?: string | undefined
  readonly weight?: number
  readonly zone?: string
  readonly isForced?: boolean
}

const NO_DIGEST: TableDigest = u64(0, 0)

export class Operator {
  readonly #core: Core

  constructor(core: Core) {
    this.#core = core
  }

  plan(options: PlanOptions = {}): Promise<ClusterPlanReply> {
    return this.#plan(PlanAct.plan, options, {})
  }

  commit(options: CommitOptions): Promise<ClusterPlanReply> {
    const { parent, planned } = options.plan
    const isForced = options.isForced ?? false
    return this.#plan(PlanAct.commit, options, { isForced, parent, planned })
  }

  /** Takes the newest table back, unless it has taken effect. */
  abort(options: AbortOptions): Promise<ClusterPlanReply> {
    return this.#plan(PlanAct.abort, options, { planned: options.newest })
  }

  change(what: ChangeOf, member: string, options: ChangeOptions = {}): Promise<ClusterChangeReply> {
    const { successor = '', weight = 0, zone = '', isForced = false } = options
    return this.#ask('clusterChange', options, (deadlineMs) => {
      return { what, member, successor, weight, zone, isForced, deadlineMs }
    })
  }

  status(options: OperatorOptions = {}): Promise<ClusterStatusReply> {
    return this.#ask('clusterStatus', options, (deadlineMs) => ({ deadlineMs }))
  }

  /** The cluster keys, as a node knows them: their ids, and which signs. */
  keys(options: OperatorOptions = {}): Promise<ClusterKeyReply> {
    return this.#key(KeyAct.status, 0, options)
  }

  /** Makes another key, if `newest` is the id of the newest one. */
  rotateKey(newest: number, options: OperatorOptions = {}): Promise<ClusterKeyReply> {
    return this.#key(KeyAct.rotate, newest, options)
  }

  /** Drops the oldest key, if this is its id and no member may sign with it. */
  dropKey(id: number, options: OperatorOptions = {}): Promise<ClusterKeyReply> {
    return this.#key(KeyAct.drop, id, options)
  }

  #key(act: KeyAct, key: number, options: OperatorOptions): Promise<ClusterKeyReply> {
    return this.#ask('clusterKey', options, (deadlineMs) => ({ act, key, deadlineMs }))
  }

  pause(pauses: boolean, options: OperatorOptions = {}): Promise<ClusterPauseReply> {
    return this.#ask('clusterPause', options, (deadlineMs) => ({ pauses, deadlineMs }))
  }

  #plan(
    act: PlanAct,
    options: PlanOptions,
    more: Partial<Pick<ClusterPlan, 'isForced' | 'parent' | 'planned'>>,
  ): Promise<ClusterPlanReply> {
    const { splits = false, without = [] } = options
    return this.#ask('clusterPlan', options, (deadlineMs) => ({
      ...{ act, splits, without, deadlineMs },
      ...{ isForced: false, parent: NO_DIGEST, planned: NO_DIGEST },
      ...more,
    }))
  }

  #ask<K extends RequestKind>(
    kind: K,
    { at, signal, timeout }: OperatorOptions,
    request: (deadlineMs: number) => Request<K>,
  ): Promise<Reply<K>> {
    const only = at === undefined ? undefined : linkAt(this.#core, at)
    const plan = { kind, isWrite: false, only, request } as const
    return this.#core.calls.run(plan, { signal, timeout })
  }
}

export function linkAt({ pool }: Core, at: string): Link {
  const link = pool.at(addressLabel(parseSeed(at)))
  if (link !== undefined) return link
  throw unsent('input-wrong', `no seed and no member has the address ${at}`)
}
