/** Objects: request ids, equality, the order of siblings, their size. */
import t from 'tap'
import { compareSiblings, valueBytes } from '../../../../src/dynamo/version/object.ts'
import {
  requestIdBytes,
  requestIdOf,
  requestLabel,
} from '../../../../src/dynamo/version/request-id.ts'
import { dot, sibling } from './samples.ts'

t.test(
  'a request id comes back from its bytes, whatever they are, and prints in hex',
  async (t) => {
    const bytes = Uint8Array.from({ length: 16 }, (_, i) => i * 17)
    t.same(requestIdBytes(requestIdOf(bytes)), bytes)
    t.equal(requestIdOf(bytes).length, 16)
    t.equal(requestLabel(requestIdOf(bytes)), '00112233445566778899aabbccddeeff')
  },
)

t.test('siblings sort by dot, then request, then value, a tombstone first', async (t) => {
  const gone = { ...sibling('x', dot(1, 2)), value: undefined }
  const sorted = [
    sibling('z', dot(1, 1)),
    sibling('a', dot(1, 2)),
    gone,
    { ...sibling('x', dot(1, 2)), value: Uint8Array.of(1) },
    { ...sibling('x', dot(1, 2)), value: Uint8Array.of(1, 0) },
  ]
  t.same([...sorted].reverse().sort(compareSiblings), sorted)
})

t.test('the size of an object counts values, and tombstones as nothing', async (t) => {
  const gone = { ...sibling('x', dot(1, 2)), value: undefined }
  t.equal(valueBytes([sibling('four', dot(1, 1)), gone, sibling('six', dot(1, 3))]), 7)
})
