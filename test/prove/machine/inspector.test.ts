/** When the copies of a key count as equal after a chaos. */
import t from 'tap'
import { u64 } from '../../../src/base/u64.ts'
import { encodeObject, objectDigest } from '../../../src/dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../../src/dynamo/version/object.ts'
import type { Digest } from '../../../src/native/digest.ts'
import type { PeerReadReply } from '../../../src/wire/message/peer.ts'
import { dot, object, range, sibling } from '../../unit/dynamo/version/samples.ts'
import { areEqual } from './inspector.ts'

const DIGEST_KEY = new Uint8Array(16)

t.test('copies are equal by their siblings, whatever they know of other writes', async (t) => {
  const last = sibling('last', dot(1, 5))
  const whole = copyOf(object([range(1, 1, 5)], last))
  const pointwise = copyOf(object([range(1, 1, 1), range(1, 5, 5)], last))
  t.notSame(whole.object, pointwise.object)
  t.ok(areEqual([whole, pointwise, whole]))
  t.notOk(areEqual([whole, copyOf(object([range(1, 1, 4)], sibling('first', dot(1, 4))))]))
  const nothing = { isFound: false, digest: u64<Digest>(0, 0), object: new Uint8Array(0) }
  t.notOk(areEqual([whole, nothing]))
  t.ok(areEqual([nothing, nothing]))
})

function copyOf(held: VersionedObject): PeerReadReply {
  const bytes = encodeObject(held) as Uint8Array
  return { isFound: true, digest: objectDigest(DIGEST_KEY, bytes), object: bytes }
}
