/** Puts through real nodes: acknowledged, refused or in doubt; a refused put never appears. */
import t from 'tap'
import { utf8Text } from '../../../../src/base/bytes.ts'
import type { RingDigest } from '../../../../src/dynamo/ring/ring.ts'
import { u64 } from '../../../../src/base/u64.ts'
import { OperatingError } from '../../../../src/base/errors.ts'
import type { Reply, Request } from '../../../../src/wire/message/table.ts'
import { isReply, nameOf, putOf, replyOf, Scene, verdictOf } from '../scene.ts'
import { BUCKET_ID } from '../../../../src/store/conformance/subject.ts'
import { OWN } from '../../../../src/dynamo/names.ts'

const KEY = 'cart'

function contextOf(answer: Reply<'put'> | Reply<'get'>): Uint8Array {
  return answer.context.slice()
}

t.test('Q1: a W that no bucket has is refused, and nothing is written', async (t) => {
  const scene = await Scene.open()
  const session = await scene.session(1)
  t.equal(verdictOf(await session.put(KEY, 'a', { w: 4 })), 'quorum-wrong refused')
  t.strictSame(replyOf(await session.get(KEY)).siblings, [])
})

t.test('Q2: too few owners is a refusal at once, and nothing was applied', async (t) => {
  const scene = await Scene.open()
  for (const machine of [2, 3]) scene.cluster.kill(machine)
  await scene.quiet()
  const session = await scene.session(1)
  const began = scene.world.nowMs
  t.equal(verdictOf(await session.put(KEY, 'a')), 'replicas-short refused')
  t.ok(scene.world.nowMs - began < 100, 'without waiting')
  t.equal(verdictOf(await session.put(KEY, 'b', { w: 1 })), 'ok', 'with W=1 it is taken')
  t.equal(verdictOf(await session.put(KEY, 'c', { w: 3 })), 'replicas-short refused')
  for (const machine of [2, 3]) await scene.run(scene.cluster.start(machine))
  await scene.quiet()
  const { siblings } = replyOf(await session.get(KEY, 3))
  t.equal(siblings.length, 1, 'a refused put never appears')
})

t.test('Q3, Q5: peers that say nothing until the deadline leave the write in doubt', async (t) => {
  const scene = await Scene.open()
  const session = await scene.session(1)
  for (const other of [2, 3]) scene.world.cut(1, other)
  const answer = await session.put(KEY, 'a', { deadlineMs: 300 })
  t.equal(verdictOf(answer), 'write-in-doubt in-doubt')
  scene.world.heal()
  await scene.quiet()
  t.equal(replyOf(await session.get(KEY, 3)).siblings.length, 1, 'and rightly so: it appears')
})

t.test('Q5: peers that vanish under a write leave it in doubt', async (t) => {
  const scene = await Scene.open()
  const session = await scene.session(1)
  for (const other of [2, 3]) scene.world.pause(other)
  const asked = session.begin('put', putOf(KEY, 'a'))
  await scene.world.run(20)
  for (const other of [2, 3]) scene.cluster.kill(other)
  t.equal(verdictOf(await scene.run(asked)), 'write-in-doubt in-doubt')
})

t.test('Q4: one owner that fails does not fail a met quorum', async (t) => {
  const scene = await Scene.open()
  scene.world.cut(1, 3)
  const session = await scene.session(1)
  const began = scene.world.nowMs
  t.equal(verdictOf(await session.put(KEY, 'a')), 'ok')
  t.ok(scene.world.nowMs - began < 100)
})

t.test('S7: a disk that fails a sync acknowledges nothing, and its node stops', async (t) => {
  const scene = await Scene.open()
  const session = await scene.session(1)
  replyOf(await session.put('warm', 'x', { w: 3 }))
  scene.world.disk(1).arm({ call: 'sync' })
  const failed = scene.cluster.node(1)?.failed
  const answer = await session.put(KEY, 'a', { w: 3, deadlineMs: 400 })
  t.ok(!isReply(answer) && answer.certainty === 'in-doubt', verdictOf(answer))
  t.ok((await scene.run(failed as Promise<OperatingError>)) instanceof OperatingError)
})

