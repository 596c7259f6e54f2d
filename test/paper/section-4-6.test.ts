/** Dynamo 4.6: handling failures, hinted handoff. */
import t from 'tap'
import { OWN } from '../../src/dynamo/names.ts'
import { utf8Text } from '../../src/base/bytes.ts'
import { nameOf, replyOf, Scene, verdictOf } from '../unit/node/scene.ts'

const KEY = 'cart'
/** Longer than a delivery takes to be looked for, to fail and to begin again. */
const HAND_OFF_MS = 5_000
/** Enough for a log to need another file. */
const LONG_BYTES = 512 * 1024
const PUTS_TO_FILL = 20

async function five(): Promise<{ scene: Scene; owners: number[]; others: number[] }> {
  const scene = await Scene.open({ nodes: 5 })
  const { owners, others } = scene.placeOf(KEY)
  return { scene, owners: [...owners], others: [...others] }
}

/** Takes nodes away; they are known to be away afterwards. */
async function takeAway(scene: Scene, machines: readonly number[]): Promise<void> {
  for (const machine of machines) scene.cluster.kill(machine)
  await scene.quiet()
}

/** All hints: `holder>member keys`. */
function hintsIn(scene: Scene): string[] {
  return scene.cluster.machines.flatMap((machine) => {
    const hints = scene.cluster.node(machine)?.hints ?? []
    return hints.map(({ place, keys }) => {
      const member = scene.cluster.machines.find((one) => scene.cluster.memberOf(one) === place)
      return `${machine}>${member} ${keys}`
    })
  })
}

/** The values that one node's own copy has. */
async function ownValues(scene: Scene, machine: number): Promise<string[]> {
  const session = await scene.session(machine)
  const others = scene.cluster.machines.filter((one) => one !== machine)
  for (const other of others) scene.world.cut(machine, other)
  const answer = await session.get(KEY, 1)
  scene.world.heal()
  return replyOf(answer).siblings.map(utf8Text).sort()
}

// "all read and write operations are performed on the first N healthy nodes from the preference
// list, which may not always be the first N nodes encountered while walking the consistent hashing
// ring."
t.test('4.6: a put goes to the first N healthy nodes', async (t) => {
  const { scene, owners, others } = await five()
  await takeAway(scene, owners.slice(1))
  const session = await scene.session(owners[0] as number)
  t.equal(verdictOf(await session.put(KEY, 'a', { w: 3 })), 'ok', 'three nodes hold it')
  const hints = hintsIn(scene).map((hint) => hint.split(/[> ]/).map(Number))
  const sorted = (numbers: readonly (number | undefined)[]): unknown[] =>
    numbers.toSorted((a = 0, b = 0) => a - b)
  t.strictSame(sorted(hints.map(([holder]) => holder)), sorted(others), 'each fallback one')
  t.strictSame(sorted(hints.map(([, member]) => member)), sorted(owners.slice(1)))
})

// "The replica sent to D will have a hint in its metadata that suggests which node was the intended
// recipient of the replica (in this case A)."
t.test('4.6: a hint is kept apart from the own copies of its holder', async (t) => {
  const { scene, owners } = await five()
  await takeAway(scene, owners.slice(0, 1))
  const session = await scene.session(owners[1] as number)
  replyOf(await session.put(KEY, 'a', { w: 3 }))
  const [holding] = hintsIn(scene)
  t.match(holding, new RegExp(`>${owners[0]} 1$`))
  const holder = scene.cluster.node(Number(holding?.split('>')[0]))
  t.same(
    holder?.hints.map(({ place }) => place === OWN),
    [false],
  )
})

// "Upon detecting that A has recovered, D will attempt to deliver the replica to A. Once the
// transfer succeeds, D may delete the object from its local store without decreasing the total
// number of replicas in the system."
t.test('4.6: a hint is delivered when its member is back, and then removed', async (t) => {
  const { scene, owners } = await five()
  await takeAway(scene, owners.slice(0, 1))
  const session = await scene.session(owners[1] as number)
  for (const value of ['a', 'b']) replyOf(await session.put(KEY, value))
  t.equal(hintsIn(scene).length, 1, 'two writes of a key are one hint')
  await scene.run(scene.cluster.start(owners[0] as number))
  await scene.world.run(HAND_OFF_MS)
  t.strictSame(hintsIn(scene), [])
  t.strictSame(await ownValues(scene, owners[0] as number), ['a', 'b'])
})

