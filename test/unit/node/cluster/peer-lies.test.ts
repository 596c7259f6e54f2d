/** A member that says what cannot be is a liar, and one that has lost something is not. */
import t from 'tap'
import { nodeId, startId } from '../../../../src/dynamo/names.ts'
import { ENDED } from '../../../../src/dynamo/repair/floor.ts'
import { NO_ROUND } from '../../../../src/dynamo/repair/round.ts'
import { Context } from '../../../../src/dynamo/version/context.ts'
import { decodeObject, encodeObject } from '../../../../src/dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../../../src/dynamo/version/object.ts'
import { PeerLies } from '../../../../src/node/cluster/peer-lies.ts'
import { Counters } from '../../../../src/node/counters.ts'
import { RoundStep } from '../../../../src/wire/message/peer.ts'
import { RoundsScene } from '../background/rounds-scene.ts'
import { replyOf, verdictOf } from '../scene.ts'

const [SELF, OTHER] = [nodeId('a'.repeat(16)), nodeId('b'.repeat(16))]
const [NOW, EARLIER, NEXT] = ['1', '2', '3'].map((digit) => startId(digit.repeat(16))) as [
  ReturnType<typeof startId>,
  ReturnType<typeof startId>,
  ReturnType<typeof startId>,
]

/** Of a node that has given nine dots in its present start. */
function bench() {
  const replica = { start: NOW, counter: 9, drawn: [] as string[] }
  const drawNewStart = (reason: string): void => void replica.drawn.push(reason)
  const counters = new Counters()
  const trace = { record: () => undefined }
  const lies = new PeerLies({
    self: SELF,
    replica: Object.assign(replica, { drawNewStart }),
    counters,
    trace,
  })
  return { lies, counters, replica }
}

t.test('in one start a member never has an earlier round than it told before', async (t) => {
  const { lies, counters } = bench()
  const say = (start: typeof NOW, round: number) =>
    lies.inRound(OTHER, lies.toldBy(OTHER), { start, round })?.code
  const asked = lies.toldBy(OTHER)
  t.equal(say(NOW, 5), undefined)
  const overtaken = lies.inRound(OTHER, asked, { start: NOW, round: 4 })
  t.equal(overtaken, undefined, 'an answer that a later one has overtaken')
  t.match(lies.inRound(OTHER, lies.toldBy(OTHER), { start: NOW, round: 4 }), {
    code: 'peer-lies',
    certainty: 'refused',
  })
  t.equal(say(NOW, 5), undefined, 'the same')
  t.equal(say(NEXT, 0), undefined, 'it has restarted, and its disk was set back')
  t.equal(say(NEXT, 1), undefined)
  t.equal(say(NEXT, 0), 'peer-lies')
  t.equal(counters.peerLies, 2)
})

t.test('no floor and no object knows a dot that this start has not given', async (t) => {
  const { lies, replica } = bench()
  const floor = (start: typeof NOW, counter: number) =>
    lies.inFloor(OTHER, new Map([[start, counter]]))?.code
  t.equal(floor(NOW, 9), undefined)
  t.equal(floor(EARLIER, 99), undefined, 'a crash may have lost what an earlier start gave')
  t.equal(floor(NOW, ENDED), undefined, 'a start that is drawn while a round opens')
  t.equal(floor(NOW, 10), 'peer-lies')
  const context = (node: typeof SELF, start: typeof NOW, last: number) => {
    const range = { node, start, opened: 1, first: 1, last }
    return lies.inObject(OTHER, { context: Context.of([range]), siblings: [] })?.code
  }
  t.equal(context(SELF, NOW, 9), undefined)
  t.equal(context(OTHER, NOW, 99), undefined)
  t.equal(context(SELF, EARLIER, 99), undefined)
  t.equal(context(SELF, NOW, 10), 'peer-lies')
  t.same(replica.drawn, ['spent', 'spent'], 'no such dot is given now')
})

/** The object, as if the coordinator had written a thousand times since. */
function forged(object: VersionedObject): Uint8Array {
  const ranges = object.context.ranges.map((range) => ({ ...range, last: range.last + 1_000 }))
  return encodeObject({ ...object, context: Context.of(ranges) }) as Uint8Array
}

t.test('a connection ends whose member sends a write or a floor that lies', async (t) => {
  const scene = await RoundsScene.open({ roundMs: 60_000 })
  const session = await scene.session(1)
  await scene.putAll(session, ['k'])
  const { object } = await scene.copyAt(1, 'k')
  const decoded = decodeObject(object) as VersionedObject
  // Kept open by the test: two of the members, and the questions so far.
  const connections = scene.figure(1, 'peer_connections')
  const honest = await scene.send(1, 'k', object)
  t.equal(verdictOf(honest), 'ok')
  t.equal(scene.figure(1, 'peer_connections'), connections + 1)
  t.equal(verdictOf(await scene.send(1, 'k', forged(decoded))), 'peer-lies refused')
  await scene.world.run(1_000)
  t.equal(scene.figure(1, 'peer_connections'), connections + 1, 'the connection has ended')
  t.equal(scene.figure(1, 'peer_lies_total'), 1)
  t.equal(scene.world.trace.count('peer-lies'), 1)
  t.same((await scene.copyAt(1, 'k')).object, object, 'nothing of it was taken')

  const { start } = replyOf(await scene.call(1, 'peerRounds', { known: 0, withClosing: false }))
  const made = { ...NO_ROUND, number: 1, floor: new Map([[start, 1_000]]) }
  const close = { number: 1, step: RoundStep.close, floor: made }
  const rest = { forgotten: new Set<never>(), starts: new Map<never, never>() }
  const answer = await scene.call(1, 'peerStepRound', { ...close, ...rest })
  t.equal(verdictOf(answer), 'peer-lies refused')
  t.equal(scene.figure(1, 'peer_lies_total'), 2)
})

t.test('an object that lies is neither read nor taken by an exchange', async (t) => {
  for (const isRead of [true, false]) {
    const scene = await RoundsScene.open({ roundMs: 60_000 })
    const session = await scene.session(1)
    await scene.putAll(session, ['k'])
    const { object } = await scene.copyAt(1, 'k')
    const lying = forged(decodeObject(object) as VersionedObject)
    t.equal(verdictOf(await scene.send(2, 'other', lying)), 'ok', 'it is no dot of that one')
    const { trace } = scene.world
    const ended: unknown[] = []
    trace.watch('peer-away', ({ name, reason }, node) => ended.push([node, name, reason]))
    if (isRead) {
      const read = replyOf(await session.get('other', 2))
      t.equal(read.siblings.length, 0)
    }
    t.ok(await scene.world.runUntil(() => trace.count('peer-lies') > 0, 10_000))
    t.equal((await scene.copyAt(1, 'other')).isFound, false)
    t.equal(scene.figure(1, 'peer_lies_total'), 1)
    t.same(ended, [[1, 'n2', 'peer-lies']], 'the connection has ended')
  }
})
