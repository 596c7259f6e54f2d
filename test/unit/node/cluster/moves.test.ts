/** Tables that are committed while nodes run, and the moves that follow. */
import t from 'tap'
import { equalU64 } from '../../../../src/base/u64.ts'
import { utf8Text } from '../../../../src/base/bytes.ts'
import type { OperatingError } from '../../../../src/base/errors.ts'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import { MemberState } from '../../../../src/dynamo/membership/member-record.ts'
import { planOf } from '../../../../src/dynamo/ring/plan.ts'
import type { RingDigest } from '../../../../src/dynamo/ring/ring.ts'
import type { Table } from '../../../../src/dynamo/ring/table.ts'
import type { RunningNode } from '../../../../src/node/node.ts'
import { nameOf, replyOf, Scene, verdictOf } from '../scene.ts'
import { BUCKET_ID } from '../../../../src/store/conformance/subject.ts'

const KEYS = 60
const SPARE = { nodes: 4, weights: [1, 1, 1, 0] } as const

function nodeOf(scene: Scene, machine: number): RunningNode {
  const node = scene.cluster.node(machine)
  if (node === undefined) throw new Error(`node ${machine} does not run`)
  return node
}

function running(scene: Scene): readonly RunningNode[] {
  return scene.cluster.machines.flatMap((machine) => scene.cluster.node(machine) ?? [])
}

/** The next table, in which the members have these weights; those without are dead. */
function tableFor(scene: Scene, weights: readonly number[], dead: readonly number[] = []): Table {
  const one = running(scene)[0] as RunningNode
  const parent = one.rings.view.adopted
  const without = dead.map((machine) => scene.cluster.memberOf(machine))
  const members = scene.cluster.machines.map((machine) => {
    const member = one.membership.recordOf(scene.cluster.memberOf(machine))
    if (member === undefined) throw new Error(`machine ${machine} has no record`)
    return { ...member, weight: weights[machine - 1] ?? 1 }
  })
  const needed = new Map<NodeId, string>()
  for (const machine of scene.cluster.machines) {
    const id = scene.cluster.memberOf(machine)
    if (!without.includes(id)) needed.set(id, nodeOf(scene, machine).directoryId)
  }
  const { bits } = parent.ring
  return planOf({ parent, members, needed, without, ns: [3], bits }).table
}

/** Writes all keys with this value, to all owners that are there. */
async function fill(scene: Scene, machine: number, value: string): Promise<void> {
  const session = await scene.session(machine)
  for (let i = 0; i < KEYS; i++) {
    const verdict = verdictOf(await session.put(`key${i}`, value, { w: 3, replace: 'seen' }))
    if (verdict !== 'ok') throw new Error(`key${i}: ${verdict}`)
  }
}

/** The values of all keys, read from `r` owners each. */
async function valuesNow(scene: Scene, machine: number, r: number): Promise<ReadonlySet<string>> {
  const session = await scene.session(machine)
  const found = new Set<string>()
  for (let i = 0; i < KEYS; i++) {
    const { siblings } = replyOf(await session.get(`key${i}`, r))
    found.add(siblings.map(utf8Text).join(' '))
  }
  return found
}

async function settled(scene: Scene): Promise<void> {
  for (let seconds = 0; seconds < 120; seconds += 3) {
    await scene.world.run(3_000)
    const nodes = running(scene)
    const [first] = nodes
    const isOver = nodes.every(({ rings, moves, ring }) => {
      const isDone = !rings.isFrozen && rings.view.stages.left === 0
      return isDone && moves.givesAway === 0 && ring.digest.hi === first?.ring.digest.hi
    })
    if (isOver) return
  }
  const told = running(scene).map(({ rings, moves }) => {
    return [rings.isFrozen, rings.view.stages.left, moves, rings.view.missing]
  })
  throw new Error(`the moves do not end: ${JSON.stringify(told)}`)
}

/** How many of the keys each node holds itself. */
function held(scene: Scene): readonly number[] {
  return scene.cluster.machines.map((machine) => nodeOf(scene, machine).durable.keys)
}

t.test('a member without places gets its share, and every key stays', async (t) => {
  const scene = await Scene.open(SPARE)
  await fill(scene, 1, 'before')
  t.strictSame(held(scene), [KEYS, KEYS, KEYS, 0])
  const table = tableFor(scene, [1, 1, 1, 1])
  await scene.run(nodeOf(scene, 1).rings.commit(table))
  await settled(scene)
  for (const { rings } of running(scene)) {
    t.strictSame(rings.view.stages.table.digest, table.digest)
  }
  t.strictSame([...(await valuesNow(scene, 4, 3))], ['before'])
  await fill(scene, 4, 'after')
  t.strictSame([...(await valuesNow(scene, 2, 3))], ['after'])
  const [one = 0, two = 0, three = 0, four = 0] = held(scene)
  t.equal(one + two + three + four, 3 * KEYS, 'each key is at three members, and nowhere else')
  t.ok(four > KEYS / 2)
})

