/** Requests of members that know other owners: refused, whatever they ask. */
import t from 'tap'
import { u64 } from '../../../../src/base/u64.ts'
import { OWN } from '../../../../src/dynamo/names.ts'
import { TREE_LEAF_BITS } from '../../../../src/dynamo/repair/branches.ts'
import type { RingDigest } from '../../../../src/dynamo/ring/ring.ts'
import { encodeObject } from '../../../../src/dynamo/version/object-bytes.ts'
import { BUCKET_ID } from '../../../../src/store/conformance/subject.ts'
import type { AttemptId } from '../../../../src/wire/message/peer.ts'
import { MoveStep } from '../../../../src/wire/message/peer.ts'
import { dot, object, range, sibling } from '../../dynamo/version/samples.ts'
import { nameOf, Scene, verdictOf } from '../scene.ts'

const OBJECT = encodeObject(object([range(1, 1, 1)], sibling('x', dot(1, 1)))) as Uint8Array
const NAME = nameOf('k')

t.test('a member that names another stage is neither answered nor acknowledged', async (t) => {
  const scene = await Scene.open()
  const { digest } = scene.cluster
  const other = { ring: u64<RingDigest>(digest.hi ^ 1, digest.lo), deadlineMs: 1_000 }
  const key = { ...other, name: NAME, bucketId: BUCKET_ID }
  const sums = [{ branch: 0, sum: u64(0, 0) }]
  const move = { step: MoveStep.take, n: 3, partitions: [0], attempt: u64<AttemptId>(0, 1) }
  const asked = [
    scene.asPeer(1, 'peerRead', { ...key, hints: false, digestOnly: false }),
    scene.asPeer(1, 'peerWrite', { ...key, place: OWN, object: OBJECT }),
    scene.asPeer(1, 'peerHints', {
      ...other,
      hints: [{ name: NAME, bucketId: BUCKET_ID, object: OBJECT }],
    }),
    scene.asPeer(1, 'peerTree', { ...other, leafBits: TREE_LEAF_BITS, n: 3, bits: 4, sums }),
    scene.asPeer(1, 'peerMove', { ...other, ...move }),
  ]
  for (const answer of asked) t.equal(verdictOf(await scene.run(answer)), 'ring-differs refused')
})
