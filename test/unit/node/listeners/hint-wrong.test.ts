/** Hints that a peer may not leave here: for no member, and for the receiver itself. */
import t from 'tap'
import { type NodeId, nodeId, OWN } from '../../../../src/dynamo/names.ts'
import { encodeObject } from '../../../../src/dynamo/version/object-bytes.ts'
import { BUCKET_ID } from '../../../../src/store/conformance/subject.ts'
import { nameOf, Scene, verdictOf } from '../scene.ts'
import { object, range, sibling, dot } from '../../dynamo/version/samples.ts'

const OBJECT = encodeObject(object([range(1, 1, 1)], sibling('x', dot(1, 1)))) as Uint8Array

t.test('a hint for no member or for its receiver is hint-wrong, and leaves nothing', async (t) => {
  const scene = await Scene.open({ nodes: 4 })
  const [here, other] = scene.cluster.machines as [number, number]
  const ring = scene.cluster.digestFor(nameOf('k'), BUCKET_ID.n)
  const write = async (place: NodeId): Promise<string> =>
    verdictOf(
      await scene.run(
        scene.asPeer(here, 'peerWrite', {
          name: nameOf('k'),
          bucketId: BUCKET_ID,
          ring,
          object: OBJECT,
          deadlineMs: 1_000,
          place,
        }),
      ),
    )
  t.equal((await write(nodeId('f'.repeat(16)))).split(' ')[0], 'hint-wrong')
  t.equal(await write(scene.cluster.memberOf(here)), 'hint-wrong refused')
  t.same(scene.cluster.node(here)?.hints, [])
  t.equal(await write(scene.cluster.memberOf(other)), 'ok')
  t.equal(await write(OWN), 'ok')
})
