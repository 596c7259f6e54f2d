/** Answers a call with a result that is delivered later, or with the reason why there is none. */
import { type Deliver, isFailure } from '../../base/deliver.ts'
import type { Reply, RequestKind } from '../../wire/message/table.ts'
import type { IncomingCallOf } from '../../wire/session.ts'

export function answering<K extends RequestKind>(call: IncomingCallOf<K>): Deliver<Reply<K>> {
  return (result) => {
    if (isFailure(result)) call.fail(result)
    else call.answer(result)
  }
}