t.test('a disk that fails while no write waits stops its node too', async (t) => {
  const scene = await Scene.open({ disk: { syncMicros: [200_000, 200_000] } })
  const failed = scene.cluster.node(1)?.failed
  scene.world.disk(1).arm({ call: 'sync' })
  t.match(await scene.run(failed as Promise<OperatingError>), { code: 'disk-failed' })
})

t.test(
  'D12: contexts that were not made here for this key are refused, and harm nothing',
  async (t) => {
    const scene = await Scene.open()
    const session = await scene.session(1)
    replyOf(await session.put(KEY, 'a', { w: 3 }))
    replyOf(await session.put('other', 'b', { w: 3 }))
    const good = contextOf(replyOf(await session.get(KEY)))
    const foreign = contextOf(replyOf(await session.get('other')))
    const forged = good.slice()
    forged[20] = (forged[20] as number) ^ 1
    const unknown = good.slice()
    unknown[1] = (unknown[1] as number) ^ 1
    const huge = good.slice()
    huge.fill(0xff, 23 + 28, 23 + 34)
    const put = async (...contexts: Uint8Array[]): Promise<string> =>
      verdictOf(await session.put(KEY, 'x', { contexts }))
    t.equal(await put(foreign), 'context-foreign refused')
    t.equal(await put(forged), 'context-forged refused')
    t.equal(await put(huge), 'context-forged refused')
    t.equal(await put(unknown), 'context-key-unknown refused')
    t.equal(await put(good.subarray(1)), 'context-garbled refused')
    const elsewhere = await (await Scene.open({ seed: 2 })).session(1)
    const abroad = contextOf(replyOf(await elsewhere.put(KEY, 'a')))
    t.equal(await put(abroad), 'context-other-cluster refused', 'of the same name, of another key')
    t.equal(await put(good, foreign), 'context-foreign refused', 'one bad one refuses all')
    const { siblings } = replyOf(await session.get(KEY, 3))
    t.strictSame(siblings.map(String), [String(new TextEncoder().encode('a'))])
    t.equal(await put(good), 'ok')
    t.equal(replyOf(await session.get(KEY, 3)).siblings.length, 1)
  },
)

t.test('D7: blind puts never overwrite, on any coordinator', async (t) => {
  const scene = await Scene.open()
  for (const machine of [1, 2, 3]) {
    const session = await scene.session(machine)
    for (let i = 0; i < 3; i++) replyOf(await session.put(KEY, `${machine}-${i}`, { w: 3 }))
  }
  t.equal(replyOf(await (await scene.session(2)).get(KEY)).siblings.length, 9)
})

t.test('Q6: a request that is sent again, anywhere, leaves one sibling', async (t) => {
  const scene = await Scene.open()
  const put = putOf(KEY, 'once', { w: 3 })
  for (const machine of [1, 1, 2, 3, 2]) {
    replyOf(await (await scene.session(machine)).ask('put', put))
  }
  t.equal(replyOf(await (await scene.session(1)).get(KEY, 3)).siblings.length, 1)
})

t.test(
  'Q6: of one request that two owners took, a client that replaces it replaces both',
  async (t) => {
    const scene = await Scene.open()
    const put = putOf(KEY, 'once', { w: 1 })
    const sessions = [await scene.session(1), await scene.session(2)]
    const answers = sessions.map((session) => session.begin('put', put))
    await scene.run(Promise.all(answers))
    await scene.quiet()
    const read = replyOf(await sessions[0]!.get(KEY, 3))
    t.equal(read.siblings.length, 1)
    replyOf(await sessions[1]!.put(KEY, 'next', { w: 3, contexts: [contextOf(read)] }))
    t.equal(replyOf(await sessions[0]!.get(KEY, 3)).siblings.length, 1)
  },
)