// "Using hinted handoff, Dynamo ensures that the read and write operations are not failed due to
// temporary node or network failures. Applications that need the highest level of availability can
// set W to 1, which ensures that a write is accepted as long as a single node in the system has
// durably written the key it to its local store."
t.test('4.6: with two or all owners away every write is taken', async (t) => {
  for (const away of [2, 3]) {
    const { scene, owners, others } = await five()
    const gone = owners.slice(0, away)
    await takeAway(scene, gone)
    for (const machine of others) {
      const session = await scene.session(machine)
      t.equal(verdictOf(await session.put(KEY, `${machine}`)), 'ok', `${away} away, at ${machine}`)
      t.equal(verdictOf(await session.put(KEY, `${machine}, one`, { w: 1 })), 'ok')
    }
    for (const machine of gone) await scene.run(scene.cluster.start(machine))
    await scene.world.run(HAND_OFF_MS)
    t.strictSame(hintsIn(scene), [])
    const wanted = others.flatMap((machine) => [`${machine}`, `${machine}, one`]).sort()
    // Two fallbacks keep hints for two owners; reads bring the third one up to date.
    for (const owner of gone.slice(0, 2)) t.strictSame(await ownValues(scene, owner), wanted)
    replyOf(await (await scene.session(gone[0] as number)).get(KEY, 3))
    await scene.world.run(1_000)
    for (const owner of gone) t.strictSame(await ownValues(scene, owner), wanted)
  }
})

t.test(
  'W counts machines that are alive: more than there are is refused, and not applied',
  async (t) => {
    const { scene, owners, others } = await five()
    await takeAway(scene, [...owners, others[1] as number])
    const session = await scene.session(others[0] as number)
    t.equal(verdictOf(await session.put(KEY, 'a', { w: 2 })), 'replicas-short refused')
    t.equal(verdictOf(await session.put(KEY, 'b', { w: 1 })), 'ok')
    for (const owner of owners) await scene.run(scene.cluster.start(owner))
    await scene.world.run(HAND_OFF_MS)
    t.strictSame(await ownValues(scene, owners[0] as number), ['b'])
  },
)

t.test('an owner that is silent and not known to be away has a hint at once', async (t) => {
  const { scene, owners, others } = await five()
  const session = await scene.session(owners[0] as number)
  scene.world.pause(owners[1] as number)
  scene.world.pause(owners[2] as number)
  const began = scene.world.nowMs
  t.equal(verdictOf(await session.put(KEY, 'a', { deadlineMs: 450 })), 'ok')
  t.ok(scene.world.nowMs - began < 200, 'fallbacks are asked after 150 ms at the latest')
  for (const owner of owners.slice(1)) scene.world.resume(owner)
  await scene.world.run(HAND_OFF_MS)
  t.strictSame(hintsIn(scene), [])
  t.equal(others.length, 2)
})

// basho/riak_core#154: what sends hints woke only when a request for the partition came.
t.test('H1: hints are delivered after the holder has restarted, without any request', async (t) => {
  const { scene, owners } = await five()
  const [a, b] = owners as [number, number]
  await takeAway(scene, [a])
  replyOf(await (await scene.session(b)).put(KEY, 'a', { w: 3 }))
  const holder = Number(hintsIn(scene)[0]?.split('>')[0])
  scene.cluster.crash(holder)
  await scene.run(scene.cluster.start(a))
  await scene.run(scene.cluster.start(holder))
  await scene.world.run(HAND_OFF_MS)
  t.strictSame(hintsIn(scene), [])
  t.strictSame(await ownValues(scene, a), ['a'])
})

// riak_kv#847: a delivery that failed once was not tried again until a restart.
t.test('H1: a delivery that fails is begun again until it succeeds', async (t) => {
  const { scene, owners } = await five()
  const [a, b] = owners as [number, number]
  await takeAway(scene, [a])
  replyOf(await (await scene.session(b)).put(KEY, 'a', { w: 3 }))
  const holder = Number(hintsIn(scene)[0]?.split('>')[0])
  await scene.run(scene.cluster.start(a))
  for (let i = 0; i < 3; i++) {
    scene.world.cutOneWay(a, holder)
    await scene.world.run(2_000)
    t.equal(hintsIn(scene).length, 1, 'without its acknowledgement the hint stays')
    scene.world.heal()
    scene.world.pause(a)
    await scene.world.run(500)
    scene.world.resume(a)
  }
  await scene.world.run(2 * HAND_OFF_MS)
  t.strictSame(hintsIn(scene), [])
})

