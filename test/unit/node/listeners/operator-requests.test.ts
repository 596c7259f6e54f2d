import t from 'tap'
import type { OperatingError } from '../../../../src/base/errors.ts'
import { claim } from '../../../../src/dynamo/ring/claim.ts'
import { firstStages } from '../../../../src/dynamo/ring/stages.ts'
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
