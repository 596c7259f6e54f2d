import t from 'tap'
import {
  type MemberRecord,
  memberRecord,
  MemberState,
} from '../../../../src/dynamo/membership/member-record.ts'
import { nodeId } from '../../../../src/dynamo/names.ts'
import { Scene } from '../scene.ts'
import { ChangeOf, nodeOf, operatorAt, refusal, settled } from './operations-scene.ts'

/** The names of the members that are so. */
function named<Flag extends string>(
  members: readonly (Readonly<Record<Flag, boolean>> & { readonly name: string })[],
  flag: Flag,
): readonly string[] {
  return members.filter((one) => one[flag]).map(({ name }) => name)
}

const SPARE = { nodes: 4, weights: [1, 1, 1, 0] } as const

t.test('a member gets a weight, is planned for, and fills its share', async (t) => {
  const scene = await Scene.open(SPARE)
  const one = await operatorAt(scene, 1)
  t.match(await one.plan(), { isSame: true, number: 2, moves: [{ n: 3, moves: 0 }] })
  t.match(await refusal(one.commit()), {
    code: 'nothing-to-commit',
    message: /the ring in effect is what/,
  })
  t.match(await one.change(ChangeOf.weight, 'n4', { weight: 1 }), { name: 'n4', weight: 1 })
  const plan = await one.plan()
  const { moves, replicas } = plan.moves[0] ?? { moves: 0, replicas: 0 }
  t.match(plan, { isSame: false, moves: [{ before: 3, during: 3, after: 3 }] })
  t.equal(moves, replicas / 4)
  t.ok(plan.members.every(({ isNeeded, isUnmet, isDead }) => isNeeded && !isUnmet && !isDead))
  t.same(plan.losses, [])
  t.same(
    plan.members.map(({ name, owns, willOwn }) => [name, owns, willOwn]),
    ['n1', 'n2', 'n3', 'n4'].map((name) => [name, name === 'n4' ? 0 : replicas / 3, replicas / 4]),
  )
  t.match(await one.commit({ plan }), { number: 2 })
  t.match(await one.commit({ plan }), { number: 2 }, 'its answer was lost: it is asked again')
  await settled(scene)
  const status = await one.status()
  t.match(status, {
    inEffect: { number: 2 },
    newest: { number: 2 },
    movesLeft: 0,
    movesDone: moves,
  })
  t.ok(status.movesPerSecond > 0)
  t.match(status.members[3], { name: 'n4', owns: replicas / 4, fills: 0, leaves: 0 })
})

t.test('a member leaves, and may take that back before the commit', async (t) => {
  const scene = await Scene.open({ nodes: 4 })
  const two = await operatorAt(scene, 2)
  t.match(await two.change(ChangeOf.leave, 'n1'), { state: 'leaving' })
  t.match(await two.change(ChangeOf.leave, 'n1'), { state: 'leaving' }, 'once more')
  t.match(await two.plan(), { isSame: false })
  t.match(await two.change(ChangeOf.stay, 'n1'), { state: 'joined' })
  t.match(await two.plan(), { isSame: true })
  await two.change(ChangeOf.leave, 'n1')
  await two.commit()
  await settled(scene)
  await scene.world.run(5_000)
  const { members } = await two.status()
  t.same(
    members.map(({ name }) => name),
    ['n2', 'n3', 'n4'],
    'it holds nothing by then, and has gone by itself',
  )
})

t.test('a dead member is removed, and its places are filled', async (t) => {
  const scene = await Scene.open({ nodes: 4 })
  const one = await operatorAt(scene, 1)
  const alive = await refusal(one.change(ChangeOf.remove, 'n4'))
  t.match(alive, {
    code: 'would-not-survive',
    message: /^n4 is alive, and what only it holds would be lost: let it leave/,
  })
  scene.cluster.crash(4)
  await scene.quiet()
  t.match(await one.change(ChangeOf.remove, 'n4'), { state: 'gone' })
  const again = await refusal(one.change(ChangeOf.remove, 'n4'))
  t.match(again, { code: 'member-gone', message: /n4 is no member any more/ })
  const plan = await one.plan()
  t.same(named(plan.members, 'isDead'), ['n4'], 'one that is gone is dead for the plan')
  t.same(named(plan.members, 'isNeeded'), ['n1', 'n2', 'n3'])
  t.match(plan.moves, [{ before: 2, during: 2, after: 3 }])
  await one.commit({ plan })
  await settled(scene)
  t.match(await one.plan(), { isSame: true })
})

t.test('a member is replaced: it leaves, and the other gets its weight', async (t) => {
  const scene = await Scene.open({ nodes: 4, weights: [1, 1, 3, 0] })
  const one = await operatorAt(scene, 1)
  const self = await refusal(one.change(ChangeOf.leave, 'n3', { successor: 'n3' }))
  t.match(self, { code: 'member-unknown', message: /n3 cannot take the place/ })
  await one.change(ChangeOf.leave, 'n3', { successor: 'n4' })
  const { members } = await one.status()
  t.match(members[2], { state: 'leaving' })
  t.match(members[3], { state: 'joined', weight: 3 })
  const plan = await one.plan()
  const { moves, replicas } = plan.moves[0] ?? { moves: 0, replicas: 0 }
  t.equal(moves, replicas / 3, 'only what the other had')
})

