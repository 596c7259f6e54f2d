/**
 * The reason for a request that too few owners can serve: one code, out of the owners' own codes.
 *
 * Owners fail for different reasons, and some reasons pass sooner than others. A request that lacks
 * `missing` owners succeeds when as many have recovered, so its reason is that of the last owner
 * that it has to wait for, if the owners recover in the order of `SOONEST_FIRST`:
 *
 *     needed 2 of 3:  one answered, one is overloaded, one is away      overloaded
 *     needed 3 of 3:  one answered, one is overloaded, one is away      replicas-short
 *
 * All these codes mean that nothing was applied, and that the request may be sent again.
 */
import type { ErrorCode } from '../../base/errors.ts'
import type { NodeId } from '../names.ts'

/** An owner that cannot serve a request, and why. */
export interface OwnerFailure {
  readonly node: NodeId
  readonly code: ErrorCode
}

/** Codes of which the first ones pass soonest. Every other code of an owner counts as `AWAY`. */
const SOONEST_FIRST = [
  // Until calls in flight are answered.
  'overloaded',
  // Until the next try, which may be in time.
  'deadline-passed',
  // Until the copy is mended.
  'record-rotten',
  // Until the owner is connected again.
  'replicas-short',
  // Until the owner has read its copies from the others.
  'replica-rebuilding',
  // Until all nodes are given one list of members.
  'ring-differs',
] as const
const AWAY = 'replicas-short'

/**
 * Whether a read failed because its replicas did not answer: a write that would have replaced what
 * they hold can be taken all the same, and leaves it beside itself.
 */
export function isUnread(code: ErrorCode): boolean {
  if (code === 'receipt-unmet') return true
  return code !== 'overloaded' && SOONEST_FIRST.some((one) => one === code)
}

/** The codes that `reasonOf` gives. */
export type ShortCode = (typeof SOONEST_FIRST)[number]

/**
 * The reason for a request that lacks `missing` owners, while `failures` owners cannot serve it.
 * Requires: `missing` >= 1. Where fewer failures are known, the reason is that of the last one.
 */
export function reasonOf(failures: readonly OwnerFailure[], missing: number): ShortCode {
  const ranks = failures.map(({ code }) => rankOf(code)).sort((a, b) => a - b)
  const rank = ranks[Math.min(missing, ranks.length) - 1]
  return rank === undefined ? AWAY : (SOONEST_FIRST[rank] as ShortCode)
}

function rankOf(code: ErrorCode): number {
  const rank = SOONEST_FIRST.findIndex((one) => one === code)
  return rank === -1 ? SOONEST_FIRST.indexOf(AWAY) : rank
}
