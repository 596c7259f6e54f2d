/** Plants about what a client is told: refused is never called what can still appear. */
import type { PlantGroup } from './plant.ts'

export const HONESTY: PlantGroup = {
  name: 'honesty',
  plantsMin: 7,
  plants: [
    {
      name: 'running out of time is called refused',
      find: "return new OperatingError('write-in-doubt', `${this",
      replace: "return new OperatingError('replicas-short', `${this",
      why: 'a write that was reported as refused appears later',
    },
    {
      name: 'a lost connection is called refused',
      find: "'connection-lost': inDoubt(111),",
      replace: "'connection-lost': retryable(111),",
      why: 'the request may have arrived before the connection was lost',
    },
    {
      name: 'the client forgets a doubt',
      find: "const certainty = call.isInDoubt ? 'in-doubt' : 'refused'",
      replace: 'const certainty = failure.certainty',
      why: 'the last attempt was refused, and an earlier one may have been applied',
    },
    {
      name: 'an attempt that ran out of time leaves no doubt',
      find: 'if (call.plan.isWrite) call.isInDoubt = true',
      replace: 'call.attempts += 0',
      why: 'its node may have taken it, and was slow to say so',
    },
    {
      name: "a second owner's refusal hides the first one's doubt",
      find: 'const isInDoubt = this.#isInDoubt || this.#awaited.size > 0',
      replace: 'const isInDoubt = false',
      why: 'the first owner, who has not answered, may have taken it; few seeds meet that',
      caughtBy: 'test/unit/node/coordinator/forward.test.ts',
    },
    {
      name: 'an answer that cannot be read refuses its call',
      find: "certainty: 'in-doubt',",
      replace: "certainty: 'refused',",
      why: 'the request may have been done; in the simulator no answer is garbled',
      caughtBy: 'test/unit/wire/broken.test.ts',
    },
    {
      name: 'an expired request is executed',
      find: 'if (clock.now() < deadline)',
      replace: 'if (deadline !== 0)',
      why: 'its client has long been told that it failed; no promise is broken, only patience',
      caughtBy: 'test/unit/node/coordinator/put.test.ts',
    },
  ],
}