t.test(
  'of a node that stops meanwhile a member is replaced as a whole, or not at all',
  async (t) => {
    const scene = await Scene.open({ nodes: 4, weights: [1, 1, 3, 0] })
    const one = await operatorAt(scene, 1)
    const { membership } = nodeOf(scene, 1)
    const change = membership.change.bind(membership)
    membership.change = async (...changed) => {
      await change(...changed)
      void membership.stop()
    }
    const { code } = await refusal(one.change(ChangeOf.leave, 'n3', { successor: 'n4' }))
    const [leaver, successor] = [3, 4].map((machine) => {
      return membership.recordOf(scene.cluster.memberOf(machine))
    })
    t.same([code, leaver?.state, successor?.weight], ['done', MemberState.leaving, 3])
  },
)

t.test('a member that seems dead is no machine for what a leave would leave', async (t) => {
  const DEAD_MS = 120_000
  for (const [nodes, isRefused] of [
    [4, true],
    [5, false],
  ] as const) {
    const scene = await Scene.open({ nodes })
    const one = await operatorAt(scene, 1)
    scene.cluster.crash(nodes)
    await scene.world.run(DEAD_MS)
    const refused = await refusal(one.change(ChangeOf.leave, 'n2'))
    if (isRefused) {
      t.match(refused, { code: 'would-not-survive', message: /on 2 machines; n4 seems dead/ })
      const forced = await one.change(ChangeOf.leave, 'n2', { isForced: true })
      t.match(forced, { state: 'leaving' })
    } else t.equal(refused.code, 'done')
  }
})

t.test('M4: a leave after which too little would be left needs force', async (t) => {
  const scene = await Scene.open({ nodes: 3 })
  const one = await operatorAt(scene, 1)
  const refused = await refusal(one.change(ChangeOf.leave, 'n3'))
  t.match(refused, {
    code: 'would-not-survive',
    message: /.*copies of buckets with N=3 would be on 2 machines/,
  })
  t.match(await one.change(ChangeOf.leave, 'n3', { isForced: true }), { state: 'leaving' })
  const plan = await one.plan()
  t.match(plan.losses, [/on 2 machines/])
  t.match(await refusal(one.commit({ plan })), { code: 'would-not-survive' })
  t.match(await one.commit({ plan, isForced: true }), { number: 2 })
  await settled(scene)
  const more = await refusal(one.change(ChangeOf.leave, 'n2'))
  t.match(more, {
    code: 'would-not-survive',
    message: /.*one machine; .* one owner that lives, and W=2 of them must/,
  })
  for (const name of ['n1', 'n2']) {
    await one.change(ChangeOf.weight, name, { weight: 0 })
  }
  t.match(await refusal(one.plan()), {
    code: 'would-not-survive',
    message: /no member would own anything/,
  })
})

t.test('a commit of a plan that was overtaken is refused', async (t) => {
  const scene = await Scene.open(SPARE)
  const [one, two] = [await operatorAt(scene, 1), await operatorAt(scene, 2)]
  await one.change(ChangeOf.weight, 'n4', { weight: 1 })
  await scene.quiet()
  const stale = await two.plan()
  await one.change(ChangeOf.weight, 'n4', { weight: 2 })
  await scene.quiet()
  t.match(await refusal(two.commit({ plan: stale })), {
    code: 'ring-moved-on',
    message: /members have changed/,
  })
  const overtaken = await two.plan({ splits: true })
  await one.commit()
  await settled(scene)
  const refused = await refusal(two.commit({ plan: overtaken, splits: true }))
  t.match(refused, {
    code: 'ring-moved-on',
    message: /another table was committed .* the newest is number 2/,
  })
})

t.test('a table that waits is replaced, or taken back', async (t) => {
  const scene = await Scene.open(SPARE)
  const one = await operatorAt(scene, 1)
  const before = nodeOf(scene, 1).ring.digest
  scene.cluster.crash(3)
  await scene.quiet()
  await one.change(ChangeOf.weight, 'n4', { weight: 1 })
  await one.commit()
  await scene.quiet()
  const waiting = await one.status()
  t.match(waiting, { inEffect: { number: 1 }, newest: { number: 2 } })
  t.same(named(waiting.members, 'isMissing'), ['n3'])
  t.match(await one.plan(), { isPending: true, isSame: false, number: 3 })
  await one.commit({ without: ['n3'], isForced: true })
  await scene.quiet()
  const replaced = await one.status()
  t.match(
    replaced,
    { inEffect: { number: 3 }, newest: { number: 3 } },
    'it is not waited for any more',
  )

  await one.change(ChangeOf.weight, 'n4', { weight: 0 })
  await scene.run(scene.cluster.start(3))
  await settled(scene)
  scene.cluster.crash(2)
  await one.commit()
  await scene.quiet()
  const more = await one.status()
  t.match(more, { inEffect: { number: 3 }, newest: { number: 4 } })
  t.same(named(more.members, 'isMissing'), ['n2'])
  const back = { newest: more.newest.digest, at: one.at }
  t.match(await scene.run(one.operator.abort(back)), { number: 5 })
  t.match(await scene.run(one.operator.abort(back)), { number: 5 }, 'its answer was lost')
  await scene.run(scene.cluster.start(2))
  await settled(scene)
  t.match(await one.status(), { inEffect: { number: 5 }, newest: { number: 5 }, movesLeft: 0 })
  t.not(nodeOf(scene, 1).ring.digest.hi, before.hi)
  const old = { newest: replaced.newest.digest, at: one.at }
  t.match(await refusal(scene.run(one.operator.abort(old))), {
    code: 'ring-moved-on',
    message: /.* is number 5/,
  })
  t.match(await one.plan(), { isSame: false }, 'the records are as they were')
})

