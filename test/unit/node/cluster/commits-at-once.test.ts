/** Operators who commit at two nodes at once: one ring, and both are told of it. */
import t from 'tap'
import { effectOf } from '../../../../src/cli/nodes/cluster-plan.ts'
import { Scene } from '../scene.ts'
import { BucketsScene } from './buckets-scene.ts'
import { ChangeOf, nodeOf, operatorAt, settled } from './operations-scene.ts'

/** The numbers of tables that gave way, as each node records them. */
function givenWay(scene: Scene): Map<number, number[]> {
  const told = new Map<number, number[]>()
  scene.world.trace.watch('ring-gave-way', ({ number }, machine) => {
    told.set(machine, [...(told.get(machine) ?? []), Number(number)])
  })
  return told
}

t.test('of two tables at once one is in effect, and the other gave way', async (t) => {
  const scene = await Scene.open({ nodes: 4, weights: [1, 1, 1, 0] })
  const told = givenWay(scene)
  const both = [await operatorAt(scene, 1), await operatorAt(scene, 2)] as const
  const [one, two] = both
  await one.change(ChangeOf.weight, 'n4', { weight: 1 })
  await scene.quiet()
  const plans = [await one.plan(), await two.plan({ splits: true })] as const
  const commits = both.map(({ operator, at }, i) =>
    operator.commit({ plan: plans[i as 0 | 1], splits: i === 1, at }),
  )
  const replies = await scene.run(Promise.all(commits))
  t.same(
    replies.map(({ number }) => number),
    [2, 2],
  )
  await settled(scene)
  const statuses = [await one.status(), await two.status()] as const
  const effects = replies.map((reply, i) => effectOf(reply, statuses[i as 0 | 1]))
  t.same(new Set(effects), new Set(['in effect', 'gave way']))
  const loser = effects.indexOf('gave way') + 1
  t.same([...told], [[loser, [2]]], 'the node that had adopted the other records it')
  const digests = [1, 2, 3, 4].map((node) => nodeOf(scene, node).rings.view.adopted.digest.hi)
  t.equal(new Set(digests).size, 1)
})

t.test('two tables of two halves that name each other as dead', async (t) => {
  const scene = await Scene.open({ nodes: 4 })
  const told = givenWay(scene)
  const at = new BucketsScene(scene)
  const [one, four] = [await operatorAt(scene, 1), await operatorAt(scene, 4)]
  t.notOk((await one.status()).newest.isOutdated)
  await at.split([1, 2])
  const commits = [
    await one.commit({ without: ['n3', 'n4'], isForced: true }),
    await four.commit({ without: ['n1', 'n2'], isForced: true }),
  ] as const
  await scene.quiet()
  t.equal(effectOf(commits[0], await one.status()), 'in effect')
  t.equal(effectOf(commits[1], await four.status()), 'in effect')
  await at.heal()
  await settled(scene)
  const statuses = [await one.status(), await four.status()] as const
  const effects = commits.map((commit, i) => effectOf(commit, statuses[i as 0 | 1]))
  t.same(new Set(effects), new Set(['in effect', 'gave way']))
  const losers = effects[0] === 'gave way' ? [1, 2] : [3, 4]
  t.same(new Set(told.keys()), new Set(losers))
  t.same([...told.values()], [[2], [2]])
  for (const { newest } of statuses) t.ok(newest.isOutdated, 'living members own nothing')
  await one.commit()
  await settled(scene)
  t.notOk((await four.status()).newest.isOutdated)
})
