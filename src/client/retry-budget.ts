/**
 * Decide whether a call may be tried again: the retry budget of a client.
 *
 * When a cluster has too much to do, retries make it more. So in any 10 s a client tries a tenth of
 * its calls again, and ten more; beyond that a call fails with what its last attempt failed with.
 *
 * An attempt that was lost with its node is work that the node did not do. Another in its place
 * adds none to the nodes that are left, so each call has one at no charge: a node that dies or
 * stops with hundreds of calls in flight costs none of them. An attempt that was never sent is no
 * attempt, and a node that is asked what became of a put writes nothing.
 *
 * Why not at no charge each time: where every node ends its connections, or none answers, all
 * attempts are lost with their nodes.
 */
import { ShareBudget } from '../base/share-budget.ts'
import type { ErrorCode, OperatingError } from '../base/errors.ts'
import { CALLS_PER_RETRY, RETRIES_FREE_MAX } from '../limits.ts'
import type { RequestKind } from '../wire/message/table.ts'
import type { Call } from './call.ts'

/**
 * What is lost of an attempt for which another is made. `nothing`: it was never sent, or its node
 * is asked again and finds what it wrote. `node`: it was lost with its node. `attempt`: it failed
 * or is late.
 */
export type Loss = 'nothing' | 'node' | 'attempt'

/** The node is going or gone. */
const NODE_LOSSES: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['connection-lost', 'node-stopping'])

export class RetryBudget {
  readonly #budget = new ShareBudget({ every: CALLS_PER_RETRY, free: RETRIES_FREE_MAX })

  /** A call makes its first attempt. */
  onFirstAttempt(now: number): void {
    this.#budget.count(1, now)
  }

  /** Whether another attempt may follow one that ended so. Keeps the answer in the call. */
  allows<K extends RequestKind>(call: Call<K>, loss: Loss, now: number): boolean {
    const isReplacement = loss === 'node' && !call.isReplaced
    if (isReplacement) call.isReplaced = true
    call.isBudgetSpent = loss !== 'nothing' && !isReplacement && !this.#budget.take(now)
    return !call.isBudgetSpent
  }
}

/** What became of an attempt that failed. */
export function lossOf({ code }: OperatingError, isSent: boolean): Loss {
  // `not-connected`: the node has ended the connection and says that it did not take the call.
  if (!isSent || code === 'not-connected') return 'nothing'
  return NODE_LOSSES.has(code) ? 'node' : 'attempt'
}
