/** Tables that may be planned. */
import t from 'tap'
import { U48_MAX } from '../../../../src/base/bytes.ts'
import { claim } from '../../../../src/dynamo/ring/claim.ts'
import { firstStages } from '../../../../src/dynamo/ring/stages.ts'
import { tableOf } from '../../../../src/dynamo/ring/table.ts'
import { Planner, type PlannerDependencies } from '../../../../src/node/cluster/planner.ts'
import { members } from '../../dynamo/ring/members.ts'

t.test('no table follows the last number, which a member can make up', async (t) => {
  const stages = firstStages(claim(members(3), 3, 3).ring)
  const adopted = tableOf({ ...stages.table, number: U48_MAX, parent: stages.table.digest })
  const planner = new Planner({ rings: { view: { adopted, stages } } } as PlannerDependencies)
  const refused = { code: 'nothing-to-commit' }
  t.throws(() => planner.plan({ splits: false, without: [] }), refused)
  t.throws(() => planner.takenBack([]), refused)
})