t.test(
  'replace: seen replaces what the coordinator reads, and concurrent writes stay',
  async (t) => {
    const scene = await Scene.open()
    const session = await scene.session(1)
    replyOf(await session.put(KEY, 'a', { w: 3 }))
    replyOf(await session.put(KEY, 'b', { w: 3 }))
    replyOf(await session.put(KEY, 'c', { w: 3, replace: 'seen' }))
    t.equal(replyOf(await session.get(KEY, 3)).siblings.length, 1)
    const [one, two] = [await scene.session(2), await scene.session(3)]
    const both = [one, two].map((each, i) =>
      each.begin('put', putOf(KEY, `concurrent ${i}`, { replace: 'seen' })),
    )
    for (const answer of await scene.run(Promise.all(both))) replyOf(answer)
    await scene.quiet()
    t.equal(replyOf(await session.get(KEY, 3)).siblings.length, 2)
  },
)

t.test(
  'a delete with a context replaces what it covers, and T4: a concurrent write stays',
  async (t) => {
    const scene = await Scene.open()
    const session = await scene.session(1)
    replyOf(await session.put(KEY, 'a', { w: 3 }))
    const contexts = [contextOf(replyOf(await session.get(KEY)))]
    replyOf(await session.put(KEY, 'meanwhile', { w: 3 }))
    replyOf(await session.put(KEY, undefined, { w: 3, contexts }))
    const read = replyOf(await session.get(KEY, 3))
    t.equal(read.siblings.length, 1)
    t.equal(read.tombstones, 1)
    replyOf(await session.put(KEY, undefined, { w: 3, contexts: [contextOf(read)] }))
    const after = replyOf(await session.get(KEY, 3))
    t.match(after, { siblings: [], tombstones: 1 })
  },
)

t.test('a read for replace: seen that runs out of time refuses the write', async (t) => {
  const scene = await Scene.open()
  const session = await scene.session(1)
  for (const other of [2, 3]) scene.world.cut(1, other)
  const put = { replace: 'seen', strict: true, deadlineMs: 300 } as const
  t.equal(verdictOf(await session.put(KEY, 'a', put)), 'deadline-passed refused')
  scene.world.heal()
  await scene.quiet()
  t.strictSame(replyOf(await session.get(KEY, 3)).siblings, [])
})

t.test('a put whose time is up before it begins is not begun', async (t) => {
  const scene = await Scene.open()
  const session = await scene.session(1)
  const put = putOf(KEY, 'a', { replace: 'seen', deadlineMs: 300 })
  const asked = session.begin('put', put)
  await scene.world.runUntil(() => scene.total('peer_reads_total') > 0, 1_000)
  // What comes back from its read waits until long after the deadline, and is first in line.
  scene.world.pause(1)
  await scene.world.run(1_000)
  scene.world.resume(1)
  t.equal(verdictOf(await scene.run(asked)), 'deadline-passed refused')
  t.strictSame(replyOf(await session.get(KEY, 3)).siblings, [])
})

t.test('a bound on siblings refuses a client, and says how to go on', async (t) => {
  const scene = await Scene.open()
  const session = await scene.session(1)
  for (let i = 0; i < 64; i++) replyOf(await session.put(KEY, `v${i}`))
  t.equal(verdictOf(await session.put(KEY, 'one too many')), 'siblings-full refused')
  const contexts = [contextOf(replyOf(await session.get(KEY, 3)))]
  t.equal(verdictOf(await session.put(KEY, 'all in one', { contexts })), 'ok')
  t.equal(replyOf(await session.get(KEY, 3)).siblings.length, 1)
})

