/**
 * Calls of operators in progress at a node: few, since one may wait for other members, or plan a
 * whole table.
 */
import { perform } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import { OPERATOR_CALLS_MAX, OVERLOAD_RETRY_MS } from '../../limits.ts'
import { bytesOfReply } from '../../wire/convert.ts'
import type { Reply, RequestKind } from '../../wire/message/table.ts'
import type { IncomingCallOf } from '../../wire/session.ts'
import { answering } from './answering.ts'

export type OperatorKind = Extract<RequestKind, `cluster${string}` | `bucket${string}`>

export class OperatorCalls {
  #inProgress = 0

  /**
   * Answers with what `work` resolves to, or with `overloaded` where too many wait. The answer has
   * memory before it is encoded: there may be a row for each member.
   */
  answer<K extends OperatorKind>(
    kind: K,
    call: IncomingCallOf<K>,
    work: () => Promise<Reply<K>>,
  ): void {
    if (this.#inProgress >= OPERATOR_CALLS_MAX) return call.fail(tooMany())
    this.#inProgress += 1
    perform(async () => {
      try {
        const reply = await work()
        await call.room.reserve(bytesOfReply(kind, reply))
        return reply
      } finally {
        this.#inProgress -= 1
      }
    }, answering(call))
  }
}

function tooMany(): OperatingError {
  const sentence = 'this node has too many calls of operators in progress; try again later'
  const limit = { name: 'OPERATOR_CALLS_MAX', value: OPERATOR_CALLS_MAX }
  return new OperatingError('overloaded', sentence, {
    details: { retryAfterMs: OVERLOAD_RETRY_MS, limit },
  })
}
