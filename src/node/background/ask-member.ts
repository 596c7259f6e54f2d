/** A question to another member, with a limit of its own: silent members are not waited for. */
import type { Deliver } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import type { RingDigest } from '../../dynamo/ring/ring.ts'
import type { Clock } from '../../world/clock.ts'
import type { Terms } from '../cluster/peer-calls.ts'

/** For one question: members may be slow after an outage. */
const ANSWER_MS_MAX = 5_000

/** The answer of the member, or why there is none. */
export function askMember<T>(
  clock: Clock,
  ring: RingDigest,
  ask: (terms: Terms, deliver: Deliver<T>) => void,
): Promise<T | OperatingError> {
  return new Promise((resolve) => {
    const timer = clock.after(ANSWER_MS_MAX, () => {
      resolve(new OperatingError('deadline-passed', 'a member did not answer in time'))
    })
    ask({ ring, deadline: clock.now() + ANSWER_MS_MAX }, (answer) => {
      timer.cancel()
      resolve(answer)
    })
  })
}