t.test('Q3: a put that a peer hands to a node which is no owner is refused', async (t) => {
  const scene = await Scene.open({ nodes: 5 })
  const { owners, others } = scene.placeOf(KEY)
  const ring = scene.cluster.digestFor(nameOf(KEY), BUCKET_ID.n)
  const [outsider, owner] = [others[0], owners[0]] as [number, number]
  const hand = async (machine: number, more: Partial<Request<'peerPut'>>): Promise<string> =>
    verdictOf(
      await scene.run(
        scene.asPeer(machine, 'peerPut', {
          ...putOf(KEY, 'a'),
          bucketId: BUCKET_ID,
          ring,
          ...more,
        }),
      ),
    )
  t.equal(await hand(outsider, {}), 'not-an-owner refused')
  t.equal(await hand(owner, { ring: u64(1, 2) }), 'ring-differs refused')
  t.equal(await hand(owner, {}), 'ok')
  const answer = await scene.run(scene.asPeer(owner, 'put', putOf(KEY, 'a')))
  t.equal(verdictOf(answer), 'kind-unknown refused', 'peers hand on no puts of clients as they are')
})

t.test('nodes with different lists of members refuse each other, and say so', async (t) => {
  const scene = await Scene.open({ nodes: 4 })
  const name = nameOf(KEY)
  const terms = { name, bucketId: BUCKET_ID, ring: u64<RingDigest>(1, 2), deadlineMs: 500 }
  const request = { ...terms, digestOnly: false, hints: false }
  const read = await scene.run(scene.asPeer(1, 'peerRead', request))
  t.equal(verdictOf(read), 'ring-differs refused')
  const write = { ...terms, object: new Uint8Array(8), place: OWN }
  t.equal(verdictOf(await scene.run(scene.asPeer(1, 'peerWrite', write))), 'ring-differs refused')
})

t.test('Q2: a strict put counts owners alone, others count distinct machines', async (t) => {
  const scene = await Scene.open({ nodes: 5 })
  const { owners, others } = scene.placeOf(KEY)
  for (const owner of owners.slice(1)) scene.cluster.kill(owner)
  await scene.quiet()
  for (const machine of [owners[0] as number, ...others]) {
    const session = await scene.session(machine)
    t.equal(verdictOf(await session.put(KEY, 'a', { strict: true })), 'replicas-short refused')
    t.equal(verdictOf(await session.put(KEY, 'b', { strict: true, w: 1 })), 'ok')
    t.equal(verdictOf(await session.put(KEY, 'c')), 'ok')
    t.equal(verdictOf(await session.put(KEY, 'd', { w: 3 })), 'ok', 'three machines live')
  }
  scene.cluster.kill(others[0] as number)
  await scene.quiet()
  const session = await scene.session(owners[0] as number)
  t.equal(verdictOf(await session.put(KEY, 'e', { w: 3 })), 'replicas-short refused', 'two live')
})

t.test('a put of all seen is taken where few owners can be read, or none', async (t) => {
  for (const away of [2, 3]) {
    const scene = await Scene.open({ nodes: 5 })
    const { owners, others } = scene.placeOf(KEY)
    const session = await scene.session(others[0] as number)
    replyOf(await session.put(KEY, 'old', { w: 3 }))
    for (const owner of owners.slice(0, away)) scene.cluster.kill(owner)
    await scene.quiet()
    const strict = await session.put(KEY, 'strict', { replace: 'seen', strict: true })
    t.equal(verdictOf(strict), 'replicas-short refused')
    const reply = replyOf(await session.put(KEY, 'new', { replace: 'seen' }))
    t.same([reply.answered, reply.needed], [3 - away, 2])
    for (const owner of owners.slice(0, away)) await scene.run(scene.cluster.start(owner))
    await scene.world.run(5_000)
    const values = replyOf(await session.get(KEY, 3))
      .siblings.map(utf8Text)
      .sort()
    t.strictSame(values, away === 2 ? ['new'] : ['new', 'old'], 'what was not read stays')
  }
})
