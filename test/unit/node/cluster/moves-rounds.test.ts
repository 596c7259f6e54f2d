/** Rounds wait until all places have moved. */
import t from 'tap'
import { tableOf } from '../../../../src/dynamo/ring/table.ts'
import { Scene } from '../scene.ts'
import { ChangeOf, nodeOf, operatorAt, settled } from './operations-scene.ts'

const OPTIONS = { nodes: 4, weights: [1, 1, 1, 0], roundMs: 2_000, rememberMs: 2_000 } as const

t.test('no round ends while places are being moved', async (t) => {
  const scene = await Scene.open(OPTIONS)
  await scene.world.run(20_000)
  const four = await operatorAt(scene, 4)
  await scene.run(four.operator.pause(true, { at: four.at }))
  await four.change(ChangeOf.weight, 'n4', { weight: 1 })
  await four.commit()
  await scene.world.run(10_000)
  t.ok(nodeOf(scene, 1).rings.view.stages.left > 0)
  t.match(nodeOf(scene, 1).roundObstacle, /places are being moved/)
  const before = scene.figure(1, 'round')
  await scene.world.run(20_000)
  t.equal(scene.figure(1, 'round'), before)
  await scene.run(four.operator.pause(false, { at: four.at }))
  await settled(scene)
  await scene.world.run(20_000)
  t.ok(scene.figure(1, 'round') > before, 'and then they go on')
})

t.test('no round ends while a table waits for a member', async (t) => {
  const scene = await Scene.open(OPTIONS)
  const { rings } = nodeOf(scene, 1)
  const { table } = rings.view.stages
  const needed = new Map([[scene.cluster.memberOf(3), 'a lost directory']])
  const fields = { number: 2, parent: table.digest, ns: [3], without: [], needed }
  await scene.run(rings.commit(tableOf({ ...fields, ring: table.ring })))
  await scene.world.run(20_000)
  t.ok(rings.isFrozen)
  t.match(nodeOf(scene, 1).roundObstacle, /a table waits for members/)
})