t.test('a member that the node never met keeps it from committing', async (t) => {
  const scene = await Scene.open({ nodes: 3 })
  const one = await operatorAt(scene, 1)
  const { membership } = nodeOf(scene, 1)
  const known = membership.recordOf(scene.cluster.memberOf(1)) as MemberRecord
  const id = nodeId('abababababababab')
  const joiner = memberRecord({ ...known, id, name: 'n9', host: '127.0.0.99', machine: 'm9' })
  await scene.run(membership.introduce(joiner))
  const plan = await one.plan()
  t.same(named(plan.members, 'isUnmet'), ['n9'])
  t.ok(named(plan.members, 'isNeeded').includes('n9'))
  t.match(await refusal(one.commit({ plan })), {
    code: 'peer-away',
    message: /this node has never met n9/,
  })
  t.match(
    await one.commit({ without: ['n9'] }).catch(String),
    /nothing-to-commit|the ring in effect/,
  )
})

t.test('members that are named wrongly', async (t) => {
  const scene = await Scene.open({ nodes: 3 })
  const one = await operatorAt(scene, 1)
  const unknown = await refusal(one.change(ChangeOf.weight, 'n9', { weight: 1 }))
  t.match(unknown, {
    code: 'member-unknown',
    message: /no member is named n9: the members are n1, n2/,
  })
  t.match(await refusal(one.plan({ without: ['n9'] })), { code: 'member-unknown' })
  t.match(await refusal(one.plan({ without: ['n1'] })), { message: /is the node that was asked/ })
  const id = scene.cluster.memberOf(2)
  t.match(await one.change(ChangeOf.weight, id, { weight: 2 }), { name: 'n2', weight: 2 })
  const heavy = await refusal(one.change(ChangeOf.weight, 'n2', { weight: 101 }))
  t.match(heavy, {
    code: 'message-garbled',
    message: /a weight is a number from 0 to 100, not 101/,
  })
})

t.test('a zone is changed at any node, and stays when its member restarts', async (t) => {
  const scene = await Scene.open({ nodes: 3 })
  const one = await operatorAt(scene, 1)
  t.match(await one.change(ChangeOf.zone, 'n2', { zone: 'north' }), { zone: 'north' })
  await scene.quiet()
  scene.cluster.crash(2)
  await scene.run(scene.cluster.start(2))
  await scene.quiet()
  const id = scene.cluster.memberOf(2)
  for (const machine of [1, 2, 3]) {
    const { membership } = nodeOf(scene, machine)
    t.match(membership.recordOf(id), { zone: 'north', state: MemberState.joined })
    t.equal(membership.view.counts.lies, 0)
  }
  t.match(await one.plan(), { isSame: false })
})

t.test('moves stop while they are paused', async (t) => {
  const scene = await Scene.open(SPARE)
  const [one, four] = [await operatorAt(scene, 1), await operatorAt(scene, 4)]
  t.match(await scene.run(four.operator.pause(true, { at: four.at })), { isPaused: true })
  await one.change(ChangeOf.weight, 'n4', { weight: 1 })
  const { moves } = await one.commit()
  await scene.world.run(20_000)
  t.match(await four.status(), { movesLeft: moves[0]?.moves, movesDone: 0, isPaused: true })
  t.match(await scene.run(four.operator.pause(false, { at: four.at })), { isPaused: false })
  await settled(scene)
  t.match(await four.status(), { movesLeft: 0, isPaused: false })
})

t.test('partitions double, and nothing moves', async (t) => {
  const scene = await Scene.open({ nodes: 3, partitions: 16 })
  const one = await operatorAt(scene, 1)
  const session = await scene.session(1)
  for (let i = 0; i < 20; i++) await session.put(`key${i}`, 'v', { w: 3 })
  const plan = await one.plan({ splits: true })
  t.match(plan, { isSame: false, partitionBits: 5, moves: [{ moves: 0 }] })
  await one.commit({ plan, splits: true })
  await settled(scene)
  t.equal(nodeOf(scene, 3).ring.partitionCount, 32)
  for (let i = 0; i < 20; i++) t.match(await session.get(`key${i}`, 3), { siblings: { length: 1 } })
})