t.test('a member gives all its places away while it is read and written', async (t) => {
  const scene = await Scene.open({ nodes: 4 })
  await fill(scene, 1, 'before')
  await scene.run(nodeOf(scene, 2).rings.commit(tableFor(scene, [0, 1, 1, 1])))
  await fill(scene, 1, 'during')
  await settled(scene)
  t.strictSame([...(await valuesNow(scene, 1, 3))], ['during'])
  t.strictSame(held(scene), [0, KEYS, KEYS, KEYS])
})

t.test('the places of a dead member are filled from the other owners', async (t) => {
  const scene = await Scene.open({ nodes: 4 })
  await fill(scene, 1, 'before')
  scene.cluster.crash(4)
  await scene.run(nodeOf(scene, 2).rings.commit(tableFor(scene, [1, 1, 1, 0], [4])))
  await settled(scene)
  t.strictSame([...(await valuesNow(scene, 1, 3))], ['before'])
})

t.test('a table takes effect when all that it needs have adopted it', async (t) => {
  const scene = await Scene.open(SPARE)
  await fill(scene, 1, 'before')
  const table = tableFor(scene, [1, 1, 1, 1])
  scene.cluster.crash(3)
  await scene.run(nodeOf(scene, 1).rings.commit(table))
  await scene.world.run(5_000)
  t.ok(nodeOf(scene, 1).rings.isFrozen)
  t.strictSame(nodeOf(scene, 1).rings.view.missing, [scene.cluster.memberOf(3)])
  await scene.run(scene.cluster.start(3))
  await settled(scene)
  t.strictSame([...(await valuesNow(scene, 4, 3))], ['before'])
})

t.test('a member that restarts is where it was', async (t) => {
  const scene = await Scene.open(SPARE)
  await fill(scene, 1, 'before')
  const table = tableFor(scene, [1, 1, 1, 1])
  await scene.run(nodeOf(scene, 1).rings.commit(table))
  await settled(scene)
  for (const machine of [1, 4]) {
    scene.cluster.crash(machine)
    await scene.run(scene.cluster.start(machine))
  }
  await scene.quiet()
  t.strictSame(nodeOf(scene, 4).rings.view.stages.table.digest, table.digest)
  t.strictSame([...(await valuesNow(scene, 4, 3))], ['before'])
})

t.test('a peer request that names other owners is refused', async (t) => {
  const scene = await Scene.open(SPARE)
  const digestNow = (key: string): RingDigest => scene.cluster.digestFor(nameOf(key), 3)
  const ask = async (key: string, ring: RingDigest): Promise<string> => {
    const copy = { name: nameOf(key), bucketId: BUCKET_ID, hints: true }
    const request = { ...copy, ring, digestOnly: false, deadlineMs: 500 }
    return verdictOf(await scene.run(scene.asPeer(1, 'peerRead', request)))
  }
  const keys = Array.from({ length: 20 }, (_, i) => `key${i}`)
  const before = new Map(keys.map((key) => [key, digestNow(key)]))
  await scene.run(nodeOf(scene, 1).rings.commit(tableFor(scene, [1, 1, 1, 1])))
  await settled(scene)
  const hasMoved = (key: string): boolean =>
    !equalU64(digestNow(key), before.get(key) as RingDigest)
  const isOwned = (key: string): boolean => scene.placeOf(key).owners.includes(1)
  const moved = keys.find((key) => hasMoved(key) && isOwned(key)) as string
  const still = keys.find((key) => !hasMoved(key) && isOwned(key)) as string
  t.equal(await ask(moved, before.get(moved) as RingDigest), 'ring-differs refused')
  t.equal(await ask(moved, digestNow(moved)), 'ok')
  t.equal(
    await ask(still, before.get(still) as RingDigest),
    'ok',
    'the table alone changes nothing',
  )
})

t.test('a member that is to leave goes by itself once it holds nothing', async (t) => {
  const scene = await Scene.open({ nodes: 4 })
  await fill(scene, 1, 'before')
  const id = scene.cluster.memberOf(4)
  const { leaving, gone } = MemberState
  const ended: unknown[] = []
  scene.cluster.onFailed = (machine, error) => ended.push([machine, (error as OperatingError).code])
  await scene.run(nodeOf(scene, 2).membership.change([id, { state: leaving }]))
  await scene.world.run(5_000)
  t.ok(scene.cluster.node(4), 'the ring still has it')
  const table = tableFor(scene, [1, 1, 1, 0])
  const members = table.ring.members.filter((member) => member.id !== id)
  const { parent, number, ns, without, needed } = table
  const { bits } = table.ring
  const at = nodeOf(scene, 1).rings.view.adopted
  t.strictSame([parent, number], [at.digest, at.number + 1])
  const plan = planOf({ parent: at, members, needed, without, ns, bits })
  await scene.run(nodeOf(scene, 1).rings.commit(plan.table))
  await scene.world.run(40_000)
  for (const machine of [1, 2, 3]) {
    t.equal(nodeOf(scene, machine).membership.recordOf(id)?.state, gone)
  }
  t.strictSame(ended, [[4, 'member-gone']])
  t.strictSame([...(await valuesNow(scene, 1, 3))], ['before'])
})
