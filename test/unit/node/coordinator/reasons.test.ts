/** The reasons of failures through real nodes: the right code, and what is known beside it. */
import t from 'tap'
import type { OperatingError } from '../../../../src/base/errors.ts'
import {
  CALLS_PER_CONNECTION_MAX,
  OVERLOAD_RETRY_MS,
  SIBLINGS_MAX,
} from '../../../../src/limits.ts'
import { nameOf, type NodeSession, putOf, replyOf, Scene, verdictOf } from '../scene.ts'

const KEY = 'cart'
const SEGMENT = '00000001.seg'
/** In the first record's object: behind the heads of segment and record, the names and the note. */
const OBJECT_PLACE = 32 + 92 + 'default'.length + KEY.length + 15 + 8

/** Node 1 with as many calls in flight to each of the others as a connection takes. */
async function crowded(scene: Scene): Promise<NodeSession> {
  const session = await scene.session(1)
  for (const other of [2, 3]) scene.world.pause(other)
  const puts = Array.from({ length: CALLS_PER_CONNECTION_MAX }, (_, i) =>
    session.begin('put', putOf(`key-${i}`, 'x', { w: 1, deadlineMs: 20_000 })),
  )
  for (const answer of await scene.run(Promise.all(puts))) replyOf(answer)
  return session
}

t.test('too many calls to the others are told as overload, and nothing is applied', async (t) => {
  const scene = await Scene.open()
  const session = await crowded(scene)
  const ids = [2, 3].map((machine) => scene.cluster.memberOf(machine))
  const details = {
    needed: 2,
    answered: 1,
    nodes: ids.map((node) => ({ node, code: 'overloaded' })),
    retryAfterMs: OVERLOAD_RETRY_MS,
  }
  const put = await session.put(KEY, 'a')
  t.match(put, { code: 'overloaded', certainty: 'refused', isRetryable: true, details })
  t.match(await session.get(KEY), { code: 'overloaded', details })
  t.equal(verdictOf(await session.put('other', 'b', { w: 1 })), 'ok', 'one owner is enough')
  for (const other of [2, 3]) scene.world.resume(other)
  await scene.quiet()
  t.strictSame(replyOf(await session.get(KEY, 3)).siblings, [])
  t.equal(verdictOf(await session.put(KEY, 'c', { w: 3 })), 'ok', 'and the overload passes')
})

t.test('puts that fill the connections at once are done or refused, none in doubt', async (t) => {
  const scene = await Scene.open()
  const sessions = [await scene.session(1), await scene.session(1)]
  const keys = Array.from({ length: 1_000 }, (_, i) => `key-${i}`)
  const asked = sessions.flatMap((session, i) =>
    keys.map((key) => session.begin('put', putOf(`${key}-${i}`, 'x', { w: 3 }))),
  )
  const verdicts = (await scene.run(Promise.all(asked))).map(verdictOf)
  t.same([...new Set(verdicts)].sort(), ['ok', 'overloaded refused'])
  t.ok(verdicts.filter((verdict) => verdict === 'ok').length >= CALLS_PER_CONNECTION_MAX)
})

t.test('a copy that has rotted is told as such, where it is the only one', async (t) => {
  const scene = await Scene.open({ nodes: 1, quorums: { n: 1, r: 1, w: 1 } })
  replyOf(await (await scene.session(1)).put(KEY, 'a'))
  await scene.run(scene.cluster.stop(1))
  scene.world.disk(1).rot('/data', SEGMENT, OBJECT_PLACE)
  await scene.run(scene.cluster.start(1))
  const answer = await (await scene.session(1)).get(KEY)
  const nodes = [{ node: scene.cluster.memberOf(1), code: 'record-rotten' }]
  t.match(answer, { code: 'record-rotten', details: { needed: 1, answered: 0, nodes } })
})