// scylladb#8137: full hints were waited for, and nothing could make room.
t.test(
  'H5: a node that is full of hints refuses, and goes on delivering and stopping',
  async (t) => {
    const scene = await Scene.open({ nodes: 4, hintBytes: 3_000 })
    const { owners, others } = scene.placeOf(KEY)
    const [a, b] = owners as [number, number]
    const [fallback] = others as [number]
    await takeAway(scene, [a])
    const session = await scene.session(b)
    const verdicts = new Set<string>()
    let taken = 0
    for (let i = 0; i < 60; i++) {
      const verdict = verdictOf(await session.put(KEY, 'x'.repeat(100), { w: 3, deadlineMs: 400 }))
      if (verdict === 'ok') taken += 1
      verdicts.add(verdict)
    }
    t.ok(taken > 3 && taken < 60, `${taken} taken`)
    t.strictSame([...verdicts].sort(), ['ok', 'write-in-doubt in-doubt'])
    const bytes = scene.figure(fallback, 'hint_bytes')
    t.ok(bytes <= 3_000 + 500, `${bytes} bytes`)
    t.equal(verdictOf(await session.put(KEY, 'two are enough', { w: 2 })), 'ok')
    await scene.run(scene.cluster.stop(fallback))
    await scene.run(scene.cluster.start(fallback))
    await scene.run(scene.cluster.start(a))
    await scene.world.run(HAND_OFF_MS)
    t.strictSame(hintsIn(scene), [])
    await takeAway(scene, [a])
    t.equal(verdictOf(await session.put('other', 'y', { w: 3 })), 'ok', 'there is room again')
  },
)

t.test('H3: a holder or member that crashes during a delivery loses nothing', async (t) => {
  for (let step = 0; step < 16; step++) {
    const { scene, owners } = await five()
    const [a, b] = owners as [number, number]
    await takeAway(scene, [a])
    replyOf(await (await scene.session(b)).put(KEY, 'a', { w: 3 }))
    const holder = Number(hintsIn(scene)[0]?.split('>')[0])
    await scene.run(scene.cluster.start(a))
    await scene.world.run(step * 60)
    const crashed = step % 2 === 0 ? holder : a
    scene.cluster.crash(crashed)
    await scene.run(scene.cluster.start(crashed))
    await scene.world.run(2 * HAND_OFF_MS)
    if (hintsIn(scene).length > 0) t.fail(`step ${step}: ${hintsIn(scene).join()}`)
    const values = await ownValues(scene, a)
    if (values.join() !== 'a') t.fail(`step ${step}: ${values.join()}`)
  }
  t.pass('at sixteen moments')
})

t.test('H9: a chain of failures, all return, and all copies are equal', async (t) => {
  const scene = await Scene.open({ nodes: 7 })
  const { owners, others } = scene.placeOf(KEY)
  await takeAway(scene, [...owners.slice(0, 2)])
  const session = await scene.session(owners[2] as number)
  replyOf(await session.put(KEY, 'a', { w: 3 }))
  const holders = hintsIn(scene).map((one) => Number(one.split('>')[0]))
  await takeAway(scene, holders)
  replyOf(await session.put(KEY, 'b', { w: 3 }))
  t.equal(nameOf(KEY).key.length, KEY.length)
  for (const machine of [...owners.slice(0, 2), ...holders]) {
    await scene.run(scene.cluster.start(machine))
  }
  await scene.world.run(2 * HAND_OFF_MS)
  t.strictSame(hintsIn(scene), [])
  for (const owner of owners) t.strictSame(await ownValues(scene, owner), ['a', 'b'])
  t.equal(others.length, 4)
})

t.test('S9: where owners can make no file their fallbacks take over, until they can', async (t) => {
  const { scene, owners } = await five()
  const blocked = owners.slice(1)
  for (const machine of blocked) {
    scene.world.disk(machine).arm({ call: 'create', code: 'EROFS', times: 1_000_000 })
  }
  const session = await scene.session(owners[0] as number)
  const isBlocked = (): boolean =>
    blocked.every((machine) => hintsIn(scene).some((hint) => hint.includes(`>${machine} `)))
  let puts = 0
  for (; puts < PUTS_TO_FILL && !isBlocked(); puts++) {
    const put = session.put(KEY, `${puts}`.padEnd(LONG_BYTES, '.'), { w: 3, replace: 'seen' })
    t.equal(verdictOf(await put), 'ok', `put ${puts}`)
  }
  t.ok(isBlocked(), 'both owners refuse')
  for (const machine of blocked) scene.world.disk(machine).disarm()
  await scene.world.run(HAND_OFF_MS)
  t.strictSame(hintsIn(scene), [])
  for (const owner of owners) {
    t.strictSame(await ownValues(scene, owner), [`${puts - 1}`.padEnd(LONG_BYTES, '.')])
  }
})
