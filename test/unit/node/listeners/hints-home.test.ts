/** Hints that members bring: each is judged alone, and the answer waits for the disk. */
import t from 'tap'
import { OperatingError } from '../../../../src/base/errors.ts'
import type { CopyId } from '../../../../src/dynamo/names.ts'
import { Context } from '../../../../src/dynamo/version/context.ts'
import { decodeObject, encodeObject } from '../../../../src/dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../../../src/dynamo/version/object.ts'
import { HintsHome } from '../../../../src/node/replica/hints-home.ts'
import type { Replica } from '../../../../src/node/replica/replica.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { BUCKET_ID } from '../../../../src/store/conformance/subject.ts'
import { dot, object, range, sibling } from '../../dynamo/version/samples.ts'
import { RoundsScene } from '../background/rounds-scene.ts'
import { nameOf, replyOf, verdictOf } from '../scene.ts'

const OBJECT = encodeObject(object([range(1, 1, 1)], sibling('x', dot(1, 1)))) as Uint8Array
const GARBLED = new Uint8Array(20)
/** More than are merged in one turn of the event loop. */
const MANY = 100
/** Of the disk: a sync takes longer than an answer. */
const SLOW_FACTOR = 40

t.test('a garbled object costs its own hint alone', async (t) => {
  const scene = await RoundsScene.open()
  const before = scene.figure(1, 'hints_received_total')
  const objects = { first: OBJECT, second: GARBLED, third: OBJECT }
  t.strictSame(replyOf(await scene.bringHome(1, objects)), {
    refusals: [undefined, 'message-garbled', undefined],
  })
  t.equal((await scene.copyAt(1, 'first')).isFound, true)
  t.equal((await scene.copyAt(1, 'second')).isFound, false)
  t.equal((await scene.copyAt(1, 'third')).isFound, true)
  t.equal(scene.figure(1, 'hints_received_total'), before + 3)
})

t.test('all of a long message is durable when it is answered', async (t) => {
  const scene = await RoundsScene.open()
  const keys = Array.from({ length: MANY }, (_, i) => `key-${i}`)
  const objects = Object.fromEntries(keys.map((key) => [key, OBJECT]))
  scene.world.disk(1).slow(SLOW_FACTOR)
  const { refusals } = replyOf(await scene.bringHome(1, objects))
  t.strictSame(
    refusals,
    keys.map(() => undefined),
  )
  scene.cluster.crash(1)
  scene.world.disk(1).slow(1)
  await scene.run(scene.cluster.start(1))
  for (const key of keys) t.ok((await scene.copyAt(1, key)).isFound, key)
})

t.test('one wait for the disk is for all, up to the last append', async (t) => {
  for (const failure of [undefined, new OperatingError('disk-failed', 'it takes nothing')]) {
    const waited: number[] = []
    const merge = (copy: CopyId): number => (copy.name.key.length === 1 ? 7 : 5)
    const whenSynced: Replica['whenSynced'] = (sequence, done) => {
      waited.push(sequence)
      done(failure)
    }
    const home = new HintsHome({ merge, whenSynced }, new SimWorld({ seed: 1 }).start(1).clock)
    const hints = ['a', 'bb'].map((key) => {
      return { name: nameOf(key), bucketId: BUCKET_ID, object: OBJECT }
    })
    const told: unknown[] = []
    home.take({ hints, deadline: Number.POSITIVE_INFINITY }, (result) => told.push(result))
    t.strictSame(waited, [7])
    t.strictSame(told, [failure ?? [undefined, undefined]])
  }
})

t.test('a lie in one of the hints ends the connection of their sender', async (t) => {
  const scene = await RoundsScene.open({ roundMs: 60_000 })
  const session = await scene.session(1)
  await scene.putAll(session, ['k'])
  const told = (await scene.copyAt(1, 'k')).object
  const { context, ...rest } = decodeObject(told) as VersionedObject
  const ranges = context.ranges.map((one) => ({ ...one, last: one.last + 1_000 }))
  const lying = encodeObject({ ...rest, context: Context.of(ranges) }) as Uint8Array
  const objects = { a: OBJECT, k: lying, z: OBJECT }
  t.equal(verdictOf(await scene.bringHome(1, objects)), 'peer-lies refused')
  t.equal(scene.figure(1, 'peer_lies_total'), 1)
  t.equal((await scene.copyAt(1, 'z')).isFound, false, 'nothing is taken from it any more')
  t.same((await scene.copyAt(1, 'k')).object, told)
})