t.test('an owner that is being rebuilt is told as such, where all must answer', async (t) => {
  const scene = await Scene.open({ partitions: 4 })
  replyOf(await (await scene.session(1)).put(KEY, 'a', { w: 3 }))
  scene.cluster.crashAndWipe(1)
  scene.world.cut(1, 2)
  await scene.run(scene.cluster.start(1))
  await scene.quiet()
  const session = await scene.session(3)
  // A connection that was open when node 1 ended is noticed when it is used.
  await session.get(KEY, 3)
  await scene.quiet()
  const nodes = [{ node: scene.cluster.memberOf(1), code: 'replica-rebuilding' }]
  const details = { needed: 3, nodes }
  t.match(await session.get(KEY, 3), { code: 'replica-rebuilding', details })
  t.equal(verdictOf(await session.get(KEY, 2)), 'ok')
})

t.test('a failure tells how many answered, and why each of the others did not', async (t) => {
  const scene = await Scene.open()
  const session = await scene.session(1)
  const [two, three] = [scene.cluster.memberOf(2), scene.cluster.memberOf(3)]
  scene.cluster.kill(2)
  await scene.quiet()
  scene.world.cut(1, 3)
  const nodes = [
    { node: two, code: 'peer-away' },
    { node: three, code: 'deadline-passed' },
  ]
  const put = await session.put(KEY, 'a', { deadlineMs: 300 })
  t.match(put, { code: 'write-in-doubt', details: { needed: 2, answered: 1, nodes } })
  const get = {
    name: nameOf(KEY),
    r: 0,
    deadlineMs: 300,
    strict: true,
    monotonic: false,
    receipts: [],
  }
  const late = { needed: 2, answered: 1, nodes: { length: 2 } }
  t.match(await session.ask('get', get), { code: 'deadline-passed', details: late })
})

t.test('what an owner says of a put reaches the client through another node', async (t) => {
  const scene = await Scene.open({ nodes: 4 })
  const { owners, others } = scene.placeOf(KEY)
  const away = owners.slice(1)
  for (const owner of away) scene.cluster.kill(owner)
  await scene.quiet()
  const session = await scene.session(others[0] as number)
  const nodes = away.map((owner) => ({ node: scene.cluster.memberOf(owner), code: 'peer-away' }))
  const answer = await session.put(KEY, 'a', { w: 3 })
  t.match(answer, { code: 'replicas-short', details: { needed: 3, answered: 2, nodes } })
  scene.cluster.kill(owners[0] as number)
  await scene.quiet()
  const none = await session.put(KEY, 'a', { w: 2 })
  t.match(none, { details: { needed: 2, answered: 1, nodes: { length: 3 } } })
})

t.test('a limit that was reached is named, with its value', async (t) => {
  const scene = await Scene.open({ callsMax: 1 })
  const session = await scene.session(1)
  for (let i = 0; i < SIBLINGS_MAX; i++) replyOf(await session.put(KEY, `v${i}`))
  const full = { limit: { name: 'SIBLINGS_MAX', value: SIBLINGS_MAX } }
  t.match(await session.put(KEY, 'x'), { code: 'siblings-full', details: full })
  const gets = [0, 1].map(() =>
    session.begin('get', {
      name: nameOf(KEY),
      r: 2,
      deadlineMs: 0,
      strict: true,
      monotonic: false,
      receipts: [],
    }),
  )
  const [, second] = await scene.run(Promise.all(gets))
  const limit = { name: 'calls-max', value: 1 }
  t.match(second, { code: 'overloaded', details: { limit, retryAfterMs: OVERLOAD_RETRY_MS } })
})

t.test('H5: a put that lacks room for a hint says so', async (t) => {
  const scene = await Scene.open({ nodes: 5, hintBytes: 100 })
  const { owners, others } = scene.placeOf(KEY)
  for (const machine of owners.slice(0, 2)) scene.cluster.kill(machine)
  await scene.quiet()
  const session = await scene.session(owners[2] as number)
  const put = await session.put(KEY, 'x'.repeat(200), { deadlineMs: 1_000 })
  const full = others.map((machine) => scene.cluster.memberOf(machine)).sort()
  t.match(put, { code: 'write-in-doubt', message: /raise hint-bytes/ })
  const { nodes = [] } = (put as OperatingError).details ?? {}
  const ofFallbacks = nodes.filter(({ code }) => code === 'hints-full').map(({ node }) => node)
  t.same(ofFallbacks.sort(), full)
  t.equal(nodes.filter(({ code }) => code === 'peer-away').length, 2, 'the owners are told too')
})
