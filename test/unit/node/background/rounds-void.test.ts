/** What makes a round void, and who is refused: late writes, other openers, steps of old rounds. */
import t from 'tap'
import type { RequestKind } from '../../../../src/wire/message/table.ts'
import type { Answer } from '../../../../src/wire/session.ts'
import { RoundStep } from '../../../../src/wire/message/peer.ts'
import { nameOf, replyOf, verdictOf } from '../scene.ts'
import { u64 } from '../../../../src/base/u64.ts'
import type { RingDigest } from '../../../../src/dynamo/ring/ring.ts'
import { BUCKET_ID } from '../../../../src/store/conformance/subject.ts'
import { ROUND_LIMIT_MS, RoundsScene } from './rounds-scene.ts'

const N = 3

/** Lets time pass until the next round opens. */
async function opened(scene: RoundsScene): Promise<void> {
  const { trace } = scene.world
  const before = trace.count('round-opened')
  t.ok(await scene.world.runUntil(() => trace.count('round-opened') > before, ROUND_LIMIT_MS))
}

t.test('a member that restarts before the round is closed or covered voids it', async (t) => {
  for (const waitMs of [100, 990, 1_050]) {
    const scene = await RoundsScene.open()
    const session = await scene.session(1)
    await scene.putAll(session, ['k'])
    await scene.deleteAll(session, ['k'])
    await opened(scene)
    await scene.world.run(waitMs)
    await scene.restart(2)
    await scene.world.run(5_000)
    const { trace } = scene.world
    t.ok(trace.count('round-void') >= 1, `restarted after ${waitMs} ms`)
    await scene.keysAre(0)
  }
})

t.test('a member that restarts before it is asked to close keeps all from closing', async (t) => {
  const scene = await RoundsScene.open()
  let opener = 0
  scene.world.trace.watch('round-opened', (_, node) => (opener = node))
  await opened(scene)
  const standing = { known: 0, withClosing: true }
  const { highest } = replyOf(await scene.call(1, 'peerRounds', standing))
  await scene.restart(opener === 2 ? 3 : 2)
  await scene.world.run(2_000)
  t.ok(scene.world.trace.count('round-void') >= 1)
  // Another member may have named the new start as it opened: the floor would hold it as ended.
  for (const machine of [1, 2, 3]) {
    const { closed } = replyOf(await scene.call(machine, 'peerRounds', standing))
    t.ok(closed < highest, `node ${machine} has closed round ${closed} of ${highest}`)
  }
})

t.test('a write that arrives late is refused, and a hint brings nothing dead home', async (t) => {
  const scene = await RoundsScene.open()
  const session = await scene.session(1)
  await scene.putAll(session, ['k', 'other'])
  const { object } = await scene.copyAt(2, 'k')
  t.equal(verdictOf(await scene.send(2, 'k', object)), 'ok', 'it is carried there')
  await scene.deleteAll(session, ['k'])
  await scene.keysAre(1)
  const late = await scene.send(2, 'k', object)
  t.equal(verdictOf(late), 'write-late refused')
  t.strictSame(
    replyOf(await scene.bringHome(2, { k: object })),
    { refusals: [undefined] },
    'it has come home before',
  )
  t.notOk((await scene.copyAt(2, 'k')).isFound)
  t.equal(scene.figure(2, 'writes_late_total'), 1)
  await scene.rounds()
  await scene.keysAre(1)
  t.equal(replyOf(await session.get('k', N)).siblings.length, 0)
  await scene.restart(2)
  await scene.quiet()
  t.equal(verdictOf(await scene.send(2, 'k', object)), 'write-late refused', 'for ever')
})

t.test('a member takes part in one round, and in no step of one that it left', async (t) => {
  const scene = await RoundsScene.open({ roundMs: 60_000 })
  // A member that has just started takes part in none.
  await scene.world.run(6_000)
  const { highest } = replyOf(await scene.call(1, 'peerRounds', { known: 0, withClosing: true }))
  const first = await scene.call(1, 'peerOpenRound', { number: highest + 1, last: highest })
  t.equal(verdictOf(first), 'ok')
  const second = await scene.call(1, 'peerOpenRound', { number: highest + 2, last: highest })
  t.match(second, { code: 'round-busy', isRetryable: true })
  const step = (number: number, of: RoundStep) => {
    const empty = { floor: undefined, forgotten: new Set<never>(), starts: new Map<never, never>() }
    return scene.call(1, 'peerStepRound', { number, step: of, ...empty })
  }
  t.match(await step(highest + 2, RoundStep.close), { code: 'round-left' })
  t.equal(verdictOf(await step(highest + 1, RoundStep.void)), 'ok')
  t.match(await step(highest + 1, RoundStep.cover), { code: 'round-left' })
})

t.test('hints are handed over before a round ends, and no value is lost', async (t) => {
  const scene = await RoundsScene.open({ nodes: 4 })
  const { owners, others } = scene.placeOf('k')
  const [first = 1, second = 2, third = 3] = owners
  const session = await scene.session(first)
  scene.cluster.kill(third)
  await scene.quiet()
  replyOf(await session.put('k', 'value', { w: N }))
  const fallback = others[0] ?? 4
  t.equal(scene.cluster.node(fallback)?.hints.length, 1)
  await scene.run(scene.cluster.start(third))
  await scene.rounds()
  t.ok((await scene.copyAt(third, 'k')).isFound)
  t.same(scene.cluster.node(fallback)?.hints ?? [], [])
  t.ok((await scene.copyAt(second, 'k')).isFound)
})

t.test('a message about rounds or exchanges that names other owners is refused', async (t) => {
  const scene = await RoundsScene.open()
  const rest = { ring: u64<RingDigest>(1, 2), deadlineMs: 1_000 }
  const step = { number: 1, step: RoundStep.void, floor: undefined }
  const none = { forgotten: new Set<never>(), starts: new Map<never, never>() }
  const keys = [{ name: nameOf('k'), bucketId: BUCKET_ID }]
  const hints = [{ name: nameOf('k'), bucketId: BUCKET_ID, object: new Uint8Array(8) }]
  const answers = [
    scene.asPeer(1, 'peerObjects', { ...rest, keys }),
    scene.asPeer(1, 'peerHints', { ...rest, hints }),
    scene.asPeer(1, 'peerOpenRound', { ...rest, number: 1, last: 0 }),
    scene.asPeer(1, 'peerStepRound', { ...rest, ...step, ...none }),
    scene.asPeer(1, 'peerRanges', { ...rest, round: 1, keys: [], agreed: new Map() }),
  ]
  for (const answer of answers) {
    t.equal(verdictOf(await scene.run<Answer<RequestKind>>(answer)), 'ring-differs refused')
  }
})
