import t from 'tap'
import type { OperatingError } from '../../../../src/base/errors.ts'
import { claim } from '../../../../src/dynamo/ring/claim.ts'
import { firstStages } from '../../../../src/dynamo/ring/stages.ts'
import { OPERATOR_CALLS_MAX } from '../../../../src/limits.ts'
import { OperatorCalls } from '../../../../src/node/listeners/operator-calls.ts'
import { OperatorRequests } from '../../../../src/node/listeners/operator-requests.ts'
import { members } from '../../dynamo/ring/members.ts'
import { REQUESTS } from '../../../support/wire-requests.ts'

t.test('nothing is changed where strangers may ask', async (t) => {
  const stages = firstStages(claim(members(3), 4, 3).ring)
  const mover = { isPaused: false }
  const requests = new OperatorRequests({
    config: { clientListen: { host: '0.0.0.0', port: 7400 }, clientToken: undefined },
    rings: { view: { stages, adopted: stages.table }, isFrozen: false },
    clock: { now: () => 0 },
    background: { mover },
  } as never)
  const asked = (kind: 'plan' | 'change' | 'pause', request: unknown): Promise<OperatingError> =>
    new Promise((fail) => {
      const room = { reserve: () => Promise.resolve() }
      requests[kind]({ request, room, fail, answer: () => t.fail('it was done') } as never)
    })
  const { clusterPlan, clusterChange, clusterPause } = REQUESTS
  for (const act of [2, 3]) {
    t.match(await asked('plan', { ...clusterPlan, act }), { code: 'bind-insecure' })
  }
  const refused = await asked('change', clusterChange)
  t.match(refused, { code: 'bind-insecure', message: /0\.0\.0\.0 without a token, so this node/ })
  t.match(await asked('pause', clusterPause), { code: 'bind-insecure' })
  t.notOk(mover.isPaused)
})

t.test('calls of operators have a bound of their own', async (t) => {
  const calls = new OperatorCalls()
  const ends: (() => void)[] = []
  const results: unknown[] = []
  const ask = (): void => {
    const [answer, room] = [(reply: unknown) => results.push(reply), { reserve: async () => {} }]
    const work = (): Promise<void> => new Promise<void>((resolve) => ends.push(resolve))
    calls.answer('clusterPause', { answer, fail: answer, room } as never, async () => {
      await work()
      return { node: '0f'.repeat(16), isPaused: true } as never
    })
  }
  for (let i = 0; i < OPERATOR_CALLS_MAX; i++) ask()
  t.same(results, [])
  ask()
  const limit = { name: 'OPERATOR_CALLS_MAX', value: OPERATOR_CALLS_MAX }
  t.match(results, [{ code: 'overloaded', details: { limit, retryAfterMs: 50 } }])
  ends[0]?.()
  await new Promise((resolve) => setImmediate(resolve))
  t.match(results[1], { isPaused: true })
  ask()
  t.equal(results.length, 2, 'one has ended, so another is begun')
  t.equal(ends.length, OPERATOR_CALLS_MAX + 1)
})
